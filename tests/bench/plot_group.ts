/** Draws throughput and latency of a group by its number of members, from what `make bench` has measured. */

import { type Point, svgOf } from "./plot.ts";
import { type JudgedRow, median } from "./row.ts";

/** An SVG. */
export function groupPlot(rows: readonly JudgedRow[]): string {
  const points = (what: RegExp) => pointsOf(rows, what);
  return svgOf([
    {
      title: "all members send",
      xLabel: "members",
      yLabel: "per second",
      lines: [
        { label: "entries", points: points(/^all send/) },
        { label: "times members", points: points(/times members$/) },
      ],
    },
    {
      title: "one entry at a time, sent to shown at all",
      xLabel: "members",
      yLabel: "ms",
      lines: [
        { label: "p50", points: points(/p50$/) },
        { label: "p99", points: points(/p99$/) },
      ],
    },
  ]);
}

function pointsOf(rows: readonly JudgedRow[], what: RegExp): readonly Point[] {
  return rows.flatMap((row): Point[] => {
    const members = /^group chat, (\d+) members, by size$/.exec(row.group)?.[1];
    if (members === undefined || !what.test(row.what)) return [];
    const { ours } = row;
    return [{
      x: Number(members),
      y: median(ours),
      low: Math.min(...ours),
      high: Math.max(...ours),
    }];
  });
}
