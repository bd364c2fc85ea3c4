import { assertEquals } from "@std/assert";
import {
  GRACE_MS_MAX,
  graceFor,
  mostLateMs,
  Slowness,
} from "../../../lib/base/machine/slowness.ts";

function slowness(...lates: readonly (readonly [number, number])[]): Slowness {
  const slowness = new Slowness();
  for (const [lateMs, nowMs] of lates) slowness.came(lateMs, nowMs);
  return slowness;
}

Deno.test("where nothing is late, nobody gets more time", () => {
  assertEquals([new Slowness().graceMs, slowness([0, 0], [-3, 10], [50, 20]).graceMs], [0, 0]);
});

Deno.test("others get four times what is later than usual, up to a bound", () => {
  assertEquals([100, 1_050, 60_000].map((ms) => graceFor(ms)), [200, 4_000, GRACE_MS_MAX]);
  assertEquals([100, 1_050, 60_000].map((ms) => graceFor(ms, 8)), [400, 8_000, GRACE_MS_MAX]);
});

Deno.test("the worst of the last five to ten seconds counts", () => {
  assertEquals(slowness([300, 0], [700, 100], [10, 4_900]).lateMs, 700);
  assertEquals(slowness([700, 100], [10, 5_200]).lateMs, 700);
  assertEquals(slowness([700, 100], [10, 5_200], [20, 10_300]).lateMs, 20);
  assertEquals(slowness([700, 0], [10, 20_000]).lateMs, 10);
});

Deno.test("a step that shows that this process stood still says nothing of how slow it is", () => {
  const one = slowness();
  one.stepped(2_001, 0);
  assertEquals(one.lateMs, 0);
  one.stepped(1_999, 1);
  assertEquals(one.lateMs, 1_999);
});

Deno.test("one alone who is slow doesn't make most slow, nor does half of them", () => {
  const slow = slowness([900, 0]);
  const slower = slowness([2_000, 0]);
  const quick = slowness([5, 0]);

  assertEquals(mostLateMs([]), 0);
  assertEquals(mostLateMs([quick, slow]), 5);
  assertEquals(mostLateMs([slow, quick, quick]), 5);
  assertEquals(mostLateMs([quick, slower, slow, quick]), 5);
  assertEquals(mostLateMs([slower, quick, slow]), 900);
});
