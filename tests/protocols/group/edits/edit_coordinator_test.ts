/** The coordinator takes edits: one for an entry at once, the others are told who. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SignedEditRequest } from "../../../../lib/protocols/group/schema/edit.ts";
import { EDITS_MAX, EDITS_PENDING_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { GROUP, Program } from "../coordinator_program.ts";
import { forged, requestOf } from "../edit_fixtures.ts";
import { applied, committed, decisionAt, edit, request, vote } from "./coordinator_cases.ts";

Deno.test("an edit gets its number, stored before it is told, and all of the view are asked", () => {
  const program = Program.of("ann", "bob");
  assertEquals(edit(program, "ann", request(program, "ann", 1)), [
    `disk: edits to ${EDITS_MAX}`,
    "ann: prepare 1",
    "bob: prepare 1",
    "ann: edit-accepted 1",
  ]);

  const prepare = program.somebody("bob").got.get("prepare") as GroupMessageOf<"prepare">;
  assertEquals([prepare.view, prepare.voteMs], [2, 30_000]);
});

Deno.test("what comes during a round of votes is voted on together in the next one", () => {
  const program = Program.of("ann", "bob");
  const all = [1, 2, 3].map((seq) => request(program, "ann", seq));
  edit(program, "ann", all[0]!);
  // The next numbers are taken already.
  assertEquals(edit(program, "ann", all[1]!), []);
  assertEquals(edit(program, "bob", request(program, "bob", 3)), []);

  assertEquals(vote(program, "ann", all[0]!, "ann"), []);
  program.diskMode = "holds-committed";
  assertEquals(vote(program, "bob", all[0]!, "ann"), ["disk: committed 1"]);
  const words = program.diskAnswers();
  assertEquals(words.filter((word) => /prepare|accepted/.test(word)), [
    "ann: prepare 2",
    "bob: prepare 2",
    "ann: edit-accepted 2",
    "ann: prepare 3",
    "bob: prepare 3",
    "bob: edit-accepted 3",
  ]);
});

Deno.test("whoever waits for a round that isn't to come soon is told its number at once", () => {
  const program = Program.of("ann", "bob");
  edit(program, "ann", request(program, "ann", 1));
  assertEquals(edit(program, "bob", request(program, "bob", 2)), []);

  assert(program.joins("cem").includes("bob: edit-accepted 2"));
});

Deno.test("whoever leaves before the next round is told its number, and that its edit is aborted", () => {
  const program = Program.of("ann", "bob");
  edit(program, "ann", request(program, "ann", 1));
  edit(program, "bob", request(program, "bob", 2));

  const words = program.says("bob", { type: "leave" });
  assertEquals(words.filter((word) => word.startsWith("bob: ")).slice(0, 2), [
    "bob: edit-accepted 2",
    "bob: aborted 2: the member that asked for it isn't in the group any more",
  ]);
});

Deno.test("what a round has decided is one batch, also where another of it is refused last", () => {
  const program = Program.of("ann", "bob");
  edit(program, "ann", request(program, "ann", 9));
  const all = [1, 2, 3].map((seq) => request(program, "ann", seq));
  for (const signed of all) edit(program, "ann", signed);
  program.pass(50); // the first one is still voted on
  const [one, two, three] = all as [SignedEditRequest, SignedEditRequest, SignedEditRequest];
  for (const signed of [one, two]) {
    for (const name of ["ann", "bob"]) assertEquals(vote(program, name, signed, "ann"), []);
  }
  const words = vote(program, "bob", three, "ann", { agrees: false });
  assert(words.includes("disk: committed 2 3"), words.join());
});

Deno.test("the operator is told who asked for an edit, and who agreed", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1, "new", "bob");
  edit(program, "ann", signed);
  vote(program, "ann", signed, "bob");
  vote(program, "bob", signed, "bob");

  const told = program.events.find((event) => event.event === "edit");
  assertEquals([told?.by, told?.outcome, told?.agreed], ["ann", "committed", ["bob"]]);
});

Deno.test("a user who thinks holds up what is decided for 50 ms at most, and for another view not at all", () => {
  const held = () => {
    const program = Program.of("ann", "bob");
    edit(program, "ann", request(program, "ann", 9));
    const all = [1, 2].map((seq) => request(program, "ann", seq));
    for (const signed of all) edit(program, "ann", signed);
    program.pass(50);
    for (const name of ["ann", "bob"]) assertEquals(vote(program, name, all[0]!, "ann"), []);
    return program;
  };
  const program = held();
  assertEquals(program.pass(49), []);
  assertEquals(program.pass(1)[0], "disk: committed 2");

  const words = held().joins("cem");
  assert(words.includes("disk: committed 2"), words.join());
});

Deno.test("a round that ends with a no lets the next one begin", () => {
  const program = Program.of("ann");
  const all = [1, 2].map((seq) => request(program, "ann", seq));
  for (const signed of all) edit(program, "ann", signed);

  const words = vote(program, "ann", all[0]!, "ann", { agrees: false });
  assertEquals(words.slice(-2), ["ann: prepare 2", "ann: edit-accepted 2"]);
});

Deno.test("a user who thinks holds up the next round for 50 ms at most", () => {
  const program = Program.of("ann");
  for (const seq of [1, 2]) edit(program, "ann", request(program, "ann", seq));
  assertEquals(program.pass(49), []);
  assertEquals(program.pass(1), ["ann: prepare 2", "ann: edit-accepted 2"]);
  // From then on the first one holds up nobody.
  program.pass(50);
  const words = edit(program, "ann", request(program, "ann", 3));
  assertEquals(words, ["ann: prepare 3", "ann: edit-accepted 3"]);
});

Deno.test("numbers go on after a restart, above all that were given", () => {
  const program = Program.of("ann");
  committed(program, "ann", 1, "ann");
  const later = program.restarted();
  later.comes("ann");
  const words = edit(later, "ann", request(later, "ann", 2));

  assert(words.includes(`ann: edit-accepted ${EDITS_MAX + 1}`), words.join());
});

Deno.test("numbers go on, too, where the file was compacted before any edit", () => {
  const program = Program.of("ann");
  committed(program, "ann", 1, "ann");
  applied(program, "ann", decisionAt(program, "ann"));
  const between = program.restarted();
  between.disk.splice(0, Infinity, ...between.machine.snapshot()!);
  const later = between.restarted();
  later.comes("ann");

  const words = edit(later, "ann", request(later, "ann", 2));
  assert(words.includes(`ann: edit-accepted ${EDITS_MAX + 1}`), words.join());
});

Deno.test("an entry that is being edited refuses another one, by the name of who asked; others go on", () => {
  const program = Program.of("ann", "bob");
  edit(program, "ann", request(program, "ann", 1));
  assertEquals(edit(program, "bob", request(program, "bob", 1)), [
    "bob: edit-refused entry-locked",
  ]);
  assertEquals(
    (program.somebody("bob").got.get("edit-refused") as GroupMessageOf<"edit-refused">).text,
    "Entry 1 is being edited by ann (edit 1): try again when that is over",
  );
  assertEquals(edit(program, "bob", request(program, "bob", 2)), []); // the next round votes on it
});

Deno.test("a request that was refused is refused again, though the entry is free since: its user was told", () => {
  const program = Program.of("ann", "bob");
  const first = request(program, "ann", 1);
  const refused = request(program, "bob", 1);
  edit(program, "ann", first);
  edit(program, "bob", refused);
  vote(program, "ann", first, null, { agrees: false });

  // As a member does whose next epoch begins before it has read the answer.
  assertEquals(edit(program, "bob", refused), ["bob: edit-refused entry-locked"]);
  assertEquals(edit(program, "bob", request(program, "bob", 1)).at(-1), "bob: edit-accepted 2");
});

Deno.test("the entry is free when the edit is aborted; and when it is decided, and that is on disk", () => {
  const program = Program.of("ann");
  const first = request(program, "ann", 1);
  edit(program, "ann", first);
  vote(program, "ann", first, null, { agrees: false });
  const second = request(program, "ann", 1);
  assertEquals(edit(program, "ann", second)[0], "ann: prepare 2");

  program.diskMode = "holds-committed";
  vote(program, "ann", second, "ann");
  assertEquals(edit(program, "ann", request(program, "ann", 1)), []);
  assertEquals(program.diskAnswers().slice(0, 2), [
    "ann: edit-refused entry-locked",
    "ann: committed 2",
  ]);
  assertEquals(edit(program, "ann", request(program, "ann", 1))[0], "ann: prepare 3");
});

Deno.test("of all who edit an entry at one instant one wins, the others are told who", () => {
  const program = Program.of("ann", "bob", "cem");
  const words = ["cem", "ann", "bob"].flatMap((name) =>
    edit(program, name, request(program, name, 1))
  );

  assertEquals(words.filter((word) => word.includes("edit-")), [
    "cem: edit-accepted 1",
    "ann: edit-refused entry-locked",
    "bob: edit-refused entry-locked",
  ]);
});

Deno.test(`more than ${EDITS_MAX} at once are refused; those that wait for the disk of others count, too`, () => {
  const program = Program.with({ edits: "auto" }, "ann");
  for (let seq = 1; seq <= EDITS_MAX; seq++) edit(program, "ann", request(program, "ann", seq));
  assertEquals(edit(program, "ann", request(program, "ann", EDITS_MAX + 1)), [
    "ann: edit-refused full",
  ]);

  const other = Program.with({ edits: "auto" }, "ann");
  for (let seq = 1; seq <= EDITS_PENDING_MAX; seq++) committed(other, "ann", seq, "ann");
  assertEquals(edit(other, "ann", request(other, "ann", 1)), ["ann: edit-refused full"]);
});

Deno.test("who asks for what can't be breaks the rules", () => {
  const wrong: readonly [string, (program: Program) => SignedEditRequest][] = [
    ["somebody else's", (program) => request(program, "bob", 1)],
    ["hasn't signed", (program) => forged(request(program, "ann", 1))],
    [
      "another group",
      (program) => requestOf(program.somebody("ann"), "5".repeat(64) as typeof GROUP, 1, "x"),
    ],
    ["below 1", (program) => request(program, "ann", 0)],
    ["below 1", (program) => requestOf(program.somebody("ann"), GROUP, 1, "x", { number: 0 })],
    [
      "another process",
      (program) =>
        requestOf(program.somebody("ann"), GROUP, 1, "x", { incarnation: new Uint8Array(8) }),
    ],
    [
      "another name",
      (program) => requestOf(program.somebody("ann"), GROUP, 1, "x", { name: "bob" }),
    ],
    ["can't be empty", (program) => request(program, "ann", 1, "")],
    ["name", (program) => requestOf(program.somebody("ann"), GROUP, 1, "x", { name: "a b" })],
  ];
  for (const [text, signed] of wrong) {
    const program = Program.of("ann", "bob");
    const words = edit(program, "ann", signed(program));
    assertStringIncludes(words.find((word) => word.startsWith("bans ann")) ?? words.join(), text);
    assertEquals(words.some((word) => word.includes("accepted")), false);
  }
});

Deno.test("the same edit again, on another link, is told as it stands", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  assertEquals(edit(program, "ann", signed), ["ann: edit-accepted 1"]);

  vote(program, "bob", signed, "ann", { agrees: false });
  assertEquals(edit(program, "ann", signed), [
    "ann: edit-accepted 1",
    "ann: aborted 1: bob said no",
  ]);

  const other = committed(program, "ann", 1, "ann", "bob");
  assertEquals(edit(program, "ann", other), ["ann: edit-accepted 2", "ann: committed 2"]);
});

Deno.test("who isn't in the view asks for nothing yet", () => {
  const program = Program.of("ann");
  program.comes("bob");

  assertEquals(edit(program, "bob", request(program, "bob", 1)), []);
});
