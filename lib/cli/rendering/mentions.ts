/** Where a text mentions somebody: a name as a word of its own, in any case. */

/** No part of a word, nor of a name: `Al` isn't mentioned in `Albert`, `al-2` or `Al~k7f3`. */
const BEFORE = "(?<![\\p{L}\\p{M}\\p{N}_.~-])";
const BEHIND = "(?![\\p{L}\\p{M}\\p{N}_~]|[.-][\\p{L}\\p{M}\\p{N}_])";

/** The start and end of each mention of `name` in `text`, in order. */
export function mentionsOf(text: string, name: string): readonly (readonly [number, number])[] {
  if (name === "" || text === "") return [];
  const pattern = new RegExp(`${BEFORE}${literal(name.normalize("NFC"))}${BEHIND}`, "giu");
  return Array.from(text.matchAll(pattern), ({ 0: found, index }) => [index, index + found.length]);
}

/** `RegExp.escape` is younger than browsers in which the page works. */
function literal(text: string): string {
  return text.replace(/[$()*+./?[\\\]^{|}]/g, "\\$&");
}
