/** A meeting point and honest visitors: who is reached, what goes through, and what the bounds are. */

import { assert, assertEquals } from "@std/assert";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  ANSWER_MS,
  CREDIT_BYTES,
  IDLE_MS,
  NUMBERS_PER_ADDRESS_MAX,
  REPLACED_MS,
  RETRY_MS_MAX,
  SILENT_MS,
  UNUSED_MS,
} from "../../../lib/protocols/meeting_point/limits.ts";
import { SPENT_MS } from "../../../lib/protocols/words/limits.ts";
import { roomTagAt } from "../../../lib/protocols/meeting_point/room_tag.ts";
import {
  keyOf,
  MeetingWorld,
  OTHER_POINT_KEY,
  POINT_KEY,
  ROOM,
  type VisitorNode,
} from "./meeting_world.ts";

const OTHER_ROOM = "cd".repeat(32) as RoomId;

function bytesOf(length: number, first: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => first + at);
}

/** Two visitors, one of which can be reached, with a stream. */
function pair(world: MeetingWorld) {
  const [ann, bob] = [world.visitor(1), world.visitor(2)];
  bob.register();
  world.pass(100);
  ann.reach(bob);
  world.pass(100);
  return { ann, bob, annEnd: ann.open[0]!, bobEnd: bob.open[0]! };
}

Deno.test("meeting point: a stream to a member leads to it, names who asks, and carries both ways in order", () => {
  const world = new MeetingWorld();
  const { ann, bob, annEnd, bobEnd } = pair(world);
  assertEquals(bobEnd.from, ann.key);
  for (let at = 0; at < 40; at++) {
    ann.send(annEnd, bytesOf(5_000, at));
    bob.send(bobEnd, bytesOf(300, at));
    world.pass(50);
  }
  world.pass(1_000);
  world.checkPair(annEnd, bobEnd);
  assertEquals([bobEnd.received.length, annEnd.received.length], [200_000, 12_000]);
  assertEquals(world.point!.counts.relayedBytes, 212_000);
});

Deno.test("meeting point: what was sent before the end arrives before it, and places are free again", () => {
  const world = new MeetingWorld(1, { rate: 40_000 });
  const { ann, annEnd, bobEnd } = pair(world);
  ann.send(annEnd, bytesOf(CREDIT_BYTES, 1)); // the burst
  world.pass(100);
  ann.send(annEnd, bytesOf(CREDIT_BYTES, 2));
  ann.end(annEnd);
  world.pass(100);
  assertEquals(bobEnd.over, null);
  world.pass(3_000);
  assertEquals(bobEnd.received.length, 2 * CREDIT_BYTES);
  world.checkPair(annEnd, bobEnd);
  assertEquals(bobEnd.over, "ended");
  assertEquals(world.point!.counts.streams, 0);
});

Deno.test("meeting point: who isn't registered, or in another room, isn't reached", () => {
  const world = new MeetingWorld();
  const [ann, bob, eve] = [world.visitor(1), world.visitor(2), world.visitor(3)];
  bob.register();
  world.pass(100);
  ann.reach(eve);
  ann.reach(bob, OTHER_ROOM);
  world.pass(100);
  assertEquals(ann.failed.map(({ code }) => code), ["unreachable", "unreachable"]);
  assertEquals(bob.ends, []);
});

Deno.test("meeting point: a key is registered by who has proved it alone; of two processes the later is reached", () => {
  const world = new MeetingWorld();
  const [ann, first, second] = [world.visitor(1), world.visitor(2), world.visitor(2)];
  first.register();
  world.pass(100);
  second.register();
  world.pass(100);
  assert(second.client.isRegistered && !first.client.isRegistered);
  ann.reach(second);
  world.pass(100);
  assertEquals([first.ends.length, second.ends.length], [0, 1]);
  world.pass(REPLACED_MS / 2);
  assert(!first.client.isRegistered, "copies of a profile don't drive each other out all the time");
});

Deno.test("meeting point: one profile is in two rooms at once, each by a process of its own", () => {
  const world = new MeetingWorld();
  const [ann, here, there] = [world.visitor(1), world.visitor(2), world.visitor(2)];
  here.register();
  there.register(OTHER_ROOM);
  world.pass(100);
  ann.reach(there, OTHER_ROOM);
  world.pass(100);
  assertEquals([here.ends.length, there.ends.length], [0, 1]);
  assert(here.client.isRegistered && there.client.isRegistered);
});

