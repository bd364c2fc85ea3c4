// deno-lint-ignore-file no-console -- a program of its own
/**
 * `make bench`: all figures beside their baselines, one table, and written to `docs/performance.md` with its plots.
 * `ROWS=start,mesh` measures these alone; `JSON=1` prints for machines, one object for each row, and writes nothing.
 */

import { measureCalls } from "./call_rows.ts";
import { measureDirectory } from "./directory_rows.ts";
import { measureEdits } from "./edit_rows.ts";
import { measureEngine } from "./engine_rows.ts";
import { measureFiles } from "./file_rows.ts";
import { measureFound } from "./found_rows.ts";
import { measureFriends } from "./friends_rows.ts";
import { measureGroup } from "./group_rows.ts";
import { measureIdle } from "./idle_rows.ts";
import { measureMesh } from "./mesh_rows.ts";
import { measureModules } from "./module_rows.ts";
import { measureOnline } from "./online_rows.ts";
import { measureOverload } from "./overload_rows.ts";
import { watchCircumstances, withMeasured } from "./page.ts";
import { measurePage } from "./page_rows.ts";
import { measurePipes } from "./pipe_rows.ts";
import { groupPlot } from "./plot_group.ts";
import { judge, type Row, tableOf } from "./row.ts";
import { measureScale } from "./scale_rows.ts";
import { measureSnapshots } from "./snapshot_rows.ts";
import { measureStart } from "./start_rows.ts";

/** By the names that `ROWS` takes, in the order they are measured. */
const GROUPS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  start: measureStart,
  modules: measureModules,
  mesh5: () => measureMesh(5),
  mesh20: () => measureMesh(20),
  scale: measureScale,
  pipes: measurePipes,
  page: measurePage,
  friends: measureFriends,
  files: measureFiles,
  found: measureFound,
  group: measureGroup,
  edits: measureEdits,
  snapshots: measureSnapshots,
  directory: measureDirectory,
  calls: measureCalls,
  idle: measureIdle,
  engine: measureEngine,
  online: measureOnline,
  overload: measureOverload,
};

const asked = (Deno.env.get("ROWS") ?? "").split(",").filter((name) => name !== "");
const unknown = asked.filter((name) =>
  !Object.keys(GROUPS).some((group) => group.startsWith(name))
);
if (unknown.length > 0) {
  console.error(
    `error: no rows are called ${unknown.join(", ")}; there are ${Object.keys(GROUPS).join(", ")}`,
  );
  Deno.exit(2);
}

const page = new URL("../../docs/performance.md", import.meta.url);

for (const [name, measure] of Object.entries(GROUPS)) {
  if (asked.length > 0 && !asked.some((beginning) => name.startsWith(beginning))) continue;
  const measured = watchCircumstances();
  const rows = (await measure()).map(judge);
  if (Deno.env.get("JSON") === "1") {
    for (const row of rows) console.log(JSON.stringify(row));
    continue;
  }
  console.log(`${tableOf(rows)}\n`);
  // Each as soon as it is there: a run takes more than an hour.
  await Deno.writeTextFile(
    page,
    withMeasured(await Deno.readTextFile(page), name, rows, measured()),
  );
  if (name === "group") {
    await Deno.writeTextFile(
      new URL("../../docs/group-scale.svg", import.meta.url),
      groupPlot(rows),
    );
  }
}
