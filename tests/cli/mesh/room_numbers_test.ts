import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "../../fast_check.ts";
import { RoomNumbers } from "../../../lib/cli/mesh/room_numbers.ts";

Deno.test("RoomNumbers: a number that was used comes again last, one that wasn't at once", () => {
  const numbers = new RoomNumbers();
  assertEquals([numbers.take(), numbers.take(), numbers.take()], [1, 2, 3]);
  numbers.giveBack(2, true);
  numbers.giveBack(3, false);
  const next = Array.from({ length: 8 }, () => numbers.take());
  assertEquals(next, [3, 4, 5, 6, 7, 8, 9, 2]);
  assertThrows(() => numbers.take(), RangeError);
});

Deno.test("RoomNumbers: whatever is joined and left, no two rooms have one number", () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(8), fc.boolean())), (steps) => {
    const numbers = new RoomNumbers();
    const taken: number[] = [];
    for (const [at, wasUsed] of steps) {
      if (at < taken.length) numbers.giveBack(taken.splice(at, 1)[0]!, wasUsed);
      else if (taken.length < 9) taken.push(numbers.take());
      assertEquals(new Set(taken).size, taken.length);
      assert(taken.every((number) => number >= 1 && number <= 9));
    }
  }));
});
