/** Files that are to be fetched once there is room, as all are with `--save`. */

import { assertEquals } from "@std/assert";
import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import {
  DOWNLOADS_MAX,
  GONE_MS,
  LEAF_BYTES,
  NOBODY_MS,
  OFFER_KEPT_MS,
  OFFERS_EACH_MAX,
  OFFERS_NEW_MAX,
  UNSERVED_MS,
} from "../../../lib/protocols/transfer/limits.ts";
import type { TransferEffect } from "../../../lib/protocols/transfer/transfer_io.ts";
import {
  fileOf,
  leafOf,
  machineOf,
  offerOf,
  only,
  signerOf,
  type TestFile,
  type TestMachine,
  withdrawal,
} from "./fixtures.ts";

const ANN = signerOf(1);
const BOB = signerOf(2).key;

/** A receiver with a link to Bob, who passes on what others offer. */
function receiverOf(config: Parameters<typeof machineOf>[1] = {}) {
  const receiver = machineOf(9, config);
  receiver.step({ type: "peer-up", peer: BOB });
  return receiver;
}

/** The receiver hears of a file, and is to fetch it. @returns What its user is told. */
function offered(receiver: TestMachine, name: string, nowMs = 0, signer: Signer = ANN, size = 1) {
  const { signed, id } = offerOf(signer, fileOf(size), { name });
  const message = { type: "offer", offer: signed } as const;
  receiver.step({ type: "message", from: BOB, message }, nowMs);
  const file = receiver.machine.list.find(({ offer }) => offer.id === id)!.offer.number;
  const command = { command: "get", file, waits: true } as const;
  return begun(receiver, receiver.step({ type: "command", command, ref: undefined }, nowMs), nowMs);
}

/** The disk opens what is about to be fetched. @returns What the user is told meanwhile, such as `started 1`; `waits 1`. */
function begun(receiver: TestMachine, effects: readonly TransferEffect[], nowMs: number) {
  for (const { token } of only(effects, "begin")) {
    receiver.step({ type: "begun", token, isThere: false, leaves: null }, nowMs);
  }
  return only(effects, "show").map(({ event }) =>
    event.event === "transfer"
      ? `${event.reason === "waits" ? "waits" : event.state} ${event.file}`
      : event.event === "error"
      ? event.code
      : event.event
  );
}

function cancel(receiver: TestMachine, file: number, nowMs: number) {
  const command = { command: "cancel", file } as const;
  return begun(receiver, receiver.step({ type: "command", command, ref: undefined }, nowMs), nowMs);
}

function tick(receiver: TestMachine, nowMs: number) {
  return begun(receiver, receiver.step({ type: "tick" }, nowMs), nowMs);
}

const NAMES = Array.from({ length: DOWNLOADS_MAX }, (_, at) => `unserved ${at}`);

Deno.test("what nobody sends gives way to what waits, and is fetched on once there is room", () => {
  const receiver = receiverOf();
  const started = NAMES.flatMap((name) => offered(receiver, name));
  assertEquals(started, NAMES.map((_, at) => `started ${at + 1}`));

  assertEquals(offered(receiver, "next", 1_000), [`waits ${DOWNLOADS_MAX + 1}`]);
  assertEquals(
    receiver.machine.list.map(({ waits }) => waits === true).lastIndexOf(true),
    DOWNLOADS_MAX,
  );
  assertEquals(tick(receiver, UNSERVED_MS - 1), []);
  assertEquals(receiver.machine.nextDeadlineMs()! <= UNSERVED_MS, true);
  assertEquals(tick(receiver, UNSERVED_MS), ["failed 1", `started ${DOWNLOADS_MAX + 1}`]);
  assertEquals(tick(receiver, 2 * UNSERVED_MS), [], "one that gave way makes none give way");

  const next = DOWNLOADS_MAX + 1;
  assertEquals(cancel(receiver, next, 2 * UNSERVED_MS), [`cancelled ${next}`, "started 1"]);
});

