import { assertEquals } from "@std/assert";
import { FileQuestions } from "../../../lib/cli/files/file_questions.ts";
import { OFFERS_MAX } from "../../../lib/protocols/transfer/limits.ts";

/** Questions, with what was done; the time is the last one given to `at`. */
function asked() {
  let nowMs = 0;
  const done: string[] = [];
  const questions = new FileQuestions(() => nowMs);
  const ask = (file: number | null) =>
    questions.ask(file, () => void done.push(`y${file}`), () => void done.push(`n${file}`));
  return { questions, done, ask, at: (ms: number) => void (nowMs = ms) };
}

Deno.test("y and n answer what was asked last, and nothing else does", () => {
  const { questions, done, ask } = asked();
  for (const file of [1, 2, null]) ask(file);
  for (const line of ["yes", "y es", "", "N", " y ", "n"]) questions.answerOf(line)?.();
  assertEquals(done, ["nnull", "y2", "n1"]);
  assertEquals(questions.answerOf("y"), null);
});

Deno.test("what is asked at the moment of an answer isn't meant, where something else was asked before", () => {
  const { questions, done, ask, at } = asked();
  ask(null);
  at(5_000);
  ask(1);
  at(5_100);
  const yes = questions.answerOf("y");
  ask(2);
  yes?.();
  yes?.();
  assertEquals(done, ["ynull"]);
  at(7_000);
  for (const line of ["y", "y"]) questions.answerOf(line)?.();
  assertEquals([done, questions.answerOf("y")], [["ynull", "y2", "y1"], null]);
});

Deno.test("a question is open for two minutes, or until it is settled otherwise", () => {
  const { questions, done, ask, at } = asked();
  ask(1);
  at(60_000);
  ask(2);
  ask(null);
  at(120_000);
  assertEquals([questions.close(1), questions.close(2), questions.close(2)], [false, true, false]);
  questions.answerOf("y")?.();
  assertEquals([done, questions.answerOf("y")], [["ynull"], null]);
});

Deno.test("no more questions are kept than there are offers", () => {
  const { questions, done, ask } = asked();
  for (let file = 0; file <= OFFERS_MAX; file++) ask(file);
  for (let left = OFFERS_MAX; left > 0; left--) questions.answerOf("n")?.();
  assertEquals([done.at(-1), questions.answerOf("n")], ["n1", null]);
});
