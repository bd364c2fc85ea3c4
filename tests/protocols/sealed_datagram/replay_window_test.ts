import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { REPLAY_WINDOW } from "../../../lib/protocols/sealed_datagram/limits.ts";
import { ReplayWindow } from "../../../lib/protocols/sealed_datagram/replay_window.ts";

Deno.test("ReplayWindow takes each counter once, in any order", () => {
  const window = new ReplayWindow();
  const counters = [5, 0, 4, 5, 0, 2_000, 1, 4];

  const fresh = counters.map((counter) => {
    const isFresh = window.isFresh(counter);
    if (isFresh) window.mark(counter);
    return isFresh;
  });

  assertEquals(fresh, [true, true, true, false, false, true, true, false]);
});

Deno.test("ReplayWindow refuses what is 2,048 below the highest, and asking changes nothing", () => {
  const window = new ReplayWindow();
  window.mark(10_000);

  assertEquals(window.isFresh(2 ** 40), true);
  assertEquals(window.isFresh(10_000 - REPLAY_WINDOW), false);
  assertEquals(window.isFresh(10_000 - REPLAY_WINDOW + 1), true);
  assertEquals(window.isFresh(9_999), true);
});

Deno.test("ReplayWindow is a set of all that was seen, whatever comes", () => {
  const step = fc.oneof(
    fc.integer({ min: -2_100, max: 40 }),
    fc.integer({ min: -70, max: 70 }),
    fc.integer({ min: 1_900, max: 9_000 }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const window = new ReplayWindow();
    const seen = new Set<number>();
    let highest = 0;
    for (const step of steps) {
      const counter = Math.max(0, highest + step);
      const expected = counter > highest - REPLAY_WINDOW && !seen.has(counter) ||
        seen.size === 0;
      assertEquals(window.isFresh(counter), expected, `${counter} below ${highest}`);
      if (!expected) continue;
      assertEquals(window.isNewest(counter), seen.size === 0 || counter > highest);
      window.mark(counter);
      seen.add(counter);
      highest = Math.max(highest, counter);
    }
  }));
});
