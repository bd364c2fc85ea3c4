// deno-lint-ignore-file no-console -- a program of its own
/**
 * Which lines of `lib` are reached by what: simulators, the program in end-to-end tests, unit tests, or nothing. What a
 * rare mechanism weighs shows by its tips: lines that nothing reaches, or a single test's program.
 *
 *     deno run -A tools/reach.ts program DIR FILE    writes a program for the variable P2PCHAT of end-to-end tests
 *     deno run -A tools/reach.ts collect DIR         adds up DIR/sim, DIR/e2e and DIR/unit, and removes what it has read
 *     deno run -A tools/reach.ts report DIR          the sums of each folder, and the longest pieces
 *
 * A process leaves its profile in its DENO_COVERAGE_DIR, here `DIR/sim/$$` and so on; for tests that is
 * `--coverage=DIR/unit/all --coverage-raw-data-only`. It has 0.5 MB or more, and tests start thousands of processes: call
 * `collect` again and again beside them. What ends by SIGKILL leaves nothing.
 */

import { walk } from "@std/fs";

const REPO = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const CLASSES = ["sim", "e2e", "unit"] as const;
/** Pieces that a report shows. */
const PIECES_MAX = 100;

/** By file of a class: by how many processes each line was reached; 0: by none. */
type Reached = Record<string, Record<number, number>>;

function program(folder: string): string {
  return `#!/bin/sh\nDENO_COVERAGE_DIR=${folder}/e2e/$$ exec ${Deno.execPath()} run -A --quiet --no-check ` +
    `--config=${REPO}/deno.json ${REPO}/main.ts "$@"\n`;
}

async function load(file: string): Promise<Reached> {
  return JSON.parse(await Deno.readTextFile(file).catch(() => "{}"));
}

async function collect(folder: string): Promise<void> {
  for (const one of CLASSES) {
    const reached = await load(`${folder}/${one}.json`);
    const processes = await Array.fromAsync(Deno.readDir(`${folder}/${one}`)).catch(() => []);
    for (const { name } of processes) {
      if (await Deno.stat(`/proc/${name}`).then(() => true, () => false)) continue; // hasn't ended
      const path = `${folder}/${one}/${name}`;
      const args = ["coverage", "--quiet", "--lcov", `--include=^file://${REPO}/lib/`, path];
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: REPO }).output();
      add(reached, new TextDecoder().decode(stdout));
      await Deno.remove(path, { recursive: true });
    }
    await Deno.writeTextFile(`${folder}/${one}.json`, JSON.stringify(reached));
  }
}

function add(reached: Reached, lcov: string): void {
  let lines: Record<number, number> = {};
  for (const row of lcov.split("\n")) {
    if (row.startsWith("SF:")) lines = reached[row.slice(4 + REPO.length)] ??= {};
    const [, line, count] = /^DA:(\d+),(\d+)/.exec(row) ?? [];
    if (line !== undefined) lines[+line] = (lines[+line] ?? 0) + (count === "0" ? 0 : 1);
  }
}

/** `unit`: by unit tests alone. `one`: by no simulator, and by one process of the program. */
type Kind = "more" | "one" | "unit" | "nothing";

async function* report(folder: string): AsyncGenerator<string> {
  const [sim, e2e, unit] = await Promise.all(CLASSES.map((one) => load(`${folder}/${one}.json`)));
  const areas = new Map<string, Record<Kind, number>>();
  const pieces: { readonly from: string; lines: number; kind: Kind }[] = [];
  for await (const { path } of walk(`${REPO}/lib`, { exts: [".ts"], includeDirs: false })) {
    const file = path.slice(REPO.length + 1);
    const area = file.split("/").slice(1, -1).slice(0, 2).join("/");
    const sums = areas.get(area) ?? { more: 0, one: 0, unit: 0, nothing: 0 };
    areas.set(area, sums);
    let last: Kind = "more";
    for (const line of Object.keys({ ...sim![file], ...e2e![file], ...unit![file] }).map(Number)) {
      const programs = e2e![file]?.[line] ?? 0;
      const kind = (sim![file]?.[line] ?? 0) > 0 || programs > 1
        ? "more"
        : programs === 1
        ? "one"
        : (unit![file]?.[line] ?? 0) > 0
        ? "unit"
        : "nothing";
      sums[kind]++;
      if (kind !== last) pieces.push({ from: `${file}:${line}`, lines: 0, kind });
      if (pieces.length > 0) pieces.at(-1)!.lines++;
      last = kind;
    }
  }
  yield "more\tone\tunit\tnothing\tfolder";
  for (const [area, sums] of areas) yield [...Object.values(sums), area].join("\t");
  const rare = pieces.filter(({ kind }) => kind !== "more").sort((a, b) => b.lines - a.lines);
  for (const { from, lines, kind } of rare.slice(0, PIECES_MAX)) yield `${lines}\t${kind}\t${from}`;
}

const [command, folder, file] = Deno.args;
if (command === "program" && folder !== undefined && file !== undefined) {
  await Deno.writeTextFile(file, program(folder), { mode: 0o755 });
} else if (command === "collect" && folder !== undefined) await collect(folder);
else if (command === "report" && folder !== undefined) {
  for await (const line of report(folder)) console.log(line);
} else {
  console.error("See the head of tools/reach.ts");
  Deno.exit(2);
}
