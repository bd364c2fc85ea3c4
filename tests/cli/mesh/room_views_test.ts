import { assertEquals } from "@std/assert";
import type { FoldedName, PeerKey } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import { lastSaid, namesShown } from "../../../lib/cli/mesh/room_views.ts";
import { fakeSigner } from "../../sim/fake_crypto.ts";
import { forged } from "../../protocols/mesh/order_members.ts";

const [BOB, OTHER, EVE] = ["b0", "07", "ee"].map((byte) => byte.repeat(32) as PeerKey) as [
  PeerKey,
  PeerKey,
  PeerKey,
];
const apart = (name: string, key: PeerKey) => `${name}~${fingerprintOf(key).slice(0, 4)}`;

Deno.test("/rooms shows nobody under a name that the user knows as another's", () => {
  const pins = new Map<FoldedName, PeerKey>([[foldName("Bob"), BOB]]);
  const shown = namesShown(new Map([[OTHER, "bob"], [EVE, "Eve"]]), pins);
  assertEquals([OTHER, EVE, BOB].map(shown), [apart("bob", OTHER), "Eve", fingerprintOf(BOB)]);
});

Deno.test("/rooms tells apart who came later under a name that somebody has", () => {
  const shown = namesShown(new Map([[BOB, "Bob"], [OTHER, "Bob"]]), new Map());
  assertEquals([BOB, OTHER].map(shown), ["Bob", apart("Bob", OTHER)]);
});

Deno.test("/rooms shows the last message of the history, whichever came last", () => {
  const ann = fakeSigner("ann");
  const early = forged(ann, "early", { time: 2_000 });
  const late = forged(fakeSigner("bob"), ["late", "later"], { time: 3_000 });
  const texts = (bundles: readonly typeof early[], ignored = "") =>
    lastSaid(
      bundles.map((bundle) => ({ kind: "bundle", bundle })),
      (key) => key === ignored,
    )?.texts.value;
  assertEquals(texts([early, late]), ["late", "later"]);
  assertEquals(texts([late, early]), ["late", "later"]);
  assertEquals(texts([late, early], fingerprintOf(late.header.value.author)), ["early"]);
  assertEquals(texts([]), undefined);
});
