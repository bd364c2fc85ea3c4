import { assert, assertEquals } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import {
  ToldMessage,
  type Unacknowledged,
} from "../../../../lib/protocols/directory/broadcast_log/delivery.ts";
import { InFlight } from "../../../../lib/protocols/directory/broadcasts/deliveries.ts";
import {
  FLYING_MAX,
  FLYING_MS_MAX,
  WINDOW_MAX,
} from "../../../../lib/protocols/directory/schema/limits.ts";

const TELLING = new ToldMessage({
  type: "told",
  number: 1,
  after: 0,
  from: "ann",
  sentAt: 0,
  text: "hello",
  key: "d".repeat(64) as PeerKey,
  own: 1,
  signature: new Uint8Array(64),
  guest: false,
});

function some(count: number): readonly Unacknowledged[] {
  return Array.from({ length: count }, () => ({
    telling: TELLING,
    dueMs: null,
    datagrams: 0,
    flyingSinceMs: null,
    isLate: false,
  }));
}

/** A sky that lacks one of being full, and what is in it; all set out at 0. */
function almostFull() {
  const flying = new InFlight();
  const all = some(FLYING_MAX - 1);
  for (const sent of all) flying.departs(sent, 0);
  assertEquals([flying.hasRoom, flying.nextMs()], [true, FLYING_MS_MAX]);
  return { flying, all, last: some(1)[0]! };
}

Deno.test("Flying: what lands makes room, each once, when so many have as one client may be sent", () => {
  const { flying, all, last } = almostFull();
  flying.departs(last, 10);
  assertEquals(flying.hasRoom, false);
  for (const sent of all.slice(1, WINDOW_MAX)) {
    flying.lands(sent);
    flying.lands(sent);
  }
  assertEquals(flying.hasRoom, false);
  flying.lands(last);
  assertEquals(flying.hasRoom, true);
  // As many again.
  for (const sent of all.slice(1, WINDOW_MAX)) flying.departs(sent, 20);
  assertEquals(flying.hasRoom, true);
  flying.departs(last, 20);
  assertEquals(flying.hasRoom, false);
});

Deno.test("Flying: what sets out again is one, from then on", () => {
  const { flying, all, last } = almostFull();
  for (const sent of all) flying.departs(sent, 10);
  assertEquals([flying.hasRoom, flying.nextMs()], [true, 10 + FLYING_MS_MAX]);
  flying.departs(last, 10);
  assertEquals(flying.hasRoom, false);
});

Deno.test("Flying: what is too long on its way makes room by itself", () => {
  const { flying, last } = almostFull();
  flying.departs(last, 10);
  flying.expire(FLYING_MS_MAX - 1);
  assertEquals(flying.hasRoom, false);
  flying.expire(FLYING_MS_MAX);
  assertEquals([flying.hasRoom, flying.nextMs()], [true, 10 + FLYING_MS_MAX]);
  flying.expire(10 + FLYING_MS_MAX);
  assertEquals(flying.nextMs(), null);
});

Deno.test("Flying: what has landed isn't kept, though something is always on its way", () => {
  const flying = new InFlight();
  let [before, now] = some(2) as [Unacknowledged, Unacknowledged];
  flying.departs(before, 0);
  for (let atMs = 1; atMs <= 10_000; atMs++) {
    flying.departs(now, atMs);
    flying.lands(before);
    [before, now] = [now, before];
    flying.expire(atMs);
    assert(flying.kept <= FLYING_MAX + 2);
  }
});
