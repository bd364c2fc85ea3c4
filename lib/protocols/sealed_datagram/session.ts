/**
 * The keys and counters that two programs share after a handshake. Each datagram is sealed with the next
 * counter as its nonce, which stands in it, so that it can be opened in any order (Noise, section 11.4).
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import type { Endpoint, PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import type { CipherState } from "../noise/cipher_state.ts";
import type { ProvenPeer } from "../noise/identity_handshake.ts";
import { EMPTY, TAG_BYTES } from "../noise/primitives.ts";
import {
  CONTENT_KINDS,
  type ContentKind,
  contentKindOf,
  PAYLOAD_BYTES_MAX,
  SEALED_OFFSET,
  type Transport,
  writeTransportHeader,
} from "./formats.ts";
import {
  CHALLENGE_REPEAT_MS,
  CHALLENGES_MAX,
  COUNTER_MAX,
  REKEY_AFTER_DATAGRAMS,
  REKEY_AFTER_MS,
  REKEY_LAG_MS,
  SESSION_MS_MAX,
  UNPROVEN_FACTOR,
} from "./limits.ts";
import { ReplayWindow } from "./replay_window.ts";

/** The content is filled in and sealed within one call. */
const scratch = new Uint8Array(1 + PAYLOAD_BYTES_MAX);

/** What a transport datagram turned out to be. */
export type Opened =
  | { readonly verdict: "repeated" | "forged" }
  | {
    readonly verdict: "opened";
    /** `undefined` for one of a later version. */
    readonly kind: ContentKind | undefined;
    /** A view into an array that nobody else uses. */
    readonly content: Bytes;
    /** Whether no later datagram came before it. */
    readonly isNewest: boolean;
  };

interface SessionOptions {
  /** Our index, in datagrams that the peer sends. */
  readonly localIndex: number;
  /** The peer's index, in datagrams that we send. */
  readonly remoteIndex: number;
  readonly proven: ProvenPeer;
  /** Where the peer has proved that it receives. */
  readonly endpoint: Endpoint;
  /** Whether we began the handshake. */
  readonly initiated: boolean;
  /** The order in which this program's handshakes began: a later one is that of a later process of the peer. */
  readonly order: number;
  readonly nowMs: number;
}

export class Session {
  readonly peer: PeerKey;
  readonly process: string;
  readonly localIndex: number;
  readonly order: number;
  /** When fresh keys are due, unless the counter says so before. */
  readonly rekeyAtMs: number;
  /** When it ends, whatever happens. */
  readonly endsAtMs: number;
  endpoint: Endpoint;
  /** Another address from which it was heard and that hasn't proved itself; one at most. */
  newPath: NewPath | null = null;
  /** Whether anything was received: then the peer has the keys, too. */
  isHeard = false;
  readonly #remoteIndex: number;
  readonly #sending: CipherState;
  readonly #receiving: CipherState;
  readonly #window = new ReplayWindow();

  constructor(options: SessionOptions) {
    const { proven, initiated, nowMs } = options;
    this.peer = proven.peer;
    this.process = proven.processKey.toHex();
    this.localIndex = options.localIndex;
    this.order = options.order;
    this.endpoint = options.endpoint;
    this.rekeyAtMs = nowMs + REKEY_AFTER_MS + (initiated ? 0 : REKEY_LAG_MS);
    this.endsAtMs = nowMs + SESSION_MS_MAX;
    this.#remoteIndex = options.remoteIndex;
    this.#sending = proven.states.sending;
    this.#receiving = proven.states.receiving;
  }

  /** Whether so much was sealed that fresh keys are due. */
  get isWornOut(): boolean {
    return this.#sending.counter >= REKEY_AFTER_DATAGRAMS;
  }

  /** A whole datagram, in an array of its own. `content` is copied. */
  seal(kind: ContentKind, content: Uint8Array): Bytes {
    invariant(content.length <= PAYLOAD_BYTES_MAX, "a payload fits in a datagram");
    const { counter } = this.#sending;
    invariant(counter <= COUNTER_MAX, "a session ends before its counter does");
    const plainBytes = 1 + content.length;
    scratch[0] = CONTENT_KINDS[kind];
    scratch.set(content, 1);
    const datagram = new Uint8Array(SEALED_OFFSET + plainBytes + TAG_BYTES);
    writeTransportHeader(datagram, this.#remoteIndex, counter);
    this.#sending.sealInto(datagram, SEALED_OFFSET, EMPTY, scratch.subarray(0, plainBytes));
    return datagram;
  }

  /** Opens a datagram that has our index. One that isn't authentic changes nothing. */
  open({ counter, sealed }: Transport): Opened {
    if (!this.#window.isFresh(counter)) return { verdict: "repeated" };
    const plain = this.#receiving.openAt(counter, EMPTY, sealed);
    if (plain === null) return { verdict: "forged" };
    const isNewest = this.#window.isNewest(counter);
    this.#window.mark(counter);
    this.isHeard = true;
    return {
      verdict: "opened",
      kind: contentKindOf(plain[0]!),
      content: plain.subarray(1),
      isNewest,
    };
  }
}

/**
 * An address from which an authentic datagram came and that isn't the session's. An attacker on the path may have
 * sent it from there, so little is sent there until a challenge has come back (RFC 9000, section 8.2 and 9.3).
 */
export class NewPath {
  readonly endpoint: Endpoint;
  /** What the peer must send back from there. */
  readonly challenge: Bytes;
  #receivedBytes = 0;
  #sentBytes = 0;
  #challenges = 0;
  #dueMs: number | null;
  /** After the last challenge: until then it isn't asked anew. */
  #restsUntilMs = Infinity;

  constructor(endpoint: Endpoint, challenge: Bytes, nowMs: number) {
    this.endpoint = endpoint;
    this.challenge = challenge;
    this.#dueMs = nowMs;
  }

  /** When the next challenge is due, `null` after the last: until more comes from there. */
  get dueMs(): number | null {
    return this.#dueMs;
  }

  /** Whether it may still be asked: the peer hasn't had its time to answer. */
  get isAsked(): boolean {
    return this.#dueMs !== null;
  }

  /** Notes bytes from there: a peer that is still heard from there may receive there by now. */
  received(bytes: number, nowMs: number): void {
    this.#receivedBytes += bytes;
    if (this.#dueMs !== null || nowMs < this.#restsUntilMs) return;
    this.#challenges = 0;
    this.#dueMs = nowMs;
  }

  /** Takes `bytes` of what may be sent there, if as many are left. */
  take(bytes: number): boolean {
    if (this.#sentBytes + bytes > UNPROVEN_FACTOR * this.#receivedBytes) return false;
    this.#sentBytes += bytes;
    return true;
  }

  /** A challenge was sent, or couldn't be: the next one comes later. */
  challenged(nowMs: number): void {
    this.#challenges += 1;
    const nextMs = nowMs + CHALLENGE_REPEAT_MS * 2 ** (this.#challenges - 1);
    this.#dueMs = this.#challenges < CHALLENGES_MAX ? nextMs : null;
    this.#restsUntilMs = nextMs;
  }
}
