/**
 * A terminal's screen with the features that p2pchat may use: text with automatic margins, and the cursor movements
 * and erasures of ECMA-48 that the prompt needs. Every other sequence is recorded in `unexpected`.
 */

import { textWidth } from "../../lib/cli/rendering/graphemes.ts";

/** Modes that may be switched: bracketed paste, and reports of the focus. */
const MODES = new Set(["?2004", "?1004"]);

const BLANK: Cell = { text: " ", style: "" };

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

interface Cell {
  /** Empty in the second cell of a wide character. */
  readonly text: string;
  /** The SGR parameters in effect when it was printed: `1;33`. */
  readonly style: string;
}

/** Text of one style. */
export type Run = Cell;

export class Screen {
  #cells: Cell[][];
  /** Rows that have scrolled off at the top. */
  readonly #scrollback: Cell[][] = [];
  #style = "";
  row = 0;
  column = 0;
  bells = 0;
  /** The window's title (OSC 2), and those that were kept (XTWINOPS). */
  title = "shell";
  readonly #titles: string[] = [];
  /** What was put on the clipboard last (OSC 52). */
  clipboard = "";
  /** Desktop notifications (OSC 9, 99, 777), without the number. */
  readonly notifications: string[] = [];
  readonly modes = new Set<string>();
  /** Escape sequences and control characters that the program must not use. */
  readonly unexpected: string[] = [];
  #pending = "";
  /** Whether text goes on in the next row where one is full (DEC mode 7); otherwise it overwrites the last column. */
  wraps = true;
  /** Whether the cursor is beyond the last column, until something is printed. */
  #wrapsNext = false;

  /**
   * @param reflows Whether rows that become too wide are rewrapped, as by nearly all terminals; xterm truncates
   * them.
   * @param pointWidth The cells of a code point, for a terminal that knows no graphemes; null: as p2pchat reckons.
   */
  constructor(
    public columns: number,
    public rows: number,
    readonly reflows = true,
    readonly pointWidth: ((character: string) => number) | null = null,
  ) {
    this.#cells = [[]];
  }

  /** The rows on the screen, without trailing blanks. */
  get lines(): readonly string[] {
    return this.#cells.map(textOf);
  }

  /** Everything that was printed and not erased, including the scrollback. */
  get text(): string {
    return this.#all().map(textOf).join("\n");
  }

  /** As `text`, as rows of runs. */
  get styled(): readonly (readonly Run[])[] {
    return this.#all().map(runsOf);
  }

  #all(): readonly (readonly Cell[])[] {
    return [...this.#scrollback, ...this.#cells];
  }

  /** The row with the cursor, which is shown as `|`. */
  get cursorLine(): string {
    const cells = this.#cells[this.row] ?? [];
    const cell = (column: number) => cells[column]?.text ?? " ";
    const range = (start: number, end: number) =>
      Array.from({ length: Math.max(0, end - start) }, (_, index) => cell(start + index)).join("");
    return `${range(0, this.column)}|${range(this.column, cells.length).trimEnd()}`;
  }

  /** Resizes the window. Rows that were wrapped before aren't joined again. */
  resize(columns: number, rows: number): void {
    if (this.reflows && columns < this.columns) this.#breakRows(columns);
    this.columns = columns;
    this.rows = rows;
    this.column = Math.min(this.column, columns - 1);
    while (this.row >= this.rows) this.#scroll();
  }

