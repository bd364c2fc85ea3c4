/**
 * The user interface of a mode: for a person at a terminal, a pipe, or a script that reads JSON lines.
 *
 * The three forms differ only in presentation. A mode shows events, renders each of them as lines (`Mode.render`),
 * and receives parsed commands one at a time, in the order in which they were typed.
 *
 * The caller's duties:
 * 1. Call `listen` once, when the mode takes input; nothing is read before.
 * 2. Take nothing more from the network while `ready()` is a promise: the reader of the output is behind, and
 *    everything shown meanwhile stays in memory.
 * 3. Call `close` before the program ends, in a `finally`; it writes the rest of the output and restores the terminal.
 */

import type { ErrorCode, P2pchatError } from "../../base/errors.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { CommandTable } from "../commands/commands.ts";
import type { OpenQuestions, Place } from "../commands/open_questions.ts";

export type { Place };

/** Part of a line. It may contain control characters: they are made visible when the line is written. */
export type Span =
  | string
  | { readonly text: string; readonly as: SpanStyle }
  /**
   * `isPrivate`: in a message that only its receiver can read. `searched`: it was found, as it has this text in it.
   * `areSigned`: its lines begin with signs; where one is broken the rest stands behind them.
   */
  | {
    readonly text: string;
    readonly as: "body";
    readonly isPrivate?: boolean;
    readonly searched?: string;
    readonly areSigned?: true;
  }
  /** Wall time, ms since 1970, shown as hours and minutes; a line with the date precedes the first of a new day. */
  | { readonly timeMs: number }
  /** A time within a sentence shown at `nowMs`: with its date, unless both are on the same day. */
  | { readonly timeMs: number; readonly nowMs: number };

/**
 * `name`: in the colour of that name; `own`: bold; `mark`: marks a problem; `faint`: less important; `error`: in red;
 * `private`: around what only its receiver can read.
 * `earlier`: says that the line isn't new: at a terminal a rule above says so for all such lines, which are faint.
 * `body`: text that may have line breaks: on a terminal further lines are indented, in a pipe each break is `␊`.
 * `rule`: across lines of the history: those below it need no rule of their own.
 * `place`: says that the line is about another room than the one that the user is in.
 * `exact`: text to be copied or parsed by programs; a line that contains it is never broken.
 * `qr`: a row of a QR code whose light modules are drawn: as `exact`, and white on black, also where the terminal's
 * background is light.
 */
export type SpanStyle =
  | "name"
  | "own"
  | "mark"
  | "faint"
  | "error"
  | "private"
  | "earlier"
  | "rule"
  | "place"
  | "body"
  | "exact"
  | "qr";

/** One line of output, or several if it has a `body` with line breaks or the terminal is narrow. */
export type Line = readonly Span[];

/** An event as `--json` prints it, without `at` and `ref`. */
export interface ShownEvent {
  readonly event: string;
}

/** Events that all modes have, with the same text in each. */
export type CommonEvent =
  /**
   * `warning`: something is wrong. `history`: it was news at `sentAt`. `names`: of the friends, where that is the news.
   * `endedCodes`: the numbers of the word codes that count no more from now on.
   */
  | {
    readonly event: "notice";
    readonly text: string;
    readonly warning?: true;
    readonly history?: boolean;
    readonly sentAt?: string;
    readonly names?: readonly string[];
    readonly endedCodes?: readonly number[];
    /** The key of somebody whom the user ignores from now on. */
    readonly ignored?: string;
  }
  /**
   * A command failed or a remote peer reported an error; the program goes on. In text form it is written to stderr.
   * `unsent`: a message of the user was discarded because it couldn't be written to disk.
   */
  | {
    readonly event: "error";
    readonly code: ErrorCode;
    readonly text: string;
    readonly unsent?: true;
  }
  /** Answers `/ignored`. */
  | {
    readonly event: "ignored";
    readonly ignored: readonly {
      readonly name: string;
      readonly key: string;
      readonly since: string;
    }[];
  }
  | ReturnedEvent
  /** The address of the page, for the user alone: whoever has it speaks as the user here. */
  | { readonly event: "web"; readonly url: string }
  | IrcServedEvent
  /** Last event before exit 0; not shown in text form. */
  | { readonly event: "bye"; readonly reason: string };