Deno.test("meeting point: nobody answers a stream: it ends in time, at both sides", () => {
  const world = new MeetingWorld();
  const { ann, annEnd, bobEnd } = pair(world);
  ann.send(annEnd, bytesOf(100, 1));
  world.pass(ANSWER_MS - 500);
  assertEquals(annEnd.over, null);
  world.pass(1_000);
  assertEquals([annEnd.over, bobEnd.over], ["no answer", "no answer"]);
  assertEquals(world.point!.counts.streams, 0);
});

Deno.test("meeting point: a stream on which nothing goes any more ends, and one that is used stays", () => {
  const world = new MeetingWorld();
  const { ann, bob, annEnd, bobEnd } = pair(world);
  for (let minutes = 0; minutes < 10; minutes++) {
    ann.send(annEnd, bytesOf(10, 1));
    bob.send(bobEnd, bytesOf(10, 1));
    world.pass(60_000);
  }
  assertEquals(annEnd.over, null);
  world.pass(IDLE_MS);
  assertEquals(annEnd.over, "nothing was sent for too long");
});

Deno.test("meeting point: a receiver that takes nothing holds up its sender, and the meeting point holds no more", () => {
  const world = new MeetingWorld();
  const { ann, bob, annEnd, bobEnd } = pair(world);
  bob.isReading = false;
  let sent = 0;
  for (let at = 0; at < 50; at++) {
    sent += ann.send(annEnd, bytesOf(20_000, at));
    world.pass(100);
  }
  assertEquals(sent, CREDIT_BYTES);
  bob.isReading = true;
  bob.read();
  world.pass(500);
  assertEquals(ann.send(annEnd, bytesOf(100, 1)), 100, "once it is read, more may go");
  world.pass(500);
  world.checkPair(annEnd, bobEnd);
});

Deno.test("meeting point: bytes of one address, and of one room, go no faster than allowed", () => {
  for (const limits of [{ rate: 20_000 }, { roomRate: 20_000 }]) {
    const world = new MeetingWorld(1, limits);
    const { ann, bob, annEnd, bobEnd } = pair(world);
    bob.send(bobEnd, bytesOf(10, 1));
    for (let at = 0; at < 100; at++) {
      ann.send(annEnd, bytesOf(CREDIT_BYTES, at));
      world.pass(100);
    }
    const { length } = bobEnd.received;
    assert(length <= 10 * 20_000 + CREDIT_BYTES);
    assert(length > 9 * 20_000);
    world.pass(10_000);
    world.checkPair(annEnd, bobEnd);
    assertEquals(bobEnd.received.length, annEnd.sent.length, "late, and whole");
  }
});

Deno.test("meeting point: streams of one address, and of one room, are no more than allowed, and are refused in words", () => {
  for (const limits of [{ links: 3 }, { roomLinks: 3 }]) {
    const world = new MeetingWorld(1, limits);
    const others = [2, 3, 4, 5].map((seed) => world.visitor(seed));
    const ann = world.visitor(1);
    for (const other of others) other.register();
    world.pass(100);
    for (const other of others) {
      ann.reach(other);
      world.pass(50);
      for (const end of ann.open) if (end.sent.length === 0) ann.send(end, bytesOf(1, 1));
    }
    world.pass(100);
    assertEquals(ann.open.length, 3);
    assertEquals(ann.failed.map(({ code }) => code), ["full"]);
    const whose = "links" in limits ? "from this address" : "of that room";
    assertEquals(ann.failed[0]!.text, `the meeting point says "no more links ${whose}"`);
    ann.end(ann.open[0]!);
    world.pass(100);
    ann.reach(others[3]!);
    world.pass(100);
    assertEquals(ann.open.length, 3, "a place that is free again is given");
  }
});

Deno.test("meeting point: a number leads to the first who has registered it", () => {
  const world = new MeetingWorld();
  const [ann, bob, eve] = [world.visitor(1), world.visitor(2), world.visitor(3)];
  for (const issuer of [bob, eve]) {
    issuer.register();
    world.pass(100);
    issuer.step({ type: "numbers", numbers: [7] });
    world.pass(100);
  }
  const numbered = (visitor: VisitorNode) =>
    visitor.effects.findLast((effect) => effect.type === "numbered")?.numbers;
  assertEquals([numbered(bob), numbered(eve)], [[7], []]);
  ann.connect({ number: 7 });
  ann.connect({ number: 8 });
  world.pass(100);
  assertEquals([bob.ends.length, eve.ends.length], [1, 0]);
  assertEquals(ann.failed.map(({ code }) => code), ["unreachable"]);
});

