// The coordinator's part in a snapshot, with members that answer as a test says.

import { assert, assertEquals } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import {
  SNAPSHOT_ATTEMPTS_MAX,
  SNAPSHOT_IDS_MAX,
  SNAPSHOT_MS_MAX,
  SNAPSHOTS_ASKED_MAX,
  TOLD_ENTRIES_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import type { MemberState } from "../../../../lib/protocols/group/schema/cut.ts";
import { type Name, Program, type Words } from "../coordinator_program.ts";

const DIGEST = "d".repeat(64) as Hash;

/** A group in which everybody has said where its log ends. */
function groupOf(...names: readonly Name[]): Program {
  const program = Program.of(...names);
  for (const name of names) saysState(program, name);
  program.events.length = 0;
  return program;
}

function saysState(program: Program, name: Name): void {
  const { begun: ballot, end } = program.somebody(name);
  const { position, digest } = end.point;
  program.says(name, {
    type: "state",
    ballot,
    end: { seq: end.seq, position, digest },
    at: 0,
    locks: [],
    points: [],
    after: end.seq,
    arrivals: [],
  });
}

/** The marker that a member got last. */
function markerOf(program: Program, name: Name): GroupMessageOf<"marker"> {
  const marker = program.somebody(name).got.get("marker");
  assert(marker?.type === "marker", `${name} got no marker`);
  return marker;
}

function stateOf(program: Program, name: Name, members: number): MemberState {
  const { end } = program.somebody(name);
  const { point } = end;
  return {
    seq: end.seq,
    log: point,
    placed: point,
    acked: point,
    sent: 0,
    logged: 0,
    decided: null,
    tellings: 0,
    locks: [],
    peers: Array.from({ length: members }, () => ({ texts: 0, acked: 0 })),
    channels: Array.from({ length: members }, () => []),
    fromCoordinator: [],
  };
}

/** A member answers: first the marker, then what it has recorded. */
function answers(program: Program, name: Name, members: number): Words {
  const marker = markerOf(program, name);
  const { attempt } = marker;
  const state = stateOf(program, name, members);
  return [
    ...program.says(name, marker),
    ...program.says(name, { type: "recorded", attempt, state }),
  ];
}

function kept(program: Program, token: number, file: string | null = "/data/s.txt"): Words {
  return program.feed({ type: "snapshot-kept", token, file, text: "no room", removed: [] });
}

const ASK = { command: "snapshot" } as const;
const SNAPSHOT = /marker|snapshot|error/;
const ofSnapshots = (words: Words) => words.filter((word) => SNAPSHOT.test(word));

Deno.test("A snapshot is all markers, then all records, then a file", () => {
  const program = groupOf("ann", "bob");

  assertEquals(program.command(ASK), ["ann: marker", "bob: marker"]);
  assertEquals(answers(program, "ann", 2), []);
  assertEquals(answers(program, "bob", 2), ["snapshot of ann bob"]);
  assertEquals(kept(program, 1), ["snapshot"]);
});

Deno.test("A snapshot is begun when the view has begun at all its members, and all have said so", () => {
  const program = groupOf("ann");
  program.somebody("bob").answers.delete("begin");
  program.joins("bob");

  assertEquals(program.command(ASK), []);
  const { promised: ballot } = program.somebody("bob");
  program.somebody("bob").begun = ballot;
  assertEquals(ofSnapshots(program.says("bob", { type: "begun", ballot })), []);
  saysState(program, "ann");
  const words = program.says("bob", {
    type: "state",
    ballot,
    end: { seq: 0, ...program.somebody("bob").end.point },
    at: 0,
    locks: [],
    points: [],
    after: 0,
    arrivals: [],
  });

  assertEquals(ofSnapshots(words), ["ann: marker", "bob: marker"]);
});

Deno.test("A member whose link is lost ends the try; the next one is made when it is back", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  const first = markerOf(program, "ann");

  assertEquals(ofSnapshots(program.goesDown("bob")), ["ann: snapshot-over"]);
  program.comes("bob");
  saysState(program, "bob");
  assert(markerOf(program, "ann").attempt.number > first.attempt.number);

  // What is said of the one before says nothing.
  assertEquals(program.says("ann", first), []);
  answers(program, "ann", 2);
  assertEquals(answers(program, "bob", 2), ["snapshot of ann bob"]);
});

Deno.test("A member that can't go on ends the try, and the next one begins at once", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  const { attempt } = markerOf(program, "ann");

  const words = program.says("ann", { type: "snapshot-over", attempt });

  assertEquals(words, ["ann: snapshot-over", "bob: snapshot-over", "ann: marker", "bob: marker"]);
});

Deno.test("After a few tries whoever asked is told why not", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);

  for (let n = 1; n < SNAPSHOT_ATTEMPTS_MAX; n++) {
    const { attempt } = markerOf(program, "ann");
    program.says("ann", { type: "snapshot-over", attempt });
  }
  const { attempt } = markerOf(program, "ann");
  const words = program.says("ann", { type: "snapshot-over", attempt });

  assertEquals(words.at(-1), "error timeout");
  assertEquals(
    program.told.at(-1),
    `Cannot take a snapshot: ann couldn't go on with it, ${SNAPSHOT_ATTEMPTS_MAX} times; /status shows what is ` +
      "awaited",
  );
  assertEquals(program.command(ASK), ["ann: marker", "bob: marker"]);
});