Deno.test("what an earlier process had begun, and is more than is fetched at once, is fetched on once there is room", () => {
  const receiver = machineOf(9);
  const restored = [...NAMES, "next", "last"].flatMap((name) => {
    const { signed } = offerOf(ANN, fileOf(1), { name });
    const part = { type: "restore", offer: signed, kind: "part", name: null } as const;
    return begun(receiver, receiver.step(part), 0);
  });
  const started = NAMES.flatMap((_, at) => ["offer", `started ${at + 1}`]);
  const [next, last] = [DOWNLOADS_MAX + 1, DOWNLOADS_MAX + 2];
  assertEquals(restored, [...started, "offer", `waits ${next}`, "offer", `waits ${last}`]);

  assertEquals(cancel(receiver, 1, 0), ["cancelled 1", `started ${next}`]);
  assertEquals(cancel(receiver, 2, 0), ["cancelled 2", `started ${last}`]);
});

Deno.test("a file of which leaves come doesn't give way", () => {
  const receiver = receiverOf();
  const file = fileOf(2 * LEAF_BYTES);
  const { id } = offerOf(ANN, file, { name: NAMES[0]! });
  for (const name of NAMES) offered(receiver, name, 0, ANN, file.size);
  receiver.step({ type: "message", from: BOB, message: { type: "have", file: id, leaves: null } });
  const leaf = { type: "message", from: BOB, message: leafOf(file, id, 0) } as const;
  const nowMs = UNSERVED_MS - 1;
  const [write] = only(receiver.step(leaf, nowMs), "write");
  receiver.step({ type: "written", token: write!.token }, nowMs);
  offered(receiver, "next", nowMs);

  assertEquals(tick(receiver, UNSERVED_MS), ["failed 2", `started ${DOWNLOADS_MAX + 1}`]);
});

Deno.test("one that nobody sends takes no room from others in what may be received", () => {
  const receiver = receiverOf({ filesBytesMax: 100_000 });
  assertEquals(offered(receiver, "huge", 0, ANN, 100_000), ["started 1"]);
  assertEquals(offered(receiver, "small", 1_000), ["waits 2"]);
  assertEquals(tick(receiver, UNSERVED_MS), ["failed 1", "started 2"]);
  assertEquals(offered(receiver, "too large", UNSERVED_MS, ANN, 100_001), ["full"]);
});

Deno.test("a file that is asked for by its number has what nobody sends give way, too", () => {
  const receiver = receiverOf();
  for (const name of NAMES) offered(receiver, name);
  const { signed } = offerOf(ANN, fileOf(1), { name: "next" });
  receiver.step({ type: "message", from: BOB, message: { type: "offer", offer: signed } });
  const command = { command: "get", file: DOWNLOADS_MAX + 1 } as const;
  const get = (nowMs: number) =>
    begun(receiver, receiver.step({ type: "command", command, ref: undefined }, nowMs), nowMs);

  assertEquals(get(UNSERVED_MS - 1), ["busy"]);
  assertEquals(get(UNSERVED_MS), ["failed 1", `started ${DOWNLOADS_MAX + 1}`]);
});

Deno.test("the files of who has been here long come before those of a crowd that has just come", () => {
  const carl = signerOf(3);
  const receiver = receiverOf({ standingOf: (key) => key === carl.key ? "known" : "new" });
  for (const name of NAMES) offered(receiver, name);
  for (let at = 0; at < 8; at++) offered(receiver, `crowd ${at}`, 0, signerOf(100 + at));
  offered(receiver, "Carl's", 1_000, carl);

  const carls = DOWNLOADS_MAX + 9;
  assertEquals(tick(receiver, UNSERVED_MS).includes(`started ${carls}`), true);
});

Deno.test("one that waits is given up by /cancel, and one that gave way is fetched on when its sender is back", () => {
  const receiver = receiverOf();
  for (const name of NAMES) offered(receiver, name);
  offered(receiver, "given up", 1_000);
  offered(receiver, "next", 1_000);
  assertEquals(cancel(receiver, DOWNLOADS_MAX + 1, 1_000), [`cancelled ${DOWNLOADS_MAX + 1}`]);
  const next = DOWNLOADS_MAX + 2;
  assertEquals(tick(receiver, UNSERVED_MS), ["failed 1", `started ${next}`]);

  const up = { type: "peer-up", peer: ANN.key } as const;
  const told = begun(receiver, receiver.step(up, 2 * UNSERVED_MS), 2 * UNSERVED_MS);
  assertEquals(told, ["failed 2", "started 1"]);
});

