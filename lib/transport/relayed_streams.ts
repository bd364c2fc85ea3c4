/**
 * Relayed streams, as the runtime sees them: another peer passes on the bytes of two others. Links run over them as
 * over any other stream, so the relay sees only encrypted bytes. `RelayNetwork` is the adapter.
 *
 * An adapter promises:
 * - No callback is called from within a call.
 * - Bytes are sent only as far as the other side has granted credit, in pieces of bounded size, at a bounded rate.
 */

import type { Endpoint } from "../base/ids.ts";

/** Limits of a relayed stream. */
export interface RelayLimits {
  /** The initial credit of each side, in bytes. */
  readonly creditBytes: number;
  readonly pieceBytesMax: number;
  readonly piecesPerS: number;
}

/** The runtime's callbacks for one stream. No method may throw or block. */
export interface RelayHandler {
  /** Send these bytes to the other side; they belong to the handler. */
  send(bytes: Uint8Array): void;
  /** So many received bytes were read: grant the other side credit for as many. */
  taken(bytes: number): void;
}

export interface Relay {
  /** The address to dial, and the other side's address in `LinkInfo`: dial with this very object. */
  readonly remote: Endpoint;
  /** The other side dials: the bytes that follow begin its handshake. */
  accept(): void;
  /** Bytes arrived from the other side, within the credit granted to it. */
  came(bytes: Uint8Array): void;
  /** The other side has granted credit for so many more bytes. */
  room(bytes: number): void;
  /** The relay passes nothing on any more: the stream's link, or dial, ends at once. */
  close(): void;
  /** Calls `task` when everything written has been sent or given up: at once if it already has. At most one task. */
  whenSent(task: () => void): void;
}

export interface Relays {
  open(limits: RelayLimits, handler: RelayHandler): Relay;
}
