/**
 * The links that admission works on: what each is at, and what both sides of an exchange share: sending,
 * refusing, closing, and checking what the other end shows of itself.
 */

import type { Environment } from "../../base/environment.ts";
import type { Endpoint, FoldedName, LinkId, PeerKey } from "../../base/ids.ts";
import type { TokenBucket } from "../../base/token_bucket.ts";
import type { AdmissionEffect, AdmissionPort, LinkMessage } from "./admission_io.ts";
import {
  beaconFormFault,
  claimFormFault,
  claimIdOf,
  type InRoom,
  isBeaconSigned,
  isClaimSigned,
} from "./credentials.ts";
import type { Refusal } from "./messages.ts";
import type { Claim, SignedBeacon, SignedClaim } from "./structures.ts";

export type Message<Type extends LinkMessage["type"]> = Extract<
  LinkMessage,
  { readonly type: Type }
>;

/** What a link is at, and what we ask of its other end. Each but `member` ends at `dueMs`. */
export type Stage =
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
    readonly rename: boolean;
  }
  /** Newcomer: `accept` is sent, `welcome` awaited. */
  | { readonly at: "accepting"; readonly claim: SignedClaim }
  | { readonly at: "member" };

/** What the other end of a link asks of us, which lets it in, or have another name. */
export type AdmittingStage =
  /** Neighbours are asked about the name. */
  | {
    readonly at: "holding";
    readonly join: Message<"join">;
    readonly name: string;
    readonly folded: FoldedName;
    readonly awaited: Set<PeerKey>;
    readonly repliesDueMs: number;
    /** Who say that somebody else is about to come in under this name. */
    readonly doubtedBy: Set<PeerKey>;
    /** Until then that one is waited for; null where nobody says so. */
    doubtedUntilMs: number | null;
  }
  /** `offer` is sent. */
  | {
    readonly at: "offered";
    readonly claim: Claim;
    readonly bytes: Uint8Array;
    readonly endpoint: Endpoint | null;
  }
  /** The earlier claim is taken, `accept` is awaited. */
  | { readonly at: "welcomed"; readonly claim: SignedClaim };

export interface Link {
  readonly id: LinkId;
  readonly peer: PeerKey;
  readonly remote: Endpoint;
  /** Whether both ends are members: an exchange on it is then about another name. */
  isMember: boolean;
  /** What it may ask for of other names. */
  readonly renames: TokenBucket;
  stage: Stage;
  dueMs: number | null;
  /** Of two members each may ask the other for another name at the same moment. Ends at `admittingDueMs`. */
  admitting: AdmittingStage | null;
  admittingDueMs: number | null;
}

export class AdmissionLinks {
  /** As many as the caller lets links be. */
  readonly byId = new Map<LinkId, Link>();
  /** The room that we are a member of, or are about to enter. */
  room: InRoom | null = null;
  /** Whether `came-in` was said, or we are in without anybody's help. */
  isIn = false;
  #effects: AdmissionEffect[] = [];

  constructor(readonly env: Environment, readonly port: AdmissionPort) {}

  effect(effect: AdmissionEffect): void {
    this.#effects.push(effect);
  }

  /** All effects since the last call. */
  takeEffects(): readonly AdmissionEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Both ends are members, as the caller has checked. */
  becomeMember(link: Link, beacon: SignedBeacon, claim: SignedClaim): void {
    link.isMember = true;
    this.settle(link);
    this.settleAdmitting(link);
    // The first member that greets us, where the one that let us in went away before its welcome.
    if (!this.isIn) this.effect({ type: "came-in", link: link.id, via: link.peer });
    this.isIn = true;
    this.effect({
      type: "member",
      link: link.id,
      peer: link.peer,
      beacon,
      claim,
      endpoint: beacon.beacon.value.endpoint,
    });
  }

  /** We ask nothing of this member. */
  settle(link: Link): void {
    link.stage = { at: "member" };
    link.dueMs = null;
  }

  /** Its other end asks nothing of us. */
  settleAdmitting(link: Link): void {
    link.admitting = null;
    link.admittingDueMs = null;
  }

  turnAwayName(link: Link, name: string): void {
    this.turnAway(
      link,
      "name-taken",
      `The name "${name}" is taken in this room; choose another one`,
    );
  }

  /** Says why not; a link between members stays. */
  turnAway(link: Link, code: Refusal, text: string): void {
    this.send(link, { type: "refuse", code, text, room: this.room?.id ?? null });
    if (link.isMember) this.settleAdmitting(link);
    else this.close(link, `refused: ${code}`);
  }

  /** A message came that nothing here waits for. */
  outOfTurn(link: Link, type: LinkMessage["type"]): void {
    // On a member link it can be late: the exchange it belongs to has timed out here.
    if (link.isMember) return;
    this.penalise(link, "protocol", `sent ${type} out of turn (${stageOf(link)})`);
  }

  penalise(link: Link, fault: "invalid-signature" | "protocol", text: string): void {
    this.effect({ type: "penalise", peer: link.peer, fault, text });
    if (!link.isMember) this.close(link, text);
  }

  /** Ends the link, after what was sent on it. */
  close(link: Link, reason: string): void {
    this.byId.delete(link.id);
    this.effect({ type: "close", link: link.id, reason });
  }

  send(link: Link, message: LinkMessage): void {
    this.effect({ type: "send", link: link.id, message });
  }

  // Checks.

  /** Whether beacon and claim are the link's other end's, for this room and signed; it pays for it if not. */
  areCredentials(
    link: Link,
    beacon: SignedBeacon,
    claim: SignedClaim,
    room: InRoom = this.room!,
  ): boolean {
    const { key, state, claim: claimId } = beacon.beacon.value;
    if (state !== "alive") {
      this.close(link, "it is leaving the room");
      return false;
    }
    const fault = beaconFormFault(beacon.beacon.value, room.id) ??
      claimFormFault(claim.claim.value, room) ??
      (key !== link.peer ? "the beacon is another member's" : null) ??
      (claim.claim.value.key !== key ? "the claim is another member's" : null) ??
      (claimIdOf(this.env.crypto, claim) !== claimId ? "the beacon names another claim" : null);
    if (fault !== null) {
      this.penalise(link, "protocol", `showed credentials that can't be right: ${fault}`);
      return false;
    }
    if (!isBeaconSigned(this.env.crypto, beacon) || !this.isClaimGood(claim)) {
      this.penalise(link, "invalid-signature", "showed credentials without valid signatures");
      return false;
    }
    return true;
  }

  /** Whether both signatures hold; those of a known claim were checked before. */
  isClaimGood(claim: SignedClaim): boolean {
    const id = claimIdOf(this.env.crypto, claim);
    return this.port.isClaimKnown(id) || isClaimSigned(this.env.crypto, claim, id);
  }
}

/** Whether somebody here waits for the end of this exchange: we are the one who asked. */
export function isNewcomerStage({ at }: Stage): boolean {
  return at === "asking" || at === "entering" || at === "accepting";
}

/** What is under way on a link that isn't one between members. */
export function stageOf({ stage, admitting }: Link): string {
  return admitting?.at ?? stage.at;
}
