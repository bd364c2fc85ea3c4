/** How global states and snapshots read as lines. */

import { shownName } from "../base/names.ts";
import type { CoordinatorEvent, StateView } from "../protocols/group/events.ts";
import { numberText } from "./counts.ts";
import { andListed, listed, nameSpan } from "./spans.ts";
import type { Line, Span } from "./user_interface.ts";

type EventNamed<Name extends CoordinatorEvent["event"]> = Extract<
  CoordinatorEvent,
  { readonly event: Name }
>;

const DIGEST_LETTERS = 8;
const GAP = "  ";
/** `/snapshots` shows so many on a screen; all of them are files. */
const SNAPSHOTS_SHOWN = 20;

/** A digest as people compare it. */
export function shortDigest(digest: string): string {
  return digest.slice(0, DIGEST_LETTERS);
}

/** Rows under headings, the first column names. */
export function memberRows(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): readonly Line[] {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]!.length))
  );
  const padded = (cell: string, column: number) => cell.padEnd(widths[column]!);
  return [headings, ...rows].map((cells, index) => {
    const rest = cells.slice(1).map((cell, at) => padded(cell, at + 1)).join(GAP).trimEnd();
    const name = cells[0]!;
    const blanks = " ".repeat(widths[0]! - name.length) + GAP;
    return [index === 0 ? name : nameSpan(name), blanks, rest];
  });
}

const HEADINGS = ["Member", "Entries", "Digest", "Lag", "Locks"] as const;

export function statesLines(
  { members, consistent, arrivals }: EventNamed<"states">,
  nowMs: number,
): readonly Line[] {
  if (members.length === 0) return [["Nobody is in the group."]];
  const rows = members.map(({ name, seq, digest, lagMs, locks }) => [
    shownName(name),
    numberText(seq),
    shortDigest(digest),
    `${numberText(lagMs)} ms`,
    locks.length === 0 ? "-" : locks.join(", "),
  ]);
  return [
    ...memberRows(HEADINGS, rows),
    sharedLine(members, consistent),
    ...members.flatMap(differsLine),
    ...(arrivals === undefined ? [] : [arrivalsLine(arrivals, nowMs)]),
  ];
}

/** "All three" is easier on the ear than "All 3". */
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
  if (seq === 0) return [members.length === 1 ? "No entry is there." : "No entry is shared yet."];
  const what = `entry ${numberText(seq)} (${shortDigest(digest)}).`;
  if (members.length === 1) return [nameSpan(members[0]!.name), ` has ${what}`];
  if (members.length === 2) return [`Both share ${what}`];
  return [`All ${NUMBERS[members.length - 3] ?? members.length} share ${what}`];
}

function differsLine({ name, differs = [] }: StateView): readonly Line[] {
  if (differs.length === 0) return [];
  const others = andListed(differs.map((other) => [nameSpan(other)]));
  const mark: Span = { text: "! ", as: "mark" };
  return [[mark, "The log of ", nameSpan(name), " differs from that of ", ...others, "."]];
}

type Arrivals = NonNullable<EventNamed<"states">["arrivals"]>;

function arrivalsLine({ seq, first, members }: Arrivals, nowMs: number): Line {
  const entry = `Entry ${numberText(seq)}`;
  if (members.every(({ has }) => !has)) return [`${entry} is in nobody's log.`];
  const ordered = members.toSorted((a, b) =>
    Number(b.has) - Number(a.has) || (a.afterMs ?? Infinity) - (b.afterMs ?? Infinity)
  );
  const parts = [...Map.groupBy(ordered, arrivalText)].map(([text, those]): Line => {
    const names = andListed(those.map(({ name }) => [nameSpan(name)]));
    return those[0]!.has ? ["to ", ...names, text] : [`${text} to `, ...names];
  });
  const at: readonly Span[] = first === null ? [] : [" at ", { timeMs: Date.parse(first), nowMs }];
  return [`${entry} came`, ...at, " ", ...listed(parts), "."];
}

function arrivalText({ has, afterMs }: Arrivals["members"][number]): string {
  if (!has) return "not yet";
  if (afterMs === null) return " at a time that isn't known";
  return afterMs === 0 ? "" : ` ${numberText(afterMs)} ms later`;
}

export function snapshotLines(event: EventNamed<"snapshot">, nowMs: number): readonly Line[] {
  const { id, file, consistent, why } = event;
  // Nobody waits for it, and /snapshots says where it is.
  if (consistent && event.scheduled === true) {
    return [[{ timeMs: nowMs }, ` * Snapshot ${id} is consistent`]];
  }
  const kept: Line = ["  ", { text: file, as: "exact" }];
  if (consistent) {
    const line: Line = [{ timeMs: nowMs }, ` * Snapshot ${id} is consistent: ${why}`];
    return [line, kept];
  }
  const mark: Span = { text: " ! ", as: "mark" };
  return [[{ timeMs: nowMs }, mark, `Snapshot ${id} isn't consistent: ${why}`], kept];
}

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
      const mark: readonly Span[] = consistent === true ? [] : [{ text: "! ", as: "mark" }];
      const who = members.length === 0
        ? []
        : [", ", ...andListed(members.map((name) => [nameSpan(name)]))];
      const under = consistent === null ? "" : `, ${numberText(messages)} under way`;
      return [...mark, `${id}  ${verdict}`, ...who, under];
    }),
    ["in ", { text: folder, as: "exact" }],
  ];
}
