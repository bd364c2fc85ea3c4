/**
 * A member's datagrams: to each other member directly where something passes, else through the coordinator. This sits
 * between the socket and the reliable datagrams, which see a relay as one more address of the peer.
 *
 * The picture: ICE (RFC 8445) without its agenda. Both sides send to all addresses at once, as the coordinator has
 * introduced them to each other at the same time; what gets through is answered where it came from, and so the
 * routers in between are open in both directions. Where nothing passes for a while, the relay is one of the addresses.
 * Then the direct path is tried again and again, and taken as soon as something passes both ways.
 *
 * The caller's duties: those of `ReliableDatagrams`.
 */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import {
  distinctEndpoints,
  type Endpoint,
  isRelayed,
  type PeerKey,
  RELAY_HOST,
} from "../../../base/ids.ts";
import { earliestMs, type Machine } from "../../../base/machine/machine.ts";
import { ReliableDatagrams } from "../../reliable_datagram/reliable_datagrams.ts";
import type { ReliableEffect, ReliableInput } from "../../reliable_datagram/reliable_io.ts";
import { formsOf, KeyedPath, OwnAddress, transportOf } from "../../sealed_datagram/keyed_path.ts";
import { GROUP_DATAGRAMS, type GroupDatagram } from "../schema/datagram_messages.ts";
import {
  DIRECT_AGAIN_MS_MAX,
  DIRECT_AGAIN_MS_MIN,
  DIRECT_LASTS_MS,
  RELAY_AFTER_MS,
  TRIALS_MS,
} from "../schema/limits.ts";
import type { DatagramKeys, PeerPlaces } from "../schema/member_io.ts";

const FORMS = formsOf<GroupDatagram>(GROUP_DATAGRAMS);
const NOTHING: readonly MemberDatagramEffect[] = [];

export type MemberDatagramInput =
  | Exclude<ReliableInput, { readonly type: "connect" | "may-be-at" | "try" }>
  /** Exchange datagrams with the peer; it may be known, and have other addresses now. */
  | ({ readonly type: "meet"; readonly peer: PeerKey } & PeerPlaces)
  /** The coordinator relays, and is told where we are, under these keys; it is at this address. */
  | ({ readonly type: "keys"; readonly coordinator: Endpoint } & DatagramKeys);

export type MemberDatagramEffect = Exclude<ReliableEffect, { readonly type: "tried" }>;

/** The way to one peer. Bounded by those whom the owner meets, and those whom it lets in. */
class Route {
  places: PeerPlaces | null = null;
  /** Where its session is; null: there is none. */
  at: Endpoint | null = null;
  isSilent = false;
  isClosing = false;
  /** When the relay is tried, too, unless something passes before; null where that isn't awaited. */
  relayAtMs: number | null = null;
  /** Whether that time is over, and nothing has passed. */
  wantsRelay = false;
  /** When a direct path is tried again, and which part of an attempt is next. */
  directAtMs: number | null = null;
  trial = 0;
  pauseMs = DIRECT_AGAIN_MS_MIN;
  /** Since when the present path is direct. */
  directSinceMs = -Infinity;
  /** When the peer's attempt was last joined. */
  triedMs = -Infinity;

  /** @param number Of the peer as an address: ours, whatever the coordinator calls it. */
  constructor(readonly peer: PeerKey, readonly number: number) {}

  get direct(): readonly Endpoint[] {
    if (this.places === null) return [];
    const { endpoint, seen } = this.places;
    return seen === null ? [endpoint] : distinctEndpoints([endpoint, seen]);
  }

  get relay(): Endpoint {
    return { host: RELAY_HOST, port: this.number };
  }

  get isUp(): boolean {
    return this.at !== null && !this.isSilent;
  }

  get isRelayed(): boolean {
    return this.at !== null && isRelayed(this.at);
  }
}

export class MemberDatagrams implements Machine<MemberDatagramInput, MemberDatagramEffect> {
  readonly reliable: ReliableDatagrams;
  readonly #address: OwnAddress<GroupDatagram>;
  readonly #routes = new Map<PeerKey, Route>();
  readonly #byNumber = new Map<number, Route>();
  /** By the coordinator's numbers. */
  readonly #byRelay = new Map<number, Route>();
  #coordinator: Endpoint | null = null;
  #numbers = 0;
  /** When a route has something to do. */
  #dueMs: number | null = null;
  #effects: MemberDatagramEffect[] = [];
  #nowMs = 0;

  constructor(options: ConstructorParameters<typeof ReliableDatagrams>[0]) {
    this.reliable = new ReliableDatagrams(options);
    this.#address = new OwnAddress((bytes, to) => this.#toCoordinator(bytes, to));
  }

