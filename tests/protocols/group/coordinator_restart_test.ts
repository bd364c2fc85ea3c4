// What a coordinator does that was started again: nothing where nothing happened, and never two things for one number.

import { assertEquals } from "@std/assert";
import { HistoryEnd } from "../../../lib/protocols/group/schema/history.ts";
import { MEMBERS_MAX } from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import type { CoordinatorRecord } from "../../../lib/protocols/group/schema/records.ts";
import { fakeCrypto } from "../../sim/fake_crypto.ts";
import { GROUP, keyOf, Program, whyLost, type Words } from "./coordinator_program.ts";
import { SLOW } from "../../given.ts";

const LEAVE = { type: "leave" } as const;

function changes(words: Words): Words {
  return words.filter((word) => /^(view|left|disk|warning)/.test(word));
}

/** A crash right after the last record of that kind was written. */
function cutAfter(program: Program, kind: CoordinatorRecord["kind"]): void {
  const at = program.disk.findLastIndex((record) => record.kind === kind);
  program.disk.length = at + 1;
}

Deno.test("Where all come back as they were, the view goes on without a word", () => {
  const program = Program.of("ann", "bob").restarted();

  assertEquals(program.comes("ann"), ["ann: welcome member", "ann: peers ann bob"]);
  assertEquals(program.comes("bob")[0], "bob: welcome member");
  assertEquals(changes(program.pass(20_000)), []);
});

Deno.test("Who doesn't come back in 6 s is lost; until then no view changes", () => {
  const program = Program.of("ann", "bob", "cem").restarted();
  program.comes("ann");
  program.joins("dan");

  assertEquals(changes(program.pass(5_900)), []);
  assertEquals(changes(program.pass(200)).slice(-5), [
    "disk: decided 4",
    "left bob: lost",
    "left cem: lost",
    "view 4: ann dan",
    "disk: confirmed 4",
  ]);
  const absent = "no answer since the coordinator was started";
  assertEquals(whyLost(program), [absent, absent]);
});

Deno.test("For whom the group waits after a start is told, once that takes a second", () => {
  const program = Program.of("ann", "bob", "cem").restarted();
  program.comes("ann");
  assertEquals(program.pass(900).includes("notice"), false);

  assertEquals(program.pass(200).filter((word) => word === "notice").length, 1);
  assertEquals(
    program.told.at(-1),
    "Waiting for bob and cem, who were in the group last (here already: ann): the group goes on in 5 s " +
      "without an answer",
  );
  program.comes("bob");
  assertEquals(program.pass(20_000).filter((word) => word === "notice").length, 1);
  assertEquals(program.told.at(-1), "bob is here again");

  const all = Program.of("ann", "bob", "cem").restarted();
  all.comes("ann");
  all.pass(1_100);
  all.comes("cem");
  all.comes("bob");
  assertEquals(all.told.slice(1), [
    "bob and cem are here again: view 3 goes on with ann, bob and cem",
  ]);
  assertEquals(all.pass(20_000).includes("notice"), false);

  const quick = Program.of("ann", "bob").restarted();
  quick.comes("ann");
  quick.pass(500);
  quick.comes("bob");
  assertEquals(quick.told, ["View 2 goes on with ann and bob"]);
  assertEquals(quick.pass(20_000).includes("notice"), false);
});

Deno.test("A newcomer is told whom the group waits for once they have had their time to come back", () => {
  const program = Program.of("ann", "bob").restarted();

  assertEquals(program.comes("xeno").filter((word) => word.includes("welcome")), ["xeno: welcome"]);
  const waits = "xeno: welcome, waits for ann bob";
  assertEquals(program.pass(5_900).includes(waits), false);
  assertEquals(program.pass(200).filter((word) => word === waits), [waits]);
});

Deno.test("A number that was written before the crash is never used again", () => {
  const program = Program.of("ann", "bob");
  program.somebody("ann").answers.delete("flush");
  program.says("bob", LEAVE);
  assertEquals(program.disk.at(-1), { kind: "number", number: 3 });

  const later = program.restarted();
  later.somebody("ann").answers.add("flush");
  later.comes("ann");
  const words = later.comes("bob");

  // Bob has promised 3: he can't go on in view 2.
  assertEquals(changes(words), [
    "disk: number 4",
    "disk: decided 4",
    "view 4: ann bob",
    "disk: confirmed 4",
  ]);
});

