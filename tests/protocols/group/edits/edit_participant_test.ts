// A member's part in edits: what it says to a coordinator that a test speaks for, and what it has on disk by then.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RequestId } from "../../../../lib/base/ids.ts";
import {
  type Consent,
  consentTo,
  isConsentOf,
} from "../../../../lib/protocols/group/identity/consents.ts";
import {
  type Edit,
  type EditPolicy,
  type SignedEditRequest,
  textDigest,
} from "../../../../lib/protocols/group/schema/edit.ts";
import { signBatch, type SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import {
  EDITS_MAX,
  EDITS_PENDING_MAX,
  REMEMBERED_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import type { MemberRecord } from "../../../../lib/protocols/group/schema/records.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, forged, idOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "../group_net.ts";
import { SLOW } from "../../../given.ts";

const MINUTE_MS = 60_000;

/** Ann, Bob and Cem; the first two have said something, entries 1 and 2. */
function started(names: readonly string[] = ["ann", "bob", "cem"]): GroupNet {
  const net = GroupNet.started(names);
  net.nodes[0]!.say("one");
  net.settle();
  net.nodes[1]?.say("two");
  net.settle();
  forgetTold(net);
  return net;
}

function forgetTold(net: GroupNet): void {
  net.coordinator.got.length = 0;
  for (const node of net.nodes) node.events = [];
}

/** The three of a net. */
function three({ nodes: [ann, bob, cem] }: GroupNet): readonly [Node, Node, Node] {
  return [ann!, bob!, cem!];
}

function prepareOf(
  signed: SignedEditRequest,
  changes: Partial<GroupMessageOf<"prepare">> = {},
): GroupMessageOf<"prepare"> {
  return { type: "prepare", edit: 1, view: 1, signed, voteMs: 30_000, ...changes };
}

/** The coordinator asks these, or all, under this rule, and hears what they say. */
function ask(
  net: GroupNet,
  signed: SignedEditRequest,
  { policy = "own", ...changes }:
    & Partial<GroupMessageOf<"prepare">>
    & { readonly policy?: EditPolicy } = {},
  nodes: readonly Node[] = net.nodes,
): void {
  net.ruleIs(policy);
  for (const node of nodes) net.coordinator.send(node, prepareOf(signed, changes));
  net.settle();
}

/** What they said, each the last thing: `yes`, or why not. */
function votes(net: GroupNet): readonly string[] {
  return net.nodes.map((node) => {
    const last = net.coordinator.gotFrom(node, "vote").at(-1);
    return last === undefined ? "nothing" : last.agrees ? "yes" : `no: ${last.reason}`;
  });
}

function kinds(node: Node): readonly MemberRecord["kind"][] {
  return node.disk.records.map(({ kind }) => kind);
}

function locks(net: GroupNet): readonly (readonly number[])[] {
  return net.nodes.map(({ machine }) => machine!.membership!.voting.locks);
}

function errors(node: Node): readonly string[] {
  return node.told("error").map(({ code, text, detail }) =>
    `${code}: ${text}${detail === undefined ? "" : `: ${detail}`}`
  );
}

function notices(node: Node): string {
  return node.told("notice").map(({ text }) => text).join("\n");
}

/** What users were told of edits: `committed`, `aborted: why`. */
function outcomes(node: Node): readonly string[] {
  return node.told("edit").map(({ edit, outcome, reason }) =>
    outcome === "committed" ? `${edit} committed` : `${edit} ${outcome}: ${reason}`
  );
}

function commit(net: GroupNet, signed: SignedBatch, nodes: readonly Node[] = net.nodes): void {
  for (const node of nodes) net.coordinator.send(node, { type: "committed", signed });
  net.settle();
}

/** Somebody's next texts, after so many of its own. */
function saysAs(
  { signer, name, incarnationBytes: incarnation }: Node,
  counter: number,
  texts: readonly string[],
) {
  return signBatch(signer, {
    kind: "texts",
    rules: null,
    group: GROUP,
    author: signer.key,
    name,
    incarnation,
    counter,
    sentAt: 0,
    texts,
    edits: [],
  });
}

/** Who has said entries 1 and 2. */
const AUTHORS = ["ann", "bob"].map((name) => ({ name, signer: fakeSigner(name) }));

/** Committed as edit 1. @param agreed Absent: the author, where somebody else has asked. */
function decisionOn(
  signed: SignedEditRequest,
  agreed: readonly typeof AUTHORS[number][] = authorOf(signed),
): SignedBatch {
  return new Decider(COORDINATOR, GROUP).decides([editOf(1, signed, agreed)]);
}

function authorOf({ request: { value } }: SignedEditRequest): readonly typeof AUTHORS[number][] {
  const author = AUTHORS[value.seq - 1];
  return author === undefined || author.signer.key === value.requester ? [] : [author];
}

/** The coordinator says that it is aborted. */
function abort(net: GroupNet, id: RequestId, reason: string): void {
  for (const node of net.nodes) {
    net.coordinator.send(node, { type: "aborted", id, edit: 1, reason });
  }
  net.settle();
}

/** What this one voted on last. */
function requestOfVote(net: GroupNet, node: Node): RequestId {
  return net.coordinator.gotFrom(node, "vote").at(-1)!.id;
}

/** The coordinator is gone, and everybody knows it. */
function vanish(net: GroupNet): void {
  net.coordinator.vanish();
  net.settle();
}

// The vote.

Deno.test("a member that needn't ask agrees by itself, and names the author as its log has it", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);

  assertEquals(net.coordinator.gotFrom(bob, "vote"), [{
    type: "vote",
    id: idOf(signed),
    edit: 1,
    view: 1,
    agrees: true,
    author: { key: ann.key, name: "ann" },
    consent: null,
    reason: "",
  }]);
  assertEquals(votes(net), ["yes", "yes", "yes"]);
  assertEquals(net.nodes.flatMap((node) => node.told("vote-wanted")), []);
});

Deno.test("a member agrees when that is on its disk, with the entry locked", () => {
  const net = started();
  const [ann, bob] = three(net);
  net.coordinator.send(bob, prepareOf(requestOf(ann, GROUP, 1, "uno")));
  const hasVoted = () => net.coordinator.gotFrom(bob, "vote").length > 0;

  while (net.next()) assert(!hasVoted() || kinds(bob).includes("prepared"), "said before stored");

  assert(hasVoted());
  assertEquals(bob.disk.syncedRecords, bob.disk.records.length);
  assertEquals(bob.machine!.membership!.voting.locks, [1]);
});

Deno.test("policy own: the author is asked, sees what and until when, and its yes counts", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));

  assertEquals(votes(net), ["nothing", "yes", "yes"]);
  assertEquals(ann.told("vote-wanted"), [{
    event: "vote-wanted",
    edit: 1,
    seq: 1,
    by: "bob",
    old: "one",
    new: "uno",
    deadline: new Date(1_700_000_000_000 + 30_000).toISOString(),
  }]);
  assertEquals(kinds(ann).includes("prepared"), false);

  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertEquals(votes(net), ["yes", "yes", "yes"]);
});

