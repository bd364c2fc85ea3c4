/**
 * Files are lost, damaged or replaced by an older copy, and a program is killed right after an effect: each row of
 * the tables "Recovery" in docs/group-crashes.md, named by its heading and its first cell. A scene begins with three
 * members that are in the group and have talked; its caller restarts everybody afterwards.
 */

import { assert, assertEquals } from "@std/assert";
import { loseDisk, putBackDisk, recover } from "./disasters.ts";
import { FAIL_AFTER_MS, nameOf, type Stage } from "./stage.ts";
import { foundedBy } from "../../protocols/group/founded.ts";
import { type Founding } from "../../../lib/protocols/group/schema/founding.ts";
import { fakeSigner } from "../fake_crypto.ts";

export type Scene = (stage: Stage) => void;

/** The time for which a coordinator waits for members that may know of later views. */
const RETURN_MS = 6_000;
const LONG_MS = 20_000;
const OTHER_GROUP = foundedBy(fakeSigner("somebody").key, 2);

/** The number of records of a kind on the coordinator's disk, without those of what members told. */
function count({ world }: Stage, kind: string): number {
  return world.coordinator.disk.records.filter((record) =>
    record.kind === kind && !("told" in record)
  ).length;
}

/** Checks that each text is in each log exactly once. */
function inAllLogs(stage: Stage, ...texts: readonly string[]): void {
  for (const { name, disk } of stage.world.members) {
    const log = disk.log!.batches.flatMap(({ batch }) => batch.value.texts);
    for (const text of texts) {
      assertEquals(log.filter((one) => one === text).length, 1, `${text} in the log of ${name}`);
    }
  }
}

// The coordinator's files.

/** Stops everybody; the coordinator has nothing left except its key. */
function lost(stage: Stage): void {
  for (const number of [1, 2, 3]) if (stage.member(number).process !== null) stage.kill(number);
  loseDisk(stage.world);
  stage.kill("C");
  stage.world.coordinator.disk.wipe();
}

function startAll(stage: Stage): void {
  stage.startCoordinator();
  for (const number of [1, 2, 3]) stage.start(number);
}

/** Checks that a view of all members begins, with a number far above all used ones, and that nothing is missing. */
function goesOnAbove(stage: Stage, view: number, ...texts: readonly string[]): void {
  stage.until("a view begins under a higher number", () => stage.view > view + 1_000);
  stage.unite();
  inAllLogs(stage, ...texts);
  assertEquals([count(stage, "lost"), count(stage, "recounted")], [1, 1]);
}

function askingKilledAt(effect: string): Scene {
  return (stage) => {
    const { view } = stage;
    lost(stage);
    stage.killAt("C", effect, () => startAll(stage));
    stage.startCoordinator();
    goesOnAbove(stage, view);
  };
}

/** Kills the coordinator while it decides another view, once it knows the group again. */
function nextKilledAt(effect: string): Scene {
  return (stage) => {
    lost(stage);
    stage.killAt("C", effect, () => startAll(stage), { power: true });
    const given = stage.view;
    stage.startCoordinator();
    stage.unite();
    assert(stage.view > given);
    assertEquals(count(stage, "lost"), 1);
  };
}

/**
 * Restores the coordinator's disk from before member 3 was readmitted. @returns The last view, which that disk
 * lacks.
 */
function putBack(stage: Stage): number {
  const { view } = stage;
  stage.kill(3);
  stage.until("a view begins without it", () => stage.membersSeenBy(1).length === 2);
  stage.pass(500); // until all members have it
  putBackDisk(stage.world); // keeps the image
  stage.start(3);
  stage.until("it is in again", () => stage.membersSeenBy(1).length === 3);
  const last = stage.view;
  assert(last > view + 1);
  putBackDisk(stage.world);
  return last;
}

function oldCopyKilledAt(effect: string): Scene {
  return (stage) => {
    const last = putBack(stage);
    stage.killAt("C", effect, () => {});
    stage.startCoordinator();
    goesOnAbove(stage, last);
  };
}

/**
 * All members leave, one after the other, and the log that member 3 handed over last is damaged. @returns Its last
 * text.
 */
function handedOver(stage: Stage, left: number | null): string {
  const text = stage.say(3);
  stage.pass(500);
  for (const number of [1, 2, 3]) {
    stage.quit(number);
    stage.until("it is out", () => stage.member(number).process === null);
  }
  stage.pass(500);
  stage.kill("C");
  stage.world.coordinator.disk.spoilLog(left, null);
  return text;
}

