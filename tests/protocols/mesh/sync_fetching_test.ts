import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { AntiEntropyEffect } from "../../../lib/protocols/mesh/anti_entropy_io.ts";
import { GIVING_MS_MAX } from "../../../lib/protocols/mesh/limits.ts";
import { Fetching } from "../../../lib/protocols/mesh/sync_fetching.ts";
import { SyncPeer } from "../../../lib/protocols/mesh/sync_peer.ts";
import { Member } from "./order_members.ts";

/** A member that fetches from one neighbour, who has said what it says in two streams. */
function fetching() {
  const effects: AntiEntropyEffect[] = [];
  const [bob, carl] = [new Member("bob"), new Member("carl")];
  const peer = new SyncPeer(0);
  const peers = new Map<PeerKey, SyncPeer>([[bob.key, peer]]);
  const machine = new Fetching(carl.order, peers, (effect) => effects.push(effect));
  const wants = ["ann", "dora"].map((name) => ({
    stream: { author: new Member(name).key, incarnation: 1 },
    after: 0,
    goal: 5,
  }));
  const ask = (which: number, nowMs: number) => machine.want(bob.key, peer, [wants[which]!], nowMs);
  const answered = (nowMs: number) => {
    peer.questions.shift();
    machine.answered(bob.key, peer, nowMs);
  };
  /** What was asked and told since the last time: the places of streams, and what isn't given. */
  const take = () =>
    effects.splice(0).flatMap((effect) => {
      const placeOf = ({ author }: { readonly author: PeerKey }) =>
        wants.findIndex(({ stream }) => stream.author === author);
      if (effect.type === "not-given") return [`not given: ${placeOf(effect.stream)}`];
      if (effect.type !== "send" || effect.message.type !== "sync-want") return [];
      return [`asked: ${effect.message.entries.map(placeOf).join()}`];
    });
  return { ask, answered, take };
}

Deno.test("Fetching asks again, once, for what an answer left out while others are open", () => {
  const { ask, answered, take } = fetching();
  ask(0, 0);
  ask(1, 1_000);
  const first = take();
  answered(4_000);
  const again = take();
  answered(4_100);
  answered(4_200);

  assertEquals(first, ["asked: 0", "asked: 1"]);
  assertEquals(again, ["asked: 0"]);
  assertEquals(take(), ["asked: 1"], "what was asked for twice isn't asked for a third time");
});

Deno.test("Fetching gives what an answer left out as long again, before it counts as not given", () => {
  const { ask, answered, take } = fetching();
  ask(0, 0);
  ask(1, 1_000);
  answered(4_000);
  take();

  ask(0, 4_000 + GIVING_MS_MAX - 1);
  const early = take();
  answered(4_000 + GIVING_MS_MAX - 1);
  take();
  ask(0, 4_000 + GIVING_MS_MAX);

  assertEquals(early, []);
  assertEquals(take(), ["not given: 0"]);
});