Deno.test("Who doesn't answer is waited for, a few times", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  answers(program, "ann", 2);

  assertEquals(ofSnapshots(program.pass(SNAPSHOT_MS_MAX - 1)), []);
  assertEquals(ofSnapshots(program.pass(1)), [
    "ann: snapshot-over",
    "bob: snapshot-over",
    "ann: marker",
    "bob: marker",
  ]);
  const words = program.pass(SNAPSHOT_ATTEMPTS_MAX * SNAPSHOT_MS_MAX);

  assertEquals(words.at(-1), "error timeout");
  assert(
    /: ann and bob didn't answer for 10 s, 5 times/.test(program.told.at(-1)!),
    program.told.at(-1),
  );
});

Deno.test("Whoever asked for one is answered before the coordinator ends", () => {
  const program = groupOf("ann");
  program.command(ASK, "z");
  assertEquals(program.command({ command: "quit" }), []);
  answers(program, "ann", 1);
  const words = kept(program, 1);

  assertEquals([words[0], words.at(-1)], ["snapshot", "stops: bye"]);
});

Deno.test("The end waits for a snapshot for 10 s, and says so; for one by the clock not at all", () => {
  const program = groupOf("ann");
  program.command(ASK, "z");
  program.command({ command: "quit" });
  assertEquals(program.pass(1_000).filter((word) => !word.includes("ann")), ["notice"]);
  assert(/in 9 s/.test(program.told.at(-1)!), program.told.at(-1));
  const words = program.pass(9_000);
  assert(words.includes("error timeout"), words.join());
  assertEquals(words.at(-1), "stops: bye");

  const clock = Program.with({ snapshotEveryMs: 60_000 }, "ann");
  saysState(clock, "ann");
  clock.pass(60_000);
  assertEquals(clock.command({ command: "quit" }).at(-1), "stops: bye");
});

Deno.test("While no view begins, whoever asks is told so in the end", () => {
  const program = groupOf("ann", "bob");
  program.somebody("bob").answers.delete("flush");
  program.comes("cem");
  program.allHear();

  assertEquals(program.command(ASK), []);
  const words = program.pass(SNAPSHOT_MS_MAX);

  assert(words.includes("error timeout"), words.join("\n"));
});

Deno.test("Who asks while one is taken gets the next one, and so do all who ask then", () => {
  const program = groupOf("ann");
  program.command(ASK, "first");

  assertEquals(program.command(ASK, "second"), []);
  assertEquals(program.command(ASK, "third"), []);
  assertEquals(answers(program, "ann", 1), ["snapshot of ann"]);
  assertEquals(kept(program, 1), ["snapshot", "ann: marker"]);
  assertEquals(answers(program, "ann", 1), ["snapshot of ann"]);

  assertEquals(kept(program, 2), ["snapshot", "snapshot"]);
});

Deno.test(`At most ${SNAPSHOTS_ASKED_MAX} wait for the next one`, () => {
  const program = groupOf("ann");
  program.command(ASK);
  for (let n = 0; n < SNAPSHOTS_ASKED_MAX; n++) assertEquals(program.command(ASK), []);

  assertEquals(program.command(ASK), ["error busy"]);
});

Deno.test("Of a group without members one is written at a time, however fast they are asked for", () => {
  const program = Program.started();
  assertEquals(program.command(ASK), ["snapshot of "]);
  for (let n = 0; n < SNAPSHOTS_ASKED_MAX; n++) assertEquals(program.command(ASK), []);
  assertEquals(program.command(ASK), ["error busy"]);

  const words = kept(program, 1);

  assertEquals(words, ["snapshot", "snapshot of "]);
  assertEquals(kept(program, 2).length, SNAPSHOTS_ASKED_MAX);
});

Deno.test("--snapshot-every takes one so often, and none of an empty group or while one is taken", () => {
  const program = Program.started({ snapshotEveryMs: 1_000 });
  assertEquals(ofSnapshots(program.pass(5_000)), []);
  program.joins("ann");
  saysState(program, "ann");

  assertEquals(ofSnapshots(program.pass(1_000)), ["ann: marker"]);
  assertEquals(ofSnapshots(program.pass(1_000)), []);
  assertEquals(answers(program, "ann", 1), ["snapshot of ann"]);
  assertEquals(ofSnapshots(program.pass(1_000)), []);
  kept(program, 1);
  assertEquals(ofSnapshots(program.pass(1_000)), ["ann: marker"]);
});

Deno.test("--snapshot-every gives up one that nobody answers, though the next ones are due", () => {
  const program = Program.started({ snapshotEveryMs: 1_000 });
  program.joins("ann");
  saysState(program, "ann");

  const words = ofSnapshots(program.pass(1_000 + SNAPSHOT_MS_MAX));

  assertEquals(words, ["ann: marker", "ann: snapshot-over", "ann: marker"]);
});

