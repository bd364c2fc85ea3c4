/** Lines, parts of lines and tables that look the same in every mode. */

import { ACTION_START, quotedStart, saidText } from "../../base/text/text.ts";
import type { PresenceEvent } from "../../base/machine/mode_machine.ts";
import type { ShownPresence } from "../../base/machine/user_presence.ts";
import { shownName } from "../../base/text/names.ts";
import type { CommonEvent, IrcServedEvent, Line, ReturnedEvent, Span } from "./user_interface.ts";
import { textWidth } from "./graphemes.ts";
import { ignoredText } from "../../base/text/words.ts";

/** A person's name. */
export function nameSpan(text: string): Span {
  return { text: shownName(text), as: "name" };
}

/** The line of an event. */
export function starLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "*", spans);
}

/** The line, marked as one about another room than the one that the user is in: `12:03 #club <Bob> hi`. */
export function placedLine(line: Line, label: string): Line {
  const [first, ...rest] = line;
  const isTimed = typeof first === "object" && "timeMs" in first && !("nowMs" in first);
  return isTimed
    ? [first, { text: ` #${label}`, as: "place" }, ...rest]
    : [{ text: `#${label} `, as: "place" }, ...line];
}

/** The line of a problem. */
export function wrongLine(nowMs: number, ...spans: Line): Line {
  return eventLine(nowMs, "!", spans);
}

/** The line for those who come or go: less important than what is said. */
export function presenceLine(nowMs: number, ...spans: Line): Line {
  const faint = (span: Span): Span => typeof span === "string" ? { text: span, as: "faint" } : span;
  return [{ timeMs: nowMs }, { text: " * ", as: "faint" }, ...spans.map(faint)];
}

/** The line for somebody who has left. @param how The reason, if known. */
export function leftLine(nowMs: number, name: string, how?: string): Line {
  return presenceLine(nowMs, nameSpan(name), how === undefined ? " left" : ` left (${how})`);
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

/** In lines of the history, between the time and the rest. */
export const EARLIER: Span = { text: " (earlier)", as: "earlier" };
/** Of what is marked otherwise in a pipe; at a terminal it is below the same rule. */
const EARLIER_UNSAID: Span = { text: "", as: "earlier" };

type Notice = Extract<CommonEvent, { readonly event: "notice" }>;

/** The line of a notice, or of a warning; of one from the history with the time at which it was news. */
export function noticeLine(
  nowMs: number,
  { text, warning, history, sentAt = "" }: Omit<Notice, "event">,
): Line {
  if (warning === true) return wrongLine(nowMs, text);
  const sentMs = Date.parse(sentAt);
  if (history !== true || Number.isNaN(sentMs)) return starLine(nowMs, text);
  return [{ timeMs: sentMs }, EARLIER, " * ", text];
}

/** The line between what was shown before, and what came while the user was away. */
function returnedLine(nowMs: number, { since }: Omit<ReturnedEvent, "event">): Line {
  return [
    { text: "-- missed since ", as: "rule" },
    { timeMs: Date.parse(since), nowMs },
    { text: " --", as: "rule" },
  ];
}

/** A problem that already existed, as in the answer to `/status`: without a time. */
export function problemLine(...spans: Line): Line {
  return [{ text: "! ", as: "mark" }, ...spans];
}

/** The user's own key, to be compared or copied. */
export function ownKeyLine(key: string): Line {
  return ["Your key: ", { text: key, as: "exact" }];
}

/** Whom the user ignores, a line for each. */
function ignoredLines({ ignored }: Extract<CommonEvent, { readonly event: "ignored" }>) {
  if (ignored.length === 0) return [["You ignore nobody."]];
  return ignored.map(({ name, key, since }): Line => [nameSpan(name), `  ${key}  since ${since}`]);
}

/** In place of what was said, where nothing was, or nothing that has the text looked for. @param name With whom alone. */
export function nothingSaid(searched: string | undefined, name: string | undefined): Line {
  const some: Line = name === undefined ? ["message"] : ["private message with ", nameSpan(name)];
  return searched === undefined
    ? ["No ", ...some, ...(name === undefined ? ["s."] : ["."])]
    : ["No ", ...some, ` has ${quotedStart(searched)}.`];
}

/**
 * What was said, a line for each, made when it is asked for; below it, how much of it isn't shown.
 * @param searched The text for which it was looked through.
 */
export function* heardLines<Said extends { readonly ignored?: true }>(
  said: readonly Said[],
  lineOf: (one: Said) => Line,
  searched?: string,
): Generator<Line> {
  let count = 0;
  for (const one of said) {
    if (one.ignored === true) count++;
    else if (searched === undefined) yield lineOf(one);
    else yield lineOf(one).map((span) => foundSpan(span, searched));
  }
  if (count > 0) yield [`${ignoredText(count)}; /ignored shows who they are`];
}

function foundSpan(span: Span, searched: string): Span {
  const isBody = typeof span === "object" && "as" in span && span.as === "body";
  return isBody ? { ...span, as: "body", searched } : span;
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

const COLUMN_GAP = "  ";

/** Rows below headings. The first column has unmarked names, to which this adds the mark for mixed scripts. */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly [name: string, ...rest: readonly string[]])[],
): readonly Line[] {
  const table = [headings, ...rows.map(([name, ...rest]) => [shownName(name), ...rest])];
  const widths = headings.map((_, column) =>
    table.reduce((most, cells) => Math.max(most, textWidth(cells[column]!)), 0)
  );
  const blanksAfter = (cell: string, column: number) =>
    " ".repeat(widths[column]! - textWidth(cell)) + COLUMN_GAP;
  return table.map((cells, index) => {
    const name = cells[0]!;
    const rest = cells.slice(1).map((cell, at) => cell + blanksAfter(cell, at + 1)).join("");
    return [index === 0 ? name : { text: name, as: "name" }, blanksAfter(name, 0), rest.trimEnd()];
  });
}

