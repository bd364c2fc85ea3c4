import { assert, assertEquals } from "@std/assert";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { PeerKey } from "../../../lib/base/ids.ts";
import {
  DOWNLOADS_MAX,
  FILE_BYTES_MIN,
  LANE_LEAVES,
  LEAF_BYTES,
  OFFERS_BURST,
  OFFERS_EACH_MAX,
  OFFERS_MAX,
  OFFERS_NEW_MAX,
  OFFERS_UNKNOWN_MAX,
  QUEUED_LEAVES_MAX,
  SERVED_MAX,
  STALL_MS,
} from "../../../lib/protocols/transfer/limits.ts";
import type { SignedOffer } from "../../../lib/protocols/transfer/messages.ts";
import type { TransferEffect } from "../../../lib/protocols/transfer/transfer_io.ts";
import {
  fetching,
  fileOf,
  leafOf,
  machineOf,
  offerOf,
  only,
  sent,
  signerOf,
  type TestFile,
  type TestMachine,
  withdrawal,
} from "./fixtures.ts";

const BOB = signerOf(2).key;
const CARL = signerOf(3).key;

/** Ann, who offers this file, with a link to Bob. */
function offering(file: TestFile, to: string | null = null) {
  const { ann, refused, keep } = keeping(file, to);
  const effects = ann.step({ type: "kept", token: keep.token });
  return { ann, refused, effects, id: keep.file };
}

/** Ann, whose disk is to keep such an offer. */
function keeping(file: TestFile, to: string | null = null) {
  const refused = new Set<string>();
  const ann = machineOf(1, { standingOf: (key) => refused.has(key) ? "refused" : "known" });
  ann.step({ type: "peer-up", peer: BOB });
  const command = { command: "send", source: "/a/notes.txt", name: "notes.txt", to } as const;
  const [hash] = only(ann.step({ type: "command", command, ref: "s" }), "hash");
  const { size, digest } = file;
  const effects = ann.step({ type: "hashed", token: hash!.token, size, digest });
  const [keep] = only(effects, "keep");
  assertEquals(effects.map(({ type }) => type), ["keep"]);
  return { ann, refused, keep: keep! };
}

/** Ann's disk answers a read with these bytes. */
function read(file: TestFile, leaf: number, token: number, bytes = file.leaves[leaf]!) {
  return { type: "read", token, bytes, proof: file.tree.proof(leaf) } as const;
}

Deno.test("a file is hashed and kept, then offered to those who are there", () => {
  const { effects, id } = offering(fileOf(7));

  assertEquals(effects.map(({ type }) => type), ["show", "send"]);
  const [show] = only(effects, "show");
  assertEquals(show!.ref, "s");
  assert(show!.event.event === "offer" && show!.event.id === id && show!.event.size === 7);
  assertEquals(sent(effects).map(({ to, type }) => [to, type]), [[BOB, "offer"]]);
});

Deno.test("what the disk doesn't keep isn't offered, and that is said", () => {
  const { ann, keep } = keeping(fileOf(7));

  const effects = ann.step({ type: "disk-failed", token: keep.token, text: "no space left" });

  const text = "The file can't be offered: no space left";
  const event = { event: "error", code: "disk", text } as const;
  assertEquals(effects, [{ type: "show", event, ref: "s" }]);
  assertEquals(sent(ann.step({ type: "peer-up", peer: CARL })), []);
  assertEquals(ann.machine.list, []);
});

Deno.test("what is for one person is shown, and served, to nobody else, nor there once that key is refused", () => {
  const { ann, refused, effects, id } = offering(fileOf(7), CARL);
  assertEquals(sent(effects), []);

  const request = { type: "request", file: id, first: 0, count: 1 } as const;
  const asks = (from: typeof BOB) =>
    [{ type: "want", file: id } as const, request].flatMap((message) =>
      sent(ann.step({ type: "message", from, message }))
    );
  const lack = { type: "lack", file: id, reason: "unknown" } as const;
  assertEquals(asks(BOB), [{ to: BOB, ...lack }, { to: BOB, ...lack }]);
  const comes = () => sent(ann.step({ type: "peer-up", peer: CARL })).map(({ type }) => type);
  assertEquals(comes(), ["offer"]);
  refused.add(CARL);
  assertEquals([asks(CARL), comes()], [[{ to: CARL, ...lack }, { to: CARL, ...lack }], []]);
});

