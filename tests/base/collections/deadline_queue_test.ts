import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DeadlineQueue } from "../../../lib/base/collections/deadline_queue.ts";

Deno.test("DeadlineQueue serves what is due in order of time, then of setting", () => {
  const queue = new DeadlineQueue<string>();
  queue.set("late", 20);
  queue.set("first", 10);
  queue.set("second", 10);
  queue.set("none", 5);
  queue.set("none", null);

  const taken = [9, 10, 19, 20, 20].map((nowMs) => [...queue.takeDue(nowMs)]);

  assertEquals(taken, [[], ["first", "second"], [], ["late"], []]);
  assertEquals([queue.size, queue.nextMs()], [0, null]);
});

Deno.test("DeadlineQueue takes one at a time: the others stay, and what is set meanwhile is taken, too", () => {
  const queue = new DeadlineQueue<string>();
  queue.set("first", 10);
  queue.set("withdrawn", 11);
  queue.set("never asked for", 12);
  const taken: string[] = [];

  for (const key of queue.takeDue(20)) {
    taken.push(key);
    if (key === "added") break;
    queue.set("withdrawn", null);
    queue.set("added", 11);
  }

  assertEquals(taken, ["first", "added"]);
  assertEquals([queue.size, queue.nextMs()], [1, 12]);
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
        const expected: number[] = [];
        for (let due = first(); due !== null && due[1].atMs <= operation; due = first()) {
          expected.push(due[0]);
          model.delete(due[0]);
        }
        assertEquals([...queue.takeDue(operation)], expected);
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
