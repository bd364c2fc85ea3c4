/**
 * The admitting side: this member admits newcomers, and members that want another name, after it has had its
 * neighbours hold the name; and it holds names for its neighbours' newcomers.
 *
 * Of two keys that ask for a name at once the smaller one takes over a hold: all members apply this order without
 * talking about it, so that never both are refused. The other key waits: it is refused once the first is admitted,
 * and admitted where the hold ends without that.
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { areEqual, type Signer } from "../../../base/crypto/crypto.ts";
import { P2pchatError } from "../../../base/errors.ts";
import type { Endpoint, FoldedName, PeerKey } from "../../../base/ids.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { foldName, parseName } from "../../../base/text/names.ts";
import { isPrivateHost } from "../../../base/text/endpoints.ts";
import {
  admitClaim,
  claimFormFault,
  claimTime,
  type InRoom,
  ownedClaim,
} from "../schema/credentials.ts";
import {
  ENTRANT_ADDRESSES_MAX,
  HOLD_DOUBTED_MS,
  HOLD_WORDS_BROKEN_MAX,
  HOLD_WORDS_REMEMBERED_MAX,
  HOLDS_MAX,
  INCARNATION_MAX,
  ROSTER_MAX,
  ROSTER_PER_ADDRESS_MAX,
} from "../schema/limits.ts";
import type { RosterEntry } from "../schema/messages.ts";
import { type Claim, type SignedClaim, STRUCTURE_VERSION } from "../schema/structures.ts";
import type { AdmissionPort, AdmissionTiming, HoldMessage } from "./admission_io.ts";
import type { AdmissionLinks, AdmittingStage, Link, Message } from "./admission_links.ts";

interface Hold {
  readonly key: PeerKey;
  /** The neighbour that asked for it. */
  readonly by: PeerKey;
  /** The incarnation known of `key` when the hold was asked for: a higher one shows that it was admitted since. */
  readonly incarnation: number;
  readonly untilMs: number;
}

/** Another key that asks for the same name at this moment. */
interface Rival {
  readonly key: PeerKey;
  /** The neighbour that told us of it; null for a newcomer of our own, or for ourselves. */
  readonly by: PeerKey | null;
}

type Holding = Extract<AdmittingStage, { at: "holding" }>;

export class Admitting {
  /** Names held for other members' newcomers, in the order in which they end; at most `HOLDS_MAX`. */
  readonly #holds = new Map<FoldedName, Hold>();
  readonly #trust = new HoldTrust();
  readonly #entrants = new Entrants();
  readonly #joins: TokenBucket;
  /** Limits each member's hold requests to twice the rate of admissions. At most `HOLD_WORDS_REMEMBERED_MAX`. */
  readonly #holdRates = new Map<PeerKey, TokenBucket>();

  constructor(
    readonly timing: AdmissionTiming,
    readonly env: Pick<Environment, "crypto" | "wallMs">,
    readonly signer: Signer,
    readonly port: Omit<
      AdmissionPort,
      "isOfCopy" | "goneSince" | "credentialsOf" | "isClaimKnown"
    >,
    readonly links: AdmissionLinks,
  ) {
    this.#joins = new TokenBucket(timing.joinsPerSecond, timing.joinsBurst);
  }

