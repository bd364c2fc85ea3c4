/**
 * Where others can dial us: the address of this machine, which changes, and whether it can be dialled
 * at all (`reachability.ts`, and what others ask us about theirs). An address that the user has named
 * stays, whatever is found out about it.
 */

import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import type { Timed } from "../../../base/machine/machine.ts";
import { Agenda } from "../../../base/machine/machine.ts";
import { isLinkLocal, isLoopback } from "../../../base/text/endpoints.ts";
import type { DialFailureReason, MeshConfig } from "../schema/mesh_io.ts";
import type { ReachabilityMessage } from "../schema/messages.ts";
import { DialBacks, type DialBacksPort, Reachability } from "./reachability.ts";
import type { Dial } from "./dialling.ts";
import type { MeshLink } from "./link_table.ts";
import { MappedAddress } from "./mapped_address.ts";

interface OwnAddressPort extends Pick<DialBacksPort, "dial"> {
  neighbours(): readonly MeshLink[];
  send(to: PeerKey, message: ReachabilityMessage): void;
  /** Others find us here from now on. @param before What this machine's address was; null where it hasn't changed. */
  moved(endpoint: Endpoint, before: string | null): void;
  /** Others can't dial us at this address, or can again. `elsewhere`: where who is here has dialled us; null: nowhere. */
  reachable(endpoint: Endpoint, isReachable: boolean, elsewhere: Endpoint | null): void;
  /** A member has dialled us at the mapped address. */
  proven(endpoint: Endpoint): void;
}

export class OwnAddress {
  readonly #localHosts: LocalHosts;
  readonly #reachability: Reachability;
  readonly #dialBacks: DialBacks;
  readonly #mapped: MappedAddress;
  /** When others are asked whether they can dial us. */
  readonly deadlines: Timed;
  /** Whether the announced address follows what is found out. */
  readonly #isFree: boolean;
  /** What is announced where no router's address is. */
  #home: Endpoint | null = null;
  #nowMs = 0;

