/** What people write, as IRC has it, and back: bodies of lines, actions, and what IRC makes of control characters. */

import { ACTION_START, utf8Length, visibleText, withFewMarks } from "../../../base/text/text.ts";
import { countText } from "../../../base/text/words.ts";
import { graphemesOf } from "../../rendering/graphemes.ts";
import { actionIn } from "../../rendering/spans.ts";

/** A part of a text that fits into one line. */
export interface Body {
  readonly text: string;
  /** It goes on with the part before it, without a line break. */
  readonly isContinued: boolean;
}

/**
 * So many lines a message takes at a client: one of 64 KiB in one line has some 160. Of 65,536 empty lines nobody has
 * use, and a client that reads slowly would be dropped for what one member says.
 */
export const BODIES_MAX = 200;

/**
 * The text in parts of at most `bytesMax` bytes, in which a client obeys nothing: each line of its own, long ones split
 * at blanks, or else between graphemes. Empty lines are left out, unless they are wanted.
 */
export function bodiesOf(
  text: string,
  bytesMax: number,
  emptyLines: "kept" | "left out",
): readonly Body[] {
  const bodies: Body[] = [];
  const lines = text.split("\n");
  for (const [at, line] of lines.entries()) {
    if (line.trim() === "" && emptyLines === "left out") continue;
    const parts = partsOf(withFewMarks(visibleText(line)), bytesMax);
    bodies.push(...parts.map((part, at) => ({ text: part, isContinued: at > 0 })));
    if (bodies.length >= BODIES_MAX) return withRest(bodies, lines.length - at - 1);
  }
  return bodies;
}

/** The first of the bodies, and what is told of the rest. @param lines How many more lines there are. */
function withRest(bodies: readonly Body[], lines: number): readonly Body[] {
  if (lines === 0 && bodies.length === BODIES_MAX) return bodies;
  const more = lines === 0 ? "more" : countText(lines, "more line");
  const text = `... ${more}, which the program's own console shows`;
  return [...bodies.slice(0, BODIES_MAX), { text, isContinued: false }];
}

/** A part is cut behind a blank where one is in its last third: people see no word broken for a little room. */
const BREAK_FROM = 2 / 3;

function partsOf(line: string, bytesMax: number): readonly string[] {
  if (line.length * 3 <= bytesMax || utf8Length(line) <= bytesMax) return [line];
  const parts: string[] = [];
  let part = "";
  let bytes = 0;
  const end = () => {
    const blank = part.lastIndexOf(" ") + 1;
    const cut = blank > part.length * BREAK_FROM ? blank : part.length;
    parts.push(part.slice(0, cut));
    part = part.slice(cut);
    bytes = utf8Length(part);
  };
  for (const piece of piecesOf(line, bytesMax)) {
    const pieceBytes = utf8Length(piece);
    // Twice: what stands behind the last blank may leave too little room, too.
    for (let at = 0; at < 2 && part !== "" && bytes + pieceBytes > bytesMax; at++) end();
    part += piece;
    bytes += pieceBytes;
  }
  return [...parts, part];
}

/** Graphemes, and the characters of those that fit into no line. */
function* piecesOf(line: string, bytesMax: number): Generator<string> {
  for (const { segment } of graphemesOf(line)) {
    if (segment.length * 3 > bytesMax && utf8Length(segment) > bytesMax) yield* segment;
    else yield segment;
  }
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
  | { readonly type: "said"; readonly text: string }
  /** A question of one client to another, such as VERSION; `command` in capitals. */
  | { readonly type: "ctcp"; readonly command: string };

/** The text that the user means: without colours and styles, which nobody else could read. */
export function clientText(body: string): ClientText {
  if (!body.startsWith(CTCP)) return { type: "said", text: withoutStyles(body) };
  const inner = body.endsWith(CTCP) && body.length > 1 ? body.slice(1, -1) : body.slice(1);
  const command = /^\S*/.exec(inner)![0].toUpperCase();
  if (command !== "ACTION") return { type: "ctcp", command };
  return { type: "said", text: ACTION_START + withoutStyles(inner.slice("ACTION ".length)) };
}

/** Bold, italics, underline, strike, monospace, reverse, reset; colours with their digits. */
const STYLES =
  // deno-lint-ignore no-control-regex
  /[\x02\x1d\x1f\x1e\x11\x16\x0f]|\x03(?:\d{1,2}(?:,\d{1,2})?)?|\x04(?:[\da-fA-F]{6}(?:,[\da-fA-F]{6})?)?/g;

function withoutStyles(text: string): string {
  return text.replace(STYLES, "");
}
