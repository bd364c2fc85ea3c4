import { assert, assertEquals } from "@std/assert";
import { lastShare, type Sample, slopeOf } from "./trend.ts";

const samples = (...values: readonly number[]): readonly Sample[] =>
  values.map((value, minutes) => ({ minutes, value }));

Deno.test("the slope of a line is its own, whatever goes up and down around it", () => {
  assertEquals(slopeOf(samples(5, 7, 9, 11)), 2);
  assert(Math.abs(slopeOf(samples(1, -1, 3, 1, 5, 3, 7, 5, 9, 7)) - 0.9) < 0.1);
  assertEquals(slopeOf(samples(4, 4, 4)), 0);
  assertEquals(slopeOf(samples(4)), NaN);
});

Deno.test("the last share is what was seen in it", () => {
  assertEquals(lastShare(samples(1, 2, 3, 4, 5, 6, 7), 0.5).map(({ value }) => value), [
    4,
    5,
    6,
    7,
  ]);
  assertEquals(lastShare([], 0.5), []);
});
