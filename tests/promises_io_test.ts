/** docs/promises.md: each promise that the documents number has its tests there, and they exist. */

import { assertEquals } from "@std/assert";

interface Row {
  /** The number of the promise, such as `M1`. */
  readonly promise: string;
  readonly path: string;
  /** The test's name as in the source; of a checker it is empty. */
  readonly name: string;
}

/** The rows of the tables; one without a number is about the promise above it. */
function rowsOf(page: string): readonly Row[] {
  let promise = "";
  const rows: Row[] = [];
  for (const line of page.split("\n")) {
    const cells = line.split(" | ").map((cell) => cell.replace(/^\|?\s*|\s*\|?$/g, ""));
    const test = /^`(tests\/\S+\.ts)`(?:: (.*)|, a checker)$/.exec(cells[3] ?? "");
    if (test === null) continue;
    promise = /^\*\*(\w+)\*\*$/.exec(cells[0]!)?.[1] ?? promise;
    rows.push({ promise, path: test[1]!, name: (test[2] ?? "").replaceAll("\\", "") });
  }
  return rows;
}

const ROWS = rowsOf(await Deno.readTextFile("docs/promises.md"));

Deno.test("docs/promises.md: each test is in its file", async () => {
  const missing: string[] = [];
  for (const { path, name } of ROWS) {
    const source = await Deno.readTextFile(path).catch(() => null);
    if (source === null) missing.push(path);
    else if (name === "" ? !path.includes("/checkers/") : !source.includes(name)) {
      missing.push(`${path}: ${name}`);
    }
  }

  assertEquals(missing, []);
});

Deno.test("docs/promises.md: each number of PROTOCOL.md, and each promise of guarantees.md, is there", async () => {
  const protocol = await Deno.readTextFile("PROTOCOL.md");
  const numbers = [...protocol.matchAll(/^\| \**([GEM]\d+)\** /gm)].map(([, number]) => number!);
  const promised = await Deno.readTextFile("docs/guarantees.md");
  const inList = (heading: string, letter: string) => {
    const [, list = ""] = promised.split(heading);
    const [items = ""] = list.split(/\n\n(?!\d)/).filter((part) => /^1\. /m.test(part));
    return [...items.matchAll(/^(\d+)\. \*\*/gm)].map(([, number]) => `${letter}${number}`);
  };
  const listed = [
    ...inList("**In a room**", "M"),
    ...inList("**Between friends of a table:**", "F"),
    ...inList("**In a directory:**", "D"),
  ];
  const there = new Set(ROWS.map(({ promise }) => promise));

  assertEquals([...numbers, ...listed].filter((number) => !there.has(number)), []);
  assertEquals(["M1", "G1", "E1"].filter((number) => !numbers.includes(number)), []);
  assertEquals(["M8", "F3", "D5"].filter((number) => !listed.includes(number)), []);
});