/** A notice that tells what can be typed at the console, or where it is started. */
export interface Advice {
  readonly text: string;
  /** What doors show in its place, which have ways of their own; null: nothing. */
  readonly atDoors: string | null;
}

/** The last messages were shown again; what follows was said since the user went away (ISO 8601, UTC). */
export interface ReturnedEvent {
  readonly event: "returned";
  readonly since: string;
}

/** Where a client of IRC finds the program; `passwordFile`: what it has to give is in that file. */
export type IrcServedEvent =
  & { readonly event: "irc"; readonly passwordFile: string }
  & ({ readonly host: string; readonly port: number } | { readonly path: string });

/** What a mode provides to its user interface; `Event` is the type of its own events, besides the common ones. */
export interface Mode<Event extends ShownEvent, Target> {
  readonly commands: CommandTable<Target>;
  /**
   * The lines of an event in text form; none for an event that only scripts need. There may be thousands, each of which is
   * made when it is asked for; to be gone through once.
   */
  readonly render: (event: Event, context: RenderContext) => Iterable<Line>;
  /** What waits for the user's answer: one for the console and all doors. Absent: each has its own. */
  readonly questions?: OpenQuestions;
}

export interface RenderContext {
  /** Wall time, ms since 1970. */
  readonly nowMs: number;
  /** Whether a person reads the output at a terminal. */
  readonly interactive: boolean;
  readonly verbose: boolean;
}

/** Why the program should leave without a command to do so. */
export type InterruptCause = "interrupt" | "terminated" | "hangup" | "output-closed";

/** Lines that were read from a pipe and haven't been run. */
export interface WaitingLines {
  /** Whether the input ends with these lines. */
  readonly areAll: boolean;
  /** How many lines are waiting now. */
  count(): number;
}

/** Receives the input. Its methods and the commands' `run` are called one at a time, never nested. */
export interface InputHandler<Target> {
  /** What the commands are run on. */
  readonly target: Target;
  /**
   * The input has ended: the mode sends what is queued, for 10 s at most, and then leaves. Called after the last line
   * has been run. With `--stay` it is called only for Ctrl+D at a terminal. After Ctrl+D, lines that can't be run
   * within 10 s are discarded.
   */
  ended(): void;
  /**
   * Ctrl+C, SIGTERM, a closed terminal, or output that nobody reads. Called at once, before waiting lines are run.
   * @returns Whether the program is leaving: if so, the next Ctrl+C or SIGTERM forces it to exit with status 130.
   */
  interrupted(cause: InterruptCause): boolean;
  /** Ctrl+X at a terminal; without this method the key does nothing. @returns Whether the program is leaving. */
  logOut?(): boolean;
  /** At a terminal: whether there is a call, which Ctrl+C at an empty line ends, and which Ctrl+D doesn't. */
  isInCall?(): boolean;
  /** At a terminal: Alt and a digit, 1 to 9; without this method they do nothing. */
  goTo?(number: number): void;
  /** At a terminal: Alt+A, as other programs have it; without this method it does nothing. */
  goToUnseen?(): void;
  /**
   * At a terminal: the first character of a line was typed.
   * @returns A function that is called just before that line is run. With it the handler interprets the line by the
   * state in which the user began it, however long the line has waited since.
   * @param isAtDoor Whether it is one of a door's, begun and entered at once: whatever comes next, a script's command,
   *   say, wasn't begun with it.
   */
  lineBegins?(isAtDoor?: boolean): () => void;
  /** At a terminal: what a command that leaves would break off for others, which is told once; null: nothing. */
  brokenOff?(): string | null;
  /**
   * At a terminal: a line all of which was pasted at once is entered.
   * @returns Whether that is all that it means; otherwise it is run, as any other.
   */
  pasted?(line: string): boolean;
  /**
   * At a terminal, and in a pipe of text: the `ref` of what answers a command that is typed there. Absent where nobody
   * else sees answers.
   */
  readonly typedRef?: string;
  /**
   * In a pipe: shows an answer that the user interface itself gives to a line, such as an error or help, after the
   * immediate answers to earlier lines. Without this method the answer is shown now.
   */
  answer?(show: () => void): void;
  /**
   * In a pipe, without `--stay`: lines are waiting, and nothing more is read, because the input has ended or until some
   * of these lines have been run.
   */
  inputWaits?(waiting: WaitingLines): void;
  /** In a pipe: all lines so far have been run, and no more has arrived for 50 ms. */
  idle?(): void;
}

