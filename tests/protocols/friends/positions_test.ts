import { assertEquals } from "@std/assert";
import { EPOCHS_MAX } from "../../../lib/protocols/friends/limits.ts";
import { freshEpoch, isSamePosition, Positions } from "../../../lib/protocols/friends/positions.ts";
import { place } from "./fixtures.ts";

/** One place in each of so many epochs, from 1 up. */
function inEpochs(count: number): Positions {
  return new Positions(Array.from({ length: count }, (_, index) => place(7, index + 1)));
}

Deno.test("Positions has all up to the last of an epoch, whatever other epochs have", () => {
  const positions = new Positions([place(5, 2), place(9, 4)]);

  const has = (number: number, epoch: number) => positions.has(place(number, epoch));

  assertEquals([has(1, 2), has(5, 2), has(6, 2), has(9, 4), has(10, 4)], [
    true,
    true,
    false,
    true,
    false,
  ]);
  // A clock that was wrong once: an epoch may be before those that are known.
  assertEquals([has(1, 1), has(1, 3), has(1, 5)], [false, false, false]);
});

Deno.test("Positions never goes back in an epoch", () => {
  const positions = new Positions([place(5)]);

  positions.add(place(3));

  assertEquals(positions.list(), [place(5)]);
});

Deno.test("Positions forgets the epochs used longest ago, and takes what is from them for new", () => {
  const positions = inEpochs(EPOCHS_MAX);
  positions.add(place(8, 1)); // used again
  positions.add(place(1, EPOCHS_MAX + 1));

  assertEquals(positions.list().length, EPOCHS_MAX);
  assertEquals([positions.has(place(8, 1)), positions.has(place(1, 2))], [true, false]);
});

Deno.test("freshEpoch() draws from more than any number of starts, within what a number holds", () => {
  const highest = freshEpoch({ randomBytes: (length) => new Uint8Array(length).fill(0xff) });
  assertEquals([highest, Number.isSafeInteger(highest)], [2 ** 48 - 1, true]);
});

Deno.test("Positions takes nothing of an unknown epoch for received while none was forgotten", () => {
  const positions = inEpochs(EPOCHS_MAX - 1);

  assertEquals(positions.has(place(1, 0)), false);
});

Deno.test("Positions gives back what it lists", () => {
  const positions = inEpochs(3);

  assertEquals(new Positions(positions.list()).list(), positions.list());
});

Deno.test("isSamePosition() needs both the epoch and the number", () => {
  assertEquals(isSamePosition(place(1, 2), place(1, 2)), true);
  assertEquals(isSamePosition(place(1, 2), place(2, 2)), false);
  assertEquals(isSamePosition(place(1, 2), place(1, 3)), false);
});
