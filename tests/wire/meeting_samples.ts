/** One message of each type of meeting points, made of fixed values: for golden bytes, fuzzing and measuring. */

import type { PeerKey } from "../../lib/base/ids.ts";
import type { MeetingMessage } from "../../lib/protocols/meeting_point/messages.ts";

const room = new Uint8Array(16).fill(0x3c);

/** In the order of their codes. */
export const MEETING_SAMPLES: readonly MeetingMessage[] = [
  { type: "register", room },
  { type: "registered" },
  { type: "numbers", numbers: [7, 90] },
  { type: "numbered", numbers: [7] },
  { type: "connect", stream: 2, room, member: "k7f3".repeat(7).slice(0, 27) },
  { type: "connect-number", stream: 4, number: 7 },
  { type: "opened", stream: 2 },
  { type: "refused", stream: null, code: "replaced", text: "another process" },
  { type: "incoming", stream: 1, from: "ab".repeat(32) as PeerKey },
  { type: "bytes", stream: 300, bytes: new Uint8Array(20).fill(0x5a) },
  { type: "room", stream: 300, bytes: 16_384 },
  { type: "close", stream: 300, reason: "ended" },
  { type: "unknown", code: 99 },
];
