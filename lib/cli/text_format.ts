/** Lines of spans as text: times, colours, line breaks, and nothing that a terminal would obey. */

import { visibleLines, visibleText } from "../base/text.ts";
import { brokenAtWords, type Cells } from "./line_breaking.ts";
import { dayText, momentText, timeText } from "./moments.ts";
import type { Line, SpanStyle } from "./user_interface.ts";

export interface TextFormatOptions {
  readonly colour: boolean;
  /** Times with seconds. */
  readonly verbose: boolean;
  /** Lines are broken at words, and go on indented. `null` in a pipe, where each line stays one. */
  readonly terminal: (Cells & { columns(): number }) | null;
}

/** Part of a line on its way to a terminal. */
interface Piece {
  /** Visible. */
  readonly text: string;
  /** What switches its style on; empty for none. */
  readonly code: string;
}

/** Somebody's text in a line. */
interface Body {
  /** Cells before each line but the first one. */
  readonly indent: number;
  /** How many of the line's pieces there are up to its end. */
  readonly pieces: number;
}

const RESET = "\x1b[0m";
const STYLE_CODES: Readonly<Record<Exclude<SpanStyle, "name" | "body" | "exact">, string>> = {
  own: "\x1b[1m",
  mark: "\x1b[33m",
  faint: "\x1b[2m",
};

/** Foreground colours that are legible on dark and light ground; red and yellow are for what is wrong. */
const NAME_COLOURS = ["\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[96m", "\x1b[95m"];

/** A body's lines keep at least this many cells, however long the name before them. */
const BODY_COLUMNS_MIN = 20;
/**
 * Cells before a body's lines where what stands before it takes more than half of the terminal's: as under the shortest
 * name, so that a long one brings nobody's words nearer to the start of a line.
 */
const BODY_INDENT = "12:03 <A> ".length;

/** Cells before what goes on of a line without a time; with one, it goes on under the text after the mark. */
const INDENT = 2;
/** Stands between the time and the text of an event. */
const EVENT_MARK = /^(?: \(earlier\))? [*!?] $/;

const MINUTE_MS = 60_000;

export class TextFormat {
  readonly #options: TextFormatOptions;
  #lastDay: string;
  #lastDayMinute = NaN;
  #minute = NaN;
  #minuteText = "";

  /** @param nowMs Wall time: the day that is not announced. */
  constructor(options: TextFormatOptions, nowMs: number) {
    this.#options = options;
    this.#lastDay = dayText(nowMs);
  }

