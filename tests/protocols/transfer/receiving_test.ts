import type { PeerKey } from "../../../lib/base/ids.ts";
import { assert, assertEquals } from "@std/assert";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import {
  ASK_MS,
  AT_RISK_LEAVES_MIN,
  GONE_MS,
  LEAF_BYTES,
  NOBODY_MS,
  PAUSE_MS,
  PROGRESS_MS,
  STALL_MS,
  SYNC_LEAVES_MAX,
  WINDOW_LEAVES,
} from "../../../lib/protocols/transfer/limits.ts";
import { LeafSet, leavesText } from "../../../lib/protocols/transfer/leaf_set.ts";
import {
  fetching,
  fileOf,
  fileOfEqualLeaves,
  leafOf,
  machineOf,
  offerOf,
  only,
  sent,
  signerOf,
  type TestMachine,
  withdrawal,
} from "./fixtures.ts";

const ANN = signerOf(1);
const BOB = signerOf(2).key;
const CARL = signerOf(3).key;

/** Answers the writes of these effects. @returns What follows. */
function written({ step }: TestMachine, effects: ReturnType<TestMachine["step"]>, nowMs = 0) {
  return only(effects, "write").flatMap(({ token }) => step({ type: "written", token }, nowMs));
}

Deno.test("a file of one leaf is asked for, checked, written, synced, finished, told of", () => {
  const receiver = machineOf(9);
  const file = fileOf(5);
  const { id, effects } = fetching(receiver, ANN, file, ANN.key);
  assertEquals(sent(effects), [{ to: ANN.key, type: "request", file: id, first: 0, count: 1 }]);

  const leaf = leafOf(file, id, 0);
  const taken = receiver.step({ type: "message", from: ANN.key, message: leaf });
  const [write] = only(taken, "write");
  assertEquals([write!.offset, write!.bytes, write!.proof.length], [0, file.leaves[0], 0]);
  const [sync] = only(written(receiver, taken), "sync");
  const full = new LeafSet(1);
  full.add(0);
  assertEquals(sync!.leaves, leavesText(nodeCrypto, id, full));
  const [finish] = only(receiver.step({ type: "synced", token: sync!.token }), "finish");
  assertEquals(finish!.name, "notes.txt");
  const path = "/downloads/notes.txt";
  const done = receiver.step({ type: "finished", token: finish!.token, path });
  assertEquals(only(done, "show").map(({ event }) => event), [
    { event: "transfer", file: 1, state: "done", bytes: 5, path },
  ]);
  const cancel = { command: "cancel", file: 1 } as const;
  const refused = receiver.step({ type: "command", command: cancel, ref: undefined });
  const text = "The file 1 is here already";
  assertEquals(only(refused, "show").map(({ event }) => event), [
    { event: "error", code: "usage", text },
  ]);
});

Deno.test("of a large file few leaves are synced at once, so that nothing else waits long for the disk", () => {
  const count = 40 * SYNC_LEAVES_MAX;
  const receiver = machineOf(9, { filesBytesMax: count * LEAF_BYTES });
  const file = fileOfEqualLeaves(count);
  const { id } = fetching(receiver, ANN, file, ANN.key);
  const syncs = (leaf: number) => {
    const message = leafOf(file, id, leaf);
    const taken = receiver.step({ type: "message", from: ANN.key, message });
    return only(written(receiver, taken), "sync").length;
  };

  const before = Array.from({ length: SYNC_LEAVES_MAX - 1 }, (_, leaf) => syncs(leaf));

  assertEquals(new Set(before), new Set([0]));
  assertEquals(syncs(SYNC_LEAVES_MAX - 1), 1);
});

Deno.test("a wrong leaf isn't written, and its sender is never asked again, another one is", () => {
  const receiver = machineOf(9);
  const file = fileOf(3 * LEAF_BYTES);
  const { id, effects } = fetching(receiver, ANN, file, BOB);
  assertEquals(sent(effects)[0], { to: BOB, type: "request", file: id, first: 0, count: 3 });

  const message = { ...leafOf(file, id, 0), bytes: file.leaves[1]! };
  assertEquals(receiver.step({ type: "message", from: BOB, message }), []);
  // Not even where it says that it has it, or leaves and comes back.
  const have = { type: "have", file: id, leaves: null } as const;
  assertEquals(receiver.step({ type: "message", from: BOB, message: have }), []);
  receiver.step({ type: "peer-down", peer: BOB });
  const asks = (peer: PeerKey) =>
    sent(receiver.step({ type: "peer-up", peer })).filter(({ type }) => type !== "offer");
  assertEquals(asks(BOB), []);
  assertEquals(asks(CARL), [{ to: CARL, type: "want", file: id }]);
  const asked = sent(receiver.step({ type: "message", from: CARL, message: have }));
  assertEquals(asked, [{ to: CARL, type: "request", file: id, first: 0, count: 3 }]);
});

