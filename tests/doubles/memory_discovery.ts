/** Services announced without sockets: all that are open on one network hear each other, in virtual time. */

import type {
  DiscoveryFault,
  DiscoveryHandler,
  Service,
  ServiceDiscovery,
} from "../../lib/transport/discovery/service_discovery.ts";
import { VirtualClock } from "./memory_links.ts";

type Said = (handler: DiscoveryHandler) => void;

const LIFE_MS = 120_000;

/** One network. */
export class MemoryLan {
  readonly #open = new Set<MemoryDiscovery>();
  /** Whether what one host says reaches another; the access point may separate its clients. */
  passes: (from: string, to: string) => boolean = () => true;

  /** `latencyMs`: of each message. */
  constructor(readonly clock = new VirtualClock(), readonly latencyMs = 1) {}

  join(host: string): MemoryDiscovery {
    const discovery = new MemoryDiscovery(this, host);
    this.#open.add(discovery);
    return discovery;
  }

  leave(discovery: MemoryDiscovery): void {
    this.#open.delete(discovery);
  }

  /** Anybody may say anything, at any host. */
  say(from: string, said: Said): void {
    this.clock.at(this.clock.nowMs() + this.latencyMs, () => {
      for (const each of this.#open) if (this.passes(from, each.host)) each.hear(from, said);
    });
  }
}

export class MemoryDiscovery implements ServiceDiscovery {
  #handler: DiscoveryHandler | null = null;
  fault: DiscoveryFault | null = null;
  readonly hearing = { own: false, others: false };

  constructor(readonly lan: MemoryLan, readonly host: string) {}

  handle(handler: DiscoveryHandler): void {
    this.#handler = handler;
  }

  ask(): void {
    this.lan.say(this.host, (handler) => handler.asked());
  }

  announce(service: Service): void {
    this.lan.say(this.host, (handler) => handler.heard(this.host, service, LIFE_MS));
  }

  goodbye({ instance }: Service): void {
    this.lan.say(this.host, (handler) => handler.gone(this.host, instance));
  }

  close(): Promise<void> {
    this.lan.leave(this);
    this.#handler = null;
    return Promise.resolve();
  }

  hear(from: string, said: Said): void {
    if (this.#handler === null) return;
    if (from === this.host) this.hearing.own = true;
    else this.hearing.others = true;
    said(this.#handler);
  }
}
