/**
 * When something is missing: is it still to come, or does nobody here have it any more?
 *
 * The judges are all current neighbours; for a newcomer, which missed nothing, whoever sent the bundle that
 * waits. While one of them hasn't said, or any neighbour can supply it, one waits. A neighbour that says it
 * has delivered the bundle must be among those who cannot: it had what comes before it, or knows that
 * nobody had. Others that have nothing of the stream may have heard nothing of its author yet; so may whoever
 * sent it, by now another start of the same member.
 *
 * Who keeps something no longer never keeps it again. Who has nothing yet may have it the next moment, and
 * what waits then too: such a word counts when it was asked for after the bundle had come.
 *
 * What is pushed may overtake what comes before it on another branch of the tree. So a bundle that was
 * pushed waits for a second in any case. A range comes in order, and where all neighbours have spoken it
 * needs no such second: what its sender had when it said how far it is was delivered there with all that
 * comes before it. What it took in since is as good as pushed.
 */

import { dropOldest } from "../../base/bounded.ts";
import type { PeerKey } from "../../base/ids.ts";
import { lastCounter } from "./bundle.ts";
import { lastToBeHad, letGoThrough } from "./frontier.ts";
import {
  BEHIND_MS_MAX,
  NEARING_MS_MAX,
  NOT_GIVEN_SOURCES_MAX,
  OVERTAKING_MS_MAX,
  STATEMENT_MS_MAX,
  WAITING_BUNDLES_MAX,
  WAITING_MS_MAX,
} from "./limits.ts";
import type { SyncEntry } from "./messages.ts";
import type { OrderInput } from "./order_io.ts";
import { Statements } from "./statements.ts";
import { type Stream, type StreamKey, streamKey } from "./stream.ts";
import type { Blocker, WaitingBundle } from "./waiting.ts";

type StreamBlocker = Exclude<Blocker, { kind: "claim" | "floor" }>;
type HeadBlocker = Extract<Blocker, { kind: "head" }>;

/** `floor`: what nobody keeps any more isn't later in room time. */
export type GapVerdict =
  | { readonly kind: "wait" }
  /** Somebody hasn't said whether it can supply it; `likely` nobody can: one has said so. */
  | { readonly kind: "ask"; readonly likely: boolean }
  /** The stream's own author signed what comes after, or no neighbour keeps it any more: go on at `counter`. */
  | { readonly kind: "skip"; readonly counter: number; readonly floor: number }
  /** Another author named it, which alone is no reason to believe that it was ever there: deliver without it. */
  | { readonly kind: "waive"; readonly floor: number };

type NotGiven = Extract<OrderInput, { readonly type: "not-given" }>;

type PassedOver = Extract<OrderInput, { readonly type: "passed-over" }>;

/**
 * Of a stream, what somebody says to have and doesn't give: after what it gave, up to what it said, and up to this room
 * time; or didn't give yet.
 */
interface Void {
  readonly after: number;
  readonly counter: number;
  readonly throughTime: number;
  readonly isOver: boolean;
}

export class Gaps {
  readonly #statements = new Statements();
  /**
   * By who says that it has it and doesn't give it: until we are there it isn't believed. This outlives links: who is
   * caught at it comes back.
   */
  readonly #notGiven = new Map<PeerKey, Map<StreamKey, Void>>();
  /** By who says that it has it, and has it no longer: it never will again. */
  readonly #passedOver = new Map<PeerKey, Map<StreamKey, PassedOver>>();
  #neighbours: readonly PeerKey[] = [];

  constructor(public newcomer: boolean) {}

  set neighbours(peers: readonly PeerKey[]) {
    this.#neighbours = peers;
  }

  note(
    from: PeerKey,
    entries: readonly SyncEntry[],
    floor: number,
    askedMs: number,
    nowMs: number,
  ): void {
    this.#statements.spoke(from, floor);
    for (const entry of entries) this.#statements.note(from, entry, askedMs, nowMs);
  }

