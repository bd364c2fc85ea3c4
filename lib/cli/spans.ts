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

/** One's own name. */
export function ownNameSpan(text: string): Span {
  return { text: shownName(text), as: "own" };
}
