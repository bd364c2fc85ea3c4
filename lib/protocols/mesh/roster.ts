/**
 * Who is in the room: leases renewed by beacons, ended by quitting, by silence, or by an accusation.
 *
 * A picture: each member holds up a numbered sign every ten seconds, and everybody repeats to their
 * neighbours what they see for the first time. Whose sign isn't renewed is lost. A neighbour whose link
 * dies says so at once, and is believed after two seconds unless somebody objects (`suspicion.ts`).
 *
 * Sources: leases, Gray and Cheriton (SOSP 1989); suspicion and refutation, SWIM (DSN 2002, section 4.2).
 * Departures from SWIM: beacons are flooded along the overlay, so there is no probing of random members;
 * the incarnation is a process start, the number within it does what SWIM's incarnation does.
 *
 * The caller's duties: `enter` before anything else; `neighbour-up` only for member links; after
 * `replaced-self` no more input. `persist` needs no sync of its own: what it holds can be learnt again.
 */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import {
  type ClaimId,
  endpointText,
  type Hash,
  type PeerKey,
  type RoomId,
} from "../../base/ids.ts";
import { invariant, unreachable } from "../../base/invariant.ts";
import { Deadlines, earliestMs, type Machine } from "../../base/machine.ts";
import { ClaimTable } from "./claim_table.ts";
import {
  beaconFormFault,
  claimFormFault,
  claimIdOf,
  isBeaconSigned,
  isClaimSigned,
  isStatementSigned,
  type KnownClaim,
  ownedBeacon,
  ownedClaim,
  signBeacon,
  signStatement,
  statementFormFault,
} from "./credentials.ts";
import {
  CLAIMS_AHEAD_MAX,
  ROSTER_DEAD_MAX,
  ROSTER_MAX,
  ROSTER_PART_MAX,
  ROSTER_WANT_MAX,
} from "./limits.ts";
import type { RosterMessage } from "./messages.ts";
import type { MeshRecord } from "./records.ts";
import { rosterBucketOf } from "./roster_digest.ts";
import type {
  LeaveReason,
  ProgressPort,
  RosterConfig,
  RosterEffect,
  RosterInput,
  RosterTiming,
  SelfDescription,
} from "./roster_io.ts";
import { RosterOutbox } from "./roster_outbox.ts";
import { RosterPull } from "./roster_pull.ts";
import { type Entry, isNewer, rankOf, RosterTable } from "./roster_table.ts";
import {
  type Beacon,
  type SignedBeacon,
  type SignedClaim,
  type SignedStatement,
  type Statement,
  STRUCTURE_VERSION,
} from "./structures.ts";
import { Suspicions } from "./suspicion.ts";
import { TokenBucket } from "./token_bucket.ts";

/**
 * - `beacon`: our own lease is to be renewed
 * - `lease`: somebody's lease may have run out
 * - `denial`: a neighbour is still accused, and we still hear it
 * - `forget`: somebody has been dead for a day
 */
const DEADLINES = ["beacon", "lease", "denial", "forget"] as const;

/** What one member may make all others relay: early beacons of a busy room, twice over. */
const BEACONS_PER_SECOND = 40;
const BEACONS_BURST = 80;
/** A member whose neighbourhood dies accuses some; one that speaks more is ignored. */
const STATEMENTS_PER_SECOND = 10;
const STATEMENTS_BURST = 64;
/** What a neighbour may send: everything a heal of two full halves brings, then a busy room. */
const ITEMS_PER_SECOND = 2_000;
const ITEMS_BURST = 16_384;
/** Questions about rosters that a neighbour may put: a whole roster's buckets, then one digest a beacon. */
const QUESTIONS_PER_SECOND = 2;
const QUESTIONS_BURST = 64;
/** The same two digests are not compared again for so long: they differ for a reason that time removes. */
const SAME_DIGESTS_MS = 60_000;
/** A new neighbour is shown a fresh beacon, an accuser a higher one; not more often than this. */
const REFRESH_MS = 200;

interface Neighbour {
  /** Claims that came ahead of the beacons that name them; at most `CLAIMS_AHEAD_MAX`, unchecked. */
  readonly ahead: Map<ClaimId, SignedClaim>;
  readonly items: TokenBucket;
  readonly questions: TokenBucket;
  /** Both sides' digests when they were last compared. */
  compared: { readonly digests: string; readonly atMs: number } | null;
}

/** How often a member spoke; kept while it is in the roster. */
interface Rates {
  readonly beacons: TokenBucket;
  readonly statements: TokenBucket;
}

/** An entry of the roster as others may see it. */
export interface Member {
  readonly key: PeerKey;
  readonly beacon: Beacon;
  readonly claim: KnownClaim;
  readonly state: Entry["state"];
  readonly suspected: boolean;
  /** Monotonic: when it was last heard of, or when it died. */
  readonly sinceMs: number;
}