/** Bob has this file of Ann's, and sends one leaf of it. */
function serve(receiver: TestMachine, name: string, file: TestFile, leaf: number, nowMs: number) {
  const { id } = offerOf(ANN, file, { name });
  const have = { type: "have", file: id, leaves: null } as const;
  receiver.step({ type: "message", from: BOB, message: have }, nowMs);
  const message = leafOf(file, id, leaf);
  const [write] = only(receiver.step({ type: "message", from: BOB, message }, nowMs), "write");
  receiver.step({ type: "written", token: write!.token }, nowMs);
}

Deno.test("however slowly one sender's files come, each other sender has a place for one", () => {
  const receiver = receiverOf();
  const file = fileOf(40 * LEAF_BYTES);
  for (const name of NAMES) offered(receiver, name, 0, ANN, file.size);
  for (const name of NAMES) serve(receiver, name, file, 0, 1);

  const [carl, dora] = [signerOf(3), signerOf(4)];
  const [carls, doras] = [DOWNLOADS_MAX + 1, DOWNLOADS_MAX + 2];
  assertEquals(offered(receiver, "Ann's fifth", 1_000), [`waits ${carls}`]);
  const told = offered(receiver, "Carl's", 1_000, carl);
  assertEquals(told, [`waits ${DOWNLOADS_MAX}`, `started ${carls + 1}`]);
  assertEquals(offered(receiver, "Carl's second", 1_000, carl), ["waits 7"], "he has one");
  const more = offered(receiver, "Dora's", 1_000, dora);
  assertEquals(more, [`waits ${DOWNLOADS_MAX - 1}`, `started ${doras + 2}`]);
  assertEquals(offered(receiver, "Erin's", 1_000, signerOf(5)), ["waits 2", "started 9"]);
  const freds = offered(receiver, "Fred's", 1_000, signerOf(6));
  assertEquals(freds, ["waits 10"], "each has one place");
});

Deno.test("what gave way to another sender's file is fetched on once there is room", () => {
  const receiver = receiverOf();
  const file = fileOf(40 * LEAF_BYTES);
  for (const name of NAMES) offered(receiver, name, 0, ANN, file.size);
  for (const name of NAMES) serve(receiver, name, file, 0, 1);
  const next = DOWNLOADS_MAX + 1;
  assertEquals(offered(receiver, "Carl's", 1_000, signerOf(3)), ["waits 4", `started ${next}`]);
  assertEquals(tick(receiver, 1_500).filter((told) => !told.startsWith("progress")), []);
  assertEquals(cancel(receiver, next, 2_000), [`cancelled ${next}`, "started 4"]);
});

Deno.test("what gave way keeps the name that it was given where it is asked for again", () => {
  const receiver = receiverOf();
  const file = fileOf(40 * LEAF_BYTES);
  for (const name of NAMES) offered(receiver, name, 0, ANN, file.size);
  for (const name of NAMES) serve(receiver, name, file, 0, 1);
  const get = { command: "get", file: DOWNLOADS_MAX } as const;
  const named = { ...get, as: "mine" };
  const effects = receiver.step({ type: "command", command: named, ref: undefined }, 2);
  receiver.step({ type: "renamed", token: only(effects, "rename")[0]!.token }, 2);
  offered(receiver, "Carl's", 1_000, signerOf(3));
  const again = receiver.step({ type: "command", command: get, ref: undefined }, 1 + UNSERVED_MS);
  assertEquals(only(again, "begin").map(({ name }) => name), ["mine"]);
});

Deno.test("what gave way is fetched on however old its offer is, and stays in the list", () => {
  const receiver = receiverOf();
  const file = fileOf(40 * LEAF_BYTES);
  for (const name of NAMES) offered(receiver, name, 0, ANN, file.size);
  for (const name of NAMES) serve(receiver, name, file, 0, 1);
  offered(receiver, "Carl's", 1_000, signerOf(3));
  offered(receiver, "Carl's second", 1_000, signerOf(3));
  const told = tick(receiver, 1_000 + OFFER_KEPT_MS);
  assertEquals(told.filter((one) => one.startsWith("started")), ["started 4"]);
  const listed = receiver.machine.list.map(({ offer: { name } }) => name);
  assertEquals(listed, NAMES, "nothing is here of the others");
});

