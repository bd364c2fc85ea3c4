/**
 * Relayed streams for links that are opened before it is known whether there will be any: `RelayNetwork` is loaded with
 * the first of them, as most programs have none.
 */

import { isRelayed } from "../../base/ids.ts";
import type { ByteStream, RelayedStreams, StreamNetwork } from "../byte_stream.ts";

export class LateRelays implements RelayedStreams {
  #network: StreamNetwork | null = null;
  #accepted: ((stream: ByteStream) => void) | null = null;
  /** The relayed streams alone, once there may be any. */
  #relayed: StreamNetwork | null = null;

  over(network: StreamNetwork): StreamNetwork {
    this.#network = network;
    return {
      get local() {
        return network.local;
      },
      // Without relayed streams nobody has an address of one.
      connect: (to, connected, failed) =>
        (isRelayed(to) ? this.#relayed ?? network : network).connect(
          to,
          connected,
          failed,
        ),
      accept: (accepted) => {
        this.#accepted = accepted;
        network.accept(accepted);
      },
      stopListening: () => network.stopListening(),
      allClosed: () => network.allClosed(),
    };
  }

  /** There are relayed streams from now on. */
  use(relays: RelayedStreams): void {
    const network = this.#network!;
    this.#relayed = relays.over({
      ...network,
      connect: (...args) => network.connect(...args),
      accept: () => {}, // the network's own streams are accepted already
    });
    this.#relayed.accept((stream) => this.#accepted?.(stream));
  }
}
