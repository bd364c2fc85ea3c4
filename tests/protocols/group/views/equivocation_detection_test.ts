// Two who acknowledge something else at one place: who lied is found out, and nobody else is blamed, or ends.

import { assertEquals } from "@std/assert";
import {
  equivocatedText,
  isEquivocation,
} from "../../../../lib/protocols/group/views/equivocation_detection.ts";
import {
  type Batch,
  signBatch,
  type SignedBatch,
} from "../../../../lib/protocols/group/schema/history.ts";
import { CONTEST_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "../group_net.ts";

const COORDINATOR_ENDS_IT = "chat pauses until the coordinator is back and takes it out";

function otherwise(node: Node, { batch }: SignedBatch, change: Partial<Batch> = {}): SignedBatch {
  const texts = batch.value.texts.map((text) => `not ${text}`);
  return signBatch(node.signer, { ...batch.value, texts, ...change });
}

/** Of what it says one is told something else, and it answers to nothing that is contested. */
function equivocates(mal: Node, victim: Node, change: Partial<Batch> = {}): void {
  mal.lies = (to, message) => {
    if (message.type === "contest") return [];
    if (message.type !== "data" || to !== victim) return [message];
    return [{ ...message, signed: otherwise(mal, message.signed, change) }];
  };
}

const IMPOSSIBLE = "it says that it holds what it can't";

function errorsOf(node: Node): readonly string[] {
  return node.told("error").map(({ text }) => text);
}

function noticesOf(node: Node): readonly string[] {
  return node.told("notice").map(({ text }) => text);
}

function assertAllWell(...nodes: readonly Node[]): void {
  for (const node of nodes) {
    assertEquals([node.stopped, errorsOf(node)], [null, []]);
    assertEquals(node.logged, nodes[0]!.logged);
  }
}

for (const first of ["mal", "ann"]) {
  Deno.test(`Who signs two texts as one is found out, and the others go on (${first} orders)`, () => {
    const names = first === "mal" ? ["mal", "ann", "bob", "cid"] : ["ann", "bob", "cid", "mal"];
    const net = GroupNet.started(names);
    const [ann, bob, cid, mal] = ["ann", "bob", "cid", "mal"].map((name) =>
      net.nodes.find((node) => node.name === name)!
    ) as [Node, Node, Node, Node];
    ann.say("before");
    net.settle();
    equivocates(mal, cid);
    mal.say("lie");
    net.settle();
    bob.say("meanwhile");
    net.pass(100);

    for (const node of [ann, bob, cid]) {
      assertEquals(node.logged, ["before"]);
      const [proof] = net.coordinator.gotFrom(node, "equivocated");
      assertEquals(proof!.one.batch.value.author, mal.key);
      assertEquals(isEquivocation(fakeCrypto, GROUP, proof!), true);
      assertEquals(new Set(noticesOf(node)), new Set([equivocatedText("mal")]));
    }
    net.pass(2 * CONTEST_MS); // nobody is complained of meanwhile
    for (const node of [ann, bob, cid]) {
      assertEquals(net.coordinator.heard.get(node)!.peers.length, 3);
    }
    net.coordinator.change(ann, bob, cid);
    net.settle();
    ann.say("after");
    net.settle();
    assertAllWell(ann, bob, cid);
    // What most had.
    assertEquals(ann.logged, ["before", "lie", "meanwhile", "after"]);
  });
}

Deno.test("Texts of another number signed as one are found out, and nobody shows either", () => {
  const net = GroupNet.started(["ann", "bob", "cid", "mal"]);
  const [ann, bob, cid, mal] = net.nodes as [Node, Node, Node, Node];
  equivocates(mal, cid, { texts: ["two", "instead of one"] });
  mal.say("one");
  net.settle();
  ann.say("and more");
  net.pass(100);

  for (const node of [ann, bob, cid]) {
    assertEquals([node.shown, node.logged], [[], []]);
    assertEquals(noticesOf(node).includes(equivocatedText("mal")), true);
  }
  net.coordinator.change(ann, bob, cid);
  net.settle();
  assertAllWell(ann, bob, cid);
});

Deno.test("While the coordinator is away all stand still, say for whom, and go on when it is back", () => {
  const net = GroupNet.started(["ann", "bob", "cid", "mal"]);
  const [ann, bob, cid, mal] = net.nodes as [Node, Node, Node, Node];
  net.coordinator.vanish();
  net.pass(5_000);
  ann.say("before");
  net.settle();
  equivocates(mal, cid);
  mal.say("lie");
  net.pass(100);
  bob.say("kept");
  net.pass(20_000);

  for (const node of [ann, bob, cid]) {
    assertEquals([node.logged, errorsOf(node)], [["before"], []]);
    const told = noticesOf(node).filter((text) => text.includes(COORDINATOR_ENDS_IT));
    assertEquals(told.length, 1);
  }
  bob.command({ command: "status" });
  net.settle();
  const { awaited, problems } = bob.told("status")[0]!;
  assertEquals([awaited, problems.at(-1)], [
    [],
    "mal signed two different texts as one: chat pauses until the coordinator is back",
  ]);
  net.coordinator.comeBack();
  net.pass(10_000);
  for (const node of [ann, bob, cid]) {
    assertEquals(net.coordinator.gotFrom(node, "equivocated").length, 1);
  }
  net.coordinator.change(ann, bob, cid);
  net.settle();
  assertAllWell(ann, bob, cid);
  assertEquals(ann.logged, ["before", "lie", "kept"]);
});

/** What it acknowledges isn't what it holds. */
function acknowledgesWrongly(node: Node): void {
  node.lies = (_, message) => {
    if (message.type !== "ack") return message.type === "contest" ? [] : [message];
    const { position } = message.held;
    const digest = fakeCrypto.sha256<typeof message.held.digest>(new Uint8Array([position]));
    return [{ ...message, held: { position, digest } }];
  };
}

Deno.test("Who acknowledges something else, and doesn't say what, is complained of after a while", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes as [Node, Node, Node];
  acknowledgesWrongly(eve);
  ann.say("one");
  net.pass(CONTEST_MS - 500);
  assertEquals([...ann.told("error"), ...bob.told("error")], []);
  net.pass(1_000);

  for (const [node, other] of [[ann, bob], [bob, ann]] as const) {
    assertEquals(errorsOf(node), ["eve has another message at place 1 than we have"]);
    assertEquals(net.coordinator.heard.get(node)?.peers, [other.key]);
    assertEquals(node.logged, []);
  }
  net.coordinator.change(ann, bob);
  net.settle();
  assertEquals([ann.logged, bob.logged], [["one"], ["one"]]);

  // It isn't met again for a while, newcomer or not.
  eve.lies = (_, message) => [message];
  eve.kill();
  eve.start();
  net.pass(50_000);
  assertEquals(net.coordinator.heard.get(ann)?.peers, [bob.key]);
  net.pass(15_000);
  assertEquals(net.coordinator.heard.get(ann)?.peers.toSorted(), [bob.key, eve.key].toSorted());
});

