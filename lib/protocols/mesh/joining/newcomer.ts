/** Our own side of joining, and of taking another name: asking a member, and checking what it answers. */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import { isAddress, parseHost } from "../../../base/text/endpoints.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Endpoint, LinkId, RoomId } from "../../../base/ids.ts";
import type { AdmissionConfig, AdmissionPort, AdmissionTiming } from "./admission_io.ts";
import {
  type AdmissionLinks,
  isNewcomerStage,
  type Link,
  type Message,
} from "./admission_links.ts";
import {
  claimFormFault,
  completeClaim,
  genesisFault,
  isClaimAdmitted,
  ownedClaim,
  roomIdOf,
} from "../schema/credentials.ts";
import { believableIncarnation } from "./genesis.ts";
import { INCARNATION_MAX } from "../schema/limits.ts";
import type { Refusal } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Claim, SignedClaim, SignedGenesis } from "../schema/structures.ts";
import { refusedByText } from "../../../base/trust/name_answers.ts";

/** How many of our own names' claims are remembered; a further name is simply claimed anew. */
const OWN_CLAIMS_MAX = 256;

export class Newcomer {
  /** Our first claim for each name, by its spelling, with which we return. At most `OWN_CLAIMS_MAX`. */
  readonly #ownClaims = new Map<string, SignedClaim>();

  constructor(
    readonly config: Omit<AdmissionConfig, "name" | "timing"> & {
      readonly timing: Pick<AdmissionTiming, "exchangeMs">;
    },
    readonly env: Environment,
    readonly signer: Signer,
    readonly port: Pick<AdmissionPort, "selfBeacon">,
    readonly links: AdmissionLinks,
  ) {
    for (const claim of config.ownClaims) this.#rememberClaim(claim);
  }

  /** Asks for a name, showing the claim that we were given for it before. */
  join(link: Link, name: string, nowMs: number): void {
    const earlier = this.#ownClaims.get(name.normalize("NFC"));
    link.stage = { at: "asking", name };
    link.dueMs = nowMs + this.config.timing.exchangeMs;
    this.links.send(link, {
      type: "join",
      room: this.links.room?.id ?? this.config.room,
      name,
      incarnation: this.#incarnationAtLeast(0),
      endpoint: this.config.endpoint,
      earlier: earlier ?? null,
    });
  }