Deno.test("leaves go out as the lane is drained, and no faster", () => {
  const file = fileOf(5 * LEAF_BYTES);
  const { ann, id } = offering(file);
  const message = { type: "request", file: id, first: 1, count: 4 } as const;
  const reads = only(ann.step({ type: "message", from: BOB, message }), "read");
  assertEquals(reads.map(({ leaf }) => leaf), [1, 2]);
  assertEquals(reads.length, LANE_LEAVES);

  const out = reads.flatMap(({ leaf, token }) => ann.step(read(file, leaf, token)));
  const leaves = [1, 2].map((leaf) => leafOf(file, id, leaf));
  assertEquals(out, leaves.map((message) => ({ type: "send-bulk", to: BOB, message })));
  const drained = only(ann.step({ type: "bulk-drained", peer: BOB }), "read");
  assertEquals(drained.map(({ leaf }) => leaf), [3]);
  const release = { type: "release", file: id } as const;
  assertEquals(ann.step({ type: "message", from: BOB, message: release }), []);
  assertEquals(only(ann.step({ type: "bulk-drained", peer: BOB }), "read"), []);
});

Deno.test("who asks for more than its credit is told that we are busy, and we keep no more", () => {
  const file = fileOf(100 * LEAF_BYTES);
  const { ann, id } = offering(file);
  const answers = Array.from({ length: 20 }, (_, at) => {
    const message = { type: "request", file: id, first: 4 * at, count: 16 } as const;
    return sent(ann.step({ type: "message", from: BOB, message }));
  });

  const busy = answers.filter((answer) => answer.length > 0);
  assertEquals(busy[0], [{ to: BOB, type: "lack", file: id, reason: "busy" }]);
  assert(20 - busy.length <= QUEUED_LEAVES_MAX / 16 + 1);
});

Deno.test("who takes nothing of what is sent keeps no place from who asks, and is sent no more than its lane holds", () => {
  const file = fileOf(5 * LEAF_BYTES);
  const { ann, id } = offering(file);
  const peers = Array.from({ length: SERVED_MAX + 1 }, (_, at) => signerOf(10 + at).key);
  const request = { type: "request", file: id, first: 0, count: 4 } as const;
  /** The leaves that are sent to it now. */
  const asks = (from: PeerKey, nowMs: number) => {
    const reads = only(ann.step({ type: "message", from, message: request }, nowMs), "read");
    return reads.map(({ leaf, token }) => ann.step(read(file, leaf, token), nowMs).length);
  };
  for (const peer of peers) ann.step({ type: "peer-up", peer });
  const [first, last] = [peers[0]!, peers.at(-1)!];
  for (const peer of peers.slice(0, -1)) assertEquals(asks(peer, 0), [1, 1]);
  ann.step({ type: "bulk-drained", peer: first }, STALL_MS - 1);

  assertEquals(asks(last, STALL_MS - 1), []);
  assertEquals(asks(last, STALL_MS), [1, 1]);
  assertEquals(asks(peers[1]!, STALL_MS), [], "its lane is full");
  const drained = ann.step({ type: "bulk-drained", peer: peers[1]! }, STALL_MS);
  assertEquals(only(drained, "read").length, 1, "it goes on where it takes some");
});

Deno.test("who takes some again is told that we are busy while as many others are served, and then asks anew", () => {
  const file = fileOf(5 * LEAF_BYTES);
  const { ann, id } = offering(file);
  const peers = Array.from({ length: 2 * SERVED_MAX }, (_, at) => signerOf(10 + at).key);
  const [stalled, served] = [peers.slice(0, SERVED_MAX), peers.slice(SERVED_MAX)];
  const answered = (effects: readonly TransferEffect[], nowMs: number) => {
    for (const { leaf, token } of only(effects, "read")) {
      ann.step(read(file, leaf, token), nowMs);
    }
    return effects.map((effect) => effect.type === "send" ? effect.message : effect.type);
  };
  const asks = (from: PeerKey, nowMs: number) => {
    const message = { type: "request", file: id, first: 0, count: 4 } as const;
    return answered(ann.step({ type: "message", from, message }, nowMs), nowMs);
  };
  const drained = (peer: PeerKey) =>
    answered(ann.step({ type: "bulk-drained", peer }, STALL_MS), STALL_MS);
  for (const peer of peers) ann.step({ type: "peer-up", peer });
  for (const peer of stalled) assertEquals(asks(peer, 0), ["read", "read"]);
  for (const peer of served) assertEquals(asks(peer, STALL_MS), ["read", "read"]);

  const busy = { type: "lack", file: id, reason: "busy" } as const;
  for (const peer of stalled) {
    assertEquals([...drained(peer), ...drained(peer)], [busy]);
    assertEquals(asks(peer, STALL_MS), [busy]);
  }
  for (const peer of served) assertEquals(drained(peer), ["read"]);
  ann.step({ type: "peer-down", peer: served[0]! }, STALL_MS);
  assertEquals(asks(stalled[0]!, STALL_MS), ["read", "read"]);
});

