/**
 * What goes over a connection in clear, before and instead of the handshake.
 *
 * The dialler's preface says who it wants to talk to, so that a stranger gets a clear answer at once. It is
 * the prologue of the handshake: a changed bit makes the handshake fail. Nothing in it names a room or a key
 * to an onlooker, both are hashed with a salt.
 *
 *     offset  bytes
 *          0      4  "p2pc"
 *          4      1  version; a reader of another version stops here
 *          5      1  mode
 *          6      1  flags: 1 room, 2 secret, 4 expected key
 *          7      4  epoch of the secret, big-endian; 0 without
 *         11      8  salt, random
 *         19     16  room tag; 0 without
 *         35     16  tag of the key that the dialler expects; 0 without
 *
 * The listener answers with one byte, ACCEPT, and the handshake goes on, or with a refusal of three bytes:
 * REFUSE, code, its version. A refusal is unauthenticated, so it is a hint to the user and nothing else.
 */

import { sameBytes } from "../../base/collections/bytes.ts";
import { type Bytes, utf8 } from "../../base/crypto/crypto.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import type { PeerKey, RoomId } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { sha256 } from "./primitives.ts";

/** The one version there is. */
export const CHANNEL_VERSION = 15;

/** What two programs talk about. A channel of one mode never carries another. */
export type ChannelMode =
  | "mesh"
  | "group"
  | "friends"
  | "directory"
  | "call"
  | "words"
  | "meeting";

const MODE_BYTES: Readonly<Record<ChannelMode, number>> = {
  mesh: 1,
  group: 2,
  friends: 3,
  directory: 4,
  call: 5,
  words: 6,
  meeting: 7,
};

/** Why a listener doesn't want a connection. */
export type Refusal =
  | "version"
  | "wrong-mode"
  | "wrong-room"
  | "full"
  | "bad-credentials"
  | "protocol";

const REFUSAL_BYTES: Readonly<Record<Refusal, number>> = {
  "version": 1,
  "wrong-mode": 2,
  "wrong-room": 3,
  "full": 4,
  "bad-credentials": 5,
  "protocol": 6,
};

/** Whether a text, such as the reason of a goodbye, is the name of a refusal. */
export function isRefusal(text: string): text is Refusal {
  return Object.hasOwn(REFUSAL_BYTES, text);
}

const MAGIC = utf8("p2pc");
const VERSION_OFFSET = MAGIC.length;
const TAG_BYTES = 16;
/** Bytes of a salt. */
export const SALT_BYTES = 8;
/** Bytes of a preface of this version. */
export const PREFACE_BYTES = 51;
/** First byte of an answer that the second handshake message follows. */
export const ACCEPT = 1;
/** First byte of a refusal. */
export const REFUSE = 2;
/** Bytes of a refusal. */
export const REFUSAL_BYTES_LENGTH = 3;

const FLAG_ROOM = 1;
const FLAG_SECRET = 2;
const FLAG_EXPECTED_KEY = 4;
const FLAGS = FLAG_ROOM | FLAG_SECRET | FLAG_EXPECTED_KEY;

const ROOM_TAG_DOMAIN = utf8("p2pchat room tag 1\0");
const KEY_TAG_DOMAIN = utf8("p2pchat expected key 1\0");

/** What the dialler wants; `null` for what it doesn't know or need. */
export interface Wanted {
  readonly mode: ChannelMode;
  readonly room: RoomId | null;
  /** Epoch of the secret that both must know, 0 to 2^32 - 1. */
  readonly epoch: number | null;
  /** Fingerprint of the identity that the dialler expects. */
  readonly fingerprint: Fingerprint | null;
}

/** A preface as its reader sees it. */
export interface Preface {
  readonly mode: ChannelMode;
  readonly epoch: number | null;
  /** Whether the dialler named a room, and whether it is `room`. */
  readonly roomNamed: boolean;
  meansRoom(room: RoomId): boolean;
  /** Whether the dialler expects a certain key, and whether it is `key`. */
  readonly keyNamed: boolean;
  meansKey(key: PeerKey): boolean;
}