Deno.test("/status has the edits that wait for one's vote, until one votes or it is too late", () => {
  const wantedAfter = (act: (net: GroupNet, ann: Node) => void) => {
    const net = started();
    const [ann, bob] = three(net);
    ask(net, requestOf(bob, GROUP, 1, "uno"));
    act(net, ann);
    ann.command({ command: "status" });
    net.settle();
    return ann.told("status").at(-1)!.edits;
  };
  const deadline = new Date(1_700_000_000_000 + 30_000).toISOString();
  assertEquals(wantedAfter(() => {}), [
    { edit: 1, seq: 1, by: "bob", text: "uno", state: "vote-wanted", deadline },
  ]);
  assertEquals(wantedAfter((_, ann) => ann.command({ command: "go", edit: 1 })), []);
  assertEquals(wantedAfter((net) => net.pass(30_000)), []);
});

Deno.test("policy ask: all but the requester are asked; auto: nobody is", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  ask(net, requestOf(ann, GROUP, 1, "uno"), { policy: "ask" });
  ask(net, requestOf(cem, GROUP, 2, "due"), { policy: "auto", edit: 2 });

  const asked = net.nodes.map((node) => node.told("vote-wanted").map(({ edit }) => edit));
  assertEquals(asked, [[], [1], [1]]);
  assertEquals(
    net.nodes.map((node) => net.coordinator.gotFrom(node, "vote").length),
    [2, 1, 1],
  );
  assertEquals(bob.told("vote-wanted")[0]?.by, "ann");
});

Deno.test("a user's no is the vote: nothing is stored, and the entry is free again", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));
  ann.command({ command: "abort", edit: 1 });
  net.settle();

  assertEquals(votes(net)[0], "no: ");
  assertEquals(kinds(ann).includes("prepared"), false);
  assertEquals(locks(net), [[], [1], [1]]);
  // A no that the coordinator doesn't hear may count for nothing: it says how the edit ended.
  assertEquals(outcomes(ann), []);
  abort(net, requestOfVote(net, ann), "ann said no");
  assertEquals(outcomes(ann), ["1 aborted: you said no"]);
});

/** What carries this `ref`, in words. */
function answers(node: Node, ref: string): readonly string[] {
  return node.effects.flatMap((effect) => {
    if (effect.type !== "show" || effect.ref !== ref) return [];
    const { event } = effect;
    if (event.event === "edit") return [`${event.outcome}: ${event.reason}`];
    return [event.event === "notice" ? event.text : event.event];
  });
}

Deno.test("a vote is answered at once, and the edit's outcome carries its ref", () => {
  const voted = (
    policy: "own" | "ask",
    then: (net: GroupNet, signed: SignedEditRequest) => void,
  ) => {
    const net = started();
    const [ann, bob] = three(net);
    const signed = requestOf(bob, GROUP, 1, "uno");
    ask(net, signed, { policy });
    ann.command({ command: "go", edit: null }, "v");
    assertEquals(answers(ann, "v").length, 1);
    net.settle();
    then(net, signed);
    return answers(ann, "v");
  };
  const commits = (net: GroupNet, signed: SignedEditRequest) => commit(net, decisionOn(signed));
  assertEquals(voted("own", commits), [
    "You agreed to edit 1",
    "committed: agreed by ann",
  ]);
  assertEquals(
    voted("ask", commits)[0],
    "You agreed to edit 1; it also needs the agreement of cem, who may have given it already",
  );
  const aborts = (net: GroupNet, signed: SignedEditRequest) =>
    abort(net, idOf(signed), "cem said no");
  assertEquals(voted("ask", aborts)[1], "aborted: cem said no");
  const goesAway = (net: GroupNet, signed: SignedEditRequest) => {
    vanish(net);
    net.pass(10_000);
    net.coordinator.comeBack();
    net.pass(10_000);
    aborts(net, signed);
  };
  assertEquals(voted("own", goesAway).slice(1).map((one) => one.split(":")[0]), [
    "in-doubt",
    "aborted",
  ]);
});

Deno.test("a no is answered by the edit that it aborts", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));
  ann.command({ command: "abort", edit: 1 }, "v");
  net.settle();
  abort(net, requestOfVote(net, ann), "ann said no");
  assertEquals(answers(ann, "v"), ["aborted: you said no"]);
});

Deno.test("a no while the coordinator is away is answered by what is awaited, and said when it is back", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed, {}, [ann, cem]);
  vanish(net);
  ann.command({ command: "abort", edit: 1 }, "v");
  net.settle();
  assertEquals(answers(ann, "v"), [
    "You said no to edit 1; waiting for the coordinator, which doesn't answer",
  ]);
  net.pass(10_000);
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: net.coordinator.number });
  assertEquals(votes(net)[0], "no: ");
  assertEquals(ann.told("vote-wanted").length, 1);
});

Deno.test("an edit whose text looks like a command is asked about, and nothing else happens", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "/go 1"));

  assertEquals(ann.told("vote-wanted").map((event) => event.new), ["/go 1"]);
  assertEquals(votes(net)[0], "nothing");
});

Deno.test("/go and /abort without a number mean the only open one; otherwise they say which there are", () => {
  const net = started();
  const [ann, bob] = three(net);
  ann.command({ command: "go", edit: null }, "none");
  ask(net, requestOf(bob, GROUP, 1, "uno"), { policy: "ask" });
  ask(net, requestOf(bob, GROUP, 2, "due"), { policy: "ask", edit: 2 });
  ann.command({ command: "abort", edit: null }, "several");
  ann.command({ command: "go", edit: 7 }, "wrong");
  net.settle();

  assertEquals(errors(ann), [
    "not-allowed: No edit waits for your vote",
    "usage: 2 edits wait for your vote: /abort 1, /abort 2",
    "not-allowed: Edit 7 doesn't wait for your vote; those that do: 1, 2",
  ]);
  assertEquals(net.coordinator.gotFrom(ann, "vote"), []);

  ann.command({ command: "go", edit: 2 });
  net.settle();
  ann.command({ command: "go", edit: null });
  net.settle();
  assertEquals(net.coordinator.gotFrom(ann, "vote").map(({ agrees }) => agrees), [true, true]);
  ann.command({ command: "go", edit: 1 }, "twice");
  net.settle();
  assertEquals(errors(ann).at(-1), "not-allowed: Edit 1 doesn't wait for your vote");
});

Deno.test("who isn't in the group yet has nothing to vote on", () => {
  const net = new GroupNet();
  net.coordinator.isUp = false;
  const ann = net.add("ann");
  ann.start();
  net.settle();
  ann.command({ command: "go", edit: null });
  net.settle();

  assertEquals(errors(ann), [
    "not-allowed: No edit waits for your vote: you aren't in the group yet",
  ]);
});

