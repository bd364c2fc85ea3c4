/** One friend: the row of the table, whose key that is, what waits, and how it is reached at the moment. */

import { type Fingerprint, fingerprintOf } from "../../base/fingerprint.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { RETRY_MS_MAX, RETRY_MS_MIN } from "./limits.ts";
import type { FriendRow } from "./friends_io.ts";
import { Outbox } from "./outbox.ts";

export class Friend {
  readonly outbox = new Outbox();
  /** Messages to it, so far in this process. */
  said = 0;
  /** The key that was met under this name; the table's word goes first. */
  pinned: Fingerprint | null;
  /** The link that is used; others are being drained. */
  link: LinkId | null = null;
  /** The attempt that is under way. */
  attempt: number | null = null;
  /** The key that answered last, for `/verify` and `/trust`. */
  key: PeerKey | null = null;
  /** A key that isn't the one that is expected, and was told to the user. */
  strange: PeerKey | null = null;
  /** No other is told before this time. */
  strangerAtMs = -Infinity;
  /** When to dial again, while something waits. */
  retryAtMs: number | null = null;
  #failures = 0;
  /** Something was said or heard on the present link then. */
  lastTrafficMs = 0;
  /** No dial for a stranger's claim to be this friend before this time. */
  checkAtMs = -Infinity;
  /** The user was told that it isn't there, and what waits. */
  toldAway = false;
  /** Delivered since it is back. */
  deliveredSinceBack = 0;
  problem: string | null = null;

  constructor(public row: FriendRow, pinned: Fingerprint | null) {
    this.pinned = pinned;
  }

  get name(): string {
    return this.row.name;
  }

  /** Whose key it must be; null while any that its address answers with will do. */
  get expected(): Fingerprint | null {
    return this.row.fingerprint ?? this.pinned;
  }

  /** It can't be reached now: the next try comes later each time, and never at one moment with others'. */
  failed(nowMs: number, random: number): void {
    const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 1.5 ** this.#failures++);
    this.retryAtMs = nowMs + pauseMs * (0.5 + random / 2);
  }

  /** The user accepts this key from now on. */
  trust(key: PeerKey): void {
    this.pinned = fingerprintOf(key);
    this.strange = this.problem = null;
  }

  /** After a stall of this process: nobody is blamed for it. */
  postpone(delayMs: number): void {
    this.lastTrafficMs += delayMs;
    if (this.retryAtMs !== null) this.retryAtMs += delayMs;
  }

  reached(nowMs: number): void {
    this.#failures = 0;
    this.retryAtMs = null;
    this.problem = null;
    this.lastTrafficMs = nowMs;
  }

  /** Whether it was tried in vain, and nothing has changed since. */
  get isAway(): boolean {
    return this.link === null && this.#failures > 0;
  }
}