Deno.test("a proof of another length makes a liar", () => {
  const receiver = machineOf(9);
  const file = fileOf(2 * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);

  const message = { ...leafOf(file, id, 0), proof: new Uint8Array(0) };
  assertEquals(receiver.step({ type: "message", from: BOB, message }), []);
  assertEquals(sent(receiver.step({ type: "tick" }, ASK_MS)), []);
});

Deno.test("a set of leaves that none can be makes a liar; an answer that nobody asked for isn't read", () => {
  const receiver = machineOf(9);
  const { id } = fetching(receiver, ANN, fileOf(2 * LEAF_BYTES), BOB);
  receiver.step({ type: "peer-down", peer: BOB });
  for (const peer of [BOB, CARL]) receiver.step({ type: "peer-up", peer });
  const have = (from: typeof BOB, ...bits: readonly number[]) => {
    const message = { type: "have", file: id, leaves: Uint8Array.from(bits) } as const;
    return sent(receiver.step({ type: "message", from, message }, ASK_MS));
  };
  const request = { to: BOB, type: "request", file: id, count: 1 } as const;

  assertEquals(have(CARL, 0xff, 0xff), []);
  assertEquals(have(BOB, 1), [{ ...request, first: 0 }]);
  assertEquals(have(BOB, 3), []);
  const asked = sent(receiver.step({ type: "tick" }, ASK_MS));
  assertEquals(asked, [{ to: BOB, type: "want", file: id }]);
  assertEquals(have(BOB, 3), [{ ...request, first: 1 }]);
});

