/**
 * The screen: lines are appended above a prompt that always takes input.
 *
 * The prompt, with a line of progress above it, is the only part of the screen that is ever rewritten: printing
 * erases it, writes the lines and draws it again, in one write. Between `open` and `close` the terminal is in raw mode,
 * but for the time in which the program is stopped.
 */

import { asBegun } from "../../base/text/command_to_type.ts";
import { visibleText } from "../../base/text/text.ts";
import { CLOSE_MS_MAX, isDoneWithin } from "../../runtime/within.ts";
import { SYSTEM_LINK_CLOCK } from "../../transport/system_clock.ts";
import type { CommonOptions } from "../args/options.ts";
import { ROW_CELLS } from "../rendering/graphemes.ts";
import { NameColours } from "../rendering/name_colours.ts";
import { commonLines, placedLine, starLine } from "../rendering/spans.ts";
import type { CommonEvent, Line, Span } from "../rendering/user_interface.ts";
import { OutputQueue, unitsOf } from "../streams/output_queue.ts";
import { errorText } from "../streams/piped_interface.ts";
import type { Streams } from "../streams/streams.ts";
import {
  endRawMode,
  enterRawMode,
  leaveRawMode,
  reenterRawMode,
  reflows,
  WRAPPING_ON,
} from "../streams/terminal_mode.ts";
import { TextFormat } from "../streams/text_format.ts";
import { FoldedLines } from "./folded_lines.ts";
import { changedPrompt, type DrawnPrompt, layoutPrompt, rowsAboveCursor } from "./prompt_layout.ts";
import type { Asked } from "./questions.ts";
import type { Unseen } from "./unseen.ts";

/** Dragging a window's edge resizes it many times: the prompt is redrawn once the size stays the same for this long. */
const RESIZE_MS = 50;
/** A process that SIGTSTP hasn't stopped within this time isn't going to be stopped. */
const NOT_STOPPED_MS = 100;

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

type Options = Pick<CommonOptions, "colour" | "plain" | "verbose">;

interface ScreenPorts {
  /** What is at the prompt now; null: there is none, as nothing takes input. */
  asked(): Asked | null;
  /** Those whose names have colours of their own. */
  names(): readonly string[];
  /** What is asked of the user, behind who and where one is. */
  question(): string;
  /** A line's body is folded, to be shown by `/show` with this number. */
  folds(number: number): void;
  /** It is shown whole now. */
  unfolds(number: number): void;
  /** The terminal is in raw mode, or in it again: from now on keys come one by one. */
  isRaw(): void;
  /** Nobody reads the output any more. */
  outputClosed(): void;
}

export class PromptedScreen {
  readonly #options: Options;
  readonly #streams: Streams;
  readonly #unseen: Unseen;
  readonly #ports: ScreenPorts;
  readonly #output: OutputQueue;
  readonly #text: TextFormat;
  readonly #folded = new FoldedLines();
  /** Whether the terminal rewraps rows that have become too wide. */
  readonly #reflows: boolean;
  readonly #hasTitle: boolean;
  readonly #shown = {
    firstWords: () => {
      this.#title = null;
      if (!this.#hasTitle) return "";
      const keep = this.#isTitleKept ? "" : TITLE_KEPT;
      this.#isTitleKept = true;
      return FOCUS_ON + keep;
    },
    lastWords: () => {
      this.#isTitleKept = false;
      // A write may have ended in a row for which wrapping was switched off.
      return this.#erased() + WRAPPING_ON + (this.#hasTitle ? FOCUS_OFF + TITLE_BACK : "");
    },
    stop: () => this.#output.stop(),
  };
  readonly #onResize = () => this.#resized();
  readonly #onContinue = () => this.#continued();

  readonly #begunAs: string;
  #who = "";
  #self: string | null = null;
  /** The title that the terminal shows; null: its own. */
  #title: string | null = null;
  /** Whether its own is kept: who is stopped from outside doesn't bring it back, and mustn't keep ours in its place. */
  #isTitleKept = false;
  #progress: string | null = null;
  /** The prompt's area as it is once all output so far is on the screen; `null`: not drawn. */
  #drawnPrompt: DrawnPrompt | null = null;
  /** Whether the prompt on the screen is out of date. */
  #isStale = false;
  #isOpen = false;
  #isSuspended = false;
  #isClosed = false;
  #resizeTimer: ReturnType<typeof setTimeout> | undefined;
  #notStoppedTimer: ReturnType<typeof setTimeout> | undefined;