  /** The line, a day's announcement before it where the day changed; each ends with a line feed. */
  format(line: Line): string {
    let announcement = "";
    let pieces: Piece[] = [];
    let plain = "";
    /** Of `plain`: what the rest of a broken line stands under. */
    let head = 0;
    let mayBreak = this.#options.terminal !== null;
    let hasExact = false;
    let body: Body | null = null;
    for (const span of line) {
      if (typeof span === "object" && "timeMs" in span) {
        const { timeMs } = span;
        const isWithin = "nowMs" in span;
        const time = isWithin
          ? momentText(timeMs, { nowMs: span.nowMs, verbose: this.#options.verbose })
          : this.#timeText(timeMs);
        if (!isWithin) announcement += this.#announcement(timeMs);
        plain += time;
        pieces.push({ text: time, code: "" });
        continue;
      }
      const { text, as } = typeof span === "string" ? { text: span, as: null } : span;
      if (as === "body") {
        const indent = this.#bodyIndent(head === 0 ? plain : plain.slice(0, head));
        if (mayBreak) pieces = this.#wrapped(pieces, indent, -indent);
        pieces.push({ text: this.#body(text, indent, pieces), code: "" });
        body = { indent, pieces: pieces.length };
        plain += text;
        mayBreak = false;
        continue;
      }
      const visible = visibleText(text);
      if (EVENT_MARK.test(visible) && pieces.length === 1) head = plain.length + visible.length;
      plain += visible;
      if (as === "exact") {
        mayBreak = false;
        hasExact = true;
      }
      pieces.push({ text: visible, code: this.#code(visible, as) });
    }
    const shown = mayBreak
      ? this.#broken(pieces, plain, head)
      : body !== null && !hasExact
      ? this.#brokenBehind(body, pieces)
      : pieces;
    return `${announcement}${shown.map(styled).join("")}\n`;
  }

  /** The pieces with line breaks between words, where `plain`, their text, is too wide for the terminal. */
  #broken(pieces: readonly Piece[], plain: string, head: number): readonly Piece[] {
    const terminal = this.#options.terminal!;
    const columns = terminal.columns();
    if (terminal.width(plain) < columns) return pieces;
    const width = terminal.width(plain.slice(0, head));
    const indent = indentWithin(head === 0 ? INDENT : width, columns);
    const rest = piecesWithin(pieces, head, plain.length);
    return [...piecesWithin(pieces, 0, head), ...this.#wrapped(rest, indent, width - indent)];
  }

  /** What follows a body goes on after it, and where its lines begin. */
  #brokenBehind({ indent, pieces: count }: Body, pieces: readonly Piece[]): readonly Piece[] {
    if (this.#options.terminal === null || count === pieces.length) return pieces;
    const before = pieces.slice(0, count);
    const taken = this.#lastWidth(before) - indent;
    return [...before, ...this.#wrapped(pieces.slice(count), indent, taken)];
  }

  /** Cells of the last line of the pieces. */
  #lastWidth(pieces: readonly Piece[]): number {
    const text = pieces.map(({ text }) => text).join("");
    return this.#options.terminal!.width(text.slice(text.lastIndexOf("\n") + 1));
  }

  /**
   * The pieces with line breaks between words.
   * @param indent Cells before each line but the first one. @param taken Cells beyond those that the first has taken.
   */
  #wrapped(pieces: readonly Piece[], indent: number, taken: number): Piece[] {
    const terminal = this.#options.terminal!;
    const plain = pieces.map(({ text }) => text).join("");
    const parts = brokenAtWords(plain, terminal.columns() - indent, terminal, taken);
    const broken: Piece[] = [];
    let end = 0;
    for (const [index, part] of parts.entries()) {
      let start = end;
      while (!plain.startsWith(part, start)) start++; // over the blanks that the break stands for
      end = start + part.length;
      if (index > 0) broken.push({ text: `\n${" ".repeat(indent)}`, code: "" });
      broken.push(...piecesWithin(pieces, start, end));
    }
    return broken;
  }

  #announcement(timeMs: number): string {
    const minute = Math.floor(timeMs / MINUTE_MS);
    if (minute === this.#lastDayMinute) return ""; // no day begins within one
    this.#lastDayMinute = minute;
    const day = dayText(timeMs);
    if (day === this.#lastDay) return "";
    this.#lastDay = day;
    return `* ${day}\n`;
  }

  #timeText(timeMs: number): string {
    if (this.#options.verbose) return timeText(timeMs, true);
    const minute = Math.floor(timeMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#minuteText = timeText(timeMs, false);
    }
    return this.#minuteText;
  }

  #code(text: string, as: Exclude<SpanStyle, "body"> | null): string {
    if (as === null || as === "exact" || !this.#options.colour) return "";
    return as === "name" ? nameColour(text) : STYLE_CODES[as];
  }

  /** Cells before a body's lines: under the first one, or fewer where what is before that takes too many. */
  #bodyIndent(before: string): number {
    const { terminal } = this.#options;
    if (terminal === null) return 0;
    const columns = terminal.columns();
    const width = terminal.width(before);
    return indentWithin(width > columns / 2 ? BODY_INDENT : width, columns);
  }

  /**
   * On a terminal, every line of a body is indented, also where the terminal would break it: no sender can place words
   * at the start of a line.
   */
  #body(text: string, indent: number, before: readonly Piece[]): string {
    const { terminal } = this.#options;
    if (terminal === null) return visibleText(text);
    const room = terminal.columns() - indent;
    const taken = this.#lastWidth(before) - indent;
    const lines = visibleLines(text).flatMap((line, index) =>
      brokenAtWords(line, room, terminal, index === 0 ? taken : 0)
    );
    return lines.join(`\n${" ".repeat(indent)}`);
  }
}

/**
 * Cells before each line but the first one, where `width` are before that: never none, however narrow the terminal, as
 * words at the start of a line are the program's own. Where it has two columns there is no room for both.
 */
function indentWithin(width: number, columns: number): number {
  const least = Math.max(0, Math.min(INDENT, columns - 2));
  return Math.min(width, Math.max(least, columns - BODY_COLUMNS_MIN));
}

function styled({ text, code }: Piece): string {
  return code === "" ? text : `${code}${text}${RESET}`;
}

/** What of `pieces` is from `start` to `end` of their whole text. */
function piecesWithin(pieces: readonly Piece[], start: number, end: number): readonly Piece[] {
  const within: Piece[] = [];
  let offset = 0;
  for (const { text, code } of pieces) {
    const part = text.slice(Math.max(0, start - offset), Math.max(0, end - offset));
    if (part !== "") within.push({ text: part, code });
    offset += text.length;
  }
  return within;
}

function nameColour(name: string): string {
  // FNV-1a: the same name has the same colour at every member.
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return NAME_COLOURS[(hash >>> 0) % NAME_COLOURS.length]!;
}
