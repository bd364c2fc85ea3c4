import fc from "fast-check";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { BundleId, PeerKey } from "../../../../lib/base/ids.ts";
import {
  bucketOf,
  FrontierTable,
  ID_UNKNOWN,
  keep,
  lastToBeHad,
  letGo,
  letGoFrom,
  letGoThrough,
  syncEntry,
} from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { INCARNATIONS_PER_AUTHOR_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { SyncEntry } from "../../../../lib/protocols/mesh/schema/messages.ts";
import type { KeptBundle } from "../../../../lib/protocols/mesh/log/order_io.ts";
import type { MeshRecord } from "../../../../lib/protocols/mesh/schema/records.ts";
import { cpuMs } from "../../../cpu_time.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, GENESIS_TIME, Member } from "../order_members.ts";

const ID = "ab".repeat(32) as BundleId;

function key(n: number): PeerKey {
  return fakeSigner(n).key;
}

/** @param keptFloor The room time below which nothing is kept. */
function table(authorsMax?: number, keptFloor = Infinity) {
  const dropped: string[] = [];
  const made = new FrontierTable(
    fakeCrypto,
    ({ author, incarnation }) => dropped.push(`${author}/${incarnation}`),
    () => keptFloor,
    authorsMax,
  );
  return { made, dropped };
}

/** Of which only this is looked at. */
function kept(counter: number, time: number): KeptBundle {
  const bundle = { header: { value: { counter, count: 1 } } };
  return { time, id: ID, bundle } as KeptBundle;
}

function deliver(
  made: FrontierTable,
  author: PeerKey,
  counter: number,
  time: number,
  isKept = true,
  incarnation = 1,
) {
  const state = made.open({ author, incarnation });
  state.counter = counter;
  state.id = ID;
  if (isKept) keep(state, kept(counter, time));
  made.changed(state, time);
  return state;
}

Deno.test("FrontierTable: hashes depend on what is there, not on how it came to be", () => {
  const [one, two] = [table().made, table().made];
  for (let n = 0; n < 50; n++) deliver(one, key(n), n + 1, n);
  const between = one.root();
  for (let n = 49; n >= 0; n--) {
    two.root();
    deliver(two, key(n), n + 1, n);
  }

  assertEquals(two.root(), between);
  deliver(two, key(7), 9, 60);
  assertNotEquals(two.root(), between);
  const differing = Array.from({ length: 256 }, (_, n) => n)
    .filter((bucket) => one.bucketHash(bucket) !== two.bucketHash(bucket));
  assertEquals(differing, [bucketOf(key(7))]);
});

Deno.test("FrontierTable forgets incarnations of which nothing is kept any more, whoever speaks meanwhile", () => {
  const { made, dropped } = table();
  const states = Array.from({ length: 3 * INCARNATIONS_PER_AUTHOR_MAX }, (_, n) => {
    const state = made.open({ author: key(0), incarnation: n + 1 });
    state.counter = 1;
    state.kept.push(kept(1, n));
    made.changed(state, n);
    return state;
  });
  for (const state of states.slice(0, -1)) {
    state.kept.length = 0;
    made.changed(state, 0);
  }

  const gone = states.slice(0, -INCARNATIONS_PER_AUTHOR_MAX - 1);
  assertEquals(dropped, gone.map(({ author, incarnation }) => `${author}/${incarnation}`));
});

Deno.test("FrontierTable evicts the authors that were silent for longest, and leaves a floor in time", () => {
  const { made, dropped } = table(32);
  deliver(made, key(0), 1, 5);
  for (let n = 1; n < 32; n++) deliver(made, key(n), 1, 100 + n, false);
  deliver(made, key(99), 1, 1_000);

  const gone = [key(1), key(2)].map((author) => ({ author, incarnation: 1 }));
  assertEquals(dropped, gone.map(({ author }) => `${author}/1`));
  assertEquals(made.authorsTime, 102);
  assert(made.find({ author: key(0), incarnation: 1 }) !== undefined, "kept ones stay");
  assertEquals(gone.map((stream) => made.mayBeForgotten(stream, 102)), [true, true]);
  assertEquals(gone.map((stream) => made.mayBeForgotten(stream, 103)), [false, false]);
});

Deno.test("FrontierTable refuses nobody above what is kept for authors that it evicts", () => {
  const { made, dropped } = table(32, 50);
  for (let n = 0; n <= 32; n++) deliver(made, key(n), 1, 100 + n, false);

  assertEquals([dropped.length, made.authorsTime], [2, 50]);
});

Deno.test("FrontierTable refuses what an evicted author said before, also when that one has spoken again", () => {
  const { made } = table(32);
  for (let n = 0; n <= 32; n++) deliver(made, key(n), 1, 100 + n, false);
  const before = { author: key(0), incarnation: 1 };
  const again = made.open({ ...before, incarnation: 2 });

  assertEquals([100, made.authorsTime + 1].map((time) => made.mayBeForgotten(before, time)), [
    true,
    false,
  ]);
  assertEquals(made.mayBeForgotten(again, 100), false);
});

Deno.test("FrontierTable forgets an author's oldest incarnation of which nothing is kept", () => {
  const { made, dropped } = table();
  const last = INCARNATIONS_PER_AUTHOR_MAX + 2;
  for (let incarnation = 1; incarnation <= last; incarnation++) {
    deliver(made, key(0), 3, incarnation, incarnation === 1, incarnation);
  }
  const forgotten = { author: key(0), incarnation: 2 };

  assertEquals(dropped, [`${key(0)}/2`]);
  assertEquals(made.hasPlaceFor(forgotten, 2), false);
  assertEquals(made.mayBeForgotten(forgotten, 2), true);
  deliver(made, key(0), 4, last + 1, true, last);
  assertEquals(
    made.mayBeForgotten(forgotten, 2),
    true,
    "when something of a later one is kept again",
  );
});

Deno.test("FrontierTable forgets no incarnation for others of which something is kept, however many", () => {
  const { made, dropped } = table();
  const skipped = deliver(made, key(0), 3, 0, false, 2);
  for (let start = 0; start <= INCARNATIONS_PER_AUTHOR_MAX; start++) {
    deliver(made, key(0), 1, start, true, start === 0 ? 1 : start + 2);
  }

  assertEquals(dropped, []);
  assertEquals(made.find(skipped)?.counter, 3);
});

Deno.test("FrontierTable finds each of an author's incarnations, in whatever order they began", () => {
  const { made } = table();
  for (const incarnation of [5, 3, 9, 1, 7]) made.open({ author: key(0), incarnation });
  const find = (incarnation: number) => made.find({ author: key(0), incarnation })?.incarnation;

  assertEquals([1, 3, 5, 7, 9].map(find), [1, 3, 5, 7, 9]);
  assertEquals([0, 2, 4, 6, 8, 10].map(find), Array(6).fill(undefined));
  assertEquals([...made.states()].map(({ incarnation }) => incarnation), [1, 3, 5, 7, 9]);
});

Deno.test("FrontierTable finds the streams of one author as fast as those of as many authors", () => {
  const streams = Array.from({ length: 4_000 }, (_, n) => n);
  const [one, many] = [table().made, table().made];
  for (const n of streams) {
    one.open({ author: key(0), incarnation: n }).kept.push(kept(1, n));
    many.open({ author: key(n), incarnation: 1 });
  }
  const keys = streams.map(key);
  const msOf = (find: (n: number) => unknown) =>
    cpuMs(() => {
      for (let time = 0; time < 10; time++) for (const n of streams) find(n);
    });

  const manyMs = msOf((n) => many.find({ author: keys[n]!, incarnation: 1 }));
  const oneMs = msOf((n) => one.find({ author: keys[0]!, incarnation: n }));
  assert(oneMs < 5 * manyMs + 100, `${oneMs} ms, ${manyMs} ms for many authors`);
});

Deno.test("syncEntry() names as low the first counter that can be had", () => {
  const { made } = table();
  const partly = deliver(made, key(1), 7, 10, false);
  for (const counter of [1, 2, 5, 6, 7]) keep(partly, kept(counter, 10));
  const nothing = deliver(made, key(2), 7, 10, false);

  assertEquals([syncEntry(partly), syncEntry(nothing)].map(toBeHad), [[5, 7], [8, 0]]);
});

Deno.test("keptFrom is where the last run begins, in whatever order bundles come and go", () => {
  const counters = fc.integer({ min: 1, max: 12 });
  const steps = fc.array(fc.tuple(fc.constantFrom("keep", "let go", "let go from"), counters));
  fc.assert(fc.property(steps, (steps) => {
    const state = table().made.open({ author: key(1), incarnation: 1 });
    for (const [step, counter] of steps) {
      const isAt = (entry: KeptBundle) => entry.bundle.header.value.counter === counter;
      const entry = state.kept.find(isAt);
      if (step === "let go from") letGoFrom(state, counter);
      else if (step === "let go" && entry !== undefined) letGo(state, entry);
      else if (step === "keep" && entry === undefined) keep(state, kept(counter, 1));

      const has = state.kept.map(({ bundle }) => bundle.header.value.counter);
      assertEquals(has, has.toSorted((one, other) => one - other));
      if (has.length === 0) continue;
      let from = has.at(-1)!;
      while (has.includes(from - 1)) from--;
      assertEquals(state.keptFrom, from);
    }
  }));
});

Deno.test("syncEntry() names what is kept before an end that isn't", () => {
  const { made } = table();
  const state = deliver(made, key(1), 9, 10, false);
  for (const counter of [1, 2, 4, 5, 6]) keep(state, kept(counter, counter));
  const entry = syncEntry(state);
  const from = [3, 4, 6, 7, 9, 10].map((counter) => letGoThrough(entry, counter));

  assertEquals(toBeHad(entry), [4, 6]);
  assertEquals(from, [3, 0, 0, 9, 9, 0]);
});

Deno.test("syncEntry() costs as much however many are kept before an end that isn't", () => {
  const [many, few] = [10_000, 10].map((length) => {
    const state = deliver(table().made, key(1), 20_000, 10, false);
    for (let counter = 1; counter <= length; counter++) keep(state, kept(counter, counter));
    return cpuMs(() => {
      for (let time = 0; time < 20_000; time++) syncEntry(state);
    });
  });
  assert(many! < 10 * few! + 100, `${many} ms, ${few} ms where few are kept`);
});

function toBeHad(entry: SyncEntry): readonly number[] {
  return [entry.low, lastToBeHad(entry)];
}

/** Of a disk: authors were evicted that had spoken until then. */
const EVICTED: MeshRecord = {
  kind: "floor",
  time: 0,
  id: ID_UNKNOWN,
  authorsTime: GENESIS_TIME + 10,
  heads: [],
};

Deno.test("Order refuses unknown authors from before the floor that evicted ones left", () => {
  const [ann, bob] = [new Member("ann", { records: [EVICTED] }), new Member("bob")];
  const old = forged(fakeSigner("old"), "old", { time: GENESIS_TIME + 10 });
  const late = forged(fakeSigner("late"), "late", { time: GENESIS_TIME + 11 });

  const effects = [old, late].map((bundle) => ann.receive(bob, bundle).at(-1)?.type);

  assertEquals(effects, ["duplicate", "delivered"]);
});

Deno.test("Order shows nothing again of an author who was forgotten, and has started again since", () => {
  const [ann, carl] = [new Member("ann", { records: [EVICTED] }), new Member("carl")];
  const bob = fakeSigner("bob");
  const before = forged(bob, "before", { time: GENESIS_TIME + 10 });
  const again = forged(bob, "again", { incarnation: 2, time: GENESIS_TIME + 11 });
  const next = forged(bob, "next", { incarnation: 3, time: GENESIS_TIME + 12 });

  for (const bundle of [again, before, next]) ann.receive(carl, bundle);

  assertEquals(ann.shown, ["again", "next"]);
});