Deno.test("a vote after the deadline doesn't count", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"), { voteMs: 1_000 });
  net.pass(1_000);
  ann.command({ command: "go", edit: 1 });
  net.settle();

  assertEquals(errors(ann), ["not-allowed: Edit 1 doesn't wait for your vote any more"]);
  assertEquals(votes(net)[0], "nothing");
});

Deno.test("asked again, a member says again what it has agreed to, and asks its user once", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ask(net, signed);

  assertEquals(ann.told("vote-wanted").length, 1);
  assertEquals(net.coordinator.gotFrom(bob, "vote").length, 2);
});

Deno.test("what was refused is refused again, and its user isn't asked again", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "abort", edit: null });
  ask(net, signed);

  assertEquals(ann.told("vote-wanted").length, 1);
  assertEquals(net.coordinator.gotFrom(ann, "vote").map(({ agrees }) => agrees), [false, false]);
});

Deno.test("a question of another view has no effect", () => {
  const net = started();
  ask(net, requestOf(net.nodes[0]!, GROUP, 1, "uno"), { view: 2 });

  assertEquals(votes(net), ["nothing", "nothing", "nothing"]);
  assertEquals(locks(net), [[], [], []]);
});

Deno.test("an entry that isn't there is refused, and nothing is locked", () => {
  const net = started();
  ask(net, requestOf(net.nodes[0]!, GROUP, 3, "tre"));

  const no = "no: there is no entry 3";
  assertEquals(votes(net), [no, no, no]);
  assertEquals(locks(net), [[], [], []]);
});

Deno.test("an entry that is held and not in the log yet is locked, and voted on when it is there", () => {
  const net = started();
  const [ann, bob] = three(net);
  ann.say("three");
  const { held } = bob.machine!.membership!;
  while (held.seq < 3) net.next();
  assertEquals(held.logSeq, 2);
  const { link } = bob;
  const third = held.batches[Symbol.iterator]().next().value!.entries[0]!;
  const read = { entry: third.id, old: textDigest(fakeCrypto, third.text) };
  const signed = requestOf(ann, GROUP, 3, "tre", read);
  bob.feed({ type: "message", link: link!, message: prepareOf(signed) });

  assertEquals(bob.machine!.membership!.voting.locks, [3]);
  assertEquals(votes(net)[1], "nothing");
  net.settle();
  assertEquals(votes(net)[1], "yes");
});

/** What an entry reads once it was changed to that. */
const UNO = { old: textDigest(fakeCrypto, "uno") };

Deno.test("an edit of another entry, or of what an entry doesn't read any more, is refused", () => {
  const net = started();
  const [ann, bob] = three(net);
  const { id } = ann.entryNow(2)!;
  ask(net, requestOf(bob, GROUP, 1, "uno", { entry: id }));
  assertEquals(votes(net), [
    "no: it was asked for another entry than entry 1",
    "no: it was asked for another entry than entry 1",
    "no: it was asked for another entry than entry 1",
  ]);
  const late = requestOf(bob, GROUP, 1, "ein");
  const first = requestOf(bob, GROUP, 1, "uno");
  ask(net, first, { edit: 2 });
  ann.command({ command: "go", edit: 2 });
  net.settle();
  commit(net, decisionOn(first));
  ask(net, late, { edit: 3 });
  assertEquals(
    votes(net)[0],
    "no: entry 1 has been changed since this edit was requested",
  );
});

Deno.test("another edit of the entry waits until the first one is in the log; of other entries they cross", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(ann, GROUP, 1, "uno");
  ask(net, first);
  ask(net, requestOf(ann, GROUP, 1, "ein", UNO), { edit: 2 });
  ask(net, requestOf(bob, GROUP, 2, "due"), { edit: 3 });
  const count = () => net.coordinator.gotFrom(bob, "vote").length;
  assertEquals(count(), 2);

  commit(net, decisionOn(first));
  assertEquals(count(), 3);
  assertEquals(locks(net)[1], [1, 2]);
});

Deno.test("who is asked next sees what the entry reads by then", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(ann, GROUP, 1, "uno");
  ask(net, first);
  ask(net, requestOf(bob, GROUP, 1, "ein", UNO), { edit: 2 });
  assertEquals(ann.told("vote-wanted"), []);
  commit(net, decisionOn(first));

  assertEquals(ann.told("vote-wanted").map(({ old, new: text }) => [old, text]), [["uno", "ein"]]);
});

Deno.test("the coordinator is blamed for what nobody asked for", () => {
  const wrong: readonly [string, (net: GroupNet) => SignedEditRequest][] = [
    ["isn't signed", ({ nodes: [ann] }) => forged(requestOf(ann!, GROUP, 1, "uno"))],
    [
      "another group",
      ({ nodes: [ann] }) => requestOf(ann!, "5".repeat(64) as typeof GROUP, 1, "x"),
    ],
    ["below 1", ({ nodes: [ann] }) => requestOf(ann!, GROUP, 0, "x")],
    ["can't be empty", ({ nodes: [ann] }) => requestOf(ann!, GROUP, 1, "")],
    ["requester's name", ({ nodes: [ann] }) => requestOf(ann!, GROUP, 1, "x", { name: "a b" })],
    [
      "isn't signed",
      ({ nodes: [ann] }) => requestOf(ann!, GROUP, 1, "x", { requester: fakeSigner("eve").key }),
    ],
  ];
  for (const [text, request] of wrong) {
    const net = started();
    const cem = net.nodes[2]!;
    ask(net, request(net), {}, [cem]);

    assertEquals(cem.told("error").map(({ code }) => code), ["protocol"]);
    assertStringIncludes(errors(cem)[0]!, text);
    assertEquals(net.coordinator.gotFrom(cem, "vote"), []);
    assertEquals(cem.link, null);
  }
});

/** Bob has so many open edits, each of another entry. */
function withOpen(count: number): { readonly net: GroupNet; readonly bob: Node } {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  for (let entry = 1; entry <= count; entry++) ann!.say(`text ${entry}`);
  net.settle();
  forgetTold(net);
  for (let edit = 1; edit <= count; edit++) {
    ask(net, requestOf(ann!, GROUP, edit, "x"), { edit }, [bob!]);
  }
  return { net, bob: bob! };
}

Deno.test("as many edits may be open as the coordinator may have pending", SLOW, () => {
  const { net, bob } = withOpen(EDITS_PENDING_MAX);

  assertEquals(errors(bob), []);
  assertEquals(net.coordinator.gotFrom(bob, "vote").length, EDITS_PENDING_MAX);
});