  /** Whether the peer's datagrams come and go directly; null where there is no session. */
  pathOf(peer: PeerKey): "direct" | "relay" | null {
    const route = this.#routes.get(peer);
    return route === undefined || route.at === null ? null : route.isRelayed ? "relay" : "direct";
  }

  nextDeadlineMs(): number | null {
    return earliestMs(this.reliable.nextDeadlineMs(), this.#dueMs, this.#address.nextMs());
  }

  step(input: MemberDatagramInput, nowMs: number): readonly MemberDatagramEffect[] {
    this.#effects = [];
    this.#nowMs = nowMs;
    switch (input.type) {
      case "datagram":
        this.#datagram(input.from, input.bytes);
        break;
      case "meet":
        this.#meet(input.peer, input);
        break;
      case "keys":
        this.#keyed(input, input.coordinator);
        break;
      case "tick":
        this.#tick();
        break;
      case "close": {
        const route = this.#routes.get(input.peer);
        if (route !== undefined) route.isClosing = true;
        this.#run(input);
        break;
      }
      default:
        this.#run(input);
    }
    return this.#effects.length === 0 ? NOTHING : this.#effects;
  }

  // The coordinator.

  #keyed({ index, toMember, toCoordinator }: DatagramKeys, coordinator: Endpoint): void {
    this.#coordinator = coordinator;
    const path = new KeyedPath(FORMS, index, toCoordinator.slice(), toMember.slice());
    this.#address.keyed(path, this.#nowMs);
  }

