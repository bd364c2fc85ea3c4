/** Datagrams without sockets and in virtual time. What happens depends on nothing but the calls. */

import { P2pchatError } from "../base/errors.ts";
import { type Endpoint, endpointText } from "../base/ids.ts";
import type { DatagramHandler, Datagrams } from "./datagrams.ts";
import { VirtualClock } from "./memory_links.ts";

/** What becomes of a datagram: how long each of its copies takes, ms; none: it is lost. */
export type DatagramFate = (from: Endpoint, to: Endpoint, bytes: Uint8Array) => readonly number[];

/** First of the ports that are given to whoever asks for any. */
const FREE_PORT_MIN = 49_152;

/** Programs at endpoints of their own, and what is under way between them. */
export class MemoryDatagramNetwork {
  readonly clock: VirtualClock;
  fate: DatagramFate;
  readonly #programs = new Map<string, MemoryDatagrams>();

  /** `latencyMs`: of each datagram, one way, unless `fate` says otherwise. */
  constructor(
    options: {
      readonly latencyMs?: number;
      readonly clock?: VirtualClock;
      readonly fate?: DatagramFate;
    } = {},
  ) {
    this.clock = options.clock ?? new VirtualClock();
    const { latencyMs = 0 } = options;
    this.fate = options.fate ?? (() => [latencyMs]);
  }

  /**
   * Receives at `local`; port 0 is any free one.
   * @throws {P2pchatError} `port-in-use` where another does.
   */
  open(local: Endpoint): Datagrams {
    return new MemoryDatagrams(this, local);
  }

  /** Takes an endpoint for `program`, and gives it. */
  take(program: MemoryDatagrams, { host, port }: Endpoint): Endpoint {
    let local = { host, port };
    for (let free = FREE_PORT_MIN; local.port === 0; free++) {
      if (!this.#programs.has(endpointText({ host, port: free }))) local = { host, port: free };
    }
    if (this.#programs.has(endpointText(local))) {
      throw new P2pchatError(
        "port-in-use",
        `Cannot listen at port ${port}: another program has it; choose another`,
      );
    }
    this.#programs.set(endpointText(local), program);
    return local;
  }

  release(local: Endpoint): void {
    this.#programs.delete(endpointText(local));
  }

  carry(from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    for (const delayMs of this.fate(from, to, bytes)) {
      this.clock.at(this.clock.nowMs() + delayMs, () => {
        this.#programs.get(endpointText(to))?.receive(from, bytes);
      });
    }
  }
}

class MemoryDatagrams implements Datagrams {
  readonly #network: MemoryDatagramNetwork;
  #local: Endpoint;
  #handler: DatagramHandler | null = null;
  #isTurnDue = false;
  #isClosed = false;

  constructor(network: MemoryDatagramNetwork, local: Endpoint) {
    this.#network = network;
    this.#local = network.take(this, local);
  }

  get local(): Endpoint {
    return this.#local;
  }

  handle(handler: DatagramHandler): void {
    this.#handler = handler;
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    if (!this.#isClosed) this.#network.carry(this.#local, to, bytes);
  }

  listenAt(port: number): void {
    const before = this.#local;
    if (this.#isClosed || port === before.port) return;
    this.#local = this.#network.take(this, { host: before.host, port });
    this.#network.release(before);
  }

  close(): Promise<void> {
    if (!this.#isClosed) this.#network.release(this.#local);
    this.#isClosed = true;
    return Promise.resolve();
  }

  receive(from: Endpoint, bytes: Uint8Array): void {
    if (this.#handler === null || this.#isClosed) return;
    // As from a socket, into a buffer that is used again.
    this.#handler.datagram(from, new Uint8Array(bytes));
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    const { clock } = this.#network;
    clock.at(clock.nowMs(), () => {
      this.#isTurnDue = false;
      if (!this.#isClosed) this.#handler?.turn();
    });
  }
}
