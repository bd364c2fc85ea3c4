import { assert, assertEquals } from "@std/assert";
import fc from "../../fast_check.ts";
import { fairShare } from "../../../lib/base/collections/fair_shares.ts";

Deno.test("fairShare: who has less than the others keeps all of it", () => {
  assertEquals(fairShare([], 10), Infinity);
  assertEquals(fairShare([3, 7], 10), Infinity);
  assertEquals(fairShare([100, 3], 10), 7);
  assertEquals(fairShare([100, 3, 200], 11), 4);
  assertEquals(fairShare([5, 5], 0), 0);
});

Deno.test("fairShare: all that there may be is kept, and whoever has no more than an equal part loses nothing", () => {
  const sizes = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(sizes, fc.nat(10_000), (sizes, sumMax) => {
    const share = fairShare(sizes, sumMax);
    const sum = sizes.reduce((some, size) => some + size, 0);
    const kept = sizes.reduce((some, size) => some + Math.min(size, share), 0);
    assert(Math.abs(kept - Math.min(sum, sumMax)) < 1e-6);
    assert(share >= sumMax / sizes.length);
  }));
});
