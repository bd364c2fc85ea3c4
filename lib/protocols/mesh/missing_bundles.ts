/**
 * What neighbours announced and hasn't come yet, stream by stream: when to ask, and whom next
 * (Plumtree, section 3.2, tree repair).
 *
 * Departures: an announcement is a point in a stream, so one entry stands for all that is missing before
 * it; and the wait before a graft is measured, not configured (the paper: "should be configured
 * considering the diameter of the overlay", which nobody knows).
 */

import type { PeerKey } from "../../base/ids.ts";
import type { Stream, StreamKey } from "./stream.ts";

/** One neighbour's announcement. */
interface Announcer {
  counter: number;
  /** Of the first announcement that nothing has come for. */
  sinceMs: number;
  hop: number;
  /** How often it was asked. */
  asked: number;
}

interface Missing {
  readonly stream: Stream;
  /** In the order in which they announced it; at most one for each link. */
  readonly announcers: Map<PeerKey, Announcer>;
  /** When to ask, or to ask the next one. */
  dueMs: number;
}

/** Whom to ask for what; `counter` is what it promised. */
export interface Question {
  readonly peer: PeerKey;
  readonly key: StreamKey;
  readonly stream: Stream;
  readonly counter: number;
}

/** How long after an announcement a neighbour's bundle came by another way, and by how many hops it'd be nearer. */
export interface Arrival {
  readonly peer: PeerKey;
  readonly lagMs: number;
  readonly hop: number;
}

export class MissingBundles {
  readonly #byStream = new Map<StreamKey, Missing>();
  /** Never after the earliest deadline. */
  #wakeMs = Infinity;

  /**
   * @param streamsMax Beyond it announcements are left to anti-entropy.
   * @param asksMax How often one neighbour is asked for the same.
   */
  constructor(
    private readonly streamsMax: number,
    private readonly asksMax: number,
    private readonly has: (stream: Stream, counter: number) => boolean,
  ) {}

  get nextMs(): number | null {
    return this.#wakeMs === Infinity ? null : this.#wakeMs;
  }

  /** @param delayMs How long what is announced may still come by itself. */
  announced(
    key: StreamKey,
    stream: Stream,
    announcement: { readonly peer: PeerKey; readonly counter: number; readonly hop: number },
    delayMs: number,
    nowMs: number,
  ): void {
    let missing = this.#byStream.get(key);
    if (missing === undefined) {
      if (this.#byStream.size >= this.streamsMax) return;
      missing = { stream, announcers: new Map(), dueMs: nowMs + delayMs };
      this.#byStream.set(key, missing);
    }
    const { peer, counter, hop } = announcement;
    const announcer = missing.announcers.get(peer);
    if (announcer === undefined) {
      missing.announcers.set(peer, { counter, hop, sinceMs: nowMs, asked: 0 });
    } else if (counter > announcer.counter) {
      announcer.counter = counter;
      announcer.hop = hop;
      announcer.asked = 0;
    }
    this.#wakeMs = Math.min(this.#wakeMs, missing.dueMs);
  }

  /**
   * A bundle came, up to `counter`: where more of the stream was announced, that is given time again.
   * @returns Who had announced it before it came.
   */
  arrived(
    key: StreamKey,
    counter: number,
    delayOf: (peer: PeerKey) => number,
    nowMs: number,
  ): readonly Arrival[] {
    const missing = this.#byStream.get(key);
    if (missing === undefined) return [];
    const arrivals: Arrival[] = [];
    for (const [peer, announcer] of missing.announcers) {
      arrivals.push({ peer, lagMs: nowMs - announcer.sinceMs, hop: announcer.hop });
      if (announcer.counter <= counter) {
        missing.announcers.delete(peer);
      } else {
        announcer.sinceMs = nowMs;
        missing.dueMs = Math.max(missing.dueMs, nowMs + delayOf(peer));
      }
    }
    if (missing.announcers.size === 0) this.#byStream.delete(key);
    return arrivals;
  }

  neighbourDown(peer: PeerKey): void {
    for (const [key, missing] of this.#byStream) {
      missing.announcers.delete(peer);
      if (missing.announcers.size === 0) this.#byStream.delete(key);
    }
  }

  /**
   * Whom to ask now: for each stream the neighbour that was asked least, the first to announce before
   * others. A stream that all were asked for often enough is left to anti-entropy.
   * @param replyOf How long the neighbour may take before another is asked; null where it can't be asked.
   */
  due(replyOf: (peer: PeerKey) => number | null, nowMs: number): readonly Question[] {
    if (this.#wakeMs > nowMs) return [];
    const questions: Question[] = [];
    this.#wakeMs = Infinity;
    for (const [key, missing] of this.#byStream) {
      if (missing.dueMs <= nowMs) {
        const question = this.#question(key, missing);
        if (question === null) {
          this.#byStream.delete(key);
          continue;
        }
        const replyMs = replyOf(question.peer);
        if (replyMs !== null) {
          missing.announcers.get(question.peer)!.asked++;
          questions.push(question);
        }
        missing.dueMs = nowMs + (replyMs ?? ASK_LATER_MS);
      }
      this.#wakeMs = Math.min(this.#wakeMs, missing.dueMs);
    }
    return questions;
  }

  #question(key: StreamKey, { stream, announcers }: Missing): Question | null {
    let best: PeerKey | null = null;
    let asked = this.asksMax;
    for (const [peer, announcer] of announcers) {
      if (this.has(stream, announcer.counter)) announcers.delete(peer);
      else if (announcer.asked < asked) [best, asked] = [peer, announcer.asked];
    }
    return best === null
      ? null
      : { peer: best, key, stream, counter: announcers.get(best)!.counter };
  }

  postpone(delayMs: number): void {
    for (const missing of this.#byStream.values()) {
      missing.dueMs += delayMs;
      for (const announcer of missing.announcers.values()) announcer.sinceMs += delayMs;
    }
    this.#wakeMs += delayMs;
  }
}

/** Where our own rate of grafts is used up: some of it has come back by then. */
const ASK_LATER_MS = 50;
