/** The state of broadcast on the link to one neighbour: announcements, promises, and rate limits. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import type { BroadcastConfig } from "./broadcast_io.ts";
import { LINK_MESSAGES_BURST, LINK_MESSAGES_PER_SECOND } from "../schema/limits.ts";
import type { FrontierEntry } from "../schema/messages.ts";
import type { Stream, StreamKey } from "../schema/structures.ts";

/** The share that our senders use of what a receiver allows: two clocks never quite agree. */
const OWN_SHARE = 0.75;
/** Assumed before anything was measured: two hops of a wide-area network. */
const LAG_MS_AT_FIRST = 250;
/** Supplies that wait for room in the data queue, and those that are counted: a neighbour's whole tree. */
const SUPPLIES_MAX = 256;
/**
 * How often a promise is extended: a full data queue takes 35 s at 30 KB a second, and this allows for twice that;
 * then the promised bundle is left to anti-entropy.
 */
const PROMISE_EXTENSIONS_MAX = 20;

/** Something to be announced: a stream's latest bundle. */
interface Announcement {
  readonly entry: FrontierEntry;
  /** The hop at which it would have arrived had it been pushed. */
  readonly hop: number;
}

/** A bundle that the peer announced and was asked for. */
interface OpenPromise {
  readonly stream: Stream;
  readonly counter: number;
  readonly sinceMs: number;
  readonly dueMs: number;
  /** How often its deadline was extended. */
  extensions: number;
}

export class BroadcastLink {
  congested = false;
  /** Set while the peer has to catch up, as something wasn't pushed to it: until when, at the latest. */
  behindUntilMs: number | null = null;
  /** Latest bundle of each stream, in the order in which they were first due; at most `streamsMax`. */
  readonly announcements = new Map<StreamKey, Announcement>();
  /** By stream: counter up to which the peer has everything, by its own word or our push; at most `streamsMax`. */
  readonly #known = new Map<StreamKey, number>();
  /** In the order in which they are due. As many as grafts are sent until the last extension is over. */
  readonly #promises = new Map<StreamKey, OpenPromise>();
  /** Grafts that came while the data queue was full. */
  readonly waitingSupplies = new Map<
    StreamKey,
    { readonly stream: Stream; readonly after: number }
  >();
  readonly #supplied = new Map<StreamKey, { readonly after: number; readonly times: number }>();
  readonly entriesIn: TokenBucket;
  readonly graftsIn: TokenBucket;
  readonly prunesIn: TokenBucket;
  /**
   * A pruned neighbour stops sending duplicates; those of a range that two neighbours have sent come at once. Each bundle
   * that is new to us may come from each of the others, too, pushed and in an answer.
   */
  readonly duplicatesIn = new TokenBucket(LINK_MESSAGES_PER_SECOND, LINK_MESSAGES_BURST);
  readonly entriesOut: TokenBucket;
  readonly graftsOut: TokenBucket;
  readonly prunesOut: TokenBucket;
  /** From the peer's announcement of a bundle to its arrival by another way. */
  #lagMs = LAG_MS_AT_FIRST;
  /** From a graft to the bundle. */
  #replyMs = LAG_MS_AT_FIRST;
  #lastBundleMs = -Infinity;
  #brokenPromises = 0;
  optimisedAtMs = -Infinity;

  constructor(private readonly config: BroadcastConfig) {
    const incoming = (perSecond: number) =>
      new TokenBucket(perSecond, perSecond * config.burstSeconds);
    const outgoing = (perSecond: number) =>
      new TokenBucket(perSecond * OWN_SHARE, perSecond * OWN_SHARE);
    this.entriesIn = incoming(config.announcedEntriesPerSecond);
    this.graftsIn = incoming(config.graftsPerSecond);
    this.prunesIn = incoming(config.prunesPerSecond);
    this.entriesOut = outgoing(config.announcedEntriesPerSecond);
    this.graftsOut = outgoing(config.graftsPerSecond);
    this.prunesOut = outgoing(config.prunesPerSecond);
  }

  /** Whether nothing may be pushed or announced now: the queue is full, or the peer has to catch up first. */
  get held(): boolean {
    return this.congested || this.behindUntilMs !== null;
  }

