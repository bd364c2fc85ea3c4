/** One friend: the row of the table, whose key that is, what waits, and how it is reached at the moment. */

import type { Fingerprint } from "../../base/fingerprint.ts";
import type { LinkId, PeerKey } from "../../base/ids.ts";
import { shownName } from "../../base/names.ts";
import { RetryPauses } from "../../base/retry_pauses.ts";
import {
  AT_ONCE_INTERVAL_MS,
  RETRY_MS_EACH,
  RETRY_MS_FEW,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from "./limits.ts";
import type { FriendRow } from "./friends_io.ts";
import { Outbox, type OutboxEntry } from "./outbox.ts";

export class Friend {
  readonly outbox: Outbox;
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
  /** Until then nobody who dials in takes its place. */
  strangeUntilMs = -Infinity;
  /** No other is told before this time. */
  strangerAtMs = -Infinity;
  /** When to dial again, while something waits. */
  retryAtMs: number | null = null;
  /** When the disk, which refused that before, is asked again to take down what may go out. */
  releaseAtMs: number | null = null;
  #triedAtMs = -Infinity;
  readonly #pauses = new RetryPauses(RETRY_MS_MIN, RETRY_MS_MAX);
  #wasRefused = false;
  /** No other word of what one of the two no longer has is told before this time. */
  gapAtMs = -Infinity;
  /** Since when a confirmation of what was sent is awaited; null where none is. */
  awaitedSinceMs: number | null = null;
  #dialledAtOnceMs = -Infinity;
  /** Something was said or heard on the present link then. */
  lastTrafficMs = 0;
  /** No dial for a stranger's claim to be this friend before this time. */
  checkAtMs = -Infinity;
  /** How much the user was told to wait for it while it isn't there; 0 where it is. */
  toldWaiting = 0;
  /** Delivered since it is back. */
  deliveredSinceBack = 0;
  problem: string | null = null;
  /** The refusal that the user knows; it is told again when something was delivered in between. */
  toldRefusal: string | null = null;
  /** The problem that an error has just told: what is kept for it doesn't repeat it. */
  toldProblem: string | null = null;

  /** @param waiting For all friends together. */
  constructor(public row: FriendRow, pinned: Fingerprint | null, waiting: { bytes: number }) {
    this.pinned = pinned;
    this.outbox = new Outbox(waiting);
  }

  get name(): string {
    return this.row.name;
  }

  /** The name for sentences. */
  get shown(): string {
    return shownName(this.row.name);
  }

  /** Whose key it must be; null while any that its address answers with will do. */
  get expected(): Fingerprint | null {
    return this.row.fingerprint ?? this.pinned;
  }

  /** It isn't delivered, nor kept: what is written after it is told as more that waits. */
  drop(entry: OutboxEntry): void {
    this.outbox.remove(entry);
    this.toldWaiting = Math.min(this.toldWaiting, this.outbox.size);
  }

  /** It is dialled now. */
  trying(nowMs: number, attempt: number): void {
    this.attempt = attempt;
    this.retryAtMs = null;
    this.#triedAtMs = nowMs;
  }

  /** The user has something for it. @returns Whether to try it now; else, as it was tried just now, soon. */
  hurry(nowMs: number): boolean {
    const atMs = this.#triedAtMs + RETRY_MS_MIN;
    if (atMs <= nowMs) return true;
    this.retryAtMs = Math.min(atMs, this.retryAtMs ?? Infinity);
    return false;
  }

  /**
   * It can't be reached now: the next try comes later each time, and never at one moment with others'.
   * @param waiting How many friends something waits for: a few are tried more often.
   */
  failed(nowMs: number, random: number, waiting: number): void {
    const mostMs = Math.min(RETRY_MS_MAX, RETRY_MS_FEW + waiting * RETRY_MS_EACH);
    this.retryAtMs = nowMs + this.#pauses.failed(random, mostMs);
  }

  /** After a stall of this process: nobody is blamed for it. */
  postpone(delayMs: number): void {
    this.lastTrafficMs += delayMs;
    if (this.releaseAtMs !== null) this.releaseAtMs += delayMs;
    if (this.awaitedSinceMs !== null) this.awaitedSinceMs += delayMs;
    if (this.retryAtMs !== null) this.retryAtMs += delayMs;
  }

  /** It closed a link properly with something waiting. @returns Whether to dial it at once: now and then. */
  mayDialAtOnce(nowMs: number): boolean {
    if (nowMs < this.#dialledAtOnceMs + AT_ONCE_INTERVAL_MS) return false;
    this.#dialledAtOnceMs = nowMs;
    return true;
  }

  /** A link was refused, by either side: that the friend is reached doesn't make the pauses short again. */
  refused(): void {
    this.#wasRefused = true;
  }

  /** Whether it was there when it was tried last, and took nothing. */
  get isRefusing(): boolean {
    return this.#wasRefused;
  }

  /** What was found out about it counts no more. */
  forgive(): void {
    this.#wasRefused = false;
    this.#pauses.reset();
  }

  /** Something came of a link: pauses begin anew. */
  served(): void {
    this.forgive();
    this.toldRefusal = null;
  }

  reached(nowMs: number): void {
    if (!this.#wasRefused) this.#pauses.reset();
    this.retryAtMs = null;
    this.problem = null;
    this.lastTrafficMs = nowMs;
  }

  /** Whether nothing goes on with it. */
  get isIdle(): boolean {
    return this.outbox.size === 0 && this.link === null && this.attempt === null;
  }

  /** Whether it was tried in vain, and nothing has changed since. */
  get isAway(): boolean {
    return this.link === null && this.#pauses.hasFailed;
  }
}