Deno.test("who had a part of it before is no longer fetching once it says that it has all", () => {
  const file = fileOf(4 * LEAF_BYTES);
  const { ann, id } = offering(file);
  const served = () => ann.machine.served(0).map(({ peer, percent }) => [peer, percent]);
  const message = { type: "request", file: id, first: 2, count: 2 } as const;
  for (const { leaf, token } of only(ann.step({ type: "message", from: BOB, message }), "read")) {
    ann.step(read(file, leaf, token));
  }

  assertEquals(served(), [[BOB, 50]]);
  ann.step({ type: "message", from: BOB, message: { type: "have", file: id, leaves: null } });
  assertEquals(served(), []);
});

Deno.test("a file that was changed isn't sent: its offer is taken back, and the user told", () => {
  const file = fileOf(2 * LEAF_BYTES);
  const { ann, id } = offering(file);
  const message = { type: "request", file: id, first: 0, count: 2 } as const;
  const [first] = only(ann.step({ type: "message", from: BOB, message }), "read");

  const effects = ann.step(read(file, 0, first!.token, file.leaves[1]));

  assertEquals(only(effects, "send-bulk"), []);
  const [withdraw] = sent(effects);
  assert(withdraw?.type === "withdraw" && withdraw.reason === "changed" && withdraw.file === id);
  assertEquals(only(effects, "show").map(({ event }) => event), [
    { event: "transfer", file: 1, state: "failed", bytes: 0, reason: "changed" },
  ]);
});

Deno.test("the offer of a file that is gone at a start ends, and whom it was for is told with the next link", () => {
  for (const to of [null, BOB]) {
    const ann = machineOf(1);
    const { signed: offer, id: file } = offerOf(signerOf(1), fileOf(7), { to });
    ann.step({ type: "restore", offer, kind: "whole", name: null });

    const text = "the file is no longer where it was";
    const effects = ann.step({ type: "gone", file, text });

    assertEquals(only(effects, "show").map(({ event }) => event), [
      { event: "transfer", file: 1, state: "failed", bytes: 0, reason: "disk", text },
    ]);
    assertEquals(only(effects, "forget"), [{ type: "forget", file }]);
    // What is for all Bob passes on himself.
    const told = [
      ...sent(ann.step({ type: "peer-up", peer: BOB })),
      ...sent(ann.step({ type: "message", from: BOB, message: { type: "offer", offer } })),
    ];
    assertEquals(told.map(({ to, type }) => [to, type]), [[BOB, "withdraw"]]);
    assertEquals(sent(ann.step({ type: "peer-up", peer: CARL })), []);
  }
});

Deno.test("a file that its sender took back fails at the receiver, and isn't offered again", () => {
  const receiver = machineOf(9);
  const ann = signerOf(1);
  const file = fileOf(2 * LEAF_BYTES);
  const { id } = fetching(receiver, ann, file, BOB);
  const withdraw = (by: Signer) => withdrawal(by, id, "cancelled");
  const step = (message: ReturnType<typeof withdraw>) =>
    receiver.step({ type: "message", from: BOB, message });

  assertEquals(step(withdraw(signerOf(2))), []);
  const effects = step(withdraw(ann));

  assertEquals(only(effects, "show").map(({ event }) => event), [
    { event: "transfer", file: 1, state: "failed", bytes: 0, reason: "withdrawn" },
  ]);
  assertEquals(only(effects, "discard").length, 1);
  const { signed } = offerOf(ann, file);
  const message = { type: "offer", offer: signed } as const;
  const later = receiver.step({ type: "message", from: BOB, message });
  assertEquals(sent(later), [{ to: BOB, ...withdraw(ann) }], "it isn't shown, and Bob is told");
  assertEquals(later.length, 1);
});

