/**
 * How a link becomes one between members: a newcomer is let in under a name nobody else has, two members
 * of one room greet each other.
 *
 *     newcomer                     admitting member              its neighbours
 *       join {name} ------------------> |  --- hold-name ----------> |
 *       | <---------------- offer {claim} | <---- hold-reply {held} --- |
 *       accept {claim, beacon} -------> |     (one round trip, or 300 ms)
 *       | <-------------------- welcome |
 *
 * Who returns shows the claim it was given before and is welcomed at once. Until `accept` nobody has been
 * shown anything: a refusal leaves the room undisturbed.
 *
 * Holds make the common race visible before anybody enters: of two newcomers that ask for one name at once,
 * the one with the smaller key takes over a hold, so that not both are refused. What slips through
 * (neighbourhoods that don't touch, silence) is decided by the claims themselves, in `names.ts`.
 *
 * The caller's duties: after `admitted`, let the roster enter and feed `entered`; after `member`, take the
 * link into use; feed `hold` only from neighbours.
 */

import type { Signer } from "../../base/crypto.ts";
import type { Environment } from "../../base/environment.ts";
import { P2pchatError } from "../../base/errors.ts";
import type { Endpoint, FoldedName, LinkId, PeerKey, RoomId } from "../../base/ids.ts";
import { unreachable } from "../../base/invariant.ts";
import type { Machine } from "../../base/machine.ts";
import { foldName, parseName } from "../../base/names.ts";
import { isPrivateHost } from "./addresses.ts";
import type {
  AdmissionConfig,
  AdmissionEffect,
  AdmissionInput,
  AdmissionPort,
  HoldMessage,
  LinkMessage,
} from "./admission_io.ts";
import {
  admitClaim,
  beaconFormFault,
  claimFormFault,
  claimIdOf,
  completeClaim,
  genesisFault,
  isBeaconSigned,
  isClaimAdmitted,
  isClaimSigned,
  ownedClaim,
  roomIdOf,
} from "./credentials.ts";
import {
  HOLDS_MAX,
  INCARNATION_MAX,
  ROSTER_MAX,
  ROSTER_PER_ADDRESS_MAX,
  TIME_STEP_MS_MAX,
} from "./limits.ts";
import type { Refusal } from "./messages.ts";
import {
  type Claim,
  type SignedBeacon,
  type SignedClaim,
  type SignedGenesis,
  STRUCTURE_VERSION,
} from "./structures.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Names that one person takes in turn; a later one is simply claimed anew. */
const OWN_CLAIMS_MAX = 256;

type Message<Type extends LinkMessage["type"]> = Extract<LinkMessage, { readonly type: Type }>;

/** What a link is at. Each but `member` ends at `dueMs`. */
type Stage =
  /** Inbound: the other side is to begin. */
  | { readonly at: "silent" }
  /** We said `hello`. */
  | { readonly at: "greeting" }
  /** Newcomer: `join` is sent. */
  | { readonly at: "asking"; readonly name: string }
  /** Newcomer: `admitted`, and `entered` is awaited; then `accept` goes out. */
  | {
    readonly at: "entering";
    readonly claim: SignedClaim;
    readonly welcome: Message<"welcome"> | null;
  }
  /** Newcomer: `accept` is sent, `welcome` awaited. */
  | { readonly at: "accepting"; readonly claim: SignedClaim }
  /** Admitting: neighbours are asked about the name. */
  | {
    readonly at: "holding";
    readonly join: Message<"join">;
    readonly name: string;
    readonly folded: FoldedName;
    readonly awaited: Set<PeerKey>;
    readonly repliesDueMs: number;
  }
  /** Admitting: `offer` is sent. */
  | {
    readonly at: "offered";
    readonly claim: Claim;
    readonly bytes: Uint8Array;
    readonly endpoint: Endpoint | null;
  }
  /** Admitting: the earlier claim is taken, `accept` is awaited. */
  | { readonly at: "welcomed"; readonly claim: SignedClaim }
  | { readonly at: "member" };

interface Link {
  readonly id: LinkId;
  readonly peer: PeerKey;
  readonly remote: Endpoint;
  /** Whether both ends are members: an exchange on it is then about another name. */
  isMember: boolean;
  stage: Stage;
  dueMs: number | null;
}

