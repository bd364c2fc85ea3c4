import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Hash } from "../../../../lib/base/ids.ts";
import { PassedPoints } from "../../../../lib/protocols/group/states/reporting.ts";

const point = (position: number) => ({ seq: position, position, digest: `${position}` as Hash });

/** @returns Positions of what is left. */
function passed(points: PassedPoints, ends: readonly number[], from = 0): readonly number[] {
  let before = from;
  for (const end of ends) {
    points.add({ position: before }, point(end));
    before = end;
  }
  return points.take().map(({ position }) => position);
}

const one = (from: number, through: number) =>
  Array.from({ length: through - from }, (_, index) => from + index + 1);

Deno.test("take() has all that passed, where that isn't much", () => {
  assertEquals(passed(new PassedPoints(4), [1, 5, 6, 40]), [1, 5, 6, 40]);
});

Deno.test("take() has the first ends behind multiples of 16, where more passed", () => {
  assertEquals(passed(new PassedPoints(4), one(0, 50)), [16, 32, 48]);
  assertEquals(passed(new PassedPoints(4), [10, 15, 20, 31, 33, 47, 49]), [20, 33, 49]);
});

Deno.test("take() begins anew with the finest stride", () => {
  const points = new PassedPoints(4);
  passed(points, one(0, 50));

  assertEquals(passed(points, [51, 52], 50), [51, 52]);
});

Deno.test("take() has few of a long log", () => {
  const left = passed(new PassedPoints(32), one(0, 100_000));

  assertEquals(left, one(0, 24).map((n) => n * 4_096));
});

Deno.test("two that pass the same ends in other portions have some in common", () => {
  const steps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 600, maxLength: 900 });
  const portion = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(steps, portion, portion, (lengths, mine, yours) => {
      let end = 0;
      const ends = lengths.map((length) => end += length);
      const taken = (size: number) => {
        const points = new PassedPoints(32);
        const found = new Set<number>();
        for (let at = 0; at < ends.length; at += size) {
          const part = passed(points, ends.slice(at, at + size), ends[at - 1] ?? 0);
          assert(part.length <= 32);
          for (const position of part) found.add(position);
        }
        return found;
      };
      const shared = taken(mine).intersection(taken(yours));
      // At least one for each 4,096 places that both have passed.
      assert(shared.size >= Math.floor(end / 4_096), `${shared.size} up to ${end}`);
    }),
    { numRuns: 50 },
  );
});
