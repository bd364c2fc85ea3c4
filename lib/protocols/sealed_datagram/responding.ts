/**
 * The responder's part in handshakes: which messages are answered, with little work and memory for peers that have
 * proven nothing. An answer goes where its question came from and is never larger.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { type Bytes, concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { type Endpoint, endpointText } from "../../base/ids.ts";
import {
  type ChannelIdentity,
  type HandshakeEnvironment,
  type ProvenPeer,
  Responder,
} from "../noise/identity_handshake.ts";
import { CHANNEL_VERSION, decodePreface } from "../noise/preface.ts";
import { KEY_BYTES, keyPairFromSeed } from "../noise/primitives.ts";
import {
  COOKIE_BYTES,
  encodeAnswer,
  encodeAttachment,
  encodeCookie,
  type Initiation,
  prologueOf,
} from "./formats.ts";
import {
  COOKIE_SLOT_MS,
  HALF_OPEN_MAX,
  HALF_OPEN_MS,
  HALF_OPEN_PROVEN_FOR_HOST_MAX,
  HALF_OPEN_PROVEN_MAX,
  WRONG_CONFIRMATIONS_MAX,
} from "./limits.ts";
import type { SealedAccess } from "./sealed_io.ts";
import { ipv6Prefix } from "../../base/text/endpoints.ts";
import type { Session } from "./session.ts";

const COOKIE_SECRET_BYTES = 32;

interface RespondingOptions {
  readonly identity: ChannelIdentity;
  readonly env: HandshakeEnvironment;
  readonly access: SealedAccess;
}

/** What the responder needs of the machine that it is a part of. */
interface RespondingContext {
  newIndex(): number;
  /** Counts handshakes, ours and others', in the order of their beginning. */
  nextOrder(): number;
  transmit(to: Endpoint, bytes: Bytes): void;
}

/** A third message that is authentic, and its handshake. */
interface Confirmation {
  readonly halfOpen: HalfOpen;
  readonly confirmed: Confirmed;
  /** Whether its author may connect now. If not, it gets no answer, and each repetition is decided anew. */
  readonly isAdmitted: boolean;
}

export class Responding {
  readonly #options: RespondingOptions;
  readonly #context: RespondingContext;
  readonly #halfOpens = new HalfOpens();
  readonly #cookies: Cookies;

  constructor(options: RespondingOptions, context: RespondingContext) {
    this.#options = options;
    this.#context = context;
    this.#cookies = new Cookies(options.env.randomBytes(COOKIE_SECRET_BYTES));
  }

  get size(): number {
    return this.#halfOpens.size;
  }

  has(index: number): boolean {
    return this.#halfOpens.withIndex(index) !== undefined;
  }

  nextDeadlineMs(): number | null {
    return this.#halfOpens.nextDeadlineMs();
  }

  expire(nowMs: number): void {
    this.#halfOpens.expire(nowMs);
  }

  /** Answers a first message, or doesn't. @returns Whether it is one, and meant for us. */
  initiation(datagram: Initiation, from: Endpoint, nowMs: number): boolean {
    if (!this.#isForUs(datagram.preface)) return false;
    const name = HalfOpens.nameOf(from, datagram);
    const known = this.#halfOpens.named(name);
    if (known !== undefined) {
      this.#context.transmit(from, known.response.slice());
      return true;
    }
    const hasCookie = !this.#halfOpens.hasRoom;
    if (hasCookie && !this.#hasGoodCookie(datagram, from, nowMs)) return true;
    const halfOpen: HalfOpen = {
      ...this.#respond(datagram),
      name,
      remoteIndex: datagram.index,
      from,
      hasCookie,
      order: this.#context.nextOrder(),
      endsAtMs: HalfOpens.endsAtMs(nowMs),
      confirmed: null,
    };
    this.#halfOpens.add(halfOpen);
    this.#context.transmit(from, halfOpen.response.slice());
    return true;
  }

  /** Reads a third message; `null` where it isn't authentic, or of no handshake that we know. */
  confirmation(index: number, message: Uint8Array): Confirmation | null {
    const halfOpen = this.#halfOpens.withIndex(index);
    if (halfOpen === undefined) return null;
    const confirmed = halfOpen.confirmed ??= readConfirmation(halfOpen, message);
    if (confirmed === null || !isEqual(confirmed.message, message)) return null;
    const { identity, access } = this.#options;
    const { peer } = confirmed.proven;
    const isAdmitted = peer !== identity.signer.key && access.admit(peer);
    return { halfOpen, confirmed, isAdmitted };
  }

  #isForUs(preface: Uint8Array): boolean {
    const { identity, access } = this.#options;
    try {
      const decoded = decodePreface(preface, access.mode);
      if (decoded === null || typeof decoded === "string") return false;
      return decoded.keyNamed && decoded.meansKey(identity.signer.key);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      return false;
    }
  }

  /** Whether the sender provably receives at `from`, and may begin another handshake; else it is sent a cookie. */
  #hasGoodCookie({ index, message, cookie }: Initiation, from: Endpoint, nowMs: number): boolean {
    const named = concatBytes(encodeAttachment(CHANNEL_VERSION, index), message);
    if (!this.#cookies.isGood(cookie, from, named, nowMs)) {
      this.#context.transmit(from, encodeCookie(index, this.#cookies.make(from, named, nowMs)));
      return false;
    }
    return this.#halfOpens.hasRoomFor(from);
  }

