import { assertEquals } from "@std/assert";
import { Timetable } from "../../../lib/base/machine/machine.ts";

/** Counts how often it is asked. */
class Clock {
  asked = 0;
  constructor(public dueMs: number | null) {}

  nextDeadlineMs(): number | null {
    this.asked++;
    return this.dueMs;
  }
}

Deno.test("Timetable.nextMs() is the earliest deadline of those that await something", () => {
  const [early, late, never] = [new Clock(5), new Clock(9), new Clock(null)];

  assertEquals(new Timetable([late, early, never]).nextMs(), 5);
  assertEquals(new Timetable([never]).nextMs(), null);
});

Deno.test("Timetable asks those alone that may have another deadline", () => {
  const [one, other] = [new Clock(5), new Clock(9)];
  const timetable = new Timetable([one, other]);
  timetable.nextMs();
  one.dueMs = null;

  timetable.changed(one);

  assertEquals([timetable.nextMs(), timetable.isDue(one, 100)], [9, false]);
  assertEquals([timetable.isDue(other, 8), timetable.isDue(other, 9)], [false, true]);
  assertEquals([one.asked, other.asked], [2, 1]);
});
