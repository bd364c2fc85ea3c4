/**
 * What a mode talks to: a person at a terminal, a pipe, or a script that reads JSON lines.
 *
 * The three forms differ in looks alone. A mode shows events, says how each reads as lines
 * (`Mode.render`), and is given parsed commands one at a time, in the order they were typed.
 *
 * The caller's duties:
 * 1. `listen` once, when the mode takes input; nothing is read before.
 * 2. Take nothing more from the network while `ready()` is a promise: the reader of the output is
 *    behind, and what is shown beyond that stays in memory.
 * 3. `close` before the program ends, in a `finally`; it writes what is left and restores the terminal.
 */

import type { ErrorCode, P2pchatError } from "../base/errors.ts";
import type { CommandTable } from "./commands.ts";

/** Part of a line. Whatever it holds, it is made harmless when it is written. */
export type Span =
  | string
  | { readonly text: string; readonly as: SpanStyle }
  /** Wall time, ms since 1970, as hours and minutes; a new day is announced on a line before. */
  | { readonly timeMs: number }
  /** A time within a sentence that is said at `nowMs`: with its date, unless both are of the same day. */
  | { readonly timeMs: number; readonly nowMs: number };

/**
 * `name`: coloured by its text; `own`: bold; `mark`: what is wrong; `faint`: less important.
 * `body`: text of several lines, indented under its first line on a terminal, `␊` for each break in a pipe.
 * `exact`: to be copied, or read by programs; its line is never broken.
 */
export type SpanStyle = "name" | "own" | "mark" | "faint" | "body" | "exact";

/** One line of output; a `body`, or a narrow terminal, may make it several. */
export type Line = readonly Span[];

/** An event as `--json` prints it, without `at` and `ref`. */
export interface ShownEvent {
  readonly event: string;
}

/** Events that all modes have; how they read is the same in each. */
export type CommonEvent =
  /** `warning`: something is wrong. */
  | { readonly event: "notice"; readonly text: string; readonly warning?: true }
  /**
   * A command or a remote failed; the program goes on. In text form: on stderr. `unsent`: a message of the user's was
   * given up, as the disk took nothing.
   */
  | {
    readonly event: "error";
    readonly code: ErrorCode;
    readonly text: string;
    readonly unsent?: true;
  }
  /** Last event before exit 0; not shown in text form. */
  | { readonly event: "bye"; readonly reason: string };

/** What a mode provides to its user interface; `Event` stands for its own events, beside the common ones. */
export interface Mode<Event extends ShownEvent, Target> {
  readonly commands: CommandTable<Target>;
  /** The lines of an event in text form; none where only scripts care. `nowMs` is wall time. */
  readonly render: (event: Event, context: RenderContext) => readonly Line[];
}

export interface RenderContext {
  /** Wall time, ms since 1970. */
  readonly nowMs: number;
  /** Whether a person reads along at a terminal. */
  readonly interactive: boolean;
  readonly verbose: boolean;
}

/** Why the program should leave although no command said so. */
export type InterruptCause = "interrupt" | "terminated" | "hangup" | "output-closed";

/** Lines that were read from a pipe and haven't been run. */
export interface WaitingLines {
  /** Whether the input ends with them. */
  readonly areAll: boolean;
  /** How many there are now. */
  count(): number;
}

/** Where input goes. Both the methods and the commands' `run` are called one at a time, never nested. */
export interface InputHandler<Target> {
  /** What the commands work on. */
  readonly target: Target;
  /**
   * There is no more input: send what is queued, 10 s at most, then leave. Comes after the last line has been
   * run; never with `--stay`, unless it is Ctrl+D at a terminal, where lines that can't be run within 10 s are given up.
   */
  ended(): void;
  /**
   * Ctrl+C, SIGTERM, a closed terminal, or output that nobody reads. Comes at once, past waiting lines.
   * @returns Whether the program is leaving: then the next Ctrl+C or SIGTERM forces it, with exit status 130.
   */
  interrupted(cause: InterruptCause): boolean;
  /** Ctrl+X at a terminal; where it is left out, the key does nothing. @returns Whether the program is leaving. */
  logOut?(): boolean;
  /**
   * At a terminal: the first character of a line was typed.
   * @returns Called before the line is run: it means what it meant where it was begun, however long it has waited.
   */
  lineBegins?(): () => void;
  /**
   * In a pipe: shows an answer that no command gives, after the answers to earlier lines that are given at once.
   * Left out: it is shown now.
   */
  answer?(show: () => void): void;
  /** In a pipe, without `--stay`: lines wait, and no more is read until some of them have been run, or at all. */
  inputWaits?(waiting: WaitingLines): void;
  /** In a pipe: all lines so far have been run, and no more came for a moment. */
  idle?(): void;
}