Deno.test("A view that was decided and told to nobody isn't told any more: another comes under a higher number", () => {
  const program = Program.of("ann", "bob");
  program.says("bob", LEAVE);
  cutAfter(program, "decided");
  for (const name of ["ann", "bob"]) {
    Object.assign(program.somebody(name), { begun: { number: 2, round: 0 } });
  }

  const later = program.restarted();
  const words = [...later.comes("ann"), ...later.comes("bob"), ...later.pass(10_000)];

  assertEquals(words.filter((word) => word.includes("begin")).includes("ann: begin 3"), false);
  assertEquals(changes(words)[0], "disk: number 4");
});

Deno.test("A decided view may have begun at those who aren't there: one of them is waited for", () => {
  const program = Program.of("ann", "bob");
  program.says("bob", LEAVE);
  cutAfter(program, "decided");
  Object.assign(program.somebody("bob"), { begun: { number: 2, round: 0 } });

  const later = program.restarted();
  const words = [...later.comes("bob"), ...later.pass(20_000)];
  assertEquals(changes(words), ["warning"]);
  assertEquals(words.includes("bob: welcome member, waits for ann"), true);

  // It had begun at ann: bob is out.
  const back = later.comes("ann");
  assertEquals(changes(back), ["disk: confirmed 3"]);
  assertEquals(back.includes("bob: welcome"), true);
});

Deno.test("Members of the view before may have cancelled the decided one: one of them is waited for too", () => {
  const program = Program.of("ann");
  program.somebody("ann").answers.delete("begin");
  program.joins("bob");
  assertEquals(program.somebody("bob").begun, { number: 0, round: 0 }); // told once ann has begun it

  const later = program.restarted();
  const alone = [...later.comes("bob"), ...later.pass(20_000)];
  assertEquals(changes(alone), ["warning"]);

  Object.assign(later.somebody("ann"), { promised: { number: 2, round: 1 } });
  later.somebody("ann").begun = { number: 2, round: 1 };
  later.somebody("ann").answers.add("begin");
  const words = later.comes("ann");
  assertEquals(words.includes("ann: level 2.1 at 0 from ann"), true);
  assertEquals(words.some((word) => word.startsWith("view 3: ann")), true);
});

/**
 * Two open views: ann to m39 in the older one, which all but ann leave at once; ann, in both, and n1 to n30 in the
 * newer one, which was decided and never began.
 */
function twoLargeViews(): Program {
  const program = Program.of("ann");
  const old = Array.from({ length: 39 }, (_, at) => `m${at + 1}`);
  for (const name of old) program.comes(name);
  program.allHear();
  for (const name of old) program.somebody(name).answers.clear();
  for (let at = 1; at <= 30; at++) program.joins(`n${at}`);
  program.somebody("ann").answers.delete("begin");
  program.pass(6_000);
  for (const name of old) program.somebody(name).answers = new Set(["probe", "recount"]);
  return program;
}

Deno.test(
  "More are awaited than one message takes: those of the present view are named first",
  SLOW,
  () => {
    const program = twoLargeViews().restarted();
    program.comes("xeno");
    program.pass(10_000);

    const { awaited } = program.somebody("xeno").got.get("welcome") as GroupMessageOf<"welcome">;
    assertEquals(awaited.length, MEMBERS_MAX);
    assertEquals(awaited.slice(0, 2), ["ann", "n1"]);
    assertEquals(awaited.slice(31, 33), ["m1", "m2"]);
    assertEquals(program.status().problems[0]?.includes("m39"), true);
  },
);

Deno.test(
  "More have a say than one message takes: a newcomer is told of those of the present view first",
  SLOW,
  () => {
    const program = twoLargeViews();
    program.somebody("ann").answers.clear();
    program.goesDown("ann");
    program.pass(5_000);
    program.somebody("n1").answers.delete("flush"); // so that the newcomer comes before the next view
    for (let at = 1; at <= 39; at++) program.comes(`m${at}`);
    program.comes("xeno");

    program.hears(
      "xeno",
      program.members.map(({ name }) => name).filter((name) => name !== "xeno"),
    );

    const { others } = program.somebody("xeno").got.get("catch-up") as GroupMessageOf<"catch-up">;
    assertEquals(others.length, MEMBERS_MAX);
    assertEquals(others.slice(0, 29).includes(keyOf("m1")), false);
  },
);

