import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { behindOf } from "../../../../lib/protocols/mesh/log/order_view.ts";
import { KeptBundles } from "../../../../lib/protocols/mesh/log/kept_bundles.ts";
import type { KeptBundle } from "../../../../lib/protocols/mesh/log/order_io.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, idOf } from "../order_members.ts";

const EVE = fakeSigner("eve");
const ANN = fakeSigner("ann").key;

function kept(text: string, time: number, follows = 0): KeptBundle {
  const bundle = forged(EVE, text, { time });
  return { time, id: idOf(bundle), bundle, messages: 1, bytes: text.length, follows };
}

Deno.test("behindOf() counts what comes after each one's time, its own words left out, in one walk for all", () => {
  let steps = 0;
  function* backwards() {
    for (let time = 100; time > 0; time--, steps++) yield kept("four", time);
  }
  const crowd = Array.from({ length: 200 }, (_, at) => [`nobody ${at}` as PeerKey, at] as const);

  const behind = behindOf(new Map([...crowd, [ANN, 40], [EVE.key, 40]]), backwards());

  assertEquals(behind.get(ANN), { messages: 60, bytes: 240 });
  assertEquals(behind.get(EVE.key), { messages: 0, bytes: 0 });
  assertEquals(crowd.map(([key]) => behind.get(key)!.messages).slice(98, 103), [2, 1, 0, 0, 0]);
  assertEquals([behind.size, steps], [202, 100]);
  assertEquals(behindOf(new Map([[ANN, 100]]), backwards()).get(ANN)!.messages, 0);
  assertEquals(steps, 100);
});

Deno.test("KeptBundles tells what the first of those follows that have one time, while any of them is kept", () => {
  const bundles = new KeptBundles(3);
  const same = bundles.sameTime;
  for (const [text, follows] of [["a", 7], ["b", 5]] as const) bundles.add(kept(text, 10, follows));
  assertEquals([same.has(10), same.follows(10), same.has(11), same.follows(11)], [
    true,
    5,
    false,
    0,
  ]);
  for (const time of [11, 12]) bundles.add(kept("later", time, 9));
  assertEquals([same.has(10), same.follows(12)], [true, 9]);
  bundles.add(kept("last", 13));
  assertEquals(same.has(10), false);
  bundles.remove(bundles.last()!);
  assertEquals(same.has(13), false);
});
