/**
 * Random walks through the overlay: newcomers become known by them, and passive views stay fresh and
 * mixed (HyParView, sections 4.2 and 4.4).
 *
 * Departure: the answer to a shuffle goes to the walk's last step unless its origin is a neighbour. The paper's answer
 * to the origin costs a dial and a handshake for each shuffle; over time each member is as often a last
 * step as an origin.
 */

import type { PeerKey } from "../../../base/ids.ts";
import type { Contact, OverlayMessage } from "../schema/messages.ts";
import type { OverlayConfig } from "./overlay_io.ts";
import type { OverlayLinks } from "./active_view.ts";
import { type PassiveView, randomOf, sample } from "./passive_view.ts";

/** For a member that has lost the room, or dials the other half of a split: enough contacts to go on from. */
const HANDED_CONTACTS_MAX = 8;

type ShuffleMessage = Extract<OverlayMessage, { readonly type: "shuffle" }>;

type WalkConfig = Pick<
  OverlayConfig,
  | "activeWalkHops"
  | "passiveWalkHops"
  | "shuffleWalkHops"
  | "shuffleActiveCount"
  | "shufflePassiveCount"
>;

/** A message and its receiver. */
export interface Outgoing {
  readonly to: PeerKey;
  readonly message: OverlayMessage;
}

export class OverlayWalks {
  /** The contacts that our last shuffle sent: they are dropped first when the answer needs room. */
  #sent: readonly Contact[] = [];

  constructor(
    private readonly config: WalkConfig,
    private readonly self: PeerKey,
    private readonly links: Pick<OverlayLinks, "activeView" | "contacts" | "isActive">,
    private readonly passive: PassiveView,
    private readonly random: () => number,
  ) {}

  /**
   * A step of a newcomer's walk, to the next member; null at its end, which is here.
   * A `ttl` of 0 is no walk: the contact is offered to us alone.
   */
  joinStep(from: PeerKey, contact: Contact, ttl: number): Outgoing | null {
    if (ttl === this.config.passiveWalkHops) this.learn([contact], from);
    const onward = this.links.activeView().filter((peer) => peer !== from && peer !== contact.key);
    const next = ttl > 1 ? randomOf(onward, this.random) : null;
    if (next === null) return null;
    const hopsLeft = Math.min(ttl, this.config.activeWalkHops) - 1;
    return { to: next, message: { type: "forward-join", contact, ttl: hopsLeft } };
  }

  /** A shuffle of our own; null where there is no neighbour for its first step. */
  shuffle(origin: Contact): Outgoing | null {
    const neighbours = this.links.contacts();
    const first = randomOf(neighbours, this.random);
    if (first === null) return null;
    const { shuffleActiveCount, shufflePassiveCount, shuffleWalkHops } = this.config;
    const others = neighbours.filter((contact) => contact !== first);
    this.#sent = sample(this.passive.contacts, shufflePassiveCount, this.random);
    const contacts = [...sample(others, shuffleActiveCount, this.random), ...this.#sent];
    return {
      to: first.key,
      message: { type: "shuffle", origin, ttl: shuffleWalkHops, contacts },
    };
  }

  /** A step of another's shuffle: passed on, or, at its end, taken in and answered. */
  shuffleStep(from: PeerKey, { origin, contacts, ttl }: ShuffleMessage): Outgoing | null {
    if (origin.key === this.self) return null;
    const hopsLeft = Math.min(ttl, this.config.shuffleWalkHops) - 1;
    const onward = this.links.activeView().filter((peer) => peer !== from && peer !== origin.key);
    const next = hopsLeft > 0 ? randomOf(onward, this.random) : null;
    if (next !== null) {
      return { to: next, message: { type: "shuffle", origin, ttl: hopsLeft, contacts } };
    }
    const to = this.links.isActive(origin.key) ? origin.key : from;
    const others = this.passive.contacts.filter(({ key }) => key !== to);
    const answer = sample(others, contacts.length, this.random);
    this.learn([origin, ...contacts], from, answer);
    return answer.length === 0
      ? null
      : { to, message: { type: "shuffle-reply", contacts: answer } };
  }

  answered(from: PeerKey, contacts: readonly Contact[]): void {
    this.learn(contacts, from, this.#sent);
  }

  /** Learns contacts that `by` has named (null: we know them ourselves), except ourselves and neighbours. */
  learn(
    contacts: readonly Contact[],
    by: PeerKey | null,
    sentAway: readonly Contact[] = [],
  ): void {
    const others = contacts.filter(({ key }) => key !== this.self && !this.links.isActive(key));
    this.passive.addAll(others, by, sentAway);
  }

  /** Some members for a peer that needs them. */
  hand(to: PeerKey): Outgoing | null {
    const known = [...this.links.contacts(), ...this.passive.contacts];
    const others = known.filter(({ key }) => key !== to);
    const contacts = sample(others, HANDED_CONTACTS_MAX, this.random);
    return contacts.length === 0 ? null : { to, message: { type: "shuffle-reply", contacts } };
  }
}
