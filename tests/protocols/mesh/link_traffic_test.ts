import { assertEquals, assertStrictEquals } from "@std/assert";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { HeldInputs, LinkBundles } from "../../../lib/protocols/mesh/link_traffic.ts";
import { HELD_INPUTS_MAX } from "../../../lib/protocols/mesh/schema/limits.ts";
import { claimOf, keyOf } from "./membership_fixtures.ts";
import { Member } from "./order_members.ts";

const drained = (link: number) => ({ type: "drained", link: link as LinkId }) as const;

Deno.test("HeldInputs: each link has places of its own; all are taken once, in the order in which they came", () => {
  const held = new HeldInputs();
  const crowd = Array.from({ length: HELD_INPUTS_MAX }, () => held.hold(drained(1)));
  assertEquals([new Set(crowd), held.hold(drained(1))], [new Set([true]), false]);
  assertEquals([held.hold(drained(2)), held.hold(drained(3))], [true, true]);

  held.drop(1 as LinkId);
  assertEquals([held.hold(drained(1)), held.takeAll()], [
    true,
    [drained(2), drained(3), drained(1)],
  ]);
  assertEquals(held.takeAll(), []);
});

const [BOB, CEM] = [keyOf("Bob"), keyOf("Cem")];

/** What goes out of one bundle whose author claims to be Ann, over links that need these claims. */
function bundlesTo(needs: (peer: PeerKey) => boolean, known = true) {
  const forgotten: PeerKey[] = [];
  const part = new LinkBundles({
    forgetClaim: (peer) => void forgotten.push(peer),
    needsClaim: needs,
  });
  const bundle = new Member("ann").sayOne("hello");
  const roster = { claim: () => known ? claimOf("Ann") : null };
  const message = (peer: PeerKey, reason: "push" | "graft" | "range", hop = 1) =>
    part.message({ peer, bundle, hop, reason }, roster);
  return { message, forgotten };
}

Deno.test("LinkBundles: a bundle takes its author's claim along where the link needs it, and it is known", () => {
  const { message } = bundlesTo((peer) => peer === BOB);
  assertEquals([message(BOB, "push").claim, message(CEM, "push").claim], [
    claimOf("Ann").signed,
    null,
  ]);
  assertEquals(bundlesTo(() => true, false).message(BOB, "push").claim, null);
});

Deno.test("LinkBundles: who had to ask for a bundle may lack the claim, too", () => {
  const { message, forgotten } = bundlesTo(() => false);
  for (const reason of ["push", "graft", "range"] as const) message(BOB, reason);
  assertEquals(forgotten, [BOB]);
});

Deno.test("LinkBundles: the same to several links is one object, to be encoded once", () => {
  const { message } = bundlesTo(() => false);
  const first = message(BOB, "push");
  assertStrictEquals(message(CEM, "push"), first);
  assertEquals([message(CEM, "push", 2).hop, message(CEM, "range", 2).reason], [2, "range"]);
});
