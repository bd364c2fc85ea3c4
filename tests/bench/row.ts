/** One row of `make bench`: a figure beside its baseline, and the table of them. */

/** What is measured against, and how it came out; or why it couldn't be measured. */
export type Baseline =
  | { readonly name: string; readonly samples: readonly number[] }
  | { readonly name: string; readonly missing: string };

/** Programs that show how much of a figure no program under the same Deno can save. */
export const LEAST_NAME = "programs that only sync and pass on";

/** How far ours may be from the baseline (`ratio`), or from nothing (`value`). */
export interface Target {
  readonly of: "ratio" | "value";
  readonly bound: "at least" | "at most";
  readonly limit: number;
}

export interface Row {
  readonly group: string;
  readonly what: string;
  readonly unit: string;
  /** One for each round; none where it couldn't be measured. */
  readonly ours: readonly number[];
  /** What is needed to measure it, and isn't here. */
  readonly missing?: string;
  readonly baseline: Baseline | null;
  /** `null` for a figure that only goes with another. */
  readonly target: Target | null;
}

/** A row and what follows from it. */
export interface JudgedRow extends Row {
  /** Median of ours to median of the baseline's. */
  readonly ratio: number | null;
  readonly reached: boolean | null;
}

export function atMost(limit: number, of: Target["of"] = "ratio"): Target {
  return { of, bound: "at most", limit };
}

export function atLeast(limit: number, of: Target["of"] = "ratio"): Target {
  return { of, bound: "at least", limit };
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The value that a share of `values` doesn't exceed; NaN of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[
    Math.min(sorted.length - 1, Math.floor(sorted.length * share))
  ] ?? NaN;
}

export function judge(row: Row): JudgedRow {
  const { ours, baseline, target } = row;
  if (ours.length === 0) return { ...row, ratio: null, reached: null };
  const ratio = baseline !== null && "samples" in baseline
    ? median(ours) / median(baseline.samples)
    : null;
  const value = target?.of === "value" ? median(ours) : ratio;
  const reached = target === null || value === null
    ? null
    : target.bound === "at least"
    ? value >= target.limit
    : value <= target.limit;
  return { ...row, ratio, reached };
}

/** The table, a line for each row under its group's heading. */
export function tableOf(rows: readonly JudgedRow[]): string {
  const lines: string[] = [];
  const heads = ["row", ...FIGURE_HEADS];
  const cells = rows.map(cellsOf);
  const widths = cells.reduce(
    (widest, row) => row.map((cell, column) => Math.max(cell.length, widest[column] ?? 0)),
    heads.map((head) => head.length),
  );
  const line = (row: readonly string[]) =>
    `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd();
  let group = "";
  for (const [index, row] of rows.entries()) {
    if (row.group !== group) {
      lines.push(...(index > 0 ? [""] : []), row.group, line(heads));
    }
    group = row.group;
    lines.push(line(cells[index]!));
  }
  return lines.join("\n");
}

/** What the cells of a row are, but for the first, which names its group in a page. */
export const FIGURE_HEADS = ["p2pchat", "baseline", "ratio", "target", "reached"];

export function cellsOf(row: JudgedRow): string[] {
  const { what, unit, ours, missing, baseline, ratio, target, reached } = row;
  return [
    what,
    missing === undefined ? spread(ours, unit) : `missing (${missing})`,
    baseline === null
      ? "-"
      : `${baseline.name}: ${
        "samples" in baseline ? spread(baseline.samples, unit) : `missing (${baseline.missing})`
      }`,
    ratio === null ? "-" : number(ratio),
    target === null ? "-" : targetText(target, unit, baseline !== null),
    reached === null ? "-" : reached ? "yes" : "no",
  ];
}

function targetText({ of, bound, limit }: Target, unit: string, hasBaseline: boolean): string {
  const text = `${bound} ${limit.toLocaleString("en-US")}${of === "ratio" ? " x" : ` ${unit}`}`
    .trim();
  // A ratio stands beside it, of which it isn't.
  return of === "value" && hasBaseline ? `p2pchat ${text}` : text;
}

function spread(samples: readonly number[], unit: string): string {
  const text = `${number(median(samples))} ${unit}`.trim();
  if (samples.length < 2) return text;
  return `${text} (${number(Math.min(...samples))} to ${number(Math.max(...samples))})`;
}

/** Three digits that count. */
function number(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en-US")
    : String(Number(value.toPrecision(3)));
}
