/**
 * Bundles that neighbours announced and that haven't come yet, stream by stream: when to send a graft, and to whom
 * next (Plumtree, section 3.2, tree repair).
 *
 * Departures: an announcement is a point in a stream, so one entry stands for all that is missing before
 * it; and the wait before a graft is measured, not configured (the paper: "should be configured
 * considering the diameter of the overlay", which nobody knows).
 */

import type { PeerKey } from "../../../base/ids.ts";
import type { Stream, StreamKey } from "../schema/structures.ts";

/** One neighbour's announcement. */
interface Announcer {
  counter: number;
  /** When the first announcement came for which nothing has arrived. */
  sinceMs: number;
  hop: number;
  /** Whether it was compared with a bundle that came another way. */
  compared: boolean;
  /** How often the neighbour was asked. */
  asked: number;
}

/** `here`: delivered or skipped. `waiting`: the bundle came, but not what it follows. */
export type Presence = "here" | "waiting" | "missing";

/** The pause where our own rate of grafts is used up: some of it has come back by then. */
const ASK_LATER_MS = 50;
/** The order asks for what a waiting bundle lacks; here it is only looked at again, in case it is dropped. */
const LOOK_AGAIN_MS = 1_000;
/** So many looks take longer than anything waits. */
const LOOKS_MAX = 15;

interface Missing {
  readonly stream: Stream;
  /** In the order in which they announced it; at most one for each link. */
  readonly announcers: Map<PeerKey, Announcer>;
  /** When to ask, or to ask the next one. */
  dueMs: number;
  /** How often it was found waiting. */
  looks: number;
}

/** Which neighbour to ask for what; `counter` is what it promised. */
export interface Question {
  readonly peer: PeerKey;
  readonly key: StreamKey;
  readonly stream: Stream;
  readonly counter: number;
}

/** A bundle came by another way, `lagMs` after a neighbour announced it, by which it would have come with `hop`. */
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
    private readonly presence: (stream: Stream, counter: number) => Presence,
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
      missing = { stream, announcers: new Map(), dueMs: nowMs + delayMs, looks: 0 };
      this.#byStream.set(key, missing);
    }
    const { peer, counter, hop } = announcement;
    const announcer = missing.announcers.get(peer);
    if (announcer === undefined) {
      missing.announcers.set(peer, { counter, hop, sinceMs: nowMs, compared: false, asked: 0 });
    } else if (counter > announcer.counter) {
      announcer.counter = counter;
      announcer.hop = hop;
      announcer.asked = 0;
      if (announcer.compared) [announcer.compared, announcer.sinceMs] = [false, nowMs];
    }
    this.#wakeMs = Math.min(this.#wakeMs, missing.dueMs);
  }

  /**
   * A bundle came, up to `counter`: the stream is given time again, for what follows, or for what is
   * missing before it (which the order asks for).
   * @returns The neighbours that had announced it before it came.
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
      if (announcer.compared) continue;
      arrivals.push({ peer, lagMs: nowMs - announcer.sinceMs, hop: announcer.hop });
      announcer.compared = announcer.counter <= counter;
      announcer.sinceMs = nowMs;
      missing.dueMs = Math.max(missing.dueMs, nowMs + delayOf(peer));
    }
    return arrivals;
  }

  /** Everything up to `counter` is here. */
  delivered(key: StreamKey, counter: number): void {
    const missing = this.#byStream.get(key);
    if (missing === undefined) return;
    for (const [peer, announcer] of missing.announcers) {
      if (announcer.counter <= counter) missing.announcers.delete(peer);
    }
    if (missing.announcers.size === 0) this.#byStream.delete(key);
  }

  neighbourDown(peer: PeerKey): void {
    for (const [key, missing] of this.#byStream) {
      missing.announcers.delete(peer);
      if (missing.announcers.size === 0) this.#byStream.delete(key);
    }
  }

  /**
   * Which neighbours to ask now: for each stream the one that was asked least, of several the first to announce
   * it. A stream for which all were asked often enough is left to anti-entropy.
   * @param replyOf How long the neighbour may take before another is asked, twice as long when asked
   *   again; null where it can't be asked now.
   */
  due(replyOf: (peer: PeerKey) => number | null, nowMs: number): readonly Question[] {
    if (this.#wakeMs > nowMs) return [];
    const questions: Question[] = [];
    this.#wakeMs = Infinity;
    for (const [key, missing] of this.#byStream) {
      if (missing.dueMs <= nowMs) {
        const question = this.#question(key, missing, replyOf, nowMs);
        if (question !== null) questions.push(question);
        if (missing.announcers.size === 0) continue;
      }
      this.#wakeMs = Math.min(this.#wakeMs, missing.dueMs);
    }
    return questions;
  }

  /** Sets the stream's next deadline, or forgets the stream. */
  #question(
    key: StreamKey,
    missing: Missing,
    replyOf: (peer: PeerKey) => number | null,
    nowMs: number,
  ): Question | null {
    const { stream, announcers } = missing;
    const next = this.#leastAsked(missing);
    if (next === null || (next === "waiting" && missing.looks++ >= LOOKS_MAX)) {
      announcers.clear();
      this.#byStream.delete(key);
      return null;
    }
    if (next === "waiting") {
      missing.dueMs = nowMs + LOOK_AGAIN_MS;
      return null;
    }
    const replyMs = replyOf(next);
    if (replyMs === null) {
      missing.dueMs = nowMs + ASK_LATER_MS;
      return null;
    }
    const announcer = announcers.get(next)!;
    missing.dueMs = nowMs + replyMs * 2 ** announcer.asked;
    announcer.asked++;
    return { peer: next, key, stream, counter: announcer.counter };
  }

  #leastAsked({ stream, announcers }: Missing): PeerKey | "waiting" | null {
    let best: PeerKey | "waiting" | null = null;
    let asked = this.asksMax;
    for (const [peer, announcer] of announcers) {
      const presence = this.presence(stream, announcer.counter);
      if (presence === "here") announcers.delete(peer);
      else if (presence === "waiting") best ??= "waiting";
      else if (announcer.asked < asked) [best, asked] = [peer, announcer.asked];
    }
    return best;
  }
}
