/**
 * An address from which an authentic datagram came and that isn't the session's. An attacker on the path may have
 * sent it from there, so little is sent there until a challenge has come back (RFC 9000, section 8.2 and 9.3).
 */

import type { Bytes } from "../../base/crypto/crypto.ts";
import type { Endpoint } from "../../base/ids.ts";
import { CHALLENGE_REPEAT_MS, CHALLENGES_MAX, UNPROVEN_FACTOR } from "./limits.ts";

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