type MemberRecord = Extract<MeshRecord, { readonly kind: "member" }>;

interface Own {
  readonly room: RoomId;
  readonly incarnation: number;
  readonly enteredAtMs: number;
  description: SelfDescription;
  claim: KnownClaim;
  number: number;
  lastBeaconMs: number;
  signed: SignedBeacon | null;
  quit: boolean;
}

export class Roster implements Machine<RosterInput, RosterEffect> {
  readonly #timing: RosterTiming;
  readonly #table: RosterTable;
  readonly #claims: ClaimTable;
  readonly #suspicions = new Suspicions();
  readonly #pull = new RosterPull();
  readonly #outbox = new RosterOutbox();
  readonly #deadlines = new Deadlines(DEADLINES);
  readonly #neighbours = new Map<PeerKey, Neighbour>();
  /** Neighbours to be defended, and when; each is an active neighbour. */
  readonly #denialsDueMs = new Map<PeerKey, number>();
  readonly #rates = new Map<PeerKey, Rates>();
  /** When a member's beacon was last put on disk, and where it could be dialled; live members alone. */
  readonly #recorded = new Map<PeerKey, { readonly atMs: number; readonly endpoint: string }>();
  /** Members on disk, until we enter. */
  readonly #remembered = new Map<PeerKey, MemberRecord>();
  /** Delivered since our last beacon. */
  #unsaid = { messages: 0, bytes: 0 };
  #own: Own | null = null;
  #blamelessUntilMs = -Infinity;
  #stalled = false;
  #effects: RosterEffect[] = [];

  constructor(
    config: RosterConfig,
    readonly env: Environment,
    readonly signer: Signer,
    readonly progress: ProgressPort,
  ) {
    this.#timing = config.timing;
    this.#table = new RosterTable(env.crypto);
    this.#claims = new ClaimTable((id) => this.#table.isClaimInUse(id));
    for (const record of config.records) {
      if (record.kind === "claim") {
        this.#claims.add({ id: claimIdOf(env.crypto, record.claim), signed: record.claim });
      } else if (record.kind === "member") {
        this.#remembered.set(record.beacon.beacon.value.key, record);
      }
    }
  }

