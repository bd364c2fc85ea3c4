/** Every bound of meeting points and of their visitors, with its reason. */

import type { ChannelConfig } from "../noise/config.ts";

/** Bytes of the tag by which a room is told from others at one meeting point. */
export const ROOM_TAG_BYTES = 16;
/** UTF-8 bytes of a reason in words. */
export const REASON_BYTES_MAX = 512;

/** Sealed bytes in one piece, as in relayed calls: several fit a visitor's queue. */
export const PIECE_BYTES_MAX = 16 * 1_024;
/** Bytes in each direction of a stream that the other side hasn't taken: the meeting point holds no more. */
export const CREDIT_BYTES = 64 * 1_024;

// What the operator may set. A member has five neighbours and some callers; a home, or a small office, some members.

/** Streams of one address at once. */
export const LINKS_DEFAULT = 64;
/** Streams of one room at once: a room of forty in which nobody can be dialled. */
export const ROOM_LINKS_DEFAULT = 256;
export const LINKS_MAX = 65_536;
/** Bytes a second that are relayed for one address: chat of many, and files of a few megabytes. */
export const RATE_DEFAULT = 1_000_000;
/** Bytes a second that are relayed for one room, for all its members together. */
export const ROOM_RATE_DEFAULT = 4_000_000;
/** So that a piece goes out each second, and a handshake lasts no longer than its time. */
export const RATE_MIN = PIECE_BYTES_MAX;
export const RATE_MAX = 1_000_000_000;

// What isn't the operator's to set.

/** Visitors at once: each costs some 100 kB for its channel. */
export const VISITORS_MAX = 2_048;
/** Visitors from one address, or as many as it may have streams, if these are more. */
export const VISITORS_EACH_MAX = 64;
/** Streams at once, each of which may hold twice `CREDIT_BYTES`: 128 MiB. */
export const STREAMS_MAX = 1_024;
/** Streams of one visitor: a member has fewer neighbours, callers and newcomers at once. */
export const STREAMS_EACH_MAX = 48;
/** Numbers of word codes that are registered from one address: those of two members of a home. */
export const NUMBERS_PER_ADDRESS_MAX = 6;
/**
 * Bytes that wait for a visitor that doesn't read: what its streams may bring at once, and messages beside that. While it
 * doesn't read, nothing more of its streams is forwarded.
 */
export const BACKLOG_BYTES = (STREAMS_EACH_MAX + 16) * CREDIT_BYTES;
/** Streams that are asked for from one address: a member that comes back dials its neighbours at once. */
export const CONNECTS_PER_S = 5;
export const CONNECTS_BURST = 60;
/** Numbers that are asked for from one address: who wants to know all that are open needs a minute and a half. */
export const LOOKUPS_PER_S = 1;
export const LOOKUPS_BURST = 10;
/** Messages of one visitor beside pieces and what is granted for them. */
export const CONTROL_PER_S = 20;
export const CONTROL_BURST = 200;
/** Pieces, and what is granted for them, of one visitor: as for relayed calls, of several streams. */
export const PIECES_PER_S = 2_000;
export const PIECES_BURST = 8_000;
/** Addresses, and rooms, whose use is remembered though nobody of them is here: their limits don't begin anew. */
export const SHARES_MAX = 4_096;

/** Who neither registers nor asks for a stream, and has none, is gone after this time. */
export const SILENT_MS = 60_000;
/** The side that is called answers the handshake by then. */
export const ANSWER_MS = 10_000;
/** A stream on which nothing goes: members ping each other every few seconds. */
export const IDLE_MS = 90_000;
/** What one side sent before it ended the stream has so long to reach the other. */
export const LINGER_MS = 5_000;

// At the member.

/** The channel to a meeting point: it ends within seconds where that is gone, as links through it do. */
export const MEETING_CHANNEL = {
  pingAfterMs: 2_000,
  deadAfterMs: 8_000,
} as const satisfies Partial<ChannelConfig>;
/** A stream that is asked for comes by then, the time for dialling the meeting point included. */
export const CONNECT_MS = 8_000;
/** Streams that are asked for and haven't come. */
export const CONNECTING_MAX = 32;
/** The pauses until a meeting point that is gone is dialled again. */
export const RETRY_MS_MIN = 500;
export const RETRY_MS_MAX = 30_000;
/** Another process has registered this member: two copies of a profile don't drive each other out all the time. */
export const REPLACED_MS = 5 * 60_000;
/** A meeting point of somebody else is left when no link has gone through it for so long. */
export const UNUSED_MS = 60_000;
/** Pieces of one stream that are sent: with what is granted for those that come, `PIECES_PER_S` allows eight such. */
export const STREAM_PIECES_PER_S = 125;
