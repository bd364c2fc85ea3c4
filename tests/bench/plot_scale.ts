/**
 * Draws what `make scale` has measured:
 *
 *     JSON=1 make scale > rows.jsonl && deno run -A tests/bench/plot_scale.ts rows.jsonl docs/mesh-scale.svg
 */

import { type Chart, type Point, svgOf } from "./plot.ts";
import type { JudgedRow } from "./row.ts";

const [from, to] = Deno.args as [string, string];
const rows = (await Deno.readTextFile(from)).split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line) as JudgedRow);

function pointAt(x: number, y: number): Point {
  return { x, y, low: y, high: y };
}

/** By the share that vanished. */
function afterFailures(what: string): readonly Point[] {
  return rows.flatMap((row): Point[] => {
    const share = /(\d+) % vanish at once/.exec(row.group)?.[1];
    const [value] = row.ours;
    const isHere = share !== undefined && row.what === what && value !== undefined;
    return isHere && row.group.includes("alone") ? [pointAt(Number(share), value)] : [];
  });
}

/** How long it takes until so many of the members have a message. */
function spreading(who: string): readonly Point[] {
  const row = rows.find(({ group, what }) =>
    group.includes(who) && what === "until a member has it, by percentiles"
  );
  return [0, 20, 40, 60, 80, 90, 100].map((percent) => pointAt(percent, row?.ours[percent] ?? 0));
}

function inDegrees(): readonly Point[] {
  const degrees = rows.find(({ what }) => what === "in-degree")?.ours ?? [];
  const most = Math.max(...degrees);
  return Array.from({ length: most + 1 }, (_, degree) => {
    const share = degrees.filter((one) => one === degree).length / degrees.length;
    return pointAt(degree, 100 * share);
  });
}

const charts: readonly Chart[] = [
  {
    title: "a message on its way",
    xLabel: "% of the members have it",
    yLabel: "ms",
    lines: ["one sender", "ten senders", "all senders"].map((who) => ({
      label: who,
      points: spreading(who),
    })),
  },
  {
    title: "what is said in the 10 s after",
    xLabel: "% vanish at once",
    yLabel: "% of the others reached",
    lines: [{ label: "by the tree", points: afterFailures("reached by the broadcast alone") }],
  },
  {
    title: "neighbours",
    xLabel: "in-degree",
    yLabel: "% of the members",
    lines: [{ label: "members", points: inDegrees() }],
  },
];
await Deno.writeTextFile(to, svgOf(charts.filter(({ lines }) => lines[0]!.points.length > 0)));
