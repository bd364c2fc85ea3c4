/** The tables of signatures and other proofs in PROTOCOL.md, against the domain tags and the files of the code. */

import { assert, assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import protocol from "../../PROTOCOL.md" with { type: "text" };

/** A tag as it is written in the code: its words, the version of what it stands for, mostly an end. */
const TAG = /(["'`])(p2pchat [a-z][a-z -]* \d+(?:\\n|\\0)?)\1/g;

/** The rows of all tables in the part of PROTOCOL.md that lists proofs. */
function rows(): readonly (readonly string[])[] {
  const part = /\n## Signatures and other proofs\n([^]*?)\n## /.exec(protocol)?.[1];
  assert(part !== undefined, "PROTOCOL.md has no part that lists signatures and other proofs");
  return part.split("\n").filter((line) => line.startsWith("| ")).map((line) =>
    line.split(" | ").map((cell) => cell.replace(/^\| | \|$/g, ""))
  );
}

/** Each tag in the code once, sorted, with a file that has it. */
async function tagsOfCode(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for await (const { path } of walk("lib", { exts: [".ts"], includeDirs: false })) {
    for (const [, , tag] of (await Deno.readTextFile(path)).matchAll(TAG)) found.set(tag!, path);
  }
  return found;
}

Deno.test("PROTOCOL.md has each domain tag of the code in one row, and no other tag", async () => {
  const listed = rows().flatMap(([first]) => /^`(p2pchat [^`]*)`$/.exec(first!)?.[1] ?? []);
  const ofCode = await tagsOfCode();

  assertEquals(listed.filter((tag) => !ofCode.has(tag)), [], "no code has these tags");
  assertEquals(
    [...ofCode].filter(([tag]) => listed.filter((other) => other === tag).length !== 1),
    [],
    "each of these must stand in one row: who makes it, of what, who checks it, what refuses it",
  );
});

Deno.test("PROTOCOL.md says of each proof where it is checked, in files that are there", async () => {
  const missing: string[] = [];
  for (const cells of rows()) {
    const paths = [...cells.join(" ").matchAll(/`([a-z_./]+\.ts)`/g)].map(([, path]) => path!);
    const isHead = cells[0] === "Domain tag" || cells[0] === "---";
    if (!isHead && paths.length === 0) missing.push(`${cells[0]}: no file`);
    for (const path of paths) {
      const file = `lib/protocols/${path}`;
      const isThere = await Deno.stat(file).then(() => true, () => false);
      if (!isThere) missing.push(`${cells[0]}: ${path}`);
    }
  }
  assertEquals(missing, []);
});
