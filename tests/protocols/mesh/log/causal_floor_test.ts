import { assertEquals } from "@std/assert";
import { CausalFloor } from "../../../../lib/protocols/mesh/log/causal_floor.ts";
import { LATE_MS_MAX, LATE_QUIET_MS } from "../../../../lib/protocols/mesh/schema/limits.ts";

Deno.test("CausalFloor: what is older waits as long as what is newer comes in, for some seconds", () => {
  const floor = new CausalFloor();
  floor.raise(100);
  const lateness = (nowMs: number) => floor.latenessOf(false, 0, nowMs);
  assertEquals(lateness(0), "in-time");

  floor.rangeCame(101, 0);
  assertEquals([lateness(LATE_QUIET_MS - 1), lateness(LATE_QUIET_MS)], ["wait", "in-time"]);
  floor.rangeCame(102, LATE_MS_MAX - 1);
  assertEquals([lateness(LATE_MS_MAX - 1), lateness(LATE_MS_MAX)], ["wait", "in-time"]);
  assertEquals(floor.latenessOf(true, 0, 0), "late");
});

Deno.test("CausalFloor: what waited keeps nothing else waiting", () => {
  const floor = new CausalFloor();
  floor.raise(100);
  floor.rangeCame(100, 0);
  assertEquals(floor.latenessOf(false, 0, 0), "in-time");
});
