/** Edits as lines of text, for members and for the coordinator. */

import type {
  EditEvent,
  EditView,
  EntryEdit,
  MemberEditView,
  MemberEvent,
} from "../../protocols/group/schema/events.ts";
import { durationText } from "./moments.ts";
import { andListed, EARLIER, questionLine, starLine, wrongLine } from "./spans.ts";
import { differenceOf } from "./text_difference.ts";
import type { Line, RenderContext, Span } from "./user_interface.ts";

/** How a person's name is shown. */
type NameSpanOf = (name: string) => Span;

type EventNamed<Name extends MemberEvent["event"]> = Extract<
  MemberEvent,
  { readonly event: Name }
>;

/**
 * Says whose votes an edit waits for and, if known, for how long; or, if it waits for none, that the entry is being
 * changed.
 */
export function editStartedLine(
  { edit, seq, awaited = [], voteMs }: EventNamed<"edit-started">,
  nowMs: number,
  nameOf: NameSpanOf,
): Line {
  const start = starLine(nowMs, `Edit ${edit}: `);
  if (awaited.length === 0) return [...start, `entry ${seq} is being changed`];
  const time = voteMs === undefined ? "" : ` (${durationText(voteMs)})`;
  const whom = andListed(awaited.map((name) => [nameOf(name)]));
  return [...start, "waiting for ", ...whom, ` to agree to change entry ${seq}${time}`];
}

/** Texts up to this length, in UTF-16 units, are quoted within a sentence; longer ones have rows of their own. */
const QUOTED_UNITS_MAX = 120;

/** More rows than these are one text, which a terminal folds. */
const ROWS_MAX = 200;

/**
 * The question to a voter, with all that differs: the consent is to every word of it. What authors wrote stands behind a
 * sign, and further to the right than anything else.
 * @param interactive Whether a letter answers it.
 */
export function voteWantedLines(
  { edit, seq, by, old, new: text, deadline }: EventNamed<"vote-wanted">,
  { nowMs, interactive }: Pick<RenderContext, "nowMs" | "interactive">,
  nameOf: NameSpanOf,
): readonly Line[] {
  const left = durationText(Math.max(0, Date.parse(deadline) - nowMs));
  const ways = interactive ? "y agrees, n refuses" : `/go ${edit} agrees, /abort ${edit} refuses`;
  const asks = ` wants to change entry ${seq} (edit ${edit}, ${left}): ${ways}`;
  const rows = differenceOf(old, text).map((row) => {
    if ("told" in row) return row;
    const seen = row.text.trimEnd(); // nobody would see blanks behind that
    return { ...row, text: seen + row.text.slice(seen.length).replace(/\p{Zs}/gu, "·") };
  });
  const lines: readonly Line[] = rows.length <= ROWS_MAX
    ? rows.map((row) =>
      "told" in row ? [INDENT, row.told] : [`${INDENT}${row.sign} `, { text: row.text, as: "body" }]
    )
    : [[INDENT, {
      text: rows.map((row) => "told" in row ? row.told : `${row.sign} ${row.text}`).join("\n"),
      as: "body",
      areSigned: true,
    }]];
  return [questionLine(nowMs, nameOf(by), asks), ...lines];
}

/** As wide as the time before the mark of an event. */
const INDENT = " ".repeat("12:01 ".length);

/** An edit in progress that the user is asked about, or has requested. */
export function memberEditLines(
  { edit, seq, by, text, state, deadline }: MemberEditView,
  nowMs: number,
  nameOf: NameSpanOf,
): readonly Line[] {
  if (state === "queued") return withText([`Your edit of entry ${seq} isn't under way yet`], text);
  if (state === "under-way") {
    return withText([`Your edit ${edit} of entry ${seq} isn't decided yet`], text);
  }
  const asked: Line = [`Edit ${edit} of entry ${seq}, asked by `, nameOf(by)];
  if (state === "agreed") return withText([...asked, ", isn't decided yet"], text);
  const leftMs = Math.max(0, Date.parse(deadline ?? "") - nowMs);
  return withText([
    { text: "? ", as: "mark" },
    ...asked,
    `, waits for you: /go ${edit} or /abort ${edit} within ${durationText(leftMs)}`,
  ], text);
}

function withText(line: Line, text: string): readonly Line[] {
  return text.length <= QUOTED_UNITS_MAX
    ? [[...line, `: ${quoted(text)}`]]
    : [[...line, ":"], ["    ", { text, as: "body" }]];
}

/**
 * The outcome of an edit. For a committed one from the history, the time is that of the decision.
 * @param isOwn Whether the user has asked for it.
 */
export function editLine(
  event: EditEvent,
  nowMs: number,
  nameOf: NameSpanOf,
  isOwn = false,
): Line {
  const { edit, seq, by, text, outcome, reason, agreed = [], history = false } = event;
  const whose: Line = isOwn
    ? [`Your edit ${edit} of entry ${seq}`]
    : [`Edit ${edit} of entry ${seq}, asked by `, nameOf(by), ","];
  switch (outcome) {
    case "committed": {
      const decidedMs = history ? Date.parse(event.committedAt ?? "") : NaN;
      return [
        { timeMs: Number.isNaN(decidedMs) ? nowMs : decidedMs },
        ...(history ? [EARLIER] : []),
        " * ",
        `Entry ${seq} now reads: `,
        { text, as: "body" },
        `   (edit ${edit}, asked by `,
        nameOf(by),
        ...agreedSpans(agreed, nameOf),
        ")",
      ];
    }
    case "aborted":
      return wrongLine(nowMs, ...whose, ` was aborted: ${reason}`);
    case "in-doubt":
      return wrongLine(nowMs, ...whose, ` is in doubt: ${reason}`);
  }
}

/** One of the edits that `/entry` shows. */
export function entryEditLine(
  { edit, by, new: text, agreed, committedAt }: EntryEdit,
  nameOf: NameSpanOf,
): Line {
  const decidedMs = Date.parse(committedAt);
  return [
    `  edit ${edit}, `,
    ...(Number.isNaN(decidedMs) ? [] : [{ timeMs: decidedMs }, ", "]),
    "asked by ",
    nameOf(by),
    ...agreedSpans(agreed, nameOf),
    ": ",
    { text, as: "body" },
  ];
}

/** An edit in progress, as the coordinator shows it. */
export function editViewLine(
  { edit, seq, by, text, state, awaited, deadline }: EditView,
  nowMs: number,
  nameOf: NameSpanOf,
): Line {
  const whom = awaited.length === 0
    ? ["the group"]
    : andListed(awaited.map((name) => [nameOf(name)]));
  const time = deadline === null
    ? ""
    : `, ${durationText(Math.max(0, Date.parse(deadline) - nowMs))} left`;
  return [
    `Edit ${edit} of entry ${seq}, asked by `,
    nameOf(by),
    state === "voting" ? ", waits for " : ", is committed; waits for the logs of ",
    ...whom,
    `${time}: `,
    { text, as: "body" },
  ];
}

function agreedSpans(agreed: readonly string[], nameOf: NameSpanOf): Line {
  if (agreed.length === 0) return [];
  return [", agreed by ", ...andListed(agreed.map((name) => [nameOf(name)]))];
}

/** A text in quotes, with quotes and backslashes inside it escaped, so that its end is unambiguous. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