Deno.test("that an offer is no more is told to who hasn't fetched it, and to nobody who has", () => {
  const ann = signerOf(1);
  const { signed, id } = offerOf(ann, fileOf(7));
  const told = (reason: "cancelled" | "changed", isFetched: boolean) => {
    const receiver = machineOf(9);
    receiver.step({ type: "peer-up", peer: BOB });
    if (isFetched) receiver.step({ type: "restore", offer: signed, kind: "whole", name: null });
    else receiver.step({ type: "message", from: BOB, message: { type: "offer", offer: signed } });
    const message = withdrawal(ann, id, reason);
    const effects = receiver.step({ type: "message", from: BOB, message });
    return only(effects, "show").map(({ event }) => event);
  };
  const gone = { event: "transfer", file: 1, state: "failed", bytes: 0 } as const;

  assertEquals(told("cancelled", false), [{ ...gone, reason: "withdrawn" }]);
  assertEquals(told("changed", false), [{ ...gone, reason: "changed" }]);
  assertEquals([...told("cancelled", true), ...told("changed", true)], []);
});

Deno.test("who passes on an offer that was taken back is told so, as its signer said it", () => {
  const receiver = machineOf(9);
  const ann = signerOf(1);
  const { signed, id } = offerOf(ann, fileOf(7));
  for (const peer of [BOB, CARL]) receiver.step({ type: "peer-up", peer });
  const offer = { type: "offer", offer: signed } as const;
  const withdraw = withdrawal(ann, id, "cancelled");
  receiver.step({ type: "message", from: BOB, message: offer });
  receiver.step({ type: "message", from: BOB, message: withdraw });

  const answer = sent(receiver.step({ type: "message", from: CARL, message: offer }));
  assertEquals(answer, [{ to: CARL, ...withdraw }]);
});

Deno.test("who took an offer back says so to whoever passes it on to them, and nothing of one that never was", () => {
  const { ann, id, effects } = offering(fileOf(7));
  const [offer] = sent(effects);
  assert(offer?.type === "offer");
  ann.step({ type: "command", command: { command: "cancel", file: 1 }, ref: undefined });
  const { to: _, ...message } = offer;

  const [answer] = sent(ann.step({ type: "message", from: BOB, message }));
  assert(answer?.type === "withdraw" && answer.file === id && answer.to === BOB);
  const other = { type: "offer", offer: offerOf(signerOf(1), fileOf(8)).signed } as const;
  assertEquals(sent(ann.step({ type: "message", from: BOB, message: other })), []);
});

Deno.test("that a file was changed is passed on once by those who have it as it was", () => {
  const receiver = machineOf(9);
  const ann = signerOf(1);
  const { signed, id } = offerOf(ann, fileOf(7));
  for (const peer of [BOB, CARL]) receiver.step({ type: "peer-up", peer });
  receiver.step({ type: "restore", offer: signed, kind: "whole", name: null });
  const message = withdrawal(ann, id, "changed");

  const first = sent(receiver.step({ type: "message", from: BOB, message }));
  assertEquals(first, [{ to: CARL, ...message }]);
  assertEquals(receiver.step({ type: "message", from: CARL, message }), []);
});

Deno.test("who has a changed file as it was serves it, and tells nobody who comes of it, after a start either", () => {
  const ann = signerOf(1);
  const { signed, id } = offerOf(ann, fileOf(7));
  const whole = { type: "restore", offer: signed, kind: "whole", name: null } as const;
  const message = withdrawal(ann, id, "changed");
  const bob = { type: "peer-up", peer: BOB } as const;
  const receiver = machineOf(9);
  receiver.step({ type: "peer-up", peer: CARL });
  receiver.step(whole);
  assertEquals(sent(receiver.step(bob)), [{ to: BOB, type: "offer", offer: signed }]);

  const effects = receiver.step({ type: "message", from: CARL, message });
  assertEquals(only(effects, "changed").map(({ signature }) => signature), [message.signature]);
  const later = machineOf(9);
  later.step({ ...whole, changed: message.signature });
  for (const { step } of [receiver, later]) {
    assertEquals(sent(step(bob)), []);
    const want = sent(step({ type: "message", from: BOB, message: { type: "want", file: id } }));
    assertEquals(want, [{ to: BOB, type: "have", file: id, leaves: null }]);
    // Another one has it, and wasn't there when it ended.
    const offer = { type: "offer", offer: signed } as const;
    assertEquals(sent(step({ type: "message", from: BOB, message: offer })), [
      { to: BOB, ...message },
    ]);
  }
});

