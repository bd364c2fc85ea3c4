import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import type { AntiEntropyEffect } from "../../../../lib/protocols/mesh/sync/anti_entropy_io.ts";
import { SyncFetching } from "../../../../lib/protocols/mesh/sync/sync_fetching.ts";
import { SyncPeer } from "../../../../lib/protocols/mesh/sync/sync_peer.ts";
import { forged, Member } from "../order_members.ts";

/** A member that asks bob for what somebody said after 10, and what its fetching makes of what comes. */
function asking(author = "dora") {
  const told: unknown[] = [];
  const emit = (effect: AntiEntropyEffect) => {
    if (effect.type === "passed-over") told.push([effect.after, effect.before]);
  };
  const [bob, carl, speaker] = ["bob", "carl", author].map((name) => new Member(name));
  const peer = new SyncPeer(0);
  const fetching = new SyncFetching(
    carl!.order,
    new Map<PeerKey, SyncPeer>([[bob!.key, peer]]),
    emit,
  );
  const stream = { author: speaker!.key, incarnation: 1 };
  fetching.want(bob!.key, peer, [{ stream, after: 10, goal: 50 }], 0);
  const comes = (counter: number) =>
    fetching.arrived(bob!.key, forged(speaker!.signer, "text", { counter }));
  return { peer, comes, told };
}

Deno.test("Fetching tells what a range has passed over, by the first of a stream that comes", () => {
  const { comes, told } = asking();
  for (const counter of [31, 32, 40]) comes(counter);
  assertEquals(told, [[10, 31]]);
});

Deno.test("Fetching tells of nothing where a stream begins where it was asked for", () => {
  const { comes, told } = asking();
  for (const counter of [11, 31]) comes(counter);
  assertEquals(told, []);
});

Deno.test("Fetching tells of nothing where a neighbour begins its own stream later", () => {
  const { comes, told } = asking("bob");
  comes(31);
  assertEquals(told, []);
});

Deno.test("Fetching tells of nothing once a range was given up: what comes may be of that one", () => {
  const { peer, comes, told } = asking();
  peer.isMixed = true;
  comes(31);
  assertEquals(told, []);
});
