/** Where a line that is too wide for its terminal is broken. */

/** How a terminal shows text. */
export interface Cells {
  /** How many cells it takes. */
  width(text: string): number;
  /** What people see as its characters, and how many cells each takes. */
  characters(text: string): Iterable<Character>;
}

interface Character {
  readonly segment: string;
  readonly width: number;
}

/** No character takes more cells for each of its UTF-16 units. */
const UNIT_CELLS_MAX = 2;

const BLANK = /^\s+$/u;

/**
 * Breaks a line so that no part is as wide as `columns`, but for a character that is; one cell stays free, as
 * some terminals break a full line too early. A word is only broken where it would be too wide by itself, after a
 * slash where there is one: paths.
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
  const broken = new BrokenLine(columns, taken);
  for (const character of cells.characters(line)) broken.next(character);
  return broken.end();
}

class BrokenLine {
  readonly #parts: string[] = [];
  #part = "";
  /** Cells of the part. */
  #used: number;
  /** Up to behind the last slash of a word that is too wide: how much of the part, and its cells; 0 where there is none. */
  #slashed = { length: 0, used: 0 };
  /** The word, or the blanks, that were begun; whole as long as they may fit. */
  #token: Character[] = [];
  #tokenWidth = 0;
  #isBlank = false;
  /** What is left of the token: more of one that is too wide, or blanks that a break stands for. */
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

  /** Whether so much more is too wide for what something stands in. */
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