  notGiven({ from, stream, given, counter, throughTime, isOver }: NotGiven): void {
    const streams = this.#notGiven.get(from) ?? new Map<StreamKey, Void>();
    const key = streamKey(stream);
    const before = streams.get(key);
    if (!isOver && before?.isOver && before.counter >= counter) return; // that says more
    const after = Math.max(given, before?.after ?? 0);
    remember(this.#notGiven, from, streams.set(key, { after, counter, throughTime, isOver }));
  }

  passedOver(input: PassedOver): void {
    const { from, stream } = input;
    const streams = this.#passedOver.get(from) ?? new Map<StreamKey, PassedOver>();
    remember(this.#passedOver, from, streams.set(streamKey(stream), input));
  }

  peerDown(peer: PeerKey): void {
    this.#statements.peerDown(peer);
  }

  postpone(delayMs: number): void {
    this.#statements.postpone(delayMs);
  }

  /** Whether the one who sent the bundle has said that it can't supply what comes before: it skipped it itself. */
  isExcused(waiting: WaitingBundle, { stream, counter }: StreamBlocker, frontier: number): boolean {
    const { from, arrivedMs } = waiting;
    return this.#hasDelivered(from, waiting) &&
      this.#statements.supply(stream, from, frontier + 1, counter, arrivedMs) === "cannot";
  }

  /**
   * @param frontier Of the stream that the bundle waits for.
   * @param isNextHere Whether what comes next in that stream is here, and waits too.
   */
  verdict(
    waiting: WaitingBundle,
    blocker: StreamBlocker,
    frontier: number,
    isNextHere: boolean,
    nowMs: number,
  ): GapVerdict {
    const { stream, counter } = blocker;
    const ranged = waiting.reason === "range" && this.#hasDelivered(waiting.from, waiting);
    const allSpoke = this.#neighbours.every((peer) => this.#statements.hasSpoken(peer));
    const early = nowMs - waiting.arrivedMs < OVERTAKING_MS_MAX && !(ranged && allSpoke);
    // Of another author's stream anything helps that leads on to what was named; not what is here and leads nowhere,
    // since it answers the very bundle that waits, perhaps, which named what doesn't exist.
    const last = blocker.kind === "previous" ? frontier + 1 : counter;
    const first = isNextHere ? last : frontier + 1;
    // Who hasn't come so far itself may come: where others have let go of it, it is heard again before they are believed.
    const isLetGo = this.#neighbours.some((peer) => this.#letGoThrough(stream, peer, last) > 0);
    const freshMs = waiting.arrivedMs + (isLetGo ? BEHIND_MS_MAX : 0);
    // Over a slow line it gets there step by step, be it by what all wait for.
    const mayNear = nowMs - waiting.arrivedMs < WAITING_MS_MAX;
    const saidBy = (peer: PeerKey) => this.#statements.supply(stream, peer, first, last, freshMs);
    const isGoneOnWithout = () =>
      this.#neighbours.some((peer) =>
        this.#hasDelivered(peer, waiting) && saidBy(peer) === "cannot"
      );
    // What another names may never have been: whoever says that it has it, and doesn't give it, hasn't.
    const supplyOf = (peer: PeerKey) => {
      const said = saidBy(peer);
      if (said === "can") {
        const isVoid = this.#isPassedOver(stream, peer, first, last) ||
          blocker.kind === "head" && this.#isVoid(peer, blocker, frontier, isGoneOnWithout);
        return isVoid ? "cannot" : said;
      }
      const isNearing = mayNear &&
        this.#statements.isNearing(stream, peer, first, nowMs - NEARING_MS_MAX);
      return isNearing ? "unknown" : said;
    };
    const isAnywhere = this.#neighbours.some((peer) => supplyOf(peer) === "can");
    if (isAnywhere) return { kind: "wait" };
    const judges = this.newcomer ? [waiting.from] : this.#neighbours;
    const isWitnessed = this.#neighbours.some((peer) =>
      this.#hasDelivered(peer, waiting) && supplyOf(peer) === "cannot"
    );
    let unknown = early || judges.length === 0 || !isWitnessed;
    let likely = false;
    let goOn = counter;
    let floor = 0;
    for (const judge of judges) {
      const supply = supplyOf(judge);
      if (supply === "can") return { kind: "wait" };
      if (supply === "unknown") unknown = true;
      const letGo = this.#letGoThrough(stream, judge, frontier + 1);
      // A floor that is too high makes nobody miss anything (see `causal_floor.ts`), one that is too low might: who has
      // delivered the bundle and can't supply what comes before went on without that itself.
      if (letGo > 0 || this.#hasDelivered(judge, waiting)) {
        floor = Math.max(floor, this.#statements.floorOf(judge));
      }
      if (letGo === 0) continue;
      goOn = Math.min(goOn, letGo);
      likely = true;
    }
    if (unknown) return { kind: "ask", likely };
    if (blocker.kind === "previous") return { kind: "skip", counter: goOn, floor };
    // Who isn't a neighbour may keep it still, and bring it later: a question doesn't come after its answer.
    const isGone = !this.newcomer &&
      judges.every((judge) => this.#letGoThrough(stream, judge, counter) > 0);
    return isGone ? { kind: "skip", counter, floor } : { kind: "waive", floor };
  }

  /** What all neighbours no longer keep isn't later in room time. */
  floor(): number {
    return Math.max(...this.#neighbours.map((peer) => this.#statements.floorOf(peer)));
  }

  /**
   * Whether all neighbours stand where `entry` does, and none keeps anything of the way there from `frontier`. What was
   * delivered there and not kept, being too old, may still be on its way here: so for 10 s.
   */
  agreed(entry: SyncEntry, frontier: number, nowMs: number): boolean {
    const stableMs = this.newcomer ? 0 : STATEMENT_MS_MAX;
    return lastToBeHad(entry) <= frontier && this.#neighbours.length > 0 &&
      this.#neighbours.every((peer) =>
        this.#statements.standsAt(entry, frontier, peer, nowMs, stableMs)
      );
  }

  #isVoid(
    peer: PeerKey,
    { stream, counter, head }: HeadBlocker,
    frontier: number,
    isGoneOnWithout: () => boolean,
  ): boolean {
    const found = this.#notGiven.get(peer)?.get(streamKey(stream));
    if (found === undefined || found.counter <= frontier) return false;
    // On a slow line it may still come: so it is waited for as long as nobody went on without.
    if (!found.isOver && (frontier > found.after || !isGoneOnWithout())) return false;
    return counter > found.after && head.time <= found.throughTime;
  }

  /** Whether `peer` has shown that it has none of these counters, both included, whatever it says. */
  #isPassedOver(stream: Stream, peer: PeerKey, first: number, last: number): boolean {
    const found = this.#passedOver.get(peer)?.get(streamKey(stream));
    return found !== undefined && first > found.after && last < found.before;
  }

  /** How far, from `counter` on, `peer` keeps nothing of what it has delivered; 0 where it hasn't said so. */
  #letGoThrough(stream: Stream, peer: PeerKey, counter: number): number {
    const entry = this.#statements.entry(stream, peer);
    return entry === null ? 0 : letGoThrough(entry, counter);
  }

  /** Whether `peer` had it already when it said how far it is. */
  #hasDelivered(peer: PeerKey, { bundle }: WaitingBundle): boolean {
    const header = bundle.header.value;
    const told = this.#statements.entry(header, peer)?.counter ?? 0;
    return lastCounter(header) <= told;
  }
}

/** The latest of what was noted: so many streams of so many peers. */
function remember<Noted>(
  all: Map<PeerKey, Map<StreamKey, Noted>>,
  from: PeerKey,
  streams: Map<StreamKey, Noted>,
): void {
  dropOldest(streams, WAITING_BUNDLES_MAX);
  all.delete(from);
  all.set(from, streams);
  dropOldest(all, NOT_GIVEN_SOURCES_MAX);
}
