/**
 * The lines entered at a terminal, until they are run: in order, one at a time, each with what it meant where it was
 * begun. They wait while input is paused, or questions are asked; after the end of input for 10 s at most.
 */

import { LEAVE_MS_MAX } from "../../base/machine/mode_limits.ts";
import { beginsCommand } from "../../base/text/text.ts";
import { countText } from "../../base/text/words.ts";
import type { CommandTable } from "../commands/commands.ts";
import { type Begun, isAnswer } from "../commands/open_questions.ts";
import type { InputHandler, KeptLines } from "../rendering/user_interface.ts";
import type { CommandRunner } from "../streams/command_runner.ts";
import type { PromptedScreen } from "./prompted_screen.ts";
import type { Questions } from "./questions.ts";

/** How things stood when the line's first character was typed. */
export interface BegunLine {
  /** What `InputHandler.lineBegins` returned for it. */
  readonly heed: (() => void) | undefined;
  readonly asked: Begun;
}

export interface EnteredLine {
  readonly text: string;
  readonly begun: BegunLine | null;
  /** Whether all of it was pasted at once. */
  readonly isPasted: boolean;
}

type Runner<Target> = Pick<CommandRunner<Target>, "hasLeft" | "pause" | "run">;
type Screen = Pick<PromptedScreen, "echo" | "printCommon" | "printStar">;
type Handler<Target> = Pick<
  InputHandler<Target>,
  "target" | "pasted" | "brokenOff" | "ended" | "typedRef"
>;

/** Lines that wait while input is paused: more than anybody types before they look. */
const LINES_MAX = 100;

export class EnteredLines<Target> {
  readonly #commands: CommandTable<Target>;
  readonly #runner: Runner<Target>;
  readonly #questions: Pick<Questions, "end" | "isOpen">;
  readonly #screen: Screen;
  #handler: Handler<Target> | null = null;
  #kept: KeptLines | null = null;
  #lines: EnteredLine[] = [];
  #isRunning = false;
  #pausedBecause: string | null = null;
  #toldPause = false;
  #toldBroken = false;
  #hasEnded = false;
  /** From the end of input until the last line has run: the timer that discards the lines still waiting. */
  #lastLines: ReturnType<typeof setTimeout> | null = null;

  constructor(
    commands: CommandTable<Target>,
    runner: Runner<Target>,
    questions: Pick<Questions, "end" | "isOpen">,
    screen: Screen,
  ) {
    this.#commands = commands;
    this.#runner = runner;
    this.#questions = questions;
    this.#screen = screen;
  }

  /** Sets what the lines are run on; none is entered before. */
  listen(handler: Handler<Target>): void {
    this.#handler = handler;
  }

  /** Lines that are run are kept there from now on, unless nobody may find them. */
  keepTyped(kept: KeptLines): void {
    this.#kept = kept;
  }

  get isFull(): boolean {
    return this.#lines.length >= LINES_MAX;
  }

  /** Whether a line is being run: those that wait were entered after it. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Whether lines can be entered: `listen` was called. */
  get isListening(): boolean {
    return this.#handler !== null;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** A line that isn't empty was entered. */
  enter(line: EnteredLine): void {
    const { text } = line;
    // A command is echoed, as nothing else would show what the user asked; chat is shown as the user's own message.
    const isCommand = beginsCommand(text) || this.#commands.words.has(text) ||
      (line.begun?.asked.question ?? null) !== null && isAnswer(text);
    if (isCommand || this.#commands.chatIsSilent(text)) this.#screen.echo(text);
    // Quitting doesn't wait until input resumes: as at the end of input, earlier lines get 10 s.
    if (this.#pausedBecause !== null && this.#leaves(text)) {
      return this.#isKeptFrom(text) ? undefined : this.end();
    }
    this.#lines.push(line);
    if (this.#pausedBecause === null) return this.run();
    if (this.#toldPause) return;
    this.#toldPause = true;
    // It may fail, and what waits is in memory alone.
    const then = "What you write is sent in order after that, or you are told that it wasn't.";
    this.#screen.printStar(`Waiting: ${this.#pausedBecause}. ${then}`);
  }

  /** @param reason Why lines wait from now on; null: they don't. */
  pause(reason: string | null): void {
    this.#pausedBecause = reason;
    this.#runner.pause(reason !== null);
    if (reason !== null) return;
    this.#toldPause = false;
    this.run();
    this.leaveAfterLast();
  }

  /** Runs those that needn't wait; never one within another. */
  run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#lines.length > 0 && this.#mayRun()) this.#runLine(this.#lines.shift()!);
    } finally {
      this.#isRunning = false;
    }
  }

  #mayRun(): boolean {
    return this.#pausedBecause === null && !this.#questions.isOpen && !this.#runner.hasLeft;
  }

  #runLine({ text, begun, isPasted }: EnteredLine): void {
    begun?.heed?.();
    if (isPasted && this.#handler!.pasted?.(text) === true) return;
    if (this.#leaves(text) && this.#isKeptFrom(text)) return;
    // Only now: what was entered behind a command that asks questions may have been a password.
    if (this.#commands.mayBeKept(text)) this.#kept?.add(text);
    const { target, typedRef } = this.#handler!;
    this.#runner.run(text, target, typedRef, begun?.asked);
  }

  #leaves(line: string): boolean {
    return this.#handler !== null && this.#commands.leaves(line, this.#handler.target);
  }

  /** Whether leaving would break something off for others, and that wasn't told yet; then it is told, and that is all. */
  #isKeptFrom(line: string): boolean {
    const broken = this.#toldBroken ? null : this.#handler?.brokenOff?.() ?? null;
    if (broken === null) return false;
    this.#toldBroken = true;
    this.#screen.printStar(`${broken}: ${line.trim()} again to leave`);
    return true;
  }

  /** The end of input: no question is answered any more, and the program leaves after the last line. */
  end(): void {
    const isFirst = !this.#hasEnded;
    this.#hasEnded = true;
    this.#questions.end();
    if (!isFirst) return;
    this.#lastLines = setTimeout(() => this.#leave(), LEAVE_MS_MAX);
    this.run();
    const { length } = this.#lines;
    if (length > 0 && !this.#runner.hasLeft) {
      const lines = `${countText(length, "line")} that you wrote ${
        length === 1 ? "is" : "are"
      } sent`;
      this.#screen.printStar(
        `Leaving when ${lines}, after ${LEAVE_MS_MAX / 1_000} s at the latest`,
      );
    }
    this.leaveAfterLast();
  }

  /** After the end of input: leaves as soon as no line is left to run. */
  leaveAfterLast(): void {
    if (this.#lastLines === null || this.#isRunning) return;
    const isLast = this.#lines.length === 0 && !this.#questions.isOpen;
    if (isLast || this.#runner.hasLeft) this.#leave();
  }

  #leave(): void {
    this.giveUp();
    this.#handler?.ended();
  }

  /** Takes all that wait away: they won't be run. */
  take(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines.map(({ text }) => text);
  }

  /** Discards those that wait, and tells the user. */
  discard(): void {
    const { length } = this.take();
    if (length === 0) return;
    const were = length === 1 ? "wasn't" : "weren't";
    const text = `${countText(length, "line")} that you wrote ${were} sent`;
    this.#screen.printCommon({ event: "notice", text, warning: true });
  }

  /** The program leaves, for whatever reason: discards those that wait. */
  giveUp(): void {
    clearTimeout(this.#lastLines ?? undefined);
    this.#lastLines = null;
    this.discard();
  }
}
