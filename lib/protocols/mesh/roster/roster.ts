/**
 * Who is in the room: leases renewed by beacons, ended by quitting, by silence, or by an accusation.
 *
 * A picture: each member holds up a numbered sign every fifteen seconds, and everybody repeats to their
 * neighbours what they see for the first time. Whose sign isn't renewed is lost. A neighbour whose link
 * dies says so at once, and is believed after 1.75 s unless somebody objects (`accusations.ts`).
 *
 * Sources: leases, Gray and Cheriton (SOSP 1989); suspicion and refutation, SWIM (DSN 2002, section 4.2).
 * Departures from SWIM: beacons are flooded along the overlay, so there is no probing of random members;
 * the incarnation is a process start, the number within it does what SWIM's incarnation does.
 *
 * The caller's duties: `enter` before anything else; `neighbour-up` only for member links; after
 * `replaced-self` no more input. `persist` needs no sync of its own: what it holds can be learnt again.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { ClaimId, FoldedName, Hash, PeerKey } from "../../../base/ids.ts";
import { invariant, unreachable } from "../../../base/invariant.ts";
import { nextTalkTimeMs, talkTimeMs } from "../../../base/machine/common_times.ts";
import {
  Agenda,
  Deadlines,
  type Machine,
  servedEachStep,
  whenDue,
} from "../../../base/machine/machine.ts";
import { Accusations } from "./accusations.ts";
import { ClaimTable } from "./claim_table.ts";
import { claimIdOf, type KnownClaim, ownedBeacon } from "../schema/credentials.ts";
import { HEARD_NOW, type HeardBeacon, type Hearsay, Leases, type MemberRecord } from "./leases.ts";
import type { Contact, RosterEntry, RosterMessage } from "../schema/messages.ts";
import { OwnLease } from "./own_lease.ts";
import { RosterClaims } from "./roster_claims.ts";
import { RosterExchange } from "./roster_exchange.ts";
import { RosterIntake } from "./roster_intake.ts";
import type {
  ProgressPort,
  RosterConfig,
  RosterEffect,
  RosterInput,
  RosterTiming,
  SelfDescription,
} from "./roster_io.ts";
import { RosterOutbox } from "./roster_outbox.ts";
import { type Entry, isNewer, rankOf, RosterTable } from "./roster_table.ts";
import { HERE, type Presence } from "../../../base/machine/user_presence.ts";
import { type Beacon, type SignedBeacon, type SignedClaim } from "../schema/structures.ts";

/** An entry of the roster as others may see it. */
export interface Member {
  readonly key: PeerKey;
  readonly beacon: Beacon;
  readonly claim: KnownClaim;
  readonly state: Entry["state"];
  readonly suspected: boolean;
  /** Monotonic time at which the member was last heard of, or died. */
  readonly sinceMs: number;
  /** Lost as far as our disk knows: it may have left properly while we weren't here. */
  readonly fromDisk: boolean;
}

