/**
 * HandshakeState (Noise revision 34, section 5.3) for the three patterns in use: XX between peers that don't
 * know each other's keys, XXpsk0 in private rooms, N to seal a message to a receiver that needn't be there.
 *
 * One departure in form: a payload may be made from, and checked against, the transcript hash as it stands
 * after the message's tokens and before its payload, which is what identities sign (identity_handshake.ts).
 */

import { type Bytes, concatBytes } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import { type CipherState, SymmetricState } from "./cipher_state.ts";
import {
  dh,
  KEY_BYTES,
  type KeyPair,
  NOISE_MESSAGE_BYTES_MAX,
  type RemoteKey,
  remoteKey,
  TAG_BYTES,
} from "./primitives.ts";

type Token = "e" | "s" | "ee" | "es" | "se" | "psk";

interface Pattern {
  /** Whether the initiator knows the responder's static key beforehand. */
  readonly responderKnown: boolean;
  /** Tokens of each message; the initiator writes the first. */
  readonly messages: readonly (readonly Token[])[];
}

// Noise, sections 7.4, 7.5 and 9.4.
const PATTERNS = {
  N: { responderKnown: true, messages: [["e", "es"]] },
  XX: { responderKnown: false, messages: [["e"], ["e", "ee", "s", "es"], ["s", "se"]] },
  XXpsk0: {
    responderKnown: false,
    messages: [["psk", "e"], ["e", "ee", "s", "es"], ["s", "se"]],
  },
} as const satisfies Record<string, Pattern>;

export type PatternName = keyof typeof PATTERNS;

interface HandshakeOptions {
  readonly pattern: PatternName;
  readonly initiator: boolean;
  /** Data that both sides must agree on; a difference makes the first sealed message fail. */
  readonly prologue: Uint8Array;
  /** Used in this handshake alone. Absent for the responder of N. */
  readonly ephemeral?: KeyPair;
  /** Absent for the initiator of N. */
  readonly static?: KeyPair;
  /** The responder's static key, for the initiator of N. */
  readonly remoteStatic?: Uint8Array;
  /** 32 bytes, for XXpsk0. */
  readonly preSharedKey?: Uint8Array;
}

/** A message that was read. */
interface OpenedMessage {
  readonly payload: Bytes;
  /** The transcript hash after the message's tokens, before its payload. */
  readonly hashBeforePayload: Bytes;
}

/** The two transport states of one side. */
export interface TransportStates {
  readonly sending: CipherState;
  readonly receiving: CipherState;
}

export class HandshakeState {
  #symmetric: SymmetricState;
  readonly #options: HandshakeOptions;
  readonly #messages: readonly (readonly Token[])[];
  #remoteEphemeral: RemoteKey | null = null;
  #remoteStatic: RemoteKey | null;
  #next = 0;

  constructor(options: HandshakeOptions) {
    const pattern: Pattern = PATTERNS[options.pattern];
    this.#options = options;
    this.#messages = pattern.messages;
    this.#symmetric = new SymmetricState(`Noise_${options.pattern}_25519_ChaChaPoly_SHA256`);
    this.#symmetric.mixHash(options.prologue);
    this.#remoteStatic = options.remoteStatic === undefined
      ? null
      : remoteKey(options.remoteStatic);
    if (pattern.responderKnown) {
      const known = options.initiator ? this.#remoteStatic?.bytes : options.static?.publicKey;
      invariant(known !== undefined, "the responder's static key is known before this pattern");
      this.#symmetric.mixHash(known);
    }
  }