/** The preface for `wanted`. `salt` has 8 unpredictable bytes. */
export function encodePreface(wanted: Wanted, salt: Uint8Array): Bytes {
  invariant(salt.length === SALT_BYTES, "a salt has 8 bytes");
  const preface = new Uint8Array(PREFACE_BYTES);
  preface.set(MAGIC);
  preface[VERSION_OFFSET] = CHANNEL_VERSION;
  preface[5] = MODE_BYTES[wanted.mode];
  preface[6] = (wanted.room === null ? 0 : FLAG_ROOM) |
    (wanted.epoch === null ? 0 : FLAG_SECRET) |
    (wanted.fingerprint === null ? 0 : FLAG_EXPECTED_KEY);
  new DataView(preface.buffer).setUint32(7, wanted.epoch ?? 0);
  preface.set(salt, 11);
  if (wanted.room !== null) preface.set(roomTag(salt, wanted.room), 19);
  if (wanted.fingerprint !== null) preface.set(keyTag(salt, wanted.fingerprint), 35);
  return preface;
}

/**
 * Reads as much of a preface as there is, so that a stranger is turned away at its first wrong byte.
 * @param mode What we talk about. @param beside What we talk about besides, with strangers.
 * @returns The preface, a refusal, or `null` while more bytes are needed.
 * @throws {RemoteProtocolError} If the other side doesn't speak this protocol at all.
 */
export function decodePreface(
  bytes: Uint8Array,
  mode: ChannelMode,
  beside: readonly ChannelMode[] = [],
): Preface | Refusal | null {
  for (let at = 0; at < Math.min(bytes.length, MAGIC.length); at++) {
    if (bytes[at] !== MAGIC[at]) {
      throw new RemoteProtocolError(
        `Cannot talk to this program: it doesn't speak p2pchat (byte ${at} is ${bytes[at]})`,
      );
    }
  }
  const version = bytes[VERSION_OFFSET];
  if (version === undefined) return null;
  if (version !== CHANNEL_VERSION) return "version";
  if (bytes.length < PREFACE_BYTES) return null;
  const named = [mode, ...beside].find((one) => bytes[5] === MODE_BYTES[one]);
  if (named === undefined) return "wrong-mode";
  const flags = bytes[6]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if ((flags & ~FLAGS) !== 0) return "protocol";
  const salt = bytes.slice(11, 19);
  const room = bytes.slice(19, 35);
  const key = bytes.slice(35, 51);
  // Tags aren't secret from the peer whose tags are compared: the time it takes reveals nothing.
  return {
    mode: named,
    epoch: (flags & FLAG_SECRET) === 0 ? null : view.getUint32(7),
    roomNamed: (flags & FLAG_ROOM) !== 0,
    meansRoom: (ours) => sameBytes(room, roomTag(salt, ours)),
    keyNamed: (flags & FLAG_EXPECTED_KEY) !== 0,
    meansKey: (ours) => sameBytes(key, keyTag(salt, fingerprintOf(ours))),
  };
}

/** A refusal's bytes. */
export function encodeRefusal(refusal: Refusal): Bytes {
  return Uint8Array.of(REFUSE, REFUSAL_BYTES[refusal], CHANNEL_VERSION);
}

/** A refusal as its reader sees it; a code of a later version is "protocol". */
export function decodeRefusal(bytes: Uint8Array): { refusal: Refusal; version: number } {
  let refusal: Refusal = "protocol";
  for (const [name, code] of Object.entries(REFUSAL_BYTES)) {
    if (code === bytes[1]) refusal = name as Refusal;
  }
  return { refusal, version: bytes[2] ?? 0 };
}

function roomTag(salt: Uint8Array, room: RoomId): Bytes {
  return sha256(ROOM_TAG_DOMAIN, salt, Uint8Array.fromHex(room)).slice(0, TAG_BYTES);
}

// A tag of the fingerprint and not of the key: the fingerprint may be all that the dialler knows.
function keyTag(salt: Uint8Array, fingerprint: Fingerprint): Bytes {
  return sha256(KEY_TAG_DOMAIN, salt, utf8(fingerprint)).slice(0, TAG_BYTES);
}
