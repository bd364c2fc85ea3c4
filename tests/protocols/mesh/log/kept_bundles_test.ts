import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { BundleId } from "../../../../lib/base/ids.ts";
import { KeptBundles } from "../../../../lib/protocols/mesh/log/kept_bundles.ts";
import type { KeptBundle } from "../../../../lib/protocols/mesh/log/order_io.ts";

/** Only its place and its size matter here. */
function entry(time: number, bytes = 10, messages = 1): KeptBundle {
  const id = `${time}`.padStart(64, "0") as BundleId;
  return { time, id, messages, bytes, bundle: {} as KeptBundle["bundle"], follows: 0 };
}

function times(kept: KeptBundles): readonly number[] {
  return [...kept.entries()].map(({ time }) => time);
}

Deno.test("KeptBundles lets the oldest go as soon as the newer ones fill it", () => {
  const kept = new KeptBundles(2);

  const evicted = [5, 1, 7, 6].map((time) => kept.add(entry(time))?.map(({ time }) => time));

  assertEquals(evicted, [[], [], [1], [5]]);
  assertEquals(times(kept), [6, 7]);
  assertEquals(kept.floor?.time, 5);
});

Deno.test("KeptBundles takes nothing in below its floor, though it would fit", () => {
  const kept = new KeptBundles(10, 100);
  kept.add(entry(1, 60));
  kept.add(entry(2, 60));

  assertEquals(kept.add(entry(0, 5)), null);
  assertEquals(times(kept), [2]);
});

Deno.test("KeptBundles counts a bundle of kind heads by its bytes alone", () => {
  const kept = new KeptBundles(1, 100);
  for (const time of [1, 2, 3]) kept.add(entry(time, 10, 0));
  kept.add(entry(4));

  assertEquals(times(kept), [4]);
  kept.add(entry(5, 10, 0));
  assertEquals([times(kept), kept.messages], [[4, 5], 1]);
});

Deno.test("KeptBundles keeps the same whatever the order in which bundles come", () => {
  const sizes = fc.array(
    fc.record({ bytes: fc.integer({ min: 1, max: 60 }), messages: fc.nat(4) }),
    { minLength: 1, maxLength: 30 },
  );
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(1_000), { minLength: 30, maxLength: 30 }), (all, keys) => {
      const entries = all.map(({ bytes, messages }, time) => entry(time, bytes, messages));
      const shuffled = entries.map((one, index) => ({ one, key: keys[index]! }))
        .sort((a, b) => a.key - b.key).map(({ one }) => one);
      const [first, second] = [new KeptBundles(8, 120), new KeptBundles(8, 120)];
      for (const one of entries) first.add(one);
      for (const one of shuffled) second.add(one);

      assertEquals(times(second), times(first));
      let position: KeptBundle | null = null;
      for (const time of times(first)) {
        position = first.next(position);
        assertEquals(position?.time, time);
      }
      assertEquals(first.next(position), null);
    }),
    { numRuns: 50 },
  );
});

Deno.test("KeptBundles begins later where an excluded bundle was kept, until as many newer ones come", () => {
  const [honest, misled] = [new KeptBundles(3), new KeptBundles(3)];
  const excluded = entry(4);
  for (const time of [1, 2, 3]) for (const kept of [honest, misled]) kept.add(entry(time));
  misled.add(excluded);
  misled.remove(excluded);
  assertEquals([times(honest), times(misled)], [[1, 2, 3], [2, 3]]);

  for (const kept of [honest, misled]) kept.add(entry(5));
  assertEquals([times(honest), times(misled)], [[2, 3, 5], [2, 3, 5]]);
});

Deno.test("KeptBundles.isTooOldBefore() counts what comes later, whatever has come and gone", () => {
  const steps = fc.array(
    fc.record({ time: fc.nat(40), messages: fc.nat(3), gone: fc.boolean(), coming: fc.nat(9) }),
    { maxLength: 40 },
  );
  fc.assert(fc.property(steps, (all) => {
    const kept = new KeptBundles(8);
    for (const { time, messages, gone, coming } of all) {
      const [found] = [...kept.entries()].filter((one) => one.time === time);
      if (gone && found !== undefined) kept.remove(found);
      else if (found === undefined) kept.add(entry(time, 10, messages));
      for (let at = 0; at < 40; at++) {
        const later = [...kept.entries()].filter((one) => one.time > at)
          .reduce((sum, { messages }) => sum + messages, 0);
        assertEquals(kept.isTooOldBefore(entry(at), coming), later + coming >= 8);
      }
    }
  }));
});

Deno.test("KeptBundles.isTooOldBefore() counts once for all that is asked at one time", () => {
  const length = 1_000;
  const kept = new KeptBundles(length);
  let reads = 0;
  for (let time = 0; time < length; time++) {
    const { messages, ...one } = entry(time);
    kept.add({
      ...one,
      get messages() {
        reads++;
        return messages;
      },
    });
  }
  reads = 0;

  const tooOld = Array.from({ length }, (_, time) => kept.isTooOldBefore(entry(time), 1));

  assertEquals(tooOld.filter((each) => each).length, 1);
  assertEquals(reads, length);
});
