import { assertEquals } from "@std/assert";
import { addTo, removeFrom } from "../../../lib/base/collections/sets_by_key.ts";

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