  step(input: RosterInput, nowMs: number): readonly RosterEffect[] {
    if (this.#stalled) {
      this.#stalled = false;
      this.#blamelessUntilMs = nowMs + this.#timing.blamelessMs;
    }
    this.#handle(input, nowMs);
    this.#ask(nowMs);
    for (const send of this.#outbox.flush(this.#neighbours.keys())) {
      this.#effects.push({ type: "send", ...send });
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  nextDeadlineMs(): number | null {
    return earliestMs(this.#deadlines.nextMs(), this.#suspicions.nextMs(), this.#pull.dueMs);
  }

  /** After a stall of this process: nobody is blamed for it, and our own beacon goes out when it was due. */
  postpone(delayMs: number): void {
    const beaconMs = this.#deadlines.get("beacon");
    this.#deadlines.postpone(delayMs);
    if (beaconMs !== null) this.#deadlines.set("beacon", beaconMs);
    this.#suspicions.postpone(delayMs);
    this.#pull.postpone(delayMs);
    this.#table.postpone(delayMs);
    for (const [key, dueMs] of this.#denialsDueMs) this.#denialsDueMs.set(key, dueMs + delayMs);
    this.#stalled = true;
  }

  // Queries.

  /** Live members, ourselves included. */
  get liveCount(): number {
    return this.#table.liveCount;
  }

  /** Every entry, the dead of a day too. */
  *members(): Iterable<Member> {
    for (const entry of this.#table.entries()) yield this.#memberOf(entry);
  }

  member(key: PeerKey): Member | null {
    const entry = this.#table.get(key);
    return entry === null ? null : this.#memberOf(entry);
  }

  isLive(key: PeerKey): boolean {
    return this.#table.get(key)?.state === "alive";
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

  /** Live members that say they can be dialled at this host. */
  membersAt(host: string): number {
    return this.#table.liveAt(host);
  }

  /** A checked claim, of whomever. */
  claim(id: ClaimId): KnownClaim | null {
    return this.#claims.get(id);
  }

  isClaimKnown(id: ClaimId): boolean {
    return this.#claims.has(id);
  }

  /** Digest of who is here. */
  digest(): Hash {
    return this.#table.digest.root();
  }

  /** Our latest beacon. */
  selfBeacon(): SignedBeacon {
    const signed = this.#own?.signed ?? null;
    invariant(signed !== null, "a beacon of ours is asked for only after we have entered");
    return signed;
  }

  selfClaim(): SignedClaim {
    invariant(this.#own !== null, "our claim is asked for only after we have entered");
    return this.#own.claim.signed;
  }

  /** Own beacons come so often. */
  beaconIntervalMs(): number {
    const { beaconIntervalMs, beaconIntervalPerMemberMs } = this.#timing;
    return Math.max(beaconIntervalMs, this.#table.liveCount * beaconIntervalPerMemberMs);
  }

  /** A member that isn't heard of for so long is lost. */
  leaseMs(): number {
    return this.#timing.leaseIntervals * this.beaconIntervalMs() + this.#timing.leaseSlackMs;
  }

  #memberOf(entry: Entry): Member {
    return {
      key: entry.key,
      beacon: entry.signed.beacon.value,
      claim: entry.claim,
      state: entry.state,
      suspected: this.#suspicions.isSuspected(entry.key),
      sinceMs: entry.sinceMs,
    };
  }

  // Inputs.

  #handle(input: RosterInput, nowMs: number): void {
    switch (input.type) {
      case "enter":
        return this.#enter(input, nowMs);
      case "self":
        return this.#describe(input.change, nowMs);
      case "neighbour-up":
        return this.#neighbourUp(input.peer);
      case "neighbour-down":
        return this.#neighbourDown(input.peer, input.closed, nowMs);
      case "member":
        return this.#checkedMember(input, nowMs);
      case "claim":
        return this.#bundleClaim(input.from, input.claim);
      case "message":
        return this.#message(input.from, input.message, nowMs);
      case "delivered":
        return this.#delivered(input.messages, input.bytes);
      case "quit":
        return this.#quit(nowMs);
      case "tick":
        return this.#tick(nowMs);
      default:
        unreachable(input);
    }
  }

  #enter(input: Extract<RosterInput, { type: "enter" }>, nowMs: number): void {
    invariant(this.#own === null, "a room is entered once");
    const claim = this.#knownClaim(input.self.claim);
    this.#own = {
      room: input.room,
      incarnation: input.incarnation,
      enteredAtMs: nowMs,
      description: input.self,
      claim,
      number: 0,
      lastBeaconMs: nowMs,
      signed: null,
      quit: false,
    };
    this.#claims.add(claim);
    for (const record of this.#remembered.values()) this.#remember(record, nowMs);
    this.#remembered.clear();
    this.#beat(nowMs);
  }

  /** Somebody on our disk is lost until we hear of it: its name is its own. */
  #remember({ beacon: signed, heardWallMs }: MemberRecord, nowMs: number): void {
    const { key, claim: claimId, state } = signed.beacon.value;
    const claim = this.#claims.get(claimId);
    if (key === this.signer.key || claim === null) return;
    const sinceMs = nowMs - Math.max(0, this.env.wallMs() - heardWallMs);
    const isQuit = state === "quit";
    this.#bury(
      { key, signed, claim, state: isQuit ? "quit" : "lost", sinceMs, fromDisk: true },
      nowMs,
    );
    if (!isQuit) this.#effects.push({ type: "absent", key, claim });
  }

  #describe(change: Partial<SelfDescription>, nowMs: number): void {
    const own = this.#own;
    if (own === null || own.quit) return;
    own.description = { ...own.description, ...change };
    if (change.claim !== undefined) {
      own.claim = this.#knownClaim(change.claim);
      this.#claims.add(own.claim);
      this.#outbox.claim(own.claim.signed, null);
    }
    this.#beat(nowMs);
  }

  #neighbourUp(peer: PeerKey): void {
    this.#neighbours.set(peer, {
      ahead: new Map(),
      items: new TokenBucket(ITEMS_PER_SECOND, ITEMS_BURST),
      questions: new TokenBucket(QUESTIONS_PER_SECOND, QUESTIONS_BURST),
      compared: null,
    });
    if (this.#own === null || this.#own.quit) return;
    this.#sendSummary(peer);
    const statements = this.#suspicions.statements();
    for (let start = 0; start < statements.length; start += ROSTER_PART_MAX) {
      const part = statements.slice(start, start + ROSTER_PART_MAX);
      this.#send(peer, { type: "statements", statements: part });
    }
    // It may have taken us for lost; a beacon that it knows wouldn't change that.
    this.#beatSoon();
  }

  #neighbourDown(peer: PeerKey, closed: boolean, nowMs: number): void {
    this.#neighbours.delete(peer);
    this.#denialsDueMs.delete(peer);
    this.#pull.drop(peer);
    const isBlamed = !closed && nowMs >= this.#blamelessUntilMs && this.isLive(peer);
    if (isBlamed && this.#own?.quit === false) this.#speak("accuse", peer, nowMs);
  }

  #checkedMember(input: Extract<RosterInput, { type: "member" }>, nowMs: number): void {
    const beacon = input.beacon.beacon.value;
    if (beacon.key === this.signer.key) return this.#hearSelf(beacon);
    const floor = this.#table.floorOf(beacon.key);
    if (floor !== null && !isNewer(rankOf(beacon), floor)) return;
    if (this.#isFull(beacon.key)) return;
    const claim = this.#knownClaim(input.claim);
    this.#learnClaim(claim, input.from);
    this.#take(ownedBeacon(input.beacon), claim, { lost: false, ageMs: 0 }, input.from, nowMs);
  }

  #bundleClaim(from: PeerKey, claim: SignedClaim): void {
    const id = claimIdOf(this.env.crypto, claim);
    if (this.#claims.has(id) || this.#own === null) return;
    const known = this.#checkClaim(from, claim, id);
    if (known !== null) this.#learnClaim(known, null);
  }

  #delivered(messages: number, bytes: number): void {
    this.#unsaid.messages += messages;
    this.#unsaid.bytes += bytes;
    const { earlyBeaconMessages, earlyBeaconBytes, earlyBeaconMs, earlyBeaconPerMemberMs } =
      this.#timing;
    const own = this.#own;
    if (own === null || own.quit) return;
    if (this.#unsaid.messages < earlyBeaconMessages && this.#unsaid.bytes < earlyBeaconBytes) {
      return;
    }
    const distanceMs = Math.max(earlyBeaconMs, this.#table.liveCount * earlyBeaconPerMemberMs);
    this.#deadlines.setEarliest("beacon", own.lastBeaconMs + distanceMs);
  }

  #quit(nowMs: number): void {
    const own = this.#own;
    if (own === null || own.quit) return;
    own.quit = true;
    this.#beat(nowMs);
    this.#deadlines.clear("beacon");
  }

