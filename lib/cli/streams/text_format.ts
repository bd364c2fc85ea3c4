/** Formats lines of spans as text: times, colours, line breaks, and nothing that a terminal would obey. */

import { countText } from "../../base/text/words.ts";
import { finder } from "../../base/text/search.ts";
import { visibleText, withFewMarks } from "../../base/text/text.ts";
import { brokenAtWords, type Cells, COPIED, WORD } from "../rendering/line_breaking.ts";
import { mentionsOf } from "../rendering/mentions.ts";
import { dayText, momentText, timeText } from "../rendering/moments.ts";
import type { NameColours } from "../rendering/name_colours.ts";
import type { Streams } from "./streams.ts";
import { withoutWrapping } from "./terminal_mode.ts";
import type { Line, SpanStyle } from "../rendering/user_interface.ts";

export interface TextFormatOptions {
  /** Whether there are colours. At a terminal with a `look` what is bold stays so without them. */
  readonly colour: boolean;
  /** Whether times have seconds. */
  readonly verbose: boolean;
  /** Breaks lines at words, and indents what follows. `null` in a pipe, where lines aren't broken. */
  readonly terminal: (Cells & { columns(): number }) | null;
  /** At a terminal where people are present and talk. */
  readonly look?: Look;
  readonly folding?: Folding;
}

/** At a terminal: what is done with a body that takes too much of it. */
interface Folding {
  /** The height of the terminal. */
  rows(): number;
  /** Keeps a line that is shown without the rest of its body. @returns The number to show it by. */
  keep(line: Line): number;
}

/** What the look of lines depends on, besides the lines themselves. */
export interface Look {
  readonly names: NameColours;
  /** The user's own name; null where nobody can mention it. */
  self(): string | null;
  /** Whether a rule stands between lines of the history and what is new. */
  readonly hasRules: boolean;
  /** Somebody else's text is shown. @returns Since when all that follows is new, to be told above it. */
  said(): number | null;
}

/** How text is broken into the rows of the terminal. */
export async function screenOf(
  { size }: Pick<Streams, "size">,
): Promise<TextFormatOptions["terminal"]> {
  const { ROW_CELLS } = await import("../rendering/graphemes.ts"); // a pipe needs none of it
  return { ...ROW_CELLS, columns: () => size().columns };
}

/** A part of a line, as written to a terminal. */
interface Piece {
  /** The text in visible form. */
  readonly text: string;
  /** The escape sequence that switches its style on; empty for none. */
  readonly code: string;
  /** Whether it is copied or parsed, and so never broken. */
  readonly isExact?: boolean;
}

/** A person's text within a line. */
interface Body {
  /** Cells before each of its lines but the first. */
  readonly indent: number;
  /** The number of the line's pieces up to its end. */
  readonly pieces: number;
}

/** What is shown of a body. */
interface Folded {
  readonly lines: string;
  /** How many more lines it has. */
  readonly more: number;
}

const RESET = "\x1b[0m";
const FAINT = "\x1b[2m";
const STYLE_CODES: Readonly<Record<Exclude<SpanStyle, "name" | "body" | "exact">, string>> = {
  own: "\x1b[1m",
  mark: "\x1b[33m",
  faint: FAINT,
  error: "\x1b[31m",
  private: "\x1b[35m",
  earlier: FAINT,
  rule: FAINT,
  place: FAINT,
  qr: "\x1b[97;40m",
};
/** Bold and reversed: it is seen without colours, too. */
const MENTION = "\x1b[1;7m";

/** A sign before a line, and a blank. */
const SIGN_CELLS = 2;
/** The lines of a body have at least this many cells, however long the name before it. */
const BODY_COLUMNS_MIN = 20;
/**
 * Indentation of a body where the text before it takes more than half of the terminal's width: the same as after
 * the shortest name, so that no long name lets a person's text start further left than that.
 */
const BODY_INDENT = "12:03 <A> ".length;

/**
 * Indentation of further lines of a line without a time; those of a line with a time are aligned with the text
 * after the mark.
 */
const INDENT = 2;
/** The text between the time and the text of an event. */
const EVENT_MARK = /^ [*!?] $/;

/** What a body takes of a terminal's height before it is folded. */
const BODY_PART = 1 / 3;

const PRINTABLE_ASCII = /^[ -~]*$/;
const MINUTE_MS = 60_000;

export class TextFormat {
  readonly #options: TextFormatOptions;
  #lastDay: string;
  #lastDayMinute = NaN;
  #minute = NaN;
  #minuteText = "";
  /** `history` is shown before anything else; then what was `missed`, below a rule. */
  #shown: "history" | "missed" | "live" = "history";
  #hasEarlier = false;