Deno.test("A sequencer that orders after what isn't there is complained of after a while", () => {
  const net = GroupNet.started(["eve", "ann", "bob"]);
  const [eve, ann, bob] = net.nodes as [Node, Node, Node];
  eve.lies = (_, message) =>
    message.type === "order" ? [{ ...message, after: message.after + 1 }] : [message];
  ann.say("one");
  net.pass(CONTEST_MS + 500);

  for (const node of [ann, bob]) {
    assertEquals(errorsOf(node), ["eve has another message at place 1 than we have"]);
    assertEquals(net.coordinator.heard.get(node)?.peers.includes(eve.key), false);
  }
});

Deno.test("Members stand still themselves, and complain of nobody for that", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, , eve] = net.nodes as [Node, Node, Node];
  acknowledgesWrongly(eve);
  ann.say("one");
  net.settle();
  net.nowMs += 60_000;
  ann.feed({ type: "tick" });
  net.settle();
  assertEquals(errorsOf(ann), []);
});

/** One is told what the others are, in another order. */
function ordersOtherwise(first: Node, victim: Node): void {
  let isDone = false;
  first.lies = (to, message) => {
    if (message.type === "contest") return [];
    if (message.type !== "order" || to !== victim || isDone) return [message];
    const [a, b] = message.runs;
    if (b === undefined) return [message];
    isDone = true;
    return [{ ...message, runs: [b, a!] }];
  };
}

