import { assert, assertEquals } from "@std/assert";
import { KeptEvents, type Kind } from "../../../lib/cli/doors/kept_events.ts";

interface Event {
  readonly kind: Kind;
  readonly units: number;
  readonly asks: string | null;
  readonly settles: string | null;
}

const event = (units: number, kind: Kind = "said", more: Partial<Event> = {}): Event => ({
  ...{ kind, units, asks: null, settles: null },
  ...more,
});
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

Deno.test("among thousands that each said a little the oldest go, and not all", () => {
  const kept = new KeptEvents<Event>();
  for (let count = 0; count < 12_000; count++) {
    kept.add(event(1, "private"));
    assert(kept.all.length <= 5_000);
  }

  assert(kept.all.length >= 4_500, String(kept.all.length));
  assertEquals(kept.wholeFrom, kept.all[0]!.id);
});

Deno.test("a question stays while it is open, and counts once it is settled", () => {
  const kept = new KeptEvents<Event>();
  kept.add(event(65_000, "happened", { asks: "vote 1" }));
  kept.add(event(1, "happened"));
  const flood = () => {
    for (let count = 0; count < 100; count++) kept.add(event(65_000, "happened"));
  };
  flood();
  assertEquals(idsOf(kept).slice(0, 2), [1, kept.wholeFrom]);

  kept.add(event(1, "said", { settles: "vote 1" }));
  flood();
  assert(!idsOf(kept).includes(1));
});

Deno.test("of open questions only so many stay, offers go first, and of one asked anew the last stays", () => {
  const kept = new KeptEvents<Event>();
  const ask = (asks: string) => kept.add(event(60_000, "happened", { asks }));
  for (const one of ["call bob", "offer 1"]) ask(one);
  for (let count = 1; count <= 63; count++) ask(`vote ${count}`);
  ask("vote 63");
  for (let count = 0; count < 100; count++) kept.add(event(65_000, "happened"));

  const asked = kept.all.filter(({ event }) => event.asks !== null).map(({ id }) => id);
  assertEquals(asked, [1, ...Array(62).keys().map((at) => at + 3), 66]);
});
