/** What the coordinator knows of edits after restarts, and is asked or told of them. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RequestId } from "../../../../lib/base/ids.ts";
import type { SignedEditRequest } from "../../../../lib/protocols/group/schema/edit.ts";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import {
  ABORTED_KEPT_MAX,
  DECIDERS_KEPT_MAX,
  EDITS_MAX,
  EDITS_PENDING_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { SLOW } from "../../../given.ts";
import { GROUP, OWN, Program, type Words } from "../coordinator_program.ts";
import { Decider, editOf, forged, idOf } from "../edit_fixtures.ts";
import {
  applied,
  committed,
  decisionAt,
  edit,
  request,
  vote,
  votedOn,
} from "./coordinator_cases.ts";

// The coordinator's part in edits: two-phase commit, step by step.

function inquire(program: Program, name: string, ...ids: readonly RequestId[]): Words {
  const edits = ids.map((id) => ({ id, edit: 0, seq: 1, view: 0 }));
  return program.says(name, { type: "inquire", edits });
}

// Restarts.

Deno.test("after a restart what was decided is told again, and only that", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  const undecided = request(program, "ann", 2);
  edit(program, "ann", undecided);
  vote(program, "ann", undecided, "ann");
  const later = program.restarted();
  const words = [...later.comes("ann"), ...later.comes("bob")];

  assertEquals(words.filter((word) => /committed|prepare/.test(word)), [
    "ann: committed 1",
    "bob: committed 1",
  ]);
  assertEquals(inquire(later, "ann", idOf(undecided)), [
    "ann: aborted 0: the coordinator was restarted before it was decided, or has forgotten why",
  ]);
});

Deno.test("after a restart who asks again for an edit that was aborted is told its number and why, though its entry is being edited by then", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  vote(program, "ann", signed, null, { agrees: false });
  const later = program.restarted();
  for (const name of ["ann", "bob"]) later.comes(name);
  const other = request(later, "bob", 1, "other", "ann");
  edit(later, "bob", other);

  assertEquals(edit(later, "ann", signed), [
    "ann: edit-accepted 1",
    "ann: aborted 1: ann said no",
  ]);
  assertEquals(votedOn(later, "ann", other).edit, 1 + EDITS_MAX);
});

Deno.test("the operator is told once of each edit that a restart has dropped, as soon as members ask about it", () => {
  const program = Program.of("ann", "bob");
  const dropped = request(program, "ann", 2);
  edit(program, "ann", dropped);
  const later = program.restarted();
  for (const name of ["ann", "bob"]) later.comes(name);
  const asks = (name: string, id: RequestId, edit: number) =>
    later.says(name, { type: "inquire", edits: [{ id, edit, seq: 2, view: 0 }] });
  later.told.length = 0;
  for (const name of ["ann", "bob"]) asks(name, idOf(dropped), 1);
  const text =
    "Edit 1 of entry 2 is dropped: this coordinator was started again before it was decided";
  assertEquals(later.told, [text]);

  // A number that nobody was ever given, or that this process gave, is none of a restart's; nor do lies fill the screen.
  const own = request(later, "ann", 1, "own");
  edit(later, "ann", own);
  for (const number of [0, EDITS_MAX + 1, 1_000_000]) asks("ann", idOf(dropped), number);
  assertEquals(later.told, [text]);
  for (let number = 1; number <= EDITS_MAX; number++) asks("ann", idOf(dropped), number);
  assertEquals(later.told.length, EDITS_MAX);
});

Deno.test("after a restart it is known why an edit was aborted, and which were applied", () => {
  const program = Program.of("ann");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  vote(program, "ann", signed, null, { agrees: false });
  committed(program, "ann", 2, "ann");
  applied(program, "ann", decisionAt(program, "ann"));
  const later = program.restarted();

  assertEquals(later.comes("ann").filter((word) => word.includes("committed")), []);
  assertEquals(inquire(later, "ann", idOf(signed)), ["ann: aborted 1: ann said no"]);
});

Deno.test("all that a compacted file has is all that counts", () => {
  const program = Program.of("ann", "bob");
  const aborted = request(program, "ann", 1);
  edit(program, "ann", aborted);
  vote(program, "bob", aborted, null, { agrees: false });
  committed(program, "ann", 2, "ann", "bob");
  program.disk.splice(0, Infinity, ...program.machine.snapshot()!);
  const later = program.restarted();

  assert(later.comes("ann").includes("ann: committed 2"));
  later.comes("bob");
  assertEquals(inquire(later, "ann", idOf(aborted)), ["ann: aborted 1: bob said no"]);
  assertStringIncludes(
    edit(later, "ann", request(later, "ann", 3)).join(),
    `accepted ${EDITS_MAX + 1}`,
  );
});

Deno.test("of the decisions of each process one is forgotten after those before it", () => {
  const program = Program.of("ann");
  committed(program, "ann", 1, "ann");
  const before = decisionAt(program, "ann");
  const later = program.restarted();
  later.comes("ann");
  committed(later, "ann", 2, "ann");
  const after = decisionAt(later, "ann");

  assertEquals(after.batch.value.counter, 1);
  assertEquals(applied(later, "ann", after), ["disk: applied to 1"]);
  assertEquals(applied(later, "ann", before), ["disk: applied to 1"]);
});

// Questions, and what members bring.

Deno.test("of an open edit nothing is answered; of others how it ended; to members of a view that has begun", () => {
  const program = Program.of("ann", "bob");
  const open = request(program, "ann", 1);
  edit(program, "ann", open);
  program.nowMs += 100;
  const decided = committed(program, "ann", 2, "ann", "bob");
  const unknown = request(program, "ann", 3);
  const asked = [open, decided, unknown].map(idOf);
  assertEquals(inquire(program, "bob", ...asked, ...asked.slice(1, 2)), [
    "bob: committed 2",
    "bob: aborted 0: the coordinator was restarted before it was decided, or has forgotten why",
  ]);

  program.comes("cem");
  assertEquals(inquire(program, "cem", ...asked), []);
  program.somebody("bob").answers.delete("begin");
  program.allHear();
  assertEquals(inquire(program, "ann", ...asked), [], "it hasn't begun at bob");
});

Deno.test(
  `of aborted ones the latest ${ABORTED_KEPT_MAX} are known with their reasons`,
  SLOW,
  () => {
    const program = Program.of("ann");
    const all = Array.from({ length: ABORTED_KEPT_MAX + 1 }, () => request(program, "ann", 1));
    for (const signed of all) {
      program.nowMs += 100;
      edit(program, "ann", signed);
      vote(program, "ann", signed, null, { agrees: false });
    }
    const reason = (signed: SignedEditRequest) => inquire(program, "ann", idOf(signed))[0];

    assertStringIncludes(reason(all[0]!)!, "has forgotten why");
    assertEquals(reason(all[1]!), "ann: aborted 2: ann said no");

    // Nor does a later process claim to know that it wasn't decided.
    const later = program.restarted();
    later.comes("ann");
    later.told.length = 0;
    for (const [at, signed] of all.slice(0, 2).entries()) {
      later.says("ann", {
        type: "inquire",
        edits: [{ id: idOf(signed), edit: at + 1, seq: 1, view: 0 }],
      });
    }
    assertEquals(later.told, [
      "Edit 1 of entry 1 is over: it was aborted, or this coordinator was started again before it was decided",
    ]);
  },
);

Deno.test("a disk that has lost what was decided learns of it from the members", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  const decided = decisionAt(program, "ann");
  const at = program.disk.findIndex(({ kind }) => kind === "committed");
  program.disk.splice(at, 1);
  const later = program.restarted();
  later.comes("ann");
  later.comes("bob");
  const bring = () => later.says("ann", { type: "committed", signed: decided });
  assertEquals(bring(), ["disk: committed 1", "ann: committed 1", "bob: committed 1"]);
  assertEquals(bring(), []);
});

Deno.test("where a disk has lost what rules were set, and a member brings them, the present ones are set again", () => {
  const program = Program.of("ann");
  const old = [...program.disk];
  const asking = program.restarted({ edits: "ask" });
  asking.comes("ann");
  const lost = decisionAt(asking, "ann");
  assertEquals(lost.batch.value.rules, { edits: "ask" });
  const later = program.restarted({ records: old, edits: "own" });
  later.comes("ann");

  const words = later.says("ann", { type: "committed", signed: lost });
  assertEquals(words, ["disk: rules, committed ", "ann: committed "]);
  const { incarnation, counter } = lost.batch.value;
  const done = later.says("ann", { type: "applied", incarnation, through: counter });
  assertEquals(done.includes("disk: rules, committed "), true);
  assertEquals(decisionAt(later, "ann").batch.value.rules, { edits: "own" });
});

Deno.test("what is voted on while a member brings rules that this disk has lost is voted on anew, under the present ones", () => {
  const program = Program.of("ann", "bob");
  const old = [...program.disk];
  const asking = program.restarted({ edits: "ask" });
  asking.comes("ann");
  const lost = decisionAt(asking, "ann");
  const later = asking.restarted({ records: old, edits: "own" });
  later.comes("ann");
  const signed = request(later, "ann", 1);
  edit(later, "ann", signed);
  vote(later, "ann", signed, "ann");
  later.comes("bob");
  const everywhere = ({ batch: { value } }: SignedBatch) =>
    ["ann", "bob"].flatMap((name) => {
      const { incarnation, counter: through } = value;
      return later.says(name, { type: "applied", incarnation, through });
    });

  later.says("bob", { type: "committed", signed: lost });
  const early = vote(later, "bob", signed, "ann");
  assertEquals(
    early,
    [],
    "ann's log may have the lost rules, under which bob's consent is missing",
  );
  everywhere(lost);
  const present = decisionAt(later, "ann");
  assertEquals(present.batch.value.rules, { edits: "own" });
  const asked = everywhere(present).filter((word) => word.includes("prepare"));
  assertEquals(asked, ["ann: prepare 1", "bob: prepare 1"]);
  vote(later, "ann", signed, "ann");
  assertStringIncludes(vote(later, "bob", signed, "ann").join(), "ann: committed 1");
});

Deno.test("what a member brings and this one hasn't signed breaks the rules", () => {
  const signed = (program: Program) => editOf(1, request(program, "ann", 1));
  const wrong: readonly ((program: Program) => SignedBatch)[] = [
    (program) => new Decider(program.somebody("ann").signer, GROUP).decides([signed(program)]),
    (program) => forged(new Decider(OWN, GROUP).decides([signed(program)])),
    (program) => new Decider(OWN, "5".repeat(64) as typeof GROUP).decides([signed(program)]),
    (program) => new Decider(OWN, GROUP).decides([editOf(1, forged(request(program, "ann", 1)))]),
  ];
  for (const decision of wrong) {
    const program = Program.of("ann");
    const words = program.says("ann", { type: "committed", signed: decision(program) });
    assertEquals(words.filter((word) => word.startsWith("bans ann")).length, 1);
    assertEquals(words.filter((word) => word.includes("disk: committed")), []);
  }
});

Deno.test("what a member brings is bounded, and of this process nothing is news", () => {
  const program = Program.of("ann", "bob");
  const decider = new Decider(OWN, GROUP, 99);
  const bring = (signed: SignedBatch) => program.says("ann", { type: "committed", signed });
  for (let edit = 1; edit <= EDITS_PENDING_MAX; edit++) {
    program.nowMs += 100;
    assert(bring(decider.decides([editOf(edit, request(program, "ann", 1))])).length > 0);
  }
  assertEquals(bring(decider.decides([editOf(999, request(program, "ann", 1))])), []);

  const other = Program.of("ann");
  committed(other, "ann", 1, "ann");
  const decided = decisionAt(other, "ann");
  applied(other, "ann", decided);
  assertEquals(other.says("ann", { type: "committed", signed: decided }), []);
});

Deno.test("where history was given up decisions begin anew, and what may be lost is told as aborted", () => {
  const program = Program.of("ann");
  const lost = committed(program, "ann", 1, "ann");
  const before = decisionAt(program, "ann").batch.value;
  program.goesDown("ann");
  program.command({ command: "remove", name: "ann" });
  program.pass(10_000);
  assert(program.disk.some(({ kind }) => kind === "given-up"));
  program.joins("bob");
  assertEquals(inquire(program, "bob", idOf(lost)), [
    "bob: aborted 1: the operator gave up the part of the log that it belonged to",
  ]);
  committed(program, "bob", 1, "bob");
  const after = decisionAt(program, "bob").batch.value;

  assertEquals([after.counter, after.edits[0]!.edit], [1, 2]);
  assert(before.incarnation.toHex() !== after.incarnation.toHex());
  // Also for the next process.
  const later = program.restarted();
  later.comes("bob");
  assertEquals(
    (later.somebody("bob").got.get("committed") as GroupMessageOf<"committed">)
      .signed.batch.value.edits.map(({ edit }) => edit),
    [2],
  );
});

/** What brings the program of a coordinator to its next process. */
const NEXT: Readonly<Record<string, (program: Program) => Program>> = {
  "the same process": (program) => program,
  "a later process": (program) => program.restarted(),
  "a later process with a compacted file": (program) => {
    program.disk.splice(0, Infinity, ...program.machine.snapshot()!);
    return program.restarted();
  },
};

