/**
 * Each row of the tables in docs/group-crashes.md: a program of a group is killed right after the effect named in
 * the row, and what the row says must happen. All promises are checked throughout, and in the end all are one group.
 */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { amount } from "../given.ts";
import { FAIL_AFTER_MS, HEARD_MS, Stage } from "./group/stage.ts";

const SEEDS = [1, 2, 3].slice(0, amount(1, 3));
/** The time to notice a lost link or an unanswered dial, and for a round. */
const DOWN_MS_MAX = 8_000;

/** @param play Starts with an empty stage of a few members; afterwards everybody is brought back. */
function row(
  killedAfter: string,
  play: (stage: (members: number, founders: number) => Stage) => void,
) {
  Deno.test(`crash after ${killedAfter}`, () => {
    for (const seed of SEEDS) {
      let stage: Stage | null = null;
      try {
        play((members, founders) => stage = Stage.of(seed, members, founders));
        stage!.unite();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
}

/** Chat goes on among these members: a message of the first is shown to all of them in time. */
function goesOn(stage: Stage, members: readonly number[], withinMs: number): void {
  const text = stage.say(members[0]!);
  stage.pass(withinMs);
  for (const member of members) assert(stage.hasShown(member, text), `m${member} lacks ${text}`);
}

/** A message of the first member is shown to nobody within this time. */
function standsStill(stage: Stage, members: readonly number[], forMs: number): void {
  const text = stage.say(members[0]!);
  stage.pass(forMs);
  for (const member of members) assert(!stage.hasShown(member, text), `m${member} shows ${text}`);
}

/** The coordinator restarts and decides a later view; the one that it was about to decide never begins. */
function decidesAnew(stage: Stage, given: number, members: readonly string[]): void {
  stage.startCoordinator();
  stage.until(
    "a view of them all begins",
    () => stage.view > given && stage.membersSeenBy(1).length === members.length,
  );
  assertEquals(stage.membersSeenBy(1), members);
}

// The coordinator.

row("the coordinator's first start, before `group`", (on) => {
  const stage = on(1, 0);
  stage.startCoordinator();
  stage.kill("C", { power: true });
  const before = stage.hasRecord("C", "group");
  stage.startCoordinator();
  stage.start(1);
  stage.until("it is in", () => stage.epoch(1) !== null);
  const groups = stage.world.coordinator.disk.records.filter(({ kind }) => kind === "group");
  assertEquals(groups.length, 1, before ? "the same" : "another one");
});

row("`group`", (on) => {
  const stage = on(1, 0);
  stage.killAt("C", "disk group", () => stage.startCoordinator());
  const groups = () => stage.world.coordinator.disk.records.filter(({ kind }) => kind === "group");
  const before = groups();
  assertEquals(before.length, 1);
  stage.startCoordinator();
  stage.start(1);
  stage.until("it is in", () => stage.epoch(1) !== null);
  assertEquals(groups(), before);
});

row("`welcome` to a newcomer", (on) => {
  const stage = on(2, 1);
  stage.killAt("C", "send welcome", () => stage.start(2));
  goesOn(stage, [1], 100);
  stage.startCoordinator();
  stage.until("the newcomer is in", () => stage.epoch(2) !== null);
});

row("disk `number n`", (on) => {
  const stage = on(3, 2);
  const { view } = stage;
  stage.killAt("C", "disk number", () => stage.start(3));
  assertEquals([stage.promised(1), stage.promised(2)], [`${view}`, `${view}`]);
  goesOn(stage, [2, 1], 100);
  stage.startCoordinator();
  stage.until("the newcomer is in", () => stage.epoch(3) !== null);
  assert(!stage.decided.includes(view + 1));
});

for (const [what, having] of [["some", ""], ["all", '"isLeaving":false']] as const) {
  row(`\`flush n\` to ${what}`, (on) => {
    const stage = on(3, 2);
    const { view } = stage;
    stage.killAt("C", "send flush", () => stage.start(3), {
      power: true,
      having,
      afterMs: what === "all" ? HEARD_MS : 0,
    });
    goesOn(stage, [2, 1], DOWN_MS_MAX);
    assertEquals([stage.epoch(1), stage.epoch(2)], [`${view + 1}.1`, `${view + 1}.1`]);
    decidesAnew(stage, view + 1, ["m1", "m2", "m3"]);
    assert(!stage.decided.includes(view + 1));
  });
}

row("`flush n` to all, after strangers had named numbers of this group", (on) => {
  const stage = on(3, 2);
  const { view } = stage;
  for (const number of [900_000, 1_800_000, 2_700_000]) stage.strangerPromises(number);
  stage.killAt("C", "send flush", () => stage.start(3), {
    power: true,
    having: '"isLeaving":false',
    afterMs: HEARD_MS,
  });
  goesOn(stage, [2, 1], DOWN_MS_MAX);
  assertEquals(stage.epoch(1), `${view + 1}.1`);
  decidesAnew(stage, view + 1, ["m1", "m2", "m3"]);
});

for (const afterMs of [0, HEARD_MS]) {
  row(`all \`report\`s, ${afterMs === 0 ? "before" : "after"} \`level\``, (on) => {
    const stage = on(3, 2);
    const { view } = stage;
    stage.killAt("C", "send level", () => stage.start(3), { afterMs });
    goesOn(stage, [2, 1], DOWN_MS_MAX);
    assertEquals(stage.epoch(1), `${view + 1}.1`);
    decidesAnew(stage, view + 1, ["m1", "m2", "m3"]);
  });
}

/** The only member quits, the coordinator crashes: a newcomer waits for the member that has the history. */
function waitsForLast(stage: Stage): void {
  stage.until("the last one is gone", () => stage.member(1).process === null);
  stage.startCoordinator();
  stage.start(2);
  stage.until("the newcomer is told", () => stage.awaitedBy(2).length > 0);
  stage.pass(2 * DOWN_MS_MAX);
  assertEquals(stage.awaitedBy(2), ["m1"]);
  assertEquals(stage.epoch(2), null);
  stage.start(1);
  stage.until("both are in", () => stage.epoch(1) !== null && stage.epoch(2) === stage.epoch(1));
}

row("`fetch` to the last one who leaves", (on) => {
  const stage = on(2, 1);
  stage.killAt("C", "send fetch", () => stage.quit(1), { afterMs: HEARD_MS });
  waitsForLast(stage);
});

row("all of the log, before `decided`", (on) => {
  const stage = on(2, 1);
  const { view } = stage;
  stage.killAt("C", "disk log", () => stage.quit(1));
  assertEquals(stage.world.coordinator.disk.log!.end.position, stage.world.history.digests.length);
  assertEquals(stage.view, view);
  waitsForLast(stage);
});

row("disk `decided n`, before any `begin`", (on) => {
  const stage = on(3, 2);
  const { view } = stage;
  stage.killAt("C", "disk decided", () => stage.start(3));
  assertEquals(stage.view, view + 1);
  goesOn(stage, [2, 1], DOWN_MS_MAX);
  assertEquals([stage.epoch(1), stage.epoch(2)], [`${view + 1}.1`, `${view + 1}.1`]);
  assertEquals(stage.membersSeenBy(1), ["m1", "m2"]);
  decidesAnew(stage, view + 1, ["m1", "m2", "m3"]);
});

row("disk `decided n`, before any `begin`, where nobody of n or u comes back", (on) => {
  const stage = on(3, 2);
  stage.killAt("C", "disk decided", () => stage.start(3));
  for (const number of [1, 2, 3]) stage.kill(number);
  stage.startCoordinator();
  stage.start(3);
  stage.until("it is told", () => stage.awaitedBy(3).length > 0);
  stage.pass(2 * DOWN_MS_MAX);
  assertEquals(stage.epoch(3), null);
  stage.start(2);
  stage.until("both are in", () => stage.epoch(3) !== null && stage.epoch(2) === stage.epoch(3));
});

row("`begin n` to some", (on) => {
  const stage = on(3, 2);
  const n = stage.view + 1;
  stage.killAt("C", "send begin", () => stage.start(3), { power: true });
  goesOn(stage, [1, 2, 3], DOWN_MS_MAX);
  assertEquals([1, 2, 3].map((number) => stage.epoch(number)), [`${n}`, `${n}`, `${n}`]);
});

row("`begin n` to all, before `confirmed`", (on) => {
  const stage = on(3, 2);
  const n = stage.view + 1;
  const toNewcomer = { power: true, afterMs: HEARD_MS };
  stage.at("C", "send begin", "", () => stage.start(3), () => {});
  stage.killAt("C", "send begin", () => {}, toNewcomer);
  goesOn(stage, [1, 2, 3], DOWN_MS_MAX);
  stage.startCoordinator();
  stage.pass(4 * DOWN_MS_MAX);
  assertEquals(stage.view, n);
  assertEquals([1, 2, 3].map((number) => stage.promised(number)), [`${n}`, `${n}`, `${n}`]);
  assertEquals(stage.world.coordinator.disk.records.at(-1)?.kind, "confirmed");
});

row("disk `confirmed n`, before `parted`", (on) => {
  const stage = on(3, 3);
  stage.killAt("C", "disk confirmed", () => stage.quit(3));
  stage.until("who left is gone", () => stage.member(3).process === null);
  goesOn(stage, [1, 2], DOWN_MS_MAX);
  stage.startCoordinator();
  stage.start(3);
  stage.until("it is in again", () => stage.epoch(3) !== null && stage.epoch(3) === stage.epoch(1));
});

row("disk `confirmed n`, before `parted`, and up again while who left is there", (on) => {
  const stage = on(3, 3);
  stage.killAt("C", "disk confirmed", () => stage.quit(3));
  stage.startCoordinator();
  stage.until("who left is gone", () => stage.member(3).process === null);
  goesOn(stage, [1, 2], DOWN_MS_MAX);
});

row("disk `decided n` of the view with nobody in it, before the goodbye of who left", (on) => {
  const stage = on(2, 1);
  const { view } = stage;
  stage.killAt("C", "disk decided", () => stage.quit(1));
  assertEquals(stage.view, view + 1);
  assertEquals(stage.world.coordinator.disk.log!.end.position, stage.world.history.digests.length);
  waitsForLast(stage);
});

row("the same, and the operator removes who left", (on) => {
  const stage = on(2, 1);
  stage.killAt("C", "disk decided", () => stage.quit(1));
  stage.until("it is gone", () => stage.member(1).process === null);
  stage.startCoordinator();
  stage.start(2);
  stage.until("the newcomer is told", () => stage.awaitedBy(2).length > 0);
  stage.operator("remove", 1);
  stage.until("the newcomer is in", () => stage.epoch(2) !== null);
  assert(stage.hasRecord("C", "given-up"));
  assertEquals(stage.member(2).disk.log!.end.position, stage.world.history.digests.length);
});

row("that goodbye, before `confirmed n`", (on) => {
  const stage = on(2, 1);
  stage.quit(1);
  stage.until("it is gone", () => stage.member(1).process === null);
  stage.kill("C");
  assert(stage.member(1).disk.records.some(({ kind }) => kind === "out"));
  waitsForLast(stage);
});

row("disk `kicked`, before the view without it", (on) => {
  const stage = on(3, 3);
  stage.killAt("C", "disk kicked", () => stage.operator("remove", 3));
  stage.startCoordinator();
  stage.until("it is refused", () => stage.member(3).process === null);
  stage.until("the others go on", () => stage.membersSeenBy(1).length === 2);
  goesOn(stage, [1, 2], 100);
  stage.operator("allow", 3);
});

/** Both members of the view are killed, and the first one is removed. */
function allRemoved(stage: Stage): void {
  for (const number of [1, 2]) stage.kill(number);
  stage.pass(2 * FAIL_AFTER_MS);
  stage.operator("remove", 1);
  stage.pass(100);
}

function foundsAnew(stage: Stage): void {
  stage.startCoordinator();
  stage.start(3);
  stage.until("the newcomer is in", () => stage.epoch(3) !== null);
  assert(stage.hasRecord("C", "given-up"));
  assertEquals(stage.membersSeenBy(3), ["m3"]);
  for (const number of [1, 2]) stage.operator("allow", number);
}

row("disk `kicked` of all, before `given-up`", (on) => {
  const stage = on(3, 2);
  allRemoved(stage);
  stage.killAt("C", "disk kicked", () => stage.operator("remove", 2));
  foundsAnew(stage);
});

row("disk `given-up`, before the next view", (on) => {
  const stage = on(3, 2);
  allRemoved(stage);
  stage.killAt("C", "disk given-up", () => stage.operator("remove", 2));
  foundsAnew(stage);
});

for (const effect of ["disk decided", "pin"]) {
  row(`${effect === "pin" ? "a pin" : "disk `decided n`, before a pin"}`, (on) => {
    const stage = on(3, 2);
    const { pins } = stage.world.coordinator;
    stage.killAt("C", effect, () => stage.start(3));
    assertEquals(pins.has("m3"), effect === "pin");
    for (const number of [1, 2, 3]) stage.kill(number);
    stage.startCoordinator();
    stage.pass(100);
    assert(pins.has("m3"));
    for (const number of [1, 2, 3]) stage.start(number);
    stage.until("it is in", () => stage.epoch(3) !== null);
  });
}

row("`flush n`, stopped for a while, and awake", (on) => {
  const stage = on(3, 2);
  const { view } = stage;
  stage.at("C", "send flush", "", () => stage.start(3), (process) => {
    stage.world.freeze(process, 2 * DOWN_MS_MAX);
  });
  goesOn(stage, [2, 1], DOWN_MS_MAX);
  assertEquals(stage.epoch(1), `${view + 1}.1`);
  stage.until("the newcomer is in", () => stage.membersSeenBy(1).length === 3);
  assert(stage.view > view + 1);
  assertEquals(stage.world.left, []);
});

// A member.

row("a newcomer's hello, before it is caught up", (on) => {
  const stage = on(3, 2);
  const long = "x".repeat(60_000);
  for (let count = 0; count < 20; count++) {
    stage.world.say(stage.member(1).process!, long);
    stage.pass(50);
  }
  const before = stage.epoch(1);
  stage.killAt(3, "disk log", () => stage.start(3));
  const { position } = stage.member(3).disk.log!.end;
  assert(position > 0 && position < stage.world.history.digests.length);
  goesOn(stage, [1, 2], 100);
  stage.pass(2 * FAIL_AFTER_MS);
  assertEquals(stage.epoch(1), before);
  stage.at(3, "tell fetch", `"after":{"position":${position},`, () => stage.start(3), () => {});
});

row("`heard` with all, before `flush`", (on) => {
  const stage = on(3, 2);
  stage.killAt(3, "send heard", () => stage.start(3), { having: '"isCaughtUp":true' });
  assertEquals(stage.member(3).disk.log!.end.position, stage.world.history.digests.length);
  goesOn(stage, [1, 2], FAIL_AFTER_MS);
  stage.start(3);
  stage.until("it is in", () => stage.epoch(3) !== null);
});

for (const effect of ["disk promised", "send report", "send ready"]) {
  for (const isBack of [false, true]) {
    row(`\`${effect}\` of a member that is ${isBack ? "back soon" : "gone"}`, (on) => {
      const stage = on(3, 2);
      const { view } = stage;
      const old = stage.member(2).process!.member.self.incarnationId;
      stage.killAt(2, effect, () => stage.start(3), { afterMs: HEARD_MS });
      assertEquals(stage.hasRecord(2, "promised"), true);
      if (isBack) stage.start(2);
      const members = isBack ? ["m1", "m2", "m3"] : ["m1", "m3"];
      stage.until("a view goes on", () => {
        const epoch = stage.member(1).process!.member.epoch!.epoch.value;
        return epoch.view > view && epoch.members.length === members.length &&
          epoch.members.every(({ incarnation }) => incarnation.toHex() !== old);
      });
      assertEquals(stage.membersSeenBy(1), members);
      assert(effect !== "send ready" || stage.view > view + 1);
      goesOn(stage, isBack ? [1, 2, 3] : [1, 3], 500);
    });
  }
}

row("a part of the level", (on) => {
  const stage = on(3, 3);
  const { world } = stage;
  const { promised, begunBallot } = stage.member(2).process!.member.standing;
  // Member 1 has messages that member 2 lacks, when member 3 restarts.
  world.channels.setCuts((from, to) => from === 1 && to === 2);
  for (let count = 0; count < 5; count++) stage.say(1);
  stage.pass(100);
  const text = stage.say(1);
  stage.kill(3);
  stage.losePowerWriting(2, "levelling", () => {
    stage.at(1, "send report", "", () => stage.start(3), () => {
      world.channels.setCuts(() => false);
    });
  });
  stage.start(2);
  const { standing } = stage.member(2).process!.member;
  assertEquals(standing.begunBallot, begunBallot);
  assert(standing.promised.number > promised.number);
  stage.until("both go on", () => stage.hasShown(1, text) && stage.hasShown(2, text));
});

/** The coordinator tells only member 1 that view n begins, and both are killed. */
function onlyFirstBegan(stage: Stage, first: () => void): void {
  const n = stage.view + 1;
  stage.killAt(1, "disk begun", () => {
    stage.killAt("C", "send begin", () => stage.start(4), { power: true });
    first();
  });
  assert(stage.hasRecord(1, "begun"));
  for (const number of [2, 3]) assertNotEquals(stage.epoch(number), `${n}`);
  standsStill(stage, [2, 3], 2 * DOWN_MS_MAX);
}

row("disk `begun n`, before it passes it on; it is back first", (on) => {
  const stage = on(4, 3);
  onlyFirstBegan(stage, () => {});
  stage.start(1);
  stage.pass(DOWN_MS_MAX);
  goesOn(stage, [2, 3, 1], 500);
});

row("disk `begun n`, before it passes it on; the coordinator is back first", (on) => {
  const stage = on(4, 3);
  onlyFirstBegan(stage, () => {});
  stage.startCoordinator();
  stage.until("a view of the others begins", () => {
    const members = stage.membersSeenBy(2);
    return members.includes("m3") && !members.includes("m1");
  });
  goesOn(stage, [2, 3], 500);
});

for (const isBack of [false, true]) {
  row(`\`begin n\` to some, before \`begun\`, ${isBack ? "and back" : "and gone"}`, (on) => {
    const stage = on(4, 3);
    stage.killAt(1, "tell begin", () => stage.start(4));
    if (isBack) stage.start(1);
    stage.until("a view begins", () => {
      const members = stage.membersSeenBy(2);
      return members.includes("m4") && members.includes("m1") === isBack;
    });
    goesOn(stage, isBack ? [2, 3, 4, 1] : [2, 3, 4], 500);
  });
}

for (const isRemoved of [false, true]) {
  row(`the only one of n, coordinator gone too, ${isRemoved ? "removed" : "waited for"}`, (on) => {
    const stage = on(2, 1);
    stage.kill(1);
    stage.kill("C");
    stage.startCoordinator();
    stage.start(2);
    stage.until("the newcomer is told", () => stage.awaitedBy(2).length > 0);
    stage.pass(2 * DOWN_MS_MAX);
    assertEquals([stage.epoch(2), stage.awaitedBy(2)], [null, ["m1"]]);
    if (isRemoved) stage.operator("remove", 1);
    else stage.start(1);
    stage.until("the newcomer is in", () => stage.epoch(2) !== null);
    assertEquals(stage.membersSeenBy(2).includes("m1"), !isRemoved);
    assertEquals(stage.hasRecord("C", "given-up"), isRemoved);
  });
}

row("`leave`, before `report`", (on) => {
  const stage = on(3, 3);
  stage.killAt(3, "send leave", () => stage.quit(3));
  stage.pass(FAIL_AFTER_MS + 1_500);
  assertEquals(stage.membersSeenBy(1), ["m1", "m2"]);
  goesOn(stage, [1, 2], 100);
});

row("`leave` and `ready`, before `parted`", (on) => {
  const stage = on(3, 3);
  const text = stage.say(3);
  stage.pass(200);
  stage.killAt(3, "send ready", () => stage.quit(3), { afterMs: HEARD_MS });
  stage.pass(FAIL_AFTER_MS);
  assertEquals(stage.membersSeenBy(1), ["m1", "m2"]);
  assert(stage.hasShown(1, text) && stage.hasShown(2, text));
  stage.start(3);
  stage.until("it is in again", () => stage.epoch(3) !== null && stage.epoch(3) === stage.epoch(1));
});

row("`leave` as the last one, before `parted`", (on) => {
  const stage = on(2, 1);
  stage.killAt(1, "send ready", () => stage.quit(1), { afterMs: HEARD_MS });
  waitsForLast(stage);
});

row("`fetch` of the coordinator, half answered", (on) => {
  const stage = on(2, 1);
  const { view } = stage;
  stage.killAt(1, "send history", () => stage.quit(1));
  assertEquals(stage.view, view);
  waitsForLast(stage);
});

row("`parted`, before `out`", (on) => {
  const stage = on(3, 3);
  stage.losePowerWriting(3, "out", () => stage.quit(3));
  assertEquals(stage.membersSeenBy(1), ["m1", "m2"]);
  stage.start(3);
  stage.until("it is in again", () => stage.epoch(3) !== null && stage.epoch(3) === stage.epoch(1));
});

row("its disk is lost", (on) => {
  const stage = on(3, 3);
  stage.kill(3);
  stage.member(3).disk.restoreImage([]);
  stage.member(3).isDamaged = true;
  stage.start(3);
  stage.until("it is a newcomer", () => stage.membersSeenBy(1).length === 2);
  stage.until("it is in", () => stage.membersSeenBy(1).length === 3);
  assertEquals(stage.member(3).disk.log!.end.position, stage.world.history.digests.length);
});

row("its disk is lost, and it was the only one", (on) => {
  const stage = on(1, 1);
  stage.kill(1);
  stage.member(1).disk.restoreImage([]);
  stage.member(1).isDamaged = true;
  stage.world.excuseLost(stage.member(1));
  stage.start(1);
  stage.pass(2 * DOWN_MS_MAX);
  assertEquals([stage.epoch(1), stage.awaitedBy(1)], [null, ["m1"]]);
  stage.operator("remove", 1);
  stage.until("it is out", () => stage.member(1).process === null);
  assert(stage.hasRecord("C", "given-up"));
  stage.operator("allow", 1);
  stage.start(1);
  stage.until("it is in", () => stage.epoch(1) !== null);
});

row("its disk is an older copy", (on) => {
  const stage = on(3, 3);
  const image = [...stage.member(3).disk.records];
  stage.kill(2);
  stage.until("a view begins", () => stage.membersSeenBy(3).length === 2);
  stage.say(1);
  stage.say(3);
  stage.pass(500);
  stage.kill(3);
  stage.member(3).disk.restoreImage(image);
  stage.member(3).isDamaged = true;
  stage.start(3);
  stage.until("it is in", () => stage.epoch(3) !== null && stage.epoch(3) === stage.epoch(1));
  assertEquals(stage.member(3).disk.log!.end.position, stage.world.history.digests.length);
});
