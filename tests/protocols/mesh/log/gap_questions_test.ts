import { assertEquals } from "@std/assert";
import { nothingOf } from "../../../../lib/protocols/mesh/log/frontier_table.ts";
import { GapQuestions } from "../../../../lib/protocols/mesh/sync/sync_peer.ts";
import {
  SYNC_ANSWER_MS_MAX,
  SYNC_ENTRIES_MAX,
  SYNC_LATE_MS_MAX,
  SYNC_STREAMS_MAX,
} from "../../../../lib/protocols/mesh/schema/limits.ts";
import { keyOf } from "../overlay_network.ts";

/** Entries of these streams; in a room they tell more. */
function entriesOf(...streams: readonly number[]) {
  return streams.map((n) => nothingOf({ author: keyOf(n), incarnation: 1 }));
}

/** When what this answers was asked. */
function askedMs(questions: GapQuestions, streams: readonly number[], nowMs: number) {
  return questions.answered(entriesOf(...streams), true, nowMs)?.atMs ?? null;
}

/** Three questions, each asked when the one before it had its time. */
function threeAsked(): GapQuestions {
  const questions = new GapQuestions();
  for (const [index, streams] of [[1, 2], [2, 3], [2, 3]].entries()) {
    questions.asked(entriesOf(...streams), index * SYNC_ANSWER_MS_MAX);
  }
  return questions;
}

Deno.test("GapQuestions asks again when the last question is answered, or had its time", () => {
  const questions = new GapQuestions();
  const before = questions.mayAsk(0);
  questions.asked(entriesOf(1), 0);
  const mayAsk = [1, SYNC_ANSWER_MS_MAX - 1, SYNC_ANSWER_MS_MAX].map((nowMs) =>
    questions.mayAsk(nowMs)
  );
  askedMs(questions, [1], 2);

  assertEquals([before, ...mayAsk, questions.mayAsk(3)], [true, false, false, true, true]);
});

Deno.test("GapQuestions takes a late answer for that to its own question", () => {
  const questions = threeAsked();
  const answers = [[2, 1], [2, 3], [3, 2], [2, 3]].map((streams) =>
    askedMs(questions, streams, 20_000)
  );

  assertEquals(answers, [0, SYNC_ANSWER_MS_MAX, 2 * SYNC_ANSWER_MS_MAX, null]);
});

Deno.test("GapQuestions waits no more for what came before the question that is answered, nor for ever", () => {
  const questions = threeAsked();
  assertEquals(askedMs(questions, [2, 3], 20_000), SYNC_ANSWER_MS_MAX);
  assertEquals(askedMs(questions, [1, 2], 20_000), 2 * SYNC_ANSWER_MS_MAX);

  const late = threeAsked();
  assertEquals(
    askedMs(late, [2, 3], SYNC_LATE_MS_MAX + SYNC_ANSWER_MS_MAX),
    2 * SYNC_ANSWER_MS_MAX,
  );
});

Deno.test("GapQuestions takes what leaves something out for an answer to the oldest question, and no other streams", () => {
  const questions = threeAsked();
  const [first, ...others] = entriesOf(1, 7);

  assertEquals(questions.answered([first!], false, 20_000), null);
  assertEquals(questions.answered(others, true, 20_000), {
    atMs: 0,
    streams: new Set(entriesOf(1, 2).map(({ author }) => `${author}/1`)),
    entries: [first],
  } as never);
  assertEquals(new GapQuestions().answered(others, true, 1), null);
});

Deno.test("GapQuestions waits for all parts of an answer, as long as one may be", () => {
  const all = Array.from(
    { length: SYNC_STREAMS_MAX },
    (_, n) => nothingOf({ author: keyOf(1), incarnation: n + 1 }),
  );
  const questions = new GapQuestions();
  questions.asked(all, 0);
  const counts: (number | null)[] = [];
  for (let start = 0; start < all.length; start += SYNC_ENTRIES_MAX) {
    const last = start + SYNC_ENTRIES_MAX >= all.length;
    const answer = questions.answered(all.slice(start, start + SYNC_ENTRIES_MAX), last, 10);
    counts.push(answer?.entries.length ?? null);
  }

  assertEquals(counts, [...Array(7).fill(null), all.length]);
});
