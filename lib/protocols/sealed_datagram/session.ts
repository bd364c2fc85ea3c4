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
  COUNTER_MAX,
  REKEY_AFTER_DATAGRAMS,
  REKEY_AFTER_MS,
  REKEY_LAG_MS,
  SESSION_MS_MAX,
} from "./limits.ts";
import type { NewPath } from "./new_path.ts";
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
