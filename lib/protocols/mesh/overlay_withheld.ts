/**
 * Finds live members whose messages are withheld from us, or from which ours are withheld. Neighbours that pass on the
 * roster, but not the messages, don't show that; beacons do.
 *
 * A beacon names the room time of a message that its member has. That very message must come here within seconds;
 * nothing that neighbours give us instead counts for it. And soon after a message of our own most beacons must show
 * that their members have it. Honest cases, in which nobody is dialled:
 * - the room talks, and a beacon is ahead of the messages: each of them comes, and the next one is looked at;
 * - we are catching up, after a split or an absence: as long as somebody gives us what we lack, time doesn't count,
 *   though not for ever, since a liar can give drop by drop;
 * - some members have slow lines, or are behind for reasons of their own: they may lack our message, if most have it;
 * - a message too old to be kept, or of a time that isn't believed, never comes: a member that was dialled for it in
 *   vain, and has what we have otherwise, isn't dialled again.
 * Where one member alone is ahead of many, chance decides which of them dial it (`overlay_rare_dials.ts`).
 */

import type { PeerKey } from "../../base/ids.ts";
import { WITHHELD_EXCUSED_MS_MAX, WITHHELD_MS, WITHHELD_RETRY_MS_MAX } from "./limits.ts";
import type { Contact } from "./messages.ts";
import type { MemberDirectory, Standing } from "./overlay_io.ts";

/** A message that a member has and we lack. */
interface Lacked {
  /** Room time of that message. */
  readonly time: number;
  /** Since when we lack it, not counting the time in which we were catching up, and how much time wasn't counted. */
  sinceMs: number;
  excusedMs: number;
}

/** How often a member was dialled in vain, and until when it isn't again. */
interface Dialled {
  readonly times: number;
  notBeforeMs: number;
}

export class Withheld {
  /** By member; at most as many as are live, as in `#dialled`. */
  #lacked = new Map<PeerKey, Lacked>();
  #dialled = new Map<PeerKey, Dialled>();
  /** A message of ours that most members aren't known to have; null where there is none. */
  #own: { readonly time: number; sinceMs: number } | null = null;
  /** The room time up to which most members have our messages. */
  #heardTime = 0;
  #lookedMs = 0;

  constructor(private readonly directory: MemberDirectory) {}

  /** Looks at all members again. @returns The ones of which any may be dialled. */
  look(nowMs: number): readonly Contact[] {
    const standings = this.directory.standings();
    const ours = this.#lackOurs(standings, nowMs);
    const theirs = this.#haveMore(standings, nowMs);
    const due: Contact[] = [];
    const dialled = new Map<PeerKey, Dialled>();
    for (const { contact } of standings) {
      const { key } = contact;
      if (!this.#lacked.has(key) && !ours.has(key)) continue;
      const before = this.#dialled.get(key);
      if (before !== undefined) dialled.set(key, before);
      const isDue = ours.has(key) || theirs.has(key);
      if (isDue && nowMs >= (before?.notBeforeMs ?? 0)) due.push(contact);
    }
    this.#dialled = dialled;
    return due;
  }

  /** Members that have long had a message that isn't here. */
  #haveMore(standings: readonly Standing[], nowMs: number): ReadonlySet<PeerKey> {
    const excusedMs = this.directory.isCatchingUp() ? nowMs - this.#lookedMs : 0;
    this.#lookedMs = nowMs;
    const lacked = new Map<PeerKey, Lacked>();
    const have = new Set<PeerKey>();
    for (const { contact: { key }, latest, isEqual } of standings) {
      const before = this.#lacked.get(key);
      const isLevel = isEqual || this.directory.isHere(latest);
      const mayCome = !isLevel || !this.#dialled.has(key);
      if (before !== undefined && mayCome && !isEqual && !this.directory.isHere(before.time)) {
        lacked.set(key, before);
        excuse(before, excusedMs);
        if (nowMs - before.sinceMs >= WITHHELD_MS) have.add(key);
      } else if (!isLevel) lacked.set(key, { time: latest, sinceMs: nowMs, excusedMs: 0 });
    }
    this.#lacked = lacked;
    return have;
  }

  /** Members that lack a message of ours from long before their beacon, where most lack it; else none. */
  #lackOurs(standings: readonly Standing[], nowMs: number): ReadonlySet<PeerKey> {
    const time = this.directory.lastOwn();
    if (this.#own === null && time > this.#heardTime) this.#own = { time, sinceMs: nowMs };
    const own = this.#own;
    if (own === null) return NOBODY;
    const fresh = standings.filter(({ madeMs }) => madeMs >= own.sinceMs + WITHHELD_MS);
    if (fresh.length === 0) return NOBODY;
    const lack = fresh.filter(({ reach, isEqual }) => !isEqual && reach < own.time);
    if (lack.length > fresh.length / 2) return new Set(lack.map(({ contact }) => contact.key));
    this.#heardTime = own.time;
    this.#own = null;
    return NOBODY;
  }

  /** Notes that a member is dialled. Where that brings nothing, others come first: it may not have what it says. */
  dialled(peer: PeerKey, nowMs: number): void {
    const times = (this.#dialled.get(peer)?.times ?? 0) + 1;
    const pauseMs = Math.min(WITHHELD_MS * 2 ** times, WITHHELD_RETRY_MS_MAX);
    this.#dialled.set(peer, { times, notBeforeMs: nowMs + pauseMs });
  }

  postpone(delayMs: number): void {
    this.#lookedMs += delayMs;
    if (this.#own !== null) this.#own.sinceMs += delayMs;
    for (const lacked of this.#lacked.values()) lacked.sinceMs += delayMs;
    for (const dialled of this.#dialled.values()) dialled.notBeforeMs += delayMs;
  }
}

const NOBODY: ReadonlySet<PeerKey> = new Set();

function excuse(lacked: Lacked, forMs: number): void {
  if (lacked.excusedMs >= WITHHELD_EXCUSED_MS_MAX) return;
  lacked.sinceMs += forMs;
  lacked.excusedMs += forMs;
}
