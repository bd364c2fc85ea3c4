import { assertEquals } from "@std/assert";
import type { BundleId, PeerKey } from "../../../../lib/base/ids.ts";
import { CatchUpGate } from "../../../../lib/protocols/mesh/room/catch_up_gate.ts";

const ANN = { author: "a".repeat(64) as PeerKey, incarnation: 1 };
const NOW = 1_000;
const BASELINE = { ...ANN, low: 1, counter: 5, id: "1".repeat(64) as BundleId, closed: false };

Deno.test("Arrival.take() shows all to one who returns", () => {
  const arrival = new CatchUpGate<string>(false, null);

  assertEquals(arrival.take(ANN, 1, NOW, "x"), true);
});

Deno.test("Arrival.finish() gives a newcomer what lies above the baseline, in the order it came", () => {
  const arrival = new CatchUpGate<string>(true, null);
  arrival.setBaseline([BASELINE]);

  const shown = [[5, "old"], [6, "first"], [7, "second"]].map(([counter, text]) =>
    arrival.take(ANN, counter as number, NOW, text as string)
  );
  const held = arrival.finish();

  assertEquals(shown, [false, false, false]);
  assertEquals(held, ["first", "second"]);
  assertEquals(arrival.take(ANN, 8, NOW, "now"), true);
});

Deno.test("Arrival.setBaseline() is the first neighbour's alone", () => {
  const arrival = new CatchUpGate<string>(true, null);
  arrival.setBaseline([]);

  arrival.setBaseline([BASELINE]);
  arrival.take(ANN, 5, NOW, "sent after we came in");

  assertEquals(arrival.finish(), ["sent after we came in"]);
});

Deno.test("Arrival.full is true when so much is held that it must be shown", () => {
  const arrival = new CatchUpGate<number>(true, null);
  arrival.setBaseline([]);

  for (let counter = 1; counter <= 10_000; counter++) arrival.take(ANN, counter, NOW, counter);

  assertEquals(arrival.full, true);
});

Deno.test("Arrival.setBaseline() makes history of what came before it and lies below it", () => {
  const arrival = new CatchUpGate<string>(true, null);
  arrival.take(ANN, 5, NOW, "pushed early, and old");
  arrival.take(ANN, 6, NOW, "pushed early, and new");

  arrival.setBaseline([BASELINE]);

  assertEquals(arrival.finish(), ["pushed early, and new"]);
});

Deno.test("Arrival goes on with the baseline that a killed process had", () => {
  const arrival = new CatchUpGate<string>(true, [BASELINE]);

  arrival.setBaseline([{ ...BASELINE, counter: 9 }]);
  arrival.take(ANN, 6, NOW, "sent while it was away");

  assertEquals(arrival.state, "catching-up");
  assertEquals(arrival.finish(), ["sent while it was away"]);
});

Deno.test("Arrival.finish() makes history of all that came where no neighbour gave a baseline", () => {
  const arrival = new CatchUpGate<string>(true, null);
  arrival.take(ANN, 1, NOW, "before we were in the room");

  const held = arrival.finish();

  assertEquals(held, []);
  assertEquals(arrival.take(ANN, 2, NOW, "now"), true);
});

Deno.test("Arrival.finish() gives what was said to a newcomer that no neighbour gave a baseline", () => {
  const arrival = new CatchUpGate<string>(true, null, NOW);
  arrival.take(ANN, 1, NOW, "before we were let in");
  arrival.take(ANN, 2, NOW + 1, "a greeting");

  assertEquals(arrival.finish(), ["a greeting"]);
});

Deno.test("Arrival.take() doesn't show history that comes after a newcomer has waited long enough", () => {
  const arrival = new CatchUpGate<string>(true, null, NOW);
  arrival.setBaseline([BASELINE]);
  arrival.finish();

  // A bundle may have several texts.
  const shown = [4, 5, 5, 6].map((counter) => arrival.take(ANN, counter, NOW, "late"));

  assertEquals(shown, [false, false, false, true]);
});

Deno.test("Arrival makes history of what the first neighbour had forgotten, and another one brings later", () => {
  const arrival = new CatchUpGate<string>(true, null, NOW);
  const bob = { author: "b".repeat(64) as PeerKey, incarnation: 1 };
  arrival.setBaseline([BASELINE], NOW - 10);
  arrival.finish();

  const shown = [NOW - 10, NOW - 9].map((time, n) => arrival.take(bob, n + 1, time, "late"));

  assertEquals(shown, [false, true]);
});

Deno.test("Arrival gives a newcomer what was said after it was let in, were it below the baseline", () => {
  const arrival = new CatchUpGate<string>(true, null, NOW);
  arrival.take(ANN, 4, NOW, "said before");
  arrival.take(ANN, 5, NOW + 1, "a greeting");

  arrival.setBaseline([BASELINE]);

  assertEquals([arrival.isSaidTo(NOW), arrival.isSaidTo(NOW + 1)], [false, true]);
  assertEquals(arrival.finish(), ["a greeting"]);
});
