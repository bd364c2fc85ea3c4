/**
 * Connected byte streams, as `ChannelLinks` uses them: what TCP and the in-memory network have in common.
 * Callbacks, not promises, so that the in-memory one is deterministic.
 */

import type { Endpoint } from "../base/ids.ts";

/** What a stream reports; never from within a call to it. */
export interface ByteStreamEvents {
  /** Bytes came in; they may be overwritten after the call. */
  received(bytes: Uint8Array): void;
  /** The stream takes the next write. */
  written(): void;
  /** No more bytes come in, or the stream broke; `reason` in words. Said once. */
  ended(reason: string): void;
}

export interface ByteStream {
  readonly remote: Endpoint;
  /** The address of this machine under which it runs; empty where there is none. */
  readonly localHost: string;
  /** Says who is told from now on; the first call begins to read. */
  handle(events: ByteStreamEvents): void;
  /** Writes `bytes`, which must not change before `written`. One write at a time. */
  write(bytes: Uint8Array): void;
  /** Stops or resumes reading, so that the other side feels back pressure. */
  setReading(reading: boolean): void;
  /** Ends this direction, after what was written; the other side's bytes still come in. */
  finish(): void;
  /** Closes both directions at once. Nothing is reported afterwards. */
  abort(): void;
}

/** A stream that is being made. */
export interface StreamAttempt {
  /** What hasn't come yet, in words: `no connection`. */
  readonly missing: string;
  /** Gives up: nothing is called any more. */
  cancel(): void;
}

/** How streams come about. */
export interface StreamNetwork {
  readonly local: Endpoint;
  /**
   * Connects. Exactly one of the two is called later, unless it is cancelled. `failed` is given a reason in words.
   */
  connect(
    to: Endpoint,
    connected: (stream: ByteStream) => void,
    failed: (reason: string) => void,
  ): StreamAttempt;
  /** Reports inbound streams from now on. Called once. */
  accept(accepted: (stream: ByteStream) => void): void;
  /**
   * Listens at this port of the same host from now on, and no longer at the one before. Streams go on.
   * @throws {P2pchatError} As where listening begins; all is as it was then.
   */
  listenAt(port: number): void;
  /** Stops listening. Streams go on. */
  stopListening(): Promise<void>;
  /** Resolves once no stream of it is open and nothing is under way any more. */
  allClosed(): Promise<void>;
}

/** Streams that somebody else passes on. */
export interface RelayedStreams {
  /** Both together: where `connect` is given the end of a relayed stream it is that, and `accept` reports them too. */
  over(network: StreamNetwork): StreamNetwork;
}
