/**
 * When a bundle waits for something that is missing: is that still to come, or does nobody here have it any more?
 *
 * The judges are all current neighbours; for a newcomer, which missed nothing, only the neighbour that sent the
 * waiting bundle. But that one may have been deceived itself, by liars, and another neighbour may have just come
 * that has all: in the first seconds a newcomer waits until each has said what it has. The bundle waits while a
 * judge hasn't said what it has, or any neighbour can supply what is missing. At least one of the neighbours that
 * can't supply it must have said that it has delivered the waiting bundle: it had what comes before the bundle, or
 * knows that nobody had. Others that have nothing of the stream may not have heard of its author yet; the same holds
 * for the bundle's sender, which may have started again since.
 *
 * A member that wakes, or whose network was gone, is told of its links' ends one after the other: the neighbour whose
 * link ends last, or is back first, isn't all that can be asked. A single one isn't believed for some seconds, unless
 * nobody else is in the room, nor before another one that has come meanwhile has spoken (see `second_source.ts`, on those
 * that join or return).
 *
 * A neighbour that has let go of something never keeps it again. One that has nothing yet may have it the next moment,
 * and the waiting bundle too: its word counts only if it was asked for after the bundle had come.
 *
 * Who says nothing of it is waited for only so long, and longer where most say nothing. What waits for nothing else
 * isn't given up before: its sender, who can't help it, would be blamed, and it would come again and wait anew.
 *
 * A pushed bundle may overtake what comes before it on another branch of the tree. So it waits for a second in any
 * case. A range comes in order, and needs no such second where all neighbours have spoken: what its sender had when
 * it sent its frontiers was delivered there with all that comes before it. What the sender took in since then is
 * treated like a push.
 */

import { dropOldest, dropOldestUnkept, takeOldest } from "../../../base/collections/bounded.ts";
import type { PeerKey } from "../../../base/ids.ts";
import { lastCounter } from "./bundle.ts";
import { lastToBeHad, letGoThrough } from "./frontier_table.ts";
import {
  AWAITED_STREAMS_MAX,
  BEHIND_MS_MAX,
  MOST_MUTE_MS_MAX,
  MUTE_MS_MAX,
  NEARING_MS_MAX,
  NOT_GIVEN_SOURCES_MAX,
  NOT_GIVEN_STREAMS_MAX,
  OVERTAKING_MS_MAX,
  SECOND_SOURCE_MS_MAX,
  STATEMENT_MS_MAX,
  STATEMENTS_MAX,
  WAITING_MS_MAX,
} from "../schema/limits.ts";
import type { SyncEntry } from "../schema/messages.ts";
import type { OrderInput } from "./order_io.ts";
import { type Stream, type StreamKey, streamKey } from "../schema/structures.ts";
import type { Blocker, WaitingBundle } from "./waiting_pool.ts";

type StreamBlocker = Exclude<Blocker, { kind: "claim" | "floor" }>;

/** `floor`: a room time; nothing that nobody keeps any more is later. */
type GapVerdict =
  | { readonly kind: "wait" }
  /**
   * A judge hasn't said whether it can supply it; `likely`: nobody can, since one has said that it can't. `isHeld`: but
   * for those that say nothing, all is said.
   */
  | { readonly kind: "ask"; readonly likely: boolean; readonly isHeld: boolean }
  /** The stream's own author signed what comes after, or no neighbour keeps it any more: move on to `counter`. */
  | { readonly kind: "skip"; readonly counter: number; readonly floor: number }
  /** Only another author named it, which doesn't prove that it ever existed: deliver without it. */
  | { readonly kind: "waive"; readonly floor: number };

type NotGiven = Extract<OrderInput, { readonly type: "not-given" }>;

type PassedOver = Extract<OrderInput, { readonly type: "passed-over" }>;

/**
 * The part of a stream that a peer says to have and doesn't give: after the last counter that it gave, up to the one
 * that it announced, and up to this room time. Unless `isOver`, it may still give it.
 */
interface Void {
  readonly after: number;
  readonly counter: number;
  readonly throughTime: number;
  readonly isOver: boolean;
}

/** By neighbour, since when its answer is missing; and when something last waited for one. */
interface Silence {
  readonly sinceMs: Map<PeerKey, number>;
  readonly lastMs: number;
}

