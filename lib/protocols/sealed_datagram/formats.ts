/**
 * Datagrams on the wire: the one place that takes them apart. Numbers are big-endian. An index is 4 random bytes
 * by which the receiver finds its handshake or session; it means nothing to anybody else.
 *
 *     initiation    1, sender's index, cookie (16, zero without), preface (51), Noise message 1 (32), padding
 *     response      2, receiver's index, Noise message 2 with {version, sender's index, identity proof}
 *     cookie        3, receiver's index, cookie (16)
 *     confirmation  4, receiver's index, Noise message 3 with {identity proof}
 *     transport     5, receiver's index, counter (8), sealed: kind (1), content
 *
 * The prologue of the handshake is a domain tag, the initiator's index and the preface. An initiation is as long as
 * a response, so that its answer is never larger than itself.
 */

import { type Bytes, concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import { xxMessageBytes } from "../noise/handshake_state.ts";
import { IDENTITY_PROOF_BYTES } from "../noise/identity_handshake.ts";
import { PREFACE_BYTES } from "../noise/preface.ts";
import { hasLowOrder, TAG_BYTES } from "../noise/primitives.ts";
import { COUNTER_MAX, DATAGRAM_BYTES_MAX, RELAYED_BYTES_MAX } from "./limits.ts";

/** First byte of a datagram. */
export const DATAGRAM_TYPES = {
  initiation: 1,
  response: 2,
  cookie: 3,
  confirmation: 4,
  transport: 5,
} as const;

/** First byte of what a transport datagram holds. */
export const CONTENT_KINDS = {
  /** Whatever the user of the session sends. */
  payload: 1,
  /** Empty: the responder has accepted the confirmation. */
  confirmed: 2,
  /** 8 bytes that the peer sends back if it receives at this address. */
  challenge: 3,
  /** The bytes of a challenge. */
  proof: 4,
  /** The session ends: why, in UTF-8. */
  close: 5,
  /** Nothing: sent to an address where the peer may be, which then asks for a proof. */
  trial: 6,
  /** Nothing: trials are being sent; they pass a router at the other side once that sends, too. */
  trying: 7,
} as const;
export type ContentKind = keyof typeof CONTENT_KINDS;

const KINDS_BY_BYTE = new Map<number, ContentKind>(
  Object.entries(CONTENT_KINDS).map(([kind, byte]) => [byte, kind as ContentKind]),
);

/** The kind of that byte, `undefined` for one of a later version. */
export function contentKindOf(byte: number): ContentKind | undefined {
  return KINDS_BY_BYTE.get(byte);
}

const VERSION_BYTES = 1;
const INDEX_BYTES = 4;
const INDEX_END = 1 + INDEX_BYTES;
/** Bytes of a cookie: enough that nobody guesses one in the seconds for which it is valid. */
export const COOKIE_BYTES = 16;
const PREFACE_OFFSET = INDEX_END + COOKIE_BYTES;
const FIRST_OFFSET = PREFACE_OFFSET + PREFACE_BYTES;
const FIRST_END = FIRST_OFFSET + xxMessageBytes(0, 0, false);
const COUNTER_BYTES = 8;

/** What a responder adds to its proof: version and index. */
const ATTACHMENT_BYTES = VERSION_BYTES + INDEX_BYTES;
export const RESPONSE_BYTES = INDEX_END +
  xxMessageBytes(1, ATTACHMENT_BYTES + IDENTITY_PROOF_BYTES, false);
export const INITIATION_BYTES = Math.max(RESPONSE_BYTES, FIRST_END);
export const COOKIE_DATAGRAM_BYTES = INDEX_END + COOKIE_BYTES;
export const CONFIRMATION_BYTES = INDEX_END + xxMessageBytes(2, IDENTITY_PROOF_BYTES, false);
/** Where a transport datagram's sealed part begins. */
export const SEALED_OFFSET = INDEX_END + COUNTER_BYTES;
const KIND_BYTES = 1;
/** What sealing adds to a payload. */
export const TRANSPORT_OVERHEAD_BYTES = SEALED_OFFSET + KIND_BYTES + TAG_BYTES;
/** Longest payload of one datagram. */
export const PAYLOAD_BYTES_MAX = RELAYED_BYTES_MAX - TRANSPORT_OVERHEAD_BYTES;

/** A datagram in words. */
interface DatagramAbout {
  readonly from: string;
  readonly when: string;
  readonly answer: string;
  /** At most; all but transport datagrams have exactly as many. */
  readonly bytes: number;
}

/** Each datagram: who sends it, when, what answers it. */
export const DATAGRAM_ABOUT: Readonly<Record<keyof typeof DATAGRAM_TYPES, DatagramAbout>> = {
  initiation: {
    from: "the initiator",
    when: "at once, then after 250 ms, doubling, 5 s in all; again with a cookie when one came",
    answer: "`response`, or `cookie` where many handshakes are half-open, or nothing",
    bytes: INITIATION_BYTES,
  },
  response: {
    from: "the responder",
    when: "an `initiation` came; the same one gets the same answer",
    answer: "`confirmation`",
    bytes: RESPONSE_BYTES,
  },
  cookie: {
    from: "the responder",
    when: "an `initiation` without a good cookie came, and 64 handshakes are half-open",
    answer: "the same `initiation` with it",
    bytes: COOKIE_DATAGRAM_BYTES,
  },
  confirmation: {
    from: "the initiator",
    when: "a `response` is verified; repeated as the first message, within the same 5 s",
    answer: "`transport`",
    bytes: CONFIRMATION_BYTES,
  },
  transport: {
    from: "either side",
    when: "the responder: once the third message is verified; the initiator: once one has come",
    answer: "a challenge is answered by its proof, other payloads as the layer above decides",
    bytes: DATAGRAM_BYTES_MAX,
  },
};

/** A first message. As in all of them, arrays are views into the datagram. */
export interface Initiation {
  readonly type: "initiation";
  /** The sender's. */
  readonly index: number;
  readonly cookie: Uint8Array;
  readonly preface: Uint8Array;
  /** The sender's X25519 key, not of low order, and nothing else: whatever it is, there is an answer to it. */
  readonly message: Uint8Array;
}

/** A second or third message. */
export interface HandshakeAnswer {
  readonly type: "response" | "confirmation";
  /** The receiver's. */
  readonly index: number;
  readonly message: Uint8Array;
}

export interface CookieReply {
  readonly type: "cookie";
  /** The receiver's. */
  readonly index: number;
  readonly cookie: Uint8Array;
}

export interface Transport {
  readonly type: "transport";
  /** The receiver's. */
  readonly index: number;
  /** 0 to `COUNTER_MAX`. */
  readonly counter: number;
  readonly sealed: Uint8Array;
}

/** A datagram that was taken apart, but not verified. */
export type Datagram = Initiation | HandshakeAnswer | CookieReply | Transport;

/**
 * The parts of a datagram, `null` for bytes that are none: anybody can send such bytes, at any rate, so they are
 * dropped silently and without the cost of an error.
 */
export function decodeDatagram(bytes: Uint8Array): Datagram | null {
  const { length } = bytes;
  if (length < COOKIE_DATAGRAM_BYTES) return null;
  const index = uint32(bytes, 1);
  switch (bytes[0]) {
    case DATAGRAM_TYPES.transport: {
      if (length < TRANSPORT_OVERHEAD_BYTES || length > DATAGRAM_BYTES_MAX) return null;
      const counter = uint32(bytes, INDEX_END) * 2 ** 32 + uint32(bytes, INDEX_END + 4);
      if (counter > COUNTER_MAX) return null;
      return { type: "transport", index, counter, sealed: bytes.subarray(SEALED_OFFSET) };
    }
    case DATAGRAM_TYPES.initiation: {
      if (length !== INITIATION_BYTES) return null;
      const message = bytes.subarray(FIRST_OFFSET, FIRST_END);
      if (hasLowOrder(message)) return null;
      return {
        type: "initiation",
        index,
        cookie: bytes.subarray(INDEX_END, PREFACE_OFFSET),
        preface: bytes.subarray(PREFACE_OFFSET, FIRST_OFFSET),
        message,
      };
    }
    case DATAGRAM_TYPES.response:
      if (length !== RESPONSE_BYTES) return null;
      return { type: "response", index, message: bytes.subarray(INDEX_END) };
    case DATAGRAM_TYPES.confirmation:
      if (length !== CONFIRMATION_BYTES) return null;
      return { type: "confirmation", index, message: bytes.subarray(INDEX_END) };
    case DATAGRAM_TYPES.cookie:
      if (length !== COOKIE_DATAGRAM_BYTES) return null;
      return { type: "cookie", index, cookie: bytes.subarray(INDEX_END) };
    default:
      return null;
  }
}

/** An initiation without a cookie, in an array of its own. */
export function encodeInitiation(index: number, preface: Uint8Array, message: Uint8Array): Bytes {
  const bytes = new Uint8Array(INITIATION_BYTES);
  bytes[0] = DATAGRAM_TYPES.initiation;
  writeUint32(bytes, 1, index);
  bytes.set(preface, PREFACE_OFFSET);
  bytes.set(message, FIRST_OFFSET);
  return bytes;
}

/** The same initiation with this cookie. */
export function withCookie(initiation: Uint8Array, cookie: Uint8Array): Bytes {
  const bytes = new Uint8Array(initiation);
  bytes.set(cookie, INDEX_END);
  return bytes;
}

/** A response or a confirmation to the peer that chose this index. */
export function encodeAnswer(
  type: "response" | "confirmation",
  index: number,
  message: Uint8Array,
): Bytes {
  return concatBytes(Uint8Array.of(DATAGRAM_TYPES[type]), indexBytes(index), message);
}

/** A cookie for the initiation with this index. */
export function encodeCookie(index: number, cookie: Uint8Array): Bytes {
  return concatBytes(Uint8Array.of(DATAGRAM_TYPES.cookie), indexBytes(index), cookie);
}

/** Writes the header before a transport datagram's sealed part. */
export function writeTransportHeader(out: Uint8Array, index: number, counter: number): void {
  out[0] = DATAGRAM_TYPES.transport;
  writeUint32(out, 1, index);
  writeUint32(out, INDEX_END, Math.floor(counter / 2 ** 32));
  writeUint32(out, INDEX_END + 4, counter >>> 0);
}

const PROLOGUE_DOMAIN = utf8("p2pchat sealed datagrams 1\0");

/** The prologue of a handshake, which both sides must have seen alike. */
export function prologueOf(index: number, preface: Uint8Array): Bytes {
  return concatBytes(PROLOGUE_DOMAIN, indexBytes(index), preface);
}

/** What a responder adds to its proof. */
export function encodeAttachment(version: number, index: number): Bytes {
  return concatBytes(Uint8Array.of(version), indexBytes(index));
}

/** Version and index in a responder's attachment; `null` where it isn't one. */
export function decodeAttachment(
  bytes: Uint8Array,
): { readonly version: number; readonly index: number } | null {
  if (bytes.length !== ATTACHMENT_BYTES) return null;
  return { version: bytes[0]!, index: uint32(bytes, VERSION_BYTES) };
}

/** The index in 4 random bytes. */
export function indexOf(bytes: Uint8Array): number {
  return uint32(bytes, 0);
}

function indexBytes(index: number): Bytes {
  const bytes = new Uint8Array(INDEX_BYTES);
  writeUint32(bytes, 0, index);
  return bytes;
}

function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>>
    0;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
