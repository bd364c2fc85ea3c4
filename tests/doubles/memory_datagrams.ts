/** Datagrams without sockets, in virtual time. The results depend only on the calls. */

import { P2pchatError } from "../../lib/base/errors.ts";
import { type Endpoint, endpointText } from "../../lib/base/ids.ts";
import type { DatagramHandler, Datagrams } from "../../lib/transport/datagrams.ts";
import { VirtualClock } from "./memory_links.ts";

/** The fate of a datagram: for each of its copies the delay in ms. No copy: it is lost. */
export type DatagramFate = (from: Endpoint, to: Endpoint, bytes: Uint8Array) => readonly number[];

/** First of the ports assigned to programs that request port 0. */
const FREE_PORT_MIN = 49_152;

/** Programs at their endpoints, and the datagrams in flight between them. */
export class MemoryDatagramNetwork {
  readonly clock: VirtualClock;
  fate: DatagramFate;
  readonly #programs = new Map<string, MemoryDatagrams>();

  /** `latencyMs`: one-way delay of each datagram, unless `fate` says otherwise. */
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
   * Receives at `local`; port 0 requests any free one.
   * @throws {P2pchatError} `port-in-use` where another program receives there.
   */
  open(local: Endpoint): Datagrams {
    return new MemoryDatagrams(this, local);
  }

  /** Assigns an endpoint to `program` and returns it. */
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
  readonly #local: Endpoint;
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

  close(): Promise<void> {
    if (!this.#isClosed) this.#network.release(this.#local);
    this.#isClosed = true;
    return Promise.resolve();
  }

  receive(from: Endpoint, bytes: Uint8Array): void {
    if (this.#handler === null || this.#isClosed) return;
    // A copy, as a socket reads into a buffer that is reused.
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
