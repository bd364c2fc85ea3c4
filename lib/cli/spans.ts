/** Parts of lines that look the same in every mode. */

import { shownName } from "../base/names.ts";
import type { Line, Span } from "./user_interface.ts";

/** Somebody's name. */
export function nameSpan(text: string): Span {
  return { text: shownName(text), as: "name" };
}

/** Items with commas between them. */
export function listed(items: readonly Line[]): readonly Span[] {
  return items.flatMap((item, index) => index === 0 ? item : [", ", ...item]);
}

/** Items with commas between them, and "and" before the last one. */
export function andListed(items: readonly Line[]): readonly Span[] {
  const [last] = items.slice(-1);
  if (last === undefined || items.length === 1) return last ?? [];
  return [...listed(items.slice(0, -1)), " and ", ...last];
}

/** One's own name. */
export function ownNameSpan(text: string): Span {
  return { text: shownName(text), as: "own" };
}
