/**
 * Disks are lost, restored or damaged: the group goes on with one history, as far as anybody can know it. There are
 * random runs with little other trouble, the bugs that they find, and scenes that hardly any random run contains.
 */

import { hunt } from "./hunt.ts";
import { assert, assertEquals } from "@std/assert";
import { amount } from "../given.ts";
import type { MemberRecord } from "../../lib/protocols/group/schema/records.ts";
import { runGroup } from "./group/run.ts";
import { foundAnew, loseDisk, putBackDisk, putBackMember } from "./group/disasters.ts";
import type { Mutation } from "./group/mutations.ts";
import { RECOVERY_MUTATIONS } from "./group/recovery_mutations.ts";
import type { Trouble } from "./group/scenario.ts";
import { bringBack } from "./group/settling.ts";
import { Stage } from "./group/stage.ts";
import { Violation } from "./group/violation.ts";
import { foundedBy } from "../protocols/group/founded.ts";
import { groupIdOf } from "../../lib/protocols/group/schema/founding.ts";
import { fakeCrypto } from "./fake_crypto.ts";

const RUNS = amount(6, 20);
const HUNTED_SEEDS = 60;
const STEPS = 60;
const TROUBLES: ReadonlySet<Trouble> = new Set([
  "coordinatorLoss",
  "coordinatorKillSoon",
  "spoilLog",
  "recover",
  "kill",
  "killSoon",
  "powerLoss",
  "cutTcp",
  "cutUdp",
  "sever",
]);
const WITH_IMAGES: ReadonlySet<Trouble> = new Set([...TROUBLES, "coordinatorImage", "remove"]);

