/**
 * Streams through somebody else who passes bytes on, as the runtime sees them: links run over them as over any other
 * stream, so that whoever passes them on sees sealed bytes alone. `RelayNetwork` is the adapter.
 *
 * What an adapter promises:
 * - Nothing is called back from within a call.
 * - No more goes out than there is room for at the other side, in pieces of a bounded size, at a bounded rate.
 */

import type { Endpoint } from "../base/ids.ts";

/** How much may be on the way. */
export interface RelayLimits {
  /** Room at each side to begin with. */
  readonly creditBytes: number;
  readonly pieceBytesMax: number;
  readonly piecesPerS: number;
}

/** The runtime's side of one stream. No method may throw or wait. */
export interface RelayHandler {
  /** These bytes are for the other side; they are the handler's own. */
  send(bytes: Uint8Array): void;
  /** So many of the bytes that came were taken: there is room for as many again. */
  taken(bytes: number): void;
}

export interface Relay {
  /** Dialled, and shown as the link's other side: always this very object. */
  readonly remote: Endpoint;
  /** The other side dials: whatever comes is the beginning of its handshake. */
  accept(): void;
  /** Bytes came from the other side: no more than it was told that there is room for. */
  came(bytes: Uint8Array): void;
  /** There is room for so many more at the other side. */
  room(bytes: number): void;
  /** Nothing is passed on any more: its link, or the dial, ends at once. */
  close(): void;
  /** Calls `task` when all that was written has been sent, or won't be: at once where that is so. One task at most. */
  whenSent(task: () => void): void;
}

export interface Relays {
  open(limits: RelayLimits, handler: RelayHandler): Relay;
}

/** The host of every relayed stream's other side: nobody's address. */
export const RELAY_HOST = "*relay*";