  #tick(nowMs: number): void {
    this.#pull.expire(nowMs);
    for (const key of this.#suspicions.takeDue(nowMs)) this.#dies(key, "lost", nowMs);
    for (const name of this.#deadlines.takeDue(nowMs)) {
      switch (name) {
        case "beacon":
          if (this.#own?.quit === false) this.#beat(nowMs);
          break;
        case "lease":
          this.#expireLeases(nowMs);
          break;
        case "denial":
          this.#deny(nowMs);
          break;
        case "forget":
          this.#forgetDead(nowMs);
          break;
        default:
          unreachable(name);
      }
    }
  }

  // Messages, in the order of their table.

  #message(from: PeerKey, message: RosterMessage, nowMs: number): void {
    const neighbour = this.#neighbours.get(from);
    if (neighbour === undefined || this.#own === null) return;
    switch (message.type) {
      case "beacons":
        if (!this.#mayBring(from, neighbour, message.beacons.length, nowMs)) return;
        for (const { signed, ageMs } of message.beacons) {
          if (!this.#hearBeacon(from, neighbour, signed, { lost: false, ageMs }, nowMs)) return;
        }
        return;
      case "claims":
        if (!this.#mayBring(from, neighbour, message.claims.length, nowMs)) return;
        for (const claim of message.claims) this.#claimAhead(neighbour, claim);
        return;
      case "statements":
        if (!this.#mayBring(from, neighbour, message.statements.length, nowMs)) return;
        for (const statement of message.statements) {
          if (!this.#hearStatement(from, statement, nowMs)) return;
        }
        return;
      case "roster-want":
        if (this.#mayAsk(from, neighbour, nowMs)) this.#supply(from, message, nowMs);
        return;
      case "roster-summary":
        if (this.#mayAsk(from, neighbour, nowMs)) this.#pull.offer(from, message.hashes);
        return;
      case "roster-part":
        return this.#takePart(from, neighbour, message, nowMs);
      default:
        unreachable(message);
    }
  }

  #mayBring(from: PeerKey, { items }: Neighbour, count: number, nowMs: number): boolean {
    if (items.take(nowMs, count)) return true;
    this.#penalise(from, "flood", `sent more than ${ITEMS_PER_SECOND} roster entries a second`);
    return false;
  }

  #mayAsk(from: PeerKey, { questions }: Neighbour, nowMs: number): boolean {
    if (questions.take(nowMs)) return true;
    this.#penalise(
      from,
      "flood",
      `asked for rosters more than ${QUESTIONS_PER_SECOND} times a second`,
    );
    return false;
  }

  #claimAhead({ ahead }: Neighbour, claim: SignedClaim): void {
    const id = claimIdOf(this.env.crypto, claim);
    if (this.#claims.has(id)) return;
    ahead.set(id, claim);
    if (ahead.size <= CLAIMS_AHEAD_MAX) return;
    for (const oldest of ahead.keys()) {
      ahead.delete(oldest);
      return;
    }
  }

  /** Answers whether the rest of the message is worth reading. */
  #hearBeacon(
    from: PeerKey,
    neighbour: Neighbour,
    signed: SignedBeacon,
    heard: { readonly lost: boolean; readonly ageMs: number },
    nowMs: number,
  ): boolean {
    const beacon = signed.beacon.value;
    if (beacon.key === this.signer.key) return this.#hearSelfUnchecked(from, signed);
    if (beacon.key === from) this.#compareDigests(from, neighbour, beacon.roster, nowMs);
    const floor = this.#table.floorOf(beacon.key);
    if (floor !== null && !isNewer(rankOf(beacon), floor)) return true;
    if (this.#isFull(beacon.key)) return true;
    const ahead = neighbour.ahead.get(beacon.claim);
    const known = this.#claims.get(beacon.claim);
    if (known === null && ahead === undefined) {
      this.#pull.need(from, rosterBucketOf(beacon.key));
      return true;
    }
    if (!this.#ratesOf(beacon.key).beacons.take(nowMs)) return true;
    if (!this.#isBeaconFrom(from, signed)) return false;
    const claim = known ?? this.#checkClaim(from, ahead!, beacon.claim);
    if (claim === null) return false;
    if (claim.signed.claim.value.key !== beacon.key) {
      this.#penalise(from, "protocol", "relayed a beacon that names another member's claim");
      return false;
    }
    neighbour.ahead.delete(beacon.claim);
    if (known === null) this.#learnClaim(claim, from);
    this.#take(ownedBeacon(signed), claim, heard, from, nowMs);
    return true;
  }

  #hearSelfUnchecked(from: PeerKey, signed: SignedBeacon): boolean {
    const own = this.#own!;
    if (signed.beacon.value.incarnation <= own.incarnation) return true;
    if (!this.#isBeaconFrom(from, signed)) return false;
    this.#hearSelf(signed.beacon.value);
    return true;
  }

  #hearSelf(beacon: Beacon): void {
    const own = this.#own;
    if (own === null || own.quit || beacon.incarnation <= own.incarnation) return;
    own.quit = true; // not said: the later incarnation speaks for this key
    this.#deadlines.clear("beacon");
    this.#effects.push({ type: "replaced-self", incarnation: beacon.incarnation });
  }

  /** Answers whether the rest of the message is worth reading. */
  #hearStatement(from: PeerKey, signed: SignedStatement, nowMs: number): boolean {
    const own = this.#own!;
    const { by, accused, verdict, incarnation, number } = signed.statement.value;
    const isSelf = accused === this.signer.key;
    const rank = isSelf
      ? { incarnation: own.incarnation, number: own.number }
      : this.#liveBeacon(accused);
    // About another beacon than the latest: refuted already, or by somebody who knows more than we.
    if (rank === null || rank.incarnation !== incarnation || rank.number !== number) return true;
    if (by === this.signer.key || !this.isLive(by)) return true;
    if (this.#suspicions.isKnown(signed)) return true;
    if (!this.#ratesOf(by).statements.take(nowMs)) return true;
    const fault = statementFormFault(signed.statement.value, own.room);
    if (fault !== null) return this.#penalise(from, "protocol", `relayed a statement: ${fault}`);
    if (!isStatementSigned(this.env.crypto, signed)) {
      return this.#penalise(from, "invalid-signature", "relayed a statement that nobody signed");
    }
    if (isSelf) {
      if (verdict === "accuse") this.#beatSoon();
      return true;
    }
    this.#believe(signed, from, nowMs);
    if (verdict === "accuse" && this.#neighbours.has(accused)) {
      const dueMs = nowMs + this.#timing.denialDelayMs;
      if (!this.#denialsDueMs.has(accused)) this.#denialsDueMs.set(accused, dueMs);
      this.#deadlines.setEarliest("denial", dueMs);
    }
    return true;
  }

  /** Answers a `roster-want`, bucket by bucket. */
  #supply(
    to: PeerKey,
    want: Extract<RosterMessage, { type: "roster-want" }>,
    nowMs: number,
  ): void {
    const known = new Map(want.known.map((rank) => [rank.key, rank]));
    const wanted = new Map<number, Entry[]>(want.buckets.map((bucket) => [bucket, []]));
    for (const entry of this.#table.entries()) {
      const list = wanted.get(rosterBucketOf(entry.key));
      const rank = known.get(entry.key);
      // A quit on a tie is newer; `known` doesn't tell a quit, and one entry too many does no harm.
      const isNews = rank === undefined || isNewer(rankOf(entry.signed.beacon.value), {
        ...rank,
        quit: false,
      });
      if (isNews) list?.push(entry);
    }
    for (const [bucket, entries] of wanted) {
      for (let start = 0; start === 0 || start < entries.length; start += ROSTER_PART_MAX) {
        const part = entries.slice(start, start + ROSTER_PART_MAX);
        this.#send(to, {
          type: "roster-part",
          bucket,
          entries: part.map((entry) => ({
            claim: entry.claim.signed,
            beacon: entry.signed,
            lost: entry.state === "lost",
            ageMs: Math.max(0, Math.round(nowMs - entry.sinceMs)),
          })),
          last: start + ROSTER_PART_MAX >= entries.length,
        });
      }
    }
  }

  #takePart(
    from: PeerKey,
    neighbour: Neighbour,
    part: Extract<RosterMessage, { type: "roster-part" }>,
    nowMs: number,
  ): void {
    // Not asked for, or so late that another neighbour was asked.
    if (!this.#pull.awaits(from, part.bucket)) return;
    if (!this.#mayBring(from, neighbour, part.entries.length, nowMs)) return;
    this.#pull.extend(nowMs + this.#timing.pullMs);
    for (const { claim, beacon, lost, ageMs } of part.entries) {
      this.#claimAhead(neighbour, claim);
      if (!this.#hearBeacon(from, neighbour, beacon, { lost, ageMs }, nowMs)) break;
    }
    if (part.last) this.#pull.bucketDone(part.bucket);
  }

  /** Puts the next question about rosters, if the last one is answered. */
  #ask(nowMs: number): void {
    if (this.#own === null) return;
    const pull = this.#pull.next(() => this.#table.digest.hashes(), nowMs + this.#timing.pullMs);
    if (pull === null) return;
    const buckets = new Set(pull.buckets);
    const known: { key: PeerKey; incarnation: number; number: number }[] = [];
    for (const { key, signed } of this.#table.entries()) {
      if (known.length === ROSTER_WANT_MAX) break;
      if (!buckets.has(rosterBucketOf(key))) continue;
      const { incarnation, number } = signed.beacon.value;
      known.push({ key, incarnation, number });
    }
    this.#send(pull.peer, { type: "roster-want", buckets: pull.buckets, known });
  }

  #compareDigests(peer: PeerKey, neighbour: Neighbour, theirs: Hash, nowMs: number): void {
    const ours = this.digest();
    if (theirs === ours) return;
    const digests = ours + theirs;
    const { compared } = neighbour;
    if (compared?.digests === digests && nowMs - compared.atMs < SAME_DIGESTS_MS) return;
    neighbour.compared = { digests, atMs: nowMs };
    this.#sendSummary(peer);
  }

  #sendSummary(to: PeerKey): void {
    this.#send(to, { type: "roster-summary", hashes: this.#table.digest.hashes() });
  }

  // What becomes of members.

  /** Takes in a beacon that is newer than what is known, signatures checked, and passes it on. */
  #take(
    signed: SignedBeacon,
    claim: KnownClaim,
    heard: { readonly lost: boolean; readonly ageMs: number },
    from: PeerKey,
    nowMs: number,
  ): void {
    const beacon = signed.beacon.value;
    const { key } = beacon;
    const before = this.#table.get(key);
    // Whatever its age, a beacon that is news leaves time for the next one to come.
    const ageMs = Math.min(heard.ageMs, this.leaseMs() - this.#timing.leaseSlackMs);
    const wasSuspected = this.#suspicions.clear(key);
    const isLive = before?.state === "alive";
    if (beacon.state === "quit" || (heard.lost && !isLive)) {
      this.#takeDead(signed, claim, heard, before, nowMs);
    } else {
      // Nobody is lost on one neighbour's word: its lease runs on.
      const sinceMs = heard.lost && isLive ? before.sinceMs : nowMs - ageMs;
      this.#table.put({ key, signed, claim, state: "alive", sinceMs });
      this.#deadlines.setEarliest("lease", sinceMs + this.leaseMs());
      this.#takeAlive(beacon, claim, before, wasSuspected, nowMs);
      this.#record(signed, nowMs);
    }
    // Who is dead for a neighbour isn't news to the others, unless it said so itself.
    if (!heard.lost || beacon.state === "quit") {
      this.#outbox.beacon(signed, Math.round(ageMs), from);
    }
  }

  #takeAlive(
    beacon: Beacon,
    claim: KnownClaim,
    before: Entry | null,
    wasSuspected: boolean,
    nowMs: number,
  ): void {
    const { key } = beacon;
    if (before?.state === "alive") {
      if (before.signed.beacon.value.incarnation === beacon.incarnation) {
        if (wasSuspected) this.#effects.push({ type: "unsuspected", key });
        if (before.claim.id !== claim.id) this.#effects.push({ type: "reclaimed", key, claim });
        this.#effects.push({ type: "updated", key, beacon });
        return;
      }
      // Another process with this key: the one before was dying already, or it is replaced.
      this.#effects.push({ type: "left", key, reason: wasSuspected ? "lost" : "replaced" });
    }
    const enteredAtMs = this.#own?.enteredAtMs ?? nowMs;
    const present = beacon.number > 1 && nowMs - enteredAtMs < this.#timing.arrivalMs;
    this.#effects.push({ type: "joined", key, beacon, claim, present });
  }

  #takeDead(
    signed: SignedBeacon,
    claim: KnownClaim,
    heard: { readonly lost: boolean; readonly ageMs: number },
    before: Entry | null,
    nowMs: number,
  ): void {
    const { key, state } = signed.beacon.value;
    const isQuit = state === "quit";
    this.#bury({
      key,
      signed,
      claim,
      state: isQuit ? "quit" : "lost",
      sinceMs: nowMs - heard.ageMs,
    }, nowMs);
    if (isQuit) this.#keepOnDisk(signed);
    if (before?.state === "alive") {
      this.#effects.push({ type: "left", key, reason: isQuit ? "quit" : "lost" });
    } else if (isQuit) {
      if (before?.state === "lost") this.#effects.push({ type: "forgotten", key });
    } else if (before?.state !== "lost") {
      this.#effects.push({ type: "absent", key, claim });
    }
  }

  /** A live member's lease has run out, or an accusation has taken effect. */
  #dies(key: PeerKey, reason: LeaveReason, nowMs: number): void {
    const entry = this.#table.get(key);
    if (entry?.state !== "alive") return;
    this.#suspicions.clear(key);
    this.#bury({ ...entry, state: "lost", sinceMs: nowMs }, nowMs);
    this.#effects.push({ type: "left", key, reason });
    // With fewer members leases are shorter.
    this.#deadlines.setEarliest("lease", nowMs + 1);
  }

