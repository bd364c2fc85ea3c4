/**
 * What the user is asked about files: `y` or `n` answers what was asked last. What was asked only just now, though, while
 * something else was open, isn't meant: nobody has read it, and whoever offers a file at that moment would be answered.
 */

import { OFFERS_MAX } from "../../protocols/transfer/limits.ts";

/** How long a question is open: who comes later uses a command. */
const QUESTION_MS = 120_000;
/** Who answers has read no question that is newer. */
const READ_MS = 700;
/** As many can be answered: one about each offer. */
const QUESTIONS_MAX = OFFERS_MAX;

interface Question {
  /** The offer that it is about; null: a file that was dropped onto the terminal. */
  readonly file: number | null;
  readonly askedMs: number;
  yes(): void;
  no(): void;
}

export class FileQuestions {
  /** That asked last at the end. */
  #open: Question[] = [];

  constructor(readonly nowMs: () => number) {}

  ask(file: number | null, yes: () => void, no: () => void): void {
    this.#dropOld();
    this.#open.push({ file, askedMs: this.nowMs(), yes, no });
    if (this.#open.length > QUESTIONS_MAX) this.#open.shift();
  }

  /** What a line does that answers an open question; null: it answers none. */
  answerOf(line: string): (() => void) | null {
    const word = line.trim().toLowerCase();
    if (word !== "y" && word !== "n") return null;
    this.#dropOld();
    if (this.#open.length === 0) return null;
    const readMs = this.nowMs() - READ_MS;
    const read = this.#open.findLast(({ askedMs }) => askedMs <= readMs);
    const question = read ?? this.#open.at(-1)!;
    return () => {
      // Another answer may have come before this one is carried out.
      if (!this.#open.includes(question)) return;
      this.#open = this.#open.filter((each) => each !== question);
      if (word === "y") question.yes();
      else question.no();
    };
  }

  /** Nothing is asked any more about this offer. @returns Whether something was. */
  close(file: number): boolean {
    this.#dropOld();
    const { length } = this.#open;
    this.#open = this.#open.filter((question) => question.file !== file);
    return this.#open.length < length;
  }

  #dropOld(): void {
    const nowMs = this.nowMs();
    this.#open = this.#open.filter(({ askedMs }) => askedMs + QUESTION_MS > nowMs);
  }
}