Deno.test("a leaf that nobody asked for cuts off whoever sends it", () => {
  const receiver = machineOf(9);
  const file = fileOf(LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  receiver.step({ type: "peer-up", peer: CARL });

  const effects = receiver.step({ type: "message", from: CARL, message: leafOf(file, id, 0) });

  assertEquals(effects.map(({ type }) => type), ["penalise"]);
});

Deno.test("a holder that stalls is left for another after 10 s, and asked again later", () => {
  const receiver = machineOf(9);
  const file = fileOf(2 * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  receiver.step({ type: "peer-up", peer: CARL });
  const have = { type: "have", file: id, leaves: null } as const;
  assertEquals(receiver.step({ type: "message", from: CARL, message: have }), []);

  const busy = { type: "lack", file: id, reason: "busy" } as const;
  receiver.step({ type: "message", from: CARL, message: busy }, STALL_MS - 1);
  receiver.step({ type: "tick" }, STALL_MS);
  receiver.step({ type: "peer-down", peer: CARL }, STALL_MS);
  const dora = signerOf(4).key;
  receiver.step({ type: "peer-up", peer: dora }, STALL_MS);
  const asked = sent(receiver.step({ type: "message", from: dora, message: have }, STALL_MS));
  assertEquals(asked, [{ to: dora, type: "request", file: id, first: 0, count: 2 }]);
  const later = sent(receiver.step({ type: "tick" }, STALL_MS + PAUSE_MS));
  assertEquals(later.filter(({ to }) => to === BOB), [{ to: BOB, type: "want", file: id }]);
});

Deno.test("credit is small at first, grows with each quick leaf, and ends at what a kill may cost", () => {
  const receiver = machineOf(9);
  const file = fileOf(100 * LEAF_BYTES);
  const { id, effects } = fetching(receiver, ANN, file, BOB);
  let asked = sent(effects).filter(({ type }) => type === "request");
  let outstanding = 0;
  let most = 0;
  const ask = () => {
    for (const each of asked) if (each.type === "request") outstanding += each.count;
    most = Math.max(most, outstanding);
  };
  ask();
  assertEquals(most, WINDOW_LEAVES);
  // Nothing is written: all that is asked for is at risk.
  for (let leaf = 0; outstanding > 0 && leaf < 100; leaf++) {
    const message = leafOf(file, id, leaf);
    asked = sent(receiver.step({ type: "message", from: BOB, message }));
    outstanding--;
    ask();
  }
  assertEquals(receiver.machine.held.leaves, AT_RISK_LEAVES_MIN);
});

Deno.test("a file of leaves that can't be trusted has each leaf that is there checked again", () => {
  const receiver = machineOf(9);
  const file = fileOf(3 * LEAF_BYTES);
  const { signed, id } = offerOf(ANN, file);
  const [begin] = only(
    receiver.step({ type: "restore", offer: signed, kind: "part", name: null }),
    "begin",
  );
  const lies = leavesText(nodeCrypto, id, new LeafSet(3)).replace(" 0 3 ", " 3 3 ");
  const { token } = begin!;
  const reads = only(
    receiver.step({ type: "begun", token, isThere: true, leaves: lies }),
    "read",
  );
  assertEquals(reads.map(({ leaf, offset, length }) => [leaf, offset, length]), [
    [0, 0, LEAF_BYTES],
    [1, LEAF_BYTES, LEAF_BYTES],
    [2, 2 * LEAF_BYTES, LEAF_BYTES],
  ]);
  const proof = (leaf: number) => file.tree.proof(leaf);
  receiver.step({ type: "read", token: reads[0]!.token, bytes: file.leaves[0]!, proof: proof(0) });
  receiver.step({ type: "read", token: reads[1]!.token, bytes: file.leaves[2]!, proof: proof(1) });
  const effects = receiver.step({ type: "disk-failed", token: reads[2]!.token, text: "no" });

  const there = new LeafSet(3);
  there.add(0);
  assertEquals(only(effects, "sync").map(({ leaves }) => leaves), [
    leavesText(nodeCrypto, id, there),
  ]);
  receiver.step({ type: "peer-up", peer: BOB });
  const have = { type: "have", file: id, leaves: null } as const;
  const asked = sent(receiver.step({ type: "message", from: BOB, message: have }));
  assertEquals(asked, [{ to: BOB, type: "request", file: id, first: 1, count: 2 }]);
});

Deno.test("a right file of leaves says which are checked: one that was altered since is fetched again", () => {
  const receiver = machineOf(9);
  const file = fileOf(4 * LEAF_BYTES);
  const { signed, id } = offerOf(ANN, file);
  const [begin] = only(
    receiver.step({ type: "restore", offer: signed, kind: "part", name: null }),
    "begin",
  );
  const there = new LeafSet(4);
  for (const leaf of [0, 2, 3]) there.add(leaf);
  const leaves = leavesText(nodeCrypto, id, there);
  const begun = { type: "begun", token: begin!.token, isThere: true, leaves } as const;
  const reads = only(receiver.step(begun), "read");
  assertEquals(reads.map(({ leaf }) => leaf), [0, 2, 3]);
  receiver.step({ type: "peer-up", peer: BOB });
  const kept = [file.leaves[0]!, new Uint8Array(LEAF_BYTES), file.leaves[3]!.subarray(0, 10)];
  const effects = reads.flatMap(({ token, leaf }, at) =>
    receiver.step({ type: "read", token, bytes: kept[at]!, proof: file.tree.proof(leaf) })
  );
  const [show] = only(receiver.step({ type: "tick" }, PROGRESS_MS), "show");
  assert(show?.event.event === "transfer" && show.event.state === "progress");
  assertEquals(show.event.bytes, LEAF_BYTES);

  const right = new LeafSet(4);
  right.add(0);
  assertEquals(only(effects, "sync").map(({ leaves }) => leaves), [
    leavesText(nodeCrypto, id, right),
  ]);
  const have = { type: "have", file: id, leaves: null } as const;
  const asked = sent(receiver.step({ type: "message", from: BOB, message: have }));
  assertEquals(asked, [{ to: BOB, type: "request", file: id, first: 1, count: 3 }]);
});

Deno.test("what is there as its file of leaves says is kept as it is; with all of it the file is done", () => {
  const receiver = machineOf(9);
  const file = fileOf(2 * LEAF_BYTES);
  const { signed, id } = offerOf(ANN, file);
  const [begin] = only(
    receiver.step({ type: "restore", offer: signed, kind: "part", name: null }),
    "begin",
  );
  const there = new LeafSet(2);
  for (const leaf of [0, 1]) there.add(leaf);
  const leaves = leavesText(nodeCrypto, id, there);
  const begun = { type: "begun", token: begin!.token, isThere: true, leaves } as const;

  const effects = only(receiver.step(begun), "read").flatMap(({ token, leaf }) =>
    receiver.step({ type: "read", token, bytes: file.leaves[leaf]!, proof: file.tree.proof(leaf) })
  );

  assertEquals(effects.map(({ type }) => type), ["finish"]);
});

Deno.test("a disk that refuses ends the transfer, and what is there is kept", () => {
  const receiver = machineOf(9);
  const file = fileOf(3 * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  const taken = receiver.step({ type: "message", from: BOB, message: leafOf(file, id, 0) });
  const { token } = only(taken, "write")[0]!;

  const effects = receiver.step({ type: "disk-failed", token, text: "no space left" });

  assertEquals(sent(effects), [{ to: BOB, type: "release", file: id }]);
  assertEquals(only(effects, "show").map(({ event }) => event), [
    {
      event: "transfer",
      file: 1,
      state: "failed",
      bytes: 0,
      reason: "disk",
      text: "no space left",
    },
  ]);
  assertEquals(only(effects, "discard"), []);
});

Deno.test("a file that nobody has any more fails after its time, not before", () => {
  const receiver = machineOf(9);
  fetching(receiver, ANN, fileOf(LEAF_BYTES), BOB);
  receiver.step({ type: "peer-down", peer: BOB });

  assertEquals(only(receiver.step({ type: "tick" }, NOBODY_MS - 1), "show"), []);
  const [show] = only(receiver.step({ type: "tick" }, NOBODY_MS), "show");
  assert(show?.event.event === "transfer" && show.event.reason === "no-holder");
});

Deno.test("who gave up a file that was changed meanwhile, and fetches it again, is told soon that it is no more", () => {
  const receiver = machineOf(9);
  const { id } = fetching(receiver, ANN, fileOf(LEAF_BYTES), ANN.key);
  const message = withdrawal(ANN, id, "changed");
  receiver.step({ type: "message", from: ANN.key, message });
  const command = (command: "cancel" | "get") =>
    receiver.step({ type: "command", command: { command, file: 1 }, ref: undefined });
  command("cancel");
  const [begin] = only(command("get"), "begin");
  receiver.step({ type: "begun", token: begin!.token, isThere: false, leaves: null });

  const shown = only(receiver.step({ type: "tick" }, GONE_MS), "show").map(({ event }) => event);

  assertEquals(shown, [
    { event: "transfer", file: 1, state: "failed", bytes: 0, reason: "changed" },
  ]);
});

Deno.test("progress is told twice a second", () => {
  const receiver = machineOf(9);
  const file = fileOf(4 * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  const told: number[] = [];
  for (let leaf = 0; leaf < 3; leaf++) {
    const nowMs = leaf * 100;
    const message = leafOf(file, id, leaf);
    const taken = receiver.step({ type: "message", from: BOB, message }, nowMs);
    for (const { event } of only(written(receiver, taken, nowMs), "show")) {
      if (event.event === "transfer") told.push(event.bytes);
    }
  }
  assertEquals(told, []);
  const [show] = only(receiver.step({ type: "tick" }, PROGRESS_MS), "show");
  assertEquals(show?.event, {
    event: "transfer",
    file: 1,
    state: "progress",
    bytes: 3 * LEAF_BYTES,
  });
});

Deno.test("cancelled by the receiver: its holders are told, and what is there is deleted", () => {
  const receiver = machineOf(9);
  const { id } = fetching(receiver, ANN, fileOf(3 * LEAF_BYTES), BOB);

  const effects = receiver.step({
    type: "command",
    command: { command: "cancel", file: 1 },
    ref: "c",
  });

  assertEquals(effects, [
    { type: "send", to: BOB, message: { type: "release", file: id } },
    { type: "discard", file: id },
    { type: "show", event: { event: "transfer", file: 1, state: "cancelled", bytes: 0 }, ref: "c" },
  ]);
});

Deno.test("declined by the receiver: nothing is sent, and it can be fetched later", () => {
  const receiver = machineOf(9);
  const file = fileOf(1);
  const { signed: offer } = offerOf(ANN, file);
  receiver.step({ type: "peer-up", peer: ANN.key });
  receiver.step({ type: "message", from: ANN.key, message: { type: "offer", offer } });
  const cancel = { command: "cancel", file: 1 } as const;
  const get = { command: "get", file: 1 } as const;

  const told = { state: "cancelled", bytes: 0, reason: "declined" } as const;
  for (const ref of ["first", "again"]) {
    assertEquals(receiver.step({ type: "command", command: cancel, ref }), [
      { type: "show", event: { event: "transfer", file: 1, ...told }, ref },
    ]);
  }
  receiver.step({ type: "command", command: get, ref: undefined });
  assertEquals(receiver.machine.list[0]!.state, "fetching");
});

Deno.test("what was asked for over one link may come over another one, but no more than that", () => {
  const receiver = machineOf(9);
  const file = fileOf(100 * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  receiver.step({ type: "peer-down", peer: BOB });
  receiver.step({ type: "peer-up", peer: BOB });
  const penalties = (leaf: number) =>
    only(
      receiver.step({ type: "message", from: BOB, message: leafOf(file, id, leaf) }),
      "penalise",
    );
  for (let leaf = 0; leaf < WINDOW_LEAVES; leaf++) assertEquals(penalties(leaf), []);
  assertEquals(penalties(WINDOW_LEAVES).map(({ peer }) => peer), [BOB]);
});
