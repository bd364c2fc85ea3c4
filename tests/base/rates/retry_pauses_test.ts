import { assertEquals } from "@std/assert";
import { RetryPauses } from "../../../lib/base/rates/retry_pauses.ts";

Deno.test("RetryPauses grow by half, up to the longest", () => {
  const pauses = new RetryPauses(400, 1_000);

  const latest = [1, 2, 3, 4].map(() => pauses.failed(1));

  assertEquals(latest, [400, 600, 900, 1_000]);
});

Deno.test("RetryPauses are by chance from half of that on", () => {
  assertEquals(new RetryPauses(400, 1_000).failed(0), 200);
  assertEquals(new RetryPauses(400, 1_000).failed(0.5), 300);
});

Deno.test("RetryPauses take another bound for a while", () => {
  const pauses = new RetryPauses(400, 1_000);

  assertEquals([pauses.failed(1, 300), pauses.failed(1, 300), pauses.failed(1)], [300, 300, 900]);
});

Deno.test("RetryPauses are short again after a reset", () => {
  const pauses = new RetryPauses(400, 1_000);
  pauses.failed(1);
  assertEquals(pauses.hasFailed, true);

  pauses.reset();

  assertEquals(pauses.hasFailed, false);
  assertEquals(pauses.failed(1), 400);
});