  #toCoordinator(bytes: Bytes, to: Endpoint | null): void {
    const endpoint = to ?? this.#coordinator;
    if (endpoint !== null) this.#effects.push({ type: "transmit", to: endpoint, bytes });
  }

  #datagram(from: Endpoint, bytes: Uint8Array): void {
    const transport = this.#address.index === null ? null : transportOf(bytes);
    if (transport?.index !== this.#address.index) {
      return this.#run({ type: "datagram", from, bytes });
    }
    const message = this.#address.open(from, transport!, this.#nowMs);
    if (message?.type !== "relayed") return;
    const route = this.#byRelay.get(message.member);
    if (route === undefined) return; // it isn't introduced yet, and repeats what it says
    this.#run({ type: "datagram", from: route.relay, bytes: message.datagram });
  }

  // The peers.

  #meet(peer: PeerKey, { endpoint, seen, relay }: PeerPlaces): void {
    const route = this.#routeTo(peer);
    const before = route.places;
    this.#endRelay(route);
    const places = route.places = { endpoint, seen, relay };
    if (relay !== null) this.#byRelay.set(relay, route);
    const isMoved = before === null
      ? !this.#all(route).some((one) => areSame(one, route.at))
      : !areSame(before.endpoint, endpoint);
    if (!isMoved && route.isUp && !route.isClosing) {
      this.#run({ type: "may-be-at", peer, also: this.#all(route) });
      // Where it is seen now, something may pass.
      if (route.isRelayed && !areSame(before?.seen ?? null, seen)) this.#tryDirectly(route);
      return;
    }
    route.isClosing = false;
    // One that fell silent may be reached by a relay that wasn't there before.
    if (route.isSilent || route.wantsRelay) return this.#connect(route, places, this.#all(route));
    if (route.relayAtMs === null || isMoved) route.relayAtMs = this.#nowMs + RELAY_AFTER_MS;
    this.#connect(route, places, route.direct);
    this.#arm();
  }

  #routeTo(peer: PeerKey): Route {
    let route = this.#routes.get(peer);
    if (route === undefined) {
      route = new Route(peer, ++this.#numbers);
      this.#routes.set(peer, route);
      this.#byNumber.set(route.number, route);
    }
    return route;
  }

  /** Every address at which it may be, the relay last. */
  #all(route: Route): readonly Endpoint[] {
    const { direct, places } = route;
    return places === null || places.relay === null ? direct : [...direct, route.relay];
  }

  #connect({ peer }: Route, { endpoint }: PeerPlaces, also: readonly Endpoint[]): void {
    this.#run({ type: "connect", peer, endpoint, also });
  }

  #forget(peer: PeerKey): void {
    const route = this.#routes.get(peer);
    if (route === undefined) return;
    this.#routes.delete(peer);
    this.#byNumber.delete(route.number);
    this.#endRelay(route);
  }

  /** Its number of before may be another one's by now: a coordinator that was started anew gives them anew. */
  #endRelay(route: Route): void {
    const relay = route.places?.relay ?? null;
    if (relay !== null && this.#byRelay.get(relay) === route) this.#byRelay.delete(relay);
  }

  // What the reliable datagrams do.

  #run(input: ReliableInput): void {
    for (const effect of this.reliable.step(input, this.#nowMs)) {
      if (effect.type === "transmit") this.#transmit(effect);
      else if (effect.type === "tried") this.#joinTrial(effect.peer);
      else {
        this.#note(effect);
        this.#effects.push(effect);
      }
    }
  }

  #transmit(effect: MemberDatagramEffect & { readonly type: "transmit" }): void {
    if (!isRelayed(effect.to)) {
      this.#effects.push(effect);
      return;
    }
    const member = this.#byNumber.get(effect.to.port)?.places?.relay ?? null;
    if (member !== null) this.#address.send({ type: "relay", member, datagram: effect.bytes });
  }

  #note(effect: Exclude<MemberDatagramEffect, { readonly type: "transmit" }>): void {
    switch (effect.type) {
      case "up":
      case "moved":
        return this.#isAt(this.#routeTo(effect.peer), effect.endpoint);
      case "silent":
      case "heard": {
        const route = this.#routes.get(effect.peer);
        if (route !== undefined) route.isSilent = effect.type === "silent";
        return;
      }
      case "failed":
      case "ended":
        return this.#forget(effect.peer);
    }
  }

  #isAt(route: Route, endpoint: Endpoint): void {
    const wasRelayed = route.isRelayed;
    const wasDirect = route.at !== null && !wasRelayed;
    route.at = endpoint;
    route.isSilent = false;
    route.relayAtMs = null;
    route.wantsRelay = false;
    if (!route.isRelayed) {
      route.directAtMs = null;
      if (!wasDirect) route.directSinceMs = this.#nowMs;
    } else if (!wasRelayed) {
      // A direct path that comes and goes is tried ever less often.
      const hasLasted = this.#nowMs - route.directSinceMs >= DIRECT_LASTS_MS;
      if (hasLasted) route.pauseMs = DIRECT_AGAIN_MS_MIN;
      route.trial = 0;
      route.directAtMs = this.#nowMs + route.pauseMs;
    }
    this.#run({ type: "may-be-at", peer: route.peer, also: this.#all(route) });
    this.#arm();
  }

  // Direct paths.

  #tryDirectly(route: Route): void {
    route.trial = 0;
    route.directAtMs = this.#nowMs;
    this.#arm();
  }

  /** The next part of an attempt, or the first one of the next. */
  #trial(route: Route): void {
    const { peer, direct: endpoints } = route;
    this.#run({ type: "try", peer, endpoints, asks: true });
    const pastMs = TRIALS_MS[route.trial++]!;
    const nextMs = TRIALS_MS[route.trial];
    if (nextMs !== undefined) {
      route.directAtMs = this.#nowMs + nextMs - pastMs;
      return;
    }
    route.trial = 0;
    route.directAtMs = this.#nowMs + route.pauseMs;
    route.pauseMs = Math.min(2 * route.pauseMs, DIRECT_AGAIN_MS_MAX);
  }

  /** The peer tries to reach us; it can name any address, so we send there no more often than an attempt does. */
  #joinTrial(peer: PeerKey): void {
    const route = this.#routes.get(peer);
    if (route === undefined || this.#nowMs < route.triedMs + TRIALS_MS[1]) return;
    route.triedMs = this.#nowMs;
    this.#run({ type: "try", peer, endpoints: route.direct, asks: false });
  }

  // Time.

  #tick(): void {
    if (this.#dueMs !== null && this.#dueMs <= this.#nowMs) {
      for (const route of [...this.#routes.values()]) this.#serve(route);
      this.#arm();
    }
    this.#address.tick(this.#nowMs);
    this.#run({ type: "tick" });
  }

  #serve(route: Route): void {
    const { relayAtMs, directAtMs, places } = route;
    if (relayAtMs !== null && relayAtMs <= this.#nowMs && places !== null) {
      route.relayAtMs = null;
      route.wantsRelay = true;
      if (places.relay !== null) this.#connect(route, places, this.#all(route));
    }
    if (directAtMs !== null && directAtMs <= this.#nowMs) this.#trial(route);
  }

  #arm(): void {
    let nextMs = Infinity;
    for (const { relayAtMs, directAtMs } of this.#routes.values()) {
      nextMs = Math.min(nextMs, relayAtMs ?? Infinity, directAtMs ?? Infinity);
    }
    this.#dueMs = nextMs === Infinity ? null : nextMs;
  }
}

function areSame(one: Endpoint | null, other: Endpoint | null): boolean {
  return one === null || other === null
    ? one === other
    : one.host === other.host && one.port === other.port;
}
