// The coordinator's part in edits: two-phase commit, step by step.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RequestId } from "../../../../lib/base/ids.ts";
import { consentTo, signConsent } from "../../../../lib/protocols/group/identity/consents.ts";
import {
  type EditPolicy,
  type SignedEditRequest,
} from "../../../../lib/protocols/group/schema/edit.ts";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import {
  ABORTED_KEPT_MAX,
  DECIDERS_KEPT_MAX,
  EDIT_REASON_BYTES_MAX,
  EDITS_MAX,
  EDITS_PENDING_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import {
  GROUP_MESSAGES,
  type GroupMessageOf,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { createCodec } from "../../../../lib/wire/codec.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, forged, idOf, requestOf } from "../edit_fixtures.ts";
import { GROUP, keyOf, type Name, OWN, Program, type Words } from "../coordinator_program.ts";
import { SLOW } from "../../../given.ts";

const CODEC = createCodec(GROUP_MESSAGES);

/** What somebody asks for. */
function request(program: Program, name: string, seq: number, text = "new"): SignedEditRequest {
  return requestOf(program.somebody(name), program.group, seq, text);
}

/** The numbers of requests as they were accepted last; in each program others. */
const numbers = new WeakMap<Program, Map<RequestId, number>>();

function edit(program: Program, name: string, signed: SignedEditRequest): Words {
  const words = program.says(name, { type: "edit", signed });
  const accepted = program.somebody(name).got.get("edit-accepted");
  if (accepted?.type === "edit-accepted") {
    const known = numbers.get(program) ?? new Map<RequestId, number>();
    numbers.set(program, known.set(accepted.id, accepted.edit));
  }
  return words;
}

/** The number of the edit, and the view, that somebody was asked to vote on; of others it is the last. */
function votedOn(
  program: Program,
  name: string,
  signed: SignedEditRequest,
): { readonly edit: number; readonly view: number } {
  const id = idOf(signed);
  const prepares = program.somebody(name).all.filter((message) => message.type === "prepare");
  const one = prepares.findLast((prepare) => idOf(prepare.signed) === id) ?? prepares.at(-1);
  return { edit: one?.edit ?? 0, view: one?.view ?? 0 };
}

/** @param author Whose entry it is, as the voter's log has it. */
function vote(
  program: Program,
  name: string,
  signed: SignedEditRequest,
  author: string | null,
  changes: Partial<GroupMessageOf<"vote">> = {},
): Words {
  return program.says(name, {
    type: "vote",
    id: idOf(signed),
    ...votedOn(program, name, signed),
    agrees: true,
    author: author === null ? null : { key: keyOf(author), name: author },
    consent: signConsent(program.somebody(name).signer, consentTo(fakeCrypto, signed)),
    reason: "",
    ...changes,
  });
}

/** Asked for, and agreed to by all of these; the entry is the requester's. */
function committed(
  program: Program,
  name: string,
  seq: number,
  ...voters: Name[]
): SignedEditRequest {
  const signed = request(program, name, seq);
  edit(program, name, signed);
  for (const voter of voters) vote(program, voter, signed, name);
  return signed;
}

function applied(program: Program, name: string, { batch: { value } }: SignedBatch): Words {
  const { incarnation, counter, edits } = value;
  return program.says(name, { type: "applied", incarnation, through: counter + edits.length - 1 });
}

/** The decision that a member got last. */
function decisionAt(program: Program, name: string): SignedBatch {
  return (program.somebody(name).got.get("committed") as GroupMessageOf<"committed">).signed;
}

function inquire(program: Program, name: string, ...ids: readonly RequestId[]): Words {
  const edits = ids.map((id) => ({ id, edit: 0, seq: 1, view: 0 }));
  return program.says(name, { type: "inquire", edits });
}

// Accepting.

Deno.test("an edit gets its number, stored before it is told, and all of the view are asked", () => {
  const program = Program.of("ann", "bob");
  assertEquals(edit(program, "ann", request(program, "ann", 1)), [
    `disk: edits to ${EDITS_MAX}`,
    "ann: edit-accepted 1",
    "ann: prepare 1",
    "bob: prepare 1",
  ]);
  // The next numbers are taken already.
  assertEquals(edit(program, "bob", request(program, "bob", 2))[0], "bob: edit-accepted 2");

  const prepare = program.somebody("bob").got.get("prepare") as GroupMessageOf<"prepare">;
  assertEquals([prepare.view, prepare.voteMs], [2, 30_000]);
});

Deno.test("what comes during a round of votes is voted on together in the next one", () => {
  const program = Program.of("ann", "bob");
  const all = [1, 2, 3].map((seq) => request(program, "ann", seq));
  edit(program, "ann", all[0]!);
  assertEquals(edit(program, "ann", all[1]!), ["ann: edit-accepted 2"]);
  assertEquals(edit(program, "bob", request(program, "bob", 3)), ["bob: edit-accepted 3"]);

  assertEquals(vote(program, "ann", all[0]!, "ann"), []);
  program.diskMode = "holds-committed";
  assertEquals(vote(program, "bob", all[0]!, "ann"), ["disk: committed 1"]);
  const words = program.diskAnswers();
  assertEquals(words.filter((word) => word.includes("prepare")), [
    "ann: prepare 2",
    "bob: prepare 2",
    "ann: prepare 3",
    "bob: prepare 3",
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
  const signed = request(program, "ann", 1);
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
  assertEquals(words.at(-1), "ann: prepare 2");
});

Deno.test("a user who thinks holds up the next round for 50 ms at most", () => {
  const program = Program.of("ann");
  for (const seq of [1, 2]) edit(program, "ann", request(program, "ann", seq));
  assertEquals(program.pass(49), []);
  assertEquals(program.pass(1), ["ann: prepare 2"]);
  // From then on the first one holds up nobody.
  program.pass(50);
  const words = edit(program, "ann", request(program, "ann", 3));
  assertEquals(words, ["ann: edit-accepted 3", "ann: prepare 3"]);
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
  assertEquals(edit(program, "bob", request(program, "bob", 2))[0], "bob: edit-accepted 2");
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
  assertEquals(edit(program, "bob", request(program, "bob", 1))[0], "bob: edit-accepted 2");
});

Deno.test("the entry is free when the edit is aborted; and when it is decided, and that is on disk", () => {
  const program = Program.of("ann");
  const first = request(program, "ann", 1);
  edit(program, "ann", first);
  vote(program, "ann", first, null, { agrees: false });
  const second = request(program, "ann", 1);
  assertEquals(edit(program, "ann", second)[0], "ann: edit-accepted 2");

  program.diskMode = "holds-committed";
  vote(program, "ann", second, "ann");
  assertEquals(edit(program, "ann", request(program, "ann", 1)), []);
  assertEquals(program.diskAnswers().slice(0, 2), [
    "ann: edit-refused entry-locked",
    "ann: committed 2",
  ]);
  assertEquals(edit(program, "ann", request(program, "ann", 1))[0], "ann: edit-accepted 3");
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
  assertEquals(words.at(-1), `edit 2 aborted: bob: ${reason}`);
});

Deno.test("who agrees and has no such entry, or another one than the others, is the reason", () => {
  const program = Program.of("ann", "bob");
  const first = request(program, "ann", 1);
  edit(program, "ann", first);
  assertEquals(vote(program, "bob", first, null).at(-1), "edit 1 aborted: bob has no such entry");

  const second = request(program, "ann", 1);
  edit(program, "ann", second);
  vote(program, "ann", second, "ann");
  assertEquals(
    vote(program, "bob", second, "bob").at(-1),
    "edit 2 aborted: bob has another entry there than the others",
  );
});

Deno.test("policy own: an author who isn't in the view can't be asked", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);

  assertEquals(
    vote(program, "ann", signed, "eve").at(-1),
    "edit 1 aborted: its author, eve, isn't in the group and can't be asked",
  );
  // The other policies ask nobody for being the author.
  for (const policy of ["ask", "auto"] as const) {
    const other = Program.with({ edits: policy }, "ann", "bob");
    const signed = request(other, "ann", 1);
    edit(other, "ann", signed);
    vote(other, "ann", signed, "eve");
    assertStringIncludes(vote(other, "bob", signed, "eve").join(), "edit 1 committed");
  }
});

Deno.test("who was asked is in the decision: the author, all others, nobody", () => {
  const asked = (policy: EditPolicy, author: Name) => {
    const program = Program.with({ edits: policy }, "ann", "bob", "cem");
    const signed = request(program, "ann", 1);
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
    const signed = request(program, "ann", 1);
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
      "bob: aborted 1: you and cem didn't answer in time",
      "cem: aborted 1: you and bob didn't answer in time",
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

  assertStringIncludes(words[1]!, "ann: aborted 1: bob: ␁␁");
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

// Views.

Deno.test("what isn't decided when the view changes is voted on anew by all of the next one", () => {
  const program = Program.of("ann", "bob");
  const signed = request(program, "ann", 1);
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

Deno.test("policy own: an edit whose author goes while it is voted on is aborted, with that reason", () => {
  const program = Program.of("ann", "bob", "cem");
  const signed = request(program, "ann", 1);
  edit(program, "ann", signed);
  vote(program, "cem", signed, "bob");
  const words = [...program.goesDown("bob"), ...program.pass(10_000)];
  const why = "edit 1 aborted: its author, bob, was asked, and is no longer in the group";
  assert(words.includes(why), words.join("\n"));
});

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
  const dropped = words.indexOf("ann: aborted 1: you left the group");
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