export class Gaps {
  readonly #statements = new Statements();
  /**
   * What a peer says to have and doesn't give: until our frontier is there, the peer isn't believed. This outlives
   * links, as a peer that was caught at it may come back.
   */
  readonly #notGiven: StreamNotes<Void>;
  /** What a peer says to have, but has no longer and never will have again. */
  readonly #passedOver: StreamNotes<Pick<PassedOver, "after" | "before">>;
  #neighbours: readonly PeerKey[] = [];
  /** When we last had only one neighbour left, or the first one again. */
  #singleAtMs = -Infinity;
  /** By stream that something waits for, the latest looked at last, who says nothing of it. */
  readonly #silent = new Map<StreamKey, Silence>();

  /**
   * @param mayBeOthers Whether there are members besides us and our neighbours, as far as is known.
   * @param isAwaited Whether something waits for this stream.
   */
  constructor(
    public newcomer: boolean,
    private readonly mayBeOthers: () => boolean,
    isAwaited: (stream: StreamKey) => boolean,
  ) {
    this.#notGiven = new StreamNotes(isAwaited);
    this.#passedOver = new StreamNotes(isAwaited);
  }

  setNeighbours(peers: readonly PeerKey[], nowMs: number): void {
    this.#neighbours = peers;
    // Half of the time at most: else one that comes and goes all the time could hold up all that waits.
    const isOver = nowMs - this.#singleAtMs >= 2 * SECOND_SOURCE_MS_MAX;
    if (peers.length === 1 && isOver) this.#singleAtMs = nowMs;
  }

  note(
    from: PeerKey,
    entries: readonly SyncEntry[],
    floor: number,
    askedMs: number,
    nowMs: number,
  ): void {
    this.#statements.spoke(from, floor);
    for (const entry of entries) {
      // Who only asks, or speaks of something else, could do so all the time, and hold up a room by it.
      if (askedMs > -Infinity) this.#silent.get(streamKey(entry))?.sinceMs.delete(from);
      this.#statements.note(from, entry, askedMs, nowMs);
    }
  }

  notGiven({ from, stream, given, counter, throughTime, isOver }: NotGiven): void {
    const before = this.#notGiven.get(stream, from);
    if (!isOver && before?.isOver && before.counter >= counter) return; // the earlier one says more
    const after = Math.max(given, before?.after ?? 0);
    this.#notGiven.set(stream, from, { after, counter, throughTime, isOver });
  }

  passedOver({ from, stream, after, before }: PassedOver): void {
    this.#passedOver.set(stream, from, { after, before });
  }

