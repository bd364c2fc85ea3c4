/** The state of anti-entropy for one neighbour; all of it goes with the link. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { TokenBucket } from "../../../base/rates/token_bucket.ts";
import { type Bundle, type Stream, type StreamKey, streamKey } from "../schema/structures.ts";
import {
  SYNC_ANSWER_MS_MAX,
  SYNC_BUNDLE_BYTES_MIN,
  SYNC_INTERVAL_MS,
  SYNC_LATE_MS_MAX,
  SYNC_LOOKS_BURST,
  SYNC_LOOKS_PER_SECOND,
  SYNC_QUESTIONS_BURST,
  SYNC_QUESTIONS_PER_SECOND,
  SYNC_STREAMS_MAX,
  SYNC_WINDOW_BYTES,
} from "../schema/limits.ts";
import type { SyncEntry, SyncMessage } from "../schema/messages.ts";
import type { Want } from "./sync_compare.ts";
import { lastCounter, wireBytes } from "../log/bundle.ts";
import type { OrderQueries, RoomPosition } from "../log/order_io.ts";
import type { BundleId } from "../../../base/ids.ts";

/** Our own streams: the last counter of each incarnation. */
export type OwnCounters = ReadonlyMap<number, number>;

/** A round that we began. */
export interface Round {
  /** Our own counters when it began. */
  readonly own: OwnCounters;
  /** Differing buckets that aren't compared yet, and those of the page that is under way; null before the first. */
  remaining: readonly number[];
  page: readonly number[] | null;
  readonly compared: Set<number>;
  /** What the neighbour has in the compared buckets; one for each of its streams at most. */
  readonly entries: SyncEntry[];
  deadlineMs: number;
}

/** A stream that the neighbour is to send, and how far it has come. */
export interface Pending extends Want {
  /** Counter of our frontier when it was last looked at, and since when it has stood there. */
  counter: number;
  movedMs: number;
  /** Whether anything of it has come, whatever became of that. */
  hasCome: boolean;
}

/** What the neighbour is to send us. */
export interface Fetch {
  readonly wants: Map<StreamKey, Pending>;
  /** Bytes of bundles that came and were dealt with, and how many of them we have confirmed. */
  takenBytes: number;
  toldBytes: number;
  /** For each of these streams, the last counter that came, whatever became of it. */
  readonly came: Map<StreamKey, number>;
  /** The latest room time of the bundles that came. */
  throughTime: number;
  deadlineMs: number;
}

export class SyncPeer {
  round: Round | null = null;
  readonly gaps = new GapQuestions();
  /** The neighbour's entries for a page of its round, until the page's last message has come. */
  asked: SyncEntry[] = [];
  fetch: Fetch | null = null;
  /**
   * What the last whole round with it left to others: once that is here, the round is complete. Null where there was no
   * such round, or where that is more than can be asked for at once.
   */
  left: readonly Want[] | null = null;
  supply: SyncSupply | null = null;
  supplyDeadlineMs = Infinity;
  /** Limits what the neighbour asks of us: rounds, pages of them, ranges. */
  readonly #asking = new TokenBucket(SYNC_QUESTIONS_PER_SECOND, SYNC_QUESTIONS_BURST);
  /** Whether the page that is coming is accepted; null between pages. */
  #takesPage: boolean | null = null;
  /** Limits how many entries and bundles are looked at for this neighbour, whichever side asked. */
  readonly #looks = new TokenBucket(SYNC_LOOKS_PER_SECOND, SYNC_LOOKS_BURST);
  /** Whether the neighbour's queue is full: bundles sent to it may be dropped. */
  congested = false;
  /** Our questions that a `sync-done` will answer, oldest first. */
  readonly questions: ("summary" | "want")[] = [];
  /** When the next round with the neighbour begins, unless one is under way. */
  beginAtMs: number;
  lastBegunMs = -Infinity;
  /** How many rounds in a row were abandoned since the neighbour last answered one. */
  abandoned = 0;
  /** The room time after which the neighbour keeps everything, as it last said. */
  floor = 0;
  /** Whether a whole round was completed once. */
  complete = false;
  equal = false;
  /** Our own counters, by incarnation, up to which the neighbour is known to have everything; null before that. */
  ownHeld: OwnCounters | null = null;
  /**
   * For streams of which the neighbour announced more than came: how often nothing came, and the last counter that did.
   * As many as it can be asked for at once: of more, the next range would find none of this one's.
   */
  readonly notGiven = new Map<StreamKey, { readonly times: number; readonly given: number }>();
  /**
   * For streams that the neighbour keeps and that are forgotten here: how far they went, and until when it isn't asked
   * for them again. As many as it can be asked for at once.
   */
  readonly #forgotten = new Map<StreamKey, { readonly goal: number; readonly untilMs: number }>();
  /** Whether one of the neighbour's ranges was given up: the rest of it may come amid another one. */
  isMixed = false;
  /**
   * How many questions for ranges that were given up may still be answered: so many ends, where nothing came of the
   * present range, are taken for theirs, and say nothing.
   */
  unanswered = 0;
  /** How many times in a row the neighbour sent nothing of what it had announced. */
  disappointments = 0;

