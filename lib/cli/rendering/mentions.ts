/**
 * Where a text mentions somebody: a word that is the same name, as names are compared; and where what was looked for
 * stands in it.
 */

import { foldName } from "../../base/text/names.ts";

/** No part of a word, nor of a name: `Al` isn't mentioned in `Albert`, `al-2` or `Al~k7f3`. */
const WORD = "(?<![\\p{L}\\p{M}\\p{N}_.~-])[\\p{L}\\p{M}\\p{N}_]+(?:[.-]+[\\p{L}\\p{M}\\p{N}_]+)*";

/** The start and end of each mention of `name` in `text`, in order. */
export function mentionsOf(text: string, name: string): readonly (readonly [number, number])[] {
  const folded = foldName(name);
  if (folded === "" || !foldName(text).includes(folded)) return [];
  const tail = /[.-]*$/.exec(folded)![0].length; // a name may end so, too
  const words = text.matchAll(new RegExp(WORD, "gu"));
  return Array.from(words, ({ 0: word, index }): [number, number] => {
    return [index, index + word.length + tail];
  }).filter(([start, end]) => text[end] !== "~" && foldName(text.slice(start, end)) === folded);
}

/** The start and end of each place in `text` where `wanted` stands, in any case; in order. */
export function placesOf(text: string, wanted: string): readonly (readonly [number, number])[] {
  if (wanted === "") return [];
  // `RegExp.escape` is younger than browsers in which the page works.
  const matches = text.matchAll(new RegExp(wanted.replace(/[$()*+./?[\\\]^{|}]/g, "\\$&"), "giu"));
  return Array.from(matches, ({ 0: found, index }) => [index, index + found.length]);
}
