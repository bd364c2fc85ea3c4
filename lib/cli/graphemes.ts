/** What people see as one character, and how many cells of a terminal it takes. */

import { eastAsianWidth } from "get-east-asian-width";

/** Made when it is needed first: it takes 10 ms and 8 MB, and a program without a terminal seldom needs it. */
let segmenter: Intl.Segmenter | null = null;

function segmentsOf(text: string): Intl.Segments {
  segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return segmenter.segment(text);
}

const ASCII = /^[\x20-\x7e]*$/;

/**
 * Text in which every unit is a character of its own, whatever is beside it, so that nothing needs to be looked
 * up: Latin, the pictures of controls, and what Chinese and Japanese are mostly written in.
 */
const STANDING_ALONE =
  /^[\x20-\x7e\xa1-\xa8\xaa-\xac\xaf-\u02ff\u2400-\u2426\u3000-\u3029\u3041-\u3096\u30a1-\u30fa\u3400-\u9fff]*$/;

/** What makes a picture of what is before it, or joins pictures to one: two cells, however many there are. */
const PICTURE_MAKER = /[\u200d\ufe0f\u20e3\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const PICTURE = /[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]/u;

/** Drawn over or beside the character before: marks that take no space, and the vowels of a Hangul syllable. */
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb]/u;

/** Where the character that ends at `index` starts. */
export function graphemeBefore(text: string, index: number): number {
  return index <= 0 ? 0 : segmentsOf(text).containing(index - 1)?.index ?? 0;
}

/** Where the character that starts at `index` ends. */
export function graphemeAfter(text: string, index: number): number {
  const segment = segmentsOf(text).containing(index);
  return segment === undefined ? text.length : segment.index + segment.segment.length;
}

export interface Grapheme {
  readonly segment: string;
  /** Where it starts. */
  readonly index: number;
  /** How many cells it takes, nothing in it being a control character. */
  readonly width: number;
}

/** The characters of `text`; linear in its length, whatever it holds. */
export function* graphemesOf(text: string): Generator<Grapheme> {
  if (STANDING_ALONE.test(text)) {
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      yield { segment: text.charAt(index), index, width: unitWidth(unit) };
    }
    return;
  }
  for (const { segment, index } of segmentsOf(text)) {
    yield { segment, index, width: graphemeWidth(segment) };
  }
}

/** Cells that `text` takes, nothing in it being a control character. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const grapheme of graphemesOf(text)) width += grapheme.width;
  return width;
}

/** One more than the width of each UTF-16 unit that is a character; 0 where it hasn't been asked for yet. */
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

function charactersWidth(text: string): number {
  let width = 0;
  for (const character of text) {
    if (!WITHOUT_WIDTH.test(character)) width += eastAsianWidth(character.codePointAt(0)!);
  }
  return width;
}
