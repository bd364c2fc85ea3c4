/** Two versions of a text for a sentence: of long ones, only the parts that differ. */

import { graphemeAfter, graphemeBefore } from "./graphemes.ts";

/** Texts up to this length, in UTF-16 units, are shown in full. */
const WHOLE_UNITS_MAX = 120;
/** Units of common text shown on both sides of the difference. */
const CONTEXT_UNITS = 20;
/** Replaces omitted text. */
const LEFT_OUT = "...";

/** Both texts if they are short; otherwise the parts that differ, of which only the start and end are kept if long. */
export function changedParts(old: string, text: string): readonly [string, string] {
  const shorter = Math.min(old.length, text.length);
  if (Math.max(old.length, text.length) <= WHOLE_UNITS_MAX) return [old, text];
  let start = 0;
  while (start < shorter && old[start] === text[start]) start++;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === text.at(-1 - end)) end++;
  const before = Math.max(0, start - CONTEXT_UNITS);
  const behind = Math.max(0, end - CONTEXT_UNITS);
  return [part(old, before, behind), part(text, before, behind)];
}

/** The text without so many units at its start and end, cut only between graphemes. */
function part(text: string, before: number, behind: number): string {
  const from = before === 0 ? 0 : graphemeBefore(text, before + 1);
  const to = behind === 0 ? text.length : graphemeAfter(text, text.length - behind - 1);
  const kept = withoutMiddle(text.slice(from, to));
  return `${from > 0 ? LEFT_OUT : ""}${kept}${to < text.length ? LEFT_OUT : ""}`;
}

function withoutMiddle(text: string): string {
  if (text.length <= WHOLE_UNITS_MAX) return text;
  const half = WHOLE_UNITS_MAX / 2;
  const start = text.slice(0, graphemeBefore(text, half + 1));
  return `${start}${LEFT_OUT}${text.slice(graphemeAfter(text, text.length - half - 1))}`;
}