Deno.test("a coordinator that asks about more than can be is blamed", SLOW, () => {
  const { bob } = withOpen(2 * EDITS_PENDING_MAX + 1);

  assertEquals(errors(bob).length, 1);
  assertStringIncludes(errors(bob)[0]!, `more than ${EDITS_PENDING_MAX} edits at once`);
});

// The decision.

Deno.test("what is committed is put in order, shown where it stands, and said to be applied", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  const decided = decisionOn(signed);
  commit(net, decided);

  const event = {
    event: "edit",
    edit: 1,
    seq: 1,
    by: "bob",
    text: "uno",
    outcome: "committed",
    reason: "agreed by ann",
    agreed: ["ann"],
    committedAt: "1970-01-01T00:00:01.000Z",
    history: false,
    position: 3,
  } as const;
  for (const node of net.nodes) {
    assertEquals(node.told("edit"), [event]);
    assertEquals(node.disk.log.at(-1)?.batch.bytes, decided.batch.bytes);
    const { incarnation } = decided.batch.value;
    const applied = [{ type: "applied" as const, incarnation, through: 1 }];
    assertEquals(net.coordinator.gotFrom(node, "applied"), applied);
    assertEquals(kinds(node).at(-1), "settled");
  }
  assertEquals(locks(net), [[], [], []]);
});

Deno.test("a decision that comes again is in order once, and said to be applied again", () => {
  const net = started();
  const signed = requestOf(net.nodes[0]!, GROUP, 1, "uno");
  ask(net, signed);
  const decided = decisionOn(signed);
  commit(net, decided);
  commit(net, decided);

  for (const node of net.nodes) {
    assertEquals(node.disk.log.length, 3);
    assertEquals(net.coordinator.gotFrom(node, "applied").length, 2);
  }
});

Deno.test("who claims that more was decided together isn't told that it was applied", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(ann, GROUP, 1, "uno");
  commit(net, decisionOn(first));
  const { incarnation } = decisionOn(first).batch.value;
  const edits = [1, 2, 3].map((edit) => editOf(edit, requestOf(ann, GROUP, 1, `${edit}`)));
  const longer = forged(
    new Decider(COORDINATOR, GROUP).decides(edits, { incarnation, counter: 1 }),
  );
  net.coordinator.got.length = 0;
  net.tell(ann, bob.key, { type: "committed", signed: longer });
  net.settle();

  assertEquals(net.coordinator.gotFrom(bob, "applied"), []);
});

Deno.test("decisions of two of the coordinator's processes are applied both, also at once", () => {
  const net = started();
  const [ann, bob] = three(net);
  const { held, voting } = bob.machine!.membership!;
  const batches = [1, 2].map((process) => {
    const signed = requestOf(ann, GROUP, process, "uno");
    held.append(new Decider(COORDINATOR, GROUP, process).decides([editOf(process, signed)]));
    return held.shift();
  });
  bob.machine!.out.begin(net.nowMs);
  voting.logged(batches);
  const applied = bob.machine!.out.take().flatMap((effect) =>
    effect.type === "send" && effect.message.type === "applied"
      ? [effect.message.incarnation[0]]
      : []
  );

  assertEquals(applied, [1, 2]);
});

Deno.test("what is aborted is unlocked; who was asked is told why, others aren't", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  for (const node of net.nodes) {
    net.coordinator.send(node, { type: "aborted", id: idOf(signed), edit: 1, reason: "too late" });
  }
  net.settle();

  assertEquals(net.nodes.map(outcomes), [["1 aborted: too late"], [], []]);
  assertEquals(locks(net), [[], [], []]);
  assertEquals([kinds(ann), kinds(bob), kinds(cem)].map((all) => all.includes("settled")), [
    false,
    true,
    true,
  ]);
});

Deno.test("a decision that the coordinator hasn't signed: whoever sends it is blamed", () => {
  const signedBy = (name: string) => (net: GroupNet) =>
    new Decider(fakeSigner(name), GROUP).decides([
      editOf(1, requestOf(net.nodes[0]!, GROUP, 1, "x")),
    ]);
  const wrong: readonly ((net: GroupNet) => SignedBatch)[] = [
    signedBy("eve"),
    (net) => forged(signedBy("coordinator")(net)),
    (net) =>
      new Decider(COORDINATOR, GROUP).decides([editOf(0, requestOf(net.nodes[0]!, GROUP, 1, "x"))]),
    (net) => decisionOn(forged(requestOf(net.nodes[0]!, GROUP, 1, "x"))),
  ];
  for (const decision of wrong) {
    const fromMember = started();
    const [ann, bob] = three(fromMember);
    vanish(fromMember);
    fromMember.tell(bob, ann.key, { type: "committed", signed: decision(fromMember) });
    fromMember.settle();
    assertStringIncludes(errors(ann)[0] ?? "nobody", "bob sent invalid data");

    // The first is the sequencer.
    const fromCoordinator = started();
    commit(fromCoordinator, decision(fromCoordinator), [fromCoordinator.nodes[0]!]);
    assertStringIncludes(
      errors(fromCoordinator.nodes[0]!)[0] ?? "nobody",
      "The coordinator sent invalid data",
    );
    assertEquals(fromCoordinator.nodes.map(({ disk }) => disk.log.length), [2, 2, 2]);
  }
});

Deno.test("what the coordinator hasn't signed isn't passed on: others would blame who does", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  commit(net, forged(decisionOn(signed)), [bob]);
  assertEquals(errors(bob), []);
  bob.effects = [];
  vanish(net);
  net.pass(5_000);

  assertEquals(errors(ann), []);
  assertEquals(tells(bob, "committed"), []);
  assertEquals(errors(bob).length, 1);
});

/** What it told other members of a kind. */
function tells<Type extends "committed" | "aborted" | "inquire">(
  node: Node,
  type: Type,
): readonly GroupMessageOf<Type>[] {
  return node.effects.flatMap((effect) =>
    effect.type === "tell" && effect.message.type === type
      ? [effect.message as GroupMessageOf<Type>]
      : []
  );
}

// While the coordinator is away.

Deno.test("who has agreed never decides alone: it tells its user, asks the others, and waits", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  vanish(net);
  net.pass(MINUTE_MS);

  assertEquals(outcomes(ann), [
    "1 in-doubt: the coordinator doesn't answer; you are told the outcome once it is known",
  ]);
  assertEquals(notices(ann).includes("Entry 1"), false);
  assertStringIncludes(notices(cem), "Entry 1 stays locked until the coordinator is back");
  assertEquals(locks(net), [[1], [1], [1]]);
  const asked = ({ id, edit, seq, view }: GroupMessageOf<"inquire">["edits"][number]) => ({
    id,
    edit,
    seq,
    view,
  });
  const expected = { id: idOf(signed), edit: 1, seq: 1, view: 1 };
  assertEquals(tells(bob, "inquire")[0]?.edits.map(asked), [expected]);
  // Only who has asked for the edit may rely on another one's no.
  assertEquals(tells(cem, "inquire")[0]?.edits.map(asked), [{ ...expected, view: 0 }]);
  assert(tells(cem, "inquire").length >= 20, "every 2 s");
  assertEquals(net.nodes.flatMap((node) => tells(node, "aborted")), []);
});

