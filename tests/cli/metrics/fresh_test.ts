import { assertEquals } from "@std/assert";
import { Fresh } from "../../../lib/cli/metrics/fresh.ts";
import { VirtualClock } from "../../runtime/virtual_clock.ts";

Deno.test("Fresh: a value is made at most once a second, and anew only for who asks", () => {
  const clock = new VirtualClock();
  let made = 0;
  const fresh = new Fresh(clock, () => ++made);
  assertEquals([made, fresh.get(), fresh.get()], [0, 1, 1]);
  clock.advanceTo(999);
  assertEquals(fresh.get(), 1);
  clock.advanceTo(5_000);
  assertEquals([made, fresh.get(), fresh.get()], [1, 2, 2]);
  clock.advanceTo(5_999);
  assertEquals(fresh.get(), 2);
});
