/**
 * A handshake that we began. Only the initiator repeats its messages, so that a forged address makes nobody send more
 * than came (250 ms, doubling, 5 s in all): the first message until the second comes, then the third until the peer
 * seals something.
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import { fingerprintOf } from "../../base/text/fingerprint.ts";
import { type Endpoint, isSameEndpoint, type PeerKey } from "../../base/ids.ts";
import { earliestMs } from "../../base/machine/machine.ts";
import {
  type ChannelIdentity,
  type HandshakeEnvironment,
  Initiator,
} from "../noise/identity_handshake.ts";
import { type ChannelMode, encodePreface, SALT_BYTES } from "../noise/preface.ts";
import { encodeInitiation, prologueOf, withCookie } from "./formats.ts";
import { COOKIES_ANSWERED_MAX, HANDSHAKE_MS_MAX, REPEAT_MS } from "./limits.ts";

/** `asked`: the owner is told where the attempt fails. `rekey`: for fresh keys, which are our own affair. */
export type Purpose = "asked" | "rekey";

export class Attempt {
  readonly initiator: Initiator;
  readonly endsAtMs: number;
  /** Another identity that answered, proven; the true one may still come. */
  answeredBy: PeerKey | null = null;
  /** Where its messages go: every address at which the peer may be, then the one from which it answered. */
  endpoints: readonly Endpoint[];
  #message: Bytes;
  #isAnswered = false;
  #cookies = 0;
  #pauseMs = REPEAT_MS;
  #repeatAtMs: number;

  constructor(
    identity: ChannelIdentity,
    env: HandshakeEnvironment,
    mode: ChannelMode,
    readonly peer: PeerKey,
    endpoints: readonly Endpoint[],
    readonly index: number,
    readonly order: number,
    readonly purpose: Purpose,
    nowMs: number,
  ) {
    this.endpoints = endpoints;
    const wanted = { mode, room: null, epoch: null, fingerprint: fingerprintOf(peer) };
    const preface = encodePreface(wanted, env.randomBytes(SALT_BYTES));
    const terms = { mode, prologue: prologueOf(index, preface), preSharedKey: null };
    this.initiator = new Initiator(identity, env, terms);
    this.#message = encodeInitiation(index, preface, this.initiator.first);
    this.endsAtMs = nowMs + HANDSHAKE_MS_MAX;
    this.#repeatAtMs = nowMs;
  }

  /** Whether the peer has proved itself, and waits for our proof or has it. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** A copy of the message to be sent now. */
  message(): Bytes {
    return this.#message.slice();
  }

  /** A copy of the message that is due; also sets the time of the next repetition. */
  dueMessage(nowMs: number): Bytes {
    this.#repeatAtMs = nowMs + this.#pauseMs;
    this.#pauseMs *= 2;
    return this.message();
  }

  /** Whether a repetition is due. */
  isDue(nowMs: number): boolean {
    return this.#repeatAtMs <= nowMs;
  }

  nextDeadlineMs(): number | null {
    return earliestMs(this.#repeatAtMs, this.endsAtMs);
  }

  /** The first message has this cookie from now on. @returns Whether it is to be sent at once. */
  takeCookie(cookie: Uint8Array): boolean {
    if (this.#isAnswered) return false;
    this.#message = withCookie(this.#message, cookie);
    this.#cookies += 1;
    return this.#cookies <= COOKIES_ANSWERED_MAX;
  }

  /**
   * The address at which the peer was asked and answers: `from`, or the first one where it wasn't asked at that. Whoever
   * has seen its answer can send it from anywhere, and nothing proves that it is received there.
   */
  askedAt(from: Endpoint): Endpoint {
    return this.endpoints.find((each) => isSameEndpoint(each, from)) ?? this.endpoints[0]!;
  }

  /** The peer has proved itself: `confirmation` is sent to it from now on. */
  answered(confirmation: Bytes, endpoint: Endpoint): void {
    this.endpoints = [endpoint];
    this.#isAnswered = true;
    this.#message = confirmation;
    this.#pauseMs = REPEAT_MS;
  }
}