  hasBy(key: StreamKey, counter: number): boolean {
    return (this.#known.get(key) ?? 0) >= counter;
  }

  /** Notes that the peer has the stream up to `counter`. */
  learnt(key: StreamKey, counter: number): void {
    if (this.hasBy(key, counter)) return;
    setBounded(this.#known, key, counter, this.config.streamsMax);
    const announcement = this.announcements.get(key);
    if (announcement !== undefined && announcement.entry.counter <= counter) {
      this.announcements.delete(key);
    }
  }

  /** Beyond the bound the oldest announcement is dropped: anti-entropy brings its bundle within an interval. */
  announce(key: StreamKey, announcement: Announcement): void {
    setBounded(this.announcements, key, announcement, this.config.streamsMax);
  }

  // What we ask of the peer.

  get graftDelayMs(): number {
    return this.#clamped(2 * this.#lagMs);
  }

  get graftReplyMs(): number {
    return this.#clamped(2 * this.#replyMs);
  }

  #clamped(delayMs: number): number {
    return Math.min(Math.max(delayMs, this.config.graftDelayMinMs), this.config.graftDelayMaxMs);
  }

  measuredLag(lagMs: number): void {
    this.#lagMs = smoothed(this.#lagMs, lagMs);
  }

  promised(key: StreamKey, stream: Stream, counter: number, nowMs: number): void {
    if (this.#promises.has(key)) return; // an unkept one isn't excused by the next
    this.#awaitPromise(key, { stream, counter, extensions: 0 }, nowMs);
  }

  /** Adds a promise that isn't awaited yet, at the end: no other one is due later. */
  #awaitPromise(
    key: StreamKey,
    promise: Omit<OpenPromise, "sinceMs" | "dueMs">,
    nowMs: number,
  ): void {
    const dueMs = nowMs + this.config.promiseMs;
    this.#promises.set(key, { ...promise, sinceMs: nowMs, dueMs });
  }

  /** Notes that a bundle came from the peer, for whatever reason: the peer isn't silent. */
  bundleCame(key: StreamKey, counter: number, nowMs: number): void {
    this.#lastBundleMs = nowMs;
    const promise = this.#promises.get(key);
    if (promise === undefined) return;
    this.#replyMs = smoothed(this.#replyMs, nowMs - promise.sinceMs);
    if (counter < promise.counter) return;
    this.#promises.delete(key);
    this.#brokenPromises = Math.max(0, this.#brokenPromises - 1);
  }

  /**
   * Looks through promises that are due. One counts as broken only where nothing else came over the link
   * meanwhile either: a slow link is no broken one. A liar can hide behind that, and gains no more of our memory.
   * @param has Whether a bundle came by another way.
   * @returns Whether the peer broke too many.
   */
  brokeTooMany(has: (stream: Stream, counter: number) => boolean, nowMs: number): boolean {
    for (const [key, promise] of this.#promises) {
      if (promise.dueMs > nowMs) break;
      this.#promises.delete(key);
      if (has(promise.stream, promise.counter)) continue;
      if (this.#lastBundleMs <= promise.sinceMs) this.#brokenPromises++;
      else if (promise.extensions < PROMISE_EXTENSIONS_MAX) {
        const extensions = promise.extensions + 1;
        this.#awaitPromise(key, { ...promise, extensions }, nowMs);
      }
    }
    if (this.#brokenPromises < this.config.brokenPromisesMax) return false;
    this.#brokenPromises = 0;
    return true;
  }

  nextPromiseMs(): number | null {
    for (const { dueMs } of this.#promises.values()) return dueMs;
    return null;
  }

  // What the peer asks of us.

  /** Counts an answer to a graft. @returns Whether the same, or what contains it, wasn't answered too often. */
  maySupply(key: StreamKey, after: number): boolean {
    const before = this.#supplied.get(key);
    const isFurther = before === undefined || after > before.after;
    const times = isFurther ? 1 : before.times + 1;
    if (times > this.config.graftAnswersMax) return false;
    setBounded(
      this.#supplied,
      key,
      { after: isFurther ? after : before.after, times },
      SUPPLIES_MAX,
    );
    return true;
  }

  supplyLater(key: StreamKey, stream: Stream, after: number): void {
    setBounded(this.waitingSupplies, key, { stream, after }, SUPPLIES_MAX);
  }
}

/**
 * Follows a longer time at once and a shorter one slowly: asking too early costs more than asking too late. Where one
 * packet in a hundred is lost, one bundle in a dozen comes late by some branch: its time is remembered as long as that.
 */
function smoothed(beforeMs: number, sampleMs: number): number {
  return sampleMs > beforeMs ? sampleMs : beforeMs + (sampleMs - beforeMs) / 16;
}

function setBounded<K, V>(map: Map<K, V>, key: K, value: V, sizeMax: number): void {
  map.set(key, value);
  dropOldest(map, sizeMax);
}
