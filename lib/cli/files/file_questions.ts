/** What the user is asked about files: `y` or `n` answers what was asked last. */

import { OFFERS_MAX } from "../../protocols/transfer/limits.ts";

/** How long a question is open: who comes later uses a command. */
const QUESTION_MS = 120_000;
/** As many can be answered: one about each offer. */
const QUESTIONS_MAX = OFFERS_MAX;

interface Question {
  /** The offer that it is about; null: a file that was dropped onto the terminal. */
  readonly file: number | null;
  readonly untilMs: number;
  yes(): void;
  no(): void;
}

export class FileQuestions {
  /** That asked last at the end. */
  #open: Question[] = [];

  constructor(readonly nowMs: () => number) {}

  ask(file: number | null, yes: () => void, no: () => void): void {
    this.#dropOld();
    this.#open.push({ file, untilMs: this.nowMs() + QUESTION_MS, yes, no });
    if (this.#open.length > QUESTIONS_MAX) this.#open.shift();
  }

  /** What a line does that answers an open question; null: it answers none. */
  answerOf(line: string): (() => void) | null {
    const word = line.trim().toLowerCase();
    if (word !== "y" && word !== "n") return null;
    this.#dropOld();
    if (this.#open.length === 0) return null;
    return () => {
      const question = this.#open.pop();
      if (word === "y") question?.yes();
      else question?.no();
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
    this.#open = this.#open.filter(({ untilMs }) => untilMs > nowMs);
  }
}