function handedOverIs(left: number | null): Scene {
  return (stage) => {
    const text = handedOver(stage, left);
    stage.startCoordinator();
    stage.start(1);
    stage.pass(LONG_MS);
    assertEquals([stage.epoch(1), stage.awaitedBy(1).includes("m3")], [null, true]);
    for (const number of [2, 3]) stage.start(number);
    stage.until("all are in", () => stage.membersSeenBy(1).length === 3);
    stage.unite();
    inAllLogs(stage, text);
    for (const { disk } of stage.world.members) {
      assertEquals(disk.records.filter(({ kind }) => kind === "new-log").length, 1);
    }
  };
}

// A member's log.

/** Member 3 is killed, and its log damaged before the next start. @returns A text typed meanwhile. */
function spoilt(stage: Stage, spoil: () => void): string {
  const party = stage.member(3);
  stage.kill(3);
  stage.until("the others go on", () => stage.membersSeenBy(1).length === 2);
  const text = stage.say(1);
  stage.pass(500);
  party.hasLostLog = true;
  spoil();
  return text;
}

const gone = (stage: Stage): string =>
  spoilt(stage, () => stage.member(3).disk.spoilLog(null, null));

function comesIn(stage: Stage, text: string): void {
  stage.start(3);
  stage.until("it is in again", () => stage.membersSeenBy(1).length === 3);
  stage.pass(500);
  inAllLogs(stage, text);
}

/** @param left How many of its batches remain. @param founding The group whose log replaces it. */
function logIs(left: number | null, founding: Founding | null): Scene {
  return (stage) =>
    comesIn(stage, spoilt(stage, () => stage.member(3).disk.spoilLog(left, founding)));
}

function fetchingKilledAt(effect: string, having = ""): Scene {
  return (stage) => {
    const text = gone(stage);
    stage.killAt(3, effect, () => stage.start(3), { having });
    comesIn(stage, text);
  };
}

/** Kills the first member that supplies the log. */
function killSource(stage: Stage, sources: readonly number[], action: () => void): void {
  let isKilled = false;
  for (const number of sources) {
    stage.member(number).process!.trap((effect) => nameOf(effect) === "tell history", () => {
      if (isKilled) return;
      isKilled = true;
      stage.kill(number);
    });
  }
  action();
  stage.until("it is asked, and killed", () => isKilled);
}

// `/recover`.

/** How often member 2's log was set aside. */
function setAside(stage: Stage): number {
  return stage.member(2).disk.records.filter((record) =>
    record.kind === "new-log" && record.because === "recovered"
  ).length;
}

/** Recovers member 2. @returns A text that it sent before. */
function recoverSecond(stage: Stage): string {
  const text = stage.say(2);
  recover(stage.world, stage.member(2));
  return text;
}

/** The coordinator forgets the recovery: member 2 returns with the log that it had. */
function recoverForgotten(effect: string): Scene {
  return (stage) => {
    let text = "";
    stage.killAt("C", effect, () => text = recoverSecond(stage), { power: true });
    stage.startCoordinator();
    stage.until("all are in", () => stage.membersSeenBy(2).length === 3);
    stage.unite();
    assertEquals(setAside(stage), 0);
    inAllLogs(stage, text);
  };
}

/** A log that was set aside before the kill isn't set aside again, and one that wasn't is kept. */
function recoveringKilledAt(effect: string): Scene {
  return (stage) => {
    let text = "";
    stage.killAt(2, effect, () => text = recoverSecond(stage));
    const times = setAside(stage);
    stage.start(2);
    stage.unite();
    assertEquals(setAside(stage), times);
    inAllLogs(stage, text);
  };
}