Deno.test("A sequencer that tells two orders is complained of by all, and nobody ends", () => {
  const net = GroupNet.started(["mal", "ann", "bob", "cid"]);
  const [mal, ann, bob, cid] = net.nodes as [Node, Node, Node, Node];
  // Both are there before the order of them is.
  const orders: GroupMessage[] = [];
  mal.lies = (_, message) => {
    if (message.type !== "order") return [message];
    orders.push(message);
    return [];
  };
  ann.say("a");
  bob.say("b");
  net.settle();
  ordersOtherwise(mal, cid);
  const { ballot } = mal.machine!.epoch!.epoch.value;
  const runs = [{ member: 1, batches: 1 }, { member: 2, batches: 1 }];
  for (const to of [ann, bob, cid]) {
    const order: GroupMessage = { type: "order", ballot, after: 0, runs };
    for (const message of mal.lies(to, order)) net.tell(mal, to.key, message);
  }
  net.pass(100);

  for (const node of [ann, bob, cid]) {
    assertEquals([node.stopped, node.logged], [null, []]);
    assertEquals(errorsOf(node).length, 1);
    assertEquals(net.coordinator.heard.get(node)!.peers.includes(mal.key), false);
    assertEquals(net.coordinator.heard.get(node)!.peers.length, 2);
  }
  net.coordinator.change(ann, bob, cid);
  net.settle();
  assertEquals(ann.logged.toSorted(), ["a", "b"]);
  assertEquals([bob.logged, cid.logged], [ann.logged, ann.logged]);
});

Deno.test("A sequencer that is said to have told two orders complains of who says so", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes as [Node, Node, Node];
  eve.lies = (_, message) => {
    if (message.type !== "contest") return message.type === "ack" ? [] : [message];
    return [{ ...message, signed: signedBy(eve, bob) }];
  };
  ann.say("one");
  net.settle();
  const { ballot } = eve.machine!.epoch!.epoch.value;
  const contest = { type: "contest", ballot, after: 0, signed: signedBy(eve, bob) } as const;
  net.tell(eve, ann.key, contest);
  net.pass(100);

  assertEquals(ann.stopped, null);
  assertEquals(errorsOf(ann), ["eve has another message at place 1 than we have"]);
  assertEquals(net.coordinator.heard.get(ann)!.peers, [bob.key]);
});

/** Something that an author has signed as its next text. */
function signedBy(at: Node, author: Node): SignedBatch {
  const { incarnation } = at.machine!.epoch!.epoch.value.members.find(({ key }) =>
    key === author.key
  )!;
  return signBatch(author.signer, {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    group: GROUP,
    author: author.key,
    name: author.name,
    incarnation,
    counter: 1,
    sentAt: 0,
    texts: ["something"],
    edits: [],
  });
}

Deno.test("Who contests by what nobody signed is heard no more", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes as [Node, Node, Node];
  eve.lies = (_, message) => message.type === "contest" || message.type === "ack" ? [] : [message];
  ann.say("one");
  net.settle();
  const { ballot } = eve.machine!.epoch!.epoch.value;
  const forged = { ...signedBy(eve, bob), signature: new Uint8Array(64) };
  net.tell(eve, ann.key, { type: "contest", ballot, after: 0, signed: forged });
  net.settle();

  assertEquals(ann.told("error").map(({ detail }) => detail), [IMPOSSIBLE]);
  assertEquals(net.coordinator.gotFrom(ann, "equivocated"), []);
});

