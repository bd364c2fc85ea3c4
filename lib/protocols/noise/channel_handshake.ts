/**
 * The handshake of a channel, one class for each side; bytes in, steps out. No time, no queues: channel.ts has
 * those.
 *
 *     dialler                                                  listener
 *     preface, e                                          ->
 *                       <-  ACCEPT, e, ee, s, es, {version, identity proof}
 *     s, se, {identity proof}                             ->
 *                       <-  first record: welcome, or close with the reason
 *
 * Noise XX, in private rooms XXpsk0; the preface is the prologue. The dialler doesn't count as connected until a
 * sealed record has accepted its proof, so that both sides agree on whether they are connected.
 */

import { type Bytes, concatBytes } from "../../base/crypto/crypto.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import type { PeerKey, RoomId } from "../../base/ids.ts";
import { type TransportStates, xxMessageBytes } from "./handshake_state.ts";
import {
  type ChannelIdentity,
  type HandshakeEnvironment,
  IDENTITY_PROOF_BYTES,
  Initiator,
  Responder,
} from "./identity_handshake.ts";
import {
  ACCEPT,
  CHANNEL_VERSION,
  type ChannelMode,
  decodePreface,
  decodeRefusal,
  encodePreface,
  encodeRefusal,
  type Preface,
  PREFACE_BYTES,
  type Refusal,
  REFUSAL_BYTES_LENGTH,
  REFUSE,
  SALT_BYTES,
} from "./preface.ts";
import { KEY_BYTES, keyPairFromSeed } from "./primitives.ts";

export type { ChannelIdentity, HandshakeEnvironment };

/** The secret of a private room at a certain epoch, which every member knows. */
export interface ChannelSecret {
  /** 0 to 2^32 - 1. */
  readonly epoch: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** Whom the dialler wants to reach. */
export interface DialTarget {
  readonly mode: ChannelMode;
  /** The room that must answer, `null` where the dialler doesn't know which it will find. */
  readonly room: RoomId | null;
  readonly secret: ChannelSecret | null;
  /** Fingerprint of the only acceptable identity, or `null` for any. */
  readonly fingerprint: Fingerprint | null;
  /** Of several identities that may answer, which; absent: any. */
  readonly accepts?: (peer: PeerKey) => boolean;
}

/** Which diallers the listener accepts; asked anew for each connection. */
export interface ListenAccess {
  readonly mode: ChannelMode;
  /** The only room that diallers may name; `null`: they may name none. */
  readonly room: RoomId | null;
  /**
   * The secrets of an epoch, one of which a dialler must know, at most 4; `null` in an open room.
   * Two rotations at the same time make two secrets of one epoch. It returns null while it isn't known which there are:
   * then the dialler is to come again, or to go elsewhere.
   */
  readonly secrets: ((epoch: number) => readonly Uint8Array[] | null) | null;
  /**
   * Decides once the dialler's identity is proven: `null` admits it.
   * @param secret The one of `secrets` that the dialler knew; `null` in an open room.
   */
  admit(peer: PeerKey, secret: ChannelSecret | null): Refusal | null;
  /**
   * Who may connect in the mode `words`, besides: strangers with a word code, who know no secret and name no room. Null
   * while there is no code; absent where there never is one.
   */
  readonly words?: Pick<ListenAccess, "admit"> | null;
  /** Who may connect in the mode `meeting`, besides: visitors of a meeting point. Absent where there is none. */
  readonly meeting?: Pick<ListenAccess, "admit">;
  /** Whether connections from this address go first where many wait to be accepted. */
  prefers?(host: string): boolean;
}

/** What a finished handshake has established about the peer. */
export interface HandshakeResult {
  readonly mode: ChannelMode;
  readonly peer: PeerKey;
  /** The peer's X25519 key, which identifies its process. */
  readonly processKey: Bytes;
  /** The secret that both ends know, `null` in an open room. */
  readonly secret: ChannelSecret | null;
  /** Whether the dialler named the room, rather than asking whoever answers. */
  readonly roomNamed: boolean;
  readonly states: TransportStates;
  /** See `ProvenPeer`. */
  readonly binding: Bytes;
}

export type HandshakeStep =
  /** Send these bytes. */
  | { readonly type: "write"; readonly bytes: Bytes }
  /** Over: the peer is authenticated. `admission` is the listener's answer, for its first record; null admits. */
  | { readonly type: "done"; readonly result: HandshakeResult; readonly admission: Refusal | null }
  /** Over: we refuse, having written why; or the other side refused, or isn't the one we want. */
  | {
    readonly type: "failed";
    readonly reason: HandshakeFailure;
    readonly text: string;
    readonly key: PeerKey | null;
  };

export type HandshakeFailure = Refusal | "wrong-key";

/** Steps, and how much of the input they took; 0 while more bytes are needed. */
interface HandshakeProgress {
  readonly inputBytes: number;
  readonly steps: readonly HandshakeStep[];
}

/** The interface of both sides. */
export interface Handshake {
  /**
   * @param input All bytes that weren't taken yet.
   * @throws {RemoteProtocolError} If they break the protocol: the handshake is over.
   */
  read(input: Uint8Array): HandshakeProgress;
}

const WAIT: HandshakeProgress = { inputBytes: 0, steps: [] };
const VERSION_BYTES = 1;
const SECRETS_TRIED_MAX = 4; // trying one costs 30 us

export class DiallerHandshake implements Handshake {
  readonly #target: DialTarget;
  readonly #initiator: Initiator;
  /** Preface and first message, to be sent at once. */
  readonly opening: Bytes;

