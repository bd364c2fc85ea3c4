/**
 * Dials that are made although no place is free. All neighbours may be there, and yet be the wrong ones: the room has
 * split into two healthy halves, and members of the other half count as lost; or all neighbours are liars that withhold
 * messages, while the members whose messages they withhold are alive in the roster. So now and then a member is dialled
 * that isn't a neighbour.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import { jittered } from "../../../base/rates/retry_pauses.ts";
import {
  WITHHELD_EXCUSED_MS_MAX,
  WITHHELD_LOOK_MS,
  WITHHELD_MS,
  WITHHELD_RETRY_MS_MAX,
} from "../schema/limits.ts";
import type { Contact } from "../schema/messages.ts";
import type { Purpose } from "./overlay_dials.ts";
import type { OverlayCandidates } from "./overlay_candidates.ts";
import type { MemberDirectory, OverlayConfig, Standing } from "./overlay_io.ts";

/** The chance, each time, of dialling one of the few that we know at first hand: once a minute. */
const FIRST_HAND_CHANCE = 0.5;

/** A contact to dial, and the purpose. */
interface RareDial {
  readonly contact: Contact;
  readonly purpose: Purpose;
}

export class OverlayRareDials {
  readonly #deadlines = new Deadlines({
    /** When to dial, perhaps, a member that isn't seen in the room. */
    lost: (): Purpose => "rejoin",
    /** When to look whether words are withheld. */
    withheld: (): Purpose => "withheld",
  });
  readonly #withheld: OverlayWithheld;
  /** Before this time nobody else is dialled for withheld messages. */
  #withheldFromMs = -Infinity;

  constructor(
    private readonly config: Pick<OverlayConfig, "rareDialsPerRoom" | "rareDialIntervalMs">,
    private readonly directory: Standings & Pick<MemberDirectory, "remembered">,
    private readonly candidates: Pick<OverlayCandidates, "oneOf" | "metOf">,
    private readonly random: () => number,
    nowMs: number,
  ) {
    this.#withheld = new OverlayWithheld(directory);
    this.#deadlines.set("lost", nowMs + this.#intervalMs());
    this.#deadlines.set("withheld", nowMs + WITHHELD_LOOK_MS);
  }

  nextMs(): number | null {
    return this.#deadlines.nextMs();
  }

  /** @param live How many members there are. */
  takeDue(live: number, isFree: (contact: Contact) => boolean, nowMs: number): readonly RareDial[] {
    return this.#deadlines.tick(nowMs).flatMap((purpose) => {
      const contact = purpose === "rejoin"
        ? this.#lost(live, isFree, nowMs)
        : this.#apart(live, isFree, nowMs);
      return contact === null ? [] : [{ contact, purpose }];
    });
  }

  /**
   * All members of the room together dial one lost member each second: it may be in the other half of a split. How many
   * members there are is hearsay, and may be a crowd that a liar makes up: so members that we know at first hand are
   * dialled all the same.
   */
  #lost(live: number, isFree: (contact: Contact) => boolean, nowMs: number): Contact | null {
    this.#deadlines.set("lost", nowMs + this.#intervalMs());
    const lost = this.directory.remembered().filter(isFree);
    if (this.random() < this.#chance(1, live)) return this.candidates.oneOf(lost);
    return this.random() < FIRST_HAND_CHANCE ? this.candidates.metOf(lost) : null;
  }

  /**
   * A member whose messages are withheld from us, or from which ours are withheld, as often as a lost one. Each of them
   * is dialled by as many members as a lost one would be, even where the whole room lacks what it has, or it lies.
   */
  #apart(live: number, isFree: (contact: Contact) => boolean, nowMs: number): Contact | null {
    this.#deadlines.set("withheld", nowMs + WITHHELD_LOOK_MS);
    const apart = this.#withheld.look(nowMs).filter(isFree);
    if (apart.length === 0 || nowMs < this.#withheldFromMs) return null;
    this.#withheldFromMs = nowMs + this.#intervalMs();
    if (this.random() >= this.#chance(apart.length, live)) return null;
    const contact = this.candidates.oneOf(apart);
    if (contact !== null) this.#withheld.dialled(contact.key, nowMs);
    return contact;
  }

  /** The dialled member wasn't there, or had no place: for withheld messages the next look dials the next one. */
  inVain(purpose: Purpose | undefined): void {
    if (purpose === "withheld") this.#withheldFromMs = -Infinity;
  }

  #chance(members: number, live: number): number {
    return Math.min(1, (members * this.config.rareDialsPerRoom) / live);
  }

  #intervalMs(): number {
    return jittered(this.config.rareDialIntervalMs, this.random());
  }
}

// Finds live members whose messages are withheld from us, or from which ours are withheld. Neighbours that pass on the
// roster, but not the messages, don't show that; beacons do.
//
// A beacon names the room time of a message that its member has. That very message must come here within seconds;
// nothing that neighbours give us instead counts for it. And soon after a message of our own most beacons must show
// that their members have it. Honest cases, in which nobody is dialled:
// - the room talks, and a beacon is ahead of the messages: each of them comes, and the next one is looked at;
// - we are catching up, after a split or an absence: as long as somebody gives us what we lack, time doesn't count,
// though not for ever, since a liar can give drop by drop;
// - some members have slow lines, or are behind for reasons of their own: they may lack our message, if most have it;
// - a message too old to be kept, or of a time that isn't believed, never comes: a member that was dialled for it in
// vain, and has what we have otherwise, isn't dialled again.
// Where one member alone is ahead of many, chance decides which of them dial it (`overlay_rare_dials.ts`).

/** How far members are, and how far we are. */
type Standings = Pick<MemberDirectory, "standings" | "isHere" | "lastOwn" | "isCatchingUp">;

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
  readonly notBeforeMs: number;
}

export class OverlayWithheld {
  /** By member; at most as many as are live, as in `#dialled`. */
  #lacked = new Map<PeerKey, Lacked>();
  #dialled = new Map<PeerKey, Dialled>();
  /** A message of ours that most members aren't known to have; null where there is none. */
  #own: { readonly time: number; sinceMs: number } | null = null;
  /** The room time up to which most members have our messages. */
  #heardTime = 0;
  #lookedMs = 0;

  constructor(private readonly directory: Standings) {}

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
}

const NOBODY: ReadonlySet<PeerKey> = new Set();

function excuse(lacked: Lacked, forMs: number): void {
  if (lacked.excusedMs >= WITHHELD_EXCUSED_MS_MAX) return;
  lacked.sinceMs += forMs;
  lacked.excusedMs += forMs;
}
