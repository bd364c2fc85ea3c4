/**
 * Whether to believe that something isn't kept any more, as long as only one neighbour has spoken: on a liar's word we
 * would go on without the history for good. That can't be undone when somebody else has it: what follows would have
 * been shown without it, and at or below a frontier nothing is ever shown again, not even after a crash.
 *
 * So what that neighbour says is held until another one has spoken, where others are known to be in the room, for some
 * seconds at most: they may all be out of reach. So is what its ranges pass over, which says the same. A neighbour that
 * keeps something older doesn't count as another: it hasn't come so far itself. Bundles that arrive meanwhile are taken
 * in, and wait.
 */

import type { PeerKey } from "../../../base/ids.ts";
import { dropOldest } from "../../../base/collections/bounded.ts";
import { lastToBeHad, letGoThrough } from "../log/frontier_table.ts";
import type { AntiEntropyEffect } from "./anti_entropy_io.ts";
import {
  SECOND_SOURCE_LOOK_MS,
  SECOND_SOURCE_MS_MAX,
  WAITING_BUNDLES_MAX,
} from "../schema/limits.ts";
import { type StreamKey, streamKey } from "../schema/structures.ts";

type Spoken = Extract<AntiEntropyEffect, { readonly type: "not-kept" }>;
type PassedOver = Extract<AntiEntropyEffect, { readonly type: "passed-over" }>;
/** What was spoken about: the whole room, or some streams in which something is missing here. */
type About = "room" | "gaps";

export class SecondSource {
  readonly #sources = new Set<PeerKey>(); // two at most
  /** The latest of each kind that is held: an answer about gaps doesn't replace what a whole round has said. */
  readonly #held = new Map<About, Spoken>();
  /** What ranges passed over, held too. */
  readonly #passedOver = new Map<StreamKey, PassedOver>();
  #lookMs = Infinity;
  #untilMs = Infinity;

  /** @param mayBeOthers Whether there are members besides us and our neighbours, as far as is known. */
  constructor(private readonly mayBeOthers: () => boolean) {}

  /**
   * A neighbour has spoken.
   * @param about What it has spoken about.
   * @param isDoubtful Whether it says that it no longer keeps something that isn't here.
   * @returns The statements that are believed from now on, in this order.
   */
  hear(
    spoken: Spoken,
    about: About,
    isDoubtful: boolean,
    nowMs: number,
  ): readonly (Spoken | PassedOver)[] {
    const isOfOneBehind = this.#held.values().some((held) => isBehind(spoken, held));
    if (nowMs < this.#untilMs && isOfOneBehind) return [spoken];
    if (this.#sources.size < 2) this.#sources.add(spoken.from);
    // The second neighbour may supply what the first one says that nobody keeps: so it is heard first.
    if (this.#sources.size > 1) return [spoken, ...this.#take()];
    if (!(isDoubtful || this.isAwaited) || !this.#holds(nowMs)) return [spoken];
    this.#held.set(about, spoken);
    return [];
  }

  /**
   * A range began later than it was asked for, so that its sender seems to have nothing before that.
   * @returns What is believed of it at once.
   */
  passedOver(what: PassedOver, nowMs: number): readonly PassedOver[] {
    if (this.#sources.size > 1 || !this.#holds(nowMs)) return [what];
    // Who keeps to its window has half as many on their way here, or waiting here; who doesn't, and has the first ones
    // forgotten, could as well give nothing of these.
    this.#passedOver.set(streamKey(what.stream), what);
    dropOldest(this.#passedOver, WAITING_BUNDLES_MAX);
    return [];
  }

  /** Whether what only one neighbour says is held; it is looked at again then. */
  #holds(nowMs: number): boolean {
    if (nowMs >= this.#untilMs || !this.mayBeOthers()) return false;
    if (this.#untilMs === Infinity) this.#untilMs = nowMs + SECOND_SOURCE_MS_MAX;
    this.#lookMs = Math.min(nowMs + SECOND_SOURCE_LOOK_MS, this.#untilMs);
    return true;
  }

  /** Whether a statement is held. */
  get isAwaited(): boolean {
    return this.#held.size > 0;
  }

  nextMs(): number {
    return this.#lookMs;
  }

  /** @returns The statements that are believed now, since no other source is to be had. */
  due(nowMs: number): readonly (Spoken | PassedOver)[] {
    if (nowMs < this.#lookMs) return [];
    if (nowMs >= this.#untilMs || !this.mayBeOthers()) return this.#take();
    this.#lookMs = Math.min(nowMs + SECOND_SOURCE_LOOK_MS, this.#untilMs);
    return [];
  }

  /** The peer is no neighbour any more: what it said counts no longer. */
  down(peer: PeerKey): void {
    if (this.#sources.size > 1 || !this.#sources.delete(peer)) return;
    this.#take();
    this.#untilMs = Infinity;
  }

  #take(): readonly (Spoken | PassedOver)[] {
    const held = [...this.#held.values(), ...this.#passedOver.values()];
    this.#held.clear();
    this.#passedOver.clear();
    this.#lookMs = Infinity;
    return held;
  }
}

/** Whether the sender of `spoken` keeps the end of a stream from whose continuation on the other has let go. */
function isBehind(spoken: Spoken, other: Spoken): boolean {
  if (spoken.from === other.from) return false;
  const others = new Map(other.entries.map((entry) => [streamKey(entry), entry]));
  return spoken.entries.some((entry) => {
    const theirs = others.get(streamKey(entry));
    const last = lastToBeHad(entry);
    return !entry.closed && last > 0 && theirs !== undefined && letGoThrough(theirs, last + 1) > 0;
  });
}
