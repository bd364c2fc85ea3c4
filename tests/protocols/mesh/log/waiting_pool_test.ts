/** Bundles that wait: for what, in whose share, and which of them wait for each other. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { wireBytes } from "../../../../lib/protocols/mesh/log/bundle.ts";
import {
  type Blocker,
  FLOOR,
  inRoomOrder,
  missingHead,
  type WaitingBundle,
  WaitingPool,
} from "../../../../lib/protocols/mesh/log/waiting_pool.ts";
import {
  WAITING_BUNDLES_MAX,
  WAITING_BYTES_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import {
  type Bundle,
  type Head,
  streamKey,
} from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, headOf, idOf } from "../order_members.ts";

const [ANN, BOB] = [fakeSigner("ann"), fakeSigner("bob")];
const [CEM, DAN] = [fakeSigner("cem").key, fakeSigner("dan").key];
const STREAM = { author: ANN.key, incarnation: 1 };

function onHead(head: Head): Blocker {
  const { author, incarnation, counter } = head;
  return { kind: "head", stream: { author, incarnation }, counter, head };
}

const PREVIOUS: Blocker = { kind: "previous", stream: STREAM, counter: 1 };

function waitingOf(
  bundle: Bundle,
  blocker: Blocker = PREVIOUS,
  from: PeerKey = CEM,
  also: readonly PeerKey[] = [],
): WaitingBundle {
  return {
    bundle,
    id: idOf(bundle),
    hop: 1,
    reason: "push",
    from,
    arrivedMs: 0,
    sinceMs: 0,
    also: [...also],
    blocker,
    askAtMs: 0,
    asked: 0,
    waived: new Set(),
    heldMs: -Infinity,
    isOrphan: false,
  };
}

Deno.test("WaitingPool: a bundle is found by its id, its stream, its counters and what it waits for", () => {
  const pool = new WaitingPool();
  const waiting = waitingOf(forged(ANN, ["a", "b"], { counter: 4 }));
  pool.add(waiting);
  assertEquals([3, 4, 5, 6].map((counter) => pool.has(STREAM, counter)), [
    false,
    true,
    true,
    false,
  ]);
  assertEquals([pool.upTo(STREAM, 3), pool.upTo(STREAM, 4)], [null, "parents"]);
  assertEquals(pool.blockedOn(streamKey(STREAM)), [waiting]);

  waiting.isOrphan = true;
  pool.block(waiting, { kind: "floor" });
  assertEquals([pool.blockedOn(streamKey(STREAM)), pool.blockedOn(FLOOR)], [[], [waiting]]);
  assertEquals([waiting.isOrphan, pool.upTo(STREAM, 4)], [false, "floor"]);

  pool.remove(waiting);
  assertEquals([pool.size, pool.get(waiting.id), [...pool.ofStream(STREAM)]], [0, undefined, []]);
  assertEquals(pool.blockedOn(FLOOR), []);
});

Deno.test("WaitingPool: each link has a share, by bundles and by bytes", () => {
  const pool = new WaitingPool();
  const small = forged(ANN, "next", { counter: 9_999 });
  for (let n = 0; n < WAITING_BUNDLES_MAX; n++) {
    pool.add(waitingOf(forged(ANN, `${n}`, { counter: 2 + n })));
  }
  assertEquals([pool.hasRoom(CEM, small), pool.hasRoom(DAN, small)], [false, true]);

  const bytes = new WaitingPool();
  const large = (counter: number) =>
    waitingOf(forged(ANN, "x".repeat(60_000), { counter }), PREVIOUS, DAN);
  let counter = 2;
  for (; bytes.hasRoom(DAN, large(counter).bundle); counter++) bytes.add(large(counter));
  assertEquals(bytes.size, Math.floor(WAITING_BYTES_MAX / wireBytes(large(2).bundle)));
  assertEquals([bytes.hasRoom(DAN, small), bytes.hasRoom(CEM, large(counter).bundle)], [
    true,
    true,
  ]);
  const [first] = bytes.ofStream(STREAM);
  for (let n = 0; n < 2; n++) bytes.remove(first!);
  bytes.add(large(counter));
  assertEquals(bytes.hasRoom(DAN, large(counter).bundle), false);
});

Deno.test("WaitingPool: what a link brought that is gone stays where another brought it too, and has room", () => {
  const pool = new WaitingPool();
  const alone = waitingOf(forged(ANN, "alone", { counter: 2 }));
  const both = waitingOf(forged(ANN, "both", { counter: 3 }), PREVIOUS, CEM, [DAN]);
  const others = waitingOf(forged(ANN, "others'", { counter: 4 }), PREVIOUS, DAN, [CEM]);
  for (const waiting of [alone, both, others]) pool.add(waiting);
  assertEquals(pool.linkDown(CEM), [alone]);
  assertEquals([both.from, both.also, others.also], [DAN, [], []]);
  assertEquals([pool.linkDown(DAN), pool.size], [[others, both], 0]);
});

Deno.test("WaitingPool: those that wait for what is given up are orphans; all that follow it are counted", () => {
  const pool = new WaitingPool();
  const first = forged(ANN, "first", { counter: 2 });
  const answers = [1, 2].map((n) => {
    const head = n === 1 ? headOf(first) : headOf(forged(ANN, "second", { counter: 3 }));
    return waitingOf(forged(BOB, ["a", "b"], { counter: n, heads: [head] }), onHead(head));
  });
  const [one, two] = answers as [WaitingBundle, WaitingBundle];
  const third = waitingOf(forged(BOB, "c", { counter: 3 }), {
    kind: "previous",
    stream: { author: BOB.key, incarnation: 1 },
    counter: 2,
  });
  for (const waiting of [one, two, third]) pool.add(waiting);
  assertEquals(pool.messagesAfter(first), 5);
  assertEquals(pool.messagesAfter(forged(ANN, "later", { counter: 4 })), 0);
  pool.orphan(waitingOf(first));
  assertEquals([one, two, third].map(({ isOrphan }) => isOrphan), [true, true, false]);
});

Deno.test("WaitingPool: what waits for one that is held is held, until that waits for something else", () => {
  const pool = new WaitingPool();
  const first = waitingOf(forged(ANN, "first", { counter: 2 }));
  const head = headOf(first.bundle);
  const answer = waitingOf(forged(BOB, "answer", { counter: 2, heads: [head] }), onHead(head));
  for (const waiting of [answer, first]) pool.add(waiting);
  const held = () => [answer, first].map((waiting) => pool.heldMs(waiting));
  assertEquals(held(), [-Infinity, -Infinity]);
  first.heldMs = 1;
  assertEquals(held(), [1, 1]);
  pool.block(first, PREVIOUS);
  assertEquals(held(), [-Infinity, -Infinity]);
});

Deno.test("WaitingPool: a head can't exist whose place another bundle has, or that waits for who names it", () => {
  const pool = new WaitingPool();
  const real = forged(ANN, "real", { counter: 2 });
  const answer = forged(BOB, "answer", { heads: [headOf(real)] });
  const waiting = waitingOf(answer, onHead(headOf(real)));
  pool.add(waiting);
  const isRefuted = (head: Head) =>
    pool.isRefuted(waiting, onHead(head) as Extract<Blocker, { kind: "head" }>);
  assertEquals(isRefuted(headOf(real)), false);

  pool.add(waitingOf(forged(ANN, "another", { counter: 2 })));
  assertEquals(isRefuted(headOf(real)), true);

  // Ann's first bundle names Bob's answer: so it can't come before anything that the answer names.
  const circle = new WaitingPool();
  const early = forged(ANN, "early", { heads: [headOf(answer)] });
  circle.add(waiting);
  circle.add(waitingOf(early, onHead(headOf(answer))));
  const claimed = { ...headOf(real), counter: 2 };
  assertEquals(
    circle.isRefuted(waiting, onHead(claimed) as Extract<Blocker, { kind: "head" }>),
    true,
  );
});

Deno.test("missingHead(): the first that is neither here nor waived, from the one on that was waited for", () => {
  const heads = [1, 2, 3].map((counter) => headOf(forged(ANN, `${counter}`, { counter })));
  const header = forged(BOB, "answer", { heads }).header.value;
  const counterOf = (
    waiting: Pick<WaitingBundle, "blocker" | "waived"> | null,
    ...here: readonly number[]
  ) => missingHead(header, waiting, ({ counter }) => here.includes(counter))?.counter ?? null;
  const from = (index: number, ...waived: readonly number[]) => ({
    blocker: onHead(header.heads[index]!),
    waived: new Set(waived.map((at) => header.heads[at]!)),
  });
  assertEquals([counterOf(null), counterOf(null, 1), counterOf(null, 1, 2, 3)], [1, 2, null]);
  assertEquals([counterOf(from(1)), counterOf(from(1, 1)), counterOf(from(2, 2))], [2, 3, null]);
});

Deno.test("inRoomOrder(): by room time", () => {
  const all = [30, 10, 20].map((time) => waitingOf(forged(ANN, `${time}`, { time })));
  assertEquals(inRoomOrder(all).map(({ bundle }) => bundle.header.value.time), [10, 20, 30]);
});
