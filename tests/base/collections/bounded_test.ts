import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  addTo,
  dropOldest,
  removeFrom,
  takeOldest,
} from "../../../lib/base/collections/bounded.ts";
import { InvariantError } from "../../../lib/base/invariant.ts";

Deno.test("dropOldest() leaves those added last, as many as there may be", () => {
  const set = new Set<number>();
  for (let added = 1; added <= 5; added++) {
    set.add(added);
    dropOldest(set, 3);
  }
  assertEquals([...set], [3, 4, 5]);
});

Deno.test("takeOldest() takes the one added first, whatever was deleted, moved or cleared", () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ key: fc.nat(40), type: fc.constant("set" as const) }) },
    { weight: 3, arbitrary: fc.record({ key: fc.nat(40), type: fc.constant("move" as const) }) },
    { weight: 3, arbitrary: fc.record({ key: fc.nat(40), type: fc.constant("delete" as const) }) },
    { weight: 6, arbitrary: fc.record({ key: fc.nat(40), type: fc.constant("take" as const) }) },
    { weight: 1, arbitrary: fc.record({ key: fc.nat(40), type: fc.constant("clear" as const) }) },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const map = new Map<number, number>();
    steps.forEach(({ type, key }, at) => {
      if (type === "move") map.delete(key);
      if (type === "set" || type === "move") map.set(key, at);
      else if (type === "delete") map.delete(key);
      else if (type === "clear") map.clear();
      else if (map.size > 0) {
        const [first, ...others] = [...map];
        assertEquals(takeOldest(map), first);
        assertEquals([...map], others);
      }
    });
  }));
});

Deno.test("takeOldest() keeps alive nothing of what a map was before, however often its entries move", async () => {
  const map = new Map(Array.from({ length: 300 }, (_, key) => [key, key]));
  takeOldest(map);
  const before = Deno.memoryUsage().heapUsed;
  for (let turn = 0; turn < 100; turn++) {
    for (let moved = 0; moved < 40_000; moved++) {
      const key = 1 + moved % 299;
      map.delete(key);
      map.set(key, key);
    }
    await new Promise((resolve) => setTimeout(resolve, 0)); // what was used in a turn isn't collected in it
  }
  const growth = Deno.memoryUsage().heapUsed - before;
  assert(growth < 80_000_000, `${growth} bytes`);
});

Deno.test("takeOldest() of what is empty is our own mistake", () => {
  assertThrows(() => takeOldest(new Map()), InvariantError);
});

Deno.test("removeFrom() takes what addTo() added, and the key with the last of it", () => {
  const sets = new Map<string, Set<number>>();
  for (const [key, value] of [["a", 1], ["a", 2], ["a", 2], ["b", 3]] as const) {
    addTo(sets, key, value);
  }
  assertEquals(sets, new Map([["a", new Set([1, 2])], ["b", new Set([3])]]));

  for (const [key, value] of [["a", 1], ["b", 3], ["b", 3], ["c", 4]] as const) {
    removeFrom(sets, key, value);
  }
  assertEquals(sets, new Map([["a", new Set([2])]]));
});