  constructor(
    private readonly config: Pick<MeshConfig, "advertise" | "passive">,
    private readonly port: OwnAddressPort,
  ) {
    const { advertise, passive } = config;
    this.#isFree = advertise.fixed !== true && !passive;
    this.#localHosts = new LocalHosts(advertise.host);
    this.#reachability = new Reachability({
      neighbours: () => port.neighbours(),
      ask: (to, endpoint) => port.send(to, { type: "dial-back", endpoint, mapped: false }),
      changed: (...found) => port.reachable(...found),
    });
    this.#dialBacks = new DialBacks({
      dial: (dial) => port.dial(dial),
      answer: (to, reachable, reached, mapped) =>
        port.send(to, { type: "dialled-back", reachable, reached, mapped }),
    });
    this.#mapped = new MappedAddress({
      neighbours: () => port.neighbours(),
      ask: (to, endpoint) => port.send(to, { type: "dial-back", endpoint, mapped: true }),
      proven: (endpoint) => this.#proven(endpoint),
    });
    const tick = (nowMs: number) => {
      this.#nowMs = nowMs;
      this.#mapped.deadlines.tick(nowMs);
    };
    this.deadlines = new Agenda([
      this.#reachability.deadlines,
      { nextMs: () => this.#mapped.deadlines.nextMs(), tick },
    ]);
  }

  /** A router says that others reach us there; null: none does any more. */
  mapped(endpoint: Endpoint | null, nowMs: number): void {
    if (!this.#isFree) return;
    this.#nowMs = nowMs;
    const wasAnnounced = this.#mapped.proven !== null;
    this.#mapped.mapped(endpoint, nowMs);
    if (wasAnnounced && this.#home !== null) this.#announce(this.#home, null);
  }

  #proven(endpoint: Endpoint): void {
    this.port.proven(endpoint);
    this.#announce(endpoint, null);
  }

  #announce(endpoint: Endpoint, before: string | null): void {
    this.port.moved(endpoint, before);
    this.#reachability.announced(endpoint, this.#nowMs);
  }

  linkUp(
    { link, peer, dialled, remote }: Omit<MeshLink, "state">,
    localHost: string,
    nowMs: number,
  ): void {
    this.#nowMs = nowMs;
    this.#localHosts.linkUp(link, localHost);
    this.#mapped.linkUp({ peer, dialled, remote });
    if (!dialled) this.#reachability.dialled(remote, nowMs);
  }

  /** @param peer The peer whose member link it was; null where it was none. */
  linkDown(link: MeshLink["link"], peer: PeerKey | null, nowMs: number): void {
    this.#localHosts.linkDown(link);
    if (peer === null) return;
    this.#reachability.gone(peer, nowMs);
    this.#mapped.gone(peer);
  }

  /** We are in the room, where this address is announced; null where none is. */
  entered(endpoint: Endpoint | null, nowMs: number): void {
    this.#home = endpoint;
    this.#mapped.entered(nowMs);
    if (this.#isFree && endpoint !== null) this.#reachability.announced(endpoint, nowMs);
  }

  /** A link is a member's now: announces this machine's new address, where it has moved. */
  follow(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#mapped.neighbourUp(nowMs);
    const before = this.#localHosts.home;
    if (this.#isFree) this.#moveTo(this.#localHosts.moved(), before);
  }

  /**
   * This machine has these addresses now: announces another one, where it has lost the one that is announced. That of a
   * router, or whatever else others see instead of ours, isn't among them, and stays.
   * @param best The one that others had best use.
   */
  machineHas(hosts: readonly string[], best: string, nowMs: number): void {
    this.#nowMs = nowMs;
    const { home } = this.#localHosts;
    const isOurs = this.#home !== null && this.#home.host === home;
    if (this.#isFree && isOurs) this.#moveTo(this.#localHosts.lost(hosts, best), home);
  }

  /** @param host Null where this machine hasn't moved. */
  #moveTo(host: string | null, before: string | null): void {
    if (host === null) return;
    const endpoint = { host, port: this.config.advertise.port };
    this.#home = endpoint;
    this.#mapped.moved(this.#nowMs);
    this.#announce(endpoint, before);
  }

  /** Handles a message of the member at the other end of this link. */
  message(link: MeshLink, message: ReachabilityMessage, nowMs: number): void {
    this.#nowMs = nowMs;
    if (message.type === "dial-back") {
      this.#dialBacks.asked(link, message.endpoint, nowMs, message.mapped);
    } else if (message.mapped) this.#mapped.answered(link.peer, message.reachable);
    else this.#reachability.answered(link.peer, message, nowMs);
  }

  /** @param reason Why the dial that a member had asked for failed; null where it was answered. */
  dialledBack(dial: Dial, reason: DialFailureReason | null): void {
    this.#dialBacks.ended(dial, reason);
  }
}

/** Whether others can use this address of a machine. */
function isOfUse(host: string): boolean {
  return host !== "" && !isLoopback(host) && !isLinkLocal(host);
}

/**
 * Which address of this machine its links use: a laptop that moves has another one, and members that dial the old one
 * find nobody. Only what our own sockets and system say counts, so that nobody else can make the room dial elsewhere.
 */
export class LocalHosts {
  /** By link; without addresses that others couldn't use. */
  readonly #hosts = new Map<LinkId, string>();
  /** The address in use when the present endpoint was announced; null where there was none yet. */
  #home: string | null;

  /** @param home The address of this machine that is announced at first; null where others say how they see it. */
  constructor(home: string | null) {
    this.#home = home;
  }

  get home(): string | null {
    return this.#home;
  }

  linkUp(link: LinkId, host: string): void {
    if (!isOfUse(host)) return;
    this.#hosts.set(link, host);
    this.#home ??= host;
  }

  linkDown(link: LinkId): void {
    this.#hosts.delete(link);
  }

  /**
   * The host to announce from now on, where this machine has moved: no link uses the previous address any more.
   * Links from before a move die within seconds of it. Null where nothing has changed.
   */
  moved(): string | null {
    const hosts = [...this.#hosts.values()];
    const latest = hosts.at(-1);
    if (latest === undefined || this.#home === null || hosts.includes(this.#home)) return null;
    this.#home = latest;
    return latest;
  }

  /**
   * The host to announce from now on, where this machine has lost the previous one, or had none that others could use:
   * one that a link uses, or else the best. Null where nothing has changed, or there is none of use yet.
   * @param present All addresses of this machine. @param best Of those, the one that others had best use.
   */
  lost(present: readonly string[], best: string): string | null {
    const home = this.#home;
    if (home === null || (present.includes(home) && isOfUse(home))) return null;
    const alive = [...this.#hosts].filter(([, host]) => present.includes(host));
    const next = alive.at(-1)?.[1] ?? best;
    if (next === home || !isOfUse(next)) return null;
    // Links from before the move, which are about to die, don't lead back.
    this.#hosts.clear();
    for (const [link, host] of alive) this.#hosts.set(link, host);
    this.#home = next;
    return next;
  }
}
