/**
 * How a link becomes one between members: a newcomer is admitted under a name nobody else has, two members
 * of one room greet each other.
 *
 *     newcomer                     admitting member
 *       join {name} ------------------> |
 *       | <---------------- offer {claim} |
 *       accept {claim, beacon} -------> |
 *       | <-------------------- welcome |
 *
 * A returning member presents the claim it was given before and is welcomed at once. Until `accept` nobody in the
 * room has been told of the newcomer: a refusal leaves the room undisturbed.
 *
 * Of two that ask two members for one name at once both are let in, and their claims put one of them out
 * (`room_names.ts`). A key that had a name here is let in although another took the name while it was away, and wins.
 *
 * The caller's duties: after `admitted`, let the roster enter and feed `entered`, and nothing of other links
 * in between; after `member`, take the link into use.
 */

import type { Signer } from "../../../base/crypto/crypto.ts";
import type { Environment } from "../../../base/machine/environment.ts";
import type { LinkId, PeerKey, RoomId } from "../../../base/ids.ts";
import { unreachable } from "../../../base/invariant.ts";
import { earliestMs, type Machine } from "../../../base/machine/machine.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type {
  AdmissionConfig,
  AdmissionEffect,
  AdmissionInput,
  AdmissionPort,
} from "./admission_io.ts";
import {
  AdmissionLinks,
  isNewcomerStage,
  type Link,
  type Message,
  stageOf,
} from "./admission_links.ts";
import { Admitting } from "./admitting.ts";
import { beaconFormFault, type InRoom, isBeaconSigned } from "../schema/credentials.ts";
import { RENAMES_BURST, RENAMES_PER_SECOND } from "../schema/limits.ts";
import type { AdmissionMessage } from "../schema/messages.ts";
import { Newcomer } from "./newcomer.ts";
import type { SignedBeacon } from "../schema/structures.ts";

export class Admission implements Machine<AdmissionInput, AdmissionEffect> {
  readonly links: AdmissionLinks;
  readonly #newcomer: Newcomer;
  readonly #admitting: Admitting;

  constructor(
    readonly config: AdmissionConfig,
    env: Environment,
    readonly signer: Signer,
    readonly port: AdmissionPort,
  ) {
    this.links = new AdmissionLinks(env, port);
    this.#newcomer = new Newcomer(config, env, signer, port, this.links);
    this.#admitting = new Admitting(config.timing, env, signer, port, this.links);
  }

  step(input: AdmissionInput, nowMs: number): readonly AdmissionEffect[] {
    this.#handle(input, nowMs);
    return this.links.takeEffects();
  }

  nextDeadlineMs(): number | null {
    let next: number | null = null;
    for (const link of this.links.byId.values()) {
      next = earliestMs(next, link.dueMs, link.admittingDueMs);
    }
    return next;
  }

