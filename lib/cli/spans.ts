/** Parts of lines that look the same in every mode. */

import { shownName } from "../base/names.ts";
import type { Line, Span } from "./user_interface.ts";

/** Somebody's name. */
export function nameSpan(text: string): Span {
  return { text: shownName(text), as: "name" };
}

/** Something has happened. */
export function starLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "*", spans);
}

/** Something is wrong. */
export function wrongLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "!", spans);
}

/** Somebody has gone. @param how Where it is known. */
export function leftLine(nowMs: number, name: string, how?: string): Line {
  return starLine(nowMs, nameSpan(name), how === undefined ? " left" : ` left (${how})`);
}

/** Somebody has gone without a word. @param why And what follows. */
export function lostLine(nowMs: number, name: string, ...why: Line): Line {
  return wrongLine(nowMs, nameSpan(name), " is lost: ", ...why);
}

/** Somebody is asked. */
export function questionLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "?", spans);
}

/** The mark is a span of its own: what doesn't fit into a terminal's line goes on under what follows it. */
function eventLine(nowMs: number, mark: string, spans: Line): Line {
  const text = ` ${mark} `;
  return [{ timeMs: nowMs }, mark === "*" ? text : { text, as: "mark" }, ...spans];
}

/** A notice, marked where something is wrong. */
export function noticeLine(nowMs: number, text: string, isWarning: boolean): Line {
  return isWarning ? wrongLine(nowMs, text) : starLine(nowMs, text);
}

/** What is wrong, where it isn't said when that was found. */
export function problemLine(...spans: Line): Line {
  return [{ text: "! ", as: "mark" }, ...spans];
}

/** One's own key, to be compared or copied. */
export function ownKeyLine(key: string): Line {
  return ["Your key: ", { text: key, as: "exact" }];
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
