import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DeadlineQueue } from "../../lib/base/deadline_queue.ts";

Deno.test("DeadlineQueue serves what is due in order of time, then of setting", () => {
  const queue = new DeadlineQueue<string>();
  queue.set("late", 20);
  queue.set("first", 10);
  queue.set("second", 10);
  queue.set("none", 5);
  queue.set("none", null);

  const taken = [10, 10, 10, 20, 20].map((nowMs) => queue.takeDue(nowMs));

  assertEquals(taken, ["first", "second", null, "late", null]);
  assertEquals([queue.size, queue.nextMs()], [0, null]);
});

Deno.test("DeadlineQueue postpones all alike, what is set later aside", () => {
  const queue = new DeadlineQueue<string>();
  queue.set("first", 10);
  queue.set("late", 20);
  queue.postpone(100);
  queue.set("later", 115);

  const taken = [109, 110, 115, 120].map((nowMs) => queue.takeDue(nowMs));

  assertEquals(taken, [null, "first", "later", "late"]);
});

Deno.test("DeadlineQueue is a sorted list, whatever is set, moved and taken", () => {
  const set = fc.record({ key: fc.nat(9), atMs: fc.option(fc.nat(20)) });
  fc.assert(fc.property(fc.array(fc.oneof(set, fc.nat(20)), { maxLength: 60 }), (operations) => {
    const queue = new DeadlineQueue<number>();
    const model = new Map<number, { atMs: number; order: number }>();
    let order = 0;
    const first = () =>
      [...model].sort(([, a], [, b]) => a.atMs - b.atMs || a.order - b.order)[0] ?? null;
    for (const operation of operations) {
      if (typeof operation === "number") {
        const due = first();
        const expected = due !== null && due[1].atMs <= operation ? due[0] : null;
        assertEquals(queue.takeDue(operation), expected);
        if (expected !== null) model.delete(expected);
      } else {
        const { key, atMs } = operation;
        queue.set(key, atMs);
        if (atMs === null) model.delete(key);
        else model.set(key, { atMs, order: model.get(key)?.order ?? order++ });
      }
      assertEquals(queue.nextMs(), first()?.[1].atMs ?? null);
      assertEquals(queue.size, model.size);
    }
  }));
});
