/** Visitors that break the rules, and a meeting point that does. */

import { assert, assertEquals } from "@std/assert";
import type { LinkId } from "../../../lib/base/ids.ts";
import {
  CREDIT_BYTES,
  PIECE_BYTES_MAX,
  STREAMS_EACH_MAX,
  VISITORS_EACH_MAX,
} from "../../../lib/protocols/meeting_point/limits.ts";
import type { MeetingMessage } from "../../../lib/protocols/meeting_point/messages.ts";
import { MeetingWorld, ROOM_TAG, type VisitorNode } from "./meeting_world.ts";

const room = ROOM_TAG;
const piece = new Uint8Array(PIECE_BYTES_MAX);

function inStream(): { world: MeetingWorld; eve: VisitorNode; bob: VisitorNode; stream: number } {
  const world = new MeetingWorld();
  const [eve, bob] = [world.visitor(1), world.visitor(2)];
  bob.register();
  world.pass(100);
  eve.reach(bob);
  world.pass(100);
  return { world, eve, bob, stream: eve.open[0]!.stream };
}

const BROKEN: Readonly<Record<string, readonly MeetingMessage[]>> = {
  "sent more than there is room for": Array(CREDIT_BYTES / PIECE_BYTES_MAX + 1).fill(
    { type: "bytes", stream: 0, bytes: piece },
  ),
  "took more than it was sent": [{ type: "room", stream: 0, bytes: 1 }],
  "named a stream that isn't free": [
    { type: "connect", stream: 0, room, member: "a".repeat(27) },
  ],
  "registered numbers before itself": [{ type: "numbers", numbers: [7] }],
  "sent registered, which only a meeting point does": [{ type: "registered" }],
  "sent too many messages": Array(400).fill({ type: "close", stream: 40, reason: "" }),
};

for (const [reason, messages] of Object.entries(BROKEN)) {
  Deno.test(`meeting point: a visitor that ${reason} is let out, and its streams end`, () => {
    const { world, eve, bob } = inStream();
    for (const message of messages) world.says(eve, message);
    world.pass(200);
    assertEquals(world.banned, [reason]);
    assertEquals(world.point!.counts, {
      ...world.point!.counts,
      visitors: 1,
      registered: 1,
      streams: 0,
    });
    assertEquals(bob.open, []);
    const ann = world.visitor(3);
    ann.reach(bob);
    world.pass(100);
    assertEquals(ann.open.length, 1, "others are served");
  });
}

Deno.test("meeting point: an odd stream, which only the meeting point may choose, is refused", () => {
  const { world, eve } = inStream();
  world.says(eve, { type: "connect", stream: 3, room, member: "a".repeat(27) });
  world.pass(100);
  assertEquals(world.banned, ["named a stream that isn't free"]);
});

Deno.test("meeting point: messages of streams that are over, or never were, change nothing", () => {
  const { world, eve, bob, stream } = inStream();
  bob.end(bob.open[0]!);
  world.says(eve, { type: "bytes", stream, bytes: piece });
  world.says(eve, { type: "room", stream, bytes: 5 });
  world.says(eve, { type: "close", stream, reason: "x" });
  world.says(eve, { type: "bytes", stream: 98, bytes: piece });
  world.pass(100);
  assertEquals(world.banned, []);
  assertEquals(world.point!.counts.streams, 0);
});

Deno.test("meeting point: visitors of one address take so many places, and those of others are let in", () => {
  const world = new MeetingWorld();
  const crowd = Array.from(
    { length: VISITORS_EACH_MAX + 5 },
    (_, at) => world.visitor(20 + at, "2001:db8::" + at.toString(16)),
  );
  for (const one of crowd) one.register();
  world.pass(100);
  assertEquals(crowd.filter(({ client }) => client.isRegistered).length, VISITORS_EACH_MAX);
  const refused = crowd.find(({ client }) => !client.isRegistered)!;
  const told = refused.effects.findLast((effect) => effect.type === "state");
  assertEquals(
    told?.failure,
    "the meeting point takes no more visitors, in all or from this address",
  );
  const bob = world.visitor(2);
  bob.register();
  world.pass(100);
  assert(bob.client.isRegistered);
});

Deno.test("meeting point: half-open streams of one visitor take no places for others", () => {
  const world = new MeetingWorld(1, { links: 1_000, roomLinks: 1_000 });
  const [eve, bob] = [world.visitor(1), world.visitor(2)];
  bob.register();
  world.pass(100);
  for (let at = 0; at < 3 * STREAMS_EACH_MAX; at++) {
    eve.reach(bob);
    world.pass(10);
  }
  assertEquals(bob.open.length, STREAMS_EACH_MAX);
  world.pass(11_000);
  assertEquals([bob.open, world.point!.counts.streams], [[], 0]);
});

