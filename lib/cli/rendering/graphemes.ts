/**
 * Graphemes, that is, what people see as one character, and their width in terminal cells.
 *
 * A width is a guess: terminals differ in all but printable ASCII. It decides where rows are broken and where the
 * cursor goes first; nothing that must hold may rest on it (`withoutWrapping`).
 */

import { eastAsianWidth } from "get-east-asian-width";
import type { Cells, Character } from "./line_breaking.ts";

/** Made when first needed: it takes 10 ms and 8 MB, and a program without a terminal seldom needs it. */
let segmenter: Intl.Segmenter | null = null;

function segmentsOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

const ASCII = /^[\x20-\x7e]*$/;

/**
 * Text in which each UTF-16 unit is a grapheme regardless of its neighbours, so that no segmenter is needed: Latin,
 * the pictures of controls, and most Chinese and Japanese text.
 */
const STANDING_ALONE =
  /^[\x20-\x7e\xa1-\xa8\xaa-\xac\xaf-\u02ff\u2400-\u2426\u3000-\u3029\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff]*$/;

/** Turns the character before it into a picture, or joins pictures into one: two cells in all. */
const PICTURE_MAKER = /[\u200d\ufe0f\u20e3\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const PICTURE = /[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]/u;

/** Characters drawn over or beside the previous one without taking cells: marks, the vowels of a Hangul syllable. */
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb]/u;

/** Format characters that are seen, and begin a grapheme. */
const SPANNING = /^[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}]+/u;

/** The start of the grapheme that ends at `index`. */
export function graphemeBefore(text: string, index: number): number {
  return index <= 0 ? 0 : segmentsOf(text).containing(index - 1)?.index ?? 0;
}

/** The end of the grapheme that starts at `index`. */
export function graphemeAfter(text: string, index: number): number {
  const segment = segmentsOf(text).containing(index);
  return segment === undefined ? text.length : segment.index + segment.segment.length;
}

export interface Grapheme {
  readonly segment: string;
  /** Its offset in the text. */
  readonly index: number;
  /** Its width in cells, if it contains no control characters. */
  readonly width: number;
}

/** The graphemes of `text`, signs that span the digits after them by themselves. Takes linear time for any text. */
export function* graphemesOf(text: string): Generator<Grapheme> {
  if (STANDING_ALONE.test(text)) {
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      yield { segment: text.charAt(index), index, width: unitWidth(unit) };
    }
    return;
  }
  for (const { segment, index } of segmentsOf(text)) {
    const start = SPANNING.exec(segment)?.[0] ?? "";
    let at = index;
    for (const sign of start) {
      yield { segment: sign, index: at, width: 1 };
      at += sign.length;
    }
    const rest = segment.slice(start.length);
    if (rest !== "") yield { segment: rest, index: at, width: graphemeWidth(rest) };
  }
}

/** The width of `text` in cells, if it contains no control characters. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const grapheme of graphemesOf(text)) width += grapheme.width;
  return width;
}

/** The width of each single-unit grapheme, plus 1; 0 where it hasn't been computed yet. */
const unitWidths = new Uint8Array(0x1_0000);

function unitWidth(unit: number): number {
  const known = unitWidths[unit]!;
  if (known > 0) return known - 1;
  const width = charactersWidth(String.fromCharCode(unit));
  unitWidths[unit] = width + 1;
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (grapheme.length === 1) return unitWidth(grapheme.charCodeAt(0));
  if (PICTURE_MAKER.test(grapheme) && PICTURE.test(grapheme)) return 2;
  return charactersWidth(grapheme);
}

/** The most code points of a grapheme that is kept together in a row: a picture of four people of any colour has 11. */
const TOGETHER_MAX = 12;

/** Characters whose width depends on whether the terminal joins them: halves of flags, skins. */
const JOINED_SOMEWHERE = /[\p{Regional_Indicator}\p{Emoji_Modifier}]/u;

/**
 * How a text is broken into rows: each character with the most cells that any usual terminal gives it, since a row
 * that is too short does no harm. What is too long for one character, such as a thousand joined pictures, is divided.
 */
export const ROW_CELLS: Cells = {
  width(text) {
    if (ASCII.test(text)) return text.length;
    let width = 0;
    for (const character of widestCharacters(text)) width += character.width;
    return width;
  },
  characters: widestCharacters,
};

function* widestCharacters(text: string): Generator<Character> {
  for (const grapheme of graphemesOf(text)) {
    const { segment } = grapheme;
    if (segment.length === 1) yield grapheme;
    else if (segment.length <= TOGETHER_MAX || [...segment].length <= TOGETHER_MAX) {
      yield { segment, width: widestWidth(segment) };
    } else {for (const part of segment.match(DIVISIBLE)!) {
        yield { segment: part, width: widestWidth(part) };
      }}
  }
}

/** A code point with the marks on it, or marks alone. */
const DIVISIBLE = /\P{M}?\p{M}*/gu;

function widestWidth(segment: string): number {
  let width = 0;
  for (const character of segment) {
    width += JOINED_SOMEWHERE.test(character) ? 2 : charactersWidth(character);
  }
  return segment.includes("\ufe0f") ? Math.max(2, width) : width;
}

function charactersWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (SPANNING.test(character)) width++;
    else if (!WITHOUT_WIDTH.test(character)) width += eastAsianWidth(character.codePointAt(0)!);
  }
  return width;
}