Deno.test("Where the disk refuses it, whoever asked is told", () => {
  const program = groupOf("ann");
  program.command(ASK);
  answers(program, "ann", 1);

  assertEquals(kept(program, 1, null), ["error disk"]);
  assertEquals(program.told.at(-1), "no room");
});

Deno.test("What is removed for a new one is told once", () => {
  const program = groupOf("ann");
  const words: Words[] = [];
  for (const token of [1, 2]) {
    program.command(ASK);
    answers(program, "ann", 1);
    const file = `/data/${token}.txt`;
    words.push(
      program.feed({ type: "snapshot-kept", token, file, text: "", removed: [`old ${token}`] }),
    );
  }

  assertEquals(words, [["snapshot", "notice"], ["snapshot"]]);
  assert(program.told.at(-1)!.includes("old 1"));
});

Deno.test("A cut that isn't consistent is shown as such", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  answers(program, "ann", 2);
  const marker = markerOf(program, "bob");
  const state = { ...stateOf(program, "bob", 2), log: { position: 0, digest: DIGEST } };
  program.says("bob", marker);
  program.says("bob", { type: "recorded", attempt: marker.attempt, state });

  kept(program, 1);

  const event = program.events.at(-1)!;
  assert(event.event === "snapshot");
  assertEquals(event.consistent, false);
  assertEquals(event.why.includes("other histories"), true, event.why);
});

const ID = new Uint8Array(32).fill(7);

/** The message that tells of the next entries. */
function entriesAfter(
  program: Program,
  after: number,
  count: number,
): GroupMessageOf<"entries"> {
  const { key: author } = program.somebody("ann");
  const entry = { id: ID, author, name: "ann" };
  const entries = Array.from({ length: count }, () => entry);
  return { type: "entries", after, through: after + count, seq: after + 1, entries };
}

Deno.test("What was told before a marker came is under way, and shown as such", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  program.says("ann", entriesAfter(program, 0, 1));
  const { attempt } = markerOf(program, "ann");
  program.says("ann", markerOf(program, "ann"));
  const state = { ...stateOf(program, "ann", 2), tellings: 1 };
  program.says("ann", { type: "recorded", attempt, state });
  answers(program, "bob", 2);

  kept(program, 1);

  const event = program.events.at(-1)!;
  assert(event.event === "snapshot");
  const told = event.channels.find(({ from, to }) => from === "ann" && to === "*coordinator*");
  assertEquals(told?.messages, [{ id: ID.toHex() }]);
  assertEquals(event.channels.length, 6);
  assertEquals(event.members.map(({ name }) => name), ["ann", "bob", "*coordinator*"]);
});

Deno.test("Who tells of entries and isn't the sequencer ends the try, and is named in the end", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);

  const words: string[] = [];
  for (let n = 0; n < SNAPSHOT_ATTEMPTS_MAX; n++) {
    words.push(...program.says("bob", entriesAfter(program, n, 1)));
  }

  assertEquals(words.slice(0, 2), ["ann: snapshot-over", "bob: snapshot-over"]);
  assertEquals(words.at(-1), "error timeout");
  const told = program.told.at(-1)!;
  assert(told.includes("bob told of more entries than can be under way, 5 times"), told);
});

Deno.test("A sequencer that tells of entries without end, and sends no marker, ends the try", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  const messages = Math.floor(SNAPSHOT_IDS_MAX / (TOLD_ENTRIES_MAX + 1));
  const tells = (n: number) =>
    ofSnapshots(program.says("ann", entriesAfter(program, n * TOLD_ENTRIES_MAX, TOLD_ENTRIES_MAX)));

  for (let n = 0; n < messages; n++) assertEquals(tells(n), []);
  assertEquals(tells(messages).slice(0, 2), ["ann: snapshot-over", "bob: snapshot-over"]);
});

Deno.test("What the sequencer tells after its marker counts for nothing, however long others take", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  answers(program, "ann", 2);

  for (let n = 0; n < 2 * SNAPSHOT_IDS_MAX / TOLD_ENTRIES_MAX; n++) {
    program.says("ann", entriesAfter(program, n * TOLD_ENTRIES_MAX, TOLD_ENTRIES_MAX));
  }

  assertEquals(ofSnapshots(answers(program, "bob", 2)), ["snapshot of ann bob"]);
});

Deno.test("A record of other channels than the view's is an offence", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  const marker = markerOf(program, "ann");
  program.says("ann", marker);

  const state = stateOf(program, "ann", 1);
  const words = program.says("ann", { type: "recorded", attempt: marker.attempt, state });

  assert(words.includes("bans ann: it recorded other channels than the view has"), words.join());
});

Deno.test("A record before its marker is an offence", () => {
  const program = groupOf("ann", "bob");
  program.command(ASK);
  const { attempt } = markerOf(program, "ann");

  const state = stateOf(program, "ann", 2);
  const words = program.says("ann", { type: "recorded", attempt, state });

  assert(words.includes("bans ann: it recorded before its marker"), words.join());
});
