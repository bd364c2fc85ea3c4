// The coordinator is shown that a member signed two texts as one.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { equivocatedText } from "../../../../lib/protocols/group/views/equivocation_proof.ts";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import { signBatch } from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { GROUP, Program } from "../coordinator_program.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";

function saidBy(name: string, text: string): SignedBatch {
  const signer = fakeSigner(name);
  return signBatch(signer, {
    kind: "texts",
    rules: null,
    edits: [],
    group: GROUP,
    author: signer.key,
    name,
    incarnation: new Uint8Array(8).fill(1),
    counter: 1,
    sentAt: 0,
    texts: [text],
  });
}

function proofAgainst(name: string): GroupMessage {
  return { type: "equivocated", one: saidBy(name, "this"), other: saidBy(name, "that") };
}

/** What of it concerns who is out. */
function telling(words: readonly string[]): readonly string[] {
  return words.filter((word) => /kicked|warning|equivocated|left|view|given-up/.test(word));
}

Deno.test("Who signed two texts as one is noted, told of and out, and stays out until it is allowed", () => {
  const program = Program.of("ann", "bob", "cem");

  const words = program.says("ann", proofAgainst("bob"));
  assertEquals(telling(words), [
    "disk: kicked bob",
    "warning",
    "ann: equivocated",
    "bob: equivocated",
    "cem: equivocated",
    "left bob: removed",
    "bob: parted kicked",
    "view 4: ann cem",
  ]);
  assertEquals(program.told.at(-1), equivocatedText("bob"));
  // The others have found out, too.
  assertEquals(program.says("cem", proofAgainst("bob")), []);

  for (const late of [program, program.restarted()]) {
    assertEquals(late.comes("bob"), ["bob: refuse kicked", "closes bob"]);
    const refusal = late.somebody("bob").got.get("refuse");
    assertStringIncludes(refusal?.type === "refuse" ? refusal.text : "", "signed two different");
    assertEquals(late.command({ command: "allow", name: "bob" }), ["disk: allowed bob", "notice"]);
    assertEquals(late.comes("bob")[0]?.startsWith("bob: welcome"), true);
  }
});

Deno.test("Nobody hears of who is kept out before that is on disk", () => {
  const program = Program.of("ann", "bob", "cem");
  program.diskMode = "holds";
  assertEquals(telling(program.says("ann", proofAgainst("bob"))), ["disk: kicked bob"]);
  assertEquals(telling(program.diskAnswers())[0], "warning");
});

Deno.test("Who shows what is no proof is shut out, and whom it is against stays", () => {
  const program = Program.of("ann", "bob", "cem");
  const one = saidBy("bob", "this");
  const words = program.says("ann", { type: "equivocated", one, other: one });
  assertEquals(words.slice(0, 2), ["error protocol", "closes ann"]);
  assertEquals(telling(program.pass(10_000)).includes("disk: kicked bob"), false);
  assertEquals(program.status().members.some(({ name }) => name === "bob"), true);
});

Deno.test("Of who never was in the group nothing is noted, whatever it has signed", () => {
  const program = Program.of("ann", "bob");
  assertEquals(program.says("ann", proofAgainst("eve")), []);
});

Deno.test("Who is gone by then is noted, too", () => {
  const program = Program.of("ann", "bob", "cem");
  program.goesDown("bob", "disk");
  program.pass(10_000);
  assertEquals(program.status().members.some(({ name }) => name === "bob"), false);
  assertEquals(telling(program.says("ann", proofAgainst("bob")))[0], "disk: kicked bob");
  assertEquals(program.comes("bob"), ["bob: refuse kicked", "closes bob"]);
});

Deno.test("What only those had who signed two texts as one is given up by the operator alone", () => {
  const program = Program.of("ann", "bob");
  program.goesDown("bob");
  program.says("ann", proofAgainst("bob"));
  const before = telling(program.says("ann", proofAgainst("ann")));
  program.goesDown("ann");
  program.pass(20_000);
  program.comes("cem");
  assertEquals(before.some((word) => word.includes("given-up")), false);
  assertEquals(program.disk.some(({ kind }) => kind === "given-up"), false);
});

Deno.test("Whoever only asks to come in isn't judged: anybody has any number of keys", () => {
  const program = Program.of("ann", "bob");
  for (const name of ["mal", "max"]) program.comes(name);
  assertEquals(program.says("max", proofAgainst("mal")), []);
  // Nor is what it shows looked at, however often.
  const one = saidBy("mal", "this");
  assertEquals(program.says("max", { type: "equivocated", one, other: one }), []);
  assertEquals(program.status().members.map(({ name }) => name), ["ann", "bob", "mal", "max"]);
});

Deno.test("Who was a member, and comes back, is noted though it isn't in a view", () => {
  const program = Program.of("ann", "bob", "cem");
  program.goesDown("bob", "disk");
  program.pass(10_000);
  program.comes("bob");
  assertEquals(telling(program.says("ann", proofAgainst("bob")))[0], "disk: kicked bob");
});
