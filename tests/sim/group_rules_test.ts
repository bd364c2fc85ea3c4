/**
 * Rules that matter only after a chain of crashes that hardly any random run contains (docs/model has found them),
 * played step by step. Without the rule, something shown is lost, or histories fork.
 */

import { assert } from "@std/assert";
import { amount } from "../given.ts";
import { type Mutation, MUTATIONS } from "./group/mutations.ts";
import { Stage } from "./group/stage.ts";
import { Violation } from "./group/violation.ts";

const SEEDS = [1, 2, 3, 4, 5].slice(0, amount(2, 5));
/** The time until an absent coordinator is noticed, and a round has begun. */
const ROUND_MS = 8_000;

/** @returns The violation that ended a run; null where every promise held. */
function failureOf(
  seed: number,
  mutations: readonly Mutation[],
  play: (stage: Stage) => void,
): Violation | null {
  const undo = mutations.map(({ install }) => install!());
  try {
    const stage = Stage.of(seed, 3, 2);
    play(stage);
    stage.unite();
    return null;
  } catch (error) {
    if (error instanceof Violation) return error;
    throw error;
  } finally {
    for (const each of undo) each();
  }
}

/** @param mutations Together they break the group; without the last one they don't. */
function rule(name: string, mutations: readonly Mutation[], play: (stage: Stage) => void): void {
  Deno.test(name, () => {
    for (const seed of SEEDS) {
      for (const fine of [[], mutations.slice(0, -1)]) {
        const failure = failureOf(seed, fine, play);
        if (failure !== null) throw new Error(`seed ${seed}`, { cause: failure });
      }
    }
    const found = SEEDS.flatMap((seed) => failureOf(seed, mutations, play)?.message ?? []);
    assert(found.some((message) => /^(G1|G2)|shows entry/.test(message)), `found: ${found}`);
  });
}

/** One more member joins. */
function letIn(stage: Stage, number: number): void {
  stage.start(number);
  stage.until("it is in", () => stage.epoch(number) !== null);
}

/** Time passes; if the member is in an epoch by then, with whatever history, its user sends a message. */
function goesOnWith(stage: Stage, number: number): void {
  stage.pass(2 * ROUND_MS);
  if (stage.epoch(number) === null) return;
  stage.say(number);
  stage.pass(1_000);
}

rule(
  "what was levelled for a view that hasn't begun counts more than what had begun before",
  [MUTATIONS.reportsBegunAlone],
  (stage) => {
    // Member 2 never gets this message of member 1, and is killed.
    stage.cut("udp", [1, 2]);
    const text = stage.say(1);
    stage.pass(50);
    stage.kill(2);
    // A view with member 3 begins for member 1 alone, which shows the message and is killed.
    stage.at("C", "send begin", "", () => stage.start(3), () => stage.cut("udp", [1, 2], [1, 3]));
    stage.killAt(1, "show", () => {}, { having: text });
    stage.cut("udp");
    stage.start(2);
    goesOnWith(stage, 2);
  },
);

rule(
  "a view begins when all have what it begins with",
  [MUTATIONS.firstReadyIsEnough],
  (stage) => {
    // Member 2 never gets this message of member 1, not even after its restart.
    stage.cut("udp", [1, 2]);
    const text = stage.say(1);
    stage.pass(50);
    stage.kill(2);
    stage.killAt(1, "show", () => stage.start(2), { having: text });
    stage.cut("udp");
    goesOnWith(stage, 2);
  },
);

rule(
  "what is held is replaced when all that takes its place is there",
  [MUTATIONS.dropsHeldFirst],
  (stage) => {
    letIn(stage, 3);
    // All hold the message, but only member 3 knows that.
    const { channels } = stage.world;
    channels.setCuts((from, to) => from === 3 || (from === 2 && to === 1));
    const text = stage.say(1);
    stage.until("the third shows it", () => stage.hasShown(3, text));
    stage.cut("udp", [1, 2], [1, 3], [2, 3]);
    stage.say(1);
    stage.pass(50);
    // Member 1 is levelled for a view that is never decided.
    stage.kill(2);
    stage.kill(3);
    stage.at(1, "send ready", "", () => {}, () => stage.kill("C"));
    stage.cut("udp");
    // Member 2 is about to fetch the history of member 1, when that is killed.
    stage.startCoordinator();
    stage.at(2, "tell fetch", "", () => stage.start(2), () => stage.kill(1));
    goesOnWith(stage, 2);
  },
);

rule(
  "a view begins for members of the one before first",
  [MUTATIONS.needsNobodyOlder, MUTATIONS.newcomersFirst],
  (stage) => {
    stage.at("C", "send begin", "", () => stage.start(3), () => {
      stage.cut("udp", [1, 3], [2, 3]);
      stage.kill("C", { power: true });
    });
    stage.pass(ROUND_MS);
    stage.say(1);
    stage.pass(500);
    stage.kill(1);
    stage.kill(2);
    stage.cut("udp");
    stage.startCoordinator();
    goesOnWith(stage, 3);
  },
);

rule(
  "who promised to leave takes part in no round",
  [MUTATIONS.needsNobodyOlder, MUTATIONS.leaversStay],
  (stage) => {
    stage.cut("tcp", [0, 2]);
    stage.killAt("C", "disk decided", () => stage.quit(1), { having: '"members":[]' });
    stage.until("who leaves is gone", () => stage.member(1).process === null);
    stage.start(1);
    stage.pass(2 * ROUND_MS);
    stage.say(2);
    stage.pass(500);
    stage.kill(1);
    stage.kill(2);
    stage.startCoordinator();
    stage.start(3);
    goesOnWith(stage, 3);
  },
);

rule(
  "a view that began elsewhere isn't followed after more was promised to the coordinator",
  [MUTATIONS.needsNobodyOlder, MUTATIONS.followsAlways],
  (stage) => {
    letIn(stage, 3);
    // A view without member 1 begins for member 2 alone.
    stage.cut("tcp", [0, 1]);
    stage.at("C", "send begin", "", () => {}, () => {
      stage.cut("udp", [1, 3], [2, 3]);
      stage.kill("C", { power: true });
    });
    stage.until("the second one has begun it", () => !stage.membersSeenBy(2).includes("m1"));
    // The next view, without member 2, begins for member 1 alone.
    stage.cut("tcp", [0, 2]);
    stage.cut("udp", [1, 2], [2, 3]);
    stage.startCoordinator();
    stage.at("C", "send begin", "", () => {}, () => stage.cut("tcp", [0, 2], [0, 3]));
    stage.cut("udp", [1, 2], [1, 3]);
    stage.kill("C", { power: true });
    stage.until("the first one has begun it", () => stage.epoch(1) === `${stage.view}`);
    // Member 3 learns of the view that began for member 2.
    stage.pass(2 * ROUND_MS);
    stage.say(2);
    stage.pass(500);
    stage.kill(2);
    stage.kill(3);
    stage.cut("udp");
    stage.cut("tcp");
    stage.startCoordinator();
    goesOnWith(stage, 1);
  },
);