Deno.test("who hasn't voted refuses by itself when the requester asks: it is over for all, and stays so", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  vanish(net);
  net.pass(10_000);

  const gone = "the coordinator went away before all had agreed";
  assertEquals(outcomes(ann), [
    `1 in-doubt: ${gone}; you are told the outcome once it is known`,
    `1 aborted: ${gone}`,
  ]);
  assertEquals(locks(net), [[], [], []]);
  assertEquals(outcomes(cem), [`1 aborted: ${gone}; entry 1 isn't locked by it any more`]);
  assert(kinds(cem).includes("settled"));
  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertStringIncludes(errors(ann).at(-1)!, "doesn't wait for your vote");

  // The same coordinator is back, in whichever view it asks: the requester has given its edit up for good.
  net.coordinator.comeBack();
  net.pass(10_000);
  for (const isNext of [false, true]) {
    if (isNext) net.coordinator.change(ann, bob, cem);
    net.settle();
    net.coordinator.got.length = 0;
    ask(net, signed, { view: net.coordinator.number });
    assertEquals(votes(net)[1], `no: ${gone}`);
  }
});

Deno.test("whoever was told of a lock is told its end once, whoever says it; who wasn't, isn't", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  vanish(net);
  net.pass(10_000);
  assertStringIncludes(notices(cem), "Entry 1 stays locked");
  net.coordinator.comeBack();
  net.pass(10_000);
  const aborted = { type: "aborted" as const, id: idOf(signed), edit: 0, reason: "restarted" };
  for (const again of [1, 2]) {
    for (const node of net.nodes) net.coordinator.send(node, aborted);
    net.settle();
    assertEquals(outcomes(ann).slice(1), ["1 aborted: restarted"], `${again}`);
    assertEquals(outcomes(cem), ["1 aborted: restarted; entry 1 isn't locked by it any more"]);
  }
  assertEquals(locks(net), [[], [], []]);

  const other = started();
  const [, eve, dan] = three(other);
  const unlocked = requestOf(eve, GROUP, 1, "uno");
  ask(other, unlocked);
  other.coordinator.send(dan, { ...aborted, id: idOf(unlocked) });
  other.settle();
  assertEquals(outcomes(dan), []);
});

Deno.test("a member that isn't the requester gives nothing up because of another one's no", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  vanish(net);
  const aborted = { type: "aborted" as const, id: idOf(signed), edit: 1, reason: "I say so" };
  cem.feed({ type: "peer-message", peer: ann.key, message: aborted });
  assertEquals(cem.machine!.membership!.voting.locks, [1]);
  cem.feed({ type: "peer-message", peer: bob.key, message: aborted });
  assertEquals(cem.machine!.membership!.voting.locks, []);
});

Deno.test("who never heard of the edit refuses it too, where it had a vote; and never agrees to it later", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed, {}, [bob, cem]);
  vanish(net);
  net.pass(10_000);

  assertEquals(locks(net), [[], [], []]);
  assertEquals(tells(ann, "aborted").length >= 1, true);
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.got.length = 0;
  ask(net, signed, {}, [ann]);
  assertEquals(votes(net)[0], "no: the coordinator went away before all had agreed");
});

/** Bob, or another one, asks Ann what became of edits while the coordinator is away. */
function inquire(
  net: GroupNet,
  signed: readonly SignedEditRequest[],
  { view = 1, by = net.nodes[1]! }: { readonly view?: number; readonly by?: Node } = {},
): void {
  const [ann] = net.nodes;
  const edits = signed.map((one) => ({
    id: idOf(one),
    edit: 1,
    seq: one.request.value.seq,
    view,
  }));
  net.tell(by, ann!.key, { type: "inquire", edits });
  net.settle();
}

Deno.test("asked about an edit of a view that it wasn't in, or that is in its log, a member says nothing", () => {
  const net = started();
  const [ann] = three(net);
  const logged = requestOf(ann, GROUP, 1, "uno");
  ask(net, logged);
  commit(net, decisionOn(logged));
  vanish(net);
  net.pass(5_000);
  ann.effects = [];
  inquire(net, [requestOf(ann, GROUP, 2, "due")], { view: 2 });
  inquire(net, [logged]);

  assertEquals([tells(ann, "aborted"), tells(ann, "committed")], [[], []]);
});

Deno.test("while the coordinator is there, members answer no questions and believe no answers", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed);
  inquire(net, [requestOf(bob, GROUP, 1, "uno")]);
  const aborted = { type: "aborted" as const, id: idOf(signed), edit: 1, reason: "I say so" };
  net.tell(bob, ann.key, aborted);
  net.settle();

  assertEquals(tells(ann, "aborted"), []);
  assertEquals(locks(net)[0], [2]);
});

Deno.test("of an edit that it isn't in doubt of a member believes nobody but who asked for it", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  vanish(net);
  const aborted = { type: "aborted" as const, id: idOf(signed), edit: 1, reason: "I say so" };
  net.tell(cem, ann.key, aborted);
  while (outcomes(ann).length === 0 && net.next());

  // What it says in the end is its own.
  assertEquals(outcomes(ann).some((text) => text.includes("I say so")), false);
});

Deno.test("who knows the decision believes nobody who says that there is none", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  cem.command({ command: "edit", seq: 1, text: "uno" });
  net.settle();
  const { signed } = net.coordinator.gotFrom(cem, "edit")[0]!;
  const id = idOf(signed);
  const accepted = { type: "edit-accepted", id, edit: 1, voteMs: 1 } as const;
  net.coordinator.send(cem, accepted);
  ask(net, signed, { policy: "auto" });
  vanish(net);

  const decided = { type: "committed", signed: decisionOn(signed, []) } as const;
  cem.feed({ type: "peer-message", peer: bob.key, message: decided });
  const lie = { type: "aborted", id, edit: 1, reason: "so it is" } as const;
  cem.feed({ type: "peer-message", peer: ann.key, message: lie });
  net.settle();

  assertEquals(outcomes(cem).at(-1), "1 committed");
  assertEquals(outcomes(cem).filter((outcome) => outcome.includes("aborted")), []);
});

Deno.test("who wasn't in the view that voted is believed nothing", () => {
  const net = started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  const cem = net.add("cem");
  cem.start();
  net.settle();
  vanish(net);
  const aborted = { type: "aborted" as const, id: idOf(signed), edit: 1, reason: "I say so" };
  bob.feed({ type: "peer-message", peer: cem.key, message: aborted });
  net.settle();

  assertEquals(bob.machine!.membership!.voting.locks, [1]);
});

