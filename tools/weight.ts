// deno-lint-ignore-file no-console -- a program of its own
/**
 * What the project weighs, beside what it may: `tools/weight.json` has the most that lib and tests may be, and only
 * falls. Whoever makes them smaller lowers it in the same commit.
 *
 *     deno run --allow-read tools/weight.ts    (exit 1 where it is more; part of make check)
 */

import { walk } from "@std/fs";
import { withoutTables } from "./generated_tables.ts";

/** In `tools/weight.json`: lines of code and numbers of files. */
type Weight = Readonly<Record<"linesOfLib" | "linesOfTests" | "filesOfLib", number>>;

/** Lines of `source` that are neither blank nor part of a comment that begins a line. */
export function linesOfCode(source: string): number {
  let isComment = false;
  let lines = 0;
  for (const line of source.split("\n")) {
    let code = line.trim();
    if (isComment || code.startsWith("/*")) {
      const end = code.indexOf("*/");
      isComment = end < 0;
      code = isComment ? "" : code.slice(end + 2).trim();
    }
    if (code !== "" && !code.startsWith("//")) lines++;
  }
  return lines;
}

/** Words of a page, without the tables that programs write. */
export function wordsOfProse(page: string): number {
  return withoutTables(page).split(/\s+/).filter((word) => word !== "").length;
}

/** How many files of these endings are below `paths`, and the sum of `count` over their texts. */
async function sumOf(paths: readonly string[], exts: string[], count: (text: string) => number) {
  let files = 0;
  let sum = 0;
  for (const path of paths) {
    for await (const file of walk(path, { exts, includeDirs: false })) {
      files++;
      sum += count(await Deno.readTextFile(file.path));
    }
  }
  return { files, sum };
}

if (import.meta.main) {
  const lib = await sumOf(["lib"], ["ts", "js", "css"], linesOfCode);
  const tests = await sumOf(["tests"], ["ts"], linesOfCode);
  const prose = await sumOf(["README.md", "PROTOCOL.md", "docs"], ["md"], wordsOfProse);
  const most: Weight = JSON.parse(await Deno.readTextFile("tools/weight.json"));
  const weight: Weight = {
    linesOfLib: lib.sum,
    linesOfTests: tests.sum,
    filesOfLib: lib.files,
  };
  console.log(
    `lib ${weight.linesOfLib} lines in ${weight.filesOfLib} files, tests ${weight.linesOfTests} lines, ${prose.sum} words`,
  );
  for (const [name, value] of Object.entries(weight) as [keyof Weight, number][]) {
    if (value <= most[name]) continue;
    console.error(
      `error: ${name} is ${value}, more than the ${
        most[name]
      } in tools/weight.json: take something out`,
    );
    Deno.exitCode = 1;
  }
}