Deno.test("a receiver serves the leaves that it has", () => {
  const receiver = machineOf(9);
  const file = fileOf(3 * LEAF_BYTES);
  const { id } = fetching(receiver, signerOf(1), file, BOB);
  const taken = receiver.step({ type: "message", from: BOB, message: leafOf(file, id, 1) });
  receiver.step({ type: "written", token: only(taken, "write")[0]!.token });
  receiver.step({ type: "peer-up", peer: CARL });

  const want = receiver.step({ type: "message", from: CARL, message: { type: "want", file: id } });
  assertEquals(sent(want), [{ to: CARL, type: "have", file: id, leaves: Uint8Array.of(2) }]);
  const message = { type: "request", file: id, first: 1, count: 1 } as const;
  const [asked] = only(receiver.step({ type: "message", from: CARL, message }), "read");
  assertEquals(only(receiver.step(read(file, 1, asked!.token)), "send-bulk").length, 1);
});

Deno.test("offers of one person are bounded, and neither forged ones nor those of elsewhere are taken", () => {
  const receiver = machineOf(9);
  receiver.step({ type: "peer-up", peer: BOB });
  const ann = signerOf(1);
  const offer = (at: number, more = {}) => {
    const { signed } = offerOf(ann, fileOf(1), { at, ...more });
    const message = { type: "offer", offer: signed } as const;
    return only(receiver.step({ type: "message", from: BOB, message }), "show").length;
  };

  assertEquals(offer(0, { from: CARL }), 0);
  assertEquals(offer(0, { context: "00".repeat(32) }), 0);
  assertEquals(offer(0, { to: CARL }), 0);
  assertEquals(offer(0, { name: "" }), 0);
  let taken = 0;
  for (let at = 50; at > 0; at--) taken += offer(at);
  assertEquals([taken, receiver.machine.list.length], [OFFERS_EACH_MAX, OFFERS_EACH_MAX]);
});

/** How many of these `receiver` takes from who passes them on. */
function heard(
  receiver: TestMachine,
  offers: readonly SignedOffer[],
  via: PeerKey = BOB,
  nowMs = 0,
): number {
  return offers.flatMap((offer) => {
    const message = { type: "offer", offer } as const;
    return only(receiver.step({ type: "message", from: via, message }, nowMs), "show");
  }).length;
}

Deno.test("what its sender took back long ago, and a liar passes on, gives way to what is offered later", () => {
  const receiver = machineOf(9);
  receiver.step({ type: "peer-up", peer: BOB });
  const ann = signerOf(1);
  const old = Array.from(
    { length: OFFERS_EACH_MAX },
    (_, at) => offerOf(ann, fileOf(1), { at }).signed,
  );
  const forged = { ...offerOf(ann, fileOf(1), { at: 100 }).signed, signature: old[0]!.signature };
  const late = offerOf(ann, fileOf(2), { at: 101, name: "late.txt" });

  assertEquals(heard(receiver, [...old, forged]), OFFERS_EACH_MAX);
  assertEquals(receiver.machine.list.length, OFFERS_EACH_MAX, "a forged one takes no place");
  assertEquals(heard(receiver, [late.signed]), 1);
  const listed = receiver.machine.list.map(({ offer }) => offer.value.at);
  assertEquals(listed, [...old.slice(1).map((_, at) => at + 1), 101]);
});

Deno.test("one's own offers aren't taken of others, and what is for one of nobody but its signer", () => {
  const receiver = machineOf(9);
  for (const peer of [BOB, CARL]) receiver.step({ type: "peer-up", peer });
  const own = offerOf(signerOf(9), fileOf(1)).signed;
  const forUs = offerOf(signerOf(2), fileOf(1), { to: receiver.key }).signed;

  assertEquals([heard(receiver, [own]), heard(receiver, [forUs], CARL)], [0, 0]);
  assertEquals(heard(receiver, [forUs], BOB), 1);
});

