/** What becomes of edits when the view changes. */

import { assert, assertEquals } from "@std/assert";
import { Program } from "../coordinator_program.ts";
import {
  applied,
  committed,
  decisionAt,
  edit,
  request,
  vote,
  votedOn,
} from "./coordinator_cases.ts";

Deno.test("what isn't decided when the view changes is voted on anew by all of the next one", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1, "new", "bob");
  edit(program, "ann", signed);
  vote(program, "ann", signed, "bob");
  const { view } = votedOn(program, "ann", signed);
  const words = program.joins("cem");

  const asked = ["ann: prepare 1", "bob: prepare 1", "cem: prepare 1"];
  assertEquals(words.filter((word) => word.includes("prepare") || word.includes("abort")), asked);
  // What was said in the view before counts for nothing: a voter must hold the lock now.
  assertEquals(vote(program, "bob", signed, "bob", { view }), []);
  for (const name of ["ann", "cem"]) assertEquals(vote(program, name, signed, "bob"), []);
  const last = vote(program, "bob", signed, "bob");
  assert(last.some((word) => word.startsWith("edit 1 committed")), last.join());
});

Deno.test("an edit has one deadline, however often the view changes, and all who were asked are told", () => {
  const program = Program.with({ voteTimeoutMs: 5_000 }, "ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  program.pass(2_000);
  program.joins("cem");
  program.pass(2_000);
  const words = program.says("bob", { type: "leave" });
  assertEquals(words.filter((word) => word.includes("prepare")).length, 2);
  const late = program.pass(1_100);
  const why = "edit 1 aborted: ann and cem didn't answer in time";
  assert(late.includes(why), late.join("\n"));
  const told = (name: string) => late.some((word) => word.startsWith(`${name}: aborted 1`));
  assertEquals([told("ann"), told("cem")], [true, true]);
});

for (const edits of ["own", "ask"] as const) {
  Deno.test(`policy ${edits}: an edit whose author goes while it is voted on is aborted, with that reason`, () => {
    const program = Program.with({ edits }, "ann", "bob", "cem");
    const signed = request(program, "ann", 1, "new", "bob");
    edit(program, "ann", signed);
    vote(program, "cem", signed, "bob");
    const words = [...program.goesDown("bob"), ...program.pass(10_000)];
    const why = "edit 1 aborted: its author, bob, was asked, and is no longer in the group";
    assert(words.includes(why), words.join("\n"));
  });
}

Deno.test("an edit whose requester was started again is aborted, with that reason", () => {
  const program = Program.of("ann", "bob");
  edit(program, "bob", request(program, "bob", 1));
  const down = program.goesDown("bob");
  program.somebody("bob").incarnation++;
  const words = [...down, ...program.joins("bob"), ...program.pass(10_000)];
  const why = "edit 1 aborted: the program that asked for it was started again";
  assert(words.includes(why), words.join("\n"));
});

Deno.test("an edit that ends as its asker goes says so, and not that members changed", () => {
  const goes: readonly ((program: Program) => readonly string[])[] = [
    (program) => program.says("ann", { type: "leave" }),
    (program) => [...program.goesDown("ann"), ...program.pass(10_000)],
  ];
  for (const go of goes) {
    const program = Program.of("ann", "bob", "cem");
    edit(program, "ann", request(program, "ann", 1));
    const aborted = go(program).filter((word) => word.startsWith("edit 1 aborted"));
    assertEquals(aborted, [
      "edit 1 aborted: the member that asked for it isn't in the group any more",
    ]);
  }
});

Deno.test("who leaves is told that its edit is dropped before it is let go; other members' edits go on", () => {
  const program = Program.of("ann", "bob");
  edit(program, "ann", request(program, "ann", 1));
  edit(program, "bob", request(program, "bob", 2));
  const words = program.says("ann", { type: "leave" });
  const dropped = words.indexOf(
    "ann: aborted 1: the member that asked for it isn't in the group any more",
  );
  assert(dropped >= 0 && dropped < words.indexOf("ann: parted left"), words.join("\n"));
  assert(
    words.includes("bob: aborted 1: the member that asked for it isn't in the group any more"),
  );
  assert(!words.some((word) => /aborted 2/.test(word)), words.join("\n"));
});

Deno.test("what is asked for while a view changes is voted on in the next one", () => {
  const program = Program.of("ann", "bob");
  program.somebody("bob").answers.delete("begin");
  program.joins("cem");
  const signed = request(program, "ann", 1);
  assertEquals(edit(program, "ann", signed).slice(-1), ["ann: edit-accepted 1"]);
  assertEquals(vote(program, "ann", signed, "ann"), []);

  program.somebody("bob").begun = { number: 3, round: 0 };
  const words = program.says("bob", { type: "begun", ballot: { number: 3, round: 0 } });
  assertEquals(words.filter((word) => word.endsWith("prepare 1")).length, 3);
});

Deno.test("what changes of members held up says who came and went", () => {
  const program = Program.with({ voteTimeoutMs: 2_000 }, "ann", "bob");
  edit(program, "ann", request(program, "ann", 1));
  program.somebody("bob").answers.delete("begin");
  program.joins("cem");
  const words = program.pass(2_100);
  assert(words.includes("edit 1 aborted: members kept joining and leaving: cem"), words.join());
});

Deno.test("what waits for a view ends by its deadline, and where its requester is gone", () => {
  const program = Program.with({ voteTimeoutMs: 2_000 }, "ann", "bob");
  program.somebody("bob").answers.delete("begin");
  program.joins("cem");
  edit(program, "ann", request(program, "ann", 1));
  const words = program.pass(2_100);
  assert(words.includes("edit 1 aborted: members kept joining and leaving"), words.join());

  const other = Program.of("ann", "bob");
  other.somebody("bob").answers.delete("begin");
  other.joins("cem");
  edit(other, "ann", request(other, "ann", 1));
  other.somebody("bob").answers.add("begin");
  other.somebody("bob").begun = { number: 3, round: 0 };
  const left = other.says("ann", { type: "leave" });
  const gone = "edit 1 aborted: the member that asked for it isn't in the group any more";
  assert(left.includes(gone), left.join("\n"));
});

Deno.test("what is decided is told to the next view, until all of it have it", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  const decided = decisionAt(program, "ann");
  assertEquals(applied(program, "ann", decided), []);
  const words = program.joins("cem");
  assertEquals(words.filter((word) => word.includes("committed")), [
    "ann: committed 1",
    "bob: committed 1",
    "cem: committed 1",
  ]);

  assertEquals(applied(program, "bob", decided), []);
  assertEquals(applied(program, "ann", decided), []);
  assertEquals(applied(program, "cem", decided), ["disk: applied to 1"]);
  assertEquals(program.joins("dan").filter((word) => word.includes("committed")), []);
});

Deno.test("a note that the disk refuses is told once, and only a decision ends the coordinator", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  committed(program, "ann", 2, "ann", "bob");
  const second = decisionAt(program, "ann");
  applied(program, "bob", second);

  program.diskMode = "refuses";
  const noted = applied(program, "ann", second);
  const decided = program.command({ command: "remove", name: "bob" });

  assertEquals(noted.filter((word) => word.startsWith("error")), ["error disk"]);
  assertEquals(noted.filter((word) => word.startsWith("stops")), []);
  assertEquals(decided.at(-1), "stops: fatal");
});

Deno.test("a decision is forgotten after those before it", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  const first = decisionAt(program, "ann");
  committed(program, "ann", 2, "ann", "bob");
  const second = decisionAt(program, "ann");
  assertEquals(applied(program, "bob", first), []);
  assertEquals(applied(program, "bob", second), []);
  assertEquals(applied(program, "ann", second), ["disk: applied to 1", "disk: applied to 2"]);
});

Deno.test("who isn't in the view applies nothing", () => {
  const program = Program.of("ann");
  program.comes("bob");
  committed(program, "ann", 1, "ann");

  assertEquals(applied(program, "bob", decisionAt(program, "ann")), []);
});
