/**
 * Noise XX (in private rooms XXpsk0) with an identity in the second and third message: what the handshakes over
 * streams (channel_handshake.ts) and over datagrams (`sealed_datagram/`) share. Messages in, messages out: those
 * modules carry them, and report failures.
 *
 *     initiator                                              responder
 *     e                                              ->
 *                       <-  e, ee, s, es, {attachment, identity proof}
 *     s, se, {identity proof}                        ->
 *
 * Reading a message doesn't change the handshake state of either class, so that a forged one doesn't end a genuine
 * handshake.
 */

import { sameBytes } from "../../base/collections/bytes.ts";
import {
  type Bytes,
  concatBytes,
  type Crypto,
  type Signer,
  utf8,
} from "../../base/crypto/crypto.ts";
import type { PeerKey } from "../../base/ids.ts";
import { invariant } from "../../base/invariant.ts";
import { HandshakeState, type TransportStates } from "./handshake_state.ts";
import type { ChannelMode } from "./preface.ts";
import { EMPTY, KEY_BYTES, type KeyPair, keyPairFromSeed, TAG_BYTES } from "./primitives.ts";
import { RemoteProtocolError } from "../../base/errors.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";

const DOMAIN = utf8("p2pchat channel identity 1\0");
const IDENTITY_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Length of a proof: key and signature. */
export const IDENTITY_PROOF_BYTES = IDENTITY_KEY_BYTES + SIGNATURE_BYTES;

/** The side that made the proof. */
type Role = "dialler" | "listener";

/**
 * The proof of `signer` for one handshake: its Ed25519 identity key, and its signature over (domain tag, role, mode,
 * transcript hash).
 *
 * The hash covers the preface, both ephemeral keys and the signer's X25519 key, so that the signature is worth
 * nothing in any other handshake. The role keeps a proof from being sent back to its maker, the mode keeps
 * one identity's proofs in one mode out of another.
 */
export function encodeIdentityProof(
  signer: Signer,
  role: Role,
  mode: ChannelMode,
  hash: Uint8Array,
): Bytes {
  return concatBytes(Uint8Array.fromHex(signer.key), signer.sign(signed(role, mode, hash)));
}

/**
 * The key that made the proof.
 * @throws {RemoteProtocolError} If the signature isn't that key's for this handshake.
 */
export function verifyIdentityProof(
  crypto: Crypto,
  proof: Uint8Array,
  role: Role,
  mode: ChannelMode,
  hash: Uint8Array,
): PeerKey {
  const key = proof.subarray(0, IDENTITY_KEY_BYTES).toHex() as PeerKey;
  const signature = proof.subarray(IDENTITY_KEY_BYTES, IDENTITY_PROOF_BYTES);
  if (!crypto.verify(key, signed(role, mode, hash), signature)) {
    throw new RemoteProtocolError(
      `Cannot believe the other side's identity: its signature isn't that of the key it names (${
        fingerprintOf(key)
      })`,
    );
  }
  return key;
}

function signed(role: Role, mode: ChannelMode, hash: Uint8Array): Bytes {
  return concatBytes(DOMAIN, utf8(`${role}\0${mode}\0`), hash);
}

/** What the third message has before its payload: the initiator's sealed key. */
const THIRD_TOKENS_BYTES = KEY_BYTES + TAG_BYTES;

/** Who this process is, the same in all its channels and sessions. */
export interface ChannelIdentity {
  readonly signer: Signer;
  /** X25519 key of this process, made at its start and never stored. */
  readonly static: KeyPair;
}

/** What the handshake needs of `Environment`. */
export interface HandshakeEnvironment {
  readonly randomBytes: (length: number) => Uint8Array;
  readonly crypto: Crypto;
}

/** What both sides must agree on. */
export interface HandshakeTerms {
  readonly mode: ChannelMode;
  readonly prologue: Uint8Array;
  /** 32 bytes that both sides must know, `null` where anybody may connect. */
  readonly preSharedKey: Uint8Array | null;
}

/** What is known of the other side once its proof was verified. */
export interface ProvenPeer {
  readonly peer: PeerKey;
  /** The peer's X25519 key, which identifies its process: each process makes a new one. */
  readonly processKey: Bytes;
  readonly states: TransportStates;
  /** The transcript's hash, which no other handshake has: what is bound to it is of this channel alone. */
  readonly binding: Bytes;
}

/** The second message, verified, as the initiator sees it. */
export interface Answer {
  readonly peer: PeerKey;
  /** What the responder added to its proof. */
  readonly attachment: Bytes;
  /** Writes the third message: the initiator's proof. Called at most once. */
  finish(): { readonly message: Bytes; readonly proven: ProvenPeer };
}

function statesOf(noise: HandshakeState, peer: PeerKey): ProvenPeer {
  const processKey = noise.remoteStatic;
  invariant(processKey !== null, "XX tells both static keys");
  return { peer, processKey, states: noise.split(), binding: noise.hash };
}