/** Where the page is. */
function webLine(nowMs: number, url: string): Line {
  const address: Span = { text: url, as: "exact" };
  return starLine(nowMs, "Page: ", address, " (for you alone: whoever opens it is you)");
}

/** Where a client of IRC finds the program. */
function ircServedLine(nowMs: number, event: IrcServedEvent): Line {
  const at = "path" in event ? event.path : `${event.host} port ${event.port}`;
  const exact = (text: string): Span => ({ text, as: "exact" });
  return starLine(
    nowMs,
    "IRC: ",
    exact(at),
    " (no TLS); the password is in ",
    exact(event.passwordFile),
  );
}

/** The parts of a message that its line shows. */
interface Said {
  readonly from: string;
  readonly text: string;
  readonly self: boolean;
  readonly history: boolean;
  /** Whether the author was removed before it came. */
  readonly removed?: true;
  /** ISO 8601, UTC, the author's clock. */
  readonly sentAt: string;
}

/** The line of a message: time, author, text. */
export function messageLine(message: Said, nowMs: number): Line {
  const { from, text, self } = message;
  const author = self ? ownNameSpan(from) : nameSpan(from);
  return [...messageStart(message, nowMs), ...saidBy(author, text)];
}

/** Author and text. Of what somebody does, a star is before the name, where no name can have one. */
export function saidBy(author: Span, text: string): Line {
  const action = actionIn(text);
  return [action === null ? "<" : "<* ", author, "> ", { text: action ?? text, as: "body" }];
}

/** `[Bob -> you] text` and `[you -> Bob] text`: what is said to one alone. */
export function saidPrivately(
  { self, shown, to = "?", text }: {
    readonly self: boolean;
    readonly shown: string;
    readonly to?: string;
    readonly text: string;
  },
): Line {
  const mark = (text: string): Span => ({ text, as: "private" });
  const action = actionIn(text);
  const body: Span = { text: action ?? text, as: "body", isPrivate: true };
  const open = mark(action === null ? "[" : "[* ");
  const you: Span = { text: "you", as: "own" };
  return self
    ? [open, you, mark(" -> "), nameSpan(to), mark("] "), body]
    : [open, nameSpan(shown), mark(" -> you] "), body];
}

/** What a text says that its author does, as `/me` writes it (XEP-0245); null: it isn't such a text. */
export function actionIn(text: string): string | null {
  const action = text.startsWith(ACTION_START) ? text.slice(ACTION_START.length) : "";
  return action.trim() === "" ? null : action;
}

/** Messages older than this were delayed: for their receiver, or in becoming an entry. */
const LATE_MS = 60_000;

/** Whether the message is shown as an earlier one: it is from the history, or was delayed. */
export function isEarlier(
  { history, sentAt }: Pick<Said, "history" | "sentAt">,
  nowMs: number,
): boolean {
  return history || nowMs - Date.parse(sentAt) > LATE_MS;
}

/** Before the words of somebody who was removed. */
export const SENDER_REMOVED = " (sender removed)";

/** The start of the line. An earlier message has its author's time; any other one the present time. */
export function messageStart(
  { history, removed, sentAt }: Pick<Said, "history" | "removed" | "sentAt">,
  nowMs: number,
): Line {
  const sentMs = history ? Date.parse(sentAt) : NaN;
  const timeMs = Number.isNaN(sentMs) ? nowMs : sentMs;
  return [
    { timeMs },
    ...(removed === true ? [SENDER_REMOVED] : []),
    ...(!history ? [] : removed === true ? [EARLIER_UNSAID] : [EARLIER]),
    " ",
  ];
}

/** Somebody is away or back; of the user, also how that ends. */
export function awayLine(
  { name, self, away }: Pick<PresenceEvent, "name" | "self"> & {
    readonly away?: string | undefined;
  },
  nowMs: number,
): Line {
  if (self) {
    return starLine(nowMs, away === undefined ? "You are back" : youAreAwayText(away));
  }
  return starLine(nowMs, nameSpan(name), away === undefined ? " is back" : ` is ${awayText(away)}`);
}

/** What `/status` says of it; nothing where the user isn't away. */
export function ownAwayLines({ away }: ShownPresence): readonly Line[] {
  return away === undefined ? [] : [[`${youAreAwayText(away)}.`]];
}

function youAreAwayText(away: string): string {
  return `You are ${awayText(away)}; /back ends that`;
}

/**
 * `away`, and why, in quotation marks, which the text has none of, nor wide gaps: nobody else speaks as this program.
 */
export function awayText(away: string): string {
  const why = away.replace(/\s+/g, " ").trim();
  return why === "" ? "away" : `away: ${saidText(why)}`;
}

/** An event that all modes have; nothing for what shows itself in another way. */
export function commonLines(event: CommonEvent, nowMs: number): readonly Line[] {
  switch (event.event) {
    case "error":
      return [[{ text: "error: ", as: "error" }, event.text]];
    case "notice":
      return [noticeLine(nowMs, event)];
    case "ignored":
      return ignoredLines(event);
    case "returned":
      return [returnedLine(nowMs, event)];
    case "web":
      return [webLine(nowMs, event.url)];
    case "irc":
      return [ircServedLine(nowMs, event)];
    default:
      return [];
  }
}
