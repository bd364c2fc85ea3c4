/** What the others ask of the order, with what waits beside what was delivered. */

import { assertEquals } from "@std/assert";
import { Authoring } from "../../../../lib/protocols/mesh/log/authoring.ts";
import { CausalFloor } from "../../../../lib/protocols/mesh/log/causal_floor.ts";
import { Ledger } from "../../../../lib/protocols/mesh/log/ledger.ts";
import { OrderView } from "../../../../lib/protocols/mesh/log/order_view.ts";
import { type Blocker, WaitingPool } from "../../../../lib/protocols/mesh/log/waiting_pool.ts";
import {
  MISSING_MESSAGES_MANY,
  SYNC_ENTRIES_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { claimIdOf, forged, GENESIS_TIME, headOf, idOf, ROOM, WALL_MS } from "../order_members.ts";

const [ME, ANN, BOB] = [fakeSigner("me"), fakeSigner("ann"), fakeSigner("bob")];

function viewOf(...delivered: readonly Bundle[]) {
  const own = { author: ME.key, incarnation: 1 };
  const ledger = new Ledger(fakeCrypto, () => WALL_MS, own);
  const pool = new WaitingPool();
  const claim = claimIdOf(ME.key);
  const config = { room: ROOM, genesisTime: GENESIS_TIME, incarnation: 1, claim };
  const authoring = new Authoring(config, fakeCrypto, ME, () => WALL_MS);
  const causalFloor = new CausalFloor();
  for (const bundle of delivered) ledger.deliver(bundle, idOf(bundle));
  const waits = (bundle: Bundle, blocker: Blocker) =>
    pool.add({
      bundle,
      id: idOf(bundle),
      hop: 1,
      reason: "push",
      from: BOB.key,
      arrivedMs: 0,
      sinceMs: 0,
      also: [],
      blocker,
      askAtMs: 0,
      asked: 0,
      waived: new Set(),
      heldMs: -Infinity,
      isOrphan: false,
    });
  return { view: new OrderView(ledger, pool, authoring, causalFloor), waits, causalFloor };
}

const streamOf = ({ key }: typeof ANN) => ({ author: key, incarnation: 1 });
const previous = (of: typeof ANN, counter: number): Blocker => ({
  kind: "previous",
  stream: streamOf(of),
  counter,
});

Deno.test("OrderView: what was delivered or waits is here, and no other", () => {
  const { view, waits } = viewOf(forged(ANN, ["a", "b"]));
  waits(forged(ANN, "d", { counter: 4 }), previous(ANN, 3));
  const has = [1, 2, 3, 4, 5].map((counter) => view.has(streamOf(ANN), counter));
  assertEquals(has, [true, true, false, true, false]);
  assertEquals([view.frontier(streamOf(ANN)).counter, view.frontier(streamOf(BOB))], [
    2,
    { counter: 0, id: null },
  ]);
});

Deno.test("OrderView: we are as far as the latest word of others, unless much is missing before it", () => {
  const first = forged(ANN, "1", { time: 2_000 });
  const word = forged(BOB, "later", { time: 3_000 });
  const { view, waits } = viewOf(first, word, forged(ME, "own", { time: 4_000 }));
  const few = MISSING_MESSAGES_MANY;
  waits(forged(ANN, "few", { counter: few + 1 }), previous(ANN, few));
  assertEquals(view.latest(), 3_000);
  waits(forged(BOB, "no more than a claim", { counter: 9 }), {
    kind: "claim",
    claim: claimIdOf(BOB.key),
  });
  waits(forged(ANN, "many", { counter: few + 2 }), previous(ANN, few + 1));
  assertEquals(view.latest(), 2_000);
  assertEquals([few, few + 1].map((goal) => view.reached(streamOf(ANN), goal)), [Infinity, 2_000]);
  assertEquals(view.reached({ author: BOB.key, incarnation: 99 }, 1_000), Infinity);
});

Deno.test("OrderView: it asks for all streams that what waits names and that aren't here, a bounded number", () => {
  const known = forged(ANN, "1");
  const unknown = Array.from({ length: 3 }, (_, n) => forged(fakeSigner(`u${n}`), "x"));
  const heads = [...unknown, known].map(headOf);
  const { view, waits } = viewOf(known);
  assertEquals(view.gaps(), []);
  const { author, incarnation, counter } = heads[1]!;
  const blocker = {
    kind: "head",
    stream: { author, incarnation },
    counter,
    head: heads[1]!,
  } as const;
  waits(forged(BOB, "answer", { heads }), blocker);
  const asked = view.gaps().map((entry) => entry.author);
  // The one that it waits for, and those after it: it has waited for those before.
  assertEquals(asked, [heads[1]!.author, heads[2]!.author]);

  for (let n = 0; n < SYNC_ENTRIES_MAX; n++) {
    const named = [0, 1].map((m) => headOf(forged(fakeSigner(`v${n} ${m}`), "x")));
    const [head] = named as [typeof named[0] & object];
    const stream = { author: head.author, incarnation: 1 };
    const waiting = forged(fakeSigner(`w${n}`), "answer", { heads: named });
    waits(waiting, { kind: "head", stream, counter: 1, head: waiting.header.value.heads[0]! });
  }
  assertEquals(view.gaps().length, SYNC_ENTRIES_MAX + 1);
});

Deno.test("OrderView: nothing below what was let go of, or gone on without, is to come", () => {
  const { view, causalFloor } = viewOf(forged(ANN, "1", { time: 2_000 }));
  assertEquals([view.floorTime(), view.isHere(2_000), view.isHere(1_999)], [0, true, false]);
  causalFloor.raise(1_500);
  assertEquals([view.floorTime(), view.isHere(1_500)], [1_500, false]);
});
