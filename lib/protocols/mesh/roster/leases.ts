/**
 * How members come and go: a new beacon brings or keeps a member; silence, quitting and accusations that take
 * effect end it; after a day it is forgotten. All that users are told about joining and leaving is decided here.
 */

import { agedMs } from "../../../base/machine/clock.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { type ClaimId, type Endpoint, isSameEndpoint, type PeerKey } from "../../../base/ids.ts";
import { nextTalkTimeMs } from "../../../base/machine/common_times.ts";
import { Deadlines } from "../../../base/machine/machine.ts";
import type { Accusations } from "./accusations.ts";
import type { KnownClaim } from "../schema/credentials.ts";
import type { Entrance } from "./own_lease.ts";
import type { MeshRecord } from "../schema/records.ts";
import { BEACON_INTERVAL_MS_MAX } from "../schema/limits.ts";
import type { RosterIntake } from "./roster_intake.ts";
import type { RosterConfig } from "./roster_io.ts";
import type { RosterOutbox } from "./roster_outbox.ts";
import { type Entry, isRenewal, isRepeat, type RosterTable } from "./roster_table.ts";
import { isSamePresence, presenceOf } from "../../../base/machine/user_presence.ts";
import { type Beacon, type SignedBeacon } from "../schema/structures.ts";

export type MemberRecord = Extract<MeshRecord, { readonly kind: "member" }>;

interface Recorded {
  readonly atMs: number;
  readonly endpoint: Endpoint;
  /** That of the name it had. */
  readonly claim: ClaimId;
}

/** What a neighbour says about a member besides the member's beacon. */
export interface Hearsay {
  readonly lost: boolean;
  readonly ageMs: number;
}

export const HEARD_NOW: Hearsay = { lost: false, ageMs: 0 };

/** A new beacon, its claim, and who told us what about it. */
export interface HeardBeacon {
  readonly signed: SignedBeacon;
  readonly claim: KnownClaim;
  readonly hearsay: Hearsay;
  readonly from: PeerKey;
}

export class Leases {
  readonly deadlines = new Deadlines({
    /** When a member's lease may have run out. */
    lease: (nowMs) => this.#expireLeases(nowMs),
    /** When a member has been dead for a day. */
    forget: (nowMs) => this.#forgetDead(nowMs),
  });
  /** When each live member's beacon was last put on disk, and what a later start knows by it. */
  readonly #recorded = new Map<PeerKey, Recorded>();

  constructor(
    readonly self: PeerKey,
    readonly table: RosterTable,
    readonly intake: Pick<RosterIntake, "forget">,
    readonly accusations: Pick<Accusations, "tick" | "settle" | "forget">,
    readonly outbox: Pick<RosterOutbox, "effect" | "beacon">,
    readonly env: Pick<Environment, "wallMs">,
    readonly config: Pick<RosterConfig, "earlierMs" | "timing">,
  ) {}

  /** The interval of our own beacons. */
  beaconIntervalMs(): number {
    const { beaconIntervalMs, beaconIntervalPerMemberMs } = this.config.timing;
    const intervalMs = Math.max(beaconIntervalMs, this.table.liveCount * beaconIntervalPerMemberMs);
    return Math.min(Math.round(intervalMs), BEACON_INTERVAL_MS_MAX);
  }