interface Hold {
  readonly key: PeerKey;
  readonly untilMs: number;
}

/** The room that we are in. */
interface InRoom {
  readonly id: RoomId;
  readonly genesis: SignedGenesis;
}

export class Admission implements Machine<AdmissionInput, AdmissionEffect> {
  /** As many as the caller lets links be. */
  readonly #links = new Map<LinkId, Link>();
  /** Names held for other members' newcomers; at most `HOLDS_MAX`. */
  readonly #holds = new Map<FoldedName, Hold>();
  readonly #joins: TokenBucket;
  /** How often each neighbour asks for holds: as often as it may let newcomers in. */
  readonly #holdRates = new Map<PeerKey, TokenBucket>();
  /** Our first claim for each name, as it was written: what we return with. At most `OWN_CLAIMS_MAX`. */
  readonly #ownClaims = new Map<string, SignedClaim>();
  #in: InRoom | null = null;
  #effects: AdmissionEffect[] = [];

  constructor(
    readonly config: AdmissionConfig,
    readonly env: Environment,
    readonly signer: Signer,
    readonly port: AdmissionPort,
  ) {
    this.#joins = new TokenBucket(config.timing.joinsPerSecond, config.timing.joinsBurst);
    for (const claim of config.ownClaims) this.#rememberClaim(claim);
  }

  step(input: AdmissionInput, nowMs: number): readonly AdmissionEffect[] {
    this.#handle(input, nowMs);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  nextDeadlineMs(): number | null {
    let next: number | null = null;
    for (const { stage, dueMs } of this.#links.values()) {
      const firstMs = stage.at === "holding" ? stage.repliesDueMs : dueMs;
      if (firstMs !== null && (next === null || firstMs < next)) next = firstMs;
    }
    return next;
  }

  /** After a stall of this process: nobody is blamed for it. */
  postpone(delayMs: number): void {
    for (const link of this.#links.values()) {
      if (link.dueMs !== null) link.dueMs += delayMs;
    }
  }

  /** The room that we are a member of, or are about to enter; null before. */
  get room(): RoomId | null {
    return this.#in?.id ?? null;
  }

  // Inputs.