function noiseOptions(identity: ChannelIdentity, terms: HandshakeTerms, ephemeral: KeyPair) {
  const { prologue, preSharedKey } = terms;
  return {
    pattern: preSharedKey === null ? "XX" : "XXpsk0",
    prologue,
    ephemeral,
    static: identity.static,
    ...(preSharedKey === null ? {} : { preSharedKey }),
  } as const;
}

/** The side that begins. */
export class Initiator {
  readonly #identity: ChannelIdentity;
  readonly #env: HandshakeEnvironment;
  readonly #mode: ChannelMode;
  readonly #noise: HandshakeState;
  /** The first message. */
  readonly first: Bytes;

  constructor(identity: ChannelIdentity, env: HandshakeEnvironment, terms: HandshakeTerms) {
    this.#identity = identity;
    this.#env = env;
    this.#mode = terms.mode;
    const ephemeral = keyPairFromSeed(env.randomBytes(KEY_BYTES));
    const options = noiseOptions(identity, terms, ephemeral);
    this.#noise = new HandshakeState({ ...options, initiator: true });
    this.first = this.#noise.writeMessage(EMPTY);
  }

  /**
   * Reads a second message and verifies who wrote it. Any number may be tried.
   * @throws {RemoteProtocolError} If it isn't the answer to our first message, or its proof is wrong.
   */
  read(second: Uint8Array): Answer {
    const noise = this.#noise.fork();
    const { payload, hashBeforePayload } = noise.readMessage(second);
    const end = Math.max(0, payload.length - IDENTITY_PROOF_BYTES);
    const proof = payload.subarray(end);
    const mode = this.#mode;
    const peer = verifyIdentityProof(this.#env.crypto, proof, "listener", mode, hashBeforePayload);
    return {
      peer,
      attachment: payload.subarray(0, end),
      finish: () => {
        const message = noise.writeMessage((hash) =>
          encodeIdentityProof(this.#identity.signer, "dialler", mode, hash)
        );
        return { message, proven: statesOf(noise, peer) };
      },
    };
  }
}

/** The side that answers. */
export class Responder {
  readonly #identity: ChannelIdentity;
  readonly #env: HandshakeEnvironment;
  readonly #mode: ChannelMode;
  readonly #noise: HandshakeState;
  /** The third message's tokens that were read last, and the state after them. */
  #tokens: { readonly bytes: Uint8Array; readonly noise: HandshakeState } | null = null;
  #mistakes = 0;

  /**
   * Reads the first message.
   * @param ephemeral A key pair for this handshake alone.
   * @throws {RemoteProtocolError} If it isn't one, or was made with another pre-shared key.
   */
  constructor(
    identity: ChannelIdentity,
    env: HandshakeEnvironment,
    terms: HandshakeTerms,
    ephemeral: KeyPair,
    first: Uint8Array,
  ) {
    this.#identity = identity;
    this.#env = env;
    this.#mode = terms.mode;
    const options = noiseOptions(identity, terms, ephemeral);
    this.#noise = new HandshakeState({ ...options, initiator: false });
    this.#noise.readMessage(first);
  }

  /** Writes the second message, once. */
  answer(attachment: Uint8Array): Bytes {
    return this.#noise.writeMessage((hash) =>
      concatBytes(
        attachment,
        encodeIdentityProof(this.#identity.signer, "listener", this.#mode, hash),
      )
    );
  }

  /**
   * How many wrong third messages have cost a key agreement or a verification. Only the writer of the first message
   * can make such; those that an onlooker makes up aren't among them, however many it sends.
   */
  get mistakes(): number {
    return this.#mistakes;
  }

  /**
   * Reads a third message and verifies who wrote it. Any number may be tried.
   * @throws {RemoteProtocolError} If it isn't the answer to our second message, or its proof is wrong.
   */
  read(third: Uint8Array): ProvenPeer {
    const noise = this.#readTokens(third.subarray(0, THIRD_TOKENS_BYTES));
    const { payload, hashBeforePayload } = noise.readPayload(third.subarray(THIRD_TOKENS_BYTES));
    const { crypto } = this.#env;
    this.#mistakes += 1;
    const peer = verifyIdentityProof(crypto, payload, "dialler", this.#mode, hashBeforePayload);
    this.#mistakes -= 1;
    return statesOf(noise, peer);
  }

  /** The state after these tokens, which are read only once as long as the same ones come. */
  #readTokens(bytes: Uint8Array): HandshakeState {
    if (this.#tokens !== null && sameBytes(this.#tokens.bytes, bytes)) {
      return this.#tokens.noise.fork();
    }
    const noise = this.#noise.fork();
    const isFirst = this.#tokens === null;
    try {
      noise.readTokens(bytes);
      this.#tokens = { bytes: new Uint8Array(bytes), noise };
    } finally {
      // A message that an onlooker makes up has no key in it that can be opened. The first one opened may be right.
      if (noise.remoteStatic !== null && !(isFirst && this.#tokens !== null)) this.#mistakes += 1;
    }
    return noise.fork();
  }
}