  /**
   * An independent copy of this state. A message is read by a fork where another one may still come in its place, as
   * with datagrams, which anybody can send.
   */
  fork(): HandshakeState {
    const fork = new HandshakeState(this.#options);
    fork.#symmetric = this.#symmetric.fork();
    fork.#remoteEphemeral = this.#remoteEphemeral;
    fork.#remoteStatic = this.#remoteStatic;
    fork.#next = this.#next;
    return fork;
  }

  /** The transcript hash; after the last message, the channel binding (Noise, section 11.2). */
  get hash(): Bytes {
    return this.#symmetric.hash;
  }

  /** The other side's static X25519 key, once it was received. */
  get remoteStatic(): Bytes | null {
    return this.#remoteStatic?.bytes ?? null;
  }

  get finished(): boolean {
    return this.#next === this.#messages.length;
  }

  /**
   * WriteMessage().
   * @param payload The bytes, or a function that makes them from the transcript hash before the payload.
   */
  writeMessage(payload: Uint8Array | ((hashBeforePayload: Bytes) => Uint8Array)): Bytes {
    const parts: Uint8Array[] = [];
    for (const token of this.#takeTokens(true)) {
      if (token === "e") {
        parts.push(this.#ephemeral().publicKey);
        this.#mixEphemeral(this.#ephemeral().publicKey);
      } else if (token === "s") {
        parts.push(this.#symmetric.sealAndHash(this.#static().publicKey));
      } else {
        this.#mixSecret(token);
      }
    }
    const bytes = typeof payload === "function" ? payload(this.#symmetric.hash) : payload;
    parts.push(this.#symmetric.sealAndHash(bytes));
    const message = concatBytes(...parts);
    invariant(
      message.length <= NOISE_MESSAGE_BYTES_MAX,
      "a Noise message has 65,535 bytes at most",
    );
    return message;
  }

  /**
   * ReadMessage(). After an error the handshake is over: throw this state away.
   * @throws {RemoteProtocolError} If the message is too short, isn't authentic, or holds a key of low order.
   */
  readMessage(message: Uint8Array): OpenedMessage {
    return this.readPayload(message.subarray(this.readTokens(message)));
  }

  /**
   * The first part of `readMessage`: the tokens, which cost more than opening the payload.
   * @returns Where the payload begins.
   * @throws {RemoteProtocolError} As `readMessage`.
   */
  readTokens(message: Uint8Array): number {
    let offset = 0;
    const take = (length: number): Uint8Array => {
      if (message.length - offset < length) {
        throw new RemoteProtocolError(
          `Cannot read handshake message: it has ${message.length} bytes, more were expected`,
        );
      }
      offset += length;
      return message.subarray(offset - length, offset);
    };
    for (const token of this.#takeTokens(false)) {
      if (token === "e") {
        this.#remoteEphemeral = remoteKey(take(KEY_BYTES));
        this.#mixEphemeral(this.#remoteEphemeral.bytes);
      } else if (token === "s") {
        const sealed = take(KEY_BYTES + this.#symmetric.overheadBytes);
        this.#remoteStatic = remoteKey(this.#symmetric.openAndHash(sealed));
      } else {
        this.#mixSecret(token);
      }
    }
    return offset;
  }

  /**
   * The second part of `readMessage`.
   * @throws {RemoteProtocolError} If it isn't authentic.
   */
  readPayload(sealed: Uint8Array): OpenedMessage {
    const hashBeforePayload = this.#symmetric.hash;
    const payload = this.#symmetric.openAndHash(sealed);
    return { payload, hashBeforePayload };
  }

  /** Split(), once the last message was written or read. */
  split(): TransportStates {
    invariant(this.finished, "a handshake is split after its last message");
    const [ofInitiator, ofResponder] = this.#symmetric.split();
    return this.#options.initiator
      ? { sending: ofInitiator, receiving: ofResponder }
      : { sending: ofResponder, receiving: ofInitiator };
  }

  #takeTokens(writing: boolean): readonly Token[] {
    const tokens = this.#messages[this.#next];
    invariant(tokens !== undefined, "a finished handshake has no further message");
    const ours = (this.#next % 2 === 0) === this.#options.initiator;
    invariant(ours === writing, "handshake messages are written in turn");
    this.#next += 1;
    return tokens;
  }

  #mixEphemeral(publicKey: Uint8Array): void {
    this.#symmetric.mixHash(publicKey);
    // In handshakes with a psk, ephemeral keys go into the key too (Noise, section 9.2).
    if (this.#options.preSharedKey !== undefined) this.#symmetric.mixKey(publicKey);
  }

  #mixSecret(token: "ee" | "es" | "se" | "psk"): void {
    const { initiator, preSharedKey } = this.#options;
    switch (token) {
      case "psk":
        invariant(preSharedKey?.length === KEY_BYTES, "a pre-shared key has 32 bytes");
        return this.#symmetric.mixKeyAndHash(preSharedKey);
      case "ee":
        return this.#symmetric.mixKey(dh(this.#ephemeral(), received(this.#remoteEphemeral)));
      case "es":
        return this.#symmetric.mixKey(
          initiator
            ? dh(this.#ephemeral(), received(this.#remoteStatic))
            : dh(this.#static(), received(this.#remoteEphemeral)),
        );
      case "se":
        return this.#symmetric.mixKey(
          initiator
            ? dh(this.#static(), received(this.#remoteEphemeral))
            : dh(this.#ephemeral(), received(this.#remoteStatic)),
        );
      default:
        return unreachable(token);
    }
  }

  #ephemeral(): KeyPair {
    invariant(
      this.#options.ephemeral !== undefined,
      "this side of the pattern has an ephemeral key",
    );
    return this.#options.ephemeral;
  }

  #static(): KeyPair {
    invariant(this.#options.static !== undefined, "this side of the pattern has a static key");
    return this.#options.static;
  }
}

function received(key: RemoteKey | null): RemoteKey {
  invariant(key !== null, "patterns name a key only after it was received");
  return key;
}

/** Length of each message of XX and XXpsk0 with the given payload, for a reader of a byte stream. */
export function xxMessageBytes(index: 0 | 1 | 2, payloadBytes: number, psk: boolean): number {
  switch (index) {
    case 0:
      return KEY_BYTES + payloadBytes + (psk ? TAG_BYTES : 0);
    case 1:
      return KEY_BYTES + (KEY_BYTES + TAG_BYTES) + payloadBytes + TAG_BYTES;
    case 2:
      return KEY_BYTES + TAG_BYTES + payloadBytes + TAG_BYTES;
    default:
      return unreachable(index);
  }
}
