/** Breaks lines that are too wide for the terminal. */

/** How wide a terminal shows text. */
export interface Cells {
  /** The width of a text in cells. */
  width(text: string): number;
  /** The characters of a text, which aren't divided, with their widths in cells. */
  characters(text: string): Iterable<Character>;
}

export interface Character {
  readonly segment: string;
  readonly width: number;
}

/** Where a word that is too wide for a row may be left to the terminal's own wrapping, which a selection joins. */
interface WholeWords {
  /** Which words: `WORD` or `COPIED`. */
  readonly of: RegExp;
  /** Parts of the line that stay together as one word, from and to, in ascending order. */
  readonly exact?: readonly (readonly [start: number, end: number])[];
  /** Cells before each row. */
  readonly indent: number;
  /** Whether the width of what stands before the line is certain. */
  readonly isCertain: boolean;
}

/** The greatest width of a character per UTF-16 unit. */
const UNIT_CELLS_MAX = 2;

const BLANK = /^\s/u;

/** A word whose width is certain, in a person's text: a link, a key, a line of 15,000 letters. */
export const WORD = /^[!-~]+$/;

/** What people copy from a text of the program's: an address with its key, a path, a digest. No name looks so. */
export const COPIED = /^[("]?(?:[!-~]+#[a-z2-7]{27}|~?\/[!-~]+|[0-9a-f]{64})[)",.:;]*$/;

/**
 * What may stand at the start of a row of the terminal, where otherwise only the program's own lines begin: the middle
 * of a word, which has no blank, without the brackets of names and prompts, and with none of the marks and
 * colons of events, times and errors.
 */
const HARMLESS = /^(?![*!]|\d*:|error:)[^<>[\]]*$/i;

/**
 * Breaks a line so that each part is narrower than `columns`, unless a single character is wider; one cell stays
 * free, as some terminals break full lines too early. A word is broken only if it is too wide for a line by itself,
 * after a slash if it has one (paths).
 * @param taken Cells of the first line that something else occupies; if nothing fits beside it, the first part is
 *   empty.
 * @param whole Which words may be left whole: they are, as the last word of a part, if none of the rows that the
 *   terminal makes of them can be taken for anything else. Otherwise, and where this is null, they are broken.
 */
export function brokenAtWords(
  line: string,
  columns: number,
  cells: Cells,
  taken = 0,
  whole: WholeWords | null = null,
): readonly string[] {
  if (taken + UNIT_CELLS_MAX * line.length < columns) return [line]; // the usual case
  const broken = new BrokenLine(columns, cells, taken, whole);
  let end = 0;
  for (const [from, to] of whole?.exact ?? []) {
    for (const token of tokensOf(line.slice(end, from), cells)) broken.next(token);
    broken.exact(line.slice(from, to));
    end = to;
  }
  for (const token of tokensOf(line.slice(end), cells)) broken.next(token);
  return broken.end();
}

/** A word, or a run of blanks. */
interface Token {
  readonly text: string;
  readonly width: number;
  readonly isBlank: boolean;
}

function* tokensOf(line: string, cells: Cells): Generator<Token> {
  let [text, tokenWidth, isBlank] = ["", 0, false];
  for (const { segment, width } of cells.characters(line)) {
    const startsBlank = BLANK.test(segment);
    if (startsBlank !== isBlank && text !== "") {
      yield { text, width: tokenWidth, isBlank };
      [text, tokenWidth] = ["", 0];
    }
    text += segment;
    tokenWidth += width;
    isBlank = startsBlank;
  }
  if (text !== "") yield { text, width: tokenWidth, isBlank };
}

class BrokenLine {
  readonly #parts: string[] = [];
  #part = "";
  /** Cells occupied by the present part. */
  #used: number;

  constructor(
    readonly columns: number,
    readonly cells: Cells,
    taken: number,
    readonly whole: WholeWords | null,
  ) {
    this.#used = taken;
  }

  next({ text, width, isBlank }: Token): void {
    if (this.#isFull(width)) {
      this.#breakLine();
      if (isBlank) return;
    }
    if (width < this.columns) this.#add(text, width);
    else if (isBlank || !this.#addWhole(text)) this.#addBroken(text);
  }

  /** Adds what is never broken, in a row of its own where it doesn't fit beside what is there. */
  exact(text: string): void {
    const width = this.cells.width(text);
    if (this.#isFull(width)) this.#breakLine();
    this.#add(text, width < this.columns ? width : Infinity); // what follows begins below
  }

  end(): readonly string[] {
    if (this.#part !== "" || this.#parts.length === 0) this.#parts.push(this.#part);
    return this.#parts;
  }

  /** Adds a word that the terminal may wrap. @returns False where it mayn't. */
  #addWhole(token: string): boolean {
    if (this.whole === null || !this.whole.of.test(token)) return false;
    const { indent, isCertain } = this.whole;
    const width = this.columns + indent;
    for (let start = this.columns; start < token.length; start += width) {
      if (!HARMLESS.test(token.slice(start, start + width))) return false;
    }
    if (this.#parts.length === 0 && !isCertain) this.#breakLine();
    this.#add(token, Infinity); // so that a new part begins behind it
    return true;
  }

  /** Adds a word that has to be broken. */
  #addBroken(word: string): void {
    /** The present part up to the last slash of the word: its length, and its cells; 0 where there is none. */
    let slashed = { length: 0, used: 0 };
    for (const { segment, width } of this.cells.characters(word)) {
      if (this.#isFull(width)) {
        if (slashed.length === 0) this.#breakLine();
        else {
          this.#parts.push(this.#part.slice(0, slashed.length));
          this.#part = this.#part.slice(slashed.length);
          this.#used -= slashed.used;
        }
        slashed = { length: 0, used: 0 };
      }
      this.#add(segment, width);
      if (segment === "/") slashed = { length: this.#part.length, used: this.#used };
    }
  }

  #add(text: string, width: number): void {
    this.#part += text;
    this.#used += width;
  }

  /** Whether the present part isn't empty and has no room for `width` more cells. */
  #isFull(width: number): boolean {
    return this.#used > 0 && this.#used + width >= this.columns;
  }

  #breakLine(): void {
    this.#parts.push(this.#part.trimEnd());
    this.#part = "";
    this.#used = 0;
  }
}
