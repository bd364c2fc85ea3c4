/** Datagrams between hosts: lost, delayed, duplicated and reordered. */

import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import type { Network } from "../network.ts";
import type { Random } from "../random.ts";
import type { VirtualTime } from "../virtual_time.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/schema/messages.ts";
import { Amplification } from "./amplification.ts";

export interface DatagramRates {
  readonly loss: number;
  readonly repeat: number;
  readonly delayMs: number;
}

interface Receiver {
  readonly host: number;
  /** `isRepeated`: it was accepted before. @returns Whether it is accepted: the program isn't stalled. */
  datagram(from: Endpoint, bytes: Uint8Array, isRepeated: boolean): boolean;
}

/** A datagram that an attacker on the path has seen. */
export interface SeenDatagram {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
}

const SEEN_MAX = 100;

export class SimDatagrams {
  readonly #receivers = new Map<string, Receiver>();
  readonly #amplification = new Amplification();
  /** The receiver that has accepted each datagram, to recognize duplicates. */
  readonly #takenBy = new WeakMap<Uint8Array, Receiver>();
  /** The latest datagrams. */
  readonly seen: SeenDatagram[] = [];

  /**
   * @param directory Its endpoint. @param isLying Whether the directory lies now, so that its datagrams aren't
   * checked.
   */
  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly network: Network<DirectoryMessage>,
    readonly rates: DatagramRates,
    readonly directory: Endpoint,
    readonly isLying: () => boolean,
  ) {}

  listen(endpoint: Endpoint, receiver: Receiver): void {
    this.#receivers.set(endpointText(endpoint), receiver);
  }

  unlisten(endpoint: Endpoint): void {
    this.#receivers.delete(endpointText(endpoint));
  }

  /** @param host The sending host; `from` may be the address of another one. */
  send(host: number, from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const { random, rates } = this;
    this.seen.push({ from, to, bytes });
    if (this.seen.length > SEEN_MAX) this.seen.shift();
    const isGenuine = this.#receivers.get(endpointText(from))?.host === host;
    if (isGenuine && this.#isDirectory(from) && !this.isLying()) {
      this.#amplification.fromDirectory(to, bytes);
    }
    if (isGenuine) this.#amplification.sends(from, bytes);
    const copies = random.chance(rates.loss) ? 0 : random.chance(rates.repeat) ? 2 : 1;
    for (let n = 0; n < copies; n++) {
      const late = random.chance(0.05) ? 20 : 1;
      this.time.after(rates.delayMs + random.exponential(rates.delayMs * late + 0.1), () => {
        const receiver = this.#receivers.get(endpointText(to));
        if (receiver === undefined || this.network.isCut(host, receiver.host)) return;
        if (this.#isDirectory(to)) this.#amplification.toDirectory(from, bytes);
        this.#amplification.arrived(to, bytes);
        const isRepeated = this.#takenBy.get(bytes) === receiver;
        if (receiver.datagram(from, bytes, isRepeated)) this.#takenBy.set(bytes, receiver);
      });
    }
  }

  #isDirectory(endpoint: Endpoint): boolean {
    return endpointText(endpoint) === endpointText(this.directory);
  }
}
