/**
 * The user interface at a terminal: lines are appended above a prompt that always takes input.
 *
 * The prompt, with a line of progress above it, is the only part of the screen that is ever rewritten: printing
 * erases it, writes the lines and draws it again, in one write.
 */

import { countText } from "../../base/text/words.ts";
import type { P2pchatError } from "../../base/errors.ts";
import { LEAVE_MS_MAX } from "../../base/machine/mode_limits.ts";
import { tooLong, visibleText } from "../../base/text/text.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import { COPY_REF } from "../commands/commands.ts";
import { CommandRunner } from "../streams/command_runner.ts";
import { copying } from "./clipboard.ts";
import { askedPath, complete, completedPath, type Completion } from "./completion.ts";
import { ROW_CELLS } from "../rendering/graphemes.ts";
import { NameColours } from "../rendering/name_colours.ts";
import { FoldedLines, HeldLines } from "./kept_lines.ts";
import { helpLines } from "../args/help_text.ts";
import { Interrupts } from "../streams/interrupts.ts";
import { type Key, KeyParser } from "./key_parser.ts";
import {
  cleared,
  continued,
  type EditorRequest,
  type EditorState,
  EMPTY_EDITOR,
  forgetting,
  insert,
  onKey,
  recalling,
  replaced,
  shownLine,
} from "./line_editor.ts";
import type { CommonOptions } from "../args/options.ts";
import { type DroppedInput, droppedInput } from "../streams/dropped_input.ts";
import { OutputQueue, unitsOf } from "../streams/output_queue.ts";
import { errorText, isCommon } from "../streams/piped_interface.ts";
import { changedPrompt, type DrawnPrompt, layoutPrompt, rowsAboveCursor } from "./prompt_layout.ts";
import { NotificationRate, notifying } from "./notifications.ts";
import { Questions } from "./questions.ts";
import { Unseen } from "./unseen.ts";
import { READ_BYTES, type Streams } from "../streams/streams.ts";
import {
  endRawMode,
  enterRawMode,
  leaveRawMode,
  reenterRawMode,
  reflows,
  WRAPPING_ON,
} from "../streams/terminal_mode.ts";
import {
  ignoredLines,
  noticeLine,
  placedLine,
  returnedLine,
  starLine,
} from "../rendering/spans.ts";
import { TextFormat } from "../streams/text_format.ts";
import type {
  Attention,
  CommonEvent,
  Dialogue,
  Draft,
  Expansion,
  InputHandler,
  InterruptCause,
  KeptLines,
  Line,
  Mode,
  Place,
  ShownEvent,
  UserInterface,
} from "../rendering/user_interface.ts";

/** Dragging a window's edge resizes it many times: the prompt is redrawn once the size stays the same for this long. */
const RESIZE_MS = 50;
/** A process that SIGTSTP hasn't stopped within this time isn't going to be stopped. */
const NOT_STOPPED_MS = 100;

/** A user who has seen that no question is asked stops typing: keys are dropped until none has come for this long. */
const QUIET_MS = 1_000;

/** Keys that are never dropped: they can't be part of an answer, and nobody types them ahead. */
const ALWAYS_HEEDED: ReadonlySet<string> = new Set(["interrupt", "suspend", "log-out"]);

const ERASE_BELOW = "\x1b[J";
const BELL = "\x07";

/** The terminal tells when it gets or loses the focus (xterm, DEC mode 1004). */
const FOCUS_ON = "\x1b[?1004h";
const FOCUS_OFF = "\x1b[?1004l";
/** Keeps the window's title, and brings it back (XTWINOPS); terminals that can't show their own for an empty one. */
const TITLE_KEPT = "\x1b[22;2t";
const TITLE_BACK = "\x1b]2;\x07\x1b[23;2t";
/** Terminals without a title. */
const UNTITLED = /^(?:linux|vt\d|dumb)/;