Deno.test("meeting point: half-open streams to somebody give way to who has something to say", () => {
  const world = new MeetingWorld(1, { links: 1_000, roomLinks: 1_000 });
  const [eve, bob, ann] = [world.visitor(1), world.visitor(2), world.visitor(3)];
  bob.register();
  world.pass(100);
  for (let at = 0; at < STREAMS_EACH_MAX; at++) {
    eve.reach(bob);
    world.pass(10);
  }
  ann.reach(bob);
  world.pass(100);
  assertEquals([ann.open.length, ann.failed.length], [1, 0]);
  ann.send(ann.open[0]!, new Uint8Array(9));
  world.pass(100);
  for (let at = 0; at < 5; at++) {
    eve.reach(bob);
    world.pass(10);
  }
  assertEquals([ann.open.length, bob.open.length], [1, STREAMS_EACH_MAX]);
  assertEquals(world.banned, []);
});

// Liars.

const LIES: Readonly<Record<string, readonly MeetingMessage[]>> = {
  "brings a stream twice": [
    { type: "incoming", stream: 9, from: "ab".repeat(32) as never },
    { type: "incoming", stream: 9, from: "ab".repeat(32) as never },
  ],
  "brings a stream with a number of ours": [
    { type: "incoming", stream: 8, from: "ab".repeat(32) as never },
  ],
  "sends more than there is room for": [
    { type: "incoming", stream: 9, from: "ab".repeat(32) as never },
    ...Array(CREDIT_BYTES / PIECE_BYTES_MAX + 1).fill({ type: "bytes", stream: 9, bytes: piece }),
  ],
  "asks us for a stream": [{ type: "connect-number", stream: 2, number: 7 }],
  "brings streams without end": Array.from(
    { length: 2 * STREAMS_EACH_MAX + 1 },
    (_, at) => ({ type: "incoming", stream: 2 * at + 101, from: "ab".repeat(32) as never }),
  ),
  "says unknown without end": Array(2_000).fill({ type: "unknown", code: 99 }),
};

for (const [lie, messages] of Object.entries(LIES)) {
  Deno.test(`visitor: a meeting point that ${lie} is left, and dialled again later`, () => {
    const world = new MeetingWorld();
    const bob = world.visitor(2);
    bob.isReading = false;
    bob.register();
    world.pass(100);
    const { link, dials } = bob;
    for (const message of messages) bob.step({ type: "message", link: link!, message });
    assertEquals(bob.open, []);
    assertEquals(bob.effects.filter(({ type }) => type === "close").length, 1);
    world.pass(5_000);
    assert(bob.dials > dials && bob.client.isRegistered);
  });
}

Deno.test("visitor: what a meeting point says of streams that aren't there changes nothing", () => {
  const world = new MeetingWorld();
  const bob = world.visitor(2);
  bob.register();
  world.pass(100);
  const before = bob.effects.length;
  for (
    const message of [
      { type: "bytes", stream: 9, bytes: piece },
      { type: "room", stream: 9, bytes: 9 },
      { type: "close", stream: 9, reason: "x" },
      { type: "refused", stream: 9, code: "full", text: "x" },
    ] as const
  ) bob.step({ type: "message", link: bob.link!, message });
  bob.step({
    type: "message",
    link: 99 as LinkId,
    message: { type: "incoming", stream: 1, from: bob.key },
  });
  assertEquals(bob.effects.length, before);
});

Deno.test("visitor: a stream that is opened too late is closed again", () => {
  const world = new MeetingWorld();
  const bob = world.visitor(2);
  bob.register();
  world.pass(100);
  bob.step({ type: "message", link: bob.link!, message: { type: "opened", stream: 4 } });
  const sent = bob.effects.findLast((effect) => effect.type === "send");
  assertEquals(sent?.message.type, "close");
  assertEquals(bob.open, []);
});

Deno.test("visitor: what a meeting point writes is shown harmlessly", () => {
  const world = new MeetingWorld();
  const bob = world.visitor(2);
  bob.connect({ number: 7 });
  world.pass(5);
  world.pass(10);
  const text = "\x1b[2J\u202eevil";
  const refused = { type: "refused", stream: 0, code: "full", text } as const;
  bob.step({ type: "message", link: bob.link!, message: refused });
  const shown = bob.failed[0]!.text;
  assert(![...text.slice(0, 1), "\u202e"].some((sign) => shown.includes(sign)), shown);
});

Deno.test("visitor: a link of a dial that was given up is closed", () => {
  const world = new MeetingWorld();
  const bob = world.visitor(2);
  bob.register();
  world.pass(100);
  bob.step({ type: "link-up", link: 77 as LinkId, peer: bob.key, attempt: 99 });
  assertEquals(bob.effects.at(-1), {
    type: "close",
    link: 77 as LinkId,
    reason: "not needed any more",
  });
  assert(bob.client.isRegistered);
});