  /** A lower bound for this process's incarnation: at least what others know, whatever the clock says. */
  #incarnationAtLeast(known: number): number {
    if (this.links.room !== null) return this.port.selfBeacon().beacon.value.incarnation;
    const wallMs = Math.max(0, Math.floor(this.env.wallMs()));
    const believed = Math.min(known, believableIncarnation(this.env));
    return Math.min(INCARNATION_MAX, Math.max(this.config.incarnationMin, wallMs, believed));
  }

  /** The name is free: completes the offered claim. */
  offered(link: Link, offer: Message<"offer">): void {
    const { stage } = link;
    if (stage.at !== "asking") return this.links.outOfTurn(link, "offer");
    const room = roomIdOf(this.env.crypto, offer.genesis);
    if (!this.#isRoomWanted(link, offer.genesis, room)) return;
    const fault = genesisFault(this.env.crypto, offer.genesis, room) ??
      claimFormFault(offer.claim.value, { id: room, genesis: offer.genesis }) ??
      this.#offerFault(link, offer.claim.value, stage.name) ?? this.#seenFault(offer.endpoint);
    if (fault !== null) return this.#badAnswer(link, fault);
    const isAdmitted = isClaimAdmitted(this.env.crypto, offer);
    if (!isAdmitted) return this.#badAnswer(link, "the admitting member didn't sign the claim");
    const claim = ownedClaim(completeClaim(this.env.crypto, this.signer, offer));
    this.#admitted(link, { room, genesis: offer.genesis, claim, welcome: null }, {
      incarnation: this.#incarnationAtLeast(offer.claim.value.incarnation),
      endpoint: this.#endpointAs(offer.endpoint),
    });
  }

  #offerFault(link: Link, claim: Claim, name: string): string | null {
    if (claim.key !== this.signer.key) return "the offered claim is for another key";
    if (claim.name !== name.normalize("NFC")) return "the offered claim is for another name";
    if (claim.admitter !== link.peer) return "the offered claim names another admitting member";
    return null;
  }

  /** Where we leave our address to the admitting member, it must answer with the IP address at which it sees us. */
  #seenFault(seen: Endpoint | null): string | null {
    const isAsked = this.config.endpoint?.host === "";
    const host = seen?.host ?? "";
    const isPossible = parseHost(host) === host && isAddress(host);
    return isAsked && !isPossible ? "it sees us at no IP address" : null;
  }

  #endpointAs(seen: Endpoint | null): Endpoint | null {
    const { endpoint } = this.config;
    if (endpoint === null || endpoint.host !== "" || seen === null) return endpoint;
    return { host: seen.host, port: endpoint.port };
  }

  /** Whether it is the room that we want to join; ends the exchange where it isn't. */
  #isRoomWanted(link: Link, genesis: SignedGenesis, room: RoomId): boolean {
    const expected = this.links.room?.id ?? this.config.room;
    const isPrivate = genesis.genesis.value.private;
    const fault = expected !== null && room !== expected
      ? "another room answers there"
      : isPrivate === this.config.private
      ? null
      : isPrivate
      ? "the room there is private"
      : "the room there isn't private";
    if (fault !== null) this.refused(link, "protocol", fault, null);
    return fault === null;
  }

  /** The answer to `accept`, or to an earlier claim. */
  welcomed(link: Link, welcome: Message<"welcome">): void {
    const { stage } = link;
    if (stage.at === "accepting") {
      if (!this.links.areCredentials(link, welcome.beacon, welcome.admitterClaim)) return;
      return this.#cameIn(link, stage.claim, welcome);
    }
    if (stage.at !== "asking") return this.links.outOfTurn(link, "welcome");
    const room = roomIdOf(this.env.crypto, welcome.genesis);
    const claim = this.#ownClaims.get(stage.name.normalize("NFC"));
    const origin = { id: room, genesis: welcome.genesis };
    if (!this.#isRoomWanted(link, welcome.genesis, room)) return;
    const fault = genesisFault(this.env.crypto, welcome.genesis, room) ??
      (claim === undefined ? "it welcomed us with a claim that we didn't show" : null) ??
      claimFormFault(claim!.claim.value, origin) ?? this.#seenFault(welcome.endpoint);
    if (fault !== null) return this.#badAnswer(link, fault);
    if (!this.links.areCredentials(link, welcome.beacon, welcome.admitterClaim, origin)) return;
    this.#admitted(link, { room, genesis: welcome.genesis, claim: claim!, welcome }, {
      incarnation: this.#incarnationAtLeast(welcome.incarnation),
      endpoint: this.#endpointAs(welcome.endpoint),
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
    const rename = this.links.room !== null;
    if (!rename) this.links.room = { id: room, genesis };
    this.#rememberClaim(claim);
    link.stage = { at: "entering", claim, welcome, rename };
    this.links.effect({
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

  /** The roster has entered: sends the admitting member `accept`. */
  entered(id: LinkId, nowMs: number): void {
    const link = this.links.byId.get(id);
    if (link?.stage.at !== "entering") return; // the link went down meanwhile; the claim is complete all the same
    const { claim, welcome, rename } = link.stage;
    const beacon = this.port.selfBeacon();
    // On disk before anybody hears of it: another start must not use this incarnation again.
    const records: MeshRecord[] = [{ kind: "claim", claim }];
    if (!rename) {
      const { incarnation } = beacon.beacon.value;
      const { genesis } = this.links.room!;
      records.unshift({ kind: "genesis", genesis }, { kind: "incarnation", incarnation });
    }
    this.links.effect({ type: "persist", records });
    this.links.send(link, { type: "accept", claim, beacon });
    if (welcome !== null) return this.#cameIn(link, claim, welcome);
    link.stage = { at: "accepting", claim };
    link.dueMs = nowMs + this.config.timing.exchangeMs;
  }

  #cameIn(link: Link, claim: SignedClaim, welcome: Message<"welcome">): void {
    if (link.isMember) {
      this.links.settle(link);
      this.links.effect({ type: "name-claimed", claim });
      return;
    }
    this.links.becomeMember(link, welcome.beacon, welcome.admitterClaim);
  }

  /** Handles `refuse`: we may not join, or may not have the name. */
  refuse(link: Link, { code, text, room }: Message<"refuse">): void {
    if (isNewcomerStage(link.stage)) {
      return this.refused(link, code, refusedText(code, text), room);
    }
    // Our `hello` is refused: nothing but the link waits for an answer.
    if (!link.isMember) this.links.close(link, `refused: ${code}`);
  }

  /** Ends the exchange without success. @param text Part of a sentence. */
  refused(
    link: Link,
    code: Refusal | "timeout",
    text: string,
    room: RoomId | null,
  ): void {
    const rename = link.isMember;
    this.links.effect({ type: "refused", link: link.id, code, text, rename, room });
    if (rename) this.links.settle(link);
    else this.links.close(link, `refused: ${code}`);
  }

  #badAnswer(link: Link, fault: string): void {
    const key = fingerprintOf(link.peer);
    this.env.log.warn("a member's answer can't be right", { key, fault });
    this.refused(link, "protocol", "the member there sent an invalid answer", null);
  }
}

/** What each code means, as part of a sentence in our own words: a member may send any. */
const REFUSED_TEXTS: Readonly<Record<Refusal, string>> = {
  "name-taken": "somebody in the room has that name; choose another one",
  "bad-name": "the member that was asked doesn't take this name",
  "full": "the member that was asked has no place, or none for more from one address",
  "bad-credentials": "the invite that was used is no longer valid there",
  "version": "another version of p2pchat runs there",
  "replaced": "another process with this profile came in meanwhile",
  "too-fast": "there were too many requests, one after the other; try again in a few seconds",
  "wrong-room": "the member that was asked is in another room",
  "protocol": "the member that was asked can't use what this program sent",
};

/**
 * A member's refusal, as part of a sentence: in our own words, with the member's as such where they add to it.
 * @param said Anything that the member sent.
 */
export function refusedText(code: Refusal, said: string): string {
  return refusedByText("The member", code, REFUSED_TEXTS[code], said);
}