  #handle(input: AdmissionInput, nowMs: number): void {
    switch (input.type) {
      case "link-up":
        return this.#linkUp(input, nowMs);
      case "link-down":
        return this.#linkDown(input.link);
      case "message":
        return this.#message(input.link, input.message, nowMs);
      case "hold":
        if (input.message.type === "hold-name") {
          return this.#holdName(input.from, input.message, nowMs);
        }
        return this.#holdReply(input.from, input.message, nowMs);
      case "neighbour-down":
        this.#holdRates.delete(input.peer);
        return this.#neighbourGone(input.peer, nowMs);
      case "in-room":
        this.#in = { id: input.room, genesis: input.genesis };
        return;
      case "entered":
        return this.#entered(input.link, nowMs);
      case "claim-name":
        return this.#claimName(input.link, input.name, nowMs);
      case "tick":
        return this.#tick(nowMs);
      default:
        unreachable(input);
    }
  }

  #linkUp(input: Extract<AdmissionInput, { type: "link-up" }>, nowMs: number): void {
    const link: Link = {
      id: input.link,
      peer: input.peer,
      remote: input.remote,
      isMember: false,
      stage: { at: "silent" },
      dueMs: nowMs + this.config.timing.exchangeMs,
    };
    this.#links.set(link.id, link);
    if (!input.dialled) return;
    if (this.#in === null) this.#join(link, this.config.name, nowMs);
    else this.#greet(link, this.#in);
  }

  #linkDown(id: LinkId): void {
    const link = this.#links.get(id);
    this.#links.delete(id);
    if (link === undefined || !isNewcomerStage(link.stage)) return;
    this.#effects.push({
      type: "refused",
      link: id,
      code: "unreachable",
      text: "The member that was asked went away before it answered",
      rename: link.isMember,
      room: null,
    });
  }

  #tick(nowMs: number): void {
    for (const [folded, hold] of this.#holds) if (hold.untilMs <= nowMs) this.#holds.delete(folded);
    for (const link of [...this.#links.values()]) {
      if (link.stage.at === "holding" && link.stage.repliesDueMs <= nowMs) {
        this.#offer(link, link.stage, nowMs);
      }
      if (link.dueMs === null || link.dueMs > nowMs) continue;
      const { stage } = link;
      if (isNewcomerStage(stage)) {
        this.#refused(link, "timeout", "The member that was asked didn't answer in time", null);
      } else if (link.isMember) {
        this.#settle(link);
      } else {
        this.#close(link, `nothing came that could follow (${stage.at})`);
      }
    }
  }

  #claimName(id: LinkId, name: string, nowMs: number): void {
    const link = this.#links.get(id);
    if (link?.stage.at === "member") return this.#join(link, name, nowMs);
    this.#effects.push({
      type: "refused",
      link: id,
      code: "unreachable",
      text: `No member could be asked for the name "${name}"; try again in a moment`,
      rename: true,
      room: null,
    });
  }

  #message(id: LinkId, message: LinkMessage, nowMs: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    switch (message.type) {
      case "hello":
        return this.#hello(link, message, nowMs);
      case "join":
        return this.#joinAsked(link, message, nowMs);
      case "offer":
        return this.#offered(link, message);
      case "accept":
        return this.#accepted(link, message);
      case "welcome":
        return this.#welcomed(link, message);
      case "refuse":
        return this.#refuse(link, message);
      default:
        unreachable(message);
    }
  }

  // Member to member.

  #greet(link: Link, room: InRoom): void {
    link.stage = { at: "greeting" };
    this.#send(link, {
      type: "hello",
      room: room.id,
      beacon: this.port.selfBeacon(),
      claim: this.port.selfClaim(),
    });
  }

  #hello(link: Link, hello: Message<"hello">, nowMs: number): void {
    const { at } = link.stage;
    if (at !== "silent" && at !== "greeting") return this.#outOfTurn(link, "hello");
    if (this.#in === null) {
      // A member that remembers us, while we are still looking for the room: ask it right here.
      if (this.config.room === hello.room) return this.#join(link, this.config.name, nowMs);
      return this.#close(link, "not in that room");
    }
    if (hello.room !== this.#in.id) {
      return this.#turnAway(link, "wrong-room", "This member is in another room");
    }
    const { key, incarnation } = hello.beacon.beacon.value;
    if (key === this.signer.key && link.peer !== key) {
      return this.#learnReplaced(link, hello.beacon);
    }
    if (!this.#areCredentials(link, hello.beacon, hello.claim)) return;
    if (incarnation < this.port.incarnationOf(key)) return this.#proveReplaced(link, key);
    if (key === this.signer.key) {
      const isSelf = incarnation === this.port.selfBeacon().beacon.value.incarnation;
      if (!isSelf) this.#effects.push({ type: "replaced-self", incarnation });
      return this.#close(link, isSelf ? "dialled itself" : "replaced");
    }
    if (!this.port.isLive(key) && !this.#hasRoom(link, nowMs)) return;
    if (at === "silent") this.#greet(link, this.#in);
    this.#becomeMember(link, hello.beacon, hello.claim);
  }

  /** The peer runs on an incarnation that a later one has replaced: show it that one, and part. */
  #proveReplaced(link: Link, key: PeerKey): void {
    const later = this.port.credentialsOf(key);
    if (later !== null) this.#send(link, { type: "hello", room: this.#in!.id, ...later });
    this.#close(link, "replaced by a later start with the same key");
  }

  #learnReplaced(link: Link, beacon: SignedBeacon): void {
    const { incarnation } = beacon.beacon.value;
    const isLater = incarnation > this.port.selfBeacon().beacon.value.incarnation;
    if (!isLater || !isBeaconSigned(this.env.crypto, beacon)) {
      return this.#penalise(link, "invalid-signature", "showed a beacon that we never signed");
    }
    this.#effects.push({ type: "replaced-self", incarnation });
  }

  // Newcomer.

  #join(link: Link, name: string, nowMs: number): void {
    const earlier = this.#ownClaims.get(name.normalize("NFC"));
    link.stage = { at: "asking", name };
    link.dueMs = nowMs + this.config.timing.exchangeMs;
    this.#send(link, {
      type: "join",
      room: this.#in?.id ?? this.config.room,
      name,
      incarnation: this.#incarnationAtLeast(0),
      endpoint: this.config.endpoint,
      earlier: earlier ?? null,
    });
  }

  /** A new one for this process: higher than all that anybody knows, whatever the clock says. */
  #incarnationAtLeast(known: number): number {
    if (this.#in !== null) return this.port.selfBeacon().beacon.value.incarnation;
    const wallMs = Math.max(0, Math.floor(this.env.wallMs()));
    return Math.min(INCARNATION_MAX, Math.max(this.config.incarnationMin, wallMs, known));
  }

  #offered(link: Link, offer: Message<"offer">): void {
    const { stage } = link;
    if (stage.at !== "asking") return this.#outOfTurn(link, "offer");
    const room = roomIdOf(this.env.crypto, offer.genesis);
    const fault = this.#genesisFaultFor(offer.genesis, room) ??
      claimFormFault(offer.claim.value, room) ??
      this.#offerFault(link, offer.claim.value, stage.name);
    if (fault !== null) return this.#badAnswer(link, fault);
    const isAdmitted = isClaimAdmitted(this.env.crypto, offer);
    if (!isAdmitted) return this.#badAnswer(link, "the admitting member didn't sign the claim");
    const claim = ownedClaim(completeClaim(this.env.crypto, this.signer, offer));
    this.#admitted(link, { room, genesis: offer.genesis, claim, welcome: null }, {
      incarnation: this.#incarnationAtLeast(offer.claim.value.incarnation),
      endpoint: offer.endpoint,
    });
  }

  #offerFault(link: Link, claim: Claim, name: string): string | null {
    if (claim.key !== this.signer.key) return "the offered claim is for another key";
    if (claim.folded !== foldName(name)) return "the offered claim is for another name";
    if (claim.admitter !== link.peer) return "the offered claim names another admitting member";
    return null;
  }

  #genesisFaultFor(genesis: SignedGenesis, room: RoomId): string | null {
    const expected = this.#in?.id ?? this.config.room;
    if (expected !== null && room !== expected) return "it is in another room";
    return genesisFault(this.env.crypto, genesis, room);
  }

  #welcomed(link: Link, welcome: Message<"welcome">): void {
    const { stage } = link;
    if (stage.at === "accepting") {
      if (!this.#areCredentials(link, welcome.beacon, welcome.admitterClaim)) return;
      return this.#cameIn(link, stage.claim, welcome);
    }
    if (stage.at !== "asking") return this.#outOfTurn(link, "welcome");
    const room = roomIdOf(this.env.crypto, welcome.genesis);
    const claim = this.#ownClaims.get(stage.name.normalize("NFC"));
    const fault = this.#genesisFaultFor(welcome.genesis, room) ??
      (claim === undefined ? "it welcomed us with a claim that we didn't show" : null) ??
      claimFormFault(claim!.claim.value, room);
    if (fault !== null) return this.#badAnswer(link, fault);
    if (!this.#areCredentials(link, welcome.beacon, welcome.admitterClaim, room)) return;
    this.#admitted(link, { room, genesis: welcome.genesis, claim: claim!, welcome }, {
      incarnation: this.#incarnationAtLeast(Math.min(welcome.incarnation, INCARNATION_MAX)),
      endpoint: welcome.endpoint,
    });
  }

  #admitted(
    link: Link,
    what: {
      readonly room: RoomId;
      readonly genesis: SignedGenesis;
      readonly claim: SignedClaim;
      readonly welcome: Message<"welcome"> | null;
    },
    how: { readonly incarnation: number; readonly endpoint: Endpoint | null },
  ): void {
    const { room, genesis, claim, welcome } = what;
    const rename = this.#in !== null;
    if (!rename) {
      this.#in = { id: room, genesis };
      this.#effects.push({
        type: "persist",
        records: [
          { kind: "genesis", genesis },
          { kind: "incarnation", incarnation: how.incarnation },
          { kind: "claim", claim },
        ],
      });
    } else if (welcome === null) {
      this.#effects.push({ type: "persist", records: [{ kind: "claim", claim }] });
    }
    this.#rememberClaim(claim);
    link.stage = { at: "entering", claim, welcome };
    this.#effects.push({
      type: "admitted",
      link: link.id,
      room,
      genesis,
      claim,
      ...how,
      rename,
    });
  }

  #rememberClaim(claim: SignedClaim): void {
    const { name } = claim.claim.value;
    if (this.#ownClaims.has(name) || this.#ownClaims.size >= OWN_CLAIMS_MAX) return;
    this.#ownClaims.set(name, claim);
  }

  #entered(id: LinkId, nowMs: number): void {
    const link = this.#links.get(id);
    if (link?.stage.at !== "entering") return; // it went down meanwhile; the claim is whole all the same
    const { claim, welcome } = link.stage;
    this.#send(link, { type: "accept", claim, beacon: this.port.selfBeacon() });
    if (welcome !== null) return this.#cameIn(link, claim, welcome);
    link.stage = { at: "accepting", claim };
    link.dueMs = nowMs + this.config.timing.exchangeMs;
  }

  #cameIn(link: Link, claim: SignedClaim, welcome: Message<"welcome">): void {
    if (link.isMember) {
      this.#settle(link);
      this.#effects.push({ type: "name-claimed", claim });
      return;
    }
    this.#effects.push({ type: "came-in", link: link.id, via: link.peer });
    this.#becomeMember(link, welcome.beacon, welcome.admitterClaim);
  }

  #refuse(link: Link, refuse: Message<"refuse">): void {
    if (isNewcomerStage(link.stage)) {
      return this.#refused(link, refuse.code, refuse.text, refuse.room);
    }
    // A hello of ours is refused; nobody waits for an answer but the link.
    if (!link.isMember) this.#close(link, `refused: ${refuse.code}`);
  }

  #refused(
    link: Link,
    code: Refusal | "timeout",
    text: string,
    room: RoomId | null,
  ): void {
    const rename = link.isMember;
    this.#effects.push({ type: "refused", link: link.id, code, text, rename, room });
    if (rename) this.#settle(link);
    else this.#close(link, `refused: ${code}`);
  }

  #badAnswer(link: Link, fault: string): void {
    this.#refused(link, "protocol", `The member's answer can't be right: ${fault}`, null);
  }

  // Admitting member.

  #joinAsked(link: Link, join: Message<"join">, nowMs: number): void {
    if (link.stage.at !== "silent" && link.stage.at !== "member" && link.stage.at !== "greeting") {
      return this.#outOfTurn(link, "join");
    }
    const room = this.#in;
    if (room === null) return this.#close(link, "not in a room yet");
    if (join.room !== null && join.room !== room.id) {
      return this.#turnAway(link, "wrong-room", "This member is in another room");
    }
    let name: string;
    try {
      name = parseName(join.name);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
      return this.#turnAway(link, "bad-name", error.message);
    }
    const folded = foldName(name);
    if (!link.isMember && !this.#hasRoom(link, nowMs)) return;
    const owner = this.port.ownerOf(folded);
    if (owner !== null && owner !== link.peer) return this.#turnAwayName(link, name);
    if (join.earlier !== null && this.#isEarlier(link, join.earlier, room.id, folded)) {
      return this.#welcomeBack(link, join, join.earlier, nowMs);
    }
    const rival = this.#rivalOf(folded, link.peer, nowMs);
    if (rival !== null && rival < link.peer) return this.#turnAwayName(link, name);
    this.#displace(folded, link.peer, name);
    this.#askNeighbours(link, join, name, folded, nowMs);
  }

  #askNeighbours(
    link: Link,
    join: Message<"join">,
    name: string,
    folded: FoldedName,
    nowMs: number,
  ): void {
    const awaited = new Set(this.port.neighbours());
    awaited.delete(link.peer);
    const repliesDueMs = nowMs + this.config.timing.holdReplyMs;
    link.stage = { at: "holding", join, name, folded, awaited, repliesDueMs };
    link.dueMs = nowMs + this.config.timing.exchangeMs;
    for (const to of awaited) {
      this.#effects.push({
        type: "send-to",
        to,
        message: { type: "hold-name", folded, key: link.peer },
      });
    }
    if (awaited.size === 0) this.#offer(link, link.stage, nowMs);
  }

  /** Whether the claim that a returning member shows is one that we would give it. */
  #isEarlier(link: Link, earlier: SignedClaim, room: RoomId, folded: FoldedName): boolean {
    const claim = earlier.claim.value;
    return claim.key === link.peer && claim.folded === folded &&
      claimFormFault(claim, room) === null && this.#isClaimGood(earlier);
  }

  #welcomeBack(link: Link, join: Message<"join">, claim: SignedClaim, nowMs: number): void {
    link.stage = { at: "welcomed", claim: ownedClaim(claim) };
    link.dueMs = nowMs + this.config.timing.exchangeMs;
    this.#sendWelcome(link, claim, this.#endpointOf(link, join.endpoint));
  }

  #sendWelcome(link: Link, claim: SignedClaim, endpoint: Endpoint | null): void {
    const known = this.port.incarnationOf(link.peer);
    this.#send(link, {
      type: "welcome",
      genesis: this.#in!.genesis,
      claim,
      endpoint,
      incarnation: Math.min(known + 1, INCARNATION_MAX),
      beacon: this.port.selfBeacon(),
      admitterClaim: this.port.selfClaim(),
    });
  }

  /** The neighbours have answered, or had the time to. */
  #offer(link: Link, stage: Extract<Stage, { at: "holding" }>, nowMs: number): void {
    const { join, name, folded } = stage;
    // It may have become somebody's while we waited.
    const owner = this.port.ownerOf(folded);
    if (owner !== null && owner !== link.peer) return this.#turnAwayName(link, name);
    const known = this.port.incarnationOf(link.peer);
    const incarnation = link.isMember ? known : Math.max(join.incarnation, known + 1);
    const after = this.port.latestHead();
    const claim: Claim = {
      version: STRUCTURE_VERSION,
      room: this.#in!.id,
      name,
      folded,
      key: link.peer,
      incarnation: Math.min(incarnation, INCARNATION_MAX),
      after,
      time: claimTime(this.env.wallMs(), after?.time ?? null),
      admitter: this.signer.key,
    };
    const { claim: embedded, admission } = admitClaim(this.env.crypto, this.signer, claim);
    const endpoint = this.#endpointOf(link, join.endpoint);
    link.stage = { at: "offered", claim, bytes: embedded.bytes, endpoint };
    link.dueMs = nowMs + this.config.timing.exchangeMs;
    this.#send(link, {
      type: "offer",
      genesis: this.#in!.genesis,
      claim: embedded,
      admission,
      endpoint,
    });
  }

  #accepted(link: Link, accept: Message<"accept">): void {
    const { stage } = link;
    if (stage.at !== "offered" && stage.at !== "welcomed") return this.#outOfTurn(link, "accept");
    const bytes = stage.at === "offered" ? stage.bytes : stage.claim.claim.bytes;
    if (!areEqual(bytes, accept.claim.claim.bytes)) {
      return this.#penalise(link, "protocol", "accepted another claim than it was offered");
    }
    const folded = accept.claim.claim.value.folded as FoldedName;
    const owner = this.port.ownerOf(folded);
    if (owner !== null && owner !== link.peer) {
      return this.#turnAwayName(link, accept.claim.claim.value.name);
    }
    if (!this.#areCredentials(link, accept.beacon, accept.claim)) return;
    const isRename = link.isMember;
    const { incarnation } = accept.beacon.beacon.value;
    if (!isRename && incarnation <= this.port.incarnationOf(link.peer)) {
      return this.#penalise(link, "protocol", "came in with an incarnation that was used before");
    }
    if (stage.at === "offered") this.#sendWelcome(link, accept.claim, stage.endpoint);
    if (isRename) {
      this.#settle(link);
      this.#effects.push({
        type: "claimed",
        peer: link.peer,
        beacon: accept.beacon,
        claim: accept.claim,
      });
      return;
    }
    if (link.peer === this.signer.key) {
      // Our own key came in through us: it is the later one, and goes on.
      this.#effects.push({ type: "replaced-self", incarnation });
      return;
    }
    this.#becomeMember(link, accept.beacon, accept.claim);
  }

  #endpointOf(link: Link, told: Endpoint | null): Endpoint | null {
    return told === null || told.host !== "" ? told : { host: link.remote.host, port: told.port };
  }

  /** Turns the link away, and answers false, where no newcomer can be let in. */
  #hasRoom(link: Link, nowMs: number): boolean {
    if (this.port.liveMembers() >= ROSTER_MAX) {
      this.#turnAway(link, "full", `The room is full: it has ${ROSTER_MAX} members`);
      return false;
    }
    const { host } = link.remote;
    if (!isPrivateHost(host) && this.port.membersAt(host) >= ROSTER_PER_ADDRESS_MAX) {
      const text = `The room has ${ROSTER_PER_ADDRESS_MAX} members at ${host} already`;
      this.#turnAway(link, "full", text);
      return false;
    }
    if (!this.#joins.take(nowMs)) {
      const { joinsPerSecond } = this.config.timing;
      const text = `More than ${joinsPerSecond} newcomers a second; try again in a few seconds`;
      this.#turnAway(link, "too-fast", text);
      return false;
    }
    return true;
  }

  // Holds.

  /** Who else asks for this name at this moment, here or at a neighbour. */
  #rivalOf(folded: FoldedName, key: PeerKey, nowMs: number): PeerKey | null {
    const hold = this.#holds.get(folded);
    let rival = hold !== undefined && hold.untilMs > nowMs && hold.key !== key ? hold.key : null;
    for (const { peer, stage } of this.#links.values()) {
      if (peer === key) continue;
      if (stage.at === "holding" && stage.folded === folded) {
        if (rival === null || peer < rival) rival = peer;
      } else if (stage.at === "offered" && stage.claim.folded === folded) {
        // Decided: whatever its key, nobody takes it over.
        return "" as PeerKey;
      }
    }
    return rival;
  }

  /** Turns away our own newcomers that lose a name to `key`. */
  #displace(folded: FoldedName, key: PeerKey, name: string): void {
    for (const link of [...this.#links.values()]) {
      const { stage } = link;
      if (stage.at !== "holding" || stage.folded !== folded || link.peer === key) continue;
      this.#turnAwayName(link, name);
    }
  }

  #holdName(
    from: PeerKey,
    { folded: text, key }: Extract<HoldMessage, { type: "hold-name" }>,
    nowMs: number,
  ): void {
    let rate = this.#holdRates.get(from);
    if (rate === undefined) {
      const { joinsPerSecond, joinsBurst } = this.config.timing;
      rate = new TokenBucket(2 * joinsPerSecond, 2 * joinsBurst);
      this.#holdRates.set(from, rate);
    }
    if (!rate.take(nowMs)) {
      const fault = "asked to hold more names than it may let newcomers in";
      this.#effects.push({ type: "penalise", peer: from, fault: "flood", text: fault });
      return;
    }
    const folded = text as FoldedName;
    const held = this.#hold(folded, key, nowMs);
    this.#effects.push({
      type: "send-to",
      to: from,
      message: { type: "hold-reply", folded, key, held },
    });
  }

  #hold(folded: FoldedName, key: PeerKey, nowMs: number): boolean {
    const owner = this.port.ownerOf(folded);
    if (owner !== null && owner !== key) return false;
    const rival = this.#rivalOf(folded, key, nowMs);
    if (rival !== null && rival < key) return false;
    this.#displace(folded, key, folded);
    if (this.#holds.size >= HOLDS_MAX) this.#dropHolds(nowMs);
    // Full of names that are all being held: the race is left to the claims.
    if (this.#holds.size < HOLDS_MAX) {
      this.#holds.set(folded, { key, untilMs: nowMs + this.config.timing.holdMs });
    }
    return true;
  }

  #dropHolds(nowMs: number): void {
    for (const [folded, { untilMs }] of this.#holds) {
      if (untilMs <= nowMs) this.#holds.delete(folded);
    }
  }

  #holdReply(
    from: PeerKey,
    { folded, key, held }: Extract<HoldMessage, { type: "hold-reply" }>,
    nowMs: number,
  ): void {
    for (const link of [...this.#links.values()]) {
      const { stage } = link;
      if (stage.at !== "holding" || stage.folded !== folded || link.peer !== key) continue;
      if (!stage.awaited.delete(from)) continue;
      if (!held) this.#turnAwayName(link, stage.name);
      else if (stage.awaited.size === 0) this.#offer(link, stage, nowMs);
    }
  }

  #neighbourGone(peer: PeerKey, nowMs: number): void {
    for (const link of [...this.#links.values()]) {
      const { stage } = link;
      if (stage.at !== "holding" || !stage.awaited.delete(peer)) continue;
      if (stage.awaited.size === 0) this.#offer(link, stage, nowMs);
    }
  }

  // Links.

  #becomeMember(link: Link, beacon: SignedBeacon, claim: SignedClaim): void {
    link.isMember = true;
    this.#settle(link);
    this.#effects.push({
      type: "member",
      link: link.id,
      peer: link.peer,
      beacon,
      claim,
      endpoint: beacon.beacon.value.endpoint,
    });
  }

  /** No exchange is under way on this member link. */
  #settle(link: Link): void {
    link.stage = { at: "member" };
    link.dueMs = null;
  }

  #turnAwayName(link: Link, name: string): void {
    this.#turnAway(
      link,
      "name-taken",
      `The name "${name}" is taken in this room; choose another one`,
    );
  }

  #turnAway(link: Link, code: Refusal, text: string): void {
    this.#send(link, { type: "refuse", code, text, room: this.#in?.id ?? null });
    if (link.isMember) this.#settle(link);
    else this.#close(link, `refused: ${code}`);
  }

  #outOfTurn(link: Link, type: LinkMessage["type"]): void {
    // On a member link it can be late: the exchange it belongs to has timed out here.
    if (link.isMember) return;
    this.#penalise(link, "protocol", `sent ${type} out of turn (${link.stage.at})`);
  }

  #penalise(link: Link, fault: "invalid-signature" | "protocol", text: string): void {
    this.#effects.push({ type: "penalise", peer: link.peer, fault, text });
    if (!link.isMember) this.#close(link, text);
  }

  #close(link: Link, reason: string): void {
    this.#links.delete(link.id);
    this.#effects.push({ type: "close", link: link.id, reason });
  }

  #send(link: Link, message: LinkMessage): void {
    this.#effects.push({ type: "send", link: link.id, message });
  }

  // Checks.

  /** Whether beacon and claim are the link's other end's, for this room and signed; it pays for it if not. */
  #areCredentials(
    link: Link,
    beacon: SignedBeacon,
    claim: SignedClaim,
    room: RoomId = this.#in!.id,
  ): boolean {
    const { key, state, claim: claimId } = beacon.beacon.value;
    const fault = beaconFormFault(beacon.beacon.value, room) ??
      claimFormFault(claim.claim.value, room) ??
      (key !== link.peer ? "the beacon is another member's" : null) ??
      (state !== "alive" ? "the beacon says that it has left" : null) ??
      (claim.claim.value.key !== key ? "the claim is another member's" : null) ??
      (claimIdOf(this.env.crypto, claim) !== claimId ? "the beacon names another claim" : null);
    if (fault !== null) {
      this.#penalise(link, "protocol", `showed credentials that can't be right: ${fault}`);
      return false;
    }
    if (!isBeaconSigned(this.env.crypto, beacon) || !this.#isClaimGood(claim)) {
      this.#penalise(link, "invalid-signature", "showed credentials without valid signatures");
      return false;
    }
    return true;
  }

  #isClaimGood(claim: SignedClaim): boolean {
    const id = claimIdOf(this.env.crypto, claim);
    return this.port.isClaimKnown(id) || isClaimSigned(this.env.crypto, claim, id);
  }
}

function isNewcomerStage({ at }: Stage): boolean {
  return at === "asking" || at === "entering" || at === "accepting";
}

/** Wall time, within the bounds that the latest head sets: at least 1 ms and at most a day after it. */
export function claimTime(wallMs: number, headTime: number | null): number {
  const wall = Math.max(0, Math.floor(wallMs));
  if (headTime === null) return wall;
  return Math.min(
    Math.max(wall, headTime + 1),
    headTime + TIME_STEP_MS_MAX,
    Number.MAX_SAFE_INTEGER,
  );
}

function areEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
