// Snapshots under load and during faults: each cut is consistent by the content of its file, and by what really
// happened (group/checkers/consistent_cuts.ts).

import { hunt } from "./hunt.ts";
import { assert, assertEquals } from "@std/assert";
import { amount } from "../given.ts";
import { allCheckers } from "./group/checkers/all.ts";
import { ConsistentCuts } from "./group/checkers/consistent_cuts.ts";
import type { Mutation } from "./group/mutations.ts";
import { type GroupRun, runGroup } from "./group/run.ts";
import type { Scenario } from "./group/scenario.ts";
import { SNAPSHOT_MUTATIONS } from "./group/snapshot_mutations.ts";
import { Stage } from "./group/stage.ts";
import { Violation } from "./group/violation.ts";

/** Everybody talks without a pause, and there is no trouble. */
const FULL_LOAD: Partial<Scenario> = {
  troubles: new Set(),
  snapshotEveryMs: 100,
  gapMs: 5,
  longTextChance: 0,
  delayMs: 5,
  jitterMs: 3,
  lateChance: 0.02,
  bytesPerMs: Infinity,
};
const SNAPSHOTS = amount(20, 100);

function run(given: GroupRun): ConsistentCuts {
  const cuts = new ConsistentCuts();
  const checkers = () => [
    ...allCheckers().filter((checker) => !(checker instanceof ConsistentCuts)),
    cuts,
  ];
  try {
    runGroup({ ...given, checkers });
  } catch (error) {
    throw new Error(`seed ${given.seed}`, { cause: error });
  }
  return cuts;
}

Deno.test(`group: ${SNAPSHOTS} snapshots under full load are consistent cuts`, () => {
  let count = 0;
  let flying = 0;
  for (let seed = 1; count < SNAPSHOTS; seed++) {
    const members = 2 + seed % 5;
    const scenario = { ...FULL_LOAD, founders: members };
    const cuts = run({ seed, steps: 800, members, scenario });
    count += cuts.count;
    flying += cuts.flying;
  }
  assert(flying > count / 8, `of ${count} cuts ${flying} had a text under way`);
});

Deno.test("group: snapshots amid views that change, crashes and cut networks are consistent cuts", () => {
  let count = 0;
  for (let seed = 1; seed <= amount(4, 12); seed++) {
    count += run({ seed, steps: 60, scenario: { snapshotEveryMs: 100 } }).count;
  }
  assert(count > amount(80, 300), `${count} snapshots were taken`);
});

Deno.test("group: snapshots over datagrams of which a fifth is lost are consistent cuts", () => {
  let count = 0;
  for (let seed = 1; seed <= amount(1, 3); seed++) {
    count += run({ seed, steps: 40, loss: 0.2, scenario: { snapshotEveryMs: 100 } }).count;
  }
  assert(count > amount(20, 100), `${count} snapshots were taken`);
});

