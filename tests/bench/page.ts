/** `docs/performance.md`: the tables in it that `make bench` writes, one part for each of its `ROWS`. */

import { markdownTable, type Tables, tablesIn, withTables } from "../../tools/generated_tables.ts";
import { cellsOf, FIGURE_HEADS, type JudgedRow } from "./row.ts";

/** When and where rows were measured. */
export interface Circumstances {
  readonly date: string;
  readonly machine: string;
  /** Of the minute before the first row. */
  readonly load: number;
  /** Of all processors' time meanwhile, what a virtual machine's host gave to others: 0 to 1; null where nobody says. */
  readonly stolen: number | null;
}

/** Begins to watch what may spoil figures. @returns Ends it. */
export function watchCircumstances(): () => Circumstances {
  const { hardwareConcurrency } = navigator;
  const load = Deno.loadavg()[0]!;
  const before = processorTimes();
  return () => ({
    date: new Date().toISOString().slice(0, 10),
    machine: `${hardwareConcurrency} cores, ${Deno.build.arch}, Deno ${Deno.version.deno}`,
    load,
    stolen: stolenBetween(before, processorTimes()),
  });
}

/** Of all processors, in ticks; proc(5), `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal. */
export type ProcessorTimes = readonly number[];

const STEAL = 7;

function processorTimes(): ProcessorTimes | null {
  if (Deno.build.os !== "linux") return null;
  const all = Deno.readTextFileSync("/proc/stat").split("\n")[0]!;
  return all.split(/ +/).slice(1, STEAL + 2).map(Number);
}

export function stolenBetween(
  before: ProcessorTimes | null,
  after: ProcessorTimes | null,
): number | null {
  if (before === null || after === null) return null;
  const took = after.map((ticks, at) => ticks - before[at]!);
  return took[STEAL]! / took.reduce((sum, ticks) => sum + ticks, 0);
}

/** The page with the part of `name` written anew; the others as they are. */
export function withMeasured(
  page: string,
  name: string,
  rows: readonly JudgedRow[],
  { date, machine, load, stolen }: Circumstances,
): string {
  const withheld = stolen === null
    ? ""
    : `, ${Math.round(stolen * 100)} % of the processors' time withheld by the host`;
  const where = `Measured on ${date}, ${machine}, load before it ${load.toFixed(1)}${withheld}.`;
  const tables: Tables = { ...tablesIn(page), [name]: [where, ...groupTables(rows)].join("\n\n") };
  return withTables(page, tables);
}

function groupTables(rows: readonly JudgedRow[]): readonly string[] {
  const groups = Map.groupBy(rows, ({ group }) => group);
  return [...groups].map(([group, of]) => markdownTable([group, ...FIGURE_HEADS], of.map(cellsOf)));
}
