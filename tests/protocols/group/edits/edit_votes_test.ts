/** The coordinator counts votes: two-phase commit, step by step. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { consentTo, signConsent } from "../../../../lib/protocols/group/identity/consents.ts";
import type { EditPolicy, SignedEditRequest } from "../../../../lib/protocols/group/schema/edit.ts";
import { EDIT_REASON_BYTES_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import {
  GROUP_MESSAGES,
  type GroupMessageOf,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { createCodec } from "../../../../lib/wire/codec.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { keyOf, type Name, Program } from "../coordinator_program.ts";
import { idOf } from "../edit_fixtures.ts";
import { committed, decisionAt, edit, request, vote } from "./coordinator_cases.ts";

// The coordinator's part in edits: two-phase commit, step by step.

const CODEC = createCodec(GROUP_MESSAGES);

// Voting.

Deno.test("what all agree to is on disk before anybody hears of it", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  assertEquals(vote(program, "ann", signed, "ann"), []);
  program.diskMode = "holds-committed";
  assertEquals(vote(program, "bob", signed, "ann"), ["disk: committed 1"]);

  assertEquals(program.diskAnswers(), [
    "ann: committed 1",
    "bob: committed 1",
    "edit 1 committed: nobody had to be asked",
  ]);
});

Deno.test("what is decided while the disk is busy is one write, one batch, and in order after it", () => {
  const program = Program.of("ann");
  const all = [1, 2, 3].map((seq) => request(program, "ann", seq));
  for (const signed of all) {
    edit(program, "ann", signed);
    program.nowMs += 100; // for the next round
  }
  program.diskMode = "holds-committed";
  for (const signed of all) vote(program, "ann", signed, "ann");

  assertEquals(program.diskAnswers().filter((word) => !word.startsWith("edit")), [
    "ann: committed 1",
    "disk: committed 2 3",
    "ann: committed 2 3",
  ]);
  assertEquals(decisionAt(program, "ann").batch.value.counter, 2);
});

Deno.test("where the disk refuses a decision nobody hears of it", () => {
  const program = Program.of("ann");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  program.diskMode = "refuses";

  assertEquals(vote(program, "ann", signed, "ann"), ["disk: committed 1", "stops: fatal"]);
});

Deno.test("one no aborts: on disk, then told to all who were asked, by whom or why", () => {
  const program = Program.of("ann", "bob");
  const no = { agrees: false };
  const first = request(program, "ann", 1);
  edit(program, "ann", first);
  assertEquals(vote(program, "bob", first, "ann", no), [
    "disk: aborted 1",
    "ann: aborted 1: bob said no",
    "bob: aborted 1: bob said no",
    "edit 1 aborted: bob said no",
  ]);

  const second = request(program, "ann", 9);
  edit(program, "ann", second);
  const reason = "there is no entry 9";
  const words = vote(program, "bob", second, null, { ...no, reason });
  assertEquals(words.at(-1), `edit 2 aborted: bob said "${reason}"`);
});

Deno.test("who agrees and has no such entry, or another one than the others, is the reason", () => {
  const program = Program.of("ann", "bob");
  const first = request(program, "ann", 1);
  edit(program, "ann", first);
  assertEquals(vote(program, "bob", first, null).at(-1), "edit 1 aborted: bob has no such entry");

  // Even where it votes first: what it says isn't what the request names.
  const second = request(program, "ann", 1);
  edit(program, "ann", second);
  assertEquals(
    vote(program, "bob", second, "bob").at(-1),
    "edit 2 aborted: bob has another entry there than the others",
  );
});

Deno.test("policy own: an author who isn't in the view can't be asked", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1, "new", "eve");
  edit(program, "ann", signed);

  assertEquals(
    vote(program, "ann", signed, "eve").at(-1),
    `edit 1 aborted: its author, ${
      fingerprintOf(keyOf("eve"))
    }, isn't in the group and can't be asked`,
  );
  // The other policies ask nobody for being the author.
  for (const policy of ["ask", "auto"] as const) {
    const other = Program.with({ edits: policy }, "ann", "bob");
    const signed = request(other, "ann", 1, "new", "eve");
    edit(other, "ann", signed);
    vote(other, "ann", signed, "eve");
    assertStringIncludes(vote(other, "bob", signed, "eve").join(), "edit 1 committed");
  }
});

Deno.test("who was asked is in the decision: the author, all others, nobody", () => {
  const asked = (policy: EditPolicy, author: Name) => {
    const program = Program.with({ edits: policy }, "ann", "bob", "cem");
    const signed = request(program, "ann", 1, "new", author);
    edit(program, "ann", signed);
    for (const name of ["ann", "bob", "cem"]) vote(program, name, signed, author);
    return decisionAt(program, "ann").batch.value.edits[0]!.agreed.map(({ name }) => name);
  };
  assertEquals(asked("own", "bob"), ["bob"]);
  assertEquals(asked("own", "ann"), []);
  assertEquals(asked("ask", "bob"), ["bob", "cem"]);
  assertEquals(asked("auto", "bob"), []);
});

Deno.test("a yes of who has to be asked counts with its own signature for this edit alone", () => {
  const wrong = (program: Program, signed: SignedEditRequest): readonly (Uint8Array | null)[] => {
    const other = request(program, "ann", 1, "other");
    const bob = program.somebody("bob").signer;
    return [
      null,
      signConsent(program.somebody("cem").signer, consentTo(fakeCrypto, signed)),
      signConsent(bob, consentTo(fakeCrypto, other)),
      signConsent(bob, { ...consentTo(fakeCrypto, signed), agrees: false }),
    ];
  };
  for (let at = 0; at < 4; at++) {
    const program = Program.of("ann", "bob", "cem");
    const signed = request(program, "ann", 1, "new", "bob");
    edit(program, "ann", signed);
    const consent = wrong(program, signed)[at]!;
    const words = vote(program, "bob", signed, "bob", { consent });
    const why = "edit 1 aborted: bob agrees, and hasn't signed that";
    assert(words.includes(why), words.join("\n"));
  }
});

Deno.test("a vote counts once, from a member that was asked, for that edit and view, in time", () => {
  const program = Program.of("ann", "bob", "cem");
  program.comes("dan");
  const signed = request(program, "ann", 1);
  const other = request(program, "ann", 2);
  edit(program, "ann", signed);
  assertEquals(vote(program, "bob", signed, "ann"), []);
  assertEquals(vote(program, "bob", signed, "ann"), []);
  assertEquals(vote(program, "bob", signed, "ann", { agrees: false }), [], "it has voted");
  assertEquals(vote(program, "dan", signed, "ann", { agrees: false }), [], "it isn't in the view");
  assertEquals(vote(program, "cem", signed, "ann", { view: 2, agrees: false }), [], "another view");
  assertEquals(vote(program, "cem", other, "ann", { agrees: false }), [], "another edit");
  assertEquals(vote(program, "ann", signed, "ann"), []);
  assertStringIncludes(vote(program, "cem", signed, "ann").join(), "edit 1 committed");
  assertEquals(vote(program, "cem", signed, "ann", { agrees: false }), [], "it is decided");
});

Deno.test("no answer by the deadline is a no, and late ones have no effect", () => {
  const program = Program.with({ voteTimeoutMs: 5_000 }, "ann", "bob", "cem");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  vote(program, "ann", signed, "ann");
  assertEquals(program.pass(4_900).filter((word) => word.includes("edit")), []);
  assertEquals(
    program.pass(200).filter((word) => word.includes("aborted 1:") || word.includes("edit")),
    [
      "ann: aborted 1: bob and cem didn't answer in time",
      "bob: aborted 1: bob and cem didn't answer in time",
      "cem: aborted 1: bob and cem didn't answer in time",
      "edit 1 aborted: bob and cem didn't answer in time",
    ],
  );

  assertEquals(vote(program, "bob", signed, "ann"), []);
});

Deno.test("who asked for an edit is told by name whose program didn't answer, its own too", () => {
  const program = Program.with({ voteTimeoutMs: 5_000 }, "ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  vote(program, "bob", signed, "ann");

  const words = program.pass(5_100);
  assert(words.includes("ann: aborted 1: ann didn't answer in time"), words.join("; "));
});

Deno.test("whatever a voter says fits into the message that says why", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  const words = vote(program, "bob", signed, "ann", {
    agrees: false,
    reason: "\u0001".repeat(EDIT_REASON_BYTES_MAX),
  });

  assertStringIncludes(words[1]!, 'ann: aborted 1: bob said "␁␁');
  CODEC.encode(program.somebody("ann").got.get("aborted")!);
});

Deno.test("a member that comes back on another link is asked again, as long as it hasn't voted", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  vote(program, "ann", signed, "ann");
  program.nowMs += 1_000;
  for (const name of ["ann", "bob"]) program.goesDown(name);

  assertEquals(program.comes("ann").includes("ann: prepare 1"), false);
  assert(program.comes("bob").includes("bob: prepare 1"));
  const prepare = program.somebody("bob").got.get("prepare") as GroupMessageOf<"prepare">;
  assertEquals(prepare.voteMs, 29_000);
});

Deno.test("a group of one decides by its own vote", () => {
  const program = Program.with({ edits: "ask" }, "ann");
  const signed = committed(program, "ann", 1, "ann");

  assertEquals(idOf(decisionAt(program, "ann").batch.value.edits[0]!.signed), idOf(signed));
});
