import { assertEquals } from "@std/assert";
import { Agenda, Deadlines, servedEachStep, Timetable } from "../../../lib/base/machine/machine.ts";

/** Counts how often it is asked. */
class Clock {
  asked = 0;
  constructor(public dueMs: number | null) {}

  nextDeadlineMs(): number | null {
    this.asked++;
    return this.dueMs;
  }
}

Deno.test("Deadlines: those due at once are served in the order of their declaration, each once", () => {
  const served: string[] = [];
  const deadlines = new Deadlines({
    first: (nowMs) => void served.push(`first at ${nowMs}`),
    second: () => void served.push("second"),
    third: () => void served.push("third"),
  });
  deadlines.set("second", 4);
  deadlines.set("first", 5);
  deadlines.set("third", 6);
  assertEquals(deadlines.nextMs(), 4);

  deadlines.tick(5);
  assertEquals([served.splice(0), deadlines.nextMs()], [["first at 5", "second"], 6]);
  deadlines.tick(5);
  deadlines.clearAll();
  deadlines.tick(6);
  assertEquals([served, deadlines.nextMs()], [[], null]);
});

Deno.test("Deadlines: all that are due are removed before one is served, and one set meanwhile waits", () => {
  const served: string[] = [];
  const deadlines = new Deadlines({
    first: (nowMs) => {
      served.push("first");
      deadlines.clear("second");
      deadlines.set("first", nowMs);
    },
    second: () => void served.push("second"),
  });
  deadlines.set("first", 1);
  deadlines.setEarliest("second", 1);
  deadlines.setEarliest("second", 2);

  deadlines.tick(1);
  assertEquals([served.splice(0), deadlines.get("first")], [["first", "second"], 1]);
  deadlines.tick(1);
  assertEquals(served, ["first"]);
});

Deno.test("Deadlines.tick() returns what the actions return", () => {
  const deadlines = new Deadlines({ one: (nowMs) => nowMs + 1, two: () => 2 });
  deadlines.set("two", 0);
  deadlines.set("one", 0);

  assertEquals([deadlines.tick(10), deadlines.tick(10)], [[11, 2], []]);
});

Deno.test("Agenda: the earliest deadline of all parts counts, and all are served in their order", () => {
  const served: string[] = [];
  const part = (name: string, dueMs: number | null) => ({
    nextMs: () => dueMs,
    tick: (nowMs: number) => void served.push(`${name} at ${nowMs}`),
  });
  const deadlines = new Deadlines({ due: () => void served.push("due") });
  deadlines.set("due", 6);
  const agenda = new Agenda([
    part("never", null),
    deadlines,
    servedEachStep(() => 5),
    part("a", 7),
  ]);

  assertEquals([agenda.nextMs(), new Agenda([]).nextMs()], [5, null]);
  agenda.tick(6);
  assertEquals(served, ["never at 6", "due", "a at 6"]);
  assertEquals(new Agenda([agenda, part("b", 4)]).nextMs(), 4);
});

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