  #breakRows(columns: number): void {
    const broken: Cell[][] = [];
    let cursorRow = 0;
    for (const [row, cells] of this.#cells.entries()) {
      const last = this.row === row ? Math.max(cells.length, this.column + 1) : cells.length;
      for (let start = 0; start === 0 || start < last; start += columns) {
        broken.push(cells.slice(start, start + columns));
        if (row === this.row && start <= this.column) cursorRow = broken.length - 1;
      }
    }
    this.#cells = broken;
    this.row = cursorRow;
    this.column %= columns;
  }

  write(text: string): void {
    let rest = this.#pending + text;
    this.#pending = "";
    while (rest !== "") {
      if (rest[0] === "\x1b") {
        const after = rest.slice(1);
        // deno-lint-ignore no-control-regex
        const command = /^\](2|52;c|9|99|777);([^\x07\x1b]*)(?:(\x07|\x1b\\)|\x1b?$)/.exec(after);
        if (command !== null) {
          const [whole, what, value = "", end] = command;
          if (end === undefined) {
            this.#pending = rest;
            return;
          }
          if (what === "2") this.title = value;
          else if (what === "52;c") this.clipboard = atob(value);
          else this.notifications.push(value);
          rest = after.slice(whole.length);
          continue;
        }
        const sequence = /^\[([0-?]*)([ -/]*[@-~])/.exec(after);
        if (sequence === null) {
          if (/^(\[[0-?]*[ -/]*|\][0-9;c]{0,4})?$/.test(after)) {
            this.#pending = rest;
            return;
          }
          this.unexpected.push(rest.slice(0, 2));
          rest = rest.slice(2);
          continue;
        }
        this.#obey(sequence[1]!, sequence[2]!);
        rest = after.slice(sequence[0].length);
        continue;
      }
      const run = /^[^\p{Cc}]+/u.exec(rest)?.[0];
      if (run === undefined) {
        this.#control(rest[0]!);
        rest = rest.slice(1);
        continue;
      }
      if (this.pointWidth === null) {
        for (const { segment } of segmenter.segment(run)) this.#print(segment, textWidth(segment));
      } else for (const character of run) this.#print(character, this.pointWidth(character));
      rest = rest.slice(run.length);
    }
  }

  #control(character: string): void {
    if (character === "\r") {
      this.column = 0;
      this.#wrapsNext = false;
    } else if (character === "\n") {
      this.#lineFeed();
    } else if (character === "\x07") {
      this.bells++;
    } else {
      this.unexpected.push(character);
    }
  }

  #lineFeed(): void {
    this.#wrapsNext = false;
    this.row++;
    if (this.row >= this.rows) this.#scroll();
    while (this.#cells.length <= this.row) this.#cells.push([]);
  }

  #scroll(): void {
    this.#scrollback.push(this.#cells.shift() ?? []);
    this.row--;
  }

  #print(grapheme: string, width: number): void {
    if (width === 0) return this.#addTo(this.#wrapsNext ? this.column : this.column - 1, grapheme);
    if (!this.wraps) this.column = Math.max(0, Math.min(this.column, this.columns - width));
    else if (this.#wrapsNext || this.column + width > this.columns) {
      this.column = 0;
      this.#lineFeed();
    }
    const cells = this.#cells[this.row]!;
    while (cells.length < this.column) cells.push(BLANK);
    const style = this.#style;
    cells[this.column] = { text: grapheme, style };
    for (let offset = 1; offset < width; offset++) {
      cells[this.column + offset] = { text: "", style };
    }
    this.column += width;
    if (this.column >= this.columns) {
      this.column = this.columns - 1;
      this.#wrapsNext = this.wraps;
    }
  }

  /** Puts a character without width onto the one before it. */
  #addTo(column: number, character: string): void {
    const cells = this.#cells[this.row]!;
    const at = Math.max(0, cells[column]?.text === "" ? column - 1 : column);
    const cell = cells[at];
    if (cell !== undefined) cells[at] = { ...cell, text: cell.text + character };
  }

  #obey(parameters: string, final: string): void {
    const count = Math.max(1, Number(parameters) || 1);
    switch (final) {
      case "A":
        this.row = Math.max(0, this.row - count);
        return this.#moved();
      case "B":
        this.row = Math.min(this.rows - 1, this.row + count);
        while (this.#cells.length <= this.row) this.#cells.push([]);
        return this.#moved();
      case "C":
        this.column = Math.min(this.columns - 1, this.column + count);
        return this.#moved();
      case "G":
        this.column = Math.min(this.columns, count) - 1;
        return this.#moved();
      case "K":
        if (parameters === "") {
          this.#cells[this.row]!.length = Math.min(this.#cells[this.row]!.length, this.column);
          return;
        }
        break;
      case "H":
        this.row = 0;
        this.column = 0;
        return this.#moved();
      case "J":
        if (parameters === "2") this.#cells = Array.from({ length: this.row + 1 }, () => []);
        else {
          this.#cells.length = this.row + 1;
          this.#cells[this.row]!.length = Math.min(this.#cells[this.row]!.length, this.column);
        }
        return;
      case "t":
        if (parameters === "22;2") return void this.#titles.push(this.title);
        if (parameters === "23;2") {
          this.title = this.#titles.pop() ?? this.title;
          return;
        }
        break;
      case "m":
        if (/^0?$/.test(parameters)) this.#style = "";
        else this.#style += `${this.#style === "" ? "" : ";"}${parameters}`;
        return;
      case "h":
      case "l":
        if (parameters === "?7") {
          this.wraps = final === "h";
          if (!this.wraps) this.#wrapsNext = false;
          return;
        }
        if (MODES.has(parameters)) {
          if (final === "h") this.modes.add(parameters);
          else this.modes.delete(parameters);
          return;
        }
    }
    this.unexpected.push(`CSI ${parameters}${final}`);
  }

  #moved(): void {
    this.#wrapsNext = false;
  }
}

function textOf(cells: readonly Cell[]): string {
  let line = "";
  for (let column = 0; column < cells.length; column++) line += cells[column]?.text ?? " ";
  return line.trimEnd();
}

function runsOf(cells: readonly Cell[]): readonly Run[] {
  const runs: Run[] = [];
  for (const { text, style } of cells) {
    const last = runs.at(-1);
    if (last?.style === style) runs[runs.length - 1] = { text: last.text + text, style };
    else runs.push({ text, style });
  }
  return runs;
}
