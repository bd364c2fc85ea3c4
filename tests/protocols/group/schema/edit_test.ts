// Edits in the history: what a batch of them may be, where they stand, and how the sequencer puts decisions in order.

import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import {
  changeBy,
  editRequestFrom,
  isRequestAuthentic,
  keptRequest,
  requestFault,
  textDigest,
} from "../../../../lib/protocols/group/schema/edit.ts";
import { committedEvent } from "../../../../lib/protocols/group/log/entry_delivery.ts";
import {
  type Batch,
  batchFault,
  HistoryEnd,
  isAuthentic,
  placesOf,
  signBatch,
  type SignedBatch,
} from "../../../../lib/protocols/group/schema/history.ts";
import {
  BATCH_EDITS_BYTES_MAX,
  MEMBERS_MAX,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import {
  GROUP_MESSAGES,
  type GroupMessage,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { createCodec } from "../../../../lib/wire/codec.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, forged, idOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "../group_net.ts";
import { SLOW } from "../../../given.ts";

const CODEC = createCodec(GROUP_MESSAGES);
const ELSEWHERE = "5".repeat(64) as Hash;
/** Somebody, with the log of its member where a group has begun, and what its requests so far have made of it. */
const ANN = {
  name: "ann",
  signer: fakeSigner("ann"),
  node: null as Node | null,
  reads: new Map<number, Hash>(),
  entryNow(seq: number) {
    return this.node?.entryNow(seq) ?? null;
  },
  is(node: Node): void {
    this.node = node;
    this.reads.clear();
  },
};

function says(end: HistoryEnd, ...texts: readonly string[]): SignedBatch {
  const incarnation = new Uint8Array(8).fill(9);
  return signBatch(ANN.signer, {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    group: GROUP,
    author: ANN.signer.key,
    name: "ann",
    incarnation,
    counter: end.through(ANN.signer.key, incarnation.toHex()) + 1,
    sentAt: 0,
    texts,
    edits: [],
  });
}

/** With two entries, by one batch. */
function history(): HistoryEnd {
  const end = new HistoryEnd(fakeCrypto, GROUP);
  end.append(says(end, "one", "two"));
  return end;
}

/** Each for what the entry reads after the one before. */
function request(seq = 1, text = "uno") {
  const old = ANN.reads.get(seq);
  ANN.reads.set(seq, textDigest(fakeCrypto, text));
  return requestOf(ANN, GROUP, seq, text, old === undefined ? {} : { old });
}

// Requests.

Deno.test("a request is as it was signed: in another group, under another name or key it isn't", () => {
  const signed = request();
  assert(isRequestAuthentic(fakeCrypto, signed));
  assert(isRequestAuthentic(fakeCrypto, keptRequest(signed)));
  assert(isRequestAuthentic(fakeCrypto, editRequestFrom(signed.request.value, signed.signature)));
  for (const changes of [{ group: ELSEWHERE }, { name: "bob" }, { seq: 2 }, { text: "due" }]) {
    const other = editRequestFrom({ ...signed.request.value, ...changes }, signed.signature);
    assertEquals(isRequestAuthentic(fakeCrypto, other), false);
  }
  const requester = fakeSigner("bob").key;
  const bobs = editRequestFrom({ ...signed.request.value, requester }, signed.signature);
  assertEquals(isRequestAuthentic(fakeCrypto, bobs), false);
});

Deno.test("each request has an id of its own, however often it is sent", () => {
  const signed = request();
  assertEquals(idOf(keptRequest(signed)), idOf(signed));
  assertNotEquals(idOf(request()), idOf(signed));
});

Deno.test("requests that can't be", () => {
  const { value } = request().request;
  const fault = (changes: Partial<typeof value>) =>
    requestFault(editRequestFrom({ ...value, ...changes }, new Uint8Array(64)), GROUP);
  assertEquals(fault({}), null);
  assertEquals(fault({ group: ELSEWHERE }), "it was asked for in another group");
  assertEquals(fault({ seq: 0 }), "no entry has a number below 1");
  assertEquals(fault({ number: 0 }), "its number is below 1");
  assertEquals(fault({ text: "" }), "an entry can't be empty");
  assertStringIncludes(fault({ name: "*coordinator*" })!, "its requester's name");
});

// Batches.

Deno.test("batches of edits that can't be", () => {
  const fault = (changes: Partial<Batch>, edits = [editOf(1, request())]) =>
    batchFault(new Decider(COORDINATOR, GROUP).decides(edits, changes), GROUP);
  assertEquals(fault({}), null);
  assertEquals(fault({ group: ELSEWHERE }), "it was said in another group");
  assertEquals(fault({}, []), "it is empty");
  assertEquals(fault({ texts: ["x"] }), "it has texts among edits");
  assertEquals(fault({ kind: "texts", texts: ["x"], name: "ann" }), "it has edits among texts");
  assertEquals(
    fault({ kind: "texts", edits: [], texts: ["x"] })?.startsWith("its author's name"),
    true,
  );
  assertEquals(fault({ name: "ann" }), "its edits are decided by somebody else");
  assertEquals(fault({ counter: 0 }), "its counter is below 1");
  assertEquals(fault({}, [editOf(0, request())]), "edit 0: its number is below 1");
  assertEquals(
    fault({}, [editOf(1, request()), editOf(2, requestOf(ANN, ELSEWHERE, 1, "x"))]),
    "edit 2: it was asked for in another group",
  );
});

Deno.test("a batch of edits is signed by who decided, and each request in it by who asked", () => {
  const decided = new Decider(COORDINATOR, GROUP).decides([editOf(1, request())]);
  assert(isAuthentic(fakeCrypto, decided));
  assertEquals(isAuthentic(fakeCrypto, forged(decided)), false);
  const unsigned = new Decider(COORDINATOR, GROUP).decides([editOf(1, forged(request()))]);
  assertEquals(isAuthentic(fakeCrypto, unsigned), false);
  assert(isAuthentic(fakeCrypto, unsigned, () => true), "who has checked it needn't again");
  assertEquals(isAuthentic(fakeCrypto, forged(unsigned), () => true), false);
});

Deno.test("the longest edit that all members were asked about fits into one batch, and into a message", () => {
  const { signer } = ANN;
  const agreed = Array.from(
    { length: MEMBERS_MAX },
    () => ({ signer, name: "𐌀".repeat(NAME_BYTES_MAX / 4) }),
  );
  const signed = request(1, "x".repeat(TEXT_BYTES_MAX));
  const decided = new Decider(COORDINATOR, GROUP).decides([editOf(1, signed, agreed)]);
  assert(decided.batch.bytes.length < BATCH_EDITS_BYTES_MAX);

  const messages: readonly GroupMessage[] = [
    { type: "committed", signed: decided },
    { type: "data", signed: decided },
    { type: "prepare", edit: 1, view: 1, signed, voteMs: 1 },
  ];
  for (const message of messages) {
    assertEquals(CODEC.decode(CODEC.encode(message)).type, message.type);
  }
});

// The history.

Deno.test("edits take positions and no entry numbers; each has a digest of its own", () => {
  const end = history();
  const before = end.point;
  const decider = new Decider(COORDINATOR, GROUP);
  const decided = decider.decides([editOf(1, request(1)), editOf(4, request(2))]);
  assertEquals(placesOf(decided.batch.value), 2);
  const { entries, edits } = end.append(decided);

  assertEquals(entries, []);
  assertEquals(edits.map(({ position, edit }) => [position, edit.edit]), [[3, 1], [4, 4]]);
  assertEquals([end.position, end.seq, end.digest], [4, 2, edits[1]!.digest]);
  assertEquals(new Set([before.digest, ...edits.map(({ digest }) => digest)]).size, 3);
  const [next] = end.append(says(end, "three")).entries;
  assertEquals([next!.seq, next!.position], [3, 5]);
});

Deno.test("the digest has all of an edit: its number, text, requester, and who agreed", () => {
  const signed = request();
  const digestOf = (decided: SignedBatch) => {
    const end = history();
    end.append(decided);
    return end.digest;
  };
  const decide = (...edits: Parameters<Decider["decides"]>) =>
    new Decider(COORDINATOR, GROUP).decides(...edits);
  const agreed = [{ signer: ANN.signer, name: "ann" }];
  const digests = [
    decide([editOf(1, signed)]),
    decide([editOf(2, signed)]),
    decide([editOf(1, signed, agreed)]),
    decide([editOf(1, signed, [], { view: 2 })]),
    decide([editOf(1, request(1, "other"))]),
    decide([editOf(1, forged(signed))]),
    decide([editOf(1, signed)], { sentAt: 2 }),
    decide([editOf(1, signed)], { incarnation: new Uint8Array(8) }),
  ].map(digestOf);
  assertEquals(new Set(digests).size, digests.length);
  assertEquals(digestOf(decide([editOf(1, signed)])), digests[0]);
});

Deno.test("what can't come next: a gap, one again, an entry that isn't there", () => {
  const end = history();
  const decider = new Decider(COORDINATOR, GROUP);
  const first = decider.decides([editOf(1, request())]);
  const second = decider.decides([editOf(2, request())]);
  assertEquals(end.fault(second), "counter 1 was expected, it is 2");
  assertEquals(end.fault(first), null);
  end.append(first);
  assertEquals(end.fault(first), "counter 2 was expected, it is 1");
  const missing = new Decider(COORDINATOR, GROUP).decides([editOf(3, request(3))], { counter: 2 });
  assertEquals(end.fault(missing), "entry 3 is edited, the last one is 2");
});

Deno.test("an edit is taken back to where it was, number of the last entry too", () => {
  const end = history();
  const { point } = end;
  const decider = new Decider(COORDINATOR, GROUP);
  const marks = [end.mark(COORDINATOR.key)];
  end.append(decider.decides([editOf(1, request())]));
  const { point: after } = end;
  const copy = end.copy();
  marks.push(end.mark(ANN.signer.key));
  end.append(says(end, "three"));
  end.takeBack(marks[1]!);
  assertEquals([end.point, end.seq], [after, 2]);
  end.takeBack(marks[0]!);
  assertEquals([end.point, end.seq, end.lastSpoken(COORDINATOR.key)], [point, 2, null]);
  assertEquals([copy.point, copy.seq], [after, 2]);
  assertEquals(copy.everThrough(COORDINATOR.key, decider.incarnation.toHex()), 1);
});

Deno.test("a log that is read with its digests ends where one does that is computed", () => {
  const end = history();
  const decider = new Decider(COORDINATOR, GROUP);
  const decided = decider.decides([editOf(1, request()), editOf(2, request(2))]);
  const known = end.copy();
  end.append(decided);
  const spoken = {
    incarnation: decider.incarnation.toHex(),
    through: 2,
    signedIn: { number: 0, round: 0 },
  };
  known.appendKnown(
    COORDINATOR.key,
    spoken,
    {
      entries: 0,
      edits: decided.batch.value.edits.map(({ edit, signed: { request: { value } } }) => {
        return { edit, ...changeBy(fakeCrypto, value) };
      }),
      rules: null,
      view: null,
    },
    end.digest,
  );
  assertEquals(
    [1, 2].map((seq) => known.places.textOf(seq)),
    [1, 2].map((seq) => end.places.textOf(seq)),
  );

  assertEquals([known.point, known.seq, known.lastEdit], [end.point, end.seq, 2]);
  assertEquals(known.lastSpoken(COORDINATOR.key), end.lastSpoken(COORDINATOR.key));
});

Deno.test("users are told who asked, who agreed and when, each under the name that they know", () => {
  const agreed = [{ signer: fakeSigner("bob"), name: "bob" }];
  const nameOf = ({ name }: { readonly name: string }) => `${name}~1`;
  const sentAt = Date.UTC(2026, 0, 2);
  const event = committedEvent(editOf(3, request(2, "due"), agreed), { sentAt }, nameOf);
  assertEquals(event, {
    event: "edit",
    edit: 3,
    seq: 2,
    by: "ann~1",
    text: "due",
    outcome: "committed",
    reason: "agreed by bob~1",
    agreed: ["bob~1"],
    committedAt: "2026-01-02T00:00:00.000Z",
  });
});

// The order.

/** Ann, the sequencer, and Bob; Ann has said two entries. */
function started(): { readonly net: GroupNet; readonly ann: Node; readonly bob: Node } {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  for (const text of ["one", "two"]) {
    ann.say(text);
    net.settle();
  }
  for (const node of [ann, bob]) node.events = [];
  ANN.is(ann);
  return { net, ann, bob };
}

/** What the sequencer told of decisions, by counter. */
function ordered(
  net: GroupNet,
  node: Node,
  ...decisions: readonly SignedBatch[]
): readonly number[] {
  node.effects = [];
  for (const signed of decisions) {
    net.coordinator.send(node, { type: "committed", signed });
    net.settle();
  }
  return node.effects.flatMap((effect) =>
    effect.type === "tell" && effect.message.type === "data"
      ? [effect.message.signed.batch.value.counter]
      : []
  );
}

Deno.test("the sequencer orders a decision once, after those before it, and nobody else orders any", () => {
  const { net, ann, bob } = started();
  const decider = new Decider(COORDINATOR, GROUP);
  const [first, second, third] = [1, 2, 3].map((edit) =>
    decider.decides([editOf(edit, request())])
  );
  assertEquals(ordered(net, bob, first!), []);
  assertEquals(ordered(net, ann, first!, first!, third!, second!), [1, 2, 3]);
  assertEquals(ann.disk.log.length, 5);
  assertEquals(
    bob.disk.log.map(({ batch }) => batch.bytes),
    ann.disk.log.map(({ batch }) => batch.bytes),
  );
  assertEquals([ann, bob].flatMap((node) => node.told("error")), []);
});

Deno.test("decisions of two processes of the coordinator's may stand among each other, each in its order, once", () => {
  const { net, ann, bob } = started();
  const before = new Decider(COORDINATOR, GROUP, 1);
  const after = new Decider(COORDINATOR, GROUP, 2);
  const decisions = [before, after, before, after].map((decider, index) =>
    decider.decides([editOf(index + 1, request())])
  );
  assertEquals(ordered(net, ann, ...decisions), [1, 1, 2, 2]);
  assertEquals(ann.disk.log.length, 6);
  assertEquals(bob.told("error"), []);

  // The same in the next epoch.
  net.coordinator.change(ann, bob);
  net.settle();
  assertEquals(ordered(net, ann, ...decisions), []);
  assertEquals(ann.disk.log.length, 6);
});

Deno.test("an entry that isn't there isn't edited, whoever decides so", () => {
  const { net, ann } = started();
  const decided = new Decider(COORDINATOR, GROUP).decides([editOf(1, request(3))]);
  assertEquals(ordered(net, ann, decided), []);
});

Deno.test("a sequencer that passes on what wasn't decided so is heard no more", () => {
  const decider = () => new Decider(COORDINATOR, GROUP);
  const wrong: readonly (readonly [string, SignedBatch])[] = [
    ["hasn't decided", new Decider(fakeSigner("eve"), GROUP).decides([editOf(1, request())])],
    ["hasn't decided", decider().decides([editOf(1, request())], { counter: 2 })],
    ["isn't signed", forged(decider().decides([editOf(1, request())]))],
    ["isn't signed", decider().decides([editOf(1, forged(request()))])],
    ["another group", new Decider(COORDINATOR, ELSEWHERE).decides([editOf(1, request())])],
  ];
  for (const [text, signed] of wrong) {
    const { net, ann, bob } = started();
    net.tell(ann, bob.key, { type: "data", signed });
    net.settle();
    const [error] = bob.told("error");
    assertStringIncludes(error?.detail ?? "nothing", text);
    assertStringIncludes(error?.text ?? "nothing", "ann sent invalid data");
  }
});

Deno.test("who isn't the sequencer decides on no edits", () => {
  const { net, ann, bob } = started();
  const signed = new Decider(COORDINATOR, GROUP).decides([editOf(1, request())]);
  net.tell(bob, ann.key, { type: "data", signed });
  net.settle();

  const [error] = ann.told("error");
  assertStringIncludes(error?.text ?? "nothing", "bob sent invalid data");
  assertStringIncludes(error?.detail ?? "nothing", "it decides");
});

Deno.test("as many long decisions may wait for their order as may be pending", SLOW, () => {
  const { net, ann, bob } = started();
  const decider = new Decider(COORDINATOR, GROUP);
  const text = "x".repeat(60_000);
  for (let edit = 1; edit <= 60; edit++) {
    const signed = decider.decides([editOf(edit, request(1, text))]);
    net.tell(ann, bob.key, { type: "data", signed });
  }
  net.settle();

  assertEquals(bob.told("error"), []);
});

Deno.test("what a member lost with the channel is told it again, decisions too", () => {
  const net = GroupNet.started(["ann", "bob", "cem"], () => 0);
  const [ann, bob, cem] = net.nodes as [Node, Node, Node];
  ann.say("one");
  net.settle();
  net.coordinator.change(ann, bob, cem);
  // Ann has begun the next epoch and orders; Bob has said nothing in it yet.
  while (ann.machine!.epoch?.epoch.value.view !== 2) net.next();
  ANN.is(ann);
  const decided = new Decider(COORDINATOR, GROUP).decides([editOf(1, request(1))]);
  ann.feed({ type: "message", link: ann.link!, message: { type: "committed", signed: decided } });
  ann.effects = [];
  ann.feed({ type: "peer-reset", peer: bob.key });
  const told = ann.effects.flatMap((effect) =>
    effect.type === "tell" && effect.peers.includes(bob.key) ? [effect.message] : []
  );

  assertEquals(told.map(({ type }) => type).slice(0, 3), ["begin", "data", "order"]);
  const [, data, order] = told;
  assert(data?.type === "data" && data.signed.batch.value.kind === "edits");
  assert(order?.type === "order");
  assertEquals(order.runs, [{ member: 0, batches: 1 }]);
});
