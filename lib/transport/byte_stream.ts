/**
 * Connected byte streams, as used by `ChannelLinks`: what TCP and the in-memory network have in common. They use
 * callbacks instead of promises, so that the in-memory network is deterministic.
 */

import type { Endpoint } from "../base/ids.ts";

/** What a stream reports. Never called from within a call of the stream. */
export interface ByteStreamEvents {
  /** Bytes were received; they may be overwritten after the call. */
  received(bytes: Uint8Array): void;
  /** The write is done, and the next one may follow. */
  written(): void;
  /** The other side sends no more bytes, or the stream broke; `reason` says which, in words. Called once. */
  ended(reason: string): void;
}

export interface ByteStream {
  readonly remote: Endpoint;
  /** This machine's address on the connection; empty where there is none. */
  readonly localHost: string;
  /** Sets the receiver of events; the first call starts reading. */
  handle(events: ByteStreamEvents): void;
  /** Writes `bytes`, which must not change before `written` is called. One write at a time. */
  write(bytes: Uint8Array): void;
  /**
   * Gives the system no more than this at a time, from the next write on, so that its packets are no larger; and after
   * some pieces a pause, as it makes larger packets of what it can't send at once. @param roundTripMs How long it takes
   * until the other side's system has acknowledged a piece.
   */
  writeInPieces?(bytesMax: number, roundTripMs: () => number | null): void;
  /** Pauses or resumes reading, so that the other side experiences back pressure. */
  setReading(reading: boolean): void;
  /** Ends the outgoing direction after what was written. The other side's bytes are still received. */
  finish(): void;
  /** Closes both directions at once. Nothing is reported afterwards. */
  abort(): void;
}

/** A connection attempt in progress. */
export interface StreamAttempt {
  /** What the attempt waits for, in words: `no connection`. */
  readonly missing: string;
  /** Gives up the attempt: neither callback is called any more. */
  cancel(): void;
}

/** A network that makes streams. */
export interface StreamNetwork {
  readonly local: Endpoint;
  /**
   * Connects to `to`. Later, unless cancelled, exactly one of the two callbacks is called; `failed` gets a reason
   * in words.
   */
  connect(
    to: Endpoint,
    connected: (stream: ByteStream) => void,
    failed: (reason: string, isSelf?: boolean) => void,
  ): StreamAttempt;
  /** Reports inbound streams from now on. Called once. */
  accept(accepted: (stream: ByteStream) => void): void;
  /** Stops listening. Existing streams stay. */
  stopListening(): Promise<void>;
  /** Resolves when all of the network's streams are closed and no operation is in progress. */
  allClosed(): Promise<void>;
}

/** Streams that a relay passes on. */
export interface RelayedStreams {
  /**
   * `network` combined with the relayed streams: `connect` to a relayed stream's `remote` yields that stream, and
   * `accept` reports relayed streams, too.
   */
  over(network: StreamNetwork): StreamNetwork;
}
