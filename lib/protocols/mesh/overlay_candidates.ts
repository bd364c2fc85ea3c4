/**
 * Whom to dial next where a neighbour is missing: the passive view, then the roster, then, without any
 * neighbour, those remembered on disk. Candidates are tried in rounds, each once in a round; between
 * rounds is a growing pause, so that a room of the dead or of the full costs nothing worth measuring.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { Contact } from "./messages.ts";
import type { MemberDirectory, OverlayConfig } from "./overlay_io.ts";
import { type PassiveView, randomOf } from "./passive_view.ts";

/** In a room whose members all have their five neighbours, a sixth candidate in a row won't help. */
const REFUSALS_MAX = 8;
/** Who has just refused or displaced us isn't free again sooner. */
const AVOID_MS = 10_000;
/** More than can refuse us in that time. */
const AVOIDED_MAX = 256;
/** The smaller key of a pair dials; the other waits so long, so that they don't dial each other at once. */
const LARGER_KEY_WAIT_MS = 1_000;

/** What is wanted: any neighbours, any at all since there is none, or all members of a small room. */
export type Wanted = "some" | "any" | "all";

export class Candidates {
  readonly #tried = new Set<PeerKey>(); // at most roster and remembered members
  readonly #avoidUntilMs = new Map<PeerKey, number>(); // at most AVOIDED_MAX
  readonly #missingSinceMs = new Map<PeerKey, number>(); // members of a small room, at most FULL_MESH_MEMBERS_MAX
  #refusals = 0;
  #pauseMs: number;

  constructor(
    private readonly config: OverlayConfig,
    private readonly self: PeerKey,
    private readonly passive: PassiveView,
    private readonly directory: MemberDirectory,
    private readonly random: () => number,
  ) {
    this.#pauseMs = config.redialMinMs;
  }

  /** Takes the next candidate of this round that isn't `excluded`; null where the round is over. */
  next(wanted: Wanted, excluded: (peer: PeerKey) => boolean, nowMs: number): Contact | null {
    const free = ({ key }: Contact) =>
      key !== this.self && !excluded(key) && !this.#tried.has(key) &&
      (wanted === "any" || (this.#avoidUntilMs.get(key) ?? 0) <= nowMs);
    const contact = this.#choose(wanted, free, nowMs);
    if (contact !== null) {
      this.#tried.add(contact.key);
      this.#missingSinceMs.delete(contact.key);
    }
    return contact;
  }

  #choose(wanted: Wanted, free: (contact: Contact) => boolean, nowMs: number): Contact | null {
    const { random } = this;
    if (wanted === "all") {
      const missing = this.directory.live().filter(free);
      const keys = new Set(missing.map(({ key }) => key));
      for (const key of this.#missingSinceMs.keys()) {
        if (!keys.has(key)) this.#missingSinceMs.delete(key);
      }
      return randomOf(missing.filter(({ key }) => this.#dialIsOurs(key, nowMs)), random);
    }
    if (wanted === "some" && this.#refusals >= REFUSALS_MAX) return null;
    return randomOf(this.passive.contacts.filter(free), random) ??
      randomOf(this.directory.live().filter(free), random) ??
      (wanted === "any" ? randomOf(this.directory.remembered().filter(free), random) : null);
  }

  #dialIsOurs(peer: PeerKey, nowMs: number): boolean {
    if (this.self < peer) return true;
    const sinceMs = this.#missingSinceMs.get(peer);
    if (sinceMs === undefined) this.#missingSinceMs.set(peer, nowMs);
    return sinceMs !== undefined && nowMs >= sinceMs + LARGER_KEY_WAIT_MS;
  }

  /** When a dial that was left to the other side is ours after all; null where none was left. */
  nextTurnMs(): number | null {
    let next: number | null = null;
    for (const sinceMs of this.#missingSinceMs.values()) {
      const atMs = sinceMs + LARGER_KEY_WAIT_MS;
      if (next === null || atMs < next) next = atMs;
    }
    return next;
  }

  /** A candidate had no place for us. */
  refused(): void {
    this.#refusals++;
  }

  /** Leaves the peer alone for a while, unless there is no other. */
  avoid(peer: PeerKey, nowMs: number): void {
    this.#avoidUntilMs.delete(peer);
    this.#avoidUntilMs.set(peer, nowMs + AVOID_MS);
    if (this.#avoidUntilMs.size > AVOIDED_MAX) {
      for (const oldest of this.#avoidUntilMs.keys()) {
        this.#avoidUntilMs.delete(oldest);
        break;
      }
    }
  }

  /** @returns When the next round begins: after a pause that doubles from round to round. */
  endRound(wanted: Wanted, nowMs: number): number {
    const pauseMaxMs = wanted === "any" ? this.config.redialIsolatedMaxMs : this.config.redialMaxMs;
    const pauseMs = Math.min(this.#pauseMs, pauseMaxMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, this.config.redialMaxMs);
    return nowMs + pauseMs * (0.75 + this.random() / 2); // jitter: many lost the same neighbour
  }

  /** Everybody may be tried again. */
  beginRound(): void {
    this.#tried.clear();
    this.#refusals = 0;
    this.#missingSinceMs.clear();
  }

  /** Something changed: rounds come quickly again. */
  encourage(): void {
    this.#pauseMs = this.config.redialMinMs;
  }

  postpone(delayMs: number): void {
    for (const [peer, untilMs] of this.#avoidUntilMs) {
      this.#avoidUntilMs.set(peer, untilMs + delayMs);
    }
    for (const [peer, sinceMs] of this.#missingSinceMs) {
      this.#missingSinceMs.set(peer, sinceMs + delayMs);
    }
  }
}
