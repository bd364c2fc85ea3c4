/** What a slow holder was asked for is asked of a second one where there is nothing else to ask for. */

import { assertEquals } from "@std/assert";
import { Holders } from "../../../lib/protocols/transfer/holders.ts";
import { LeafSet } from "../../../lib/protocols/transfer/leaf_set.ts";
import {
  ASKED_AGAIN_MAX,
  HOLDERS_MAX,
  LEAF_BYTES,
  LEAF_MS_SLOW,
  STALL_MS,
  WINDOW_LEAVES,
} from "../../../lib/protocols/transfer/limits.ts";
import { fetching, fileOf, leafOf, machineOf, only, sent, signerOf } from "./fixtures.ts";

const ANN = signerOf(1);
const BOB = signerOf(2).key;
const CARL = signerOf(3).key;

/** Bob was asked for all four leaves; Carl has them, too, and comes at this time. */
function withCarl(nowMs: number) {
  const receiver = machineOf(9);
  const file = fileOf(WINDOW_LEAVES * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  const { step } = receiver;
  step({ type: "peer-up", peer: CARL }, nowMs);
  const message = { type: "have", file: id, leaves: null } as const;
  const requests = sent(step({ type: "message", from: CARL, message }, nowMs));
  const leaf = (from: typeof BOB, leaf: number, nowMs: number) =>
    step({ type: "message", from, message: leafOf(file, id, leaf) }, nowMs);
  return { receiver, id, requests, leaf };
}

Deno.test("who has room waits for a slow holder a second, and is then asked for the same", () => {
  const { receiver, id, requests } = withCarl(10);
  assertEquals(requests, []);

  assertEquals(sent(receiver.step({ type: "tick" }, LEAF_MS_SLOW - 1)), []);
  const dueMs = receiver.machine.nextDeadlineMs()!;
  const asked = sent(receiver.step({ type: "tick" }, dueMs)).filter(({ type }) =>
    type === "request"
  );

  assertEquals(dueMs <= 2 * LEAF_MS_SLOW, true);
  const one = { to: CARL, type: "request", file: id, count: 1 } as const;
  assertEquals(asked, [0, 1, 2, 3].map((first) => ({ ...one, first })));
  const later = sent(receiver.step({ type: "tick" }, STALL_MS - 1));
  assertEquals(later.filter(({ type }) => type === "request"), [], "never of a third, or again");
});

Deno.test("the first of the two counts, and the other one is told that nothing more is wanted", () => {
  const { id, leaf, requests } = withCarl(2 * LEAF_MS_SLOW);
  assertEquals(requests.length, WINDOW_LEAVES);

  const taken = [0, 1, 2, 3].flatMap((at) => leaf(CARL, at, 2_500));
  assertEquals(only(taken, "write").length, WINDOW_LEAVES);
  assertEquals(sent(taken), [{ to: BOB, type: "release", file: id }]);
  assertEquals(leaf(BOB, 0, 2_600), [], "it had credit for it");
});

Deno.test("where the second fails, the first is still expected to send it", () => {
  const { receiver, leaf } = withCarl(2 * LEAF_MS_SLOW);
  receiver.step({ type: "peer-down", peer: CARL }, 2_500);

  const taken = leaf(BOB, 2, 2_600);

  assertEquals(only(taken, "write").map(({ leaf }) => leaf), [2]);
});

Deno.test("where the first fails, the second is still expected to send it, and isn't asked again", () => {
  const { receiver, leaf } = withCarl(2 * LEAF_MS_SLOW);
  const gone = sent(receiver.step({ type: "peer-down", peer: BOB }, 2_500));
  assertEquals(gone, []);

  assertEquals(only(leaf(CARL, 2, 2_600), "write").map(({ leaf }) => leaf), [2]);
});

Deno.test("only so many are asked twice", () => {
  const receiver = machineOf(9);
  const file = fileOf(6 * WINDOW_LEAVES * LEAF_BYTES);
  const { id } = fetching(receiver, ANN, file, BOB);
  const have = { type: "have", file: id, leaves: null } as const;
  const others = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((seed) => signerOf(seed + 10).key);
  const asked: (readonly [number, number])[] = [];
  const note = (nowMs: number, effects: ReturnType<typeof receiver.step>) => {
    for (const message of sent(effects)) {
      if (message.type === "request") asked.push([nowMs, message.count]);
    }
  };
  for (const [at, peer] of others.entries()) {
    receiver.step({ type: "peer-up", peer });
    note(
      at < 3 ? 0 : 5_000,
      receiver.step({ type: "message", from: peer, message: have }, at < 3 ? 0 : 5_000),
    );
  }
  note(6_000, receiver.step({ type: "tick" }, 6_000));

  const twice = asked.filter(([nowMs]) => nowMs > 0).reduce((sum, [, count]) => sum + count, 0);
  assertEquals(twice, ASKED_AGAIN_MAX);
});

Deno.test("those who have nothing keep nobody out who has the file", () => {
  const holders = new Holders();
  const done = new LeafSet(8);
  for (let at = 0; at < HOLDERS_MAX; at++) holders.add(signerOf(10 + at).key, new LeafSet(8), 0);
  const runs = () => holders.nextRuns(done, () => false, 0, 64, 0).map(({ peer }) => peer);
  assertEquals(runs(), []);
  holders.add(BOB, null, 0);
  assertEquals(runs(), [BOB]);
});

Deno.test("who has nothing to ask for is looked through once, until a leaf is to be asked of another one", () => {
  const holders = new Holders();
  const leaves = 1_000;
  const done = new LeafSet(leaves);
  let looked = 0;
  const isHere = () => {
    looked++;
    return false;
  };
  const runs = () => {
    looked = 0;
    return holders.nextRuns(done, isHere, 0, 64, 0).map(({ peer, first }) => [peer, first]);
  };
  holders.add(BOB, LeafSet.of(leaves, new Uint8Array(leaves / 8)), 0);
  assertEquals([runs(), looked], [[], leaves]);
  assertEquals([runs(), looked], [[], 0]);

  const first = new LeafSet(leaves);
  first.add(0);
  holders.add(CARL, first, 0);
  assertEquals(runs(), [[CARL, 0]]);
  holders.add(BOB, first, 0);
  assertEquals(runs(), [], "Carl was asked for it");
  holders.remove(CARL);
  assertEquals(runs(), [[BOB, 0]]);
});
