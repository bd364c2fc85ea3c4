/**
 * When something is missing: is it still to come, or does nobody here have it any more?
 *
 * The judges are all current neighbours; for a newcomer, which missed nothing, whoever sent the bundle that
 * waits. While one of them can supply something, or hasn't said, one waits.
 */

import type { PeerKey } from "../../base/ids.ts";
import type { SyncEntry } from "./messages.ts";
import { Statements, type Supply } from "./statements.ts";
import type { Stream } from "./stream.ts";
import type { Blocker, WaitingBundle } from "./waiting.ts";

export type GapVerdict =
  | { readonly kind: "wait" }
  /** Somebody hasn't said whether it can supply it; `likely` nobody can: one has said so. */
  | { readonly kind: "ask"; readonly likely: boolean }
  /** The stream's own author signed what comes after: go on at `counter`. */
  | { readonly kind: "skip"; readonly counter: number }
  /** Another author named it: deliver without it. */
  | { readonly kind: "waive" };

export class Gaps {
  readonly #statements = new Statements();
  #neighbours: readonly PeerKey[] = [];

  constructor(public newcomer: boolean) {}

  set neighbours(peers: readonly PeerKey[]) {
    this.#neighbours = peers;
  }

  note(from: PeerKey, entries: readonly SyncEntry[], nowMs: number): void {
    this.#statements.spoke(from);
    for (const entry of entries) this.#statements.note(from, entry, nowMs);
  }

  moved(stream: Stream): void {
    this.#statements.clear(stream);
  }

  peerDown(peer: PeerKey): void {
    this.#statements.peerDown(peer);
  }

  postpone(delayMs: number): void {
    this.#statements.postpone(delayMs);
  }

  /** @param frontier Of the stream that the bundle waits for. */
  verdict(
    waiting: WaitingBundle,
    blocker: Exclude<Blocker, { kind: "claim" }>,
    frontier: number,
    nowMs: number,
  ): GapVerdict {
    const judges = this.newcomer ? [waiting.from] : this.#neighbours;
    const { stream, counter } = blocker;
    // Of another author's stream anything helps that leads on to what was named.
    const last = blocker.kind === "previous" ? frontier + 1 : counter;
    let unknown = judges.length === 0;
    let likely = false;
    let goOn = counter;
    for (const judge of judges) {
      const supply = this.#supply(stream, judge, frontier + 1, last, nowMs);
      if (supply === "can") return { kind: "wait" };
      if (supply === "unknown") unknown = true;
      const low = this.#statements.entry(stream, judge)?.low ?? 0;
      if (low <= frontier + 1) continue;
      goOn = Math.min(goOn, low - 1);
      likely = true;
    }
    if (unknown) return { kind: "ask", likely };
    return blocker.kind === "previous" ? { kind: "skip", counter: goOn } : { kind: "waive" };
  }

  /** Whether all neighbours stand where `entry` does, and none keeps anything of the way there. */
  agreed(entry: SyncEntry): boolean {
    if (entry.low <= entry.counter) return false;
    return this.#neighbours.every((peer) => {
      const other = this.#statements.entry(entry, peer);
      return other !== null && other.counter === entry.counter && other.id === entry.id &&
        other.low > other.counter;
    });
  }

  #supply(stream: Stream, judge: PeerKey, first: number, last: number, nowMs: number): Supply {
    const supply = this.#statements.supply(stream, judge, first, last, nowMs);
    // A newcomer was told of every stream that there is.
    const silent = this.newcomer && this.#statements.hasSpoken(judge) &&
      this.#statements.entry(stream, judge) === null;
    return silent ? "cannot" : supply;
  }
}
