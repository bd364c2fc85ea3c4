/**
 * What nobody would say, to a meeting point by two visitors at once, and to a visitor by a meeting point. Whatever comes,
 * a visitor is sent only what is for it, streams stay within their bounds, and nothing throws.
 *
 * An input is a row of parcels (`parcels.ts`).
 */

import { assert } from "@std/assert";
import { concatBytes, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { STREAMS_EACH_MAX } from "../../../lib/protocols/meeting_point/limits.ts";
import {
  MEETING_MESSAGES,
  type MeetingMessage,
} from "../../../lib/protocols/meeting_point/messages.ts";
import { createCodec } from "../../../lib/wire/codec.ts";
import { keyOf, MeetingWorld, ROOM_TAG } from "../../protocols/meeting_point/meeting_world.ts";
import type { Random } from "../../sim/random.ts";
import { NO_TEXT, spoilt } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import { messagesIn, parcelOf } from "../parcels.ts";
import type { Target } from "../target.ts";

const CODEC = createCodec(MEETING_MESSAGES);
const MEMBERS = [keyOf(1), keyOf(2), keyOf(3)].map(fingerprintOf);
const PIECES = [...MEMBERS.map(utf8), ROOM_TAG].concat(
  NUMBERS as Uint8Array<ArrayBuffer>[],
  NO_TEXT,
);

function messages(random: Random): readonly MeetingMessage[] {
  const stream = random.below(6);
  const room = ROOM_TAG;
  return [
    { type: "register", room },
    { type: "registered" },
    { type: "numbers", numbers: [random.below(9)] },
    { type: "numbered", numbers: [random.below(9)] },
    { type: "connect", stream, room, member: random.pick(MEMBERS) },
    { type: "connect-number", stream, number: random.below(9) },
    { type: "opened", stream },
    { type: "refused", stream, code: "full", text: "x" },
    { type: "incoming", stream, from: keyOf(1 + random.below(3)) },
    { type: "bytes", stream, bytes: random.bytes(random.below(40)) },
    { type: "room", stream, bytes: random.below(40) },
    { type: "close", stream, reason: "x" },
    { type: "unknown", code: random.below(300) },
  ];
}

function piece(random: Random): Uint8Array {
  const encoded = CODEC.encode(random.pick(messages(random))).slice();
  const bytes = random.chance(0.2) ? spoilt(encoded, PIECES, random) : encoded;
  return parcelOf(random.below(9), bytes);
}

/** @returns Whether some message was one. */
function check(input: Uint8Array): boolean {
  const world = new MeetingWorld();
  const visitors = [1, 2, 3].map((seed) => world.visitor(seed));
  for (const visitor of visitors) visitor.register();
  world.pass(50);
  visitors[0]!.reach(visitors[1]!);
  world.pass(50);
  let isTaken = false;
  for (const { kind, message } of messagesIn(input, CODEC)) {
    const visitor = visitors[kind % 3]!;
    if (visitor.link === null) continue;
    isTaken = true;
    if (kind < 3) visitor.step({ type: "message", link: visitor.link, message });
    else world.says(visitor, message);
    world.pass(kind * 20);
  }
  world.pass(100);
  const { streams, visitors: here } = world.point!.counts;
  assert(here <= 3 && streams <= 3 * STREAMS_EACH_MAX, "what it holds is bounded");
  return isTaken;
}

export const meetingsTarget: Target = {
  name: "meetings",
  pieces: PIECES,
  bytesMax: 2_048,
  make: (random) =>
    concatBytes(...Array.from({ length: 1 + random.below(12) }, () => piece(random))),
  check,
};