Deno.test("who knows the decision passes it on: to who asks, and to the sequencer, which puts it in order", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed);
  commit(net, decisionOn(signed), [cem]);
  assertEquals(net.nodes.map(outcomes), [[], [], []]);
  vanish(net);
  net.pass(5_000);

  assertEquals(
    net.nodes.map(outcomes),
    [["1 committed"], [
      "1 committed",
    ], ["1 committed"]].map((told, index) => [
      ...net.nodes[index]!.told("edit").filter(({ outcome }) => outcome === "in-doubt")
        .map(({ reason }) => `1 in-doubt: ${reason}`),
      ...told,
    ]),
  );
  assertEquals([ann, bob, cem].map(({ disk }) => disk.log.length), [3, 3, 3]);
});

Deno.test("who has the decision in order alone, and not from the coordinator, passes it on, too", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(cem, GROUP, 2, "due");
  ask(net, signed);
  // The sequencer has it and tells Bob; Cem's acknowledgement is awaited.
  net.coordinator.send(ann, { type: "committed", signed: decisionOn(signed) });
  const held = () => [...bob.machine!.membership!.held.batches];
  while (held().length === 0) net.next();
  net.coordinator.vanish();
  bob.effects = [];
  const edits = [{ id: idOf(signed), edit: 1, seq: 2, view: 1 }];
  bob.feed({ type: "peer-message", peer: cem.key, message: { type: "inquire", edits } });

  assertEquals(tells(bob, "committed").length, 1);
});

Deno.test("asked about many edits that were decided together, a member passes the decision on once", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const requests = Array.from({ length: 20 }, (_, n) => {
    const old = textDigest(fakeCrypto, n === 0 ? "two" : `${n - 1}`);
    return requestOf(bob, GROUP, 2, `${n}`, { old });
  });
  const decided = new Decider(COORDINATOR, GROUP)
    .decides(requests.map((signed, n) => editOf(n + 1, signed)));
  // The sequencer's part is left out: it stays undelivered.
  commit(net, decided, [cem]);
  net.coordinator.vanish();
  cem.effects = [];
  const edits = requests.map((one) => ({ id: idOf(one), edit: 1, seq: 2, view: 1 }));
  cem.feed({ type: "peer-message", peer: bob.key, message: { type: "inquire", edits } });

  assertEquals(tells(cem, "committed").length, 1);
  assertEquals(ann.told("error"), []);
});

Deno.test("who asks about more than there can be is answered so much, and nothing of that is forgotten", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(bob, GROUP, 1, "uno");
  vanish(net);
  net.pass(5_000);
  const is = ann.machine!.isCoordinatorUp;
  assertEquals(is, false);
  const all = [
    first,
    ...Array.from({ length: 2 * REMEMBERED_MAX }, () => requestOf(bob, GROUP, 1, "x")),
  ];
  for (const signed of all) inquire(net, [signed]);
  assertEquals(tells(ann, "aborted").length, REMEMBERED_MAX);

  net.coordinator.comeBack();
  net.pass(10_000);
  ask(net, first, {}, [ann]);
  assertStringIncludes(votes(net)[0]!, "no: the coordinator went away");
});

Deno.test("nobody but the requester has a member refuse an edit for its user, or one that it hasn't heard of", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const asked = requestOf(bob, GROUP, 1, "uno");
  const unheard = requestOf(bob, GROUP, 2, "due");
  ask(net, asked);
  vanish(net);
  while (ann.machine!.isCoordinatorUp) net.pass(100);
  inquire(net, [asked, unheard], { by: cem });
  net.coordinator.comeBack();
  net.pass(1_000);
  assertEquals(outcomes(ann), []);
  ask(net, unheard, { edit: 2 }, [ann]);
  assertEquals(votes(net)[0], "yes");
  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertEquals(votes(net)[0], "yes");
  assertEquals(errors(ann), []);
});

Deno.test("a member that makes up edits keeps no other one from being answered", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed, {}, [bob, cem]);
  vanish(net);
  while (ann.machine!.isCoordinatorUp) net.pass(100);
  for (let n = 0; n <= REMEMBERED_MAX; n++) {
    inquire(net, [requestOf(cem, GROUP, 1, `${n}`)], { by: cem });
  }
  assertEquals(tells(ann, "aborted").length, REMEMBERED_MAX);
  net.pass(20_000);
  assertEquals(locks(net), [[], [], []]);
});

// Restarts and views.

Deno.test("what was refused unheard in one view is voted on in the next one, but by its requester", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed, {}, [bob]);
  vanish(net);
  net.pass(5_000);
  inquire(net, [signed]);
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: net.coordinator.number });

  const gone = "no: the coordinator went away before all had agreed";
  assertEquals(votes(net), ["yes", gone, "yes"]);
  // Accepted anew, it is another edit.
  ask(net, signed, { edit: 2, view: net.coordinator.number });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
});

/** Bob has agreed to an edit of Ann's, and is started again, with its view. */
function restartedInDoubt(): {
  readonly net: GroupNet;
  readonly signed: SignedEditRequest;
  readonly bob: Node;
} {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  bob.kill({ power: true });
  bob.start();
  net.settle();
  assertEquals(bob.machine!.membership!.voting.locks, [1]);
  net.coordinator.got.length = 0;
  net.coordinator.change(...net.nodes);
  net.settle();
  net.pass(100);
  return { net, signed, bob };
}

Deno.test("what is in the log isn't voted on once more, however long ago", SLOW, () => {
  const net = started();
  const [ann, bob] = three(net);
  const old = requestOf(ann, GROUP, 1, "uno");
  const decider = new Decider(COORDINATOR, GROUP);
  net.ruleIs("auto");
  commit(net, decider.decides([editOf(1, old)]));
  for (let edit = 2; edit < 2 + EDITS_PENDING_MAX;) {
    const edits = Array.from({ length: EDITS_MAX }, () => {
      const old = textDigest(fakeCrypto, edit === 2 ? "two" : "due");
      return editOf(edit++, requestOf(ann, GROUP, 2, "due", { old }));
    });
    commit(net, decider.decides(edits));
  }
  net.coordinator.got.length = 0;
  ask(net, old, { edit: 999 });
  assertEquals(votes(net), ["nothing", "nothing", "nothing"]);
  assertEquals(locks(net), [[], [], []]);

  // What is asked for now is agreed to as ever, in whatever order it comes.
  const [earlier, later] = [requestOf(ann, GROUP, 1, "un"), requestOf(ann, GROUP, 2, "deux")];
  ask(net, later, { edit: 1_001, policy: "auto" });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
  commit(net, decider.decides([editOf(1_001, later)]));
  net.coordinator.got.length = 0;
  ask(net, earlier, { edit: 1_002 });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
  assertEquals(bob.machine!.membership!.voting.locks, [1]);
});

