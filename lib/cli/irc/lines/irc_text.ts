/** What people write, as IRC has it, and back: bodies of lines, actions, and what IRC makes of control characters. */

import { ACTION_START, utf8Length, visibleText, withFewMarks } from "../../../base/text/text.ts";
import { countText } from "../../../base/text/words.ts";
import { graphemeBefore } from "../../rendering/graphemes.ts";
import { actionIn } from "../../rendering/spans.ts";

/**
 * So many lines a message takes at a client: one of 64 KiB in one line has some 160. Of 65,536 empty lines nobody has
 * use, and a client that reads slowly would be dropped for what one member says.
 */
export const BODIES_MAX = 200;

/**
 * The text in parts of at most `bytesMax` bytes, in which a client obeys nothing: each line of its own, long ones split
 * at blanks, or else between graphemes. Empty lines are left out.
 */
export function bodiesOf(text: string, bytesMax: number, most = BODIES_MAX): readonly string[] {
  return bounded(text.split("\n"), (line) => {
    return line.trim() === "" ? [] : partsOf(withFewMarks(visibleText(line)), bytesMax);
  }, most);
}

/**
 * Before each body of a text but the first, where what stands before the first tells one text from another: the number
 * of an entry, a time, a name. So no author can write a line that looks as if another text began there.
 */
const GOES_ON = "… ";

/** As `bodiesOf`, with all but the first marked as going on. */
export function markedBodies(
  text: string,
  bytesMax: number,
  most = BODIES_MAX,
): readonly string[] {
  const room = bytesMax - utf8Length(GOES_ON);
  return bodiesOf(text, room, most).map((body, at) => at === 0 ? body : GOES_ON + body);
}

/** Of several texts one after the other, as many as of one. */
export function bodiesOfAll(
  texts: readonly string[],
  bytesMax: number,
  most = BODIES_MAX,
): readonly string[] {
  return bounded(texts, (text) => markedBodies(text, bytesMax, most), most);
}

function bounded<One>(
  all: readonly One[],
  bodiesIn: (one: One) => readonly string[],
  most: number,
): readonly string[] {
  const bodies: string[] = [];
  for (const [at, one] of all.entries()) {
    bodies.push(...bodiesIn(one));
    if (bodies.length >= most) return withRest(bodies, all.length - at - 1, most);
  }
  return bodies;
}

/** The first of the bodies, and what is told of the rest. @param lines How many more lines there are. */
function withRest(bodies: readonly string[], lines: number, most: number): readonly string[] {
  if (lines === 0 && bodies.length === most) return bodies;
  const more = lines === 0 ? "more" : countText(lines, "more line");
  const text = `... ${more}, which the program's own console shows`;
  return [...bodies.slice(0, most), text];
}

/** A part is cut behind a blank where one is in its last third: people see no word broken for a little room. */
const BREAK_FROM = 2 / 3;

function partsOf(line: string, bytesMax: number): readonly string[] {
  const parts: string[] = [];
  let start = 0;
  while (line.length - start > bytesMax / 3) { // a unit takes at most three bytes
    const room = roomEnd(line, start, bytesMax);
    if (room === line.length) break;
    const end = cutBefore(line, start, room);
    parts.push(line.slice(start, end));
    start = end;
  }
  return [...parts, line.slice(start)];
}

/** How far from `start` on there is room, between two characters; at least one fits. */
function roomEnd(line: string, start: number, bytesMax: number): number {
  let bytes = 0;
  let at = start;
  while (at < line.length) {
    const code = line.codePointAt(at)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
    if (bytes > bytesMax && at > start) return at;
    at += code < 0x1_0000 ? 1 : 2;
  }
  return line.length;
}

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
/** What follows a border decides whether it is one: a joiner, a mark. */
const LOOK_AHEAD_UNITS = 4;

/** Where a part ends that has room up to `room`: behind a blank, or else between graphemes, unless one has no room. */
function cutBefore(line: string, start: number, room: number): number {
  const blank = line.lastIndexOf(" ", room - 1) + 1;
  if (blank - start > (room - start) * BREAK_FROM) return blank;
  // From a border between graphemes on, so that no more has to be looked at.
  const part = line.slice(start, room + LOOK_AHEAD_UNITS);
  if (PRINTABLE_ASCII.test(part)) return room;
  const grapheme = start + graphemeBefore(part, room - start + 1);
  return grapheme > start ? grapheme : room;
}

/** What a text says that its author does; null: it says something else. */
export const ircAction: (text: string) => string | null = actionIn;

const CTCP = "\x01";

/** A body that says what its author does, as CTCP has it. */
export function actionBody(text: string): string {
  return `${CTCP}ACTION ${text}${CTCP}`;
}

/** The bytes that `actionBody` adds. */
export const ACTION_BYTES = actionBody("").length;

/** What a client has sent as the text of a message. */
type ClientText =
  /** Empty: nothing is said. */
  | { readonly type: "said"; readonly text: string }
  /** A question of one client to another, such as VERSION; `command` in capitals. */
  | { readonly type: "ctcp"; readonly command: string };

/** The text that the user means: without colours and styles, which nobody else could read. */
export function clientText(body: string): ClientText {
  if (!body.startsWith(CTCP)) return { type: "said", text: withoutStyles(body) };
  const inner = body.endsWith(CTCP) && body.length > 1 ? body.slice(1, -1) : body.slice(1);
  const command = /^\S*/.exec(inner)![0].toUpperCase();
  if (command !== "ACTION") return { type: "ctcp", command };
  const action = withoutStyles(inner.slice("ACTION ".length));
  return { type: "said", text: action.trim() === "" ? "" : ACTION_START + action };
}

/** Bold, italics, underline, strike, monospace, reverse, reset; colours with their digits. */
const STYLES =
  // deno-lint-ignore no-control-regex
  /[\x02\x1d\x1f\x1e\x11\x16\x0f]|\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[\da-fA-F]{6}(?:,[\da-fA-F]{6})?)?/g;

function withoutStyles(text: string): string {
  return text.replace(STYLES, "");
}