  /** @param nowMs Wall time, whose day isn't announced. */
  constructor(options: TextFormatOptions, nowMs: number) {
    this.#options = options;
    this.#lastDay = dayText(nowMs);
  }

  /**
   * The line, preceded by an announcement if the day has changed; each ends with a line feed.
   * @param isWhole Whether a long body isn't folded.
   */
  format(line: Line, isWhole = false): string {
    const { terminal, look, colour } = this.#options;
    if (terminal === null && look === undefined && !colour) return this.#inPipe(line);
    const styles = new Set(line.map((span) => typeof span === "object" && "as" in span && span.as));
    const isEarlier = styles.has("earlier");
    const rules = this.#rules(line, styles);
    let announcement = "";
    let pieces: Piece[] = [];
    let plain = "";
    /** The start of `plain` that determines the indentation of further lines. */
    let head = 0;
    let mayBreak = this.#options.terminal !== null;
    let hasExact = false;
    let body: Body | null = null;
    for (const span of line) {
      if (typeof span === "object" && "timeMs" in span) {
        const { timeMs } = span;
        const isWithin = "nowMs" in span;
        const time = isWithin ? this.#momentText(span) : this.#timeText(timeMs);
        if (!isWithin) announcement += this.#announcement(timeMs);
        plain += time;
        pieces.push({ text: time, code: isWithin ? "" : this.#code(time, "faint") });
        continue;
      }
      const { text, as } = typeof span === "string" ? { text: span, as: null } : span;
      if (as === "earlier" && this.#shown !== "live" && look?.hasRules === true) continue;
      if (as === "body") {
        const indent = this.#bodyIndent(head === 0 ? plain : plain.slice(0, head));
        if (mayBreak) pieces = this.#wrapped(pieces, indent, -indent);
        const searched = typeof span === "object" && "searched" in span ? span.searched : undefined;
        const { lines, more } = isWhole ? { lines: text, more: 0 } : this.#folded(text, searched);
        const signed = typeof span === "object" && "areSigned" in span ? SIGN_CELLS : 0;
        const said = this.#body(lines, indent, pieces, signed);
        const isPrivate = typeof span === "object" && "isPrivate" in span && span.isPrivate;
        const code = isPrivate ? this.#code(said, "private") : "";
        pieces.push(...this.#mentions({ text: said, code }, styles.has("own")));
        if (more > 0) pieces.push({ text: `\n${" ".repeat(indent)}`, code: "" });
        body = { indent, pieces: pieces.length };
        if (more > 0) {
          const number = this.#options.folding!.keep(line);
          const told = `... ${countText(more, "more line")}: /show ${number}`;
          pieces.push({ text: told, code: this.#code(told, "faint") });
        }
        plain += text;
        mayBreak = false;
        continue;
      }
      const visible = this.#visible(text);
      const marks = (isEarlier && plain.endsWith(")") ? 1 : 0) + (styles.has("place") ? 1 : 0);
      const isFirst = pieces.length === 1 + marks;
      if (EVENT_MARK.test(visible) && isFirst) head = plain.length + visible.length;
      plain += visible;
      const isExact = as === "exact" || as === "qr";
      hasExact ||= isExact;
      pieces.push({ text: visible, code: this.#code(visible, as), isExact });
    }
    const shown = mayBreak
      ? this.#broken(pieces, plain, head)
      : body !== null && !hasExact
      ? this.#brokenBehind(body, pieces)
      : pieces;
    const dims = isEarlier && this.#options.look?.hasRules === true && this.#options.colour;
    const text = (dims ? shown.map(dimmed) : shown).map(styled).join("");
    // What may not be broken is the program's own, and mustn't be cut off.
    const isOwn = this.#options.terminal === null || hasExact;
    return `${rules}${announcement}${
      isOwn ? text : withoutWrapping(text, this.#options.terminal!.columns())
    }\n`;
  }

  /** The same where nothing is broken, styled or set apart: scripts are told thousands of lines a second. */
  #inPipe(line: Line): string {
    let announcement = "";
    let text = "";
    for (const span of line) {
      if (typeof span === "string") text += visibleText(span);
      else if ("text" in span) text += visibleText(span.text);
      else if ("nowMs" in span) text += this.#momentText(span);
      else {
        announcement += this.#announcement(span.timeMs);
        text += this.#timeText(span.timeMs);
      }
    }
    return `${announcement}${text}\n`;
  }

  /** The rule above a line: since when all that follows is new, or that the history has ended. */
  #rules(line: Line, styles: ReadonlySet<SpanStyle | false>): string {
    const { look } = this.#options;
    const isTimed = line.some((span) =>
      typeof span === "object" && "timeMs" in span && !("nowMs" in span)
    );
    if (styles.has("rule")) this.#shown = "missed";
    if (look === undefined || !isTimed) return "";
    const isEarlier = styles.has("earlier");
    this.#hasEarlier ||= isEarlier;
    if (isEarlier) return "";
    const sinceMs = styles.has("body") && !styles.has("own") ? look.said() : null;
    const endsHistory = this.#shown === "history" && this.#hasEarlier;
    if (endsHistory || styles.has("body")) this.#shown = "live";
    if (!look.hasRules) return "";
    if (sinceMs !== null) {
      return this.#rule(`new since ${timeText(sinceMs, this.#options.verbose)}`);
    }
    return endsHistory ? this.#rule("now") : "";
  }

  #rule(text: string): string {
    const rule = `-- ${text} --`;
    return `${styled({ text: rule, code: this.#code(rule, "faint") })}\n`;
  }

  /** A text of somebody else's, in which the user's own name stands out. */
  #mentions(said: Piece, isOwn: boolean): readonly Piece[] {
    const self = this.#options.look?.self() ?? null;
    if (isOwn || self === null || !this.#hasBold) return [said];
    const pieces: Piece[] = [];
    let end = 0;
    for (const [from, to] of mentionsOf(said.text, self)) {
      pieces.push({ text: said.text.slice(end, from), code: said.code });
      pieces.push({ text: said.text.slice(from, to), code: MENTION });
      end = to;
    }
    return [...pieces, { text: said.text.slice(end), code: said.code }];
  }

  /** The text in a form in which a terminal obeys nothing, and no character is buried under marks. */
  #visible(text: string): string {
    const visible = visibleText(text);
    return this.#options.terminal === null ? visible : withFewMarks(visible);
  }

  /**
   * The lines of a body that are shown, and how many more it has.
   * @param searched What it was found by: the lines with that are shown, where there are any, and not the first ones.
   */
  #folded(text: string, searched: string | undefined): Folded {
    const { terminal, folding } = this.#options;
    if (terminal === null || folding === undefined) return { lines: text, more: 0 };
    const last = text.endsWith("\n") ? text.length - 1 : text.length;
    const most = Math.max(1, Math.floor(folding.rows() * BODY_PART));
    let end = -1;
    let count = 0;
    let more = 1;
    for (let at = text.indexOf("\n"); at >= 0 && at < last; at = text.indexOf("\n", at + 1)) {
      count++;
      if (count === most) end = at;
      else if (count > most) more++;
    }
    if (end < 0) return { lines: text, more: 0 };
    const found = searched === undefined ? null : foundLines(text.slice(0, last), searched, most);
    return found ?? { lines: text.slice(0, end), more };
  }

  /** The pieces, with line breaks between words if `plain`, their text, is too wide for the terminal. */
  #broken(pieces: readonly Piece[], plain: string, head: number): readonly Piece[] {
    const terminal = this.#options.terminal!;
    const columns = terminal.columns();
    if (terminal.width(plain) < columns) return pieces;
    const width = terminal.width(plain.slice(0, head));
    const indent = head === 0
      ? indentWithin(INDENT, columns)
      : this.#bodyIndent(plain.slice(0, head));
    const rest = piecesWithin(pieces, head, plain.length);
    return [...piecesWithin(pieces, 0, head), ...this.#wrapped(rest, indent, width - indent)];
  }

  /** Breaks the pieces after a body, which continue on its last line, with the same indentation. */
  #brokenBehind({ indent, pieces: count }: Body, pieces: readonly Piece[]): readonly Piece[] {
    if (this.#options.terminal === null || count === pieces.length) return pieces;
    const before = pieces.slice(0, count);
    const taken = this.#lastWidth(before) - indent;
    return [...before, ...this.#wrapped(pieces.slice(count), indent, taken)];
  }

  /** The width in cells of the pieces' last line. */
  #lastWidth(pieces: readonly Piece[]): number {
    const text = pieces.map(({ text }) => text).join("");
    return this.#options.terminal!.width(text.slice(text.lastIndexOf("\n") + 1));
  }

  /**
   * The pieces with line breaks between words.
   * @param indent Cells before each line but the first. @param taken Further cells occupied in the first line.
   */
  #wrapped(pieces: readonly Piece[], indent: number, taken: number): Piece[] {
    const terminal = this.#options.terminal!;
    const plain = pieces.map(({ text }) => text).join("");
    const room = terminal.columns() - indent;
    const isCertain = PRINTABLE_ASCII.test(plain);
    const whole = { of: COPIED, exact: exactParts(pieces), indent, isCertain };
    const parts = brokenAtWords(plain, room, terminal, taken, whole);
    const broken: Piece[] = [];
    let end = 0;
    for (const [index, part] of parts.entries()) {
      let start = end;
      while (!plain.startsWith(part, start)) start++; // skips the blanks replaced by the break
      end = start + part.length;
      if (index > 0) broken.push({ text: `\n${" ".repeat(indent)}`, code: "" });
      broken.push(...piecesWithin(pieces, start, end));
    }
    return broken;
  }

  #announcement(timeMs: number): string {
    const minute = Math.floor(timeMs / MINUTE_MS);
    if (minute === this.#lastDayMinute) return ""; // the day doesn't change within a minute
    this.#lastDayMinute = minute;
    const day = dayText(timeMs);
    if (day === this.#lastDay) return "";
    this.#lastDay = day;
    const announcement = `* ${day}`;
    return `${styled({ text: announcement, code: this.#code(announcement, "faint") })}\n`;
  }

  #momentText({ timeMs, nowMs }: { readonly timeMs: number; readonly nowMs: number }): string {
    return momentText(timeMs, { nowMs, verbose: this.#options.verbose });
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
    if (as === null || as === "exact") return "";
    if (!this.#options.colour && !(as === "own" && this.#hasBold)) return "";
    return as === "name" ? this.#options.look?.names.codeOf(text) ?? "" : STYLE_CODES[as];
  }

  /** Whether what is bold is written so: never in a pipe. */
  get #hasBold(): boolean {
    const { colour, look, terminal } = this.#options;
    return colour || (terminal !== null && look !== undefined);
  }

  /** The indentation of a body, or of what an event says: aligned with its first line, or less if the text before it is too wide. */
  #bodyIndent(before: string): number {
    const { terminal } = this.#options;
    if (terminal === null) return 0;
    const columns = terminal.columns();
    const width = terminal.width(before);
    return indentWithin(width > columns / 2 ? BODY_INDENT : width, columns);
  }

  /**
   * Formats a body. On a terminal every line of it is indented, including those that the terminal would break, so
   * that no sender can put text at the start of a line.
   * @param behind By so much more where a line goes on.
   */
  #body(text: string, indent: number, before: readonly Piece[], behind: number): string {
    const { terminal } = this.#options;
    if (terminal === null) return visibleText(text);
    const room = terminal.columns() - indent - behind;
    const taken = this.#lastWidth(before) - indent;
    const isCertain = before.every(({ text }) => PRINTABLE_ASCII.test(text));
    const words = { of: WORD, indent: indent + behind, isCertain };
    const further = `\n${" ".repeat(indent + behind)}`;
    const lines = text.split("\n").map((line, index) =>
      brokenAtWords(this.#visible(line), room, terminal, index === 0 ? taken : 0, words)
        .join(further)
    );
    return lines.join(`\n${" ".repeat(indent)}`);
  }
}

/** The lines with the text, and where others are left out between them; null where it is in no line alone. */
function foundLines(text: string, searched: string, most: number): Folded | null {
  const isFound = finder(searched);
  const all = text.split("\n");
  const shown: string[] = [];
  let left = all.length;
  let next = 0;
  for (const [at, line] of all.entries()) {
    if (shown.length >= most) break;
    if (!isFound(line)) continue;
    if (at > next) shown.push("...");
    shown.push(line);
    left -= 1;
    next = at + 1;
  }
  return shown.length === 0 ? null : { lines: shown.join("\n"), more: left };
}

/**
 * The indentation of all lines but the first, where `width` cells precede that one. It is never 0, however narrow
 * the terminal, since text at the start of a line is the program's own; only with two columns or fewer is there no
 * room for it.
 */
function indentWithin(width: number, columns: number): number {
  const least = Math.max(0, Math.min(INDENT, columns - 2));
  return Math.min(width, Math.max(least, columns - BODY_COLUMNS_MIN));
}

function styled({ text, code }: Pick<Piece, "text" | "code">): string {
  return code === "" || text === "" ? text : `${code}${text}${RESET}`;
}

function dimmed(piece: Piece): Piece {
  return piece.code === FAINT ? piece : { ...piece, code: FAINT + piece.code };
}

/** Where the pieces that are never broken begin and end in the whole text. */
function exactParts(pieces: readonly Piece[]): readonly (readonly [number, number])[] {
  const parts: [number, number][] = [];
  let end = 0;
  for (const { text, isExact } of pieces) {
    if (isExact === true && text !== "") parts.push([end, end + text.length]);
    end += text.length;
  }
  return parts;
}

/** The parts of `pieces` from `start` to `end` of their whole text. */
function piecesWithin(pieces: readonly Piece[], start: number, end: number): readonly Piece[] {
  const within: Piece[] = [];
  let offset = 0;
  for (const { text, ...style } of pieces) {
    const part = text.slice(Math.max(0, start - offset), Math.max(0, end - offset));
    if (part !== "") within.push({ text: part, ...style });
    offset += text.length;
  }
  return within;
}