/** A question to the user at a terminal. */
export interface Question {
  /** Without control characters. */
  readonly prompt: string;
  /** Whether the answer is hidden while it is typed, even its length. */
  readonly isUnseen: boolean;
}

/** Questions at a terminal. From `begin` to `end` everything typed is an answer, and isn't run as a command. */
export interface Dialogue {
  /**
   * Keeps everything typed from now on for the next question, without showing it until then.
   * @param logOut Called for Ctrl+X, and for Ctrl+D where nothing is typed.
   */
  begin(logOut: () => void): void;
  /**
   * As `begin`, but while the user may be typing at the prompt: that text must not become an answer or a password. If
   * the prompt is shown, the questions begin with the next Enter at an empty line; `tell` is called to ask the user for
   * that. If no prompt is shown, they begin at once.
   * @param isExpected Whether the user has just requested the questions by a command. They then begin without that
   * Enter, unless another line is being typed. Everything typed after the command while it was waiting counts as
   * answers, too.
   * @returns Whether the questions have begun; false where the input or the dialogue ended first.
   */
  beginAtEnter(logOut: () => void, isExpected: boolean, tell: () => void): Promise<boolean>;
  /** Asks one question at a time. @returns The answer; null where the input or the dialogue ended without one. */
  ask(question: Question): Promise<string | null>;
  /** Shows `text` where the questions are asked, until the next one, or the end. */
  wait(text: string): void;
  /**
   * Ends the dialogue. Idempotent.
   * @param isAnswered Whether input typed ahead goes to the prompt. Otherwise it is dropped: it may be a password; and
   * if its last line wasn't entered yet, so is what follows, until the user pauses for 1 s.
   * @returns Whether anything was dropped.
   */
  end(isAnswered: boolean): boolean;
  /** Drops input typed ahead: it answers no question, and isn't shown. */
  forgetTypedAhead(): void;
  /**
   * For a command that should have asked questions but can't, while the user may already be typing answers: drops all
   * keys until the user pauses for 1 s. Lines entered after the command, while it was waiting, are never run.
   */
  dropTypedAhead(): void;
}

/** The line being typed at a terminal, in a console in which it may be meant for one of several rooms. */
export interface Draft {
  /** Takes it out of the line: it is for the room that the user goes away from. */
  take(): string;
  /** Begins a line with it, unless the user has begun another one. @returns Whether it does. */
  putBack(text: string): boolean;
  /**
   * What is typed for a room that ended is never said elsewhere: it is kept for Ctrl+Y, and told. What follows is kept
   * there, too, and not run, until the user has paused for 1 s, or has pressed Ctrl+Y.
   * @param whose For whom it was: `#Club`.
   * @param kept What `take` returned for that room before; without it, what is being typed.
   */
  setAside(whose: string, kept?: string): void;
}

/** A short beginning of a line, such as an abbreviation, and its current replacement. */
export interface Expansion {
  readonly typed: string;
  readonly becomes: string;
}

/** Lines typed at earlier starts, and what keeps those of this one. */
export interface KeptLines {
  /** The oldest first. */
  readonly lines: readonly string[];
  add(line: string): void;
}

/** What wants the user's attention. Texts may be others', with control characters. */
export interface Attention {
  readonly title: string;
  readonly body: string;
  /** Whether an answer is awaited within seconds. */
  readonly isUrgent: boolean;
}

/** Where a user interface keeps what it was shown. */
export interface KeptPlace {
  /** To be called while the folder is under lock. */
  close(): Promise<void>;
}