  /** The room that we are a member of, or are about to enter; null before. */
  get room(): RoomId | null {
    return this.links.room?.id ?? null;
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
      case "uninvited": {
        const link = this.links.byId.get(input.link);
        if (link === undefined || link.isMember) return;
        const text = "The invite that you used is no longer valid";
        return this.links.turnAway(link, "bad-credentials", text);
      }
      case "in-room":
        this.links.room = { id: input.room, genesis: input.genesis };
        this.links.isIn = true;
        return;
      case "entered":
        return this.#newcomer.entered(input.link, nowMs);
      case "renewed":
        return this.#showRenewed();
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
      process: input.process,
      remote: input.remote,
      isMember: false,
      renames: new TokenBucket(RENAMES_PER_SECOND, RENAMES_BURST),
      stage: { at: "silent" },
      dueMs: nowMs + this.config.timing.exchangeMs,
      admitting: null,
      renewal: null,
      admittingDueMs: null,
    };
    this.links.byId.set(link.id, link);
    if (!input.dialled) return;
    if (this.links.room === null) this.#newcomer.join(link, this.config.name, nowMs);
    else this.#greet(link, this.links.room);
  }

  #linkDown(id: LinkId): void {
    const link = this.links.byId.get(id);
    this.links.byId.delete(id);
    if (link === undefined || !isNewcomerStage(link.stage)) return;
    this.links.effect({
      type: "refused",
      link: id,
      code: "unreachable",
      text: "the connection to the member that was asked ended before it answered",
      rename: link.isMember,
      room: null,
    });
  }

  #tick(nowMs: number): void {
    const isOver = (dueMs: number | null) => dueMs !== null && dueMs <= nowMs;
    for (const link of [...this.links.byId.values()]) {
      if (isOver(link.dueMs) && isNewcomerStage(link.stage)) {
        const text = "the member that was asked didn't answer in time";
        this.#newcomer.refused(link, "timeout", text, null);
        if (!link.isMember) continue;
      }
      if (!isOver(link.dueMs) && !isOver(link.admittingDueMs)) continue;
      if (link.isMember) this.links.settleAdmitting(link);
      else this.links.close(link, `nothing came that could follow (${stageOf(link)})`);
    }
  }

  #claimName(id: LinkId, name: string, nowMs: number): void {
    const link = this.links.byId.get(id);
    if (link?.stage.at === "member") {
      return this.#newcomer.join(link, name, nowMs);
    }
    this.links.effect({
      type: "refused",
      link: id,
      code: "unreachable",
      text: "no member could be asked",
      rename: true,
      room: null,
    });
  }

  #message(id: LinkId, message: AdmissionMessage, nowMs: number): void {
    const link = this.links.byId.get(id);
    if (link === undefined) return;
    switch (message.type) {
      case "hello":
        return this.#hello(link, message, nowMs);
      case "join":
        return this.#admitting.joinAsked(link, message, nowMs);
      case "offer":
        return this.#newcomer.offered(link, message);
      case "accept":
        return this.#admitting.accepted(link, message);
      case "welcome":
        return this.#newcomer.welcomed(link, message);
      case "refuse":
        return this.#newcomer.refuse(link, message);
      case "renew":
        return this.#renew(link, message);
      default:
        unreachable(message);
    }
  }

  // Member to member.

  #greet(link: Link, room: InRoom): void {
    link.stage = { at: "greeting" };
    this.#sayHello(link, room);
  }

  #sayHello(link: Link, room: InRoom): void {
    this.links.send(link, {
      type: "hello",
      room: room.id,
      beacon: this.port.selfBeacon(),
      claim: this.port.selfClaim(),
    });
  }

  #hello(link: Link, hello: Message<"hello">, nowMs: number): void {
    const { stage } = link;
    const { at } = stage;
    const { room } = this.links;
    const { key, incarnation } = hello.beacon.beacon.value;
    // Of ourselves, from somebody else, whose own `hello` may have come before: it has met a later start of our key.
    if (room?.id === hello.room && key === this.signer.key && link.peer !== key) {
      return this.#learnReplaced(link, hello.beacon, room.id);
    }
    const isOpen = at === "silent" || at === "greeting" || at === "renewing";
    if (!isOpen || link.admitting !== null) return this.links.outOfTurn(link, "hello");
    if (room === null) {
      // A member that remembers us, while we are still looking for the room: ask it right here.
      if (this.config.room === hello.room) {
        return this.#newcomer.join(link, this.config.name, nowMs);
      }
      return this.links.close(link, "not in that room");
    }
    if (hello.room !== room.id) {
      return this.links.turnAway(link, "wrong-room", "This member is in another room");
    }
    if (!this.links.areCredentials(link, hello.beacon, hello.claim)) return;
    if (incarnation < this.port.incarnationOf(key)) return this.#proveReplaced(link, key);
    if (key === this.signer.key) {
      const isSelf = incarnation === this.port.selfBeacon().beacon.value.incarnation;
      if (!isSelf) this.links.effect({ type: "replaced-self", incarnation });
      return this.links.close(link, isSelf ? "dialled itself" : "replaced");
    }
    if (this.port.isOfCopy(hello.beacon.beacon.value)) {
      this.links.effect({ type: "copied", peer: key });
      return this.#proveReplaced(link, key);
    }
    const gone = this.port.goneSince(hello.beacon.beacon.value);
    if (gone !== null) {
      if (at === "renewing") return this.links.close(link, "it is no longer in the room");
      link.stage = { at: "renewing", greeted: at === "greeting" };
      const { incarnation, number } = gone;
      return this.links.send(link, { type: "renew", incarnation, number });
    }
    if (!this.port.isLive(key) && !this.#admitting.hasRoom(link, nowMs)) return;
    const greeted = stage.at === "renewing" ? stage.greeted : at === "greeting";
    if (!greeted) this.#greet(link, room);
    this.links.becomeMember(link, hello.beacon, hello.claim);
  }

  /** The peer took us for lost, and our `hello` showed it nothing new: it is shown a later beacon, once. */
  #renew(link: Link, held: Message<"renew">): void {
    const { at } = link.stage;
    if (at !== "greeting" && at !== "member") return this.links.outOfTurn(link, "renew");
    const own = this.port.selfBeacon().beacon.value;
    // A later beacon than we have made is none of ours.
    const isOurs = held.incarnation === own.incarnation && held.number <= own.number;
    if (!isOurs || link.renewal !== null) return;
    link.renewal = held.number;
    const { incarnation, number } = held;
    this.links.effect({ type: "renew", held: { incarnation, number } });
  }

  /** Whether a peer waits for a later beacon of ours. */
  get isAskedToRenew(): boolean {
    return this.links.byId.values().some(({ renewal }) => typeof renewal === "number");
  }

  /** Whether the link's other end is awaited to show that it isn't gone; what else it says is too early. */
  isRenewing(link: LinkId): boolean {
    return this.links.byId.get(link)?.stage.at === "renewing";
  }

  #showRenewed(): void {
    const beacon = this.port.selfBeacon();
    for (const link of this.links.byId.values()) {
      if (typeof link.renewal !== "number" || beacon.beacon.value.number <= link.renewal) continue;
      link.renewal = "shown";
      this.#sayHello(link, this.links.room!);
    }
  }

  /**
   * The peer's incarnation was replaced by a later one, or is another process's: sends it that one's credentials, and
   * closes the link.
   */
  #proveReplaced(link: Link, key: PeerKey): void {
    const later = this.port.credentialsOf(key);
    if (later !== null) {
      this.links.send(link, { type: "hello", room: this.links.room!.id, ...later });
    }
    this.links.close(link, "replaced by another start with the same key");
  }

  #learnReplaced(link: Link, beacon: SignedBeacon, room: RoomId): void {
    const { incarnation, process } = beacon.beacon.value;
    // A beacon of another room shows only when this profile was last started there.
    const fault = beaconFormFault(beacon.beacon.value, room);
    if (fault !== null) {
      return this.links.penalise(link, "protocol", `showed a beacon that can't be right: ${fault}`);
    }
    const own = this.port.selfBeacon().beacon.value;
    const isCopy = incarnation === own.incarnation && process !== own.process;
    if (
      !(isCopy || incarnation > own.incarnation) || !isBeaconSigned(this.links.env.crypto, beacon)
    ) {
      return this.links.penalise(link, "invalid-signature", "showed a beacon that we never signed");
    }
    this.links.effect({ type: "replaced-self", incarnation });
  }
}
