import { assert, assertEquals } from "@std/assert";
import { KeptEvents, type Kind } from "../../../lib/cli/doors/kept_events.ts";

interface Event {
  readonly kind: Kind;
  readonly units: number;
}

const event = (units: number, kind: Kind = "said"): Event => ({ kind, units });
const idsOf = (kept: KeptEvents<Event>) => kept.all.map(({ id }) => id);

Deno.test("events are found by their numbers, counted from 1", () => {
  const kept = new KeptEvents<Event>();
  assertEquals([kept.lastId, kept.wholeFrom], [0, 1]);
  const [first, second] = [event(1), event(1)];
  kept.add(first);
  kept.add(second);

  assertEquals([kept.lastId, kept.wholeFrom], [2, 1]);
  assertEquals(kept.after(0, 1), [{ id: 1, event: first }]);
  assertEquals(kept.after(1, 9), [{ id: 2, event: second }]);
  assertEquals(kept.after(2, 9), []);
});

Deno.test("the oldest go when there are too many, and the others keep their numbers", () => {
  const kept = new KeptEvents<Event>();
  for (let count = 0; count < 25_000; count++) {
    kept.add(event(1));
    assert(kept.all.length <= 10_000);
  }

  assertEquals(kept.lastId, 25_000);
  assert(kept.all.length >= 9_000);
  assertEquals(kept.wholeFrom, 25_001 - kept.all.length);
  assertEquals(kept.after(0, 1)[0]!.id, kept.wholeFrom);
  assertEquals(kept.after(24_999, 9).map(({ id }) => id), [25_000]);
});

Deno.test("long events go earlier, and the last one always stays", () => {
  const kept = new KeptEvents<Event>();
  for (let count = 0; count < 100; count++) kept.add(event(1_048_576));
  assert(kept.all.length <= 8 && kept.all.length >= 7, String(kept.all.length));

  const giant = event(20_000_000);
  kept.add(giant);
  assertEquals(kept.all, [{ id: 101, event: giant }]);
});

Deno.test("each kind makes room among its own, and of answers nobody says that they are gone", () => {
  const kept = new KeptEvents<Event>();
  kept.add(event(1, "happened"));
  kept.add(event(1, "private"));
  kept.add(event(1));
  for (let count = 0; count < 5; count++) kept.add(event(2_000_000, "answer"));
  assertEquals([idsOf(kept), kept.wholeFrom], [[1, 2, 3, 8], 1]);

  for (let count = 0; count < 5; count++) kept.add(event(8_000_000));
  assertEquals([idsOf(kept), kept.wholeFrom], [[1, 2, 8, 13], 13]);
});
