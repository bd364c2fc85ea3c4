/** Datagrams between hosts: lost, late, twice, in any order. */

import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import type { Network } from "../network.ts";
import type { Random } from "../random.ts";
import type { VirtualTime } from "../virtual_time.ts";
import type { DirectoryMessage } from "../../../lib/protocols/directory/messages.ts";

export interface DatagramRates {
  readonly loss: number;
  readonly repeat: number;
  readonly delayMs: number;
}

interface Receiver {
  readonly host: number;
  /** `isRepeated`: the same one was taken before. @returns Whether it is taken: nobody is stopped. */
  datagram(from: Endpoint, bytes: Uint8Array, isRepeated: boolean): boolean;
}

export class SimDatagrams {
  readonly #receivers = new Map<string, Receiver>();

  constructor(
    readonly time: VirtualTime,
    readonly random: Random,
    readonly network: Network<DirectoryMessage>,
    readonly rates: DatagramRates,
  ) {}

  listen(endpoint: Endpoint, receiver: Receiver): void {
    this.#receivers.set(endpointText(endpoint), receiver);
  }

  unlisten(endpoint: Endpoint): void {
    this.#receivers.delete(endpointText(endpoint));
  }

  send(host: number, from: Endpoint, to: Endpoint, bytes: Uint8Array): void {
    const { random, rates } = this;
    const copies = random.chance(rates.loss) ? 0 : random.chance(rates.repeat) ? 2 : 1;
    let first: Receiver | null = null;
    for (let n = 0; n < copies; n++) {
      const late = random.chance(0.05) ? 20 : 1;
      this.time.after(rates.delayMs + random.exponential(rates.delayMs * late + 0.1), () => {
        const receiver = this.#receivers.get(endpointText(to));
        if (receiver === undefined || this.network.isCut(host, receiver.host)) return;
        if (receiver.datagram(from, bytes, first === receiver)) first = receiver;
      });
    }
  }
}
