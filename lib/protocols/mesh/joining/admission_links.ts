/**
 * The links that admission works on: the stage of each, and what both sides of an exchange share: sending,
 * refusing, closing, and checking the other end's credentials.
 */

import type { Environment } from "../../../base/machine/environment.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import type { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { AdmissionEffect, AdmissionPort } from "./admission_io.ts";
import {
  beaconFormFault,
  claimFormFault,
  claimIdOf,
  type InRoom,
  isBeaconSigned,
  isClaimSigned,
} from "../schema/credentials.ts";
import type { AdmissionMessage, Refusal } from "../schema/messages.ts";
import type { Claim, SignedBeacon, SignedClaim } from "../schema/structures.ts";

export type Message<Type extends AdmissionMessage["type"]> = Extract<
  AdmissionMessage,
  { readonly type: Type }
>;

/** The stage of a link, and of what we ask of its other end. Each but `member` ends at `dueMs`. */
export type Stage =
  /** Inbound: the other side is to begin. */
  | { readonly at: "silent" }
  /** We said `hello`. */
  | { readonly at: "greeting" }
  /** It said `hello` with the beacon since which it is gone: a later one is awaited. */
  | { readonly at: "renewing"; readonly greeted: boolean }
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

/** The stage of what the other end of a link asks of us: to be admitted, or to have another name. */
export type AdmittingStage =
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
  readonly process: string;
  readonly remote: Endpoint;
  /** Whether both ends are members: an exchange on it is then about another name. */
  isMember: boolean;
  /** Limits how often the peer may ask for another name. */
  readonly renames: TokenBucket;
  stage: Stage;
  dueMs: number | null;
  /**
   * What the other end asks of us. Apart from `stage`, as two members may ask each other for another name at the same
   * moment. Ends at `admittingDueMs`.
   */
  admitting: AdmittingStage | null;
  /** The number of our beacon than which the other end wants a later one, once; null: it hasn't asked. */
  renewal: number | "shown" | null;
  admittingDueMs: number | null;
}

export class AdmissionLinks {
  /** The caller bounds the number of links. */
  readonly byId = new Map<LinkId, Link>();
  /** The room that we are a member of, or are about to enter. */
  room: InRoom | null = null;
  /** Whether `came-in` was emitted, or we are in the room without anybody's help. */
  isIn = false;
  #effects: AdmissionEffect[] = [];

  constructor(
    readonly env: Pick<Environment, "crypto">,
    readonly port: Pick<AdmissionPort, "isClaimKnown">,
  ) {}

  effect(effect: AdmissionEffect): void {
    this.#effects.push(effect);
  }

  /** All effects since the last call. */
  takeEffects(): readonly AdmissionEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Makes this a link between members; the caller has checked that both ends are. */
  becomeMember(link: Link, beacon: SignedBeacon, claim: SignedClaim): void {
    link.isMember = true;
    this.settle(link);
    this.settleAdmitting(link);
    // This may be another member that greets us, where the admitting one went away before its welcome.
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

  /** Notes that we ask nothing of this member any more. */
  settle(link: Link): void {
    link.stage = { at: "member" };
    link.dueMs = null;
  }

  /** Notes that the link's other end asks nothing of us any more. */
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

  /** Refuses what the other end asks; closes the link unless it is one between members. */
  turnAway(link: Link, code: Refusal, text: string): void {
    this.send(link, { type: "refuse", code, text, room: this.room?.id ?? null });
    if (link.isMember) this.settleAdmitting(link);
    else this.close(link, `refused: ${code}`);
  }

  /** Handles a message for which nothing here waits. */
  outOfTurn(link: Link, type: AdmissionMessage["type"]): void {
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

  send(link: Link, message: AdmissionMessage): void {
    this.effect({ type: "send", link: link.id, message });
  }

  // Checks.

  /** Whether beacon and claim are those of the link's other end, for this room, and signed; if not, penalises it. */
  areCredentials(
    link: Link,
    beacon: SignedBeacon,
    claim: SignedClaim,
    room: InRoom = this.room!,
  ): boolean {
    const { key, state, process, claim: claimId } = beacon.beacon.value;
    if (state !== "alive") {
      this.close(link, "it is leaving the room");
      return false;
    }
    const fault = beaconFormFault(beacon.beacon.value, room.id) ??
      claimFormFault(claim.claim.value, room) ??
      (key !== link.peer ? "the beacon is another member's" : null) ??
      (process !== link.process ? "the beacon is another process's" : null) ??
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

/** Whether it is we who asked on this link, and wait for the end of the exchange. */
export function isNewcomerStage({ at }: Stage): boolean {
  return at === "asking" || at === "entering" || at === "accepting";
}

/** The stage of a link that isn't one between members, for texts. */
export function stageOf({ stage, admitting }: Link): string {
  return admitting?.at ?? stage.at;
}
