/**
 * Questions at a terminal, one after the other: the answer being typed, and the keys typed ahead of the next question,
 * which aren't shown, as they may be a password.
 */

import { type EditorRequest, type EditorState, EMPTY_EDITOR, onKey } from "./line_editor.ts";
import type { Key } from "./key_parser.ts";
import { onPasswordKey } from "./password_entry.ts";
import type { Line, Question } from "../rendering/user_interface.ts";

/** The most keys kept for the next question: more than anybody types ahead who knows what will be asked. */
const KEYS_MAX = 1_024;
/** The most UTF-16 units of text in these keys: no answer is that long. */
const UNITS_MAX = 65_536;

/** How a question, or the line being typed, is shown at the prompt. */
export interface Asked {
  readonly prompt: string;
  readonly text: string;
  readonly cursor: number;
}

interface Open extends Question {
  readonly resolve: (answer: string | null) => void;
  editor: EditorState;
  /** The answer typed so far to an unseen question; the editor is unused then. */
  unseen: string;
}

export class Questions {
  readonly #print: (line: Line) => void;
  readonly #changed: () => void;
  #logOut: (() => void) | null = null;
  /** Questions that will begin with Enter at an empty line. */
  #awaited: { readonly logOut: () => void; readonly tell: (hasBegun: boolean) => void } | null =
    null;
  #question: Open | null = null;
  /** What is shown until the next question; null: nothing. */
  #waiting: string | null = null;
  #typedAhead: Key[] = [];
  #units = 0;

  /** @param print Prints an answered question. @param changed Called when the prompt has to be redrawn. */
  constructor(print: (line: Line) => void, changed: () => void) {
    this.#print = print;
    this.#changed = changed;
  }

  /** Whether keys are answers, rather than input to the prompt. */
  get isOpen(): boolean {
    return this.#logOut !== null;
  }

  /** The question being asked, or what is shown instead; null where there is neither. */
  get asked(): Asked | null {
    if (this.#question === null) {
      return this.#waiting === null ? null : { prompt: this.#waiting, text: "", cursor: 0 };
    }
    const { prompt, editor: { text, cursor }, isUnseen } = this.#question;
    return isUnseen ? { prompt, text: "", cursor: 0 } : { prompt, text, cursor };
  }

  /** Begins questions, in place of those that wait for Enter. */
  begin(logOut: () => void): void {
    this.#giveUpAwaited();
    this.#logOut = logOut;
    this.#changed();
  }

  /** Begins them with Enter at an empty line. @returns Whether they have begun: false where others, or the end, came first. */
  beginAtEnter(logOut: () => void): Promise<boolean> {
    this.#giveUpAwaited();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#awaited = { logOut, tell: resolve };
    return promise;
  }

  /** Enter was pressed at an empty line: everything typed after it is an answer, if questions wait for it. */
  enterPressed(): void {
    if (this.#awaited === null) return;
    const { logOut, tell } = this.#awaited;
    tell(true);
    this.begin(logOut);
  }

  #giveUpAwaited(): void {
    this.#awaited?.tell(false); // no effect where they have begun
    this.#awaited = null;
  }

  /** Asks a question, in place of one still open. @returns The answer; null where the question ends without one. */
  ask(question: Question): Promise<string | null> {
    const { promise, resolve } = Promise.withResolvers<string | null>();
    this.#question?.resolve(null);
    this.#question = { ...question, resolve, editor: EMPTY_EDITOR, unseen: "" };
    this.#waiting = null;
    this.#changed();
    return promise;
  }

  /** Shows `text` until the next question, or the end. */
  wait(text: string): void {
    this.#waiting = text;
    this.#changed();
  }

  /** Ends the questions: keys go to the prompt again. */
  end(): void {
    this.#giveUpAwaited();
    this.#answered(null);
    this.#waiting = null;
    this.#logOut = null;
    this.#changed();
  }

  logOut(): void {
    this.#logOut?.();
  }

  /** Takes the keys typed ahead; none while questions are open and nothing is asked yet. */
  takeTypedAhead(): readonly Key[] {
    if (this.isOpen && this.#question === null) return [];
    const keys = this.#typedAhead;
    this.forgetTypedAhead();
    return keys;
  }

  /** Drops the keys typed ahead. */
  forgetTypedAhead(): void {
    this.#typedAhead = [];
    this.#units = 0;
  }

  /** Puts `keys` before the keys typed ahead. */
  typedBefore(keys: readonly Key[]): void {
    const waiting = this.#typedAhead;
    this.forgetTypedAhead();
    for (const key of [...keys, ...waiting]) this.#keep(key);
  }

  /** Handles a key, or keeps it for the next question. @returns A request to the owner of the terminal, if any. */
  press(key: Key): EditorRequest | null {
    if (key.type === "press") {
      switch (key.name) {
        case "interrupt":
        case "suspend":
        case "redraw":
        case "log-out":
          return { type: key.name };
        case "tab":
        case "search":
          return null; // there is nothing to complete, or to find
        case "newline":
          return this.press({ type: "press", name: "enter" }); // an answer has one line
      }
    }
    const question = this.#question;
    if (question === null) this.#keep(key);
    else if (question.isUnseen) return this.#pressUnseen(question, key);
    else {
      const { state, request } = onKey(question.editor, key);
      if (request?.type === "submit") this.#answered(request.text);
      else if (request?.type === "end-of-input" || request?.type === "tell-malformed") {
        return request;
      } else question.editor = state;
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