Deno.test("several files of one sender take no room from another's in what may be received", () => {
  const receiver = receiverOf({ filesBytesMax: 100_000 });
  for (const name of ["one", "two", "three"]) offered(receiver, name, 0, ANN, 33_000);
  assertEquals(offered(receiver, "Carl's", 0, signerOf(3), 10_000), ["waits 3", "started 4"]);
  assertEquals(
    offered(receiver, "Dora's", 0, signerOf(4), 60_000),
    ["waits 5"],
    "it has no room beside a file of each",
  );
});

Deno.test("what is here of a file that gave way counts in what may be received", () => {
  const receiver = receiverOf({ filesBytesMax: 40 * LEAF_BYTES });
  const large = fileOf(39 * LEAF_BYTES);
  offered(receiver, "one", 0, ANN, LEAF_BYTES);
  offered(receiver, "large", 0, ANN, large.size);
  serve(receiver, "large", large, 0, 1);
  assertEquals(offered(receiver, "Carl's", 1_000, signerOf(3), large.size), ["waits 3"]);
  const smaller = large.size - LEAF_BYTES;
  assertEquals(offered(receiver, "Dora's", 1_000, signerOf(4), smaller), ["waits 2", "started 4"]);
  const erins = offered(receiver, "Erin's", 1_000, signerOf(5), LEAF_BYTES);
  assertEquals(erins, ["waits 5"], "there is no room");
});

Deno.test("what waits for room in what may be received does so at the next start, too", () => {
  const receiver = machineOf(9, { filesBytesMax: 100_000 });
  const files = [[ANN, 33_000], [ANN, 33_000], [ANN, 33_000], [signerOf(3), 10_000]] as const;
  const told = files.flatMap(([signer, size], at) => {
    const { signed } = offerOf(signer, fileOf(size), { name: `file ${at}` });
    const part = { type: "restore", offer: signed, kind: "part", name: null, bytes: 0 } as const;
    return begun(receiver, receiver.step(part), 0);
  });
  const three = [1, 2, 3].flatMap((at) => ["offer", `started ${at}`]);
  assertEquals(told, [...three, "offer", "waits 3", "started 4"]);
  assertEquals(cancel(receiver, 1, 0), ["cancelled 1", "started 3"]);
});

Deno.test("of what an earlier process had begun only that counts which is there of it", () => {
  const receiver = receiverOf({ filesBytesMax: 100 * LEAF_BYTES });
  for (const name of ["one", "two", "three"]) {
    const { signed: offer } = offerOf(ANN, { ...fileOf(1), size: 60 * LEAF_BYTES }, { name });
    begun(
      receiver,
      receiver.step({ type: "restore", offer, kind: "part", name: null, bytes: 0 }),
      0,
    );
  }
  assertEquals(offered(receiver, "Carl's", 1_000, signerOf(3)), ["started 4"]);
  assertEquals(tick(receiver, UNSERVED_MS), ["failed 1", "started 2"]);
});

Deno.test("of what was begun, and of which nothing came, nothing stays on the disk", () => {
  const discarded = (nowMs: number, end: (receiver: TestMachine) => readonly TransferEffect[]) => {
    const receiver = receiverOf();
    offered(receiver, "slow", 0, ANN, 2 * LEAF_BYTES);
    assertEquals(tick(receiver, nowMs), ["failed 1"]);
    return only(end(receiver), "discard").length;
  };
  const ref = undefined;
  const cancelled = (receiver: TestMachine) =>
    receiver.step({ type: "command", command: { command: "cancel", file: 1 }, ref }, NOBODY_MS);
  assertEquals(discarded(NOBODY_MS, cancelled), 1);
  const tooOld = (receiver: TestMachine) => receiver.step({ type: "tick" }, OFFER_KEPT_MS);
  assertEquals(discarded(NOBODY_MS, tooOld), 1);
});