export const RECOVERY_SCENES: Readonly<Record<string, Readonly<Record<string, Scene>>>> = {
  "The coordinator has its key alone": {
    "it is started": (stage) => {
      const { view } = stage;
      const text = stage.say(2);
      stage.pass(500);
      lost(stage);
      startAll(stage);
      stage.pass(RETURN_MS / 2);
      assertEquals([count(stage, "lost"), count(stage, "group")], [1, 0]);
      goesOnAbove(stage, view, text);
    },
    "members chat while it asks": (stage) => {
      const { view } = stage;
      loseDisk(stage.world);
      const text = stage.say(1);
      stage.pass(200);
      for (const number of [1, 2, 3]) assert(stage.hasShown(number, text));
      assertEquals(stage.decided, []);
      goesOnAbove(stage, view, text);
    },
    "killed after disk `lost`": askingKilledAt("disk lost"),
    "killed after `recount` to some": askingKilledAt("send recount"),
    "killed after some `account`s": (stage) => {
      for (const number of [1, 2, 3]) {
        stage.quit(number);
        stage.until("it is out", () => stage.member(number).process === null);
      }
      // Nobody else knows of a view as late as this one.
      stage.start(1);
      stage.until("it is in again", () => stage.membersSeenBy(1).length === 1);
      const text = stage.say(1);
      stage.pass(500);
      const { view } = stage;
      lost(stage);
      stage.startCoordinator();
      stage.start(1);
      stage.pass(RETURN_MS / 2);
      stage.kill("C");
      stage.kill(1);
      stage.startCoordinator();
      stage.start(3);
      stage.pass(LONG_MS);
      assertEquals([stage.decided, stage.awaitedBy(3)], [[], ["m1"]]);
      for (const number of [1, 2]) stage.start(number);
      goesOnAbove(stage, view, text);
    },
    "killed after `/remove` of one who is awaited": (stage) => {
      lost(stage);
      stage.startCoordinator();
      for (const number of [1, 2]) stage.start(number);
      stage.pass(RETURN_MS);
      assertEquals(stage.awaitedBy(1), ["m3"]);
      stage.killAt("C", "disk kicked", () => stage.operator("remove", 3));
      stage.startCoordinator();
      stage.until("the others go on", () => stage.membersSeenBy(1).length === 2);
    },
    "killed while `recounted` is written": (stage) => {
      const { view } = stage;
      lost(stage);
      stage.losePowerWriting("C", "recounted", () => startAll(stage));
      stage.startCoordinator();
      goesOnAbove(stage, view);
    },
    "killed after disk `recounted`": (stage) => {
      lost(stage);
      stage.killAt("C", "disk group", () => startAll(stage));
      stage.kill(3);
      stage.startCoordinator();
      stage.pass(LONG_MS);
      assertEquals([stage.decided, stage.awaitedBy(1)], [[], ["m3"]]);
      stage.start(3);
      stage.until("the view begins", () => stage.membersSeenBy(1).length === 3);
      assertEquals([count(stage, "lost"), count(stage, "recounted")], [1, 1]);
    },
    "killed after `flush n`": nextKilledAt("send flush"),
    "killed after disk `decided n`": nextKilledAt("disk decided"),
  },

  "The coordinator's files are an older copy": {
    "one comes who knows of a later view or number": (stage) => {
      const last = putBack(stage);
      const text = stage.say(1);
      goesOnAbove(stage, last, text);
    },
    "only one comes who was never in a view of this copy": (stage) => {
      const last = putBack(stage);
      for (const number of [1, 2]) stage.kill(number);
      stage.until("it is noticed", () => count(stage, "lost") === 1);
      stage.pass(LONG_MS);
      assertEquals([stage.view > last, stage.awaitedBy(3)], [false, ["m1", "m2"]]);
    },
    "killed after `recount` to the first who comes": oldCopyKilledAt("send recount"),
    "killed after disk `lost`": oldCopyKilledAt("disk lost"),
    "killed after disk `recounted`": oldCopyKilledAt("disk number"),
    "only those come who were gone by then": (stage) => {
      putBackDisk(stage.world); // keeps the image
      stage.kill(3);
      stage.until("a view begins without it", () => stage.membersSeenBy(1).length === 2);
      const text = stage.say(1);
      stage.pass(500);
      for (const number of [1, 2]) stage.kill(number);
      putBackDisk(stage.world);
      stage.start(3);
      stage.until("it goes on alone", () => stage.membersSeenBy(3).length === 1);
      assertEquals(count(stage, "lost"), 0);
      assert(!stage.hasShown(3, text));
    },
  },

  "Nobody is in the group, and the coordinator's log isn't what it was": {
    "it is missing": handedOverIs(null),
    "it is shorter, or damaged": handedOverIs(1),
    "it is missing a second time, and killed after disk `lost`": (stage) => {
      const texts = [handedOver(stage, null)];
      startAll(stage);
      stage.until("all are in", () => stage.membersSeenBy(1).length === 3);
      texts.push(handedOver(stage, null));
      stage.killAt("C", "disk lost", () => startAll(stage));
      startAll(stage);
      stage.until("all are in", () => stage.membersSeenBy(1).length === 3);
      stage.unite();
      inAllLogs(stage, ...texts);
    },
  },

  "A member's log isn't what it was": {
    "it is missing": logIs(null, null),
    "it is shorter, or damaged": logIs(1, null),
    "it is another group's": logIs(0, OTHER_GROUP),
    "only its member had the last entries": (stage) => {
      for (const number of [1, 2]) stage.quit(number);
      stage.until("it is alone", () => stage.membersSeenBy(3).length === 1);
      stage.say(3);
      stage.pass(500);
      stage.kill(3);
      stage.member(3).hasLostLog = true;
      stage.member(3).disk.spoilLog(null, null);
      stage.start(3);
      stage.start(1);
      stage.pass(LONG_MS);
      assertEquals([stage.epoch(1), stage.awaitedBy(1)], [null, ["m3"]]);
    },
    "the log is there, and `state` is missing": (stage) => {
      const { disk } = stage.member(3);
      const text = spoilt(stage, () => {
        const log = disk.records.filter(({ kind }) => kind === "log" || kind === "new-log");
        disk.restoreImage(log);
        stage.member(3).isDamaged = true;
      });
      assert(disk.log!.end.position > 0);
      comesIn(stage, text);
      assertEquals(disk.records.filter(({ kind }) => kind === "new-log").length, 1);
    },
    "killed after disk `group` and `new-log`": fetchingKilledAt("disk group new-log"),
    "killed after `fetch`": fetchingKilledAt("tell fetch"),
    "killed after a part of the log": fetchingKilledAt("disk log"),
    "killed after `heard` with all": fetchingKilledAt("send heard", '"isCaughtUp":true'),
    "killed after disk `promised n`": fetchingKilledAt("disk promised"),
    "who supplies it is killed": (stage) => {
      const text = gone(stage);
      killSource(stage, [1, 2], () => stage.start(3));
      stage.until("it is in again", () => stage.membersSeenBy(3).length === 2);
      assert(stage.hasShown(3, text));
    },
  },

  "`/recover NAME`": {
    "coordinator killed before the view without it": recoverForgotten("send flush"),
    "coordinator killed after disk `decided n`": recoverForgotten("disk decided"),
    "coordinator killed after disk `confirmed n`": recoverForgotten("disk confirmed"),
    "coordinator killed after `recover`": (stage) => {
      let text = "";
      stage.killAt("C", "send recover", () => text = recoverSecond(stage), { power: true });
      stage.pass(FAIL_AFTER_MS);
      assertEquals([setAside(stage), stage.epoch(2)], [1, null]);
      const other = stage.say(1);
      stage.pass(500);
      assert(stage.hasShown(3, other));
      stage.startCoordinator();
      stage.until("it is in again", () => stage.membersSeenBy(2).length === 3);
      stage.unite();
      inAllLogs(stage, text, other);
    },
    "member killed before `recover`": (stage) => {
      let text = "";
      stage.at("C", "send begin", "", () => text = recoverSecond(stage), () => stage.kill(2));
      stage.pass(500);
      stage.start(2);
      stage.unite();
      assertEquals(setAside(stage), 0);
      inAllLogs(stage, text);
    },
    "member killed after `fetch`": recoveringKilledAt("tell fetch"),
    "member killed while `recovered` is written": (stage) => {
      let text = "";
      stage.losePowerWriting(2, "recovered", () => text = recoverSecond(stage));
      stage.start(2);
      stage.unite();
      inAllLogs(stage, text);
    },
    "member killed after disk `recovered` and `new-log`": recoveringKilledAt(
      "disk recovered new-log",
    ),
    "member killed after a part of the log": recoveringKilledAt("disk log"),
    "member killed after disk `begun n`": recoveringKilledAt("disk begun"),
    "who supplies the log is killed": (stage) => {
      let text = "";
      killSource(stage, [1, 3], () => text = recoverSecond(stage));
      stage.until("it is in again", () => stage.membersSeenBy(2).length === 2);
      stage.unite();
      assertEquals(setAside(stage), 1);
      inAllLogs(stage, text);
    },
  },
};
