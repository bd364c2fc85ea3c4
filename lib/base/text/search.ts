/** Finding in what was said: a text, however it is written (in capitals or not, in compatible characters); a place. */

import { foldCase } from "./names.ts";

/** What tells whether a text has `wanted` in it. */
export function finder(wanted: string): (text: string) => boolean {
  const folded = folding(wanted);
  return (text) => folding(text).includes(folded);
}

// eslint-disable-next-line no-control-regex
const ASCII = /^[\0-\x7f]*$/;

/** In one pass, unlike the folding of names: a search goes through thousands of long texts, most of them in ASCII. */
function folding(text: string): string {
  return ASCII.test(text) ? text.toLowerCase() : foldCase(text);
}

/** Ids are their authors' to choose: of several messages with that id the last one counts. Nothing is before an unknown one. */
export function saidBefore<Said extends { readonly id: string }>(
  id: string,
  said: readonly Said[],
): readonly Said[] {
  return said.slice(0, Math.max(0, said.findLastIndex((one) => one.id === id)));
}
