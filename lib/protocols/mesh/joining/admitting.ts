/**
 * The admitting side: this member lets newcomers in, and gives members another name, where nobody has it as far as is
 * known here. Of two that come in under one name through different members, their claims decide (`room_names.ts`).
 */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { sameBytes } from "../../../base/collections/bytes.ts";
import type { Signer } from "../../../base/crypto/crypto.ts";
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
  INCARNATION_MAX,
  ROSTER_MAX,
  ROSTER_PER_ADDRESS_MAX,
} from "../schema/limits.ts";
import { type Claim, type SignedClaim, STRUCTURE_VERSION } from "../schema/structures.ts";
import type { AdmissionPort, AdmissionTiming } from "./admission_io.ts";
import type { AdmissionLinks, AdmittingStage, Link, Message } from "./admission_links.ts";

export class Admitting {
  readonly #entrants = new Entrants();
  readonly #joins: TokenBucket;

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
    const isEarlier = join.earlier !== null && this.#isEarlier(link, join.earlier, room, folded);
    const earlier = isEarlier ? join.earlier : null;
    if (this.#isTaken(link, folded, earlier)) return this.links.turnAwayName(link, name);
    if (earlier !== null) return this.#welcomeBack(link, join, earlier, nowMs);
    this.#offer(link, join, name, nowMs);
  }

  /** Whether another has this name, and keeps it: whoever had it here comes before who took it meanwhile. */
  #isTaken(link: Link, folded: FoldedName, earlier: SignedClaim | null): boolean {
    const owner = this.port.ownerOf(folded);
    if (owner === null || owner === link.peer) return false;
    return earlier === null || link.isMember || !this.port.precedes(earlier);
  }

  /** Moves the exchange that the link's other end began to `stage`; a newcomer's link has no other deadline then. */
  #goOn(link: Link, stage: AdmittingStage, nowMs: number): void {
    link.admitting = stage;
    link.admittingDueMs = nowMs + this.timing.exchangeMs;
    if (!link.isMember) link.dueMs = null;
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

  #offer(link: Link, join: Message<"join">, name: string, nowMs: number): void {
    const known = this.port.incarnationOf(link.peer);
    const incarnation = link.isMember ? known : Math.max(join.incarnation, known + 1);
    const after = this.port.latestHead();
    const admitterTime = this.port.selfClaim().claim.value.time;
    const claim: Claim = {
      version: STRUCTURE_VERSION,
      room: this.links.room!.id,
      name,
      folded: foldName(name),
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
    if (!sameBytes(bytes, accept.claim.claim.bytes)) {
      return this.links.penalise(link, "protocol", "accepted another claim than it was offered");
    }
    const folded = accept.claim.claim.value.folded as FoldedName;
    if (this.#isTaken(link, folded, stage.at === "welcomed" ? stage.claim : null)) {
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

  /** Limits a member's renames: each one goes to everybody. */
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
