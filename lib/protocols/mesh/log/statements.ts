/**
 * What the neighbours say they can supply of a stream: from it follows which gaps nobody can fill.
 *
 * A neighbour that no longer keeps something never keeps it again, so that statement holds for as long as
 * the neighbour does. One that has nothing yet may have it the next moment: how long that statement is
 * worth something is for the caller to say.
 */

import { takeOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { lastToBeHad, letGoThrough } from "./frontier_table.ts";
import { STATEMENTS_MAX } from "../schema/limits.ts";
import type { SyncEntry } from "../schema/messages.ts";
import { type Stream, type StreamKey, streamKey } from "../schema/author_stream.ts";

interface Statement {
  readonly entry: SyncEntry;
  /** The neighbour said so at this time, or later. */
  readonly atMs: number;
  /** Since when it has said the same. */
  readonly sinceMs: number;
  /** When it last said that it had come further; -Infinity for never. */
  readonly movedMs: number;
}

/** Whether a neighbour can supply a counter; `unknown`: it hasn't said, or too long ago. */
export type Supply = "can" | "cannot" | "unknown";

export class Statements {
  /** By neighbour, the oldest statements first; at most `max` in all. */
  readonly #byPeer = new Map<PeerKey, Map<StreamKey, Statement>>();
  #count = 0;
  /** Neighbours that have spoken, each with the room time above which it keeps all that it delivered. */
  readonly #speakers = new Map<PeerKey, number>();

  constructor(readonly max = STATEMENTS_MAX) {}

  /** @param askedMs When it was asked; -Infinity where it spoke unasked, or in answer to what isn't known. */
  note(from: PeerKey, entry: SyncEntry, askedMs: number, nowMs: number): void {
    const key = streamKey(entry);
    const statements = this.#byPeer.get(from) ?? new Map<StreamKey, Statement>();
    this.#byPeer.set(from, statements);
    const before = statements.get(key);
    const same = before?.entry.counter === entry.counter && before.entry.id === entry.id;
    // What it says now is later than what it said before.
    const atMs = Math.max(askedMs, before?.atMs ?? -Infinity);
    const hasMoved = before !== undefined && entry.counter > before.entry.counter;
    const movedMs = hasMoved ? nowMs : before?.movedMs ?? -Infinity;
    statements.delete(key);
    statements.set(key, { entry, atMs, sinceMs: same ? before.sinceMs : nowMs, movedMs });
    if (before === undefined && ++this.#count > this.max) this.#dropOne();
  }

  /** Drops one of the neighbour that has most: one that states things without end displaces only its own. */
  #dropOne(): void {
    let most: Map<StreamKey, Statement> | null = null;
    for (const statements of this.#byPeer.values()) {
      if (most === null || statements.size > most.size) most = statements;
    }
    takeOldest(most!);
    this.#count--;
  }

  /** Notes that `from` has spoken, of no stream perhaps. */
  spoke(from: PeerKey, floor: number): void {
    this.#speakers.set(from, floor);
  }

  floorOf(peer: PeerKey): number {
    return this.#speakers.get(peer) ?? 0;
  }

  hasSpoken(peer: PeerKey): boolean {
    return this.#speakers.has(peer);
  }

  entry(stream: Stream, peer: PeerKey): SyncEntry | null {
    return this.#byPeer.get(peer)?.get(streamKey(stream))?.entry ?? null;
  }

  /** Whether `peer` has had the frontier of `entry` for `stableMs`, as it says, and keeps nothing beyond `frontier`. */
  standsAt(
    entry: SyncEntry,
    frontier: number,
    peer: PeerKey,
    nowMs: number,
    stableMs: number,
  ): boolean {
    const statement = this.#byPeer.get(peer)?.get(streamKey(entry));
    if (statement === undefined || nowMs - statement.sinceMs < stableMs) return false;
    const { counter, id } = statement.entry;
    return counter === entry.counter && id === entry.id &&
      lastToBeHad(statement.entry) <= frontier;
  }

  /**
   * Whether `peer` can supply something of `stream` within these counters, both included.
   * @param freshMs That it has nothing yet must have been asked at this time or later.
   */
  supply(stream: Stream, peer: PeerKey, first: number, last: number, freshMs: number): Supply {
    const statement = this.#byPeer.get(peer)?.get(streamKey(stream));
    if (statement === undefined) return "unknown";
    const { entry } = statement;
    if (entry.low <= last && lastToBeHad(entry) >= first) return "can";
    if (letGoThrough(entry, last) > 0) return "cannot";
    return statement.atMs >= freshMs ? "cannot" : "unknown";
  }

  /** Whether `peer` has come nearer to this counter since `fromMs`, and isn't there yet. */
  isNearing(stream: Stream, peer: PeerKey, counter: number, fromMs: number): boolean {
    const statement = this.#byPeer.get(peer)?.get(streamKey(stream));
    return statement !== undefined && statement.entry.counter < counter &&
      statement.movedMs >= fromMs;
  }

  peerDown(peer: PeerKey): void {
    this.#speakers.delete(peer);
    this.#count -= this.#byPeer.get(peer)?.size ?? 0;
    this.#byPeer.delete(peer);
  }
}
