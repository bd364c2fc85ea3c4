/** Global states and snapshots as lines of text. */

import type {
  CoordinatorEvent,
  JoiningEvent,
  LeftView,
  MembersEvent,
  StateView,
} from "../../protocols/group/schema/events.ts";
import { numberText } from "../../base/text/words.ts";
import {
  andListed,
  leftLine,
  listed,
  lostLine,
  nameSpan,
  problemLine,
  starLine,
  tableLines,
  wrongLine,
} from "./spans.ts";
import type { Line, Span } from "./user_interface.ts";
import { comparedText } from "./verify_rendering.ts";

type EventNamed<Name extends CoordinatorEvent["event"]> = Extract<
  CoordinatorEvent,
  { readonly event: Name }
>;

const DIGEST_LETTERS = 8;
/** The most snapshots that `/snapshots` shows; all of them are files. */
const SNAPSHOTS_SHOWN = 20;

/** The start of a digest, for people to compare. */
export function shortDigest(digest: string): string {
  return digest.slice(0, DIGEST_LETTERS);
}

/** A cell of a table; `?` where the value isn't known. */
export function knownText<Value>(value: Value | null, text: (value: Value) => string): string {
  return value === null ? "?" : text(value);
}

/** Somebody who is being sent the log, and can read it: shown before it is a member. */
export function joiningLine({ name, key, ...compared }: JoiningEvent, nowMs: number): Line {
  const note = comparedText(compared);
  return starLine(
    nowMs,
    nameSpan(name),
    ` is joining, key ${key}`,
    ...(note === null ? [] : [`: ${note}`]),
  );
}

/** Those that are joining, behind the members; nothing where nobody is. */
export function joiningNames({ joining = [] }: MembersEvent): Line {
  if (joining.length === 0) return [];
  return ["; joining: ", ...listed(joining.map((name) => [nameSpan(name)]))];
}

/**
 * The line for somebody who left the group, or was lost; the coordinator may know why.
 * @param operator Who removes members, as the reader knows them.
 */
export function goneLine(
  { name, reason, why, joining }: LeftView & { readonly why?: string; readonly joining?: true },
  nowMs: number,
  operator: "the operator" | "you" = "the operator",
): Line {
  if (joining === true) return starLine(nowMs, nameSpan(name), " isn't joining any more");
  switch (reason) {
    case "quit":
      return leftLine(nowMs, name, "quit");
    case "removed":
      return starLine(nowMs, nameSpan(name), ` was removed by ${operator}`);
    case "lost":
      return lostLine(
        nowMs,
        name,
        why === undefined ? "" : `${why}; `,
        "the group goes on, and ",
        nameSpan(name),
        " gets the missed messages on return",
      );
    default:
      return starLine(nowMs, nameSpan(name), " isn't in the group any more");
  }
}

const HEADINGS = ["Member", "Entries", "Digest", "Lag", "Locks"] as const;

/**
 * A row for each member, the state that all share or who differs, and, if an entry was asked for, when it reached
 * each member.
 */
export function statesLines(
  { members, consistent, arrivals }: EventNamed<"states">,
  nowMs: number,
): readonly Line[] {
  if (members.length === 0) return [["Nobody is in the group."]];
  const rows = members.map(({ name, seq, digest, lagMs, locks }) =>
    [
      name,
      knownText(seq, numberText),
      knownText(digest, shortDigest),
      knownText(lagMs, (ms) => `${numberText(ms)} ms`),
      locks.length === 0 ? "-" : locks.join(", "),
    ] as const
  );
  return [
    ...tableLines(HEADINGS, rows),
    sharedLine(members, consistent),
    ...members.flatMap(differsLine),
    ...(arrivals === undefined ? [] : [arrivalsLine(arrivals, nowMs)]),
  ];
}

/** "All three" reads better than "All 3". */
const NUMBERS = [
  "three",
  "four",
  "five",
  "six",
  "seven",
  "eight",
  "nine",
  "ten",
  "eleven",
  "twelve",
];

