/** Every message between two friends: encoding, checking and the table in PROTOCOL.md come from here. */

import { presenceFields } from "../../base/machine/user_presence.ts";
import {
  fixedBytes,
  list,
  message,
  type MessageOf,
  oneOf,
  record,
  text,
  uint,
} from "../../base/schema/schema.ts";
import {
  BATCH_TEXTS_MAX,
  EPOCHS_MAX,
  FRAME_TEXTS_BYTES_MAX,
  NAME_BYTES_MAX,
  TEXT_BYTES_MAX,
} from "./limits.ts";

const counter = uint(Number.MAX_SAFE_INTEGER);
const position = record({ epoch: counter, number: counter });

/** Why a peer is refused; its own program puts that into words. */
export const REFUSALS = [
  /** The sender's table doesn't have it. */
  "unknown-user",
  /** One of the two isn't the one that the other has looked for. */
  "misdirected",
  /** The sender has another key for it. */
  "key-changed",
  /** The sender's user has found its digits to be different. */
  "digits",
  /** Its key isn't known, and nobody answers at its address in the sender's table. */
  "unreachable",
  /** Too many whose keys aren't known are waiting. */
  "full",
  "disk",
  "replaced",
] as const;

const hello = message(1, "hello", {
  from: "either side of a new link, the dialler first",
  to: "the other",
  when: "the link is up; from the side that was dialled, once it knows whose key the other's is",
  answer: "`hello` or `refuse`; after both, `texts`",
  lane: "control",
}, {
  /** The sender's name in its own table, and the name that it knows the other by. */
  name: text(NAME_BYTES_MAX),
  to: text(NAME_BYTES_MAX),
  /** Up to which positions the sender has stored the other's messages, in each epoch. */
  stored: list(position, EPOCHS_MAX),
  /** What the sender's user says of itself. */
  ...presenceFields,
});
const refuse = message(2, "refuse", {
  from:
    "the side that was dialled, a dialler that reached the wrong one, or any side with `replaced`",
  to: "the other",
  when:
    "it is no friend, or can't be shown to be the one it claims to be: the link is closed after it; `replaced`: another process with this key has come",
  answer: "none; to `replaced`, a goodbye that says so",
  lane: "control",
}, { code: oneOf(REFUSALS) });
const texts = message(3, "texts", {
  from: "a friend",
  to: "a friend",
  when: "they are on the sender's disk; in order, at most 64 KiB of text",
  answer: "`stored` when they are on the receiver's",
  lane: "data",
}, {
  epoch: counter,
  entries: list(
    record({
      number: counter,
      /** Drawn when the message was typed; the same however often it is sent. */
      id: fixedBytes(16),
      /** The author's wall clock when it was typed, ms since 1970; for display alone. */
      sentAt: counter,
      text: text(TEXT_BYTES_MAX),
    }),
    BATCH_TEXTS_MAX,
    FRAME_TEXTS_BYTES_MAX,
  ),
});
const stored = message(4, "stored", {
  from: "a friend",
  to: "a friend",
  when: "all texts up to this one are on its disk",
  lane: "control",
}, { position });
const skip = message(5, "skip", {
  from: "a friend",
  to: "a friend",
  when: "the other asks for messages that were delivered earlier and aren't kept any more",
  lane: "data",
}, { position });
const unknown = message(6, "unknown", {
  from: "a friend",
  to: "a friend",
  when: "a message of a type that it doesn't know came",
  lane: "control",
}, { code: uint(16_383) });

const presence = message(7, "presence", {
  from: "a friend",
  to: "friends that are connected",
  when: "its user says something else of itself; after a few at once, once in 10 s",
  lane: "control",
}, { ...presenceFields });

export const FRIENDS_MESSAGES = [hello, refuse, texts, stored, skip, unknown, presence] as const;

export type FriendsMessage = MessageOf<typeof FRIENDS_MESSAGES[number]>;
export type FriendsRefusal = typeof REFUSALS[number];

/** The queue that each type of message waits in, as its declaration says. */
export const FRIENDS_LANES = Object.fromEntries(
  FRIENDS_MESSAGES.map(({ name, about }) => [name, about.lane]),
) as Readonly<Record<FriendsMessage["type"], "control" | "data">>;