  /** Handles the `join` of a newcomer, or of a member that wants another name. */
  joinAsked(link: Link, join: Message<"join">, nowMs: number): void {
    const { at } = link.stage;
    const isFree = link.isMember || at === "silent" || at === "greeting";
    if (!isFree || link.admitting !== null) {
      return this.links.outOfTurn(link, "join");
    }
    const room = this.links.room;
    if (room === null) return this.links.close(link, "not in a room yet");
    if (join.room !== null && join.room !== room.id) {
      return this.links.turnAway(link, "wrong-room", "This member is in another room");
    }
    let name: string;
    try {
      name = parseName(join.name);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return this.links.turnAway(link, "bad-name", error.message);
    }
    const folded = foldName(name);
    if (!(link.isMember ? this.#mayRename(link, nowMs) : this.hasRoom(link, nowMs))) return;
    const owner = this.port.ownerOf(folded);
    if (owner !== null && owner !== link.peer) return this.links.turnAwayName(link, name);
    if (join.earlier !== null && this.#isEarlier(link, join.earlier, room, folded)) {
      return this.#welcomeBack(link, join, join.earlier, nowMs);
    }
    const rival = this.#rivalOf(folded, link.peer, nowMs);
    if (rival === null) this.#displace(folded, link.peer, null, nowMs);
    const stage = this.#askNeighbours(link, join, name, folded, nowMs);
    if (rival !== null) this.#doubt(stage, rival.by, nowMs);
    this.#maybeOffer(link, stage, nowMs);
  }

  #askNeighbours(
    link: Link,
    join: Message<"join">,
    name: string,
    folded: FoldedName,
    nowMs: number,
  ): Holding {
    const asked = this.port.neighbours().filter((peer) => this.#trust.trusts(peer, nowMs));
    const awaited = new Set(asked);
    awaited.delete(link.peer);
    const stage: Holding = {
      at: "holding",
      join,
      name,
      folded,
      awaited,
      repliesDueMs: nowMs + this.timing.holdReplyMs,
      doubtedBy: new Set(),
      doubtedUntilMs: null,
    };
    this.#goOn(link, stage, nowMs);
    for (const to of awaited) {
      this.links.effect({
        type: "send-to",
        to,
        message: { type: "hold-name", folded, key: link.peer },
      });
    }
    return stage;
  }

  /** Moves the exchange that the link's other end began to `stage`; a newcomer's link has no other deadline then. */
  #goOn(link: Link, stage: AdmittingStage, nowMs: number): void {
    link.admitting = stage;
    link.admittingDueMs = nowMs + this.timing.exchangeMs;
    if (!link.isMember) link.dueMs = null;
  }

  /** A rival may be about to take the name: the offer waits for it, once, for as long as a hold lasts. */
  #doubt(stage: Holding, by: PeerKey | null, nowMs: number): void {
    stage.doubtedUntilMs ??= nowMs + this.timing.holdMs;
    if (by !== null) stage.doubtedBy.add(by);
  }