for (const [what, next] of Object.entries(NEXT)) {
  Deno.test(`a decision whose history was given up is void for ${what}, whoever brings it`, () => {
    const program = Program.of("ann");
    const inAllLogs = committed(program, "ann", 1, "ann");
    const first = decisionAt(program, "ann");
    applied(program, "ann", first);
    const told = committed(program, "ann", 2, "ann");
    const second = decisionAt(program, "ann");
    program.goesDown("ann");
    program.command({ command: "remove", name: "ann" });
    program.pass(10_000);
    program.joins("bob");
    const later = next(program);
    if (later !== program) later.comes("bob");

    const bring = (signed: SignedBatch) => later.says("bob", { type: "committed", signed });
    assertEquals([first, second].map(bring), [[], []]);
    assertEquals(inquire(later, "bob", idOf(inAllLogs), idOf(told)), [
      "bob: aborted 0: the coordinator was restarted before it was decided, or has forgotten why",
      "bob: aborted 2: the operator gave up the part of the log that it belonged to",
    ]);
  });

  Deno.test(`a decision that is in all logs is void for ${what}, whoever brings it`, () => {
    const program = Program.of("ann", "bob");
    committed(program, "ann", 1, "ann", "bob");
    // Of a process before, which this disk had lost.
    const brought = new Decider(OWN, GROUP, 99).decides([editOf(1, request(program, "ann", 1))]);
    program.says("bob", { type: "committed", signed: brought });
    const both = [decisionAt(program, "ann"), brought];
    for (const name of ["ann", "bob"]) for (const signed of both) applied(program, name, signed);
    const later = next(program);
    if (later !== program) { for (const name of ["ann", "bob"]) later.comes(name); }

    const bring = (signed: SignedBatch) => later.says("bob", { type: "committed", signed });
    assertEquals(both.map(bring), [[], []]);
  });
}