export class InteractiveInterface<Event extends ShownEvent, Target>
  implements UserInterface<Event, Target> {
  readonly interactive = true;
  /** A lost terminal isn't an error. */
  readonly outputError = null;
  readonly dialogue: Dialogue;
  readonly draft: Draft;
  readonly #mode: Mode<Event, Target>;
  readonly #options: CommonOptions;
  readonly #streams: Streams;
  readonly #output: OutputQueue;
  readonly #runner: CommandRunner<Target>;
  readonly #text: TextFormat;
  readonly #folded = new FoldedLines();
  readonly #interrupts: Interrupts;
  readonly #keys = new KeyParser();
  readonly #questions: Questions;
  /** Whether the terminal rewraps rows that have become too wide. */
  readonly #reflows: boolean;
  readonly #hasTitle: boolean;
  readonly #unseen: Unseen;
  readonly #notifications = new NotificationRate();
  readonly #shown = {
    firstWords: () => {
      this.#title = null;
      return this.#hasTitle ? FOCUS_ON + TITLE_KEPT : "";
    },
    // A write may have ended in a row for which wrapping was switched off.
    lastWords: () => this.#erased() + WRAPPING_ON + (this.#hasTitle ? FOCUS_OFF + TITLE_BACK : ""),
    stop: () => this.#output.stop(),
  };
  readonly #onResize = () => this.#resized();
  readonly #onContinue = () => this.#continued();

  #handler: InputHandler<Target> | null = null;
  #editor: EditorState = EMPTY_EDITOR;
  #prompt = "";
  #self: string | null = null;
  /** The title that the terminal shows; null: its own. */
  #title: string | null = null;
  #progress: string | null = null;
  #expansion: Expansion | null = null;
  #names: () => readonly string[] = () => [];
  #namesAway: (() => readonly string[]) | undefined;
  /** Whether the disk is asked for what a path may go on with. */
  #isLooking = false;
  #kept: KeptLines | null = null;
  #pausedBecause: string | null = null;
  #toldPause = false;
  #toldMalformed = false;
  #toldCleared = false;
  #toldBroken = false;
  readonly #held = new HeldLines();
  /** What `lineBegins` returned for the line being typed; called before that line is run. */
  #begun: (() => void) | undefined;
  /** What the line being typed was after its first key, if that was a paste. */
  #pasted: string | null = null;
  /** Questions that will begin with Enter at an empty line. */
  #awaited: { begin(): void; giveUp(): void } | null = null;

  /** The prompt's area as it is once all output so far is on the screen; `null`: not drawn. */
  #drawnPrompt: DrawnPrompt | null = null;
  /** Whether the prompt on the screen is out of date. */
  #isStale = false;
  #hasEnded = false;
  /** From the end of input until the last line has run: the timer that discards the lines still waiting. */
  #lastLines: ReturnType<typeof setTimeout> | null = null;
  /** Whether the terminal is in raw mode and being read. */
  #isOpen = false;
  /** Whether another reader of the terminal still has it. */
  #isTakingOver = false;
  #isSuspended = false;
  #isClosed = false;
  #escapeTimer: ReturnType<typeof setTimeout> | undefined;
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;
  #notStoppedTimer: ReturnType<typeof setTimeout> | undefined;
  /** The timer of the notification that waits. */
  #notificationTimer: { cancel(): void } | null = null;
  /** The timer of `QUIET_MS`; set while keys are dropped. */
  #quietTimer: ReturnType<typeof setTimeout> | undefined;
  /** Whether keys that are dropped belong to a line that was set aside. */
  #isAside = false;

  constructor(mode: Mode<Event, Target>, options: CommonOptions, streams: Streams) {
    this.#mode = mode;
    this.#options = options;
    this.#streams = streams;
    this.#reflows = reflows((name) => streams.variable(name));
    const columns = () => streams.size().columns;
    const terminal = { ...ROW_CELLS, columns };
    const { colour, plain, verbose } = options;
    const term = streams.variable("TERM") ?? "";
    this.#hasTitle = !plain && !UNTITLED.test(term);
    this.#unseen = new Unseen(streams.wallMs());
    const has256 = /256|direct/.test(term);
    const look = {
      names: new NameColours(has256, () => this.#names()),
      self: () => this.#self,
      hasRules: !plain,
      said: () => this.#unseen.said(streams.wallMs()),
    };
    const keepFolded = (line: Line) => {
      const number = this.#folded.keep(line);
      mode.folded?.(line, number);
      return number;
    };
    this.#text = new TextFormat({ colour, verbose, terminal, look, keepFolded }, streams.wallMs());
    this.#output = new OutputQueue({
      stdout: streams.stdout,
      stderr: streams.stderr,
      onClosed: () => this.#interrupts.raise("output-closed"),
      prompt: {
        compose: () => this.#compose(),
        erase: () => this.#redrawAll(),
        nowMs: () => streams.wallMs(),
      },
    });
    this.#runner = new CommandRunner(mode.commands, false, {
      refuse: (error) => this.#inOrder(() => this.#refuse(error)),
      help: (entries) =>
        this.#inOrder(() => this.#printLines(helpLines(entries, mode.commands, columns()))),
      showFolded: (number) => {
        const line = this.#folded.line(number);
        this.#print(unitsOf(line), () => this.#formatted([line], true));
        mode.folded?.(line, null);
      },
      clear: () => this.#clearScreen(),
      notice: (text) => this.show({ event: "notice", text }),
      mayCopy: true,
      ready: () => this.#output.ready(),
    });
    this.#questions = new Questions((line) => this.#printLines([line]), () => this.#redraw());
    this.dialogue = {
      begin: (logOut) => this.#beginQuestions(logOut),
      beginAtEnter: (logOut, isExpected, tell) => {
        if (isExpected && this.#held.isRunning) this.#typedAheadOfQuestions();
        const isPrompted = this.#handler !== null && !this.#questions.isOpen && !this.#hasEnded;
        if (!isPrompted || (isExpected && this.#editor.text === "")) {
          this.#beginQuestions(logOut);
          return Promise.resolve(true);
        }
        this.#awaited?.giveUp();
        const { promise, resolve } = Promise.withResolvers<boolean>();
        this.#awaited = {
          begin: () => {
            resolve(true);
            this.#beginQuestions(logOut); // everything typed after that Enter is an answer
          },
          giveUp: () => resolve(false),
        };
        tell();
        return promise;
      },
      ask: async (question) => {
        const answer = this.#questions.ask(question);
        this.#press([]);
        if (this.#hasEnded) this.#endQuestions();
        return await answer;
      },
      wait: (text) => this.#questions.wait(text),
      end: (isAnswered) => {
        this.#endQuestions();
        const dropped = isAnswered ? [] : this.#questions.takeTypedAhead();
        // The rest of a line that was being typed is no line of its own.
        if (dropped.length > 0 && !isEnter(dropped.at(-1)!)) this.#dropAll();
        this.#runHeld(); // runs lines that were entered before the questions began
        this.#press([]);
        this.#lastLineRun();
        return dropped.length > 0;
      },
      forgetTypedAhead: () => this.#questions.forgetTypedAhead(),
      dropTypedAhead: () => {
        if (this.#held.isRunning) this.#dropBehindLine();
        this.#dropAll();
      },
    };
    this.draft = {
      take: () => {
        const { text } = this.#editor;
        this.#editor = forgetting(this.#editor, []);
        this.#redraw();
        return text;
      },
      putBack: (text) => {
        if (this.#editor.text !== "") return false;
        this.#editor = insert(this.#editor, text);
        this.#redraw();
        return true;
      },
      setAside: (whose, kept) => this.#setAside(whose, kept),
    };
    this.#interrupts = new Interrupts(streams, endRawMode);
  }

  heedInterrupts(interrupted: (cause: InterruptCause) => boolean): void {
    this.#interrupts.heed((cause) => {
      const isLeaving = interrupted(cause);
      if (isLeaving) this.#giveUpHeld();
      return isLeaving;
    });
  }

  listen(handler: InputHandler<Target>): void {
    this.#handler = handler;
    this.heedInterrupts((cause) => handler.interrupted(cause));
    this.#open();
    this.#redraw();
  }

  #beginQuestions(logOut: () => void): void {
    this.#awaited?.giveUp(); // the new questions replace those waiting for Enter
    this.#awaited = null;
    this.#questions.begin(logOut);
    this.#open();
  }

  #endQuestions(): void {
    this.#awaited?.giveUp();
    this.#awaited = null;
    this.#questions.end();
  }

  /** Puts the terminal into raw mode and starts reading it, unless that is done already. */
  #open(): void {
    if (this.#isOpen || this.#isTakingOver) return;
    const dropped = droppedInput();
    if (dropped === null) this.#begin((buffer) => this.#streams.stdin.read(buffer));
    else void this.#takeOver(dropped); // rejects only for bugs
  }

  /** Waits until what may be a passphrase, typed again, is dropped; the prompt is shown only then. */
  async #takeOver(dropped: DroppedInput): Promise<void> {
    this.#isTakingOver = true;
    const { notice, read } = await dropped.handOver();
    this.#isTakingOver = false;
    if (this.#isClosed) return;
    this.#begin(read);
    if (notice !== null) this.show({ event: "notice", text: notice });
    this.#redraw();
  }

  #begin(read: Streams["stdin"]["read"]): void {
    this.#isOpen = true;
    enterRawMode(this.#streams, this.#shown);
    this.#keys.resumed();
    this.#streams.onSignal("SIGWINCH", this.#onResize);
    this.#streams.onSignal("SIGCONT", this.#onContinue);
    void this.#readAll(read); // rejects only for bugs, which end the program
  }

  attend(attention: Attention): void {
    if (!this.#isOpen || this.#isClosed) return;
    if (this.#unseen.isSeen(this.#streams.wallMs(), attention.isUrgent)) return;
    this.#notify(this.#notifications.offer(attention, SYSTEM_LINK_CLOCK.nowMs()));
  }

  #notify(attention: Attention | null): void {
    if (attention !== null) {
      const variable = (name: string) => this.#streams.variable(name);
      this.#output.write("stdout", BELL + notifying(attention, variable));
    }
    const { dueMs } = this.#notifications;
    if (dueMs === null || this.#notificationTimer !== null) return;
    this.#notificationTimer = SYSTEM_LINK_CLOCK.at(dueMs, () => {
      this.#notificationTimer = null;
      if (!this.#isClosed) this.#notify(this.#notifications.due(SYSTEM_LINK_CLOCK.nowMs()));
    });
  }

  show(event: Event | CommonEvent, ref?: string, place?: Place): void {
    const label = place?.label ?? null;
    if (isCommon(event)) return this.#showCommon(event, label);
    const nowMs = this.#streams.wallMs();
    const context = { nowMs, interactive: true, verbose: this.#options.verbose };
    const lines = () => this.#mode.render(event, context);
    this.#print(unitsOf(event), () => this.#formatted(placedLines(lines(), label)));
    if (ref === COPY_REF) this.#copy(lines());
  }

  /** Puts the last text of `lines` that is to be copied on the clipboard. */
  #copy(lines: readonly Line[]): void {
    const spans = lines.flat().filter((span) => typeof span === "object" && "as" in span);
    const copied = spans.findLast(({ as }) => as === "exact");
    if (copied === undefined) return;
    this.#output.write("stdout", copying(copied.text, (name) => this.#streams.variable(name)));
    this.#printStar("Copied to the clipboard, if your terminal allows it");
  }

  setPrompt(text: string, self: string | null): void {
    this.#prompt = `${text}> `;
    this.#self = self;
    this.#redraw();
  }

  setExpansion(expansion: Expansion | null): void {
    this.#expansion = expansion;
  }

  setNames(names: () => readonly string[], away?: () => readonly string[]): void {
    this.#names = names;
    this.#namesAway = away;
  }

  keepTyped(kept: KeptLines): void {
    this.#kept = kept;
    this.#editor = recalling(this.#editor, kept.lines);
  }

  progress(text: string | null): void {
    if (this.#options.plain) {
      // Nothing is rewritten in place, so only the first text of a series is printed.
      if (text !== null && this.#progress === null) this.#printStar(text);
      this.#progress = text;
      return;
    }
    this.#progress = text;
    this.#redraw();
  }

  pauseInput(reason: string | null): void {
    this.#pausedBecause = reason;
    this.#runner.pause(reason !== null);
    if (reason !== null) return;
    this.#toldPause = false;
    this.#runHeld();
    this.#lastLineRun();
  }

  giveUpWaiting(): void {
    this.#discardHeld();
  }

  ready(): Promise<void> | null {
    return this.#output.ready();
  }

  flush(): Promise<void> {
    return this.#output.flush();
  }

  written(): Promise<void> {
    return this.#output.written();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#endQuestions();
    this.#giveUpHeld();
    this.#isClosed = true;
    clearTimeout(this.#escapeTimer);
    clearTimeout(this.#resizeTimer);
    clearTimeout(this.#notStoppedTimer);
    clearTimeout(this.#quietTimer);
    this.#notificationTimer?.cancel();
    this.#redraw(); // erases the prompt
    await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, this.#output.flush());
    await endRawMode();
    this.#interrupts.close();
    if (!this.#isOpen) return;
    this.#streams.offSignal("SIGWINCH", this.#onResize);
    this.#streams.offSignal("SIGCONT", this.#onContinue);
  }

  // Input.

  async #readAll(read: Streams["stdin"]["read"]): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    while (!this.#isClosed) {
      let length: number | null;
      try {
        length = await read(buffer);
      } catch {
        length = null; // the terminal is gone
      }
      if (this.#isClosed) return;
      if (length === null) return this.#ended();
      clearTimeout(this.#escapeTimer);
      this.#press(this.#keys.push(buffer.subarray(0, length)));
      const { waitMs } = this.#keys;
      if (waitMs !== null) {
        this.#escapeTimer = setTimeout(() => this.#press(this.#keys.timeout()), waitMs);
      }
    }
  }

  #press(keys: readonly Key[]): void {
    for (const key of [...this.#questions.takeTypedAhead(), ...keys]) {
      if (this.#isClosed) return;
      if (key.type === "focus") {
        this.#unseen.focus(key.hasFocus, this.#streams.wallMs());
        if (key.hasFocus) this.#notifications.clear();
        continue;
      }
      this.#notifications.clear();
      this.#unseen.pressed(this.#streams.wallMs());
      if (this.#isDropped(key)) continue;
      if (key.type === "number" || key.type === "unseen") {
        if (!this.#questions.isOpen) this.#goElsewhere(key);
        continue;
      }
      const request = this.#questions.isOpen ? this.#questions.press(key) : this.#edit(key);
      if (request !== null) this.#answer(request);
    }
    this.#redraw();
  }

  #goElsewhere(key: Extract<Key, { type: "number" | "unseen" }>): void {
    if (key.type === "number") this.#handler?.goTo?.(key.number);
    else this.#handler?.goToUnseen?.();
  }

  #setAside(whose: string, kept: string | undefined): void {
    const text = kept ?? this.draft.take();
    if (text === "") return;
    this.#editor = { ...this.#editor, killed: text };
    this.#printStar(`What you were typing for ${whose} was set aside; Ctrl+Y brings it back`);
    if (kept !== undefined) return;
    this.#isAside = true;
    this.#dropUntilQuiet(); // the rest of the line comes before the user has read that
  }

  #dropUntilQuiet(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(() => this.#endQuiet(), QUIET_MS);
  }

  /** Keeps nothing of it: it may be a password. */
  #dropAll(): void {
    this.#isAside = false;
    this.#dropUntilQuiet();
  }

  #endQuiet(): void {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = undefined;
    this.#isAside = false;
  }

  #isDropped(key: Key): boolean {
    if (this.#quietTimer === undefined) return false;
    if (key.type === "press" && ALWAYS_HEEDED.has(key.name)) return false;
    if (this.#isAside && key.type === "press" && key.name === "yank") {
      this.#endQuiet(); // who presses that has read where the line went
      return false;
    }
    if (this.#isAside && (key.type === "text" || key.type === "paste")) {
      this.#editor = continued(this.#editor, key.text);
    }
    this.#dropUntilQuiet();
    return true;
  }

  #edit(key: Key): EditorRequest | null {
    const { state, request } = onKey(this.#editor, key);
    // If the queue is full, the line stays in the editor, so that nothing typed is lost. Enter alone isn't queued.
    const isFull = this.#held.isFull || this.#output.isFull;
    if (request?.type === "submit" && request.text !== "" && isFull) {
      this.#output.write("stdout", BELL);
      return null;
    }
    if (this.#editor.text === "" && state.text !== "") {
      this.#begun = this.#handler?.lineBegins?.();
      this.#pasted = key.type === "paste" ? state.text : null;
    }
    this.#editor = this.#expanded(state);
    return request;
  }

  /** Replaces the expansion as soon as it is typed: the user sees its meaning, which may change later. */
  #expanded(state: EditorState): EditorState {
    const expansion = this.#expansion;
    if (expansion === null || !state.text.startsWith(expansion.typed)) return state;
    const { typed, becomes } = expansion;
    if (this.#editor.text.startsWith(typed) || state.cursor < typed.length) return state;
    const longer = replaced(state, 0, typed.length, becomes);
    return { ...longer, cursor: state.cursor + becomes.length - typed.length };
  }

  #answer(request: EditorRequest): void {
    switch (request.type) {
      case "submit":
        return this.#submit(request.text);
      case "complete":
        return this.#complete();
      case "interrupt":
        return this.#interrupt();
      case "end-of-input":
        // During questions Ctrl+D does the same as Ctrl+X.
        return this.#questions.isOpen ? this.#questions.logOut() : this.#endOfInput();
      case "redraw":
        return this.#clearScreen();
      case "suspend":
        return void this.#suspend();
      case "log-out":
        return this.#questions.isOpen ? this.#questions.logOut() : this.#logOut();
      case "tell-malformed":
        return this.#tellMalformed();
      case "refuse-paste":
        return this.#refuse(tooLong(request.units));
    }
  }

  /** Says once what a pipe is told, too. */
  #tellMalformed(): void {
    if (this.#toldMalformed) return;
    this.#toldMalformed = true;
    const text = "Your terminal sends bytes that aren't UTF-8; they are replaced by U+FFFD, " +
      "until you set it to UTF-8";
    this.show({ event: "notice", text, warning: true });
  }

  /** Clears what is typed; where nothing is, or the program is leaving already, does what a signal does. */
  #interrupt(): void {
    const isLeaving = this.#interrupts.isLeaving || this.#hasEnded;
    if (this.#questions.isOpen || isLeaving || this.#editor.text === "") {
      return this.#interrupts.raise("interrupt");
    }
    this.#editor = cleared(this.#editor);
    if (this.#toldCleared) return;
    this.#toldCleared = true;
    const then = this.#handler?.isInCall?.() === true ? "ends the call" : "leaves";
    this.#printStar(`Ctrl+C cleared the line; Ctrl+Y brings it back, Ctrl+C again ${then}`);
  }

  #endOfInput(): void {
    if (this.#handler?.isInCall?.() !== true) return this.#ended();
    const text = "Ctrl+D leaves from the lobby: q ends the call first";
    this.show({ event: "error", code: "not-allowed", text });
  }

  #ended(): void {
    const isFirst = !this.#hasEnded;
    this.#hasEnded = true;
    this.#endQuestions();
    if (!isFirst) return;
    this.#lastLines = setTimeout(() => this.#leaveAtEnd(), LEAVE_MS_MAX);
    this.#runHeld();
    const { size } = this.#held;
    if (size > 0 && !this.#runner.hasLeft) {
      const lines = `${countText(size, "line")} that you wrote ${size === 1 ? "is" : "are"} sent`;
      this.#printStar(`Leaving when ${lines}, after ${LEAVE_MS_MAX / 1_000} s at the latest`);
    }
    this.#lastLineRun();
  }

  /** After the end of input: leaves as soon as no line is left to run. */
  #lastLineRun(): void {
    if (this.#lastLines === null || this.#held.isRunning) return;
    const isLast = this.#held.size === 0 && !this.#questions.isOpen;
    if (isLast || this.#runner.hasLeft) this.#leaveAtEnd();
  }

  #leaveAtEnd(): void {
    this.#giveUpHeld();
    this.#handler?.ended();
  }

  #logOut(): void {
    if (this.#handler?.logOut?.() === true) this.#giveUpHeld();
  }

  #submit(line: string): void {
    if (line === "") return this.#awaited?.begin();
    // A command is echoed, as nothing else would show what the user asked; chat is shown as the user's own message.
    const { commands } = this.#mode;
    const isCommand = (line.startsWith("/") && !line.startsWith("//")) || commands.words.has(line);
    if (isCommand || commands.chatIsSilent(line)) {
      this.#printLines([[this.#prompt, { text: line, as: "body" }]]);
    }
    // Quitting doesn't wait until input resumes: as at the end of input, earlier lines get 10 s.
    if (this.#pausedBecause !== null && this.#leaves(line)) {
      return this.#isKeptFrom(line) ? undefined : this.#ended();
    }
    this.#held.add({ text: line, begun: this.#begun, isPasted: line === this.#pasted });
    if (this.#pausedBecause === null) return this.#runHeld();
    if (this.#toldPause) return;
    this.#toldPause = true;
    // It may fail, and what waits is in memory alone.
    const then = "What you write is sent in order after that, or you are told that it wasn't.";
    this.#printStar(`Waiting: ${this.#pausedBecause}. ${then}`);
  }

  #leaves(line: string): boolean {
    return this.#handler !== null && this.#mode.commands.leaves(line, this.#handler.target);
  }

  /** Whether leaving would break something off for others, and that wasn't told yet; then it is told, and that is all. */
  #isKeptFrom(line: string): boolean {
    const broken = this.#toldBroken ? null : this.#handler?.brokenOff?.() ?? null;
    if (broken === null) return false;
    this.#toldBroken = true;
    this.#printStar(`${broken}: ${line.trim()} again to leave`);
    return true;
  }

  #runHeld(): void {
    const mayRun = () =>
      this.#pausedBecause === null && !this.#questions.isOpen && !this.#runner.hasLeft;
    this.#held.run(mayRun, (text, isPasted) => {
      if (isPasted && this.#handler!.pasted?.(text) === true) return;
      if (this.#leaves(text) && this.#isKeptFrom(text)) return;
      // Only now: what was entered behind a command that asks questions may have been a password.
      if (this.#mode.commands.mayBeKept(text)) this.#kept?.add(text);
      this.#runner.run(text, this.#handler!.target);
    });
  }

  /** For a command that asks questions: lines entered after it, and the one being typed, are meant as answers. */
  #typedAheadOfQuestions(): void {
    const { text } = this.#editor;
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
    this.show({ event: "notice", text, warning: true });
  }

  /** Takes everything typed after the line that is being run, also out of the history. */
  #takeBehindLine(): readonly string[] {
    const lines = this.#held.take();
    if (lines.length > 0 || this.#editor.text !== "") {
      this.#editor = forgetting(this.#editor, lines);
    }
    return lines;
  }

  /** Discards the waiting lines, and tells the user. */
  #giveUpHeld(): void {
    clearTimeout(this.#lastLines ?? undefined);
    this.#lastLines = null;
    this.#discardHeld();
  }

  #discardHeld(): void {
    const { length } = this.#held.take();
    if (length === 0) return;
    this.show({ event: "notice", text: unsentText(length), warning: true });
  }

  #complete(): void {
    const { text, cursor } = this.#editor;
    const { commands } = this.#mode;
    const names = this.#names();
    const asked = askedPath(text, cursor, commands, names, this.#namesAway);
    if (asked === null) {
      return this.#completed(complete(text, cursor, commands, names, this.#namesAway));
    }
    // One look at the disk at a time: a disk that doesn't answer holds nothing up but further ones.
    if (this.#isLooking) return this.#completed(null);
    this.#isLooking = true;
    const before = this.#editor;
    void asked.find(asked.typed, this.#options.dataFolder).then((found) => {
      this.#isLooking = false;
      if (this.#isClosed || this.#editor !== before) return; // the user has typed on
      this.#completed(completedPath(asked, found));
      this.#redraw();
    });
  }

  #completed(completion: Completion | null): void {
    if (completion === null) return this.#output.write("stdout", BELL);
    const { text, cursor } = this.#editor;
    const word = text.slice(completion.start, cursor);
    this.#editor = replaced(this.#editor, completion.start, cursor, completion.replacement);
    if (completion.choices.length > 0 && completion.replacement === word) {
      this.#printLines([[completion.choices.join("  ")]]);
    }
  }

  // The terminal.

  async #suspend(): Promise<void> {
    this.#isSuspended = true;
    this.#redraw(); // erases the prompt
    await this.#output.flush();
    leaveRawMode();
    this.#streams.suspend();
    // Where no shell could continue this process, the system doesn't stop it, and doesn't report that by a signal.
    this.#notStoppedTimer = setTimeout(() => this.#continued(), NOT_STOPPED_MS);
  }

  #continued(): void {
    clearTimeout(this.#notStoppedTimer);
    if (this.#isClosed) return;
    if (!reenterRawMode(this.#streams, this.#shown)) return;
    this.#keys.resumed();
    // Ctrl+Z has erased the prompt. If another process sent the stop signal, the prompt is still on the screen, mostly
    // in the row where it was drawn, and is erased now.
    this.#isSuspended = false;
    this.#redrawAll();
  }

  #resized(): void {
    clearTimeout(this.#resizeTimer);
    this.#resizeTimer = setTimeout(() => this.#redrawAll(), RESIZE_MS);
  }

  #clearScreen(): void {
    this.#drawnPrompt = null;
    this.#output.write("stdout", "\x1b[H\x1b[2J");
    this.#redraw();
  }

  // Output.

  /** Calls `show` once the answers to earlier lines are shown. */
  #inOrder(show: () => void): void {
    if (this.#handler?.answer === undefined) show();
    else this.#handler.answer(show);
  }

  #refuse(error: P2pchatError): void {
    this.show({ event: "error", code: error.code, text: error.message });
  }

  #showCommon(event: CommonEvent, label: string | null): void {
    if (event.event === "error") {
      const told = errorText(event.text, label);
      const line: Line = [{ text: "error:", as: "error" }, told.slice("error:".length)];
      const isScreen = this.#streams.stderr.isTerminal;
      this.#printError(isScreen ? this.#text.format(line) : `${visibleText(told)}\n`);
    } else if (event.event === "notice") {
      this.#printLines(placedLines([noticeLine(this.#streams.wallMs(), event)], label));
    } else if (event.event === "ignored") {
      this.#printLines(placedLines(ignoredLines(event), label));
    } else if (event.event === "returned") {
      this.#printLines(placedLines([returnedLine(this.#streams.wallMs(), event)], label));
    }
  }

  #printStar(text: string): void {
    this.#printLines([starLine(this.#streams.wallMs(), text)]);
  }

  #printLines(lines: readonly Line[]): void {
    this.#print(unitsOf(lines), () => this.#formatted(lines));
  }

  *#formatted(lines: readonly Line[], areWhole = false): Generator<string> {
    // A terminal in raw mode may need the carriage return.
    for (const line of lines) yield this.#text.format(line, areWhole).replaceAll("\n", "\r\n");
  }

  /** Prints lines in place of the prompt, which is drawn again below once the terminal has taken all output. */
  #print(units: number, parts: () => Iterable<string>): void {
    this.#output.write("stdout", this.#erased());
    this.#output.writeParts("stdout", units, parts);
    this.#redraw();
  }

  #printError(line: string): void {
    const isScreen = this.#streams.stderr.isTerminal; // a file needs no carriage return
    if (isScreen) this.#output.write("stdout", this.#erased());
    this.#output.write("stderr", isScreen ? line.replaceAll("\n", "\r\n") : line);
    this.#redraw();
  }

  /** What has changed of the prompt is written soon. */
  #redraw(): void {
    this.#isStale = true;
    this.#output.wake();
  }

  /** Erases the prompt, of which something may be lost, so that all of it is drawn. */
  #redrawAll(): void {
    this.#output.write("stdout", this.#erased());
    this.#redraw();
  }

  /** Appends the prompt to the output; called when nothing is to be written before it. */
  #compose(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    this.#showTitle();
    const takesInput = this.#questions.isOpen
      ? this.#questions.asked !== null
      : this.#handler !== null;
    const isShown = takesInput && this.#isOpen && !this.#isClosed && !this.#isSuspended;
    const next = isShown ? this.#laidOut() : null;
    if (next?.columns !== this.#drawnPrompt?.columns) this.#output.write("stdout", this.#erased());
    if (next === null) return;
    this.#output.write("stdout", changedPrompt(this.#drawnPrompt, next));
    this.#drawnPrompt = next;
  }

  /** The window's title says who one is here, and how much came unseen. */
  #showTitle(): void {
    if (!this.#hasTitle || !this.#isOpen || this.#isClosed || this.#isSuspended) return;
    const { count } = this.#unseen;
    const who = visibleText(this.#prompt.replace(/> $/, ""));
    const title = `${count === 0 ? "" : `(${count}) `}${who}${who === "" ? "" : " - "}p2pchat`;
    if (title === this.#title) return;
    this.#title = title;
    this.#output.write("stdout", `\x1b]2;${title}\x07`);
  }

  /** The output that erases the prompt's area and moves the cursor to its start. */
  #erased(): string {
    const drawn = this.#drawnPrompt;
    if (drawn === null) return "";
    this.#drawnPrompt = null;
    const row = this.#reflows
      ? rowsAboveCursor(drawn, this.#streams.size().columns)
      : drawn.cursorRow;
    return `\r${row > 0 ? `\x1b[${row}A` : ""}${ERASE_BELOW}`;
  }

  /** The prompt's area as it should be now. */
  #laidOut(): DrawnPrompt {
    const { columns, rows } = this.#streams.size();
    const above = this.#progress === null || this.#options.plain
      ? []
      : [layoutPrompt(this.#progress, "", 0, columns, 1).rows[0]!];
    const { prompt, text, cursor } = this.#questions.asked ??
      shownLine(this.#editor, this.#prompt);
    const rowsMax = Math.max(1, rows - 1 - above.length);
    const layout = layoutPrompt(prompt, text, cursor, columns, rowsMax);
    return {
      rows: [...above, ...layout.rows],
      cursorRow: above.length + layout.cursorRow,
      cursorColumn: layout.cursorColumn,
      columns,
    };
  }
}

function placedLines(lines: readonly Line[], label: string | null): readonly Line[] {
  return label === null ? lines : lines.map((line) => placedLine(line, label));
}

function isEnter(key: Key): boolean {
  return key.type === "press" && (key.name === "enter" || key.name === "newline");
}

function unsentText(lines: number): string {
  return `${countText(lines, "line")} that you wrote ${lines === 1 ? "wasn't" : "weren't"} sent`;
}