/** The violation that ended a run; null where every promise held. */
function failureOf(
  seed: number,
  troubles: ReadonlySet<Trouble>,
  mutation?: Mutation,
): string | null {
  try {
    const bug = mutation === undefined ? {} : { mutation };
    runGroup({ seed, steps: STEPS, scenario: { troubles }, ...bug });
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

Deno.test(`group: ${RUNS} runs of lost disks and spoilt logs break no promise`, () => {
  for (let seed = 1; seed <= RUNS; seed += 2) {
    for (const troubles of [TROUBLES, WITH_IMAGES]) {
      assertEquals(failureOf(seed, troubles), null, `seed ${seed}`);
    }
  }
});

Deno.test("group: a view is given up whose one member is removed, while the next one's other member is asked yet", () => {
  assertEquals(failureOf(8, TROUBLES), null);
});

/** What the group does wrong, by which violation it is found, and the first seed to try. */
const HUNTS: readonly (readonly [Mutation, RegExp, from?: number])[] = [
  [RECOVERY_MUTATIONS.rememberedLost, /blames an honest program/, 2],
];

for (const [mutation, finding, from = 1] of HUNTS) {
  hunt({
    title: `the simulation finds a group that ${mutation.name}`,
    from,
    seedsMax: HUNTED_SEEDS,
    finds: (seed) => finding.test(failureOf(seed, TROUBLES, mutation) ?? ""),
  });
}

/** Longer than members wait before they go on alone, and a coordinator before it goes on without a member. */
const LONG_MS = 20_000;

function three(): Stage {
  const stage = Stage.of(1, 3, 3);
  stage.unite();
  return stage;
}

function failureAt(stage: Stage, play: () => void): string | null {
  try {
    play();
    stage.unite();
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
}

/** Plays a scene without a bug, and with the bug that the rule prevents. */
function rule(
  name: string,
  mutation: Mutation,
  play: (stage: Stage) => void,
  finding: RegExp,
  begins = three,
): void {
  Deno.test(name, () => {
    const stage = begins();
    assertEquals(failureAt(stage, () => play(stage)), null);
    const broken = begins();
    const undo = mutation.install!();
    try {
      const found = failureAt(broken, () => play(broken));
      assert(finding.test(found ?? ""), `found: ${found}`);
    } finally {
      undo();
    }
  });
}

rule(
  "a member of the last view that is known may have gone on with others since: it is awaited",
  RECOVERY_MUTATIONS.oneTellsForAll,
  (stage) => {
    // Member 1 is evicted, the others go on.
    stage.kill(1);
    stage.pass(2 * 3_000);
    stage.say(2);
    stage.pass(1_000);
    for (const number of [2, 3]) stage.kill(number);
    loseDisk(stage.world);
    stage.start(1);
    stage.pass(LONG_MS);
    if (stage.epoch(1) !== null) stage.say(1);
    stage.pass(1_000);
  },
  /^G1|is taken for the last one/,
);

/**
 * Member 3 loses its log, and is brought up to a view with member 1, which alone begins it. Member 1 goes; the next view,
 * of members 2 and 3, begins at member 2 alone.
 */
function begunAtOther(stage: Stage): void {
  losesLog(stage, 3);
  stage.until(
    "the others go on",
    () => [1, 2].every((one) => stage.membersSeenBy(one).length === 2),
  );
  stage.pass(500);
  stage.cut("udp", [2, 3]); // it fetches the log from member 1, and can't come in yet
  stage.start(3);
  stage.pass(2_000);
  stage.kill(2);
  stage.killAt(1, "disk begun", () => {});
  stage.cut("udp");
  stage.start(2);
  stage.at("C", "send begin", "", () => {}, () => stage.cut("udp", [2, 3]));
  stage.until("it begins", () => stage.epoch(2) === `${stage.view}`);
  assertEquals(stage.membersSeenBy(2), ["m3", "m2"]);
  assertEquals(stage.epoch(3), null);
}

function losesLog(stage: Stage, number: number): void {
  if (stage.member(number).process !== null) stage.kill(number);
  stage.member(number).hasLostLog = true;
  stage.member(number).disk.spoilLog(null, null);
}

/**
 * The coordinator's disk is lost, and member 2 is cut off. Members 1 and 3 tell what they know, but member 3 doesn't
 * hear what follows from it; later it hears member 2 again. Both sides talk, as far as they go on.
 */
function asksOthers(stage: Stage): void {
  stage.cut("tcp", [0, 2]);
  stage.cut("udp", [2, 3], [1, 2], [1, 3]);
  loseDisk(stage.world);
  stage.start(1);
  stage.at("C", "disk group", "recounted", () => {}, () => stage.cut("tcp", [0, 2], [0, 3]));
  stage.pass(LONG_MS / 2);
  stage.cut("udp", [1, 2], [1, 3]);
  stage.pass(LONG_MS / 2);
  for (const number of [1, 2, 3]) if (stage.epoch(number) !== null) stage.say(number);
  stage.pass(1_000);
}

rule(
  "who was brought up again after it had lost its log may begin what was decided: it is awaited",
  RECOVERY_MUTATIONS.lostHaveNoSay,
  (stage) => {
    begunAtOther(stage);
    asksOthers(stage);
  },
  /^G1/,
);

rule(
  "who has lost its log, and isn't awaited, follows no round of a view that it had a say in",
  RECOVERY_MUTATIONS.followsWithoutLog,
  (stage) => {
    begunAtOther(stage);
    losesLog(stage, 3);
    stage.cut("udp");
    stage.start(3);
    stage.pass(3_000); // member 2 tells it that the view has begun
    asksOthers(stage);
  },
  /^G1/,
);

rule(
  "who has lost its log before a view has begun for it has lost it at each later start, too",
  RECOVERY_MUTATIONS.forgetsWhatItLost,
  (stage) => {
    // The newcomer is ready for the view that begins at member 1.
    stage.killAt(1, "disk begun", () => stage.start(2));
    stage.kill(2);
    assert(!stage.hasRecord(2, "begun"));
    loseDisk(stage.world);
    for (const number of [1, 2]) losesLog(stage, number);
    stage.start(2);
    stage.pass(1_000);
    stage.kill(2);
    for (const number of [1, 2]) stage.start(number);
    stage.pass(LONG_MS);
    assertEquals(stage.decided, []); // until the operator gives up what nobody has any more
  },
  /^G1/,
  () => Stage.of(1, 2, 1),
);

const POWER_LOSSES = 8;

/**
 * A group's one member is started again, and its power fails while its disk is told that view 2 has begun.
 * @param numbered Called as soon as the coordinator's disk has the number of view 2.
 * @param beginning Called right before the power fails.
 * @returns Also the last view that has begun, as the member's disk knows.
 */
function losesPowerBeginning(
  seed: number,
  numbered: (stage: Stage) => void = () => {},
  beginning: (stage: Stage) => void = () => {},
): { stage: Stage; begun: number } {
  const stage = Stage.of(seed, 1, 1);
  stage.kill(1);
  stage.at("C", "disk number", "", () => stage.start(1), () => numbered(stage));
  stage.losePowerWriting(1, "begun", () => {}, () => beginning(stage));
  const last = stage.member(1).disk.records.findLast(({ kind }) => kind === "begun");
  assert(last?.kind === "begun");
  return { stage, begun: last.signed.epoch.value.view };
}

/** The coordinator's disk is lost, too, and it asks the member. */
function failureAsking({ stage, begun }: ReturnType<typeof losesPowerBeginning>): string | null {
  return failureAt(stage, () => {
    loseDisk(stage.world);
    stage.start(1);
    stage.until("it is in", () => stage.epoch(1) !== null);
    const { records } = stage.world.coordinator.disk;
    const known = records.find((record) => record.kind === "recounted");
    assertEquals(known?.signed.epoch.value.view, begun);
  });
}

Deno.test("a view that its one member was only writing when its power failed had not begun", () => {
  const lasts = new Set<number>();
  for (let seed = 1; seed <= POWER_LOSSES; seed++) {
    const scene = losesPowerBeginning(seed);
    lasts.add(scene.begun);
    assertEquals(failureAsking(scene), null, `seed ${seed}`);
  }
  assertEquals(lasts, new Set([1, 2]));
});

Deno.test("a view that its one member went on with before its disk had it is missed when power has failed", () => {
  const undo = RECOVERY_MUTATIONS.beginsUnsynced.install();
  try {
    const lasts = new Set<number>();
    for (let seed = 1; seed <= POWER_LOSSES; seed++) {
      const scene = losesPowerBeginning(seed);
      lasts.add(scene.begun);
      const found = scene.begun === 1 ? "View 1 is taken for the last one, and 2 had begun" : null;
      assertEquals(failureAsking(scene), found, `seed ${seed}`);
    }
    assertEquals(lasts, new Set([1, 2]));
  } finally {
    undo();
  }
});

Deno.test("a view that its one member was only writing when its power failed exposes no old copy", () => {
  const lasts = new Set<number>();
  for (let seed = 1; seed <= POWER_LOSSES; seed++) {
    // Kept, then put back: that copy has the number of view 2, so that the member's promise is nothing new.
    const copy = ({ world }: Stage) => putBackDisk(world);
    const { stage, begun } = losesPowerBeginning(seed, copy, copy);
    lasts.add(begun);
    const failure = failureAt(stage, () => stage.start(1));
    assertEquals(failure, null, `seed ${seed}`);
    assertEquals(stage.hasRecord("C", "recounted"), begun === 2);
  }
  assertEquals(lasts, new Set([1, 2]));
});

Deno.test("members chat on while the coordinator asks, as if it weren't there", () => {
  const stage = three();
  stage.cut("tcp", [0, 3]);
  stage.pass(100);
  loseDisk(stage.world);
  stage.pass(8_000);
  const text = stage.say(1);
  stage.pass(2_000);
  // Member 3 can't be asked, and nothing is decided without it.
  assertEquals(stage.decided, []);
  for (const number of [1, 2, 3]) assert(stage.hasShown(number, text));
  stage.cut("tcp");
  stage.unite();
});

Deno.test("who was let in again since an old copy was made is kept out by it, until the operator lets it in anew", () => {
  const stage = three();
  const { world } = stage;
  stage.operator("remove", 1);
  stage.until("it is out", () => stage.membersSeenBy(2).length === 2);
  putBackDisk(world); // kept
  stage.operator("allow", 1);
  stage.start(1);
  stage.unite();
  stage.kill(1);
  putBackDisk(world);
  stage.start(1);
  stage.pass(LONG_MS);
  assertEquals(stage.member(1).isWanted, false); // it was told that it is kept out, and ended
  bringBack(world);
  stage.unite();
  assertEquals(stage.membersSeenBy(1).toSorted(), ["m1", "m2", "m3"]);
});

Deno.test("an old copy with a number and no view isn't noticed by a newcomer: it is another branch", () => {
  const stage = Stage.of(1, 2, 0);
  const { world } = stage;
  stage.startCoordinator();
  stage.at("C", "disk number", "", () => stage.start(1), () => putBackDisk(world)); // kept
  stage.until("it is in", () => stage.epoch(1) !== null);
  stage.say(1);
  stage.pass(500);
  stage.kill(1);
  putBackDisk(world);
  stage.start(2);
  stage.until("the other one is in", () => stage.epoch(2) !== null);
  assertEquals(stage.membersSeenBy(2), ["m2"]);
  stage.say(2);
  stage.unite();
  assert(world.coordinator.hasForked);
});

/** A member's user types a text while the member can't be in a view. @returns The text, and an image of the disk. */
function writesWhileOut(stage: Stage, number: number): { text: string; image: MemberRecord[] } {
  stage.cut("udp", [3, 1], [3, 2]);
  if (stage.member(number).process === null) stage.start(number);
  stage.pass(500);
  const text = stage.say(number);
  stage.pass(500);
  return { text, image: [...stage.member(number).disk.records] };
}

function comesIn(stage: Stage, number: number): void {
  stage.cut("udp");
  stage.until("it is in", () => {
    const epoch = stage.epoch(number);
    return epoch !== null && epoch === stage.epoch(1);
  });
  stage.pass(1_000);
}

function timesSaid(stage: Stage, text: string): number {
  return stage.world.history.entries.filter((entry) => entry.text === text).length;
}

/** The member's image is restored, and it joins with that. */
function comesBackWith(stage: Stage, number: number, image: readonly MemberRecord[]): void {
  const party = stage.member(number);
  stage.kill(number);
  party.isDamaged = true;
  party.disk.restoreImage(image);
  stage.start(number);
  comesIn(stage, number);
}

Deno.test("an old copy from before a member's first view says nothing twice", () => {
  for (const kind of ["as it was", "killed", "compacted"] as const) {
    const stage = Stage.of(1, 3, 2);
    const { text, image } = writesWhileOut(stage, 3);
    const log = image.filter((record) => record.kind === "log" || record.kind === "new-log");
    const compacted = [...log, ...stage.member(3).process!.member.snapshot()!];
    // The next process sends the text under an incarnation that the image doesn't contain.
    if (kind === "killed") {
      stage.kill(3);
      stage.start(3);
    }
    comesIn(stage, 3);
    assertEquals(timesSaid(stage, text), 1);
    comesBackWith(stage, 3, kind === "compacted" ? compacted : image);
    assertEquals(timesSaid(stage, text), 1, kind);
  }
});

Deno.test("an old copy from before a member's first view in another group says nothing twice", () => {
  for (const isKilled of [false, true]) {
    const stage = Stage.of(1, 3, 2);
    const party = stage.member(3);
    const { key } = stage.world.coordinator.signer;
    const founding = foundedBy(key, 2);
    const group = groupIdOf(fakeCrypto, founding);
    party.isDamaged = party.hasLostLog = true;
    const starts = ["0a0b0c"];
    party.disk.restoreImage([{ kind: "group", group, founding, coordinator: key, starts }]);
    const { text, image } = writesWhileOut(stage, 3);
    if (isKilled) {
      stage.kill(3);
      stage.start(3);
    }
    comesIn(stage, 3);
    assertEquals(timesSaid(stage, text), 1);
    comesBackWith(stage, 3, image);
    assertEquals(timesSaid(stage, text), 1, `killed: ${isKilled}`);
  }
});

Deno.test("an old copy that lacks its log, too, says nothing twice", () => {
  const stage = three();
  const { text, image } = writesWhileOut(stage, 3);
  stage.kill(3);
  stage.start(3);
  comesIn(stage, 3);
  assertEquals(timesSaid(stage, text), 1);
  stage.member(3).hasLostLog = true;
  comesBackWith(stage, 3, image.filter(({ kind }) => kind !== "log" && kind !== "new-log"));
  assertEquals(timesSaid(stage, text), 1);
});

Deno.test("what was written with a disk that is lost and begun anew is said, also by its next process", () => {
  const stage = three();
  stage.kill(3);
  stage.member(3).isDamaged = true;
  stage.member(3).disk.wipe();
  const { text } = writesWhileOut(stage, 3);
  stage.kill(3);
  stage.start(3);
  comesIn(stage, 3);
  assertEquals(timesSaid(stage, text), 1);
});

Deno.test("what was written with a disk that has lost its log is said by its next process", () => {
  const stage = three();
  const { text, image } = writesWhileOut(stage, 3);
  stage.member(3).hasLostLog = true;
  comesBackWith(stage, 3, image.filter(({ kind }) => kind !== "log" && kind !== "new-log"));
  assertEquals(timesSaid(stage, text), 1);
});

Deno.test("where the only one who knows the group has an old disk, too, it goes on under numbers that were used", () => {
  const stage = Stage.of(1, 1, 1);
  const { world } = stage;
  putBackMember(world, stage.member(1)); // kept
  loseDisk(world);
  const edited = () => {
    stage.until("it is known again", () => stage.view > 1_000 && stage.epoch(1) !== null);
    const asked = stage.edit(1, 1);
    stage.until("it is in the log", () => asked.isPlaced);
    return [stage.view, asked.edit];
  };
  const used = edited();
  putBackMember(world, stage.member(1));
  loseDisk(world);
  assertEquals(edited(), used);
  stage.unite();
  assert(world.coordinator.hasForked);
});

Deno.test("what is asked for between two losses of the coordinator's disk has a number of its own each time", () => {
  const stage = Stage.of(1, 2, 2);
  const { world } = stage;
  for (let text = 0; text < 2; text++) stage.say(1);
  stage.pass(1_000);
  loseDisk(world);
  stage.killAt("C", "disk group", () => {}, { having: "recounted" });
  stage.kill(2); // no view begins without it
  stage.startCoordinator();
  const asked = stage.edit(1, 1);
  stage.pass(30_000); // time enough to abort it
  loseDisk(world);
  stage.start(2);
  stage.until("both are in", () => stage.view > 1_000 && stage.membersSeenBy(2).length === 2);
  const later = stage.edit(1, 2);
  stage.until("both have numbers", () => asked.edit !== null && later.edit !== null);
  assert(asked.edit !== later.edit);
  stage.unite();
  assert(!world.coordinator.hasForked);
});

Deno.test("numbers are used again where only a member that is here with an old copy of its disk knew of them", () => {
  const stage = Stage.of(1, 2, 0);
  const { world } = stage;
  stage.startCoordinator();
  stage.start(2);
  stage.until("2 is in", () => stage.epoch(2) !== null);
  stage.kill(2);
  putBackMember(world, stage.member(1)); // kept: nothing
  loseDisk(world);
  stage.start(2);
  stage.pass(1_000);
  stage.operator("remove", 2); // what 2 had is given up
  stage.start(1);
  stage.until("1 is in", () => stage.epoch(1) !== null);
  const used = stage.view;
  loseDisk(world);
  putBackMember(world, stage.member(1));
  stage.operator("allow", 2);
  stage.start(2);
  stage.until("2 is in again", () => stage.epoch(2) !== null);
  assertEquals(stage.view, used);
  stage.unite();
  assert(world.coordinator.hasForked);
});

/**
 * The coordinator's disk and member 2's log are lost. Both members have told what they knew, and member 1, who alone has
 * the log, is removed, and gone before the next view begins.
 */
function holderRemoved(): Stage {
  const stage = Stage.of(1, 2, 2);
  for (const number of [1, 2]) stage.kill(number);
  loseDisk(stage.world);
  stage.member(2).hasLostLog = true;
  stage.member(2).disk.spoilLog(null, null);
  for (const number of [1, 2]) stage.start(number);
  stage.until("the group is known", () => stage.hasRecord("C", "recounted"));
  stage.kill(1);
  stage.pass(100);
  stage.operator("remove", 1);
  stage.pass(20_000);
  assertEquals([stage.epoch(2), stage.awaitedBy(2), stage.decided], [null, ["m1"], []]);
  return stage;
}

Deno.test("who has told what it knew, but has lost its log, doesn't go on without the only one who has the log", () => {
  const stage = holderRemoved();
  stage.operator("allow", 1);
  stage.start(1);
  stage.until("both are in", () => stage.membersSeenBy(2).length === 2);
  stage.unite();
  assertEquals(stage.world.history.forksMax, 0);
});

Deno.test("what only a removed member had is given up once all are removed who have told, but lost their logs", () => {
  const stage = holderRemoved();
  stage.operator("remove", 2);
  stage.until("it is given up", () => stage.hasRecord("C", "given-up"));
  stage.until("it is told", () => stage.member(2).process === null);
  stage.operator("allow", 2);
  stage.start(2);
  stage.until("it is in", () => stage.epoch(2) !== null);
  stage.say(2);
  stage.unite();
});

Deno.test("who has told what it knew, but has lost its log, isn't awaited where somebody else has the log", () => {
  const stage = three();
  const text = stage.say(1);
  stage.pass(500);
  for (const number of [1, 2, 3]) stage.kill(number);
  loseDisk(stage.world);
  stage.member(3).hasLostLog = true;
  stage.member(3).disk.spoilLog(null, null);
  for (const number of [1, 2, 3]) stage.start(number);
  stage.until("the group is known", () => stage.hasRecord("C", "recounted"));
  stage.kill(3);
  stage.until("the others go on", () => stage.membersSeenBy(1).length === 2);
  stage.start(3);
  stage.unite();
  assertEquals(timesSaid(stage, text), 1);
});

Deno.test("who has lost its log isn't awaited either where the coordinator is killed once it knows the group again", () => {
  for (const isBackFirst of [true, false]) {
    const stage = Stage.of(1, 2, 2);
    for (const number of [1, 2]) stage.kill(number);
    loseDisk(stage.world);
    stage.member(1).hasLostLog = true;
    stage.member(1).disk.spoilLog(null, null);
    for (const number of [1, 2]) stage.start(number);
    stage.killAt("C", "disk group", () => {}, { having: "recounted" });
    stage.kill(2); // no view begins without it
    if (!isBackFirst) stage.kill(1);
    stage.startCoordinator();
    stage.pass(LONG_MS);
    assertEquals(stage.decided, []);
    for (const number of [1, 2]) if (stage.member(number).process === null) stage.start(number);
    stage.until("both are in", () => stage.membersSeenBy(1).length === 2);
    stage.unite();
    assertEquals(stage.world.history.forksMax, 0);
  }
});

Deno.test("where no disk knows the group any more the operator begins another, and that is known later", () => {
  for (const effect of ["disk fresh", "send welcome", "disk decided"]) {
    const stage = Stage.of(1, 2, 0);
    const { world } = stage;
    stage.startCoordinator();
    putBackMember(world, stage.member(1)); // kept: nothing
    stage.start(1);
    stage.until("it is in", () => stage.epoch(1) !== null);
    loseDisk(world);
    putBackMember(world, stage.member(1));
    stage.pass(LONG_MS);
    assertEquals(stage.epoch(1), null);
    stage.kill("C");
    stage.killAt("C", effect, () => foundAnew(world));
    stage.startCoordinator();
    stage.start(2);
    stage.unite();
    assertEquals(stage.membersSeenBy(1).toSorted(), ["m1", "m2"], effect);
  }
});

/** An old copy of the coordinator's disk, and what a member has proved to it, alone know of the last view. */
function knownToCoordinatorAlone(): Stage {
  const stage = Stage.of(1, 1, 0);
  const { world } = stage;
  const comesIn = (after: number) =>
    stage.until("it is in", () => stage.view > after && stage.epoch(1) !== null);
  stage.startCoordinator();
  putBackMember(world, stage.member(1)); // kept: nothing
  stage.start(1);
  comesIn(0);
  loseDisk(world);
  comesIn(1_000);
  putBackDisk(world); // kept
  const { view } = stage;
  stage.kill(1);
  stage.start(1);
  comesIn(view);
  putBackDisk(world);
  const { disk } = world.coordinator;
  stage.until("it has told of a later view", () => disk.records.at(-1)!.kind === "lost");
  putBackMember(world, stage.member(1));
  stage.pass(LONG_MS);
  assertEquals(stage.epoch(1), null); // it is in no group
  return stage;
}

rule(
  "where the coordinator's disk alone knows of the last view, the operator removes whom it awaits, and they go on",
  RECOVERY_MUTATIONS.awaitsGivenUp,
  (stage) => {
    stage.unite();
    assertEquals([stage.membersSeenBy(1), stage.hasRecord("C", "given-up")], [["m1"], true]);
  },
  /^E1: the coordinator still repeats rules, which m1 lacks$/,
  knownToCoordinatorAlone,
);

Deno.test("who followed its coordinator to another group and back loses nothing that it writes then", () => {
  const stage = Stage.of(1, 3, 3);
  const { world } = stage;
  const party = stage.member(3);
  const groupOf3 = () => party.process!.member.standing.group;
  const first = groupOf3();
  putBackDisk(world); // keeps a copy of the coordinator's folder
  stage.kill(1);
  stage.kill(2);
  for (const number of [1, 2, 3]) stage.member(number).hasLostLog = true;
  foundAnew(world); // `serve --new`, by mistake
  stage.until("3 is in the other group", () => groupOf3() !== first && stage.epoch(3) !== null);
  putBackDisk(world); // the operator puts the folder back
  stage.cut("udp", [3, 1], [3, 2]);
  stage.start(1);
  stage.start(2);
  stage.until("3 is back in the first group", () => groupOf3() === first);
  stage.pass(2_000);
  const text = stage.say(3);
  stage.pass(2_000);
  stage.kill(3);
  stage.start(3);
  stage.cut("udp");
  stage.until("it is in", () => stage.epoch(3) !== null && stage.epoch(3) === stage.epoch(1));
  stage.pass(2_000);
  assertEquals(world.history.entries.filter((entry) => entry.text === text).length, 1);
});