  /** @param unseen What others say while the user isn't looking: counted here, and shown in the title. */
  constructor(options: Options, streams: Streams, unseen: Unseen, ports: ScreenPorts) {
    this.#options = options;
    this.#streams = streams;
    this.#unseen = unseen;
    this.#ports = ports;
    this.#begunAs = streams.variable("P2PCHAT_AS") ?? "p2pchat";
    this.#reflows = reflows((name) => streams.variable(name));
    const { colour, plain, verbose } = options;
    const term = streams.variable("TERM") ?? "";
    this.#hasTitle = !plain && !UNTITLED.test(term);
    const terminal = { ...ROW_CELLS, columns: () => streams.size().columns };
    const look = {
      names: new NameColours(/256|direct/.test(term), () => ports.names()),
      self: () => this.#self,
      hasRules: !plain,
      said: () => unseen.said(streams.wallMs()),
    };
    const folding = {
      rows: () => streams.size().rows,
      keep: (line: Line) => {
        const number = this.#folded.keep(line);
        ports.folds(number);
        return number;
      },
    };
    this.#text = new TextFormat({ colour, verbose, terminal, look, folding }, streams.wallMs());
    this.#output = new OutputQueue({
      stdout: streams.stdout,
      stderr: streams.stderr,
      onClosed: () => ports.outputClosed(),
      prompt: {
        compose: () => this.#compose(),
        erase: () => this.#redrawAll(),
        nowMs: () => streams.wallMs(),
      },
    });
  }

  /** How far the terminal has taken what was printed. */
  get output(): Pick<OutputQueue, "isFull" | "ready" | "flush" | "written"> {
    return this.#output;
  }

  /** Whether it was opened, and so may have a prompt. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  // The terminal's mode.

  /** Puts the terminal into raw mode; once. */
  open(): void {
    this.#isOpen = true;
    enterRawMode(this.#streams, this.#shown);
    this.#ports.isRaw();
    this.#streams.onSignal("SIGWINCH", this.#onResize);
    this.#streams.onSignal("SIGCONT", this.#onContinue);
  }

  /** Gives the terminal back, and stops this process, until the user lets it go on. */
  async suspend(): Promise<void> {
    this.#isSuspended = true;
    this.redraw(); // erases the prompt
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
    this.#ports.isRaw();
    // Ctrl+Z has erased the prompt. If another process sent the stop signal, the prompt is still on the screen, mostly
    // in the row where it was drawn, and is erased now.
    this.#isSuspended = false;
    this.#redrawAll();
  }

  /** Takes the prompt away, writes the rest of the output for 2 s at most, and gives the terminal back. Once. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#resizeTimer);
    clearTimeout(this.#notStoppedTimer);
    this.redraw(); // erases the prompt
    await isDoneWithin(SYSTEM_LINK_CLOCK, CLOSE_MS_MAX, this.#output.flush());
    await endRawMode();
    if (!this.#isOpen) return;
    this.#streams.offSignal("SIGWINCH", this.#onResize);
    this.#streams.offSignal("SIGCONT", this.#onContinue);
  }

  // Lines.

  /**
   * Prints lines in place of the prompt, which is drawn again below once the terminal has taken all output.
   * @param units The size of their source: `unitsOf`. @param parts Called when their turn comes: returns `formatted`.
   */
  print(units: number, parts: () => Iterable<string>): void {
    this.#output.write("stdout", this.#erased());
    this.#output.writeParts("stdout", units, parts);
    this.redraw();
  }

  /**
   * Lines as they are written. @param label Of the room that they are about, where that isn't the one the user is in.
   * @param areWhole Whether long ones aren't folded.
   */
  *formatted(lines: Iterable<Line>, label: string | null, areWhole = false): Generator<string> {
    for (const line of lines) {
      const placed = (label === null ? line : placedLine(line, label)).map(this.#asBegun);
      // A terminal in raw mode may need the carriage return.
      yield this.#text.format(placed, areWhole).replaceAll("\n", "\r\n");
    }
  }

  readonly #asBegun = (span: Span): Span => {
    const begun = (text: string) => asBegun(text, this.#begunAs);
    if (typeof span === "string") return begun(span);
    return "text" in span && span.as === "exact" ? { ...span, text: begun(span.text) } : span;
  };

  /** Prints lines that are made already. @param label As for `formatted`. */
  printLines(lines: readonly Line[], label: string | null = null): void {
    this.print(unitsOf(lines), () => this.formatted(lines, label));
  }

  /** Prints what the program itself says. */
  printStar(text: string): void {
    this.printLines([starLine(this.#streams.wallMs(), text)]);
  }

  /** Prints what was typed at the prompt. */
  echo(text: string): void {
    this.printLines([[this.prompt, { text, as: "body" }]]);
  }

  /** Prints an event that all modes have. @param label As for `formatted`. */
  printCommon(event: CommonEvent, label: string | null = null): void {
    if (event.event === "error") {
      this.#printError(errorText(event.text, label));
    } else this.printLines(commonLines(event, this.#streams.wallMs()), label);
  }

  /** Prints the whole of a line that was folded. @throws {P2pchatError} `no-such-entry` where none has that number. */
  showFolded(number: number): void {
    const line = this.#folded.line(number);
    const formatted = this.formatted([line], null, true);
    const unfolds = () => this.#ports.unfolds(number);
    this.print(unitsOf(line), function* () {
      yield* formatted;
      unfolds();
    });
  }

  #printError(told: string): void {
    const isScreen = this.#streams.stderr.isTerminal; // a file needs no carriage return
    const line: Line = [{ text: "error:", as: "error" }, told.slice("error:".length)];
    const text = isScreen ? this.#text.format(line) : `${visibleText(told)}\n`;
    if (isScreen) this.#output.write("stdout", this.#erased());
    this.#output.write("stderr", isScreen ? text.replaceAll("\n", "\r\n") : text);
    this.redraw();
  }

  // What isn't a line.

  /** Writes a sequence that the terminal obeys, and doesn't show. */
  obey(sequence: string): void {
    this.#output.write("stdout", sequence);
  }

  ring(): void {
    this.obey(BELL);
  }

  clear(): void {
    this.#drawnPrompt = null;
    this.#output.write("stdout", "\x1b[H\x1b[2J");
    this.redraw();
  }

  // The prompt.

  /** @param self The user's own name, which stands out where others mention it; null where nobody can. */
  setPrompt(text: string, self: string | null): void {
    this.#who = text;
    this.#self = self;
    this.redraw();
  }

  /** What stands before the line being typed. */
  get prompt(): string {
    return `${this.#who}${this.#ports.question()}> `;
  }

  /** Shows the progress of something long above the prompt; null: of nothing. */
  progress(text: string | null): void {
    if (this.#options.plain) {
      // Nothing is rewritten in place, so only the first text of a series is printed.
      if (text !== null && this.#progress === null) this.printStar(text);
      this.#progress = text;
      return;
    }
    this.#progress = text;
    this.redraw();
  }

  /** What has changed of the prompt is written soon. */
  redraw(): void {
    this.#isStale = true;
    this.#output.wake();
  }

  /** Erases the prompt, of which something may be lost, so that all of it is drawn. */
  #redrawAll(): void {
    this.#output.write("stdout", this.#erased());
    this.redraw();
  }

  #resized(): void {
    clearTimeout(this.#resizeTimer);
    this.#resizeTimer = setTimeout(() => this.#redrawAll(), RESIZE_MS);
  }

  /** Appends the prompt to the output; called when nothing is to be written before it. */
  #compose(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const mayShow = this.#isOpen && !this.#isClosed && !this.#isSuspended;
    if (mayShow && this.#hasTitle) this.#showTitle();
    const asked = mayShow ? this.#ports.asked() : null;
    const next = asked === null ? null : this.#laidOut(asked);
    if (next?.columns !== this.#drawnPrompt?.columns) this.#output.write("stdout", this.#erased());
    if (next === null) return;
    this.#output.write("stdout", changedPrompt(this.#drawnPrompt, next));
    this.#drawnPrompt = next;
  }

  /** The window's title says who one is here, and how much came unseen. */
  #showTitle(): void {
    const { count } = this.#unseen;
    const who = visibleText(this.#who);
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
  #laidOut({ prompt, text, cursor }: Asked): DrawnPrompt {
    const { columns, rows } = this.#streams.size();
    const above = this.#progress === null || this.#options.plain
      ? []
      : [layoutPrompt("", this.#progress, 0, columns, 1).rows[0]!];
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
