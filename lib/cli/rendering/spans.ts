/** Parts of lines with the same appearance in every mode. */

import { shownName } from "../../base/text/names.ts";
import type { Line, Span } from "./user_interface.ts";

/** A person's name. */
export function nameSpan(text: string): Span {
  return { text: shownName(text), as: "name" };
}

/** The line of an event. */
export function starLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "*", spans);
}

/** The line of a problem. */
export function wrongLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "!", spans);
}

/** The line for somebody who has left. @param how The reason, if known. */
export function leftLine(nowMs: number, name: string, how?: string): Line {
  return starLine(nowMs, nameSpan(name), how === undefined ? " left" : ` left (${how})`);
}

/** The line for somebody whose connection was lost. @param why The reason, and what follows from it. */
export function lostLine(nowMs: number, name: string, ...why: Line): Line {
  return wrongLine(nowMs, nameSpan(name), " is lost: ", ...why);
}

/** The line of a question. */
export function questionLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "?", spans);
}

/** The mark is a span of its own, so that further lines of a broken line are aligned with the text after it. */
function eventLine(nowMs: number, mark: string, spans: Line): Line {
  const text = ` ${mark} `;
  return [{ timeMs: nowMs }, mark === "*" ? text : { text, as: "mark" }, ...spans];
}

/** The line of a notice, or of a warning. */
export function noticeLine(nowMs: number, text: string, isWarning: boolean): Line {
  return isWarning ? wrongLine(nowMs, text) : starLine(nowMs, text);
}

/** A problem that already existed, as in the answer to `/status`: without a time. */
export function problemLine(...spans: Line): Line {
  return [{ text: "! ", as: "mark" }, ...spans];
}

/** The user's own key, to be compared or copied. */
export function ownKeyLine(key: string): Line {
  return ["Your key: ", { text: key, as: "exact" }];
}

/** Items separated by commas. */
export function listed(items: readonly Line[]): readonly Span[] {
  return items.flatMap((item, index) => index === 0 ? item : [", ", ...item]);
}

/** Items separated by commas, with "and" before the last one. */
export function andListed(items: readonly Line[]): readonly Span[] {
  const [last] = items.slice(-1);
  if (last === undefined || items.length === 1) return last ?? [];
  return [...listed(items.slice(0, -1)), " and ", ...last];
}

/** The user's own name. */
export function ownNameSpan(text: string): Span {
  return { text: shownName(text), as: "own" };
}