  constructor(beginAtMs: number) {
    this.beginAtMs = beginAtMs;
  }

  /** Whether a question of the neighbour's is accepted; a page that comes in several messages is one question. */
  mayAsk(message: SyncMessage, nowMs: number): boolean {
    const mayAsk = this.#takesPage ?? (this.owedMs(nowMs) === 0 && this.#asking.take(nowMs));
    this.#takesPage = message.type === "sync-frontiers" && !message.last ? mayAsk : null;
    return mayAsk;
  }

  /** Counts entries or bundles that were looked at for the neighbour; how many is known only afterwards. */
  looked(count: number, nowMs: number): void {
    this.#looks.spend(nowMs, count);
  }

  /** How long, ms, its questions and ours to it must wait since so much was looked at; 0 for not at all. */
  owedMs(nowMs: number): number {
    const owed = -this.#looks.available(nowMs);
    return owed <= 0 ? 0 : Math.ceil((owed * 1_000) / SYNC_LOOKS_PER_SECOND);
  }

  /**
   * How long, ms, a round must wait since so much was looked at, or since the last ones had no answer: a neighbour that
   * reads slowly, and is read slowly, would have more answers in its queue than that holds.
   */
  restMs(nowMs: number): number {
    const pauseMs = Math.min(SYNC_LATE_MS_MAX, SYNC_ANSWER_MS_MAX * 2 ** (this.abandoned - 1));
    const unanswered = this.abandoned === 0 ? 0 : this.lastBegunMs + pauseMs - nowMs;
    return Math.max(this.owedMs(nowMs), unanswered);
  }

  /** Notes that what it gave of this stream counts as delivered though nothing is kept: rounds would want it again. */
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

  /** Notes that a round begins. */
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
}

// What one neighbour was asked about streams in which something is missing here, and what its answers say.
//
// On a slow line an answer comes when the next question was asked already. Taken for the answer to that one, it would
// deny something that the neighbour got since. So answers are matched to questions: they come in the same order, each
// with one entry for each stream that was asked about. A question for which the neighbour had no time stays unanswered.

interface Question {
  readonly streams: ReadonlySet<StreamKey>;
  readonly atMs: number;
}

/** What a neighbour says of all the streams of one question; of those without an entry, that it has nothing. */
interface GapsAnswer extends Question {
  readonly entries: readonly SyncEntry[];
}

export class GapQuestions {
  /** Questions without an answer, the oldest first: one each `SYNC_ANSWER_MS_MAX`, for `SYNC_LATE_MS_MAX`. */
  readonly #open: Question[] = [];
  /** The entries so far of an answer in several messages. */
  #said: SyncEntry[] = [];

  /** Whether the last question was answered, or has had its time. */
  mayAsk(nowMs: number): boolean {
    const last = this.#open.at(-1);
    return last === undefined || nowMs - last.atMs >= SYNC_ANSWER_MS_MAX;
  }

  asked(about: readonly SyncEntry[], nowMs: number): void {
    this.#forgetUnanswered(nowMs);
    this.#open.push({ streams: new Set(about.map(streamKey)), atMs: nowMs });
  }

