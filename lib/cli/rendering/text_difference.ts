/** What differs between two texts, line by line: all of it, and no more than that. */

import { countText, numberText } from "../../base/text/words.ts";

/** A line of the old text (`-`) or of the new one (`+`); or what is told of what stays, which has no sign. */
export type DifferenceRow =
  | { readonly sign: "-" | "+"; readonly text: string }
  | { readonly told: string };

/** Comparing takes some 10 ms for so many pairs of lines. Of more, all old lines stand before all new ones. */
const PAIRS_MAX = 1_000_000;
/** Of longer lines, in UTF-16 units, only the part that differs is shown. */
const LONG_UNITS = 200;
/** So much is shown of what stays before and behind that. */
const AROUND_UNITS = 40;

export function differenceOf(old: string, text: string): readonly DifferenceRow[] {
  const [before, after] = [old.split("\n"), text.split("\n")];
  const { start, end } = same(before, after);
  const rows: DifferenceRow[] = [...stays(start)];
  let [removed, added]: [string[], string[]] = [[], []];
  let kept = 0;
  const flush = () => {
    rows.push(...changed(removed, added));
    [removed, added] = [[], []];
  };
  for (const { sign, line } of steps(within(before, start, end), within(after, start, end))) {
    if (sign === " ") {
      if (kept++ === 0) flush();
      continue;
    }
    rows.push(...stays(kept));
    kept = 0;
    (sign === "-" ? removed : added).push(line);
  }
  flush();
  return [...rows, ...stays(kept + end)];
}

function stays(count: number): readonly DifferenceRow[] {
  return count === 0 ? [] : [{ told: `... ${countText(count, "line")} unchanged` }];
}

/** How many both begin with, and end with. */
function same(one: ArrayLike<unknown>, other: ArrayLike<unknown>) {
  const most = Math.min(one.length, other.length);
  let start = 0;
  while (start < most && one[start] === other[start]) start++;
  let end = 0;
  while (end < most - start && one[one.length - 1 - end] === other[other.length - 1 - end]) end++;
  return { start, end };
}

function within<List extends string | readonly string[]>(list: List, start: number, end: number) {
  return list.slice(start, list.length - end) as List;
}

interface Step {
  readonly sign: "-" | "+" | " ";
  readonly line: string;
}

/** What leads from one to the other, by a longest common subsequence. */
function steps(before: readonly string[], after: readonly string[]): readonly Step[] {
  const minus = (line: string): Step => ({ sign: "-", line });
  const plus = (line: string): Step => ({ sign: "+", line });
  const width = after.length + 1;
  if (before.length * after.length > PAIRS_MAX) return [...before.map(minus), ...after.map(plus)];
  // In each cell how many lines the rest of both has in common.
  const common = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i * width + j] = before[i] === after[j]
        ? common[(i + 1) * width + j + 1]! + 1
        : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const found: Step[] = [];
  let [i, j] = [0, 0];
  while (i < before.length && j < after.length) {
    if (before[i] === after[j]) {
      [found[found.length], i, j] = [{ sign: " ", line: after[j]! }, i + 1, j + 1];
    } else if (common[(i + 1) * width + j]! >= common[i * width + j + 1]!) {
      found.push(minus(before[i++]!));
    } else found.push(plus(after[j++]!));
  }
  return [...found, ...before.slice(i).map(minus), ...after.slice(j).map(plus)];
}

/** Lines in place of others: where there are as many, long ones are compared in pairs. */
function changed(removed: readonly string[], added: readonly string[]): readonly DifferenceRow[] {
  const signed = (sign: "-" | "+", lines: readonly string[]) =>
    lines.map((text) => ({ sign, text }));
  const isLong = (line: string, at: number) =>
    Math.min(line.length, added[at]!.length) > LONG_UNITS;
  if (removed.length !== added.length || !removed.some(isLong)) {
    return [...signed("-", removed), ...signed("+", added)];
  }
  return removed.flatMap((line, at) =>
    isLong(line, at)
      ? partsOf(line, added[at]!)
      : [...signed("-", [line]), ...signed("+", [added[at]!])]
  );
}

/** A character that isn't seen, or not as it is, without the one before it. */
const JOINED = /^[\p{M}\u200d\udc00-\udfff]/v;

/**
 * What differs within a line. What stands before and behind it is told, as no author could tell it: in a row without a
 * sign.
 */
function partsOf(line: string, other: string): readonly DifferenceRow[] {
  const common = same(line, other);
  let start = Math.max(0, common.start - AROUND_UNITS);
  let end = Math.max(0, common.end - AROUND_UNITS);
  while (start > 0 && JOINED.test(line.slice(start, start + 2))) start--;
  while (end > 0 && JOINED.test(line.slice(line.length - end, line.length - end + 2))) end--;
  const [head, tail] = [start, end].map(numberText);
  return [
    ...(start + end === 0
      ? []
      : [{ told: `... ${head} characters before and ${tail} after unchanged` }]),
    { sign: "-", text: within(line, start, end) },
    { sign: "+", text: within(other, start, end) },
  ];
}
