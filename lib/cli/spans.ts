/** Parts of lines that look the same in every mode. */

import { shownName } from "../base/names.ts";
import type { Span } from "./user_interface.ts";

/** Somebody's name. */
export function nameSpan(text: string): Span {
  return { text: shownName(text), as: "name" };
}

/** One's own name. */
export function ownNameSpan(text: string): Span {
  return { text: shownName(text), as: "own" };
}
