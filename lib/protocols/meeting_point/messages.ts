/**
 * Every message between a meeting point and a visitor: encoding, checking and the table in PROTOCOL.md come from here.
 * All are in one lane, so that a stream's end comes after its bytes.
 */

import {
  bytes,
  fixedBytes,
  list,
  message,
  MESSAGE_CODE_MAX,
  type MessageOf,
  nullable,
  oneOf,
  peerKey,
  text,
  uint,
} from "../../base/schema/schema.ts";
import { FINGERPRINT_CHARACTERS } from "../../base/text/fingerprint.ts";
import { CREDIT_BYTES, PIECE_BYTES_MAX, REASON_BYTES_MAX, ROOM_TAG_BYTES } from "./limits.ts";
import { NUMBER_MAX, OPEN_CODES_MAX } from "../words/limits.ts";

/** Codes of a refusal, the same words as the user's error codes. */
export const MEETING_REFUSALS = ["unreachable", "full", "too-fast", "replaced"] as const;

const lane = "data";
/** Of one visitor; even where the visitor has asked for it, odd where the meeting point brings it. */
const stream = uint(2 ** 32 - 1);
const roomTag = fixedBytes(ROOM_TAG_BYTES);

const register = message(1, "register", {
  from: "a visitor",
  to: "the meeting point",
  when: "others may reach it here, under the key that it has proved",
  answer: "`registered` or `refused`",
  lane,
}, {
  /** SHA-256 of a domain tag, the meeting point's key and the room's id, the first 16 bytes. */
  room: roomTag,
});
const registered = message(2, "registered", {
  from: "the meeting point",
  to: "a visitor",
  when: "a `register` came",
  lane,
}, {});
const numbers = message(3, "numbers", {
  from: "a visitor that is registered",
  to: "the meeting point",
  when: "the numbers of its open word codes have changed",
  answer: "`numbered`",
  lane,
}, { numbers: list(uint(NUMBER_MAX), OPEN_CODES_MAX) });
const numbered = message(4, "numbered", {
  from: "the meeting point",
  to: "a visitor",
  when: "a `numbers` came",
  lane,
}, {
  /** Of these, those that lead to it now: nobody else has registered them here. */
  numbers: list(uint(NUMBER_MAX), OPEN_CODES_MAX),
});
const connect = message(5, "connect", {
  from: "a visitor",
  to: "the meeting point",
  when: "it wants a stream to a member of a room",
  answer: "`opened` or `refused`",
  lane,
}, { stream, room: roomTag, member: text(FINGERPRINT_CHARACTERS) });
const connectNumber = message(6, "connect-number", {
  from: "a visitor",
  to: "the meeting point",
  when: "it wants a stream to whoever has registered a number",
  answer: "`opened` or `refused`",
  lane,
}, { stream, number: uint(NUMBER_MAX) });
const opened = message(7, "opened", {
  from: "the meeting point",
  to: "the visitor that asked",
  when: "the other was sent `incoming`",
  answer: "`bytes`",
  lane,
}, { stream });
const refused = message(8, "refused", {
  from: "the meeting point",
  to: "a visitor",
  when: "it can't have what it asked for; `replaced`: another process of its key has registered",
  lane,
}, {
  /** The stream that it asked for; null: its registration. */
  stream: nullable(stream),
  code: oneOf(MEETING_REFUSALS),
  text: text(REASON_BYTES_MAX),
});
const incoming = message(9, "incoming", {
  from: "the meeting point",
  to: "a visitor that is registered",
  when: "another wants a stream to it",
  answer: "`bytes`, or `close`",
  lane,
}, {
  stream,
  /** Who has asked, as the meeting point says: the handshake in the stream proves it, or ends it. */
  from: peerKey(),
});
const sealed = message(10, "bytes", {
  from: "a visitor, or the meeting point",
  to: "the meeting point, or the visitor at the stream's other end",
  when: "there is room for so many",
  answer: "`room` once they are taken",
  lane,
}, { stream, bytes: bytes(PIECE_BYTES_MAX) });
const room = message(11, "room", {
  from: "a visitor, or the meeting point",
  to: "the meeting point, or the visitor at the stream's other end",
  when: "so many bytes were taken",
  lane,
}, { stream, bytes: uint(CREDIT_BYTES) });
const close = message(12, "close", {
  from: "a visitor, or the meeting point",
  to: "the meeting point, or the visitor at the stream's other end",
  when: "the stream is over",
  lane,
}, { stream, reason: text(REASON_BYTES_MAX) });
const unknown = message(13, "unknown", {
  from: "a visitor, or the meeting point",
  to: "the other",
  when: "a message of an unknown type came",
  lane,
}, { code: uint(MESSAGE_CODE_MAX) });

export const MEETING_MESSAGES = [
  register,
  registered,
  numbers,
  numbered,
  connect,
  connectNumber,
  opened,
  refused,
  incoming,
  sealed,
  room,
  close,
  unknown,
] as const;
export type MeetingMessage = MessageOf<(typeof MEETING_MESSAGES)[number]>;
