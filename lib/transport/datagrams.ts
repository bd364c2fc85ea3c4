/**
 * Datagrams as the runtime sees them. Two adapters pass the same contract (`tests/contracts/datagram_contract.ts`):
 * `UdpDatagrams` and, for tests and simulation, `MemoryDatagramNetwork`.
 *
 * What an adapter promises:
 * - A datagram arrives whole, unchanged and with the address that an answer reaches, or not at all; perhaps twice,
 *   perhaps late.
 * - Nothing is called back from within a call.
 * - `turn` follows whatever came, soon: when nothing more is there to be read, or after so many that somebody else
 *   should have a turn.
 * - Memory is bounded whatever comes in or is sent; what exceeds it counts as lost.
 */

import type { Endpoint } from "../base/ids.ts";

/** The runtime's side of the port. No method may throw or wait. */
export interface DatagramHandler {
  /** `bytes` may be overwritten after the call. */
  datagram(from: Endpoint, bytes: Uint8Array): void;
  /** What came together has been given: now is the time to answer. */
  turn(): void;
}

export interface Datagrams {
  /** Where it receives; `host` as it was asked for, `port` as it was given. */
  readonly local: Endpoint;
  /** Says who is told; called once, and begins to receive. */
  handle(handler: DatagramHandler): void;
  /** Sends, or loses. `bytes` must not change any more. */
  send(to: Endpoint, bytes: Uint8Array): void;
  /**
   * Receives at this port of the same host from now on, and no longer at the one before.
   * @throws {P2pchatError} `port-in-use` or `unreachable`; all is as it was then.
   */
  listenAt(port: number): void;
  /** What waits is sent. Then nothing is called back any more, and the port is free. */
  close(): Promise<void>;
}