function sharedLine(
  members: readonly StateView[],
  { seq, digest }: EventNamed<"states">["consistent"],
): Line {
  const unknown = members.filter(({ seq }) => seq === null);
  if (seq === 0 && unknown.length > 0) {
    const names = andListed(unknown.map(({ name }) => [nameSpan(name)]));
    return ["What all share isn't known: nothing was heard of the log of ", ...names, " yet."];
  }
  if (seq === 0) return [members.length === 1 ? "No entry is there." : "No entry is shared yet."];
  const what = `entry ${numberText(seq)} (${shortDigest(digest)}).`;
  if (members.length === 1) return [nameSpan(members[0]!.name), ` has ${what}`];
  if (members.length === 2) return [`Both share ${what}`];
  return [`All ${NUMBERS[members.length - 3] ?? members.length} share ${what}`];
}

function differsLine({ name, differs = [] }: StateView): readonly Line[] {
  if (differs.length === 0) return [];
  const others = andListed(differs.map((other) => [nameSpan(other)]));
  return [problemLine("The log of ", nameSpan(name), " differs from that of ", ...others, ".")];
}

type Arrivals = NonNullable<EventNamed<"states">["arrivals"]>;

function arrivalsLine({ seq, first, members }: Arrivals, nowMs: number): Line {
  const entry = `Entry ${numberText(seq)}`;
  if (members.every(({ has }) => has === false)) return [`${entry} is in nobody's log.`];
  const ordered = members.toSorted((a, b) =>
    Number(b.has) - Number(a.has) || (a.afterMs ?? Infinity) - (b.afterMs ?? Infinity)
  );
  const parts = [...Map.groupBy(ordered, arrivalText)].map(([text, those]): Line => {
    const names = andListed(those.map(({ name }) => [nameSpan(name)]));
    if (those[0]!.has === null) return ["not known whether to ", ...names];
    return those[0]!.has ? ["to ", ...names, text] : [`${text} to `, ...names];
  });
  const at: readonly Span[] = first === null ? [] : [" at ", { timeMs: Date.parse(first), nowMs }];
  return [`${entry} came`, ...at, " ", ...listed(parts), "."];
}

function arrivalText({ has, afterMs }: Arrivals["members"][number]): string {
  if (has === null) return "?";
  if (!has) return "not yet";
  if (afterMs === null) return " at a time that isn't known";
  return afterMs === 0 ? "" : ` ${numberText(afterMs)} ms later`;
}

/** The verdict and the file. A scheduled snapshot that is consistent takes one line, without the file. */
export function snapshotLines(event: EventNamed<"snapshot">, nowMs: number): readonly Line[] {
  const { id, file, consistent, why } = event;
  // Nobody waits for a scheduled snapshot, and /snapshots shows its file.
  if (consistent && event.scheduled === true) {
    return [starLine(nowMs, `Snapshot ${id} is consistent`)];
  }
  const kept: Line = ["  ", { text: file, as: "exact" }];
  if (consistent) {
    return [starLine(nowMs, `Snapshot ${id} is consistent: ${why}`), kept];
  }
  return [wrongLine(nowMs, `Snapshot ${id} isn't consistent: ${why}`), kept];
}

/** The last `SNAPSHOTS_SHOWN` snapshots, oldest first, the number of earlier ones, and the folder. */
export function snapshotsLines({ snapshots }: EventNamed<"snapshots">): readonly Line[] {
  if (snapshots.length === 0) {
    return [["There are no snapshots; /snapshot takes one."]];
  }
  const shown = snapshots.slice(-SNAPSHOTS_SHOWN);
  const left = snapshots.length - shown.length;
  const earlier = left === 1 ? "1 earlier one, and" : `${numberText(left)} earlier ones, and`;
  const folder = shown[0]!.file.slice(0, -`${shown[0]!.id}.txt`.length - 1);
  return [
    ...(left === 0 ? [] : [[earlier]]),
    ...shown.map(({ id, consistent, members, messages }): Line => {
      const verdict = consistent === null
        ? "damaged"
        : consistent
        ? "consistent"
        : "not consistent";
      const who = members.length === 0
        ? []
        : [", ", ...andListed(members.map((name) => [nameSpan(name)]))];
      const under = consistent === null ? "" : `, ${numberText(messages)} under way`;
      const line: Line = [`${id}  ${verdict}`, ...who, under];
      return consistent === true ? line : problemLine(...line);
    }),
    ["in ", { text: folder, as: "exact" }],
  ];
}