  #bury(entry: Entry, nowMs: number): void {
    this.#table.put(entry);
    this.#rates.delete(entry.key);
    this.#recorded.delete(entry.key);
    this.#deadlines.setEarliest("forget", entry.sinceMs + this.#timing.deadKeptMs);
    if (this.#table.deadCount > ROSTER_DEAD_MAX) this.#forgetDead(nowMs);
  }

  #expireLeases(nowMs: number): void {
    const expired: PeerKey[] = [];
    let oldestMs = Infinity;
    const beforeMs = nowMs - this.leaseMs();
    for (const { key, state, sinceMs } of this.#table.entries()) {
      if (state !== "alive" || key === this.signer.key) continue;
      if (sinceMs <= beforeMs) expired.push(key);
      else oldestMs = Math.min(oldestMs, sinceMs);
    }
    for (const key of expired) this.#dies(key, "lost", nowMs);
    this.#deadlines.clear("lease");
    if (oldestMs < Infinity) this.#deadlines.set("lease", oldestMs + this.leaseMs());
  }

  #forgetDead(nowMs: number): void {
    for (const { key, state } of this.#table.overdueDead(nowMs - this.#timing.deadKeptMs)) {
      this.#table.forget(key);
      if (state === "lost") this.#effects.push({ type: "forgotten", key });
    }
    const firstMs = this.#table.firstDeathMs();
    if (firstMs !== null) this.#deadlines.set("forget", firstMs + this.#timing.deadKeptMs);
  }

  /** Puts a member's beacon on disk, so that a later start finds the room. */
  #record(signed: SignedBeacon, nowMs: number): void {
    const { key, endpoint } = signed.beacon.value;
    if (endpoint === null) return;
    const text = endpointText(endpoint);
    const recorded = this.#recorded.get(key);
    const isRecent = recorded !== undefined && recorded.endpoint === text &&
      nowMs - recorded.atMs < this.#timing.memberRecordMs;
    if (isRecent) return;
    this.#recorded.set(key, { atMs: nowMs, endpoint: text });
    this.#keepOnDisk(signed);
  }

  #keepOnDisk(signed: SignedBeacon): void {
    const heardWallMs = this.env.wallMs();
    const record: MemberRecord = { kind: "member", beacon: signed, heardWallMs };
    this.#effects.push({ type: "persist", records: [record] });
  }

  #isFull(key: PeerKey): boolean {
    return !this.isLive(key) && this.#table.liveCount >= ROSTER_MAX;
  }

  #liveBeacon(key: PeerKey): Beacon | null {
    const entry = this.#table.get(key);
    return entry?.state === "alive" ? entry.signed.beacon.value : null;
  }

  // Statements.

  /** Says to all that a neighbour no longer answers, or that it does. */
  #speak(verdict: Statement["verdict"], accused: PeerKey, nowMs: number): void {
    const beacon = this.#liveBeacon(accused);
    if (beacon === null) return;
    const signed = signStatement(this.env.crypto, this.signer, {
      version: STRUCTURE_VERSION,
      room: beacon.room,
      by: this.signer.key,
      verdict,
      accused,
      incarnation: beacon.incarnation,
      number: beacon.number,
    });
    this.#believe(signed, null, nowMs);
  }

  #believe(signed: SignedStatement, from: PeerKey | null, nowMs: number): void {
    const { accused } = signed.statement.value;
    const before = this.#suspicions.isSuspected(accused);
    if (!this.#suspicions.hear(signed, nowMs, this.#timing.accusationMs)) return;
    const after = this.#suspicions.isSuspected(accused);
    if (after !== before) {
      this.#effects.push({ type: after ? "suspected" : "unsuspected", key: accused });
    }
    this.#outbox.statement(signed, from);
  }

  /** Objects where a neighbour is accused whose link has outlived the delay. */
  #deny(nowMs: number): void {
    let next: number | null = null;
    for (const [key, dueMs] of this.#denialsDueMs) {
      if (dueMs > nowMs) {
        next = earliestMs(next, dueMs);
        continue;
      }
      this.#denialsDueMs.delete(key);
      if (this.#suspicions.isSuspected(key)) this.#speak("deny", key, nowMs);
    }
    if (next !== null) this.#deadlines.set("denial", next);
  }

  // Our own lease.

  #beatSoon(): void {
    if (this.#own === null || this.#own.quit) return;
    this.#deadlines.setEarliest("beacon", this.#own.lastBeaconMs + REFRESH_MS);
  }

  #beat(nowMs: number): void {
    const own = this.#own;
    invariant(own !== null, "only a member makes beacons");
    own.number++;
    own.lastBeaconMs = nowMs;
    this.#unsaid = { messages: 0, bytes: 0 };
    const { endpoint, passive, boxKey, epoch } = own.description;
    const key = this.signer.key;
    // The digest is to say that we are here: our own line goes in before the beacon that carries it.
    const state = own.quit ? "quit" : "alive";
    this.#table.digest.set(key, own.incarnation, own.claim.id, state);
    const signed = signBeacon(this.env.crypto, this.signer, {
      version: STRUCTURE_VERSION,
      room: own.room,
      key,
      incarnation: own.incarnation,
      number: own.number,
      state,
      claim: own.claim.id,
      endpoint,
      passive,
      boxKey,
      epoch,
      frontier: this.progress.frontier(),
      roster: this.digest(),
      latest: this.progress.latest(),
    });
    own.signed = signed;
    const entryState = own.quit ? "quit" : "alive";
    this.#table.put({ key, signed, claim: own.claim, state: entryState, sinceMs: nowMs });
    this.#outbox.beacon(signed, 0, null);
    // Never later than the interval, which others count on; jitter keeps a room from beating as one.
    const intervalMs = this.beaconIntervalMs() * (0.9 + 0.1 * this.env.random());
    this.#deadlines.set("beacon", nowMs + Math.round(intervalMs));
  }

  // Claims and checks.

  #knownClaim(signed: SignedClaim): KnownClaim {
    const id = claimIdOf(this.env.crypto, signed);
    return this.#claims.get(id) ?? { id, signed: ownedClaim(signed) };
  }

  /** Null, and the neighbour penalised, where the claim doesn't hold. */
  #checkClaim(from: PeerKey, signed: SignedClaim, id: ClaimId): KnownClaim | null {
    const fault = claimFormFault(signed.claim.value, this.#own!.room);
    if (fault !== null) {
      this.#penalise(from, "protocol", `relayed a claim: ${fault}`);
      return null;
    }
    if (!isClaimSigned(this.env.crypto, signed, id)) {
      this.#penalise(from, "invalid-signature", "relayed a claim without valid signatures");
      return null;
    }
    return { id, signed: ownedClaim(signed) };
  }

  /** Keeps a checked claim, and passes it on where a beacon brought it: `passedBy` isn't null. */
  #learnClaim(claim: KnownClaim, passedBy: PeerKey | null): void {
    if (this.#claims.has(claim.id)) return;
    this.#claims.add(claim);
    this.#effects.push({ type: "persist", records: [{ kind: "claim", claim: claim.signed }] });
    this.#effects.push({ type: "claim-known", claim: claim.id });
    if (passedBy !== null) this.#outbox.claim(claim.signed, passedBy);
  }

  #isBeaconFrom(from: PeerKey, signed: SignedBeacon): boolean {
    const fault = beaconFormFault(signed.beacon.value, this.#own!.room);
    if (fault !== null) return this.#penalise(from, "protocol", `relayed a beacon: ${fault}`);
    if (isBeaconSigned(this.env.crypto, signed)) return true;
    return this.#penalise(
      from,
      "invalid-signature",
      "relayed a beacon that its member didn't sign",
    );
  }

  #ratesOf(key: PeerKey): Rates {
    const rates = this.#rates.get(key);
    if (rates !== undefined) return rates;
    const fresh = {
      beacons: new TokenBucket(BEACONS_PER_SECOND, BEACONS_BURST),
      statements: new TokenBucket(STATEMENTS_PER_SECOND, STATEMENTS_BURST),
    };
    // Of live members alone: unchecked keys would fill it.
    if (this.isLive(key)) this.#rates.set(key, fresh);
    return fresh;
  }

  #send(to: PeerKey, message: RosterMessage): void {
    this.#effects.push({ type: "send", to, message });
  }

  #penalise(
    peer: PeerKey,
    fault: "invalid-signature" | "flood" | "protocol",
    text: string,
  ): false {
    this.#effects.push({ type: "penalise", peer, fault, text });
    return false;
  }
}
