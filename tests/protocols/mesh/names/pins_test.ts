import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { NAMESAKES_MAX } from "../../../../lib/base/text/fingerprint.ts";
import { foldName } from "../../../../lib/base/text/names.ts";
import { Pins } from "../../../../lib/protocols/mesh/names/pins.ts";
import { PINS_MAX } from "../../../../lib/protocols/mesh/schema/limits.ts";
import { keyOf } from "../overlay_network.ts";

const [ANN, BOB] = [keyOf(1), keyOf(2)];
const folded = foldName("Ann");

Deno.test("Pins: a name has one key, whatever its case; the latest counts, after a start too", () => {
  const pins = new Pins([
    { kind: "pin", name: "ann", key: BOB },
    { kind: "pin", name: "Cem", key: BOB },
    { kind: "pin", name: "Ann", key: ANN },
  ]);
  assertEquals([pins.get(folded)?.key, pins.get(folded)?.name, pins.get(folded)?.atMs], [
    ANN,
    "Ann",
    null,
  ]);
  assertEquals([pins.isKnownOtherwise(BOB, folded), pins.isKnownOtherwise(ANN, folded)], [
    true,
    false,
  ]);
  const again = new Pins(pins.snapshot());
  assertEquals([...again.entries()], [...pins.entries()]);
  assertEquals(pins.snapshot()[0], { kind: "pin", name: "Cem", key: BOB });
});

Deno.test("Pins: only the key that is refused loses its name", () => {
  const pins = new Pins([]);
  pins.set("Ann", ANN, 5);
  pins.forget(folded, BOB);
  assertEquals(pins.get(folded)?.atMs, 5);
  pins.forget(folded, ANN);
  assertEquals(pins.get(folded), undefined);
});

Deno.test("Pins: the last strangers of a crowd of whom the user was warned are known, each once", () => {
  const pins = new Pins([]);
  pins.set("Ann", ANN, 0);
  const crowd = Array.from({ length: NAMESAKES_MAX + 1 }, (_, index) => keyOf(100 + index));
  crowd.forEach((key, atMs) => pins.warned(folded, key, atMs));
  pins.warned(folded, crowd[1]!, 99);
  const { warned } = pins.get(folded)!;
  assertEquals([warned.size, warned.has(crowd[0]!), warned.get(crowd[1]!)], [
    NAMESAKES_MAX,
    false,
    99,
  ]);
  pins.set("Ann", BOB, 1);
  assertEquals(pins.get(folded)!.warned.size, 0);
});

Deno.test("Pins: of more than are kept the oldest goes", () => {
  const pins = new Pins([]);
  for (let n = 0; n < PINS_MAX; n++) pins.set(`n${n}`, ANN, 0);
  assertEquals(pins.isFull, true);
  pins.set("one more", BOB as PeerKey, 0);
  assertEquals([pins.get(foldName("n0")), pins.get(foldName("n1"))?.key], [undefined, ANN]);
});
