/**
 * What the neighbours say they can supply of a stream: from it follows which gaps nobody can fill.
 *
 * A neighbour that no longer keeps something never keeps it again, so that statement holds for as long as
 * the neighbour does. One that has nothing yet may have it soon: that statement holds for 10 s.
 */

import type { PeerKey } from "../../base/ids.ts";
import { STATED_STREAMS_MAX, STATEMENT_MS_MAX } from "./limits.ts";
import type { SyncEntry } from "./messages.ts";
import { type Stream, type StreamKey, streamKey } from "./stream.ts";

interface Statement {
  readonly entry: SyncEntry;
  atMs: number;
}

/** Whether a neighbour can supply a counter; `unknown`: it hasn't said, or not lately. */
export type Supply = "can" | "cannot" | "unknown";

export class Statements {
  readonly #byStream = new Map<StreamKey, Map<PeerKey, Statement>>();
  readonly #speakers = new Set<PeerKey>();

  note(from: PeerKey, entry: SyncEntry, nowMs: number): void {
    this.#speakers.add(from);
    const key = streamKey(entry);
    let statements = this.#byStream.get(key);
    if (statements === undefined) {
      if (this.#byStream.size >= STATED_STREAMS_MAX) return;
      this.#byStream.set(key, statements = new Map());
    }
    statements.set(from, { entry, atMs: nowMs });
  }

  /** Notes that `from` has spoken, of no stream perhaps. */
  spoke(from: PeerKey): void {
    this.#speakers.add(from);
  }

  hasSpoken(peer: PeerKey): boolean {
    return this.#speakers.has(peer);
  }

  entry(stream: Stream, peer: PeerKey): SyncEntry | null {
    return this.#byStream.get(streamKey(stream))?.get(peer)?.entry ?? null;
  }

  /** Whether `peer` can supply something of `stream` within these counters, both included. */
  supply(stream: Stream, peer: PeerKey, first: number, last: number, nowMs: number): Supply {
    const statement = this.#byStream.get(streamKey(stream))?.get(peer);
    if (statement === undefined) return "unknown";
    const { low, counter } = statement.entry;
    if (low <= last && counter >= first) return "can";
    if (low > last) return "cannot";
    return nowMs - statement.atMs < STATEMENT_MS_MAX ? "cannot" : "unknown";
  }

  /** The stream has moved: what was said of it is spent. */
  clear(stream: Stream): void {
    this.#byStream.delete(streamKey(stream));
  }

  peerDown(peer: PeerKey): void {
    this.#speakers.delete(peer);
    for (const [key, statements] of this.#byStream) {
      if (statements.delete(peer) && statements.size === 0) this.#byStream.delete(key);
    }
  }

  postpone(delayMs: number): void {
    for (const statements of this.#byStream.values()) {
      for (const statement of statements.values()) statement.atMs += delayMs;
    }
  }
}
