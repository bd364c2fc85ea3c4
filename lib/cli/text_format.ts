/** Lines of spans as text: times, colours, line breaks, and nothing that a terminal would obey. */

import { visibleLines, visibleText } from "../base/text.ts";
import type { Line, Span, SpanStyle } from "./user_interface.ts";

export interface TextFormatOptions {
  readonly colour: boolean;
  /** Times with seconds. */
  readonly verbose: boolean;
  /** Bodies are indented and broken at words. `null` in a pipe, where each line stays one. */
  readonly terminal: (Cells & { columns(): number }) | null;
}

/** How a terminal shows text. */
export interface Cells {
  /** How many cells it takes. */
  width(text: string): number;
  /** What people see as its characters, and how many cells each takes. */
  characters(text: string): Iterable<{ readonly segment: string; readonly width: number }>;
}

const RESET = "\x1b[0m";
const STYLE_CODES: Readonly<Record<Exclude<SpanStyle, "name" | "body">, string>> = {
  own: "\x1b[1m",
  mark: "\x1b[33m",
  faint: "\x1b[2m",
};

/** Foreground colours that are legible on dark and light ground; red and yellow are for what is wrong. */
const NAME_COLOURS = ["\x1b[36m", "\x1b[32m", "\x1b[35m", "\x1b[34m", "\x1b[96m", "\x1b[95m"];

/** No character takes more cells for each of its UTF-16 units. */
const UNIT_CELLS_MAX = 2;

const BLANK = /^\s+$/u;

/** A body's lines keep at least this many cells, however long the name before them. */
const BODY_COLUMNS_MIN = 20;

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
    let styled = "";
    let plain = "";
    for (const span of line) {
      if (typeof span === "object" && "timeMs" in span) {
        announcement += this.#announcement(span.timeMs);
        const time = this.#timeText(span.timeMs);
        plain += time;
        styled += time;
        continue;
      }
      const { text, as } = typeof span === "string" ? { text: span, as: null } : span;
      if (as === "body") {
        styled += this.#body(text, plain);
        plain += text;
        continue;
      }
      const visible = visibleText(text);
      plain += visible;
      styled += as === null ? visible : this.#styled(visible, as);
    }
    return `${announcement}${styled}\n`;
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
    if (this.#options.verbose) {
      return new Date(timeMs).toTimeString().slice(0, "00:00:00".length);
    }
    const minute = Math.floor(timeMs / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#minuteText = new Date(timeMs).toTimeString().slice(0, "00:00".length);
    }
    return this.#minuteText;
  }

  #styled(text: string, as: Exclude<SpanStyle, "body">): string {
    if (!this.#options.colour) return text;
    return `${as === "name" ? nameColour(text) : STYLE_CODES[as]}${text}${RESET}`;
  }

  /**
   * On a terminal, every line of a body starts under its first one, also where the terminal would break it:
   * no sender can place words at the start of a line.
   */
  #body(text: string, before: string): string {
    const { terminal } = this.#options;
    if (terminal === null) return visibleText(text);
    const columns = terminal.columns();
    const width = terminal.width(before);
    const indent = Math.min(width, Math.max(0, columns - BODY_COLUMNS_MIN));
    const lines = visibleLines(text).flatMap((line, index) =>
      brokenAtWords(line, columns - indent, terminal, index === 0 ? width - indent : 0)
    );
    return lines.join(`\n${" ".repeat(indent)}`);
  }
}

/**
 * Breaks a line so that no part is as wide as `columns`, but for a character that is; one cell stays free, as
 * some terminals break a full line too early. A word is only broken where it would be too wide by itself.
 * @param taken Cells of the first part that something else takes; where nothing fits beside it, that part is
 *   empty.
 */
export function brokenAtWords(
  line: string,
  columns: number,
  cells: Cells,
  taken = 0,
): readonly string[] {
  if (taken + UNIT_CELLS_MAX * line.length < columns) return [line]; // as most are
  const parts: string[] = [];
  let part = "";
  let used = taken;
  const breakLine = () => {
    parts.push(part);
    part = "";
    used = 0;
  };
  const add = (text: string, width: number) => {
    part += text;
    used += width;
  };
  const addBreaking = (text: string, width: number) => {
    if (used > 0 && used + width >= columns) breakLine();
    add(text, width);
  };

  /** The word, or the blanks, that were begun; whole as long as they may fit. */
  let token: { readonly segment: string; readonly width: number }[] = [];
  let tokenWidth = 0;
  let isBlank = false;
  /** What is left of the token: more of one that is too wide, or blanks that a break stands for. */
  let rest: "break" | "drop" | null = null;
  const placeToken = () => {
    if (used > 0 && used + tokenWidth >= columns) {
      breakLine();
      if (isBlank) {
        rest = "drop";
        return;
      }
    }
    if (tokenWidth < columns) {
      for (const { segment, width } of token) add(segment, width);
      return;
    }
    rest = "break";
    for (const { segment, width } of token) addBreaking(segment, width);
  };
  for (const character of cells.characters(line)) {
    const blank = BLANK.test(character.segment);
    if (blank !== isBlank) {
      if (rest === null) placeToken();
      token = [];
      tokenWidth = 0;
      isBlank = blank;
      rest = null;
    }
    if (rest === "drop") continue;
    if (rest === "break") {
      addBreaking(character.segment, character.width);
      continue;
    }
    token.push(character);
    tokenWidth += character.width;
    if (tokenWidth >= columns) placeToken();
  }
  if (rest === null) placeToken();
  if (part !== "" || parts.length === 0) parts.push(part);
  return parts;
}

function dayText(timeMs: number): string {
  const date = new Date(timeMs);
  const digits = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${digits(date.getMonth() + 1)}-${digits(date.getDate())}`;
}

function nameColour(name: string): string {
  // FNV-1a: the same name has the same colour at every member.
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return NAME_COLOURS[(hash >>> 0) % NAME_COLOURS.length]!;
}

/** A line of the program's own, in the form that all events have: time, star, text. */
export function starLine(nowMs: number, text: string | Span): Line {
  return [{ timeMs: nowMs }, " * ", text];
}