Deno.test(`decisions are known to be over of the latest ${DECIDERS_KEPT_MAX} processes`, () => {
  const records = Array.from({ length: DECIDERS_KEPT_MAX + 1 }, (_, number) => ({
    kind: "applied" as const,
    incarnation: number.toString(16).padStart(16, "0"),
    counter: 1,
  }));
  const program = Program.with({ records }, "ann");

  const kept = [...program.machine.snapshot()!].filter(({ kind }) => kind === "applied");
  assertEquals(kept, records.slice(1));
});

Deno.test("/edits tells what is voted on and what isn't in all logs, with whom it waits for", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  applied(program, "ann", decisionAt(program, "ann"));
  const open = request(program, "bob", 2, "due");
  edit(program, "bob", open);
  vote(program, "bob", open, "bob");
  program.command({ command: "edits" });

  assertEquals(program.events.at(-1), {
    event: "edits",
    edits: [
      {
        edit: 2,
        seq: 2,
        by: "bob",
        text: "due",
        state: "voting",
        awaited: ["ann"],
        deadline: "1970-01-01T00:00:30.000Z",
      },
      {
        edit: 1,
        seq: 1,
        by: "ann",
        text: "new",
        state: "committed",
        awaited: ["bob"],
        deadline: null,
      },
    ],
  });
});
