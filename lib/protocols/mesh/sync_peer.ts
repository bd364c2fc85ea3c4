/** What anti-entropy holds for one neighbour; all of it goes with the link. */

import { dropOldest } from "../../base/bounded.ts";
import { TokenBucket } from "../../base/token_bucket.ts";
import { GapQuestions } from "./gap_questions.ts";
import {
  SYNC_INTERVAL_MS,
  SYNC_LOOKS_BURST,
  SYNC_LOOKS_PER_SECOND,
  SYNC_QUESTIONS_BURST,
  SYNC_QUESTIONS_PER_SECOND,
  SYNC_STREAMS_MAX,
} from "./limits.ts";
import type { SyncEntry, SyncMessage } from "./messages.ts";
import { type StreamKey, streamKey } from "./stream.ts";
import type { Want } from "./sync_compare.ts";
import type { Supply } from "./sync_supply.ts";

/** Our own streams: the last counter of each incarnation. */
export type OwnCounters = ReadonlyMap<number, number>;

/** A round that we began. */
export interface Round {
  /** What we had said when it began. */
  readonly own: OwnCounters;
  /** Differing buckets that aren't compared yet, and those of the page that is under way; null before the first. */
  remaining: readonly number[];
  page: readonly number[] | null;
  readonly compared: Set<number>;
  /** What the neighbour has in the compared buckets; one for each of its streams at most. */
  readonly entries: SyncEntry[];
  deadlineMs: number;
}

/** A stream that is to come, and how far it has. */
export interface Pending extends Want {
  /** Of our frontier when it was last looked at, and since when it has been there. */
  counter: number;
  movedMs: number;
  /** Whether anything of it has come, whatever became of that. */
  hasCome: boolean;
}

/** What the neighbour is to send us. */
export interface Fetch {
  readonly wants: Map<StreamKey, Pending>;
  /** Bytes of bundles that came and are done with, and how many of them we told. */
  takenBytes: number;
  toldBytes: number;
  /** By stream of these, how far what came of it went, whatever became of it. */
  readonly came: Map<StreamKey, number>;
  /** The latest room time of what came of them. */
  throughTime: number;
  deadlineMs: number;
}

export class SyncPeer {
  round: Round | null = null;
  readonly gaps = new GapQuestions();
  /** The neighbour's part of a page of its round, until its last message. */
  asked: SyncEntry[] = [];
  fetch: Fetch | null = null;
  supply: Supply | null = null;
  supplyDeadlineMs = Infinity;
  /** What it may ask of us: rounds, pages of them, ranges. */
  readonly #asking = new TokenBucket(SYNC_QUESTIONS_PER_SECOND, SYNC_QUESTIONS_BURST);
  /** Whether the page is taken in that comes now; null between pages. */
  #takesPage: boolean | null = null;
  /** What may be looked at for all that goes on with it, whoever asked. */
  readonly #looks = new TokenBucket(SYNC_LOOKS_PER_SECOND, SYNC_LOOKS_BURST);
  /** Its queue is full: bundles sent to it may be dropped. */
  congested = false;
  /** What a `sync-done` answers, oldest first. */
  readonly questions: ("summary" | "want")[] = [];
  /** When the next round with it begins, unless one is under way. */
  beginAtMs: number;
  lastBegunMs = -Infinity;
  /** What it last said of how far back it keeps everything, in room time. */
  floor = 0;
  /** Whether a whole round was completed once. */
  complete = false;
  equal = false;
  /** Our own counters, by incarnation, up to which it is known to have everything; null before it is known. */
  ownHeld: OwnCounters | null = null;
  /**
   * Of streams of which it said that it has more than came: how often nothing did, and how far what came went. At most
   * `WAITING_BUNDLES_MAX`: more can't wait for it.
   */
  readonly notGiven = new Map<StreamKey, { readonly times: number; readonly given: number }>();
  /**
   * Of streams that it keeps and that are forgotten here: how far they went, and until when it isn't asked for them
   * again. As many as it can be asked for at once.
   */
  readonly #forgotten = new Map<StreamKey, { readonly goal: number; readonly untilMs: number }>();
  /** Whether a range of its was given up: more of that may come in the midst of another. */
  isMixed = false;
  /** How often running it sent nothing of what it had said that it has. */
  disappointments = 0;

  constructor(beginAtMs: number) {
    this.beginAtMs = beginAtMs;
  }

  /** Whether a question of its own is taken in; a page that comes in several messages is one. */
  mayAsk(message: SyncMessage, nowMs: number): boolean {
    const mayAsk = this.#takesPage ?? (this.owedMs(nowMs) === 0 && this.#asking.take(nowMs));
    this.#takesPage = message.type === "sync-frontiers" && !message.last ? mayAsk : null;
    return mayAsk;
  }

  /** So many entries or bundles were looked at with it, or because of it: known only afterwards. */
  looked(count: number, nowMs: number): void {
    this.#looks.spend(nowMs, count);
  }

  /** How long it must wait, as must we with it, since so much was looked at; 0 for not at all. */
  owedMs(nowMs: number): number {
    const owed = -this.#looks.available(nowMs);
    return owed <= 0 ? 0 : Math.ceil((owed * 1_000) / SYNC_LOOKS_PER_SECOND);
  }

  /** What it gave of this stream counts as delivered here, without anything to show for it: a round would want it again. */
  forget({ stream, goal }: Want, nowMs: number): void {
    const key = streamKey(stream);
    this.#forgotten.delete(key);
    this.#forgotten.set(key, { goal, untilMs: nowMs + SYNC_INTERVAL_MS });
    dropOldest(this.#forgotten, SYNC_STREAMS_MAX);
  }

  isForgotten({ stream, goal }: Want, nowMs: number): boolean {
    const forgotten = this.#forgotten.get(streamKey(stream));
    return forgotten !== undefined && goal <= forgotten.goal && nowMs < forgotten.untilMs;
  }

  get busy(): boolean {
    return this.round !== null || this.fetch !== null;
  }

  /** A round begins. */
  begins(nowMs: number): void {
    this.beginAtMs = Infinity;
    this.lastBegunMs = nowMs;
  }

  nextDeadlineMs(): number {
    const begin = this.busy ? Infinity : this.beginAtMs;
    return Math.min(
      begin,
      this.round?.deadlineMs ?? Infinity,
      this.fetch?.deadlineMs ?? Infinity,
      this.supply === null ? Infinity : this.supplyDeadlineMs,
    );
  }

  postpone(delayMs: number): void {
    this.beginAtMs += delayMs;
    this.supplyDeadlineMs += delayMs;
    if (this.round !== null) this.round.deadlineMs += delayMs;
    if (this.fetch === null) return;
    this.fetch.deadlineMs += delayMs;
    for (const pending of this.fetch.wants.values()) pending.movedMs += delayMs;
  }
}