Deno.test("A round that members began meanwhile is what goes on", () => {
  const program = Program.of("ann", "bob").restarted();
  const round = { number: 2, round: 3 };
  for (const name of ["ann", "bob"]) {
    Object.assign(program.somebody(name), { begun: round, promised: round });
  }
  program.somebody("bob").says("said meanwhile");

  program.comes("ann");
  const words = program.comes("bob");

  assertEquals(words.includes("ann: level 2.3 at 1 from bob"), true);
  assertEquals(changes(words).at(-2), "view 3: ann bob");
});

Deno.test("A crash before the empty view is on disk: the last one has its say again", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");
  program.says("ann", LEAVE);
  cutAfter(program, "number");

  const later = program.restarted();
  assertEquals(changes([...later.joins("bob"), ...later.pass(10_000)]), ["warning"]);

  const words = [...later.comes("ann"), ...later.allHear()];
  assertEquals(words.filter((word) => /^(view|joined|left)/.test(word)), [
    "view 3: ann",
    "joined bob",
    "view 4: ann bob",
  ]);
});

Deno.test("A compacted log says the same as the one before", () => {
  const program = Program.of("ann", "bob", "cem");
  program.command({ command: "remove", name: "cem" });
  program.somebody("ann").answers.delete("begin");
  program.says("bob", LEAVE);

  const again = new Program({ records: [...program.machine.snapshot()!] });

  assertEquals([...again.machine.snapshot()!], [...program.machine.snapshot()!]);
  assertEquals(again.disk.map(({ kind }) => kind), [
    "group",
    "key",
    "number",
    "decided",
    "confirmed",
    "decided",
    "member", // cem
    "kicked",
  ]);
});

Deno.test("Who is heard by others is waited for longer, as long as those can go on meanwhile", () => {
  const program = Program.of("ann", "bob").restarted();
  program.comes("ann");
  program.hears("ann", ["bob"], true);
  assertEquals(changes(program.pass(15_500)), []);
  assertEquals(changes(program.comes("bob")), []);

  const inRound = Program.of("ann", "bob").restarted();
  const round = { number: 3, round: 1 };
  for (const name of ["ann", "bob"]) {
    Object.assign(inRound.somebody(name), { begun: round, promised: round });
  }
  inRound.comes("ann");
  inRound.hears("ann", ["bob"], true);
  assertEquals(changes(inRound.pass(15_500)), []);
  assertEquals(changes(inRound.comes("bob")).at(-2), "view 4: ann bob");

  const broken = Program.of("ann", "bob").restarted();
  broken.somebody("ann").promised = { number: 3, round: 0 };
  broken.comes("ann");
  broken.hears("ann", ["bob"], true);
  assertEquals(changes(broken.pass(6_500)).includes("left bob: lost"), true);

  const gone = Program.of("ann", "bob").restarted();
  gone.comes("ann");
  gone.hears("ann", ["bob"], true);
  assertEquals(changes(gone.pass(17_000)).includes("left bob: lost"), true);
});

Deno.test("Who has lost what it began with doesn't speak for its view, whatever it promised", () => {
  const program = Program.of("ann").restarted();
  Object.assign(program.somebody("ann"), { begun: { number: 0, round: 0 } });

  const words = program.comes("ann", { group: GROUP });

  assertEquals(words[0], "ann: welcome, waits for ann");
  assertEquals(changes([...words, ...program.pass(10_000)]), ["warning"]);
});

Deno.test("What a decided view began with may have been shown: it goes on although nobody who began it is here", () => {
  const program = Program.of("ann", "bob");
  for (const name of ["ann", "bob", "cem"]) program.somebody(name).answers.delete("begin");
  const batch = program.somebody("ann").says("one");
  program.somebody("cem").has(batch);
  program.joins("cem");

  const later = program.restarted();
  // Of those who are here, only the newcomer says that it has that.
  later.somebody("ann").end = new HistoryEnd(fakeCrypto, GROUP);
  for (const name of ["ann", "bob"]) later.comes(name);
  const words = later.comes("cem", { group: GROUP });

  assertEquals(words.includes("ann: level 3 at 1 from cem"), true);
});