  peerDown(peer: PeerKey): void {
    for (const { sinceMs } of this.#silent.values()) sinceMs.delete(peer);
    this.#statements.peerDown(peer);
  }

  /** Whether the bundle's sender has said that it can't supply what comes before: it skipped that itself. */
  isExcused(waiting: WaitingBundle, { stream, counter }: StreamBlocker, frontier: number): boolean {
    const { from, arrivedMs } = waiting;
    return this.#hasDelivered(from, waiting) &&
      this.#statements.supply(stream, from, frontier + 1, counter, arrivedMs) === "cannot";
  }

  /**
   * @param frontier Our frontier of the stream for which the bundle waits.
   * @param isNextHere Whether the next bundle of that stream is here, and waits too.
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
    // In another author's stream anything helps that leads on to the named bundle; but not the next one if it is here
    // and leads nowhere: it may answer the very bundle that waits, which has named one that doesn't exist.
    const last = blocker.kind === "previous" ? frontier + 1 : counter;
    const first = isNextHere ? last : frontier + 1;
    const isPassedOver = (peer: PeerKey) => this.#isPassedOver(stream, peer, first, last);
    // A neighbour that hasn't come so far may still do so: where others have let go of it, or passed over it, that
    // neighbour has to speak again before they are believed.
    const isLetGo = this.#neighbours.some((peer) =>
      this.#letGoThrough(stream, peer, last) > 0 || isPassedOver(peer)
    );
    const freshMs = waiting.arrivedMs + (isLetGo ? BEHIND_MS_MAX : 0);
    // Over a slow line a neighbour gets there step by step, be it by what all wait for.
    const mayNear = nowMs - Math.max(waiting.arrivedMs, waiting.heldMs) < WAITING_MS_MAX;
    const isNearing = (peer: PeerKey) =>
      mayNear && this.#statements.isNearing(stream, peer, first, nowMs - NEARING_MS_MAX);
    const saidBy = (peer: PeerKey) => this.#statements.supply(stream, peer, first, last, freshMs);
    const goneOn = this.#neighbours.filter((peer) =>
      this.#hasDelivered(peer, waiting) && saidBy(peer) === "cannot"
    );
    // What another author names may never have existed: a peer that says that it has it, and doesn't give it, hasn't.
    // What its own author has signed the next of did exist, and would be lost: so one must have gone on without it, and
    // while it may still come, more than say that they have it.
    const claiming = this.#neighbours.filter((peer) => saidBy(peer) === "can");
    const supplyOf = (peer: PeerKey) => {
      const said = saidBy(peer);
      if (said !== "can") return isNearing(peer) ? "unknown" : said;
      const isVoid = this.#isVoid(peer, blocker, frontier, goneOn.length, claiming.length);
      return isVoid || isPassedOver(peer) ? "cannot" : said;
    };
    const isAnywhere = this.#neighbours.some((peer) => supplyOf(peer) === "can");
    if (isAnywhere) return { kind: "wait" };
    // One that isn't believed doesn't say how far others have let go of it.
    const isBelieved = saidBy(waiting.from) !== "can";
    const judges = this.newcomer && isBelieved ? [waiting.from] : this.#neighbours;
    const isWitnessed = this.#neighbours.some((peer) =>
      this.#hasDelivered(peer, waiting) && supplyOf(peer) === "cannot"
    );
    let unknown = early || judges.length === 0 || !isWitnessed || this.#mayOthersSpeak(nowMs) ||
      this.newcomer && this.#mayOthersSpeakOf(stream, nowMs);
    let likely = false;
    const silent: PeerKey[] = [];
    let goOn = counter;
    let floor = 0;
    for (const judge of judges) {
      const supply = supplyOf(judge);
      if (supply === "can") return { kind: "wait" };
      if (isNearing(judge)) unknown = true;
      else if (supply === "unknown") silent.push(judge);
      const letGo = this.#letGoThrough(stream, judge, frontier + 1);
      // A floor that is too high makes nobody miss anything (see `causal_floor.ts`), one that is too low might: a judge
      // that has delivered the bundle, and can't supply what comes before, went on without that itself.
      if (letGo > 0 || this.#hasDelivered(judge, waiting)) {
        floor = Math.max(floor, this.#statements.floorOf(judge));
      }
      if (letGo === 0) continue;
      goOn = Math.min(goOn, letGo);
      likely = true;
    }
    const areMost = !this.newcomer && 2 * silent.length > judges.length;
    const silentMsMax = areMost ? MOST_MUTE_MS_MAX : MUTE_MS_MAX;
    const isHeld = silent.length > 0 && this.#silentMs(silent, stream, nowMs) < silentMsMax;
    if (unknown || isHeld) return { kind: "ask", likely, isHeld: !unknown };
    if (blocker.kind === "previous") return { kind: "skip", counter: goOn, floor };
    // A member that isn't a neighbour may still keep it, and bring it later. Where all neighbours have let go of it, it
    // is skipped: a question must not come after its answer.
    const isGone = !this.newcomer &&
      judges.every((judge) => this.#letGoThrough(stream, judge, counter) > 0);
    return isGone ? { kind: "skip", counter, floor } : { kind: "waive", floor };
  }

  /** Whether a neighbour hasn't spoken of `stream`, and may do so within the seconds in which the first ones come. */
  #mayOthersSpeakOf(stream: Stream, nowMs: number): boolean {
    return nowMs - this.#singleAtMs < SECOND_SOURCE_MS_MAX &&
      this.#neighbours.some((peer) => this.#statements.entry(stream, peer) === null);
  }