  /** A member silent for so long is lost. Its beacon says its interval: its room may seem larger to it than to us. */
  #leaseMs({ beacon: { value: { intervalMs } } }: SignedBeacon): number {
    return this.config.timing.leaseIntervals * intervalMs + this.config.timing.leaseSlackMs;
  }

  /** Whom nobody has defended in time is lost. */
  endAccused(nowMs: number): void {
    for (const key of this.accusations.tick(nowMs)) this.#dies(key, nowMs);
  }

  /**
   * A member from our disk counts as lost until we hear of it. It keeps its name, unless another member has admitted us
   * under that name since, and so knew that it is free.
   */
  remember(
    { beacon: signed, heardWallMs }: MemberRecord,
    claim: KnownClaim,
    own: KnownClaim,
    nowMs: number,
  ): void {
    const { key, state } = signed.beacon.value;
    if (key === this.self) return;
    const { earlierMs = Infinity } = this.config;
    const sinceMs = nowMs - agedMs(heardWallMs, this.env.wallMs(), earlierMs);
    const isQuit = state === "quit";
    this.#bury(
      { key, signed, claim, state: isQuit ? "quit" : "lost", sinceMs, fromDisk: true },
    );
    if (!isQuit && !this.#wasFree(claim, own)) this.outbox.effect({ type: "absent", key, claim });
  }

  #wasFree(
    { signed: { claim: theirs } }: KnownClaim,
    { signed: { claim: ours } }: KnownClaim,
  ): boolean {
    return ours.value.folded === theirs.value.folded && ours.value.admitter !== this.self &&
      ours.value.time > theirs.value.time;
  }

  /**
   * Takes in a beacon that is newer than the known one, with signatures checked, and passes it on.
   * @param entrance Ours, null before it: members that were there before aren't new to the room.
   * @returns Whether nothing changes by it.
   */
  take(heard: HeardBeacon, entrance: Entrance | null, nowMs: number): boolean {
    const { signed, claim, hearsay, from } = heard;
    const { key, state } = signed.beacon.value;
    const before = this.table.get(key);
    const isLive = before?.state === "alive";
    const wasSuspected = this.accusations.settle(key);
    // Whatever age a neighbour reports, a new beacon leaves time for the next one to arrive.
    const ageMsMax = (this.config.timing.leaseIntervals - 1) * signed.beacon.value.intervalMs;
    const ageMs = Math.min(hearsay.ageMs, ageMsMax);
    if (state === "quit" || (hearsay.lost && !isLive)) {
      this.#takeDead(heard, before, nowMs);
    } else {
      // No member is lost on one neighbour's word: its lease runs on.
      const runsOn = hearsay.lost && isLive;
      const sinceMs = runsOn ? before.sinceMs : nowMs - ageMs;
      this.table.put({ key, signed, claim, state: "alive", sinceMs });
      this.deadlines.setEarliest("lease", sinceMs + this.#leaseMs(signed));
      const wasHere = this.#wasHere(signed.beacon.value, entrance, nowMs);
      this.#takeAlive(heard, before, wasSuspected, wasHere);
      this.#record(signed, nowMs);
    }
    // A member's loss on a neighbour's word isn't passed on to others; that it has quit is.
    if (hearsay.lost && state !== "quit") return false;
    const isNews = state === "quit" || wasSuspected;
    const repeats = !isNews && before !== null && isRepeat(before, this.table.get(key)!);
    const waitMs = isNews
      ? 0
      : repeats
      ? nextTalkTimeMs(nowMs) - nowMs
      : this.#relayMs(key, before);
    this.outbox.beacon(signed, { ageMs, from, waitMs }, nowMs);
    return repeats;
  }

  /**
   * Whether a member that we learn of was there before us. One that has sent a single beacon may be fifteen seconds old: then
   * its start tells, as long as clocks are right.
   */
  #wasHere({ number, incarnation }: Beacon, entrance: Entrance | null, nowMs: number): boolean {
    if (entrance === null) return number > 1;
    if (nowMs - entrance.atMs >= this.config.timing.arrivalMs) return false;
    return number > 1 || incarnation < entrance.incarnation;
  }

  /** How long a live member's beacon may wait to be sent together with others, ms. */
  #relayMs(key: PeerKey, before: Entry | null): number {
    const { relayMembersMax, renewalPerMemberMs, renewalMsMax, newsPerMemberMs, newsMsMax } =
      this.config.timing;
    const { liveCount } = this.table;
    if (liveCount <= relayMembersMax) return 0;
    return before !== null && isRenewal(before, this.table.get(key)!)
      ? Math.min(renewalMsMax, liveCount * renewalPerMemberMs)
      : Math.min(newsMsMax, liveCount * newsPerMemberMs);
  }

  #takeAlive(
    { signed, claim }: HeardBeacon,
    before: Entry | null,
    wasSuspected: boolean,
    wasHere: boolean,
  ): void {
    const beacon = signed.beacon.value;
    const { key } = beacon;
    if (before?.state === "alive") {
      const known = before.signed.beacon.value;
      if (known.incarnation === beacon.incarnation) {
        if (wasSuspected) this.outbox.effect({ type: "unsuspected", key });
        if (before.claim.id !== claim.id) this.outbox.effect({ type: "reclaimed", key, claim });
        if (!isSamePresence(known, beacon)) {
          this.outbox.effect({ type: "presence", key, presence: presenceOf(beacon) });
        }
        this.outbox.effect({ type: "updated", key, beacon });
        return;
      }
      // Another process with this key: the one before was dying already, or it is replaced.
      this.outbox.effect({ type: "left", key, reason: wasSuspected ? "lost" : "replaced" });
    }
    this.outbox.effect({ type: "joined", key, beacon, claim, present: wasHere });
  }

  #takeDead({ signed, claim, hearsay }: HeardBeacon, before: Entry | null, nowMs: number): void {
    const { key, state } = signed.beacon.value;
    // Capped: after that time a dead member is forgotten, and this age is passed on to others.
    const sinceMs = nowMs - Math.min(hearsay.ageMs, this.config.timing.deadKeptMs);
    if (state === "quit") {
      this.#bury({ key, signed, claim, state, sinceMs });
      this.#keepOnDisk(signed);
      if (before?.state === "alive") this.outbox.effect({ type: "left", key, reason: "quit" });
      if (before?.state === "lost") this.outbox.effect({ type: "forgotten", key });
    } else {
      this.#bury({ key, signed, claim, state: "lost", sinceMs });
      if (before?.state !== "lost") this.outbox.effect({ type: "absent", key, claim });
    }
  }

  /** A key may not be in the room any more: nothing is kept of it but that older beacons don't count. */
  removed(key: PeerKey): void {
    const entry = this.table.get(key);
    if (entry === null) return;
    this.table.forget(key);
    this.intake.forget(key);
    this.accusations.forget(key);
    this.#recorded.delete(key);
    if (entry.state === "alive") this.outbox.effect({ type: "left", key, reason: "removed" });
    if (entry.state === "lost") this.outbox.effect({ type: "forgotten", key });
  }

  /**
   * A live member's lease has run out, or an accusation has taken effect; then only its neighbours know how long it was
   * silent.
   */
  #dies(key: PeerKey, nowMs: number, silence: { readonly silentMs?: number } = {}): void {
    const entry = this.table.get(key);
    if (entry?.state !== "alive") return;
    this.#bury({ ...entry, state: "lost", sinceMs: nowMs });
    this.#keepOnDisk(entry.signed);
    this.outbox.effect({ type: "left", key, reason: "lost", ...silence });
  }

  #bury(entry: Entry): void {
    this.table.put(entry);
    this.intake.forget(entry.key);
    this.accusations.forget(entry.key);
    this.#recorded.delete(entry.key);
    this.deadlines.setEarliest("forget", entry.sinceMs + this.config.timing.deadKeptMs);
    // Here and not only when due: liars may have thousands of made-up members quit, one after the other.
    const excess = this.table.excessDead();
    if (excess !== null) this.#forget(excess);
  }

  #expireLeases(nowMs: number): void {
    const expired: PeerKey[] = [];
    let nextMs = Infinity;
    for (const entry of this.table.entries()) {
      if (entry.state !== "alive" || entry.key === this.self) continue;
      // The same sum as for the deadline: rounded differently, a lease could be due and not yet over.
      const untilMs = entry.sinceMs + this.#leaseMs(entry.signed);
      if (untilMs <= nowMs) expired.push(entry.key);
      else nextMs = Math.min(nextMs, untilMs);
    }
    this.deadlines.clear("lease");
    if (nextMs < Infinity) this.deadlines.set("lease", nextMs);
    for (const key of expired) {
      this.#dies(key, nowMs, { silentMs: nowMs - this.table.get(key)!.sinceMs });
    }
  }

  #forgetDead(nowMs: number): void {
    for (const dead of this.table.overdueDead(nowMs, this.config.timing.deadKeptMs)) {
      this.#forget(dead);
    }
    const firstMs = this.table.firstDeathMs();
    if (firstMs !== null) this.deadlines.set("forget", firstMs + this.config.timing.deadKeptMs);
  }

  #forget({ key, state }: Entry): void {
    this.table.forget(key);
    if (state === "lost") this.outbox.effect({ type: "forgotten", key });
  }

  /** Puts a member's beacon on disk, so that a later start finds the room, and the name that the member has. */
  #record(signed: SignedBeacon, nowMs: number): void {
    const { key, endpoint, claim } = signed.beacon.value;
    if (endpoint === null) return;
    const recorded = this.#recorded.get(key);
    const isRecent = recorded !== undefined && isSameEndpoint(recorded.endpoint, endpoint) &&
      recorded.claim === claim && nowMs - recorded.atMs < this.config.timing.memberRecordMs;
    if (isRecent) return;
    this.#recorded.set(key, { atMs: nowMs, endpoint, claim });
    this.#keepOnDisk(signed);
  }

  #keepOnDisk(signed: SignedBeacon): void {
    const heardWallMs = this.env.wallMs();
    const record: MemberRecord = { kind: "member", beacon: signed, heardWallMs };
    this.outbox.effect({ type: "persist", records: [record] });
  }
}
