/**
 * Whom to dial next where a neighbour is missing: by turns former neighbours, the latest first, and members known by
 * hearsay: those of the passive view, then of the roster, then, while we have no neighbour, those remembered on disk.
 * Candidates are tried in rounds, each once in a round; the pauses between rounds grow, so that a room whose members
 * are all dead or full costs nothing worth measuring.
 *
 * Passive view and roster can be filled with members that don't exist, and former neighbours can all be gone: each of
 * the two kinds takes every second dial at most, as long as there are candidates of the other.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { jittered } from "../../../base/rates/retry_pauses.ts";
import { earliestMs } from "../../../base/machine/machine.ts";
import { ACQUAINTANCES_MAX, INTRODUCED_DIALS_BURST } from "../schema/limits.ts";
import type { Contact } from "../schema/messages.ts";
import type { OverlayDials } from "./overlay_dials.ts";
import type { MemberDirectory, OverlayConfig } from "./overlay_io.ts";
import { type PassiveView, randomOf } from "./passive_view.ts";

/**
 * Members that we know at first hand: they were our neighbours, each proven by a handshake. They come first where all
 * neighbours are lost, since whatever crowd somebody makes up isn't among them.
 *
 * As Bitcoin's address manager keeps addresses that were tried apart from those that were only heard of (Heilman,
 * Kendler, Zohar, Goldberg: Eclipse attacks on Bitcoin's peer-to-peer network, USENIX Security 2015), and those that
 * we dialled apart from those that dialled us: a peer that dials us, under any number of keys, displaces none of those.
 */
export class Acquaintances {
  /** Members that we dialled, and that dialled us: the last is the first to dial, at most `ACQUAINTANCES_MAX` each. */
  readonly #dialled = new Map<PeerKey, Contact>();
  readonly #inbound = new Map<PeerKey, Contact>();
  /** The member that admitted us. */
  #entrance: Contact | null = null;

