// `/recover NAME`: who is to fetch its log anew leaves the view as if it weren't heard, and comes back as a newcomer.

import { assertEquals, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Hash } from "../../../lib/base/ids.ts";
import { keyOf, Program, whyLost, type Words } from "./coordinator_program.ts";

const RECOVER = (name: string) => ({ command: "recover" as const, name });

function changes(words: Words): Words {
  return words.filter((word) =>
    /^(view|joined|left|disk|warning|error|recovered)|recover$/.test(word)
  );
}

Deno.test("Who is to fetch its log anew is told so once a view without it has begun everywhere", () => {
  const program = Program.of("ann", "bob");
  program.somebody("ann").answers.delete("begin");

  assertEquals(changes(program.command(RECOVER("bob"))), [
    "disk: number 3",
    "disk: decided 3",
    "left bob: lost",
    "view 3: ann",
  ]);
  assertEquals(whyLost(program), ["its log is fetched anew"]);
  const begun = { number: 3, round: 0 };
  program.somebody("ann").begun = begun;
  const words = program.says("ann", { type: "begun", ballot: begun });
  assertEquals(changes(words), ["disk: confirmed 3", "bob: recover"]);
  assertEquals(words.includes("bob: catch-up from ann"), true);
  assertEquals(words.some((word) => word.startsWith("bob: welcome")), false);

  // It is a newcomer on the link that it has.
  Object.assign(program.somebody("bob"), { begun: { number: 0, round: 0 } });
  program.somebody("ann").answers.add("begin");
  assertEquals(changes(program.hears("bob", ["ann"], true)).slice(-3), [
    "joined bob",
    "view 4: ann bob",
    "disk: confirmed 4",
  ]);
  program.says("bob", { type: "fetched", entries: 7 });
  assertEquals(program.events.at(-1), { event: "recovered", name: "bob", entries: 7 });
});

Deno.test("A newcomer's first coming isn't told as its recovery", () => {
  const program = Program.of("ann", "bob");
  assertEquals(changes(program.says("bob", { type: "fetched", entries: 7 })), []);
  program.goesDown("bob");
  program.pass(10_000);
  program.joins("bob");
  assertEquals(changes(program.says("bob", { type: "fetched", entries: 7 })), ["recovered"]);
});

Deno.test("Never where nobody else has the log, nor for who is away or goes", () => {
  const alone = Program.of("ann");
  assertEquals(alone.command(RECOVER("ann")), ["error not-allowed"]);
  assertMatch(alone.told.at(-1)!, /ann's log is the only one/);

  const program = Program.of("ann", "bob");
  assertEquals(program.command(RECOVER("eve")), ["error unknown-user"]);
  program.goesDown("bob");
  assertEquals(program.command(RECOVER("bob")), ["error offline"]);
  assertEquals(program.command(RECOVER("ann")), ["error not-allowed"]);
});

Deno.test("What comes of the command later carries its ref, too, once", () => {
  const answers = ({ events, refs }: Program) =>
    events.flatMap((event, at) => refs[at] === "r" ? [event.event] : []);
  const program = Program.of("ann", "bob");
  program.command(RECOVER("bob"), "r");
  Object.assign(program.somebody("bob"), { begun: { number: 0, round: 0 } });
  program.hears("bob", ["ann"], true);
  program.says("bob", { type: "fetched", entries: 7 });
  program.says("bob", { type: "fetched", entries: 7 });
  assertEquals(answers(program), ["notice", "recovered"]);

  const alone = Program.of("ann", "bob");
  alone.somebody("ann").answers.delete("flush");
  alone.command(RECOVER("bob"), "r");
  alone.goesDown("ann");
  alone.pass(10_000);
  assertEquals(answers(alone), ["notice", "notice"]);
  assertMatch(alone.told[alone.told.length - 1]!, /bob keeps its log/);
});

Deno.test("A newcomer sets its log aside at once", () => {
  const program = Program.of("ann");
  program.comes("bob");
  assertEquals(changes(program.command(RECOVER("bob"))), ["bob: recover"]);
});

Deno.test("Where the others go before the view without it is decided, it keeps its log", () => {
  const program = Program.of("ann", "bob");
  program.somebody("ann").answers.delete("flush");
  program.command(RECOVER("bob"));
  program.goesDown("ann");

  const words = changes(program.pass(10_000));

  assertEquals(words.includes("bob: recover"), false);
  assertEquals(words.at(-2), "view 4: bob");
  assertMatch(program.told.at(-1)!, /bob keeps its log: nobody else is here who has it all/);
});

Deno.test("Whose key the operator has just accepted isn't back, but new", () => {
  const program = Program.with(
    { pins: new Map([["cem", fingerprintOf(keyOf("eve"))]]) },
    "ann",
    "bob",
  );
  assertEquals(program.comes("cem").at(-1), "closes cem");
  program.command({ command: "trust", name: "cem" });

  program.joins("cem");

  assertEquals(changes(program.says("cem", { type: "fetched", entries: 4 })), []);
});

Deno.test("In a new group nobody is back, whose key is known of an earlier one or not", () => {
  const pins = new Map(["ann", "bob"].map((name) => [name, fingerprintOf(keyOf(name))]));
  const program = Program.started({ pins });
  const other = "ab".repeat(32) as Hash;
  program.comes("ann", { group: other });
  program.allHear();
  assertEquals(changes(program.says("ann", { type: "fetched", entries: 0 })), []);
  program.joins("bob");
  assertEquals(changes(program.says("bob", { type: "fetched", entries: 2 })), []);

  // Once it was in, it is.
  program.goesDown("bob");
  program.pass(10_000);
  program.joins("bob");
  assertEquals(changes(program.says("bob", { type: "fetched", entries: 1 })), ["recovered"]);
});
