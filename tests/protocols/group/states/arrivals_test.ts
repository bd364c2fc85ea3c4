import { assert, assertEquals } from "@std/assert";
import { ARRIVALS_KEPT_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { Arrivals } from "../../../../lib/protocols/group/states/global_states.ts";
import { cpuMs } from "../../../cpu_time.ts";

Deno.test("at() says when each of a run came, by the clock of whoever was told", () => {
  const arrivals = new Arrivals();

  arrivals.add(0, [{ through: 2, agoMs: 50 }, { through: 3, agoMs: 0 }], 1_000);

  assertEquals([1, 2, 3, 4].map((seq) => arrivals.at(seq)), [950, 950, 1_000, null]);
});

Deno.test("at() knows nothing of entries before those that were told of", () => {
  const arrivals = new Arrivals();

  arrivals.add(10, [{ through: 11, agoMs: 0 }], 5);

  assertEquals([0, 10, 11].map((seq) => arrivals.at(seq)), [null, null, 5]);
});

Deno.test("at() knows nothing of entries between two that were told of", () => {
  const arrivals = new Arrivals();
  arrivals.add(0, [{ through: 2, agoMs: 0 }], 5);

  arrivals.add(4, [{ through: 5, agoMs: 0 }], 9);

  assertEquals([1, 2, 3, 4, 5].map((seq) => arrivals.at(seq)), [5, 5, null, null, 9]);
});

Deno.test("at() doesn't take an older entry's time for one that nothing was told of", () => {
  const arrivals = new Arrivals();
  const end = ARRIVALS_KEPT_MAX;
  arrivals.add(0, [{ through: end, agoMs: 0 }], 5);

  arrivals.add(end + 2, [{ through: end + 3, agoMs: 0 }], 9);

  assertEquals([end, end + 1, end + 2, end + 3].map((seq) => arrivals.at(seq)), [5, null, null, 9]);
});

Deno.test("at() keeps what was told first, where some is told again", () => {
  const arrivals = new Arrivals();
  arrivals.add(0, [{ through: 3, agoMs: 0 }], 5);

  arrivals.add(1, [{ through: 4, agoMs: 0 }], 9);

  assertEquals([2, 3, 4].map((seq) => arrivals.at(seq)), [5, 5, 9]);
});

Deno.test(`at() knows the last ${ARRIVALS_KEPT_MAX}`, () => {
  const arrivals = new Arrivals();
  const through = 3 * ARRIVALS_KEPT_MAX;

  arrivals.add(0, [{ through, agoMs: 0 }], 5);
  arrivals.add(through, [{ through: through + 1, agoMs: 0 }], 6);

  assertEquals(arrivals.at(through + 1 - ARRIVALS_KEPT_MAX), null);
  assertEquals(arrivals.at(through + 2 - ARRIVALS_KEPT_MAX), 5);
  assertEquals(arrivals.at(through + 1), 6);
});

Deno.test("add() costs the same whatever the numbers, and however far apart", () => {
  const msOf = (step: number) =>
    cpuMs(() => {
      const arrivals = new Arrivals();
      let through = 0;
      for (let message = 0; message < 500; message++) {
        const after = through;
        const all = Array.from({ length: 128 }, () => ({ through: through += step, agoMs: 0 }));
        arrivals.add(after, all, 0);
      }
    });
  const [near, far] = [msOf(1), msOf(ARRIVALS_KEPT_MAX + 1)];
  assert(far < 10 * near + 100, `${far} ms, ${near} ms where they are next to each other`);
});