  /** Whether only one neighbour has spoken, and others, which are linked or may come, may do so within seconds. */
  #mayOthersSpeak(nowMs: number): boolean {
    const unheard = this.#neighbours.filter((peer) => !this.#statements.hasSpoken(peer)).length;
    return this.#neighbours.length - unheard <= 1 &&
      nowMs - this.#singleAtMs < SECOND_SOURCE_MS_MAX &&
      (unheard > 0 || this.mayBeOthers());
  }

  /** For how long each of these neighbours has said nothing of `stream` although something waits for that. */
  #silentMs(silent: readonly PeerKey[], stream: Stream, nowMs: number): number {
    const key = streamKey(stream);
    const before = this.#silent.get(key);
    const goesOn = before !== undefined && nowMs - before.lastMs < STATEMENT_MS_MAX;
    const sinceMs = goesOn ? before.sinceMs : new Map<PeerKey, number>();
    for (const peer of silent) if (!sinceMs.has(peer)) sinceMs.set(peer, nowMs);
    this.#silent.delete(key);
    this.#silent.set(key, { sinceMs, lastMs: nowMs });
    dropOldest(this.#silent, AWAITED_STREAMS_MAX);
    return nowMs - Math.max(...silent.map((peer) => sinceMs.get(peer)!));
  }

  /** A room time: nothing that all neighbours have let go of is later. */
  floor(): number {
    return Math.max(...this.#neighbours.map((peer) => this.#statements.floorOf(peer)));
  }

  /**
   * Whether all neighbours have the frontier of `entry`, and none keeps anything between `frontier` and it. What they
   * delivered and didn't keep, being too old, may still be on its way here: so this must have been so for 10 s.
   */
  agreed(entry: SyncEntry, frontier: number, nowMs: number): boolean {
    const stableMs = this.newcomer ? 0 : STATEMENT_MS_MAX;
    return lastToBeHad(entry) <= frontier && this.#neighbours.length > 0 &&
      !this.#mayOthersSpeak(nowMs) &&
      this.#neighbours.every((peer) =>
        this.#statements.standsAt(entry, frontier, peer, nowMs, stableMs)
      );
  }

  #isVoid(peer: PeerKey, blocker: StreamBlocker, frontier: number, goneOn: number, having: number) {
    const found = this.#notGiven.get(blocker.stream, peer);
    if (found === undefined || found.counter <= frontier) return false;
    // On a slow line it may still come: so it is waited for as long as no neighbour went on without it.
    const most = blocker.kind === "head" ? 0 : having;
    if (!found.isOver && (frontier > found.after || goneOn <= most)) return false;
    const isSaid = blocker.kind === "head" ? blocker.head.time <= found.throughTime : goneOn > 0;
    return isSaid && blocker.counter > found.after;
  }

  /** Whether `peer` has shown that it has none of these counters, both included, whatever it says. */
  #isPassedOver(stream: Stream, peer: PeerKey, first: number, last: number): boolean {
    const found = this.#passedOver.get(stream, peer);
    return found !== undefined && first > found.after && last < found.before;
  }

  /** How far, from `counter` on, `peer` keeps nothing of what it has delivered; 0 where it hasn't said so. */
  #letGoThrough(stream: Stream, peer: PeerKey, counter: number): number {
    const entry = this.#statements.entry(stream, peer);
    return entry === null ? 0 : letGoThrough(entry, counter);
  }

  /** Whether `peer` had delivered the bundle when it sent its latest frontiers. */
  #hasDelivered(peer: PeerKey, { bundle }: WaitingBundle): boolean {
    const header = bundle.header.value;
    const told = this.#statements.entry(header, peer)?.counter ?? 0;
    return lastCounter(header) <= told;
  }
}

/**
 * What was found out about peers, by stream: the latest notes, and all of streams that something waits for. A liar can
 * have thousands of others noted at once, before what waits is looked at again; and what was forgotten of it would be
 * waited for anew.
 */
class StreamNotes<Noted> {
  readonly #byStream = new Map<StreamKey, Map<PeerKey, Noted>>();

  constructor(private readonly isAwaited: (stream: StreamKey) => boolean) {}

  get(stream: Stream, from: PeerKey): Noted | undefined {
    return this.#byStream.get(streamKey(stream))?.get(from);
  }

  set(stream: Stream, from: PeerKey, noted: Noted): void {
    const key = streamKey(stream);
    const notes = this.#byStream.get(key) ?? new Map<PeerKey, Noted>();
    notes.delete(from);
    notes.set(from, noted);
    dropOldest(notes, NOT_GIVEN_SOURCES_MAX);
    this.#byStream.delete(key);
    this.#byStream.set(key, notes);
    dropOldestUnkept(this.#byStream, NOT_GIVEN_STREAMS_MAX, this.isAwaited, () => {});
  }
}

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

/**
 * What the neighbours say they can supply of a stream: from it follows which gaps nobody can fill.
 *
 * A neighbour that no longer keeps something never keeps it again, so that statement holds for as long as
 * the neighbour does. One that has nothing yet may have it the next moment: how long that statement is
 * worth something is for the caller to say.
 */
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
