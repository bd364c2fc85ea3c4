/**
 * What one neighbour was asked about streams in which something is missing here, and what its answers say.
 *
 * On a slow line an answer comes when the next question was asked already. Taken for the answer to that one, it would
 * deny something that the neighbour got since. So answers are matched to questions: they come in the same order, each
 * with one entry for each stream that was asked about. A question for which the neighbour had no time stays unanswered.
 */

import { SYNC_ANSWER_MS_MAX, SYNC_LATE_MS_MAX, SYNC_STREAMS_MAX } from "./limits.ts";
import type { SyncEntry } from "./messages.ts";
import { type StreamKey, streamKey } from "./stream.ts";

interface Question {
  readonly streams: ReadonlySet<StreamKey>;
  readonly atMs: number;
}

/** What a neighbour says of all the streams of one question; of those without an entry, that it has nothing. */
export interface GapsAnswer extends Question {
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