  /** Never fails: every answer that costs a key agreement takes a place. */
  #respond(
    { index: remoteIndex, preface, message }: Initiation,
  ): Pick<HalfOpen, "index" | "responder" | "response"> {
    const { identity, env, access } = this.#options;
    const prologue = prologueOf(remoteIndex, preface);
    const terms = { mode: access.mode, prologue, preSharedKey: null };
    const ephemeral = keyPairFromSeed(env.randomBytes(KEY_BYTES));
    const responder = new Responder(identity, env, terms, ephemeral, message);
    const index = this.#context.newIndex();
    const second = responder.answer(encodeAttachment(CHANNEL_VERSION, index));
    return { index, responder, response: encodeAnswer("response", remoteIndex, second) };
  }
}

function readConfirmation({ responder }: HalfOpen, message: Uint8Array): Confirmed | null {
  if (responder.mistakes >= WRONG_CONFIRMATIONS_MAX) return null;
  try {
    return { message: new Uint8Array(message), proven: responder.read(message), session: null };
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return null;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * Cookies: a sender that returns one receives at the address for which it was made. They are computed, not kept
 * (as in RFC 6347, section 4.2.1, and WireGuard): a flood from made-up addresses leaves nothing behind.
 */
export class Cookies {
  readonly #secret: Uint8Array;

  /** `secret`: 32 unpredictable bytes of this process. */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** The cookie for an initiation from `from` whose index and first message are `message`. */
  make(from: Endpoint, message: Uint8Array, nowMs: number): Bytes {
    return this.#of(from, message, Math.floor(nowMs / COOKIE_SLOT_MS));
  }

  /** Whether `cookie` was made for them, at most two slots ago. */
  isGood(cookie: Uint8Array, from: Endpoint, message: Uint8Array, nowMs: number): boolean {
    const slot = Math.floor(nowMs / COOKIE_SLOT_MS);
    return isEqual(cookie, this.#of(from, message, slot)) ||
      isEqual(cookie, this.#of(from, message, slot - 1));
  }

  #of(from: Endpoint, message: Uint8Array, slot: number): Bytes {
    const said = concatBytes(message, utf8(`${slot} ${endpointText(from)}`));
    const mac = createHmac("sha256", this.#secret).update(said).digest();
    return new Uint8Array(mac.subarray(0, COOKIE_BYTES));
  }
}

export interface HalfOpen {
  /** Name of this handshake: its address, and all that its first message says. */
  readonly name: string;
  /** Our index. */
  readonly index: number;
  readonly remoteIndex: number;
  /** Where the second message went: the sender of the third receives there. */
  readonly from: Endpoint;
  readonly hasCookie: boolean;
  readonly order: number;
  readonly responder: Responder;
  /** The second message, for each time that the first comes. */
  readonly response: Bytes;
  readonly endsAtMs: number;
  /** The third message, once one was verified: there is no other, and it is verified once. */
  confirmed: Confirmed | null;
}

/** A verified third message, and its author. */
interface Confirmed {
  readonly message: Bytes;
  readonly proven: ProvenPeer;
  /** The session that it made; `null` while its author may not connect, or another handshake precedes it. */
  session: Session | null;
}

/**
 * Handshakes that others began: from their first message until it may not be repeated any more. Only time frees their
 * places, so that a peer that completes one handshake after the other causes us no more work than one that completes
 * none.
 */
export class HalfOpens {
  // In the order of their beginning, which is that of their end.
  readonly #byName = new Map<string, HalfOpen>();
  readonly #byIndex = new Map<number, HalfOpen>();
  readonly #provenByPlace = new Map<string, number>();
  #proven = 0;

  get size(): number {
    return this.#byName.size;
  }

  /** The name of a handshake, the same for each repetition of its first message and for nothing else. */
  static nameOf(from: Endpoint, { index, preface, message }: Initiation): string {
    return `${endpointText(from)} ${index} ${preface.toHex()} ${message.toHex()}`;
  }

  named(name: string): HalfOpen | undefined {
    return this.#byName.get(name);
  }

  withIndex(index: number): HalfOpen | undefined {
    return this.#byIndex.get(index);
  }

  /** Whether another handshake may begin without a cookie. */
  get hasRoom(): boolean {
    return this.#byName.size - this.#proven < HALF_OPEN_MAX;
  }

  /** Whether one more handshake may begin from this host, which has shown a cookie. */
  hasRoomFor({ host }: Endpoint): boolean {
    return this.#proven < HALF_OPEN_PROVEN_MAX &&
      (this.#provenByPlace.get(placeOf(host)) ?? 0) < HALF_OPEN_PROVEN_FOR_HOST_MAX;
  }

  static endsAtMs(nowMs: number): number {
    return nowMs + HALF_OPEN_MS;
  }

  add(halfOpen: HalfOpen): void {
    this.#byName.set(halfOpen.name, halfOpen);
    this.#byIndex.set(halfOpen.index, halfOpen);
    if (halfOpen.hasCookie) this.#count(halfOpen.from.host, 1);
  }

  nextDeadlineMs(): number | null {
    for (const { endsAtMs } of this.#byName.values()) return endsAtMs;
    return null;
  }

  /** Forgets those whose time is over. */
  expire(nowMs: number): void {
    for (const halfOpen of this.#byName.values()) {
      if (halfOpen.endsAtMs > nowMs) return;
      this.#byName.delete(halfOpen.name);
      this.#byIndex.delete(halfOpen.index);
      if (halfOpen.hasCookie) this.#count(halfOpen.from.host, -1);
    }
  }

  #count(host: string, difference: 1 | -1): void {
    this.#proven += difference;
    const place = placeOf(host);
    const count = (this.#provenByPlace.get(place) ?? 0) + difference;
    if (count === 0) this.#provenByPlace.delete(place);
    else this.#provenByPlace.set(place, count);
  }
}

/** What counts as one host: of an IPv6 address its whole /64. A host with dots is an IPv4 address. */
function placeOf(host: string): string {
  return host.includes(".") ? host : ipv6Prefix(host) ?? host;
}