Deno.test("of one sender's files that of which a part is here gives way last", () => {
  const receiver = receiverOf();
  const file = fileOf(40 * LEAF_BYTES);
  offered(receiver, "first", 0, ANN, file.size);
  serve(receiver, "first", file, 0, 1);
  tick(receiver, 1 + NOBODY_MS);
  for (let at = 1; at <= OFFERS_EACH_MAX; at++) {
    const { signed: offer } = offerOf(ANN, fileOf(1), {
      name: `${at}`,
      at: 1_790_000_000_000 + at,
    });
    const message = { type: "offer", offer } as const;
    const effects = receiver.step({ type: "message", from: BOB, message }, (at + 1) * NOBODY_MS);
    assertEquals(only(effects, "discard"), []);
  }
  const names = receiver.machine.list.map(({ offer: { name } }) => name);
  assertEquals([names.length, names.includes("first")], [OFFERS_EACH_MAX, true]);
});

Deno.test("offers of which a part is here give way to one of who has none, and nothing stays of them", () => {
  const receiver = receiverOf({ standingOf: () => "new" });
  const file = fileOf(2 * LEAF_BYTES);
  const crowd = OFFERS_NEW_MAX / OFFERS_EACH_MAX;
  for (let at = 0; at < crowd; at++) {
    for (let each = 0; each < OFFERS_EACH_MAX; each++) {
      const { signed: offer } = offerOf(signerOf(20 + at), file, { name: `${each}` });
      const part = { type: "restore", offer, kind: "part", name: null, bytes: LEAF_BYTES } as const;
      begun(receiver, receiver.step(part, 0), 0);
    }
  }
  const all = receiver.machine.list.length;
  const { signed } = offerOf(signerOf(3), file, { name: "Carl's" });
  const message = { type: "offer", offer: signed } as const;
  const effects = receiver.step({ type: "message", from: BOB, message }, 1);
  const told = begun(receiver, effects, 1).map((one) => one.replace(/ .*/, ""));
  assertEquals(told.sort(), ["failed", "offer"]);
  assertEquals(only(effects, "discard").length, 1);
  assertEquals(receiver.machine.list.length, all);
});

Deno.test("what its sender has no more, and gave way, is given up as soon as nobody has it", () => {
  const receiver = receiverOf();
  for (const name of NAMES) offered(receiver, name);
  const { id } = offerOf(ANN, fileOf(1), { name: NAMES[0]! });
  receiver.step({ type: "message", from: BOB, message: { type: "have", file: id, leaves: null } });
  const message = withdrawal(ANN, id, "changed");
  receiver.step({ type: "message", from: BOB, message });
  offered(receiver, "next", 1_000);
  const next = DOWNLOADS_MAX + 1;
  assertEquals(tick(receiver, UNSERVED_MS), ["failed 1", `started ${next}`]);
  assertEquals(cancel(receiver, next, UNSERVED_MS), [`cancelled ${next}`, "started 1"]);
  assertEquals(tick(receiver, UNSERVED_MS + GONE_MS), ["failed 1"]);
});

Deno.test("what came to nothing for want of a holder is deleted by /cancel", () => {
  const receiver = receiverOf();
  const file = fileOf(2 * LEAF_BYTES);
  offered(receiver, "slow", 0, ANN, file.size);
  serve(receiver, "slow", file, 0, 1);
  assertEquals(tick(receiver, 1 + NOBODY_MS).includes("failed 1"), true);
  const command = { command: "cancel", file: 1 } as const;
  const effects = receiver.step({ type: "command", command, ref: undefined }, 1 + NOBODY_MS);
  const { id } = offerOf(ANN, file, { name: "slow" });
  assertEquals(only(effects, "discard").map((each) => each.file), [id]);
  assertEquals(begun(receiver, effects, 1 + NOBODY_MS), ["cancelled 1"]);
});

Deno.test("of what gave way, and is taken back meanwhile, nothing stays on the disk", () => {
  const receiver = receiverOf();
  for (const name of NAMES) offered(receiver, name);
  offered(receiver, "Carl's", 0, signerOf(3));
  const { id } = offerOf(ANN, fileOf(1), { name: NAMES.at(-1)! });
  const message = withdrawal(ANN, id, "cancelled");
  const effects = receiver.step({ type: "message", from: BOB, message });
  assertEquals(only(effects, "discard").map(({ file }) => file), [id]);
});
