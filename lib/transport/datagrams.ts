/**
 * Datagrams as the runtime sees them. Two adapters pass the same contract (`tests/contracts/datagram_contract.ts`):
 * `UdpDatagrams` and, for tests and simulation, `MemoryDatagramNetwork`.
 *
 * An adapter promises:
 * - A datagram arrives whole, unchanged and with an address to which a reply can be sent, or not at all; perhaps
 *   twice, perhaps late.
 * - No callback is called from within a call.
 * - `turn` follows soon after datagrams have arrived: when no more are there to be read, or after a number of them,
 *   so that replies don't wait for long.
 * - Memory is bounded whatever is received or sent; excess datagrams are lost.
 */

import type { Endpoint } from "../base/ids.ts";

/** The runtime's side of the port. No method may throw or wait. */
export interface DatagramHandler {
  /** A datagram arrived. `bytes` may be overwritten after the call. */
  datagram(from: Endpoint, bytes: Uint8Array): void;
  /** The datagrams that arrived together have been delivered: time to send replies. */
  turn(): void;
}

export interface Datagrams {
  /** The local address; `host` as requested, `port` as assigned. */
  readonly local: Endpoint;
  /** Sets the handler and starts receiving. Called once. */
  handle(handler: DatagramHandler): void;
  /** Sends a datagram, which may be lost. `bytes` must not change any more. */
  send(to: Endpoint, bytes: Uint8Array): void;
  /** Sends what is queued and frees the port. Afterwards no callback is called. */
  close(): Promise<void>;
}