  /** Former neighbours, the best bet first. */
  get neighbours(): readonly Contact[] {
    return [...this.#inbound.values(), ...this.#dialled.values()].toReversed();
  }

  /** All acquaintances, with the member that admitted us, however long ago that is. */
  get all(): readonly Contact[] {
    const { neighbours } = this;
    const entrance = this.#entrance;
    const isFurther = entrance !== null && neighbours.every(({ key }) => key !== entrance.key);
    return isFurther ? [...neighbours, entrance] : neighbours;
  }

  has(peer: PeerKey): boolean {
    return this.#dialled.has(peer) || this.#inbound.has(peer) || this.#entrance?.key === peer;
  }

  /** Notes the member that admitted us. */
  cameInThrough(contact: Contact): void {
    this.#entrance = contact;
  }

  /** The contact is no neighbour any more. @param dialled Whether we had dialled it. */
  parted(contact: Contact, dialled: boolean): void {
    this.#dialled.delete(contact.key);
    this.#inbound.delete(contact.key);
    const met = dialled ? this.#dialled : this.#inbound;
    met.set(contact.key, contact);
    dropOldest(met, ACQUAINTANCES_MAX);
  }

  /** The peer couldn't be reached: the others come first from now on. */
  failed(peer: PeerKey): void {
    for (const met of [this.#dialled, this.#inbound]) {
      const contact = met.get(peer);
      if (contact === undefined) continue;
      const others = [...met].filter(([key]) => key !== peer);
      met.clear();
      met.set(peer, contact);
      for (const [key, other] of others) met.set(key, other);
    }
  }
}

/** After so many refusals in a round no more are asked: in a room whose members are all full, others won't help. */
const REFUSALS_MAX = 8;
/** How long a member that has refused or displaced us is left alone: it isn't free again sooner. */
const AVOID_MS = 10_000;
/** More members than can refuse us in that time. */
const AVOIDED_MAX = 256;
/** The smaller key of a pair dials; the other waits so long, so that they don't dial each other at once. */
const LARGER_KEY_WAIT_MS = 1_000;

/** What is wanted: more neighbours, a first one at any cost, or all members of a small room. */
export type Wanted = "some" | "any" | "all";

export class OverlayCandidates {
  readonly #tried = new Set<PeerKey>(); // at most roster and remembered members
  readonly #avoidUntilMs = new Map<PeerKey, number>(); // at most AVOIDED_MAX
  readonly #missingSinceMs = new Map<PeerKey, number>(); // members of a small room, at most FULL_MESH_MEMBERS_MAX
  #refusals = 0;
  /** Whether the next candidate is a member known by hearsay alone, if there is one. */
  #isHearsaysTurn = false;
  /** The pause after this round. */
  #pauseMs: number;
  /** When the next round begins; null within one. */
  #pausedUntilMs: number | null = null;
  /** When a dial that was left to the other side is ours after all; null where none was left. */
  #turnMs: number | null = null;

  constructor(
    private readonly config: Pick<
      OverlayConfig,
      "redialMinMs" | "redialMaxMs" | "redialIsolatedMaxMs"
    >,
    private readonly self: PeerKey,
    private readonly passive: Pick<PassiveView, "contacts" | "introducerOf">,
    private readonly acquaintances: Pick<Acquaintances, "all" | "neighbours" | "has">,
    private readonly directory: Pick<MemberDirectory, "live" | "remembered">,
    private readonly dials: OverlayDials,
    private readonly random: () => number,
  ) {
    this.#pauseMs = config.redialMinMs;
  }

  /**
   * Takes the next candidate of this round that isn't `excluded`; null in a pause, and where the round
   * has no more. The round ends once no dial is `underWay`, as its outcome may bring more to do.
   */
  next(
    wanted: Wanted,
    excluded: (peer: PeerKey) => boolean,
    underWay: boolean,
    nowMs: number,
  ): Contact | null {
    if (this.#pausedUntilMs !== null) return null;
    const free = ({ key, endpoint }: Contact) =>
      key !== this.self && !excluded(key) && !this.#tried.has(key) &&
      // Without a neighbour we can't be choosy: of two members said to be at one address, one may be there.
      (wanted === "any" ||
        ((this.#avoidUntilMs.get(key) ?? 0) <= nowMs && this.dials.isFree(endpoint, nowMs)));
    this.#turnMs = null;
    const contact = this.#choose(wanted, free, nowMs);
    if (contact === null) {
      if (!underWay) this.#pause(wanted, nowMs);
      return null;
    }
    if (!this.dials.takeFill(nowMs)) {
      this.#pausedUntilMs = nowMs + this.config.redialMinMs;
      return null;
    }
    this.#tried.add(contact.key);
    this.#isHearsaysTurn = this.acquaintances.has(contact.key);
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
      const own = randomOf(missing.filter(({ key }) => this.#dialIsOurs(key, nowMs)), random);
      if (own !== null) this.#missingSinceMs.delete(own.key);
      return own ?? this.#knownAtFirstHand(free);
    }
    if (wanted === "some" && this.#refusals >= REFUSALS_MAX) return null;
    const { all, neighbours } = this.acquaintances;
    const acquainted = () => (wanted === "any" ? all : neighbours).find(free) ?? null;
    const heardOf = () =>
      this.#introduced(wanted, free, nowMs) ??
        randomOf(this.directory.live().filter(free), random) ??
        (wanted === "any" ? randomOf(this.directory.remembered().filter(free), random) : null);
    return this.#isHearsaysTurn ? heardOf() ?? acquainted() : acquainted() ?? heardOf();
  }

  /** A member of the passive view that nobody has introduced to us: it was a neighbour. */
  #knownAtFirstHand(free: (contact: Contact) => boolean): Contact | null {
    const known = this.passive.contacts.filter(({ key }) =>
      this.passive.introducerOf(key) === null
    );
    return randomOf(known.filter(free), this.random);
  }

  /** A member of the passive view; its dial counts against its introducer's limit, unless we have no neighbour. */
  #introduced(wanted: Wanted, free: (contact: Contact) => boolean, nowMs: number): Contact | null {
    const by = ({ key }: Contact) => wanted === "any" ? null : this.passive.introducerOf(key);
    const mayDial = (contact: Contact) => {
      const introducer = by(contact);
      return introducer === null ||
        this.dials.mayIntroduce(introducer, nowMs, INTRODUCED_DIALS_BURST / 2);
    };
    const known = this.passive.contacts.filter((contact) => free(contact) && mayDial(contact));
    const contact = randomOf(known, this.random);
    const introducer = contact === null ? null : by(contact);
    if (introducer !== null) this.dials.takeIntroduced(introducer, nowMs);
    return contact;
  }

  #dialIsOurs(peer: PeerKey, nowMs: number): boolean {
    if (this.self < peer) return true;
    const sinceMs = this.#missingSinceMs.get(peer) ?? nowMs;
    this.#missingSinceMs.set(peer, sinceMs);
    const turnMs = sinceMs + LARGER_KEY_WAIT_MS;
    if (nowMs >= turnMs) return true;
    this.#turnMs = Math.min(this.#turnMs ?? Infinity, turnMs);
    return false;
  }

  /** How many candidates of this round had no place for us. */
  get refusals(): number {
    return this.#refusals;
  }

  /** A candidate had no place for us. */
  refused(): void {
    this.#refusals++;
  }

  /** Leaves the peer alone for a while, unless there is no other. */
  avoid(peer: PeerKey, nowMs: number): void {
    this.#avoidUntilMs.delete(peer);
    this.#avoidUntilMs.set(peer, nowMs + AVOID_MS);
    dropOldest(this.#avoidUntilMs, AVOIDED_MAX);
  }

  /** Each pause is twice as long as the one before. */
  #pause(wanted: Wanted, nowMs: number): void {
    const { redialIsolatedMaxMs, redialMaxMs } = this.config;
    const pauseMs = Math.min(this.#pauseMs, wanted === "any" ? redialIsolatedMaxMs : redialMaxMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, redialMaxMs);
    this.#pausedUntilMs = nowMs + jittered(pauseMs, this.random()); // many lost the same neighbour
  }

  /** A neighbour that had answered in this round may be dialled once more in it: perhaps only its link is gone. */
  lost(peer: PeerKey): void {
    this.#tried.delete(peer);
  }

  /** Something changed for better or worse: no pause before the next candidates, and short ones after. */
  encourage(): void {
    this.#isHearsaysTurn = false;
    this.#pauseMs = this.config.redialMinMs;
    this.#pausedUntilMs = null;
  }

  /** Begins the next round when its time has come: everybody may be tried again. */
  tick(nowMs: number): void {
    if (this.#turnMs !== null && this.#turnMs <= nowMs) {
      this.#turnMs = null;
      this.#pausedUntilMs = null;
    }
    if (this.#pausedUntilMs === null || this.#pausedUntilMs > nowMs) return;
    this.#pausedUntilMs = null;
    this.#tried.clear();
    this.#refusals = 0;
  }

  nextMs(): number | null {
    return earliestMs(this.#pausedUntilMs, this.#turnMs);
  }

  /**
   * One of `contacts`. Those that we know at first hand get every second turn, however many there are of the others,
   * which a liar may have made up.
   */
  oneOf(contacts: readonly Contact[]): Contact | null {
    const met = this.random() < 0.5 ? this.metOf(contacts) : null;
    return met ?? randomOf(contacts, this.random);
  }

  /** One of those that we know at first hand. */
  metOf(contacts: readonly Contact[]): Contact | null {
    return randomOf(contacts.filter(({ key }) => this.acquaintances.has(key)), this.random);
  }
}