export interface UserInterface<Event extends ShownEvent, Target> {
  /**
   * Where the room, the group or the friends are kept, under lock: in programs for scripts what is shown from now on is
   * kept there, too, until it was asked for. Absent in others.
   * @param isElsewhere Whether an address led into this room, and not into the one where the user was before.
   * @throws {P2pchatError} `store-corrupt`, `bad-file` or `disk`.
   */
  readonly keepIn?:
    | ((disk: Disk, folder: string, isElsewhere?: boolean) => Promise<KeptPlace>)
    | undefined;
  /**
   * Sets the handler of interrupts until `listen`: a program that waits for others before it takes input must be able
   * to leave, too. Without it, the first interrupt is kept until `listen`.
   */
  heedInterrupts(interrupted: InputHandler<Target>["interrupted"]): void;
  /** Starts reading input; each command is run on `handler.target`. */
  listen(handler: InputHandler<Target>): void;
  /**
   * Shows an event: as its JSON object with `at` and `ref`, or as the lines that the mode renders.
   * @param place In a console with several rooms: the one that the event is about.
   */
  show(event: Event | CommonEvent, ref?: string, place?: Place): void;
  /** Whether what has this ref was asked at a door. Absent where there are none. */
  isOfDoor?(ref: string | undefined): boolean;
  /**
   * The user has said something that the console where it was typed doesn't show: doors do, and the console where it was
   * said at one of them. Absent where there are none.
   */
  showSaid?(event: Event | CommonEvent, ref?: string): void;
  /** Shows the text at the console as a notice, and what is said there at doors. Absent where there are none. */
  advise?(advice: Advice, place?: Place): void;
  /**
   * Sets the user's name and place, shown before `> `: `Alice`, `Alice @group`.
   * @param self The user's own name, which stands out where others mention it; null where nobody can.
   */
  setPrompt(text: string, self: string | null): void;
  /**
   * Sets the names that completion offers.
   * @param names Called only when Tab is pressed, as there may be thousands.
   * @param away Returns other known names, offered after `names` as arguments of commands about a person.
   */
  setNames(names: () => readonly string[], away?: () => readonly string[]): void;
  /** At a terminal: the keys that recall lines find these, too; lines that may be found by others are added. */
  keepTyped(kept: KeptLines): void;
  /** At a terminal: this beginning of a line is replaced as soon as it is typed. Null: nothing is replaced. */
  setExpansion(expansion: Expansion | null): void;
  /**
   * Shows the progress of something long as one line that is rewritten in place; `null` removes it. In a pipe and with
   * `--plain`, only the first text of a series is printed; with `--json`, none.
   */
  progress(text: string | null): void;
  /**
   * Back pressure: from the very next line on, runs no command until called with `null`. Meanwhile a pipe is read only
   * up to a limit; at a terminal the prompt keeps working, lines wait, and `reason` is shown.
   */
  pauseInput(reason: string | null): void;
  /** At a terminal: discards the lines that wait while input is paused, and tells the user. */
  giveUpWaiting(): void;
  /** `null` while more output is welcome; otherwise resolves when its reader has caught up. */
  ready(): Promise<void> | null;
  /** Resolves when everything shown has been written, or nobody reads it any more. */
  flush(): Promise<void>;
  /** Resolves when everything shown before the call has reached the user's screen; more may be waiting. */
  written(): Promise<void>;
  /**
   * At a terminal that the user isn't looking at: rings its bell, and shows a notification on the desktop where it can;
   * at most once a second.
   */
  attend(attention: Attention): void;
  /** The line being typed; null where none is: in a pipe. */
  readonly draft: Draft | null;
  /** Asks the user questions; null where there is no user to ask. */
  readonly dialogue: Dialogue | null;
  /** Whether a person types at a terminal. */
  readonly interactive: boolean;
  /**
   * The error with which the program ends though the user left as asked: standard output failed (null also where its
   * reader is just gone), or what a script wanted wasn't done.
   */
  readonly outputError: P2pchatError | null;
  /** Other places than the console are told why the program ends, and closed. Absent where there are none. */
  failing?(error: P2pchatError): Promise<void>;
  /** Stops reading, writes the rest of the output for 2 s at most, and restores the terminal. Idempotent. */
  close(): Promise<void>;
}
