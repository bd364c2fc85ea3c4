// The coordinator is shown that a member signed two texts as one.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { EquivocationJudgement } from "../../../../lib/protocols/group/coordinator/equivocation_judgement.ts";
import { MemberAdmission } from "../../../../lib/protocols/group/coordinator/member_admission.ts";
import type { Rotation } from "../../../../lib/protocols/group/coordinator/operator.ts";
import { Places } from "../../../../lib/protocols/group/coordinator/places.ts";
import { equivocatedText } from "../../../../lib/protocols/group/views/equivocation_detection.ts";
import { signBatch, type SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { GROUP, keyOf, Program } from "../coordinator_program.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { Room, viewsOf } from "./coordinator_parts.ts";

function saidBy(name: string, text: string): SignedBatch {
  const signer = fakeSigner(name);
  return signBatch(signer, {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
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

function proofAgainst(name: string): GroupMessageOf<"equivocated"> {
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

Deno.test("Who shows what is no proof is shut out, and whom it is against stays", () => {
  const program = Program.of("ann", "bob", "cem");
  const one = saidBy("bob", "this");
  const words = program.says("ann", { type: "equivocated", one, other: one });
  assertEquals(words.slice(0, 2), ["error protocol", "closes ann"]);
  assertEquals(telling(program.pass(10_000)).includes("disk: kicked bob"), false);
  assertEquals(program.status().members.some(({ name }) => name === "bob"), true);
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

Deno.test("Who was a member, and comes back, is noted though it isn't in a view", () => {
  const program = Program.of("ann", "bob", "cem");
  program.goesDown("bob", "disk");
  program.pass(10_000);
  program.comes("bob");
  assertEquals(telling(program.says("ann", proofAgainst("bob")))[0], "disk: kicked bob");
});

/** The coordinator's part alone: Ann and Bob are in, Mal asks to come in. */
function judging(rotation: Rotation | null = null) {
  const room = new Room("ann", "bob", "mal");
  const views = viewsOf("ann", "bob");
  const { attendance, out } = room;
  const places = new Places({ membersMax: 64 }, views, attendance);
  const pins = new Map([["bob", fingerprintOf(keyOf("bob"))]]);
  const admission = new MemberAdmission({ pins }, views, attendance, places, out);
  const removed: string[] = [];
  const judgement = new EquivocationJudgement({
    ...{ group: GROUP, crypto: fakeCrypto, views, attendance, admission, out },
    rotation: () => rotation,
    removed: (key) => removed.push(key === keyOf("bob") ? "bob" : key),
  });
  const shown = (proof: GroupMessageOf<"equivocated">) => judgement.equivocated(proof);
  return { room, admission, removed, shown };
}

Deno.test("EquivocationJudgement: nobody hears of who is kept out before that, and the new invite, is on disk", () => {
  const { room, removed, shown } = judging({
    records: [{ kind: "number", number: 9 }],
    tell: () => removed.push("new invite"),
  });
  assertEquals(shown(proofAgainst("bob")), null);
  assertEquals(room.words(), ["disk: kicked bob, number 9"]);
  assertEquals(removed, ["new invite", "bob"]);
  assertEquals(room.output.diskAnswers(), [
    equivocatedText("bob"),
    ...["ann", "bob", "mal"].map((name) => `${name}: equivocated`),
  ]);
});

Deno.test("EquivocationJudgement: who was never in isn't judged, as anybody has any number of keys", () => {
  const { room, removed, shown } = judging();
  const one = saidBy("mal", "this");
  assertEquals(shown(proofAgainst("mal")), null);
  assertEquals(shown({ type: "equivocated", one, other: one }), null, "nor is the proof looked at");
  assertEquals([room.words(), removed], [[], []]);
});

Deno.test("EquivocationJudgement: one text twice is no proof against a member", () => {
  const { room, shown } = judging();
  const one = saidBy("bob", "this");
  assertEquals(
    shown({ type: "equivocated", one, other: one }),
    "its proof against a member is none",
  );
  assertEquals(room.words(), []);
});