Deno.test("offers under keys that somebody makes up, and takes back, are few, keep nobody from offering, and aren't taken of a removed one", () => {
  const known = new Set<PeerKey>([BOB, signerOf(1).key]);
  const removed = signerOf(5);
  const receiver = machineOf(9, {
    standingOf: (key) => key === removed.key ? "removed" : known.has(key) ? "known" : "unknown",
  });
  receiver.step({ type: "peer-up", peer: BOB });
  const [own, others] = [signerOf(1), removed].map((signer) => offerOf(signer, fileOf(2)).signed);

  let taken = 0;
  for (let at = 0; at < 2 * OFFERS_UNKNOWN_MAX; at++) {
    const { signed, id } = offerOf(signerOf(100 + at), fileOf(1));
    taken += heard(receiver, [signed], BOB, 500 * at);
    const message = withdrawal(signerOf(100 + at), id, "cancelled");
    receiver.step({ type: "message", from: BOB, message }, 500 * at);
  }
  assertEquals(taken, OFFERS_UNKNOWN_MAX);
  assertEquals(heard(receiver, [own!], BOB, 60_000), 1);
  assertEquals(heard(receiver, [others!], BOB, 60_000), 0);
});

/** So many offers of each of these, who offer one after the other, and not faster than is looked at. */
function flood(receiver: TestMachine, signers: readonly Signer[], each: number, fromMs: number) {
  let [nowMs, taken] = [fromMs, 0];
  for (let at = 0; at < each; at++) {
    for (const signer of signers) {
      taken += heard(receiver, [offerOf(signer, fileOf(1), { at }).signed], BOB, nowMs += 100);
    }
  }
  return { nowMs, taken };
}

/** How many of a member's offers are open. */
function openOf({ machine }: TestMachine, { key }: Signer): number {
  return machine.list.filter(({ offer }) => offer.value.from === key).length;
}

Deno.test("a crowd that has just come pushes out no offer of who was here before, and of its own the loudest lose theirs", () => {
  const [ann, dave, eve] = [signerOf(1), signerOf(4), signerOf(5)];
  const known = new Set<PeerKey>([BOB, ann.key, dave.key]);
  const receiver = machineOf(9, { standingOf: (key) => known.has(key) ? "known" : "new" });
  receiver.step({ type: "peer-up", peer: BOB });
  const crowd = Array.from({ length: 100 }, (_, at) => signerOf(100 + at));

  const before = flood(receiver, [ann], OFFERS_EACH_MAX, 0);
  assertEquals(before.taken, OFFERS_EACH_MAX);
  const eves = flood(receiver, [eve], OFFERS_EACH_MAX, before.nowMs + 100);
  const { number: file, id } = receiver.machine.list.at(-OFFERS_EACH_MAX)!.offer;
  receiver.step({ type: "command", command: { command: "get", file }, ref: undefined });
  const { nowMs } = flood(receiver, crowd, OFFERS_EACH_MAX, eves.nowMs + 100);

  assertEquals(receiver.machine.held.offers, OFFERS_EACH_MAX + OFFERS_NEW_MAX);
  assertEquals(openOf(receiver, ann), OFFERS_EACH_MAX);
  assert(openOf(receiver, eve) < OFFERS_EACH_MAX);
  const isOpen = receiver.machine.list.some(({ offer }) => offer.id === id);
  assert(isOpen, "the earliest is being fetched, and stays");
  assertEquals(flood(receiver, [dave], 1, nowMs).taken, 1, "who was here before is heard");
  assertEquals(flood(receiver, [signerOf(6)], 1, nowMs).taken, 1, "and so is who comes after them");
  assertEquals(receiver.machine.held.offers, OFFERS_EACH_MAX + OFFERS_NEW_MAX + 1);
});