Deno.test("Who contests what it has acknowledged is heard no more, and the sequencer is", () => {
  const net = GroupNet.started(["ann", "bob", "cid", "eve"]);
  const [ann, bob, cid, eve] = net.nodes as [Node, Node, Node, Node];
  cid.lies = (_, message) => message.type === "ack" ? [] : [message]; // nothing is stable
  ann.say("one");
  net.settle();
  const { ballot } = eve.machine!.epoch!.epoch.value;
  net.tell(eve, bob.key, { type: "contest", ballot, after: 0, signed: signedBy(eve, cid) });
  net.settle();

  assertEquals(bob.told("error").map(({ detail }) => detail), [IMPOSSIBLE]);
  assertEquals(net.coordinator.heard.get(bob)!.peers.includes(ann.key), true);
});

for (const decides of ["the coordinator", "a former key of it", "somebody else"]) {
  Deno.test(`Who contests by an edit that ${decides} decided may have been told so, or not`, () => {
    const former = fakeSigner("former");
    const net = new GroupNet();
    net.coordinator.former = [former.key];
    for (const name of ["ann", "bob", "eve"]) net.add(name).start();
    net.settle();
    net.coordinator.change(...net.nodes);
    net.settle();
    const [ann, bob, eve] = net.nodes as [Node, Node, Node];
    ann.say("one");
    net.settle();
    eve.lies = (_, message) => message.type === "ack" ? [] : [message];
    ann.say("two");
    net.settle();
    const signers = { "the coordinator": COORDINATOR, "a former key of it": former };
    const signer = signers[decides as keyof typeof signers] ?? eve.signer;
    const edit = editOf(1, requestOf(eve, GROUP, 1, "another"));
    const signed = new Decider(signer, GROUP).decides([edit]);
    const { ballot } = eve.machine!.epoch!.epoch.value;
    net.tell(eve, bob.key, { type: "contest", ballot, after: 1, signed });
    net.settle();

    const blamed = decides === "somebody else" ? "eve sent invalid data" : "eve says that ann puts";
    assertEquals(errorsOf(bob).map((text) => text.slice(0, blamed.length)), [blamed]);
  });
}

Deno.test("A coordinator's word against a member needs a proof", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const one = signedBy(ann, bob);
  net.coordinator.send(ann, { type: "equivocated", one, other: one });
  net.settle();
  assertEquals(ann.told("error")[0]!.detail, "it keeps somebody out without a proof");
  assertEquals(noticesOf(ann).some((text) => text.includes("signed two")), false);
});

Deno.test("isEquivocation() takes nothing but two batches of one process with a counter in common", () => {
  const mal = fakeSigner("mal");
  const batch: Batch = {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    group: GROUP,
    author: mal.key,
    name: "mal",
    incarnation: new Uint8Array(8).fill(1),
    counter: 3,
    sentAt: 0,
    texts: ["a", "b"],
    edits: [],
  };
  const one = signBatch(mal, batch);
  const against = (change: Partial<Batch>, signer = mal) =>
    isEquivocation(fakeCrypto, GROUP, { one, other: signBatch(signer, { ...batch, ...change }) });

  assertEquals(against({ texts: ["a", "c"] }), true);
  assertEquals(against({ sentAt: 1 }), true);
  assertEquals(against({ counter: 4, texts: ["b"] }), true);
  assertEquals(against({ counter: 2, texts: ["x", "a"] }), true);

  assertEquals(against({}), false);
  assertEquals(against({ counter: 5 }), false);
  assertEquals(against({ counter: 1 }), false);
  assertEquals(against({ incarnation: new Uint8Array(8).fill(2), texts: ["c"] }), false);
  assertEquals(against({ texts: ["c"] }, fakeSigner("eve")), false);
  assertEquals(against({ texts: ["c"], author: fakeSigner("eve").key }, fakeSigner("eve")), false);
  assertEquals(against({ texts: [] }), false);
  const elsewhere = fakeCrypto.sha256<typeof GROUP>(new Uint8Array([2]));
  assertEquals(against({ group: elsewhere, texts: ["c"] }), false);
  assertEquals(isEquivocation(fakeCrypto, elsewhere, { one, other: one }), false);
});
