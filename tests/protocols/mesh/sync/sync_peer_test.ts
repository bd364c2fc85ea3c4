/** A range as it is sent to a neighbour that has asked for it: in order, at its pace, and with an end. */

import { assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  SYNC_BUNDLE_BYTES_MIN,
  SYNC_PROGRESS_MS_MAX,
  SYNC_STREAMS_MAX,
  SYNC_WINDOW_BYTES,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import type { Bundle } from "../../../../lib/protocols/mesh/schema/structures.ts";
import type { AntiEntropyEffect } from "../../../../lib/protocols/mesh/sync/anti_entropy_io.ts";
import { SyncPeer, SyncSupply } from "../../../../lib/protocols/mesh/sync/sync_peer.ts";
import { SyncSupplying } from "../../../../lib/protocols/mesh/sync/sync_supplying.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { forged, idOf, Member } from "../order_members.ts";

const BOB = "b".repeat(64) as PeerKey;
const WIDE = SYNC_WINDOW_BYTES;

/** Who keeps of each of these authors so many messages, all in turn. */
function keeping(...authors: readonly string[]) {
  const member = new Member("keeper");
  const speakers = authors.map((name) => new Member(name));
  for (let turn = 1; turn <= 3; turn++) {
    for (const [at, speaker] of speakers.entries()) {
      const bundle = forged(speaker.signer, `${speaker.name}${turn}`, {
        counter: turn,
        previous: turn === 1 ? null : idOf(speaker.bundles.at(-1)!),
        time: 1_000 + 10 * turn + at,
      });
      speaker.bundles.push(bundle);
      member.receive(speaker, bundle);
    }
  }
  const after = (name: string, counter: number) => {
    const { key } = speakers[authors.indexOf(name)]!;
    return { author: key, incarnation: 1, after: counter };
  };
  return { order: member.order, after };
}

const textOf = (bundle: Bundle) => bundle.texts.value.join();

/** What is sent until it waits, or is over. */
function sentBy(supply: SyncSupply) {
  const sent: string[] = [];
  let next = supply.next();
  for (; next !== null && next !== "full"; next = supply.next()) sent.push(textOf(next));
  return [...sent, next];
}

Deno.test("SyncSupply: what is asked for goes out in room order, the rest is passed over and counted", () => {
  const { order, after } = keeping("a", "b", "c");
  const supply = new SyncSupply(order);
  assertEquals([supply.add([after("a", 1), after("c", 2)], WIDE), supply.begun], [true, false]);
  assertEquals(sentBy(supply), ["a2", "a3", "c3", null]);
  assertEquals([supply.begun, supply.takePassedOver(), supply.takePassedOver()], [true, 3, 0]);

  // Another question for earlier ones goes back for those alone.
  supply.add([after("b", 0)], WIDE);
  assertEquals([sentBy(supply), supply.questions], [["b1", "b2", "b3", null], 2]);
});

Deno.test("SyncSupply: no more is under way than the window holds, whatever is confirmed", () => {
  const { order, after } = keeping("a", "b");
  const supply = new SyncSupply(order);
  supply.add([after("a", 0), after("b", 0)], 2 * SYNC_BUNDLE_BYTES_MIN);
  assertEquals(sentBy(supply), ["a1", "b1", "full"]);
  supply.confirm(SYNC_BUNDLE_BYTES_MIN);
  supply.confirm(0);
  assertEquals(sentBy(supply), ["a2", "full"]);
  supply.confirm(Number.MAX_SAFE_INTEGER);
  assertEquals(sentBy(supply), ["b2", "a3", "full"]);
});

Deno.test("SyncSupply: only so many streams are looked for at once, those that nobody keeps not counted", () => {
  const all = new Map<string, number>();
  const supply = new SyncSupply({
    firstKept: ({ author, incarnation }, after) => {
      all.set(author, incarnation);
      return after === 0 ? { time: 1 } as never : null;
    },
    nextInOrder: () => null,
  });
  const want = (incarnation: number, after: number) => ({ author: BOB, incarnation, after });
  const many = Array.from({ length: SYNC_STREAMS_MAX }, (_, at) => want(at, 0));
  assertEquals(supply.add(many, WIDE), true);
  assertEquals([supply.add([want(9, 1)], WIDE), supply.add([want(99_999, 0)], WIDE)], [
    true,
    false,
  ]);
});

/** Bob asks who keeps what a and b said; each effect by its kind or text. */
function supplying(windowBytes = WIDE) {
  const { order, after } = keeping("a", "b");
  const effects: AntiEntropyEffect[] = [];
  const part = new SyncSupplying(order, (effect) => void effects.push(effect));
  const peer = new SyncPeer(0);
  const want = (name: string, counter: number, nowMs = 0) =>
    part.wanted(
      BOB,
      peer,
      { type: "sync-want", entries: [after(name, counter)], windowBytes },
      nowMs,
    );
  const done = () =>
    effects.splice(0).map((effect) =>
      effect.type === "send-bundle"
        ? textOf(effect.bundle)
        : effect.type === "send"
        ? effect.message.type
        : effect.type
    );
  return { part, peer, want, done };
}

Deno.test("SyncSupplying: a range ends in the step after its last bundle, once for each question", () => {
  const { part, peer, want, done } = supplying();
  want("a", 1);
  want("b", 2);
  assertEquals([done(), peer.supplyDeadlineMs], [["a2", "a3", "b3"], 1]);
  part.due(BOB, peer, 1);
  assertEquals([done(), peer.supply], [["sync-done", "sync-done", "supplied"], null]);
  part.progress(BOB, peer, { type: "sync-progress", bytes: 1 }, 2);
  assertEquals(done(), []);
});

Deno.test("SyncSupplying: confirmations set the pace; a range of which none comes for ten seconds is given up", () => {
  const { part, peer, want, done } = supplying(SYNC_BUNDLE_BYTES_MIN);
  want("a", 0);
  assertEquals([done(), peer.supplyDeadlineMs], [["a1"], SYNC_PROGRESS_MS_MAX]);
  const bytes = SYNC_BUNDLE_BYTES_MIN;
  part.progress(BOB, peer, { type: "sync-progress", bytes }, 500);
  assertEquals([done(), peer.supplyDeadlineMs], [["a2"], 500 + SYNC_PROGRESS_MS_MAX]);
  part.due(BOB, peer, 500 + SYNC_PROGRESS_MS_MAX);
  assertEquals([done(), peer.supply], [[], null]);
});

Deno.test("SyncSupplying: over a full link nothing begins, and what it has dropped ends the range once it has drained", () => {
  const { part, peer, want, done } = supplying();
  peer.congested = true;
  want("a", 1);
  assertEquals(done(), []);
  part.drained(BOB, peer, 100);
  assertEquals([done(), peer.congested], [["a2", "a3"], false]);

  peer.congested = true;
  part.due(BOB, peer, 101);
  assertEquals([done(), peer.supplyDeadlineMs], [[], 101 + SYNC_PROGRESS_MS_MAX]);
  part.drained(BOB, peer, 200);
  assertEquals([done(), peer.supply], [["sync-done"], null]);
});

Deno.test("SyncSupplying: who asks for too many streams pays for it", () => {
  const effects: AntiEntropyEffect[] = [];
  const kept = { time: 1 } as never;
  const order = { firstKept: () => kept, nextInOrder: () => null };
  const part = new SyncSupplying(order, (effect) => void effects.push(effect));
  const author = fakeSigner("a").key;
  const entries = Array.from({ length: SYNC_STREAMS_MAX + 1 }, (_, incarnation) => ({
    author,
    incarnation,
    after: 0,
  }));
  part.wanted(BOB, new SyncPeer(0), { type: "sync-want", entries, windowBytes: WIDE }, 0);
  assertEquals(effects.map((effect) => effect.type === "penalise" && effect.fault), ["flood"]);
});