Deno.test("where all have been here long, who offers most makes room for who offers little, and not the other way", () => {
  const receiver = machineOf(9);
  receiver.step({ type: "peer-up", peer: BOB });
  const [ann, dave] = [signerOf(1), signerOf(4)];
  const many = Array.from({ length: 100 }, (_, at) => signerOf(100 + at));
  const before = flood(receiver, [ann], 2, 0);
  const { nowMs } = flood(receiver, many, OFFERS_EACH_MAX, before.nowMs);
  const full = receiver.machine.held.offers;
  assert(full < OFFERS_MAX);

  assertEquals(flood(receiver, [dave], 2, nowMs).taken, 2);
  assertEquals([openOf(receiver, ann), openOf(receiver, dave)], [2, 2]);
  assertEquals(receiver.machine.held.offers, full);
  const least = Math.min(...many.map((signer) => openOf(receiver, signer)));
  assert(least >= Math.floor((full - 4) / many.length) - 1, `${least} are left of one`);
});

Deno.test("an offer for all is passed on once", () => {
  const receiver = machineOf(9);
  for (const peer of [BOB, CARL]) receiver.step({ type: "peer-up", peer });
  const message = { type: "offer", offer: offerOf(signerOf(1), fileOf(1)).signed } as const;

  const first = sent(receiver.step({ type: "message", from: BOB, message }));
  assertEquals(first.map(({ to, type }) => [to, type]), [[CARL, "offer"]]);
  assertEquals(receiver.step({ type: "message", from: CARL, message }), []);
});

Deno.test("a file counts as a block of the disk at least in what may be received, an earlier one too", () => {
  const receiver = machineOf(9, { filesBytesMax: 2 * FILE_BYTES_MIN });
  receiver.step({ type: "peer-up", peer: BOB });
  const told = [0, 0, 0].map((size, at) => {
    const { signed } = offerOf(signerOf(1), fileOf(size), { at });
    receiver.step({ type: "message", from: BOB, message: { type: "offer", offer: signed } });
    const command = { command: "get", file: at + 1 } as const;
    const effects = receiver.step({ type: "command", command, ref: undefined });
    const [{ event } = { event: undefined }] = only(effects, "show");
    return event?.event === "error" ? event.text : event?.event;
  });
  assertEquals(told.slice(0, 2), ["transfer", "transfer"]);
  assert(told[2]?.startsWith("notes.txt takes 4,096 bytes, and there is room for 0 more"), told[2]);
});

Deno.test("whoever offers and takes back one file after the other is told that it is too fast", () => {
  const sender = machineOf(1);
  const told: unknown[] = [];
  for (let at = 0; at <= OFFERS_BURST; at++) {
    const source = `${at}`;
    const send = { command: "send", source, name: "a", to: null } as const;
    const [hash] = only(sender.step({ type: "command", command: send, ref: undefined }), "hash");
    const { size, digest } = fileOf(at);
    const [keep] = only(sender.step({ type: "hashed", token: hash!.token, size, digest }), "keep");
    const [shown] = only(sender.step({ type: "kept", token: keep!.token }), "show");
    told.push(shown!.event.event === "error" ? shown!.event.code : shown!.event.event);
    const file = at + 1;
    sender.step({ type: "command", command: { command: "cancel", file }, ref: undefined });
  }
  assertEquals(told, [...Array(OFFERS_BURST).fill("offer"), "too-fast"]);
});

Deno.test("what can't be fetched is refused before anything is asked for", () => {
  const bytes = { filesBytesMax: 6 * FILE_BYTES_MIN, receivedBytes: FILE_BYTES_MIN };
  const receiver = machineOf(9, bytes);
  receiver.step({ type: "peer-up", peer: BOB });
  const take = (file: number) => {
    const command = { command: "get", file } as const;
    const effects = receiver.step({ type: "command", command, ref: undefined });
    const [show] = only(effects, "show");
    return show?.event.event === "error" ? [show.event.code, effects.length] : effects.length;
  };
  for (const size of [5 * FILE_BYTES_MIN + 1, 1, 1, 1, 1, 1]) {
    const at = receiver.machine.held.offers;
    const { signed } = offerOf(signerOf(1), fileOf(size), { at });
    receiver.step({ type: "message", from: BOB, message: { type: "offer", offer: signed } });
  }

  assertEquals(take(7), ["no-such-entry", 1]);
  assertEquals(take(1), ["full", 1]);
  for (let file = 2; file < 2 + DOWNLOADS_MAX; file++) assertEquals(take(file), 2);
  assertEquals(take(2), 1, "what is being fetched goes on");
  assertEquals(take(6), ["busy", 1]);
});
