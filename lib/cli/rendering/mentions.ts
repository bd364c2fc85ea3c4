/** Where a text mentions somebody: a name as a word of its own, in any case; and where what was looked for stands in it. */

/** No part of a word, nor of a name: `Al` isn't mentioned in `Albert`, `al-2` or `Al~k7f3`. */
const BEFORE = "(?<![\\p{L}\\p{M}\\p{N}_.~-])";
const BEHIND = "(?![\\p{L}\\p{M}\\p{N}_~]|[.-][\\p{L}\\p{M}\\p{N}_])";

/** The start and end of each mention of `name` in `text`, in order. */
export function mentionsOf(text: string, name: string): readonly (readonly [number, number])[] {
  if (name === "" || text === "") return [];
  return matchesOf(text, `${BEFORE}${literal(name.normalize("NFC"))}${BEHIND}`);
}

/** The start and end of each place in `text` where `wanted` stands, in any case; in order. */
export function placesOf(text: string, wanted: string): readonly (readonly [number, number])[] {
  return wanted === "" ? [] : matchesOf(text, literal(wanted));
}

function matchesOf(text: string, pattern: string): readonly (readonly [number, number])[] {
  const matches = text.matchAll(new RegExp(pattern, "giu"));
  return Array.from(matches, ({ 0: found, index }) => [index, index + found.length]);
}

/** `RegExp.escape` is younger than browsers in which the page works. */
function literal(text: string): string {
  return text.replace(/[$()*+./?[\\\]^{|}]/g, "\\$&");
}