Deno.test("after a restart what was agreed to is locked, and the coordinator is asked what became of it", () => {
  const { net, signed, bob } = restartedInDoubt();

  const [inquiry] = net.coordinator.gotFrom(bob, "inquire");
  assertEquals(inquiry?.edits.map(({ id, seq }) => ({ id, seq })), [{ id: idOf(signed), seq: 1 }]);
  net.coordinator.send(bob, { type: "aborted", id: idOf(signed), edit: 0, reason: "unknown" });
  net.settle();
  assertEquals(bob.machine!.membership!.voting.locks, []);

  bob.kill();
  bob.start();
  net.settle();
  assertEquals(bob.machine!.membership!.voting.locks, []);
});

Deno.test("after a restart what an earlier process agreed to is agreed to, and nobody is asked again", () => {
  const { net, signed, bob } = restartedInDoubt();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2 }, [bob]);

  const votes = net.coordinator.gotFrom(bob, "vote");
  assertEquals(votes.map(({ agrees, author }) => [agrees, author?.name]), [[true, "ann"]]);
  assertEquals(bob.told("vote-wanted"), []);
});

// Consents.

Deno.test("a yes is signed by whose user was asked: for that request, entry, old and new text", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();

  const [{ consent }] = net.coordinator.gotFrom(ann, "vote") as [GroupMessageOf<"vote">];
  const is = (changes: Partial<Consent>) =>
    isConsentOf(
      fakeCrypto,
      ann.key,
      { ...consentTo(fakeCrypto, signed), ...changes },
      consent!,
    );
  assert(is({}));
  const other = textDigest(fakeCrypto, "other");
  for (const changes of [{ old: other }, { new: other }, { entry: ann.entryNow(2)!.id }]) {
    assertEquals(is(changes), false);
  }
  assertEquals([is({ agrees: false }), is({ group: other })], [false, false]);
  for (const node of [bob, cem]) {
    assertEquals(net.coordinator.gotFrom(node, "vote")[0]?.consent, null);
  }
});

Deno.test("after a restart a consent that was on disk is signed again, and nobody is asked", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(cem, GROUP, 2, "due");
  ask(net, signed);
  bob.command({ command: "go", edit: 1 });
  net.settle();
  bob.kill({ power: true });
  bob.start();
  net.settle();
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2 }, [bob]);
  const [vote] = net.coordinator.gotFrom(bob, "vote");
  const consent = consentTo(fakeCrypto, signed);
  assert(isConsentOf(fakeCrypto, bob.key, consent, vote!.consent!));
  assertEquals(bob.told("vote-wanted"), []);
});

Deno.test("what was agreed to while nobody had to be asked is no consent where one is needed", () => {
  const { net, signed, bob } = restartedInDoubt();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2, policy: "ask" }, [bob]);
  assertEquals(net.coordinator.gotFrom(bob, "vote"), []);
});

/** The members' rule is that an author is asked; the entry is Ann's, and Bob asks. */
const UNCONSENTED: readonly (readonly [
  what: string,
  fault: string,
  decide: (signed: SignedEditRequest) => Edit,
])[] = [
  ["nobody's consent", "a consent is missing that the rules need", (signed) => editOf(1, signed)],
  ["a consent that its author never signed", "ann hasn't signed to agree", (signed) => {
    const edit = editOf(1, signed, AUTHORS.slice(0, 1));
    return { ...edit, agreed: edit.agreed.map(forged) };
  }],
  ["a consent to another text", "ann hasn't signed to agree", (signed) => {
    const edit = editOf(1, signed, AUTHORS.slice(0, 1));
    return {
      ...edit,
      agreed: editOf(1, {
        ...signed,
        request: { ...signed.request, value: { ...signed.request.value, text: "due" } },
      }, AUTHORS.slice(0, 1)).agreed,
    };
  }],
  [
    "somebody else's consent",
    "others are said to agree",
    (signed) => editOf(1, signed, [{ name: "cem", signer: fakeSigner("cem") }]),
  ],
  ["a consent twice", "others are said to agree", (signed) => {
    const edit = editOf(1, signed, AUTHORS.slice(0, 1));
    return { ...edit, agreed: [...edit.agreed, ...edit.agreed] };
  }],
];

