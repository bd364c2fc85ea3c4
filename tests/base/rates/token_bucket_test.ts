import { assertEquals } from "@std/assert";
import { Rates } from "../../../lib/base/rates/token_bucket.ts";

Deno.test("Rates gives each key a burst of its own, and what comes back with time", () => {
  const rates = new Rates<string>(1, 2, 8);
  const taken = (key: string, nowMs: number) => [1, 2, 3].map(() => rates.take(key, nowMs));

  assertEquals(taken("a", 0), [true, true, false]);
  assertEquals(taken("b", 0), [true, true, false]);
  assertEquals([rates.allows("a", 999), rates.allows("a", 1_000)], [false, true]);
  assertEquals(taken("a", 1_000), [true, false, false]);
});

Deno.test("Rates remembers so many keys, and none that was only asked about", () => {
  const rates = new Rates<string>(1, 1, 2);
  rates.take("a", 0);
  rates.take("b", 0);

  assertEquals([rates.allows("c", 0), rates.allows("c", 0, 2)], [true, false]);
  assertEquals([rates.has("a"), rates.has("c")], [true, false]);
  rates.take("c", 0);
  assertEquals([rates.has("a"), rates.has("b"), rates.has("c")], [false, true, true]);
});
