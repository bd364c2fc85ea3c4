/**
 * Text from other people, made harmless by the rules of `lib/base/text/`, as on a terminal: nothing in it hides, reorders or
 * ends what stands beside it. And such a text in the parts in which it is drawn.
 */

import {
  foldName,
  MIXED_SCRIPTS_MARK,
  mixesScripts,
  nameBeforeStart,
} from "../../../base/text/names.ts";
import { ACTION_START, visibleLines, visibleText, withFewMarks } from "../../../base/text/text.ts";
import { numberText } from "../../../base/text/words.ts";
import { mentionsOf, placesOf } from "../../rendering/mentions.ts";

export { foldName as folded, visibleText as visible };

/** The text with the line breaks that the author made, and few marks on each character. */
export function visibleBody(text) {
  return withFewMarks(visibleLines(text).join("\n"));
}

/** The name as people see it, with the mark that the console gives it: the user's own has none. */
export function shownName(name, state = {}) {
  const plain = visibleText(name);
  return isMarked(name, state) ? MIXED_SCRIPTS_MARK + plain : plain;
}

function isMarked(name, { marked, self }) {
  if (typeof self === "string" && foldName(name) === foldName(self)) return false;
  const own = nameBeforeStart(name);
  return mixesScripts(own) || marked?.has(foldName(own)) === true;
}

/** What a text says that its author does (`/me waves`); null: it isn't such a text. */
export function actionIn(text) {
  const action = text.startsWith(ACTION_START) ? text.slice(ACTION_START.length) : "";
  return action.trim() === "" ? null : action;
}

const PUNCTUATION = new Set(".,;:!?'\u2019\u201d\u00bb*_");
const CLOSING = new Set(")]}");
const LINK = /https?:\/\/[^\s<>"\u2400-\u2426]+/gi;

/** Without the punctuation behind a link. Each character is looked at once: of an unkind text thousands are punctuation. */
function withoutEnd(found) {
  let end = found.length;
  while (PUNCTUATION.has(found[end - 1])) end--;
  if (!/[([{]/.test(found)) { while (CLOSING.has(found[end - 1])) end--; }
  return found.slice(0, end);
}

/** Links to the web as they stand in a visible text, without the punctuation behind them. */
function linksIn(text) {
  return Array.from(text.matchAll(LINK), ({ 0: found, index }) => {
    const link = withoutEnd(found);
    if (!URL.canParse(link) || new URL(link).hostname === "") return null;
    return { start: index, end: index + link.length, href: new URL(link).href };
  }).filter((link) => link !== null);
}

/**
 * A visible text in parts: `{text}`, with `href` where it is a link, `isMention` where it is the reader's own name.
 * Put together they are the text.
 */
export function partsOf(text, self) {
  const links = linksIn(text);
  const mentions = mentionsOf(text, self ?? "")
    .filter(([start, end]) => links.every((link) => end <= link.start || link.end <= start))
    .map(([start, end]) => ({ start, end, isMention: true }));
  return cut(text, [...links, ...mentions].sort((a, b) => a.start - b.start));
}

/** A visible text in parts: `{text}`, with `isFound` where what was looked for stands. */
export function foundParts(text, searched) {
  return cut(text, placesOf(text, searched).map(([start, end]) => ({ start, end, isFound: true })));
}

function cut(text, found) {
  const parts = [];
  let at = 0;
  for (const { start, end, ...more } of found) {
    if (start > at) parts.push({ text: text.slice(at, start) });
    parts.push({ text: text.slice(start, end), ...more });
    at = end;
  }
  if (at < text.length) parts.push({ text: text.slice(at) });
  return parts;
}

/** So much of a body is shown at first. */
const LINES_MAX = 40;
const UNITS_MAX = 4_000;

/** A body as far as it is shown at first, and what the rest is, in words; `more` is null where nothing is left out. */
export function foldedBody(text) {
  const lines = text.split("\n");
  if (lines.length > LINES_MAX) {
    const head = lines.slice(0, LINES_MAX).join("\n");
    if (head.length <= UNITS_MAX) {
      return { head, more: `${numberText(lines.length - LINES_MAX)} more lines` };
    }
  }
  if (text.length <= UNITS_MAX) return { head: text, more: null };
  let end = UNITS_MAX;
  if (/[\ud800-\udbff]/.test(text[end - 1])) end--;
  return { head: text.slice(0, end), more: `${numberText(text.length - end)} more characters` };
}
