import { assertEquals } from "@std/assert";
import { measuredMs } from "../../../lib/base/machine/clock.ts";

Deno.test("measuredMs() leaves out digits that say nothing", () => {
  const measured = [2.361009999999993, 0.0004, 10, 31_000.123_456];

  assertEquals(measured.map(measuredMs), [2.361, 0, 10, 31_000.123]);
});