export class Roster implements Machine<RosterInput, RosterEffect> {
  readonly #timing: RosterTiming;
  readonly #table: RosterTable;
  readonly #claims: RosterClaims;
  readonly #outbox = new RosterOutbox();
  readonly #intake: RosterIntake;
  readonly #accusations: Accusations;
  readonly #exchange: RosterExchange;
  readonly #leases: Leases;
  readonly #deadlines = new Deadlines({
    /** When our own lease is to be renewed. */
    beacon: (nowMs) => this.#renew(nowMs),
  });
  readonly #agenda: Agenda;
  /** Members on disk, until we enter. */
  readonly #remembered = new Map<PeerKey, MemberRecord>();
  #own: OwnLease | null = null;
  #blamelessUntilMs = -Infinity;

  constructor(
    config: RosterConfig,
    readonly env: Environment,
    readonly signer: Signer,
    readonly progress: ProgressPort,
  ) {
    this.#timing = config.timing;
    this.#table = new RosterTable(env.crypto);
    const claims = new ClaimTable(
      (id) => this.#table.isClaimInUse(id),
      (id) => progress.isClaimKept(id),
    );
    this.#claims = new RosterClaims(claims, this.#outbox, env.crypto);
    this.#intake = new RosterIntake(
      this.#table,
      claims,
      this.#outbox,
      env.crypto,
      (key) => progress.isRemoved(key),
    );
    this.#accusations = new Accusations(
      this.#table,
      this.#outbox,
      env,
      signer,
      config.timing,
      config.own,
    );
    this.#exchange = new RosterExchange(
      signer.key,
      this.#table,
      this.#claims,
      this.#outbox,
      config.timing.pullMs,
    );
    this.#leases = new Leases(
      signer.key,
      this.#table,
      this.#intake,
      this.#accusations,
      this.#outbox,
      env,
      config,
    );
    const { telling } = this.#claims;
    this.#agenda = new Agenda([
      this.#exchange,
      whenDue(
        () => telling.nextMs(),
        (nowMs) => this.#claims.vouchOn(() => this.#table.claims(), nowMs),
      ),
      whenDue(() => this.#accusations.nextMs(), (nowMs) => this.#leases.endAccused(nowMs)),
      this.#leases.deadlines,
      this.#deadlines,
      servedEachStep(() => this.#outbox.dueMs),
    ]);
    for (const record of config.records) {
      if (record.kind === "claim") {
        claims.add({ id: claimIdOf(env.crypto, record.claim), signed: record.claim });
      } else if (record.kind === "member") {
        this.#remembered.set(record.beacon.beacon.value.key, record);
      }
    }
  }

  step(input: RosterInput, nowMs: number): readonly RosterEffect[] {
    this.#handle(input, nowMs);
    if (this.#own !== null) this.#exchange.ask(nowMs);
    return this.#outbox.take(this.#intake.neighbours(), nowMs);
  }

  nextDeadlineMs(): number | null {
    return this.#agenda.nextMs();
  }

  /** This process stood still: links were lost for that, and others still count the time of our lease. */
  awoke(stalledMs: number, nowMs: number): void {
    this.#blamelessUntilMs = nowMs + this.#timing.blamelessMs;
    const beaconMs = this.#deadlines.get("beacon");
    if (beaconMs !== null) this.#deadlines.set("beacon", beaconMs - stalledMs);
  }

  // Queries.

  /** Live members, ourselves included. */
  get liveCount(): number {
    return this.#table.liveCount;
  }

  /** Whether we know all the members that some neighbour knew when its link came up. */
  hasNeighboursRoster(): boolean {
    return this.#exchange.hasOne();
  }

  /** Every entry, including members that died within a day. */
  *members(): Iterable<Member> {
    for (const entry of this.#table.entries()) yield this.#memberOf(entry);
  }

  member(key: PeerKey): Member | null {
    const entry = this.#table.get(key);
    return entry === null ? null : this.#memberOf(entry);
  }

  /** Where members that were forgotten recently could be dialled. */
  forgotten(): readonly Contact[] {
    return this.#table.forgotten();
  }

  isLive(key: PeerKey): boolean {
    return this.#table.get(key)?.state === "alive";
  }

  /** See `AdmissionPort.isOfCopy`. */
  isOfCopy(beacon: Beacon): boolean {
    return this.#table.isOfCopy(beacon);
  }

  /** See `AdmissionPort.goneSince`. */
  goneSince(beacon: Beacon): Pick<Beacon, "incarnation" | "number"> | null {
    const floor = this.#table.floorOf(beacon.key);
    const isBack = floor === null || isNewer(rankOf(beacon), floor);
    return isBack || this.isLive(beacon.key) ? null : floor;
  }

  credentialsOf(
    key: PeerKey,
  ): { readonly beacon: SignedBeacon; readonly claim: SignedClaim } | null {
    const entry = this.#table.get(key);
    return entry === null ? null : { beacon: entry.signed, claim: entry.claim.signed };
  }

  /** Highest incarnation known of this key, 0 where none is. */
  incarnationOf(key: PeerKey): number {
    return this.#table.floorOf(key)?.incarnation ?? 0;
  }

  /** All checked claims, least recently asked for first. */
  claims(): IteratorObject<KnownClaim> {
    return this.#claims.table.values();
  }

  /** A checked claim of any member. */
  claim(id: ClaimId): KnownClaim | null {
    return this.#claims.table.get(id);
  }

  isClaimKnown(id: ClaimId): boolean {
    return this.#claims.table.has(id);
  }

  /** All checked claims of this key. */
  claimsOf(key: PeerKey): Iterable<KnownClaim> {
    return this.#claims.table.ofKey(key);
  }

  /** All checked claims that this key has admitted. */
  claimsAdmittedBy(key: PeerKey): Iterable<KnownClaim> {
    return this.#claims.table.admittedBy(key);
  }

  /** Keys known to have claimed this name at any time. */
  claimants(folded: FoldedName): Iterable<PeerKey> {
    return this.#claims.table.claimants(folded);
  }

  /** The claim as it is known, or would be. */
  knownClaim(claim: SignedClaim): KnownClaim {
    return this.#claims.known(claim);
  }

  /** Whether a claim's time can be believed, as far as is known here. */
  isVouched(claim: KnownClaim): boolean {
    return this.#claims.isVouched(claim);
  }

  /** Digest of the live members. */
  digest(): Hash {
    return this.#table.digest.root();
  }

  /** Our latest beacon. */
  selfBeacon(): SignedBeacon {
    const signed = this.#own?.signed ?? null;
    invariant(signed !== null, "a beacon of ours is asked for only after we have entered");
    return signed;
  }

  /** What our user says of itself, which the next beacon tells others. */
  get presence(): Presence {
    return this.#own?.presence ?? HERE;
  }

  selfClaim(): SignedClaim {
    invariant(this.#own !== null, "our claim is asked for only after we have entered");
    return this.#own.claim.signed;
  }

  #memberOf(entry: Entry): Member {
    const { key, signed, claim, state, sinceMs, fromDisk = false } = entry;
    const suspected = this.#accusations.isSuspected(key);
    return { key, beacon: signed.beacon.value, claim, state, suspected, sinceMs, fromDisk };
  }

  // Inputs.

  #handle(input: RosterInput, nowMs: number): void {
    switch (input.type) {
      case "enter":
        return this.#enter(input, nowMs);
      case "renew":
        return this.#revive(input.held);
      case "removed":
        for (const key of input.keys) this.#leases.removed(key);
        return;
      case "self":
        return this.#describe(input.change, nowMs);
      case "presence":
        return this.#say(input);
      case "neighbour-up":
        return this.#neighbourUp(input.peer, nowMs);
      case "neighbour-down":
        return this.#neighbourDown(input.peer);
      case "link-lost":
        return this.#linkLost(input.peer, nowMs);
      case "member":
        return this.#checkedMember(input, nowMs);
      case "claim":
        return this.#bundleClaim(input, nowMs);
      case "message":
        return this.#message(input.from, input.message, nowMs);
      case "missed":
        if (!this.#intake.isNeighbour(input.peer)) return;
        this.#claims.telling.missed(input.peer, nowMs);
        return this.#exchange.missed(input.peer, nowMs);
      case "delivered":
        return this.#delivered(input.messages, input.bytes, nowMs);
      case "quit":
        return this.#quit(nowMs);
      case "tick":
        return this.#agenda.tick(nowMs);
      default:
        unreachable(input);
    }
  }

  #enter(input: Extract<RosterInput, { type: "enter" }>, nowMs: number): void {
    invariant(this.#own === null, "a room is entered once");
    const { room: id, genesis, incarnation, self } = input;
    const claim = this.#claims.known(self.claim);
    const entrance = { room: { id, genesis }, incarnation, atMs: nowMs };
    this.#own = new OwnLease(entrance, self, claim, this.env, this.signer, this.progress);
    this.#claims.table.add(claim);
    this.#claims.enter(genesis.genesis.value.founder);
    for (const [key, record] of this.#remembered) {
      if (this.progress.isRemoved(key)) continue;
      const known = this.#claims.table.get(record.beacon.beacon.value.claim);
      if (known !== null) this.#leases.remember(record, known, claim, nowMs);
    }
    this.#remembered.clear();
    this.#beat("alive", nowMs);
  }

  #describe(change: Partial<SelfDescription>, nowMs: number): void {
    const own = this.#own;
    if (own === null || own.ended) return;
    const claim = change.claim === undefined ? own.claim : this.#claims.known(change.claim);
    own.describe(change, claim);
    if (change.claim !== undefined) this.#claims.claimed(claim);
    this.#beat("alive", nowMs);
  }

  /** However fast the user's script is, others read one beacon for many changes. */
  #say({ change, ref }: Extract<RosterInput, { type: "presence" }>): void {
    const own = this.#own;
    if (own === null || own.ended) return;
    const presence = own.say(change);
    this.#deadlines.setEarliest("beacon", own.refreshMs());
    this.#outbox.effect({ type: "presence", key: this.signer.key, presence, ref });
  }

  #neighbourUp(peer: PeerKey, nowMs: number): void {
    this.#intake.neighbourUp(peer);
    this.#claims.telling.neighbourUp(peer);
    if (this.#own === null || this.#own.ended) return;
    this.#exchange.tell(peer);
    this.#accusations.tell(peer);
    this.#claims.vouch(peer, [this.#own.claim], nowMs);
  }

  #neighbourDown(peer: PeerKey): void {
    this.#intake.neighbourDown(peer);
    this.#claims.telling.neighbourDown(peer);
    this.#accusations.neighbourDown(peer);
    this.#exchange.neighbourDown(peer);
  }

  #linkLost(peer: PeerKey, nowMs: number): void {
    const isBlamed = nowMs >= this.#blamelessUntilMs;
    if (isBlamed && this.#own?.ended === false) this.#accusations.accuse(peer, nowMs);
  }

  #checkedMember(input: Extract<RosterInput, { type: "member" }>, nowMs: number): void {
    const beacon = input.beacon.beacon.value;
    if (beacon.key === this.signer.key) return this.#hearSelf(beacon);
    if (!this.#intake.isNews(beacon)) return;
    const claim = this.#claims.known(input.claim);
    this.#claims.learn(claim, input.from, nowMs);
    this.#take({ signed: input.beacon, claim, hearsay: HEARD_NOW, from: input.from }, nowMs);
  }

  #bundleClaim(
    { from, claim, named }: Extract<RosterInput, { type: "claim" }>,
    nowMs: number,
  ): void {
    if (this.#own === null || this.#claims.table.has(named)) return;
    const id = claimIdOf(this.env.crypto, claim);
    if (id !== named) return;
    const known = this.#intake.checkClaim(from, claim, id, this.#own.entrance.room);
    if (known !== null) this.#claims.learn(known, null, nowMs);
  }

  #delivered(messages: number, bytes: number, nowMs: number): void {
    const own = this.#own;
    if (own === null || own.ended) return;
    const dueMs = own.delivered(messages, bytes, this.#timing, this.#table.liveCount, nowMs);
    if (dueMs !== null) this.#deadlines.setEarliest("beacon", dueMs);
  }

  #quit(nowMs: number): void {
    if (this.#own === null || this.#own.ended) return;
    this.#beat("quit", nowMs);
    this.#deadlines.clear("beacon");
  }

  #renew(nowMs: number): void {
    if (this.#own?.ended !== false) return;
    this.#table.dropForgotten(nowMs);
    this.#beat("alive", nowMs);
  }

  // Messages, in the order of their table.

  #message(from: PeerKey, message: RosterMessage, nowMs: number): void {
    if (this.#own === null || !this.#intake.isNeighbour(from)) return;
    switch (message.type) {
      case "beacons":
        if (!this.#intake.mayBring(from, message.beacons.length, nowMs)) return;
        for (const { signed, ageMs } of message.beacons) {
          if (!this.#hearBeacon(from, signed, { lost: false, ageMs }, nowMs)) return;
        }
        return;
      case "claims":
        if (!this.#intake.mayBring(from, message.claims.length, nowMs)) return;
        for (const claim of message.claims) this.#claimCame(from, claim, nowMs);
        return;
      case "statements":
        return this.#statements(from, message, nowMs);
      case "roster-want":
        if (!this.#intake.mayAsk(from, message.buckets.length, nowMs)) return;
        return this.#exchange.supply(from, message, nowMs);
      case "roster-summary":
        return this.#exchange.offer(from, message);
      case "roster-part":
        return this.#part(from, message, nowMs);
      default:
        unreachable(message);
    }
  }

  /** A claim that vouches for others is checked at once; any other waits for its beacon. */
  #claimCame(from: PeerKey, claim: SignedClaim, nowMs: number): void {
    const isWanted = this.#claims.wants(claim.claim.value) && this.#intake.mayVouch(from, nowMs);
    if (!isWanted) return this.#intake.claimAhead(from, claim);
    const id = claimIdOf(this.env.crypto, claim);
    const known = this.#intake.checkClaim(from, claim, id, this.#own!.entrance.room);
    if (known !== null) this.#claims.learn(known, from, nowMs);
  }

  #statements(
    from: PeerKey,
    { statements }: Extract<RosterMessage, { type: "statements" }>,
    nowMs: number,
  ): void {
    const own = this.#own!;
    if (!this.#intake.mayBring(from, statements.length, nowMs)) return;
    const isNeighbour = (key: PeerKey) => this.#intake.isNeighbour(key);
    const { room } = own.entrance;
    for (const signed of statements) {
      if (this.#accusations.isAboutUs(signed, this.selfBeacon().beacon.value)) {
        if (!own.ended) this.#deadlines.setEarliest("beacon", own.refreshMs());
      } else if (signed.statement.value.accused === this.signer.key) {
        this.#exchange.answer(from, signed.statement.value, nowMs);
      } else if (!this.#accusations.hear(from, signed, room.id, isNeighbour, nowMs)) return;
    }
  }

  #part(
    from: PeerKey,
    part: Extract<RosterMessage, { type: "roster-part" }>,
    nowMs: number,
  ): void {
    if (!this.#exchange.isAwaited(from, part)) return;
    if (!this.#intake.mayBring(from, part.entries.length, nowMs)) return;
    for (const entry of part.entries) if (!this.#hearEntry(from, entry, nowMs)) break;
    this.#exchange.partDone(from, part, nowMs);
  }

  #hearEntry(from: PeerKey, { claim, beacon, lost, ageMs }: RosterEntry, nowMs: number): boolean {
    this.#intake.claimAhead(from, claim);
    return this.#hearBeacon(from, beacon, { lost, ageMs }, nowMs);
  }

  /** Handles one beacon. @returns Whether the rest of the message is worth reading. */
  #hearBeacon(from: PeerKey, signed: SignedBeacon, hearsay: Hearsay, nowMs: number): boolean {
    const own = this.#own!;
    const { room } = own.entrance;
    const beacon = signed.beacon.value;
    if (beacon.key === this.signer.key) {
      if (hearsay.lost) this.#revive(beacon);
      if (!own.isOfOther(beacon)) return true;
      if (!this.#intake.isBeaconGood(from, signed, room)) return false;
      this.#hearSelf(beacon);
      return true;
    }
    if (beacon.key === from) this.#exchange.compare(from, beacon.roster, nowMs);
    if (this.#outbox.hasBeacon(from, beacon)) return true;
    const verdict = this.#intake.check(from, signed, room, nowMs);
    if (verdict.is === "without-claim") this.#exchange.need(from, beacon.key);
    if (verdict.is === "of a copy") this.#outbox.effect({ type: "copied", key: beacon.key });
    if (verdict.is === "good") {
      this.#claims.learn(verdict.claim, from, nowMs);
      this.#take({ signed, claim: verdict.claim, hearsay, from }, nowMs);
    }
    return verdict.is !== "penalised";
  }

  #take(heard: HeardBeacon, nowMs: number): void {
    const entrance = this.#own?.entrance ?? null;
    const owned = { ...heard, signed: ownedBeacon(heard.signed) };
    if (this.#leases.take(owned, entrance, nowMs)) this.#beatAlong(nowMs);
  }

  #hearSelf(beacon: Beacon): void {
    const own = this.#own;
    if (own === null || own.ended || !own.isOfOther(beacon)) return;
    own.giveUp();
    this.#deadlines.clear("beacon");
    this.#outbox.effect({ type: "replaced-self", incarnation: beacon.incarnation });
  }

  // Our own lease.

  /** A neighbour took us for lost: a beacon that it knows already wouldn't change that. */
  #revive(held: Pick<Beacon, "incarnation" | "number">): void {
    const dueMs = this.#own?.revivalMs(held, this.#table.liveCount) ?? null;
    if (dueMs !== null) this.#deadlines.setEarliest("beacon", dueMs);
  }

  /**
   * A renewal goes out together with another's that is passed on. So a small room that is silent comes to beat as one, as
   * coupled oscillators do (Mirollo and Strogatz, SIAM J. Appl. Math. 1990): waking up costs a member more than all
   * the beacons that it then handles. In a large room others' beacons wait for company instead (`relayMembersMax`).
   */
  #beatAlong(nowMs: number): void {
    const own = this.#own;
    if (own === null || own.ended || this.#table.liveCount > this.#timing.relayMembersMax) return;
    const renewableMs = own.renewableMs(this.#leases.beaconIntervalMs(), this.#timing);
    if (nowMs < renewableMs) return;
    const dueMs = this.#deadlines.get("beacon") ?? nowMs;
    this.#beat("alive", nowMs, Math.max(0, Math.min(nextTalkTimeMs(nowMs), dueMs) - nowMs));
  }

  #beat(state: "alive" | "quit", nowMs: number, waitMs = 0): void {
    const own = this.#own;
    invariant(own !== null, "only a member makes beacons");
    const intervalMs = this.#leases.beaconIntervalMs();
    const signed = own.makeBeacon(state, intervalMs, this.#table.digest, nowMs);
    this.#table.put({ key: this.signer.key, signed, claim: own.claim, state, sinceMs: nowMs });
    this.#outbox.beacon(signed, { ageMs: 0, from: null, waitMs }, nowMs);
    // Never later than the interval, which others count on; jitter spreads the members of a large room that came in
    // together, half of them by a moment at least.
    const jitter = Math.min(1, 0.9 + 0.2 * this.env.random());
    this.#deadlines.set("beacon", talkTimeMs(nowMs + intervalMs * jitter));
  }
}