  /** @returns Null where more of the answer is to come, or nothing was asked. */
  answered(entries: readonly SyncEntry[], last: boolean, nowMs: number): GapsAnswer | null {
    this.#said.push(...entries);
    if (!last && this.#said.length < SYNC_STREAMS_MAX) return null;
    const said = this.#said;
    this.#said = [];
    this.#forgetUnanswered(nowMs);
    const streams = new Set(said.map(streamKey));
    const index = this.#open.findIndex((question) => areSame(question.streams, streams));
    // An answer that leaves a stream out answers some question: the oldest, as far as can be known.
    const [question] = this.#open.splice(0, Math.max(0, index) + 1).slice(-1);
    if (question === undefined) return null;
    return {
      ...question,
      entries: said.filter((entry) => question.streams.has(streamKey(entry))),
    };
  }

  #forgetUnanswered(nowMs: number): void {
    while (this.#open.length > 0 && nowMs - this.#open[0]!.atMs >= SYNC_LATE_MS_MAX) {
      this.#open.shift();
    }
  }
}

function areSame(a: ReadonlySet<StreamKey>, b: ReadonlySet<StreamKey>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}

/** How many bytes of the window a bundle takes, on both sides. */
export function windowBytesOf(bundle: Bundle): number {
  return Math.max(SYNC_BUNDLE_BYTES_MIN, wireBytes(bundle));
}

/** An id before all others: a position before the first bundle of a time. */
const BEFORE_ALL = "" as BundleId;

/**
 * A range that is being sent to one neighbour, in room order, so that parents come first. Nothing is copied: it
 * holds only a position in the kept bundles and how far each stream was sent. The neighbour's confirmations set
 * the pace.
 */
export class SyncSupply {
  /** How far each stream was sent. */
  readonly #sentTo = new Map<StreamKey, number>();
  #position: RoomPosition | null = null;
  #sentBytes = 0;
  #confirmedBytes = 0;
  #windowBytes = 0;
  /** Kept bundles that were looked at and weren't asked for, since the last `takePassedOver`. */
  #passedOver = 0;
  /** Questions that this range answers, each with one `sync-done`. */
  questions = 0;
  /** Whether the link was given all of it. */
  isSent = false;

  constructor(readonly order: Pick<OrderQueries, "firstKept" | "nextInOrder">) {}

  get begun(): boolean {
    return this.#sentBytes > 0;
  }

  /**
   * Adds a further question.
   * @returns False where too many streams are asked for.
   */
  add(wants: readonly (Stream & { readonly after: number })[], windowBytes: number): boolean {
    this.questions++;
    this.#windowBytes = Math.min(windowBytes, SYNC_WINDOW_BYTES);
    for (const want of wants) {
      const first = this.order.firstKept(want, want.after);
      if (first === null) continue;
      if (this.#sentTo.size >= SYNC_STREAMS_MAX) return false;
      this.#sentTo.set(streamKey(want), want.after);
      // Bundles of this stream may come before what was sent already.
      if (this.#position === null || first.time <= this.#position.time) {
        this.#position = { time: first.time, id: BEFORE_ALL };
      }
    }
    return true;
  }

  /**
   * The neighbour has taken in so many bytes since it began to ask. It may count those of an earlier range that was
   * given up; one that confirms too much has too much in flight to itself, and costs us nothing.
   */
  confirm(bytes: number): void {
    this.#confirmedBytes = Math.max(this.#confirmedBytes, Math.min(bytes, this.#sentBytes));
  }

  takePassedOver(): number {
    const passedOver = this.#passedOver;
    this.#passedOver = 0;
    return passedOver;
  }

  /** The next bundle; `null` at the end, `"full"` while the window is full. */
  next(): Bundle | "full" | null {
    while (this.#sentBytes - this.#confirmedBytes < this.#windowBytes) {
      const entry = this.#sentTo.size === 0 ? null : this.order.nextInOrder(this.#position);
      if (entry === null) return null;
      this.#position = entry;
      const header = entry.bundle.header.value;
      const key = streamKey(header);
      const last = lastCounter(header);
      const sentTo = this.#sentTo.get(key);
      if (sentTo === undefined || last <= sentTo) {
        this.#passedOver++;
        continue;
      }
      this.#sentTo.set(key, last);
      this.#sentBytes += windowBytesOf(entry.bundle);
      return entry.bundle;
    }
    return "full";
  }
}