Deno.test("Who can't hear a member that was started again, before the next view has it, isn't blamed", () => {
  const program = Program.of("ann", "bob", "cem").restarted();
  program.somebody("ann").incarnation++;
  program.comes("ann");
  program.comes("cem");
  program.hears("ann", ["cem"], true);
  program.hears("cem", [], true);

  // The next view waits for bob.
  assertEquals(changes(program.pass(5_900)), []);
  const words = changes(program.pass(200));
  assertEquals(words.slice(-3), ["left bob: lost", "view 4: ann cem", "disk: confirmed 4"]);

  // From now on it could.
  program.hears("cem", ["ann"], true);
  assertEquals(changes(program.pass(10_000)), []);
  program.hears("cem", [], true);
  assertEquals(changes(program.pass(2_000)).includes("left cem: lost"), true);
});

Deno.test("Where the end came before the keys of a new view were kept, a start takes those of its members for known", () => {
  const before = Program.of("ann");
  before.somebody("ann").answers.delete("begin");
  before.comes("bob");
  before.allHear();
  before.pass(5_000);
  const words = new Program({ records: before.disk }).feed({ type: "start" });
  assertEquals(words, ["pins ann as ann", "pins bob as bob", "ready"]);

  const program = before.restarted();
  assertEquals(program.comes("eve", { name: "Bob" }), [
    "error key-changed",
    "eve: refuse key-changed",
    "closes eve",
  ]);
  assertEquals(program.comes("bob")[0], "bob: welcome");
});

Deno.test("Whose line the operator has deleted is met anew, also where the last view had somebody of that name", () => {
  const before = Program.of("ann", "bob");
  const program = new Program({ records: before.disk });
  assertEquals(program.feed({ type: "start" }), ["ready"]);

  program.comes("ann");
  assertEquals(program.comes("cem", { name: "Bob" })[0], "cem: welcome");
});

Deno.test("Of two open views with one name the key of the newer one is the name's", () => {
  const before = Program.of("ann", "bob");
  before.somebody("ann").answers.delete("begin");
  before.goesDown("bob");
  before.comes("cem", { name: "bob" });
  before.command({ command: "trust", name: "bob" });
  before.comes("cem", { name: "bob" });
  before.allHear();
  assertEquals(before.pass(5_000).includes("view 3: ann bob"), true);

  const words = new Program({ records: before.disk }).feed({ type: "start" });

  assertEquals(words, ["pins ann as ann", "pins cem as bob", "ready"]);
});

Deno.test("Who is in a void view alone is nobody's source: it lacks what others may have shown since", () => {
  const program = Program.of("ann", "bob", "cem");
  program.goesDown("cem");
  program.pass(10_000);
  program.goesDown("ann");
  program.comes("cem");
  program.allHear();
  assertEquals(changes(program.pass(10_000)).includes("view 5: bob cem"), true);
  cutAfter(program, "decided");
  // View 5 has begun nowhere: a round of the one before went on instead, without cem.
  const begun = { number: 5, round: 1 };
  for (const name of ["ann", "bob"]) {
    Object.assign(program.somebody(name), { begun, promised: begun });
  }
  Object.assign(program.somebody("cem"), { begun: { number: 3, round: 0 } });

  const later = program.restarted();
  later.somebody("bob").answers.delete("flush");
  for (const name of ["bob", "cem", "ann"]) later.comes(name);
  assertEquals(later.hears("ann", ["cem"]), []);
  assertEquals(later.hears("ann", ["bob", "cem"]).at(-1), "ann: catch-up from bob");
});

Deno.test("Who said goodbye to the others meanwhile has left, as they show: a single one's word will do", () => {
  for (const left of [[], [keyOf("cem")]]) {
    const program = Program.of("ann", "bob", "cem").restarted();
    program.comes("ann");
    program.comes("bob");
    program.hears("ann", ["bob"]);
    program.somebody("bob").heard = { ...program.somebody("bob").heard, left };
    program.hears("bob", ["ann"]);
    const words = program.pass(20_000).filter((word) => word.startsWith("left"));
    assertEquals(words, [`left cem: ${left.length === 0 ? "lost" : "quit"}`]);
    const departed = program.somebody("ann").got.get("departed") as GroupMessageOf<"departed">;
    assertEquals(departed.left.map(({ reason }) => reason), [left.length === 0 ? "lost" : "quit"]);
  }
});
