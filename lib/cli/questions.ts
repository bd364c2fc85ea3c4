/**
 * Questions at a terminal, one after the other: the answer being typed, and what was typed before anything was asked.
 * Nothing of that is shown: it may be a password.
 */

import { type EditorRequest, type EditorState, EMPTY_EDITOR, onKey } from "./line_editor.ts";
import type { Key } from "./keys.ts";
import { onPasswordKey } from "./password_entry.ts";
import type { Line, Question } from "./user_interface.ts";

/** Keys that wait for a question: more than anybody types who knows what will be asked. */
const KEYS_MAX = 1_024;
/** Text in them: no answer is that long. */
const UNITS_MAX = 65_536;

/** What the prompt shows of a question. */
export interface Asked {
  readonly prompt: string;
  readonly text: string;
  readonly cursor: number;
}

interface Open extends Question {
  readonly resolve: (answer: string | null) => void;
  editor: EditorState;
  /** What was typed where nothing of it is shown. */
  unseen: string;
}

export class Questions {
  readonly #print: (line: Line) => void;
  readonly #changed: () => void;
  #logOut: (() => void) | null = null;
  #question: Open | null = null;
  #typedAhead: Key[] = [];
  #units = 0;

  /** @param print Prints a question that was answered. @param changed The prompt isn't what it was. */
  constructor(print: (line: Line) => void, changed: () => void) {
    this.#print = print;
    this.#changed = changed;
  }

  /** Whether keys are for questions. */
  get isOpen(): boolean {
    return this.#logOut !== null;
  }

  /** Null: nothing is asked at the moment. */
  get asked(): Asked | null {
    if (this.#question === null) return null;
    const { prompt, editor: { text, cursor }, isUnseen } = this.#question;
    return isUnseen ? { prompt, text: "", cursor: 0 } : { prompt, text, cursor };
  }

  begin(logOut: () => void): void {
    this.#logOut = logOut;
    this.#changed();
  }

  /** @returns The answer; null where there is none. */
  ask(question: Question): Promise<string | null> {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#question?.resolve(null);
    this.#question = { ...question, resolve, editor: EMPTY_EDITOR, unseen: "" };
    this.#changed();
    return promise;
  }

  /** Keys go to the prompt again. */
  end(): void {
    this.#answered(null);
    this.#logOut = null;
    this.#changed();
  }

  logOut(): void {
    this.#logOut?.();
  }

  /** The keys that waited, where somebody takes them now. */
  takeTypedAhead(): readonly Key[] {
    if (this.isOpen && this.#question === null) return [];
    const keys = this.#typedAhead;
    this.forgetTypedAhead();
    return keys;
  }

  /** The keys that waited are for nobody. */
  forgetTypedAhead(): void {
    this.#typedAhead = [];
    this.#units = 0;
  }

  /** These keys come before those that wait. */
  typedBefore(keys: readonly Key[]): void {
    const waiting = this.#typedAhead;
    this.forgetTypedAhead();
    for (const key of [...keys, ...waiting]) this.#keep(key);
  }

  /** A key for the question, now or later. @returns What it asks of whoever has the terminal. */
  press(key: Key): EditorRequest | null {
    if (key.type === "press") {
      switch (key.name) {
        case "interrupt":
        case "suspend":
        case "redraw":
        case "log-out":
          return { type: key.name };
        case "tab":
          return null; // there is nothing to complete
      }
    }
    const question = this.#question;
    if (question === null) this.#keep(key);
    else if (question.isUnseen) return this.#pressUnseen(question, key);
    else {
      const { state, request } = onKey(question.editor, key);
      if (request?.type === "submit") this.#answered(request.text);
      else if (request?.type === "end-of-input") return request;
      else question.editor = state;
    }
    return null;
  }

  #pressUnseen(question: Open, key: Key): EditorRequest | null {
    const typed = onPasswordKey(question.unseen, key);
    if (typeof typed === "string") question.unseen = typed;
    else if ("password" in typed) this.#answered(typed.password);
    else return { type: "end-of-input" };
    return null;
  }

  #keep(key: Key): void {
    const units = key.type === "text" || key.type === "paste" ? key.text.length : 1;
    if (this.#typedAhead.length >= KEYS_MAX || this.#units + units > UNITS_MAX) return;
    this.#typedAhead.push(key);
    this.#units += units;
  }

  #answered(answer: string | null): void {
    const question = this.#question;
    if (question === null) return;
    this.#question = null;
    const shown = question.isUnseen ? "" : answer ?? question.editor.text;
    this.#print([question.prompt, { text: shown, as: "body" }]);
    question.resolve(answer);
  }
}
