/** `docs/performance.md`: the tables in it that `make bench` writes, one part for each of its `ROWS`. */

import { markdownTable, type Tables, tablesIn, withTables } from "../../tools/generated_tables.ts";
import { cellsOf, FIGURE_HEADS, type JudgedRow } from "./row.ts";

/** When and where rows were measured. */
export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  /** Of the minute before the first row. */
  readonly load: number;
}

export function circumstances(): Circumstances {
  const { hardwareConcurrency } = navigator;
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${hardwareConcurrency} cores, ${Deno.build.arch}, Deno ${Deno.version.deno}`,
    load: Deno.loadavg()[0]!,
  };
}

/** The page with the part of `name` written anew; the others as they are. */
export function withMeasured(
  page: string,
  name: string,
  rows: readonly JudgedRow[],
  { date, machine, load }: Circumstances,
): string {
  const where = `Measured on ${date}, ${machine}, load before it ${load.toFixed(1)}.`;
  const tables: Tables = { ...tablesIn(page), [name]: [where, ...groupTables(rows)].join("\n\n") };
  return withTables(page, tables);
}

function groupTables(rows: readonly JudgedRow[]): readonly string[] {
  const groups = Map.groupBy(rows, ({ group }) => group);
  return [...groups].map(([group, of]) => markdownTable([group, ...FIGURE_HEADS], of.map(cellsOf)));
}
