/**
 * Asks the user at a terminal: when questions begin, and which of the lines and keys typed before them are answers. What
 * may be a password is never shown, run, or kept.
 */

import { countText } from "../../base/text/words.ts";
import type { Dialogue, Question } from "../rendering/user_interface.ts";
import type { EditedLine } from "./edited_line.ts";
import type { EnteredLines } from "./entered_lines.ts";
import type { Key } from "./key_parser.ts";
import type { PromptedScreen } from "./prompted_screen.ts";
import type { Questions } from "./questions.ts";

type Typed = Pick<EditedLine<never>, "dropUntilQuiet" | "forget" | "text">;
type Entered = Pick<
  EnteredLines<never>,
  "hasEnded" | "isListening" | "isRunning" | "leaveAfterLast" | "run" | "take"
>;

interface DialoguePorts {
  /** Reads the keys from now on, unless they are read already. */
  open(): void;
  /** Presses the keys that were typed ahead. */
  pressTypedAhead(): void;
}

export class TerminalDialogue implements Dialogue {
  readonly #questions: Questions;
  readonly #line: Typed;
  readonly #entered: Entered;
  readonly #screen: Pick<PromptedScreen, "printCommon">;
  readonly #ports: DialoguePorts;

  /** @param line The one being typed. @param entered Those entered before it. */
  constructor(
    questions: Questions,
    line: Typed,
    entered: Entered,
    screen: Pick<PromptedScreen, "printCommon">,
    ports: DialoguePorts,
  ) {
    this.#questions = questions;
    this.#line = line;
    this.#entered = entered;
    this.#screen = screen;
    this.#ports = ports;
  }

  begin(logOut: () => void): void {
    this.#questions.begin(logOut);
    this.#ports.open();
  }

  beginAtEnter(logOut: () => void, isExpected: boolean, tell: () => void): Promise<boolean> {
    if (isExpected && this.#entered.isRunning) this.#typedAheadOfQuestions();
    const isPrompted = this.#entered.isListening && !this.#questions.isOpen &&
      !this.#entered.hasEnded;
    if (!isPrompted || (isExpected && this.#line.text === "")) {
      this.begin(logOut);
      return Promise.resolve(true);
    }
    const hasBegun = this.#questions.beginAtEnter(logOut);
    tell();
    return hasBegun;
  }

  async ask(question: Question): Promise<string | null> {
    const answer = this.#questions.ask(question);
    this.#ports.pressTypedAhead();
    if (this.#entered.hasEnded) this.#questions.end();
    return await answer;
  }

  wait(text: string): void {
    this.#questions.wait(text);
  }

  end(isAnswered: boolean): boolean {
    this.#questions.end();
    const dropped = isAnswered ? [] : this.#questions.takeTypedAhead();
    // The rest of a line that was being typed is no line of its own.
    if (dropped.length > 0 && !isEnter(dropped.at(-1)!)) this.#line.dropUntilQuiet(true);
    this.#entered.run(); // those that were entered before the questions began
    this.#ports.pressTypedAhead();
    this.#entered.leaveAfterLast();
    return dropped.length > 0;
  }

  forgetTypedAhead(): void {
    this.#questions.forgetTypedAhead();
  }

  dropTypedAhead(): void {
    if (this.#entered.isRunning) this.#dropBehindLine();
    this.#line.dropUntilQuiet(false);
  }

  /** For a command that asks questions: lines entered after it, and the one being typed, are meant as answers. */
  #typedAheadOfQuestions(): void {
    const { text } = this.#line;
    const lines = this.#takeBehindLine();
    const enter: Key = { type: "press", name: "enter" };
    const keys = lines.flatMap((line): Key[] => [{ type: "text", text: line }, enter]);
    if (text !== "") keys.push({ type: "text", text });
    this.#questions.typedBefore(keys);
  }

  /** For a command that can't ask its questions: discards the lines entered after it, which nobody may see. */
  #dropBehindLine(): void {
    const { length } = this.#takeBehindLine();
    if (length === 0) return;
    const why = length === 1 ? "it may be a password" : "they may be passwords";
    const text = `Dropped ${countText(length, "line")} that you typed, as ${why}`;
    this.#screen.printCommon({ event: "notice", text, warning: true });
  }

  /** Takes everything typed after the line that is being run, also out of the history. */
  #takeBehindLine(): readonly string[] {
    const lines = this.#entered.take();
    if (lines.length > 0 || this.#line.text !== "") this.#line.forget(lines);
    return lines;
  }
}

function isEnter(key: Key): boolean {
  return key.type === "press" && (key.name === "enter" || key.name === "newline");
}
