import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FairQueue } from "../../../lib/base/collections/fair_queue.ts";

function emptied(queue: FairQueue<string>): readonly string[] {
  const items: string[] = [];
  for (let item = queue.next(); item !== null; item = queue.next()) items.push(item);
  return items;
}

/** Adds items named after who waits, as in `a1`. */
function filled(lengthMax: number, ...items: readonly string[]): FairQueue<string> {
  const queue = new FairQueue<string>(lengthMax);
  for (const item of items) assertEquals(queue.add(item[0]!, item), null);
  return queue;
}

Deno.test("those who wait have their turns one after the other, each in order", () => {
  const queue = filled(9, "a1", "a2", "a3", "b1", "c1", "b2");
  assertEquals([queue.next(), queue.next()], ["a1", "b1"]);
  queue.add("d", "d1");
  queue.add("a", "a4");
  assertEquals(queue.length, 6);
  assertEquals(emptied(queue), ["c1", "a2", "b2", "d1", "a3", "a4"]);
  assertEquals(queue.length, 0);
});

Deno.test("a full queue takes a newcomer's place from who has the most", () => {
  const queue = filled(4, "a1", "a2", "a3", "b1");
  assertEquals(queue.add("c", "c1"), { item: "a3", code: "too-fast" });
  assertEquals(queue.add("b", "b2"), { item: "b2", code: "too-fast" }, "it would have as many");
  assertEquals(queue.add("a", "a4"), { item: "a4", code: "too-fast" });
  assertEquals(queue.add("d", "d1"), { item: "a2", code: "too-fast" });
  assertEquals(queue.add("e", "e1"), { item: "e1", code: "full" }, "each has one");
  assertEquals(emptied(queue), ["a1", "b1", "c1", "d1"]);
});

Deno.test("nobody waits longer than for one turn of each other, and nothing is lost", () => {
  const adds = fc.array(fc.constantFrom("a", "b", "c", "d", null), { maxLength: 60 });
  fc.assert(fc.property(adds, fc.integer({ min: 1, max: 8 }), (steps, lengthMax) => {
    const queue = new FairQueue<string>(lengthMax);
    const waiting = new Set<string>();
    /** Turns of others since somebody began to wait, by who waits. */
    const turns = new Map<string, string[]>();
    for (const [at, from] of steps.entries()) {
      if (from === null) {
        const item = queue.next();
        assertEquals(item === null, waiting.size === 0);
        if (item === null) continue;
        assert(waiting.delete(item));
        const who = item[0]!;
        for (const [other, seen] of turns) {
          if (other === who) continue;
          assert(
            !seen.includes(who) || ![...waiting].some((one) => one[0] === other),
            `${other} waits`,
          );
          seen.push(who);
        }
        turns.set(who, []);
      } else {
        const item = `${from}${at}`;
        if (![...waiting].some((one) => one[0] === from)) turns.set(from, []);
        const refused = queue.add(from, item);
        waiting.add(item);
        if (refused !== null) assert(waiting.delete(refused.item));
      }
      assertEquals(queue.length, waiting.size);
      assert(queue.length <= lengthMax);
    }
    assertEquals(new Set(emptied(queue)), waiting);
  }));
});