  #maybeOffer(link: Link, stage: Holding, nowMs: number): void {
    if (stage.awaited.size === 0 && stage.doubtedUntilMs === null) this.#offer(link, stage, nowMs);
  }

  /** Whether the earlier claim that a returning member presents is valid for it, this room, and this name. */
  #isEarlier(link: Link, earlier: SignedClaim, room: InRoom, folded: FoldedName): boolean {
    const claim = earlier.claim.value;
    return claim.key === link.peer && claim.folded === folded &&
      claimFormFault(claim, room) === null && this.links.isClaimGood(earlier);
  }

  #welcomeBack(link: Link, join: Message<"join">, claim: SignedClaim, nowMs: number): void {
    this.#goOn(link, { at: "welcomed", claim: ownedClaim(claim) }, nowMs);
    this.#sendWelcome(link, claim, this.#endpointOf(link, join.endpoint));
  }

  #sendWelcome(link: Link, claim: SignedClaim, endpoint: Endpoint | null): void {
    const known = this.port.incarnationOf(link.peer);
    this.links.send(link, {
      type: "welcome",
      genesis: this.links.room!.genesis,
      claim,
      endpoint,
      incarnation: Math.min(known + 1, INCARNATION_MAX),
      beacon: this.port.selfBeacon(),
      admitterClaim: this.port.selfClaim(),
    });
  }

  /** Offers the name, or refuses it: neighbours and rivals have answered or joined, or had the time to. */
  #offer(link: Link, stage: Holding, nowMs: number): void {
    const { join, name, folded, doubtedBy } = stage;
    const owner = this.port.ownerOf(folded);
    const isTaken = owner !== null && owner !== link.peer;
    for (const by of doubtedBy) {
      if (isTaken) this.#trust.kept(by);
      else this.#trust.broke(by, nowMs);
    }
    if (isTaken) return this.links.turnAwayName(link, name);
    const known = this.port.incarnationOf(link.peer);
    const incarnation = link.isMember ? known : Math.max(join.incarnation, known + 1);
    const after = this.port.latestHead();
    const admitterTime = this.port.selfClaim().claim.value.time;
    const claim: Claim = {
      version: STRUCTURE_VERSION,
      room: this.links.room!.id,
      name,
      folded,
      key: link.peer,
      incarnation: Math.min(incarnation, INCARNATION_MAX),
      after,
      time: claimTime(this.env.wallMs(), admitterTime, after?.time ?? null),
      admitter: this.signer.key,
    };
    const { claim: embedded, admission } = admitClaim(this.env.crypto, this.signer, claim);
    const endpoint = this.#endpointOf(link, join.endpoint);
    this.#goOn(link, { at: "offered", claim, bytes: embedded.bytes, endpoint }, nowMs);
    this.links.send(link, {
      type: "offer",
      genesis: this.links.room!.genesis,
      claim: embedded,
      admission,
      endpoint,
    });
  }

  /** Handles `accept`: the claim is complete, and the newcomer becomes a member. */
  accepted(link: Link, accept: Message<"accept">): void {
    const { admitting: stage } = link;
    if (stage?.at !== "offered" && stage?.at !== "welcomed") {
      return this.links.outOfTurn(link, "accept");
    }
    const bytes = stage.at === "offered" ? stage.bytes : stage.claim.claim.bytes;
    if (!areEqual(bytes, accept.claim.claim.bytes)) {
      return this.links.penalise(link, "protocol", "accepted another claim than it was offered");
    }
    const folded = accept.claim.claim.value.folded as FoldedName;
    const owner = this.port.ownerOf(folded);
    if (owner !== null && owner !== link.peer) {
      return this.links.turnAwayName(link, accept.claim.claim.value.name);
    }
    if (!this.links.areCredentials(link, accept.beacon, accept.claim)) return;
    const isRename = link.isMember;
    // Others from this address may have been admitted since the newcomer asked.
    if (!isRename && !this.port.isLive(link.peer) && this.#isAddressFull(link)) return;
    const { incarnation } = accept.beacon.beacon.value;
    if (!isRename && incarnation <= this.port.incarnationOf(link.peer)) {
      const text = "Another process with your profile came in meanwhile";
      return this.links.turnAway(link, "replaced", text);
    }
    if (stage.at === "offered") this.#sendWelcome(link, accept.claim, stage.endpoint);
    if (isRename) {
      this.links.settleAdmitting(link);
      this.links.effect({
        type: "claimed",
        peer: link.peer,
        beacon: accept.beacon,
        claim: accept.claim,
      });
      return;
    }
    if (link.peer === this.signer.key) {
      // We have admitted another process with our own key: it is the later one, and goes on instead of us.
      this.links.effect({ type: "replaced-self", incarnation });
      return;
    }
    if (!isPrivateHost(link.remote.host)) this.#entrants.add(link.remote.host, link.peer);
    this.links.becomeMember(link, accept.beacon, accept.claim);
  }

  /**
   * Refuses the newcomer, and returns true, where its address has as many members as one may have. Counts only
   * members that we admitted: by what members say of themselves, one that makes up others could shut out any address.
   */
  #isAddressFull(link: Link): boolean {
    const { host } = link.remote;
    if (isPrivateHost(host)) return false;
    const entrants = this.#entrants.liveAt(host, (key) => this.port.isLive(key));
    if (entrants < ROSTER_PER_ADDRESS_MAX) return false;
    const text =
      `This member has already admitted ${ROSTER_PER_ADDRESS_MAX} members from the address ${host}`;
    this.links.turnAway(link, "full", text);
    return true;
  }

  #endpointOf(link: Link, told: Endpoint | null): Endpoint | null {
    return told === null || told.host !== "" ? told : { host: link.remote.host, port: told.port };
  }

  /** Limits a member's renames: each one asks all neighbours, which would penalise us if the member never stopped. */
  #mayRename(link: Link, nowMs: number): boolean {
    if (link.renames.take(nowMs)) return true;
    const text = "Too many names, one after the other; try again in a second";
    this.links.turnAway(link, "too-fast", text);
    return false;
  }

  /** Refuses the newcomer, and returns false, where none can be admitted. */
  hasRoom(link: Link, nowMs: number): boolean {
    const isNew = !this.port.isLive(link.peer);
    if (isNew && this.port.liveMembers() >= ROSTER_MAX) {
      this.links.turnAway(link, "full", `The room is full: it has ${ROSTER_MAX} members`);
      return false;
    }
    if (isNew && this.#isAddressFull(link)) return false;
    if (!this.#joins.take(nowMs)) {
      const { joinsPerSecond } = this.timing;
      const text = `More than ${joinsPerSecond} newcomers a second; try again in a few seconds`;
      this.links.turnAway(link, "too-fast", text);
      return false;
    }
    return true;
  }

  // Holds.

  /** The rival that precedes `key` for this name: the smallest of the keys that ask at once; null if that is `key`. */
  #rivalOf(folded: FoldedName, key: PeerKey, nowMs: number): Rival | null {
    const hold = this.#holds.get(folded);
    let first: Rival = { key, by: null };
    const isOpen = hold !== undefined && hold.untilMs > nowMs && !this.#hasComeIn(hold);
    if (isOpen && hold.key < key) first = hold;
    const self = this.signer.key;
    for (const { peer, stage, admitting } of this.links.byId.values()) {
      const isOurWish = stage.at === "asking" && foldName(stage.name) === folded;
      if (isOurWish && self < first.key) first = { key: self, by: null };
      if (peer === key) continue;
      if (admitting?.at === "offered" && admitting.claim.folded === folded) {
        return { key: peer, by: null }; // decided: whatever its key, nobody takes it over
      }
      const asks = admitting?.at === "holding" && admitting.folded === folded;
      if (asks && peer < first.key) first = { key: peer, by: null };
    }
    return first.key === key ? null : first;
  }

  /** This member itself asks a neighbour for a name. */
  asksItself(folded: FoldedName, nowMs: number): void {
    const self = this.signer.key;
    if (this.#rivalOf(folded, self, nowMs) === null) this.#displace(folded, self, null, nowMs);
  }

  /** Makes our own newcomers that ask for the name wait for `key`, which precedes them. */
  #displace(folded: FoldedName, key: PeerKey, by: PeerKey | null, nowMs: number): void {
    for (const { peer, admitting } of this.links.byId.values()) {
      if (admitting?.at !== "holding" || admitting.folded !== folded || peer === key) continue;
      this.#doubt(admitting, by, nowMs);
    }
  }

  /** A neighbour asks us to hold a name for its newcomer. */
  holdName(
    from: PeerKey,
    { folded: text, key }: Extract<HoldMessage, { type: "hold-name" }>,
    nowMs: number,
  ): void {
    let rate = this.#holdRates.get(from);
    if (rate === undefined) {
      const { joinsPerSecond, joinsBurst } = this.timing;
      rate = new TokenBucket(2 * joinsPerSecond, 2 * joinsBurst);
      this.#holdRates.set(from, rate);
      dropOldest(this.#holdRates, HOLD_WORDS_REMEMBERED_MAX); // members that aren't neighbours may ask, too
    }
    if (!rate.take(nowMs)) {
      const fault = "asked to hold more names than it may let newcomers in";
      this.links.effect({ type: "penalise", peer: from, fault: "flood", text: fault });
      return;
    }
    const folded = text as FoldedName;
    const message = {
      type: "hold-reply",
      folded,
      key,
      ...this.#hold(from, folded, key, nowMs),
    } as const;
    this.links.effect({ type: "send-to", to: from, message });
  }

  /** Holds the name, or returns the owner or rival that prevents it. */
  #hold(
    from: PeerKey,
    folded: FoldedName,
    key: PeerKey,
    nowMs: number,
  ): { readonly owner: RosterEntry | null; readonly rival: PeerKey | null } {
    const holder = this.port.ownerOf(folded);
    const owner = holder === null || holder === key ? null : this.port.entryOf(holder, nowMs);
    if (owner !== null) return { owner, rival: null };
    const rival = this.#rivalOf(folded, key, nowMs);
    if (rival !== null) return { owner, rival: rival.key };
    if (this.#trust.trusts(from, nowMs)) this.#keep(folded, { key, by: from }, nowMs);
    return { owner, rival: null };
  }

  /** Whether the newcomer was admitted since: it needs no hold any more, and if it has quit again, the name is free. */
  #hasComeIn({ key, incarnation }: Hold): boolean {
    return this.port.incarnationOf(key) > incarnation;
  }

  #keep(
    folded: FoldedName,
    hold: Pick<Hold, "key" | "by">,
    nowMs: number,
  ): void {
    this.#displace(folded, hold.key, hold.by, nowMs);
    if (this.#holds.size >= HOLDS_MAX) this.#dropHolds(nowMs);
    // No place is free: if two race for the name, their claims decide.
    if (this.#holds.size >= HOLDS_MAX) return;
    this.#holds.delete(folded);
    const incarnation = this.port.incarnationOf(hold.key);
    this.#holds.set(folded, { ...hold, incarnation, untilMs: nowMs + this.timing.holdMs });
  }

  /** Offers the names to which neighbours have had the time to object. */
  tick(nowMs: number): void {
    this.#dropHolds(nowMs);
    for (const link of [...this.links.byId.values()]) {
      const { admitting } = link;
      if (admitting?.at !== "holding" || offerDueMs(admitting) > nowMs) continue;
      this.#offer(link, admitting, nowMs);
    }
  }

  /** When the first hold ends; null where none is. */
  nextHoldMs(): number | null {
    for (const { untilMs } of this.#holds.values()) return untilMs;
    return null;
  }

  #dropHolds(nowMs: number): void {
    for (const [folded, hold] of this.#holds) {
      const { by, key, untilMs } = hold;
      if (untilMs > nowMs) continue;
      this.#holds.delete(folded);
      const owner = this.port.ownerOf(folded);
      if (owner === key || this.#hasComeIn(hold)) this.#trust.kept(by);
      else if (owner === null) this.#trust.broke(by, nowMs);
    }
  }

  /** A neighbour holds a name for us, or says who has it or is taking it. */
  holdReply(
    from: PeerKey,
    { folded: text, key, owner, rival }: Extract<HoldMessage, { type: "hold-reply" }>,
    nowMs: number,
  ): void {
    const folded = text as FoldedName;
    for (const link of [...this.links.byId.values()]) {
      const { admitting } = link;
      if (admitting?.at !== "holding" || admitting.folded !== folded || link.peer !== key) continue;
      if (!admitting.awaited.delete(from)) continue;
      if (owner !== null) this.#ownerShown(from, link, admitting, nowMs);
      else if (rival !== null) this.#doubt(admitting, from, nowMs);
      if (link.admitting === admitting) this.#maybeOffer(link, admitting, nowMs);
    }
  }

  /** A neighbour has named an owner: what counts is whether our own roster, given the owner's entry, agrees. */
  #ownerShown(from: PeerKey, link: Link, { folded, name }: Holding, nowMs: number): void {
    const owner = this.port.ownerOf(folded);
    if (owner === null || owner === link.peer) return this.#trust.broke(from, nowMs);
    this.#trust.kept(from);
    this.links.turnAwayName(link, name);
  }

  /** Stops waiting for the answers of a neighbour that is gone. */
  neighbourGone(peer: PeerKey, nowMs: number): void {
    this.#holdRates.delete(peer);
    for (const link of [...this.links.byId.values()]) {
      const { admitting } = link;
      if (admitting?.at !== "holding" || !admitting.awaited.delete(peer)) continue;
      this.#maybeOffer(link, admitting, nowMs);
    }
  }
}

/** When the exchange that the link's other end began goes on or times out; null where there is none. */
export function admittingDueMs({ admitting, admittingDueMs }: Link): number | null {
  return admitting?.at === "holding" ? offerDueMs(admitting) : admittingDueMs;
}

/** When a name is offered at the latest. */
function offerDueMs({ repliesDueMs, doubtedUntilMs }: Holding): number {
  return doubtedUntilMs ?? repliesDueMs;
}

/**
 * Members that we admitted, by the address that we saw. The endpoint that a member announces isn't used: one that fills
 * a room from one address announces another each time.
 */
class Entrants {
  /** At most `ENTRANT_ADDRESSES_MAX` addresses, and as many members of each as we admit while they are there. */
  readonly #byHost = new Map<string, Set<PeerKey>>();

  add(host: string, key: PeerKey): void {
    const entrants = this.#byHost.get(host) ?? new Set();
    this.#byHost.delete(host);
    this.#byHost.set(host, entrants.add(key));
    dropOldest(this.#byHost, ENTRANT_ADDRESSES_MAX);
  }

  /** How many members from this address are still there; forgets the others. */
  liveAt(host: string, isLive: (key: PeerKey) => boolean): number {
    const entrants = this.#byHost.get(host);
    for (const key of entrants ?? []) if (!isLive(key)) entrants?.delete(key);
    return entrants?.size ?? 0;
  }
}

/**
 * Which neighbours are still asked about held names. That another newcomer is about to take a name can't be proven
 * before it is admitted; a neighbour that says so several times when nobody came isn't asked for a while.
 */
class HoldTrust {
  /** At most `HOLD_WORDS_REMEMBERED_MAX`; links come and go meanwhile. */
  readonly #broken = new Map<PeerKey, { readonly count: number; readonly untilMs: number }>();

  /** A newcomer was admitted under a name as `by` had said: that makes up for one broken word. */
  kept(by: PeerKey): void {
    const broken = this.#broken.get(by);
    if (broken === undefined) return;
    if (broken.count > 1) this.#broken.set(by, { ...broken, count: broken.count - 1 });
    else this.#broken.delete(by);
  }

  /** Nobody was admitted under the name, although `by` had said so. */
  broke(by: PeerKey, nowMs: number): void {
    const count = (this.#broken.get(by)?.count ?? 0) + 1;
    this.#broken.delete(by);
    this.#broken.set(by, { count, untilMs: nowMs + HOLD_DOUBTED_MS });
    dropOldest(this.#broken, HOLD_WORDS_REMEMBERED_MAX);
  }

  trusts(peer: PeerKey, nowMs: number): boolean {
    const broken = this.#broken.get(peer);
    if (broken === undefined) return true;
    if (broken.untilMs <= nowMs) this.#broken.delete(peer);
    return broken.count < HOLD_WORDS_BROKEN_MAX || broken.untilMs <= nowMs;
  }
}
