/** Breaks lines that are too wide for the terminal. */

/** How wide a terminal shows text. */
export interface Cells {
  /** The width of a text in cells. */
  width(text: string): number;
  /** The graphemes of a text with their widths in cells. */
  characters(text: string): Iterable<Character>;
}

interface Character {
  readonly segment: string;
  readonly width: number;
}

/** The greatest width of a grapheme per UTF-16 unit. */
const UNIT_CELLS_MAX = 2;

const BLANK = /^\s+$/u;

/**
 * Breaks a line so that each part is narrower than `columns`, unless a single character is wider; one cell stays
 * free, as some terminals break full lines too early. A word is broken only if it is too wide for a line by itself,
 * after a slash if it has one (paths).
 * @param taken Cells of the first line that something else occupies; if nothing fits beside it, the first part is
 *   empty.
 */
export function brokenAtWords(
  line: string,
  columns: number,
  cells: Cells,
  taken = 0,
): readonly string[] {
  if (taken + UNIT_CELLS_MAX * line.length < columns) return [line]; // the usual case
  const broken = new BrokenLine(columns, taken);
  for (const character of cells.characters(line)) broken.next(character);
  return broken.end();
}

class BrokenLine {
  readonly #parts: string[] = [];
  #part = "";
  /** Cells occupied by the present part. */
  #used: number;
  /** The present part up to the last slash of an overlong word: its length, and its cells; 0 where there is none. */
  #slashed = { length: 0, used: 0 };
  /** The present word or run of blanks; collected as long as it may fit on a line. */
  #token: Character[] = [];
  #tokenWidth = 0;
  #isBlank = false;
  /** What to do with the rest of the token: break an overlong word anywhere, or drop blanks after a line break. */
  #rest: "break" | "drop" | null = null;

  constructor(readonly columns: number, taken: number) {
    this.#used = taken;
  }

  next(character: Character): void {
    const isBlank = BLANK.test(character.segment);
    if (isBlank !== this.#isBlank) this.#beginToken(isBlank);
    if (this.#rest === "drop") return;
    if (this.#rest === "break") return this.#addBreaking(character);
    this.#token.push(character);
    this.#tokenWidth += character.width;
    if (this.#tokenWidth >= this.columns) this.#placeToken();
  }

  end(): readonly string[] {
    if (this.#rest === null) this.#placeToken();
    if (this.#part !== "" || this.#parts.length === 0) this.#parts.push(this.#part);
    return this.#parts;
  }

  #beginToken(isBlank: boolean): void {
    if (this.#rest === null) this.#placeToken();
    this.#token = [];
    this.#tokenWidth = 0;
    this.#isBlank = isBlank;
    this.#rest = null;
  }

  #placeToken(): void {
    if (this.#isFull(this.#tokenWidth)) {
      this.#breakLine();
      if (this.#isBlank) {
        this.#rest = "drop";
        return;
      }
    }
    if (this.#tokenWidth < this.columns) {
      for (const character of this.#token) this.#add(character);
      return;
    }
    this.#rest = "break";
    this.#slashed = { length: 0, used: 0 };
    for (const character of this.#token) this.#addBreaking(character);
  }

  #addBreaking(character: Character): void {
    if (this.#isFull(character.width)) this.#breakWord();
    this.#add(character);
    if (character.segment === "/") {
      this.#slashed = { length: this.#part.length, used: this.#used };
    }
  }

  #add({ segment, width }: Character): void {
    this.#part += segment;
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

  #breakWord(): void {
    const { length, used } = this.#slashed;
    if (length === 0) return this.#breakLine();
    this.#parts.push(this.#part.slice(0, length));
    this.#part = this.#part.slice(length);
    this.#used -= used;
    this.#slashed = { length: 0, used: 0 };
  }
}