Deno.test("meeting point: a number whose code has ended still leads there, unless another registers it, or too late", () => {
  /** What has happened since, and how many were led to Bob, to Eve, and to nobody. */
  const cases = { nothing: [1, 0, 0], registered: [0, 1, 0], late: [0, 0, 1], gone: [0, 0, 1] };
  for (const [since, led] of Object.entries(cases)) {
    const world = new MeetingWorld();
    const [ann, bob, eve] = [world.visitor(1), world.visitor(2), world.visitor(3)];
    for (const issuer of [bob, eve]) issuer.register();
    world.pass(100);
    for (const numbers of [[7, 9], [9]]) {
      bob.step({ type: "numbers", numbers });
      world.pass(100);
    }
    if (since === "registered") eve.step({ type: "numbers", numbers: [7] });
    if (since === "gone") world.visitor(2).register(); // another process of Bob's: it has no code
    world.pass(since === "late" ? SPENT_MS : SPENT_MS - 1_000);
    ann.connect({ number: 7 });
    world.pass(100);
    assertEquals([bob, eve].map(({ ends }) => ends.length).concat(ann.failed.length), led, since);
  }
});

Deno.test("meeting point: one address registers few numbers, and may ask for few", () => {
  const world = new MeetingWorld();
  const liars = Array.from({ length: 8 }, (_, at) => world.visitor(10 + at, "192.0.2.66"));
  for (const liar of liars) liar.register();
  world.pass(100);
  liars.forEach((liar, at) =>
    liar.step({ type: "numbers", numbers: [1, 2, 3].map((n) => n + 3 * at) })
  );
  world.pass(100);
  const held = liars.flatMap((liar) =>
    liar.effects.findLast((effect) => effect.type === "numbered")?.numbers ?? []
  );
  assertEquals(held.length, NUMBERS_PER_ADDRESS_MAX);
  const ann = world.visitor(1);
  for (let number = 40; number < 60; number++) ann.connect({ number });
  world.pass(100);
  assertEquals(ann.failed.filter(({ code }) => code === "too-fast").length, 10);
});

Deno.test("meeting point: a visitor that is here for nothing goes, one that is registered stays", () => {
  const world = new MeetingWorld();
  const [ann, bob] = [world.visitor(1), world.visitor(2)];
  bob.register();
  ann.reach(bob, OTHER_ROOM);
  world.pass(100);
  assertEquals(world.point!.counts.visitors, 2);
  world.pass(SILENT_MS + UNUSED_MS);
  assertEquals([world.point!.counts.visitors, bob.client.isRegistered], [1, true]);
});

Deno.test("meeting point: killed and back: streams end, members come back with growing pauses, and are reached again", () => {
  const world = new MeetingWorld();
  const { ann, bob, annEnd, bobEnd } = pair(world);
  world.kill();
  assertEquals([annEnd.over, bobEnd.over], [
    "the meeting point is gone",
    "the meeting point is gone",
  ]);
  world.pass(10 * 60_000);
  assert(bob.dials > 18);
  assert(bob.dials <= 70);
  const calls = ann.failed.length;
  ann.reach(bob);
  world.pass(1_000);
  assertEquals(ann.failed.length, calls + 1, "who can't be reached is told so at once");
  world.start();
  world.pass(RETRY_MS_MAX);
  assert(bob.client.isRegistered);
  ann.reach(bob);
  world.pass(100);
  assertEquals([ann.open.length, bob.open.length], [1, 1]);
});

Deno.test("meeting point: another key than the pinned one is told, and not used until the user accepts it", () => {
  const world = new MeetingWorld();
  world.start(OTHER_POINT_KEY);
  const bob = world.visitor(2, "192.0.2.2", fingerprintOf(POINT_KEY));
  bob.register();
  world.pass(60_000);
  const told = bob.effects.filter((effect) => effect.type === "key-changed");
  assertEquals(told.map(({ changed: { key, before } }) => [key, before]), [
    [fingerprintOf(OTHER_POINT_KEY), fingerprintOf(POINT_KEY)],
  ]);
  assertEquals([world.point!.counts.visitors, bob.client.isRegistered], [0, false]);
  bob.step({ type: "trust" });
  world.pass(1_000);
  assert(bob.client.isRegistered);
  assertEquals(bob.effects.filter(({ type }) => type === "pin").length, 1);
});

Deno.test("roomTagAt(): each meeting point is given another tag of a room, and each room has another", () => {
  const tags = [[POINT_KEY, ROOM], [POINT_KEY, OTHER_ROOM], [keyOf(9), ROOM]] as const;
  const texts = tags.map(([key, room]) => roomTagAt(nodeCrypto, fingerprintOf(key), room).toHex());
  assertEquals(new Set(texts).size, 3);
});