/** A question to the user at a terminal. */
export interface Question {
  /** Without control characters. */
  readonly prompt: string;
  /** Nothing of the answer is shown, not even its length. */
  readonly isUnseen: boolean;
}

/** Questions at a terminal, from `begin` to `end`: what is typed answers them, and runs no command. */
export interface Dialogue {
  /**
   * Keeps what is typed from now on for the next question, unseen until then. @param logOut What Ctrl+X does, and
   * Ctrl+D where nothing is typed.
   */
  begin(logOut: () => void): void;
  /**
   * The same for questions that come while the user may be typing at the prompt: that text is no answer, and no
   * password. If the prompt is shown, the questions begin with the next Enter at an empty line, which `tell` asks
   * for; otherwise at once.
   * @param isExpected The user has just asked for the questions: they begin without that Enter, unless another line
   * is being typed. What was typed behind the line that asks for them while that was waiting is for them, too.
   * @returns Whether the questions have begun; false where the input or the dialogue was ended first.
   */
  beginAtEnter(logOut: () => void, isExpected: boolean, tell: () => void): Promise<boolean>;
  /** Asks one question at a time. @returns The answer; null where the input or the dialogue ended without one. */
  ask(question: Question): Promise<string | null>;
  /**
   * Idempotent.
   * @param isAnswered Whether what was typed ahead goes to the prompt now. Otherwise nobody sees it: it may be a password.
   */
  end(isAnswered: boolean): void;
  /** What was typed ahead answers no question, and isn't shown. */
  forgetTypedAhead(): void;
  /**
   * Nothing is asked, although the user may be answering already: what is typed counts only after a pause of 1 s. What
   * was typed behind the line that is run, while that was waiting, is never run.
   */
  dropTypedAhead(): void;
}

/** A short beginning of a line, and what it stands for at the moment. */
export interface Expansion {
  readonly typed: string;
  readonly becomes: string;
}

export interface UserInterface<Event extends ShownEvent, Target> {
  /**
   * Says what interrupts do until `listen`: a program that waits for others before it takes input must be
   * able to leave, too. Without it, the first one waits for `listen`.
   */
  heedInterrupts(interrupted: InputHandler<Target>["interrupted"]): void;
  /** Starts reading input; each command is run on `handler.target`. */
  listen(handler: InputHandler<Target>): void;
  /** Shows an event: as its JSON object with `at` and `ref`, or as the lines that the mode gives it. */
  show(event: Event | CommonEvent, ref?: string): void;
  /** The user's name and place, before `> `: `Alice`, `Alice @group`. */
  setPrompt(text: string): void;
  /**
   * The names that completion offers; called when Tab is pressed, as there may be thousands. @param away Called for
   * commands about somebody: other known names, offered after `names`.
   */
  setNames(names: () => readonly string[], away?: () => readonly string[]): void;
  /** At a terminal: this beginning of a line is replaced as soon as it is typed. Null: none is. */
  setExpansion(expansion: Expansion | null): void;
  /**
   * One line that is rewritten in place while something long goes on; `null` takes it away. In a pipe and
   * with `--plain`, only the first of a series is printed; with `--json`, none.
   */
  progress(text: string | null): void;
  /**
   * Back pressure: runs no further command until called with `null`, from the very next line on. A pipe is hardly
   * read meanwhile; at a terminal the prompt goes on working, lines wait, and `reason` says why.
   */
  pauseInput(reason: string | null): void;
  /** `null` while output is taken; otherwise resolves when its reader has caught up. */
  ready(): Promise<void> | null;
  /** Resolves when all that was shown has been written, or nobody reads it any more. */
  flush(): Promise<void>;
  /** Resolves when everything shown before the call has reached the user's screen; more may be waiting. */
  written(): Promise<void>;
  /** Rings the terminal's bell. */
  ring(): void;
  /** Null where there is no user to ask. */
  readonly dialogue: Dialogue | null;
  /** Whether a person types at a terminal. */
  readonly interactive: boolean;
  /** Why standard output takes nothing more, where its reader hasn't just gone: how the program ends then. */
  readonly outputError: P2pchatError | null;
  /** Stops reading, writes what is left, 2 s at most, restores the terminal. Idempotent. */
  close(): Promise<void>;
}
