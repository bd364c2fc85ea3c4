import { assert, assertEquals } from "@std/assert";
import { KeptEvents } from "../../../lib/cli/doors/kept_events.ts";

const event = (units: number) => ({ units });

Deno.test("events are found by their numbers, counted from 1", () => {
  const kept = new KeptEvents<{ readonly units: number }>();
  assertEquals(kept.lastId, 0);
  const [first, second] = [event(1), event(1)];
  kept.add(first);
  kept.add(second);

  assertEquals(kept.lastId, 2);
  assert(kept.at(1) === first && kept.at(2) === second);
  assertEquals([kept.at(0), kept.at(3)], [undefined, undefined]);
});

Deno.test("the oldest go when there are too many, and the others keep their numbers", () => {
  const kept = new KeptEvents<{ readonly units: number }>();
  for (let count = 0; count < 25_000; count++) {
    kept.add(event(1));
    assert(kept.all.length <= 10_000);
  }

  assertEquals(kept.lastId, 25_000);
  assert(kept.all.length >= 9_000);
  assertEquals(kept.at(1), undefined);
  assert(kept.at(25_000) === kept.all.at(-1));
  assert(kept.at(25_001 - kept.all.length) === kept.all[0]);
});

Deno.test("long events go earlier, and the last one always stays", () => {
  const kept = new KeptEvents<{ readonly units: number }>();
  for (let count = 0; count < 100; count++) kept.add(event(1_048_576));
  assert(kept.all.length <= 8 && kept.all.length >= 7, String(kept.all.length));

  const giant = event(20_000_000);
  kept.add(giant);
  assertEquals(kept.all, [giant]);
  assert(kept.at(101) === giant);
});