  constructor(identity: ChannelIdentity, env: HandshakeEnvironment, target: DialTarget) {
    this.#target = target;
    const preface = encodePreface(
      { ...target, epoch: target.secret?.epoch ?? null },
      env.randomBytes(SALT_BYTES),
    );
    const preSharedKey = target.secret?.key ?? null;
    const terms = { mode: target.mode, prologue: preface, preSharedKey };
    this.#initiator = new Initiator(identity, env, terms);
    this.opening = concatBytes(preface, this.#initiator.first);
  }

  read(input: Uint8Array): HandshakeProgress {
    const [first] = input;
    if (first === undefined) return WAIT;
    if (first === REFUSE) {
      if (input.length < REFUSAL_BYTES_LENGTH) return WAIT;
      const { refusal, version } = decodeRefusal(input);
      const text = refusalText(refusal, version);
      return {
        inputBytes: input.length,
        steps: [{ type: "failed", reason: refusal, text, key: null }],
      };
    }
    if (first !== ACCEPT) {
      throw new RemoteProtocolError(
        `Cannot talk to the program there: it doesn't speak p2pchat (byte 0 is ${first})`,
      );
    }
    const end = 1 + xxMessageBytes(1, VERSION_BYTES + IDENTITY_PROOF_BYTES, false);
    if (input.length < end) return WAIT;
    return { inputBytes: end, steps: this.#answer(input.subarray(1, end)) };
  }

  /** Second message: the listener's proof. */
  #answer(message: Uint8Array): readonly HandshakeStep[] {
    const { fingerprint, room, secret, accepts } = this.#target;
    const { peer, finish } = this.#initiator.read(message);
    const answering = fingerprintOf(peer);
    const isOther = fingerprint !== null && answering !== fingerprint;
    if (isOther || accepts?.(peer) === false) {
      const expected = fingerprint === null ? "" : `, expected ${fingerprint}`;
      const text = `another key answers there: ${answering}${expected}`;
      return [{ type: "failed", reason: "wrong-key", text, key: peer }];
    }
    const { message: bytes, proven } = finish();
    const result = { ...proven, mode: this.#target.mode, secret, roomNamed: room !== null };
    return [{ type: "write", bytes }, { type: "done", result, admission: null }];
  }
}

/**
 * Whether a listener can decide about a dialler by its first bytes: they have a complete opening, valid or
 * not, or can't become one.
 */
export function isWholeOpening(input: Uint8Array, access: Accepted): boolean {
  try {
    const preface = openingPreface(input, access);
    if (preface === null) return false;
    return typeof preface === "string" || input.length >= openingBytes(preface);
  } catch (error) {
    if (error instanceof RemoteProtocolError) return true;
    throw error;
  }
}

type Accepted = Pick<ListenAccess, "mode" | "words" | "meeting">;

function openingPreface(input: Uint8Array, access: Accepted): Preface | Refusal | null {
  const beside = (["words", "meeting"] as const).filter((mode) => access[mode] !== undefined);
  return decodePreface(input, access.mode, beside);
}

function openingBytes({ epoch }: Preface): number {
  return PREFACE_BYTES + xxMessageBytes(0, 0, epoch !== null);
}

/** A handshake after the dialler's opening. */
interface Opened {
  readonly preface: Preface;
  readonly responder: Responder;
  /** The secret that the dialler knows; `null` in an open room. */
  readonly secret: ChannelSecret | null;
}

export class ListenerHandshake implements Handshake {
  readonly #identity: ChannelIdentity;
  readonly #env: HandshakeEnvironment;
  readonly #access: ListenAccess;
  #opened: Opened | null = null;

  constructor(identity: ChannelIdentity, env: HandshakeEnvironment, access: ListenAccess) {
    this.#identity = identity;
    this.#env = env;
    this.#access = access;
  }

  read(input: Uint8Array): HandshakeProgress {
    return this.#opened === null ? this.#readOpening(input) : this.#readProof(this.#opened, input);
  }

  #readOpening(input: Uint8Array): HandshakeProgress {
    const preface = openingPreface(input, this.#access);
    if (preface === null) return WAIT;
    if (typeof preface === "string") return refuse(preface, input.length);
    const refusal = this.#refusalOf(preface);
    if (refusal !== null) return refuse(refusal, input.length);
    const end = openingBytes(preface);
    if (input.length < end) return WAIT;

    const prologue = input.slice(0, PREFACE_BYTES);
    const message = input.subarray(PREFACE_BYTES, end);
    const opened = this.#openFirst(preface, prologue, message);
    if (typeof opened === "string") return refuse(opened, input.length);
    this.#opened = opened;
    const answer = opened.responder.answer(Uint8Array.of(CHANNEL_VERSION));
    const bytes = concatBytes(Uint8Array.of(ACCEPT), answer);
    return { inputBytes: end, steps: [{ type: "write", bytes }] };
  }

  #refusalOf(preface: Preface): Refusal | null {
    const { room, secrets } = this.#access;
    if (preface.mode !== this.#access.mode) {
      // There was a code a moment ago, perhaps, and its number isn't announced any more.
      if (!this.#besideIn(preface.mode)) return "bad-credentials";
      return preface.roomNamed || preface.epoch !== null ? "protocol" : null;
    }
    if (preface.roomNamed && (room === null || !preface.meansRoom(room))) return "wrong-room";
    return (preface.epoch === null) === (secrets === null) ? null : "bad-credentials";
  }

  /** The handshake after its first message, or why there is none: no secret of ours fits, or they aren't known yet. */
  #openFirst(
    preface: Preface,
    prologue: Uint8Array,
    message: Uint8Array,
  ): Opened | "bad-credentials" | "full" {
    const ephemeral = keyPairFromSeed(this.#env.randomBytes(KEY_BYTES));
    const { secrets } = this.#access;
    const { mode } = preface;
    const respond = (preSharedKey: Uint8Array | null) =>
      new Responder(
        this.#identity,
        this.#env,
        { mode, prologue, preSharedKey },
        ephemeral,
        message,
      );
    const { epoch } = preface;
    if (epoch === null || secrets === null) {
      return { preface, responder: respond(null), secret: null };
    }
    const keys = secrets(epoch);
    if (keys === null) return "full";
    for (const key of keys.slice(0, SECRETS_TRIED_MAX)) {
      try {
        return { preface, responder: respond(key), secret: { epoch, key } };
      } catch (error) {
        if (!(error instanceof RemoteProtocolError)) throw error;
      }
    }
    return "bad-credentials";
  }

  /** Third message: the dialler's proof. */
  #readProof(
    { preface, responder, secret }: Opened,
    input: Uint8Array,
  ): HandshakeProgress {
    const end = xxMessageBytes(2, IDENTITY_PROOF_BYTES, false);
    if (input.length < end) return WAIT;
    const proven = responder.read(input.subarray(0, end));
    if (preface.keyNamed && !preface.meansKey(this.#identity.signer.key)) {
      throw new RemoteProtocolError("Cannot accept the connection: it was meant for another key");
    }
    const { mode, roomNamed } = preface;
    const result = { ...proven, mode, secret, roomNamed };
    const admission = this.#admission(mode, proven.peer, secret);
    return { inputBytes: end, steps: [{ type: "done", result, admission }] };
  }

  #admission(mode: ChannelMode, peer: PeerKey, secret: ChannelSecret | null): Refusal | null {
    if (mode === this.#access.mode) return this.#access.admit(peer, secret);
    const beside = this.#besideIn(mode);
    return beside === null ? "bad-credentials" : beside.admit(peer, null);
  }

  /** Who may connect in another mode than ours; none now where that is null. */
  #besideIn(mode: ChannelMode): Pick<ListenAccess, "admit"> | null {
    const { words, meeting } = this.#access;
    return (mode === "words" ? words : mode === "meeting" ? meeting : null) ?? null;
  }
}

function refuse(refusal: Refusal, inputBytes: number): HandshakeProgress {
  const text = `refused a connection: ${refusal}`;
  return {
    inputBytes,
    steps: [
      { type: "write", bytes: encodeRefusal(refusal) },
      { type: "failed", reason: refusal, text, key: null },
    ],
  };
}

const REFUSAL_TEXTS: Readonly<Record<Refusal, string>> = {
  "version": "another version of p2pchat runs there",
  "wrong-mode": "the program there runs another p2pchat command",
  "wrong-room": "another room answers there",
  "full": "the program there takes no more connections now",
  "bad-credentials": "the room there wants an invite, or another one",
  "protocol": "the program there didn't understand us",
};

/** What a refusal means, as a part of a sentence. `version` is the one that the other side claims to speak. */
export function refusalText(refusal: Refusal, version: number): string {
  const text = REFUSAL_TEXTS[refusal];
  return refusal === "version" ? `${text} (protocol ${version}, ours is ${CHANNEL_VERSION})` : text;
}