for (const [what, fault, decide] of UNCONSENTED) {
  Deno.test(`a decision with ${what} takes no place: the coordinator is a liar, and all are told so`, () => {
    const net = started();
    const [ann, bob] = three(net);
    const signed = requestOf(bob, GROUP, 1, "uno");
    ask(net, signed);
    const decision = new Decider(COORDINATOR, GROUP).decides([decide(signed)]);
    commit(net, decision);

    for (const node of net.nodes) {
      assertEquals(node.disk.log.length, 2);
      assertStringIncludes(errors(node).join(), "invalid data");
      assertStringIncludes(errors(node).join(), fault);
      const lie = "The coordinator has decided on an edit that can't be";
      assertEquals(notices(node).split(lie).length, 2);
      node.command({ command: "status" });
      net.settle();
      assertStringIncludes(node.told("status").at(-1)!.problems.join(), lie);
    }
    // It says so again, on each link: users are told once.
    net.pass(10_000);
    commit(net, decision);
    for (const node of net.nodes) assertEquals(notices(node).match(/can't be/g)?.length, 1);
    // No member passes it on, or takes it from one that does.
    net.tell(ann, bob.key, { type: "data", signed: decision });
    net.settle();
    assertEquals(bob.disk.records.filter(({ kind }) => kind === "held").length, 2);
  });
}

Deno.test("the rule ask: all others of the view that voted have to agree", () => {
  const net = started();
  const [, bob] = three(net);
  net.ruleIs("ask");
  const signed = requestOf(bob, GROUP, 1, "uno");
  commit(net, decisionOn(signed));
  assertStringIncludes(errors(bob).join(), "a consent is missing that the rules need");
  assertEquals(bob.disk.log.length, 2);

  // As a view that never was had no other members.
  const made = started();
  made.ruleIs("ask");
  const unseen = editOf(1, requestOf(made.nodes[1]!, GROUP, 1, "uno"), [], { view: 2 });
  commit(made, new Decider(COORDINATOR, GROUP).decides([unseen]));
  assertStringIncludes(errors(made.nodes[0]!).join(), "view 2, said to have voted, never was");

  const other = started();
  other.ruleIs("ask");
  const cem = { name: "cem", signer: fakeSigner("cem") };
  commit(other, decisionOn(requestOf(other.nodes[1]!, GROUP, 1, "uno"), [AUTHORS[0]!, cem]));
  assertEquals(other.nodes.map(({ disk }) => disk.log.length), [3, 3, 3]);
});

Deno.test("a consent in its user's name that it never gave is told to the user, and stays in /status", () => {
  const problems = (node: Node) => {
    node.command({ command: "status" });
    node.net.settle();
    return node.told("status").at(-1)!.problems.join("\n");
  };
  // Somebody else has Ann's key: the signature is good.
  const net = started();
  const [ann, bob, cem] = three(net);
  commit(net, decisionOn(requestOf(bob, GROUP, 1, "uno")));
  assertEquals(ann.disk.log.length, 3);
  assertStringIncludes(notices(ann), "Edit 1 says that you agreed, and you didn't");
  assertStringIncludes(problems(ann), "Edit 1 says that you agreed, and you didn't");
  assertEquals(problems(cem).includes("you agreed"), false);

  // Here it is forged.
  const other = started();
  const [anna, boris] = three(other);
  const edit = editOf(2, requestOf(boris, GROUP, 1, "uno"), AUTHORS.slice(0, 1));
  const agreed = edit.agreed.map(forged);
  commit(other, new Decider(COORDINATOR, GROUP).decides([{ ...edit, agreed }]));
  assertStringIncludes(problems(anna), "Edit 2 says that you agreed, and you didn't");
  assertEquals(problems(boris).includes("you agreed"), false);

  // And here its user has agreed.
  const third = started();
  const [anne, bert] = three(third);
  const asked = requestOf(bert, GROUP, 1, "uno");
  ask(third, asked);
  anne.command({ command: "go", edit: 1 });
  third.settle();
  commit(third, decisionOn(asked));
  assertEquals(problems(anne).includes("you agreed"), false);
});

Deno.test("what was asked for by a process that is gone is agreed to no more, by nobody", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  commit(net, decisionOn(signed));
  for (const node of [ann, bob, cem]) {
    node.kill();
    node.start();
  }
  net.settle();
  net.coordinator.change(ann, bob, cem);
  net.settle();

  ask(net, signed, { edit: 2, view: 2 });

  const why = "no: the member that asked for it was restarted, or is gone";
  assertEquals(votes(net), [why, why, why]);
  assertEquals(locks(net), [[], [], []]);
  ask(net, requestOf(ann, GROUP, 1, "one"), { edit: 3, view: 2 });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
});

Deno.test("a decision that came into the log meanwhile settles what was agreed to", () => {
  const { net, signed, bob } = restartedInDoubt();
  commit(net, decisionOn(signed));

  assertEquals(bob.machine!.membership!.voting.locks, []);
  assertEquals(outcomes(bob), ["1 committed"]);
});

Deno.test("what was asked or agreed to before another view is so in that one, and its outcome is asked about", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.pass(5_000);

  assertEquals(outcomes(ann), []);
  assertEquals(locks(net), [[1], [1], [1]]);
  for (const node of net.nodes) {
    assertEquals(net.coordinator.gotFrom(node, "inquire")[0]?.edits.length, 1);
  }
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2 });
  assertEquals(votes(net), ["nothing", "yes", "yes"]);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertEquals(net.coordinator.gotFrom(ann, "vote").map(({ view }) => view), [2]);
  assertEquals(ann.told("vote-wanted").length, 1);
});

Deno.test("an entry that a decision changes that isn't in the log yet is voted on after that", () => {
  const net = started();
  const [ann, bob] = three(net);
  const decider = new Decider(COORDINATOR, GROUP);
  // The first decision hasn't come to anybody else: so it isn't put in order.
  const [first, second] = ["uno", "due"].map((text) => requestOf(bob, GROUP, 2, text));
  const [, decided] = [decider.decides([editOf(1, first!)]), decider.decides([editOf(2, second!)])];
  commit(net, decided, [ann]);
  ask(net, requestOf(bob, GROUP, 2, "tre"), { edit: 3 }, [ann]);
  assertEquals(net.coordinator.gotFrom(ann, "vote"), []);
});

Deno.test("edits of entries that a view change takes back are refused, each once", () => {
  const net = started(["eve", "bob", "cem"]);
  const [eve, bob, cem] = three(net);
  const { ballot } = bob.machine!.epoch!.epoch.value;
  let after = 2;
  const says = (...texts: readonly string[]) => {
    const signed = saysAs(eve, after, texts);
    const runs = [{ member: 0, batches: 1 }];
    bob.feed({ type: "peer-message", peer: eve.key, message: { type: "data", signed } });
    const message = { type: "order", ballot, after, runs } as const;
    bob.feed({ type: "peer-message", peer: eve.key, message });
    after += texts.length;
  };
  says("three");
  says("four", "five"); // while that is written

  // Who asks has no such entries in its log, and the coordinator can't know.
  for (const [edit, seq] of [[1, 4], [2, 5]] as const) {
    const message = prepareOf(requestOf(eve, GROUP, seq, "other"), { edit });
    bob.feed({ type: "message", link: bob.link!, message });
  }
  net.coordinator.change(bob, cem);
  net.settle();

  assertEquals(bob.machine!.epoch!.epoch.value.start.position, 3);
  assertEquals(locks(net), [[], [], []]);
  const votes = net.coordinator.gotFrom(bob, "vote").map(({ edit, agrees }) => [edit, agrees]);
  assertEquals(votes.toSorted(), [[1, false], [2, false]]);
});

Deno.test("a decision that wasn't delivered goes on in the next view, and to a coordinator that is back", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed);
  const decided = decisionOn(signed);
  commit(net, decided, [bob]);
  net.coordinator.got.length = 0;
  // The second is the sequencer of the next one.
  net.coordinator.change(bob, cem, ann);
  net.settle();

  assertEquals(net.nodes.map(outcomes), [["1 committed"], ["1 committed"], ["1 committed"]]);
});

Deno.test("a coordinator that is back is brought what it decided and isn't in the log", () => {
  const net = started();
  const [, bob] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  commit(net, decisionOn(signed), [bob]);
  const { link } = bob;
  net.coordinator.got.length = 0;
  bob.link = null;
  bob.feed({ type: "link-down", link: link!, closed: false, reason: "lost" });
  net.pass(2_000);

  const brought = net.coordinator.gotFrom(bob, "committed");
  assertEquals(brought[0]?.signed.batch.bytes, decisionOn(signed).batch.bytes);
});

Deno.test("a newcomer gets the log while an edit of one of its entries is decided, and the edit after it", () => {
  const net = started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  const cem = net.add("cem");
  cem.start();
  net.settle();
  net.coordinator.catchUp(cem, bob);
  net.settle();
  commit(net, decisionOn(signed), [ann, bob]);
  net.coordinator.change(ann, bob, cem);
  net.settle();

  assertEquals(cem.shown, ["one", "two"]);
  assertEquals(outcomes(cem), ["1 committed"]);
  assertEquals(cem.told("edit")[0]?.history, true);
});

Deno.test("a group of one decides by itself", () => {
  const net = started(["ann"]);
  const ann = net.nodes[0]!;
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed, { policy: "ask" });
  assertEquals(votes(net), ["yes"]);
  commit(net, decisionOn(signed));

  assertEquals(outcomes(ann), ["1 committed"]);
});
