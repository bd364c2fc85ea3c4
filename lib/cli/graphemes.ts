/** What people see as one character, and how many cells of a terminal it takes. */

import { eastAsianWidth } from "get-east-asian-width";

const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });

const ASCII = /^[\x20-\x7e]*$/;

/** What makes a picture of what is before it, or joins pictures to one: two cells, however many there are. */
const PICTURE_MAKER = /[\u200d\ufe0f\u20e3\p{Emoji_Modifier}\p{Regional_Indicator}]/u;
const PICTURE = /[\p{Extended_Pictographic}\p{Regional_Indicator}\u20e3]/u;

/** Drawn over or beside the character before: marks that take no space, and the vowels of a Hangul syllable. */
const WITHOUT_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb]/u;

/** Where the character that ends at `index` starts. */
export function graphemeBefore(text: string, index: number): number {
  return index <= 0 ? 0 : segmenter.segment(text).containing(index - 1)?.index ?? 0;
}

/** Where the character that starts at `index` ends. */
export function graphemeAfter(text: string, index: number): number {
  const segment = segmenter.segment(text).containing(index);
  return segment === undefined ? text.length : segment.index + segment.segment.length;
}

/** The characters of `text`, with where each starts. */
export function graphemesOf(
  text: string,
): Iterable<{ readonly segment: string; readonly index: number }> {
  return segmenter.segment(text);
}

/** Cells that `text` takes, nothing in it being a control character. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += graphemeWidth(segment);
  return width;
}

function graphemeWidth(grapheme: string): number {
  if (PICTURE_MAKER.test(grapheme) && PICTURE.test(grapheme)) return 2;
  let width = 0;
  for (const character of grapheme) {
    if (!WITHOUT_WIDTH.test(character)) width += eastAsianWidth(character.codePointAt(0)!);
  }
  return width;
}
