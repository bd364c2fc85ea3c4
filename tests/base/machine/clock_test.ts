import { assert, assertEquals } from "@std/assert";
import { AwakeClock, measuredMs } from "../../../lib/base/machine/clock.ts";

Deno.test("measuredMs() leaves out digits that say nothing", () => {
  const measured = [2.361009999999993, 0.0004, 10, 31_000.123_456];

  assertEquals(measured.map(measuredMs), [2.361, 0, 10, 31_000.123]);
});

Deno.test("AwakeClock is the monotonic clock as long as this process is awake", () => {
  const clock = new AwakeClock();

  assertEquals([clock.step(70_000), clock.stalledMs, clock.nextDeadlineMs()], [70_000, 0, null]);
  clock.dueMs = 71_000;
  assertEquals([clock.nextDeadlineMs(), clock.step(73_000), clock.stalledMs], [71_000, 73_000, 0]);
});

Deno.test("AwakeClock leaves out how long this process stood still, from what was due first", () => {
  const clock = new AwakeClock();
  clock.step(10_000);
  clock.dueMs = 11_000;

  const nowMs = clock.step(71_000);

  assertEquals([nowMs, clock.stalledMs], [11_000, 60_000]);
  clock.dueMs = 12_000;
  assertEquals([clock.nextDeadlineMs(), clock.step(72_500), clock.stalledMs], [72_000, 12_500, 0]);
});

Deno.test("AwakeClock adds up what this process stood still", () => {
  const clock = new AwakeClock();
  clock.step(0);
  clock.dueMs = 1_000;
  clock.step(11_000);
  clock.dueMs = 2_000;

  assertEquals([clock.step(32_000), clock.stalledMs, clock.nextDeadlineMs()], [
    2_000,
    20_000,
    32_000,
  ]);
});

Deno.test("AwakeClock takes no stall for one where nothing was due, or was overdue at the last step", () => {
  const clock = new AwakeClock();
  clock.step(0);

  assertEquals(clock.step(60_000), 60_000);
  clock.dueMs = 10;
  assertEquals([clock.step(61_000), clock.step(62_000), clock.stalledMs], [61_000, 62_000, 0]);
});

Deno.test("AwakeClock has what is due be due at its deadline, whatever fractions its time has", () => {
  for (let seed = 1; seed < 1_000; seed++) {
    const clock = new AwakeClock();
    const dueMs = clock.dueMs = clock.step(seed / 7) + seed / 11;
    clock.step(dueMs + 10_000 + seed / 13);
    clock.dueMs = dueMs + seed / 17;

    assert(clock.step(clock.nextDeadlineMs()!) >= clock.dueMs, `seed ${seed}`);
  }
});