function failureOf(seed: number, mutation: Mutation | null): Error | null {
  const members = 2 + seed % 5;
  const scenario = { ...FULL_LOAD, founders: members };
  try {
    runGroup({
      seed,
      steps: 200,
      members,
      scenario,
      ...(mutation === null ? {} : { mutation }),
    });
    return null;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

for (const mutation of Object.values(SNAPSHOT_MUTATIONS)) {
  hunt({
    title: `the simulation finds a group that ${mutation.name}`,
    seedsMax: 30,
    finds(seed) {
      const failure = failureOf(seed, mutation);
      if (failure === null) return false;
      assert(failure instanceof Violation, failure.stack);
      assert(failure.message.startsWith("Cut:"), failure.message);
      assertEquals(failureOf(seed, null), null);
      return true;
    },
  });
}

// One fault in the middle of one snapshot.

function ask(stage: Stage): void {
  stage.world.coordinator.process!.command({ command: "snapshot" });
}

/** For each answer to the operator: its error code, or whether the snapshot is consistent, and its members. */
function shown(stage: Stage): readonly string[] {
  return stage.world.answers.map((answer) =>
    answer.event === "error"
      ? answer.code
      : `${answer.consistent} ${answer.members.map(({ name }) => name).join(" ")}`
  );
}

function untilAnswered(stage: Stage, count: number): void {
  stage.until(`${count} answers are there`, () => stage.world.answers.length === count);
}

Deno.test("a snapshot in which a member is killed is taken again in the next view", () => {
  for (const kind of ["tell marker", "send marker", "send recorded"]) {
    const stage = Stage.of(1, 3, 3);

    stage.killAt(2, kind, () => ask(stage));
    untilAnswered(stage, 1);

    // If member 2 is killed after sending its record, it may belong to the cut.
    const names = kind === "send recorded" ? /^true m1( m2)? m3 \*/ : /^true m1 m3 \*/;
    assert(names.test(shown(stage)[0]!), `${kind}: ${shown(stage)}`);
    stage.start(2);
    stage.unite();
  }
});

Deno.test("a snapshot that meets a newcomer is taken again in the view with it", () => {
  const stage = Stage.of(1, 3, 2);
  stage.start(3);
  let asked = false;

  stage.at("C", "send flush", "", () => {}, () => {
    asked = true;
    ask(stage);
  });
  untilAnswered(stage, 1);

  assert(asked);
  assertEquals(shown(stage), ["true m1 m2 m3 *coordinator*"]);
});

Deno.test("a view that changes in the middle of a snapshot ends that try, and another one is made", () => {
  const stage = Stage.of(1, 3, 2);

  // Members 1 and 2 exchange nothing until the newcomer's view is about to begin.
  stage.cut("udp", [1, 2]);
  ask(stage);
  stage.pass(500);
  stage.cut("udp");
  stage.start(3);
  untilAnswered(stage, 1);

  assert(/^true m1 m2/.test(shown(stage)[0]!), shown(stage)[0]);
});

Deno.test("a snapshot waits for a member that stands still for a moment", () => {
  const stage = Stage.of(1, 2, 2);

  stage.world.freeze(stage.member(2).process!, 1_000);
  ask(stage);
  stage.pass(900);
  assertEquals(shown(stage), []);
  untilAnswered(stage, 1);

  assertEquals(shown(stage), ["true m1 m2 *coordinator*"]);
});

Deno.test("a coordinator killed in the middle of a snapshot leaves nothing behind", () => {
  const stage = Stage.of(1, 3, 3);

  stage.killAt("C", "send marker", () => ask(stage));
  stage.pass(100);
  stage.startCoordinator();
  stage.unite();
  ask(stage);
  untilAnswered(stage, 1);

  assertEquals(shown(stage), ["true m1 m2 m3 *coordinator*"]);
});

Deno.test("who asks while a snapshot is taken gets the next one, with all who ask meanwhile", () => {
  const stage = Stage.of(1, 2, 2);

  ask(stage);
  stage.pass(3);
  ask(stage);
  ask(stage);
  untilAnswered(stage, 3);

  const ids = stage.world.answers.map((answer) => answer.event === "snapshot" ? answer.id : "");
  assertEquals(new Set(ids).size, 2);
  assertEquals(ids[1], ids[2]);
});

Deno.test("a snapshot of an empty group has the coordinator alone", () => {
  const stage = new Stage(1, 1);
  stage.startCoordinator();

  ask(stage);
  untilAnswered(stage, 1);

  assertEquals(shown(stage), ["true *coordinator*"]);
});

Deno.test("a group that can't begin a view gives its operator a timeout", () => {
  const stage = Stage.of(1, 2, 2);
  stage.kill(1);
  stage.kill(2);
  stage.kill("C");
  stage.startCoordinator();

  ask(stage);
  untilAnswered(stage, 1);

  assertEquals(shown(stage), ["timeout"]);
});

Deno.test("a disk that refuses a snapshot is told, and nothing else is lost", () => {
  const stage = Stage.of(1, 2, 2);
  stage.world.coordinator.disk.refuses = true;

  ask(stage);
  untilAnswered(stage, 1);
  stage.world.coordinator.disk.refuses = false;
  ask(stage);
  untilAnswered(stage, 2);

  assertEquals(shown(stage), ["disk", "true m1 m2 *coordinator*"]);
});
