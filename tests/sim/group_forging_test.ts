/**
 * Only the coordinator decides edits, as E1 requires: an edit that a member has decided while it was alone gets into
 * no other log; one that the coordinator has decided under a former key gets into all.
 */

import { assert, assertEquals } from "@std/assert";
import { changeKey, forge } from "./group/forging.ts";
import { type Mutation, replaced } from "./group/mutations.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import { OwnKeys } from "../../lib/protocols/group/identity/own_keys.ts";
import { Recount } from "../../lib/protocols/group/recovery/recount.ts";
import { Promises } from "../../lib/protocols/group/log/promises.ts";
import { Stage } from "./group/stage.ts";
import { Violation } from "./group/violation.ts";

const SEEDS = [1, 2, 3];
const LONG_MS = 20_000;
const FORGED = "I owe m1 5000";

const BELIEVES_ANYONE = {
  member: {
    name: "takes over edits that anybody has decided",
    install: replaced(Promises.prototype, "mayDecide", { value: () => true }),
  },
  coordinator: {
    name: "has a coordinator that keeps edits that anybody has decided",
    install: replaced(OwnKeys.prototype, "mayDecide", { value: () => true }),
  },
} as const satisfies Record<string, Mutation>;

const BELIEVES_PRESENT: Mutation = {
  name: "takes over edits that were decided under the coordinator's present key alone",
  install: replaced(Promises.prototype, "mayDecide", {
    value(this: Promises, key: PeerKey) {
      return key === this.coordinator;
    },
  }),
};
const FORGETS_FORMER: Mutation = {
  name: "has a coordinator without its disk that doesn't hear which keys it had",
  install: replaced(Recount.prototype, "former", { get: () => [] }),
};
type Scene = (stage: Stage) => void;

/** @returns The violation that ended a run; null where every promise held. */
function failureOf(seed: number, play: Scene, mutation: Mutation | null = null): string | null {
  const undo = mutation?.install?.() ?? (() => {});
  try {
    play(Stage.of(seed, 4, 1));
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  } finally {
    undo();
  }
}

const COMING: readonly (readonly [how: string, bug: Mutation, play: Scene])[] = [
  ["catches up", BELIEVES_ANYONE.member, (stage) => {
    forge(stage, 1, 1, FORGED);
    stage.start(2);
    stage.pass(LONG_MS);
    assert(stage.member(2).disk.log !== null);
  }],
  ["comes back", BELIEVES_ANYONE.member, (stage) => {
    stage.start(2);
    stage.until("it is in", () => stage.epoch(2) !== null);
    stage.kill(2);
    stage.until("it is out", () => stage.membersSeenBy(1).length === 1);
    forge(stage, 1, 1, FORGED);
    stage.start(2);
    stage.pass(LONG_MS);
  }],
  ["keeps the log while nobody is there", BELIEVES_ANYONE.coordinator, (stage) => {
    forge(stage, 1, 1, FORGED);
    stage.until("it is in again", () => stage.epoch(1) !== null);
    stage.quit(1);
    stage.pass(LONG_MS);
  }],
];

for (const [how, bug, play] of COMING) {
  Deno.test(`who ${how} takes over no edit that a member has decided`, () => {
    for (const seed of SEEDS) {
      assertEquals(failureOf(seed, play), null, `seed ${seed}`);
      const found = failureOf(seed, play, bug) ?? "";
      assert(/^E1: .*is committed and nobody asked/.test(found), `seed ${seed}: ${found}`);
    }
  });
}

/** An edit is decided; after the coordinator's key has changed, it must be in all logs or in none. */
function editedBefore(stage: Stage, play: () => void): void {
  const asked = stage.edit(1, 1);
  play();
  changeKey(stage);
  stage.until("it is in the log", () => asked.isPlaced);
  stage.start(2);
  stage.unite();
  stage.say(2);
  stage.quit(1);
  stage.until("the first one is gone", () => stage.member(1).process === null);
  stage.quit(2);
  stage.until("all are gone", () => stage.member(2).process === null);
  stage.start(3);
  stage.unite();
}

const BEFORE: readonly (readonly [when: string, bug: Mutation, play: Scene])[] = [
  ["long before", BELIEVES_PRESENT, (stage) => editedBefore(stage, () => stage.pass(1_000))],
  ["and nobody has heard of it yet", BELIEVES_PRESENT, (stage) => {
    const play = () => stage.killAt("C", "disk committed", () => {}, { afterMs: 1 });
    editedBefore(stage, play);
  }],
  // The record of the founding names the first key; that of the edit is neither the first nor the present one.
  ["and the coordinator loses its disk, too, later", FORGETS_FORMER, (stage) => {
    stage.until("all are in", () => stage.epoch(1) !== null);
    changeKey(stage);
    stage.unite();
    editedBefore(stage, () => stage.pass(1_000));
    const { coordinator } = stage.world;
    stage.kill("C");
    coordinator.hasLostDisk = true;
    coordinator.disk.wipe();
    stage.startCoordinator();
    stage.unite();
    stage.start(4);
    stage.unite();
  }],
];

for (const [when, bug, play] of BEFORE) {
  Deno.test(`what was decided under a former key is taken over: ${when}`, () => {
    for (const seed of SEEDS) {
      assertEquals(failureOf(seed, play), null, `seed ${seed}`);
    }
    assert(SEEDS.every((seed) => failureOf(seed, play, bug) !== null), "the bug is found");
  });
}
