/**
 * Which cells each record of a log has in the log's version, as it was when that began (`tests/samples/records.txt`):
 * other cells than these, but for more at the end that may be absent, are another version. What a kind means isn't in
 * here, and its bytes in base64 are those of the messages (`tests/wire/frames_io_test.ts`).
 *
 * `UPDATE=1` writes the file anew: after a version was raised, or where cells were added at an end. A new kind, too,
 * needs another version: a program that doesn't know it refuses the log.
 */

import { assertEquals } from "@std/assert";
import { LOGS } from "../../tools/record_tables.ts";

const FILE = new URL("../samples/records.txt", import.meta.url);
const WAY_OUT = "logs that are in use have the cells in tests/samples/records.txt: change them " +
  "back, or raise the log's version, then write that file anew " +
  "(UPDATE=1 deno test -A tests/tools/record_forms_io_test.ts)";
const MAY_BE_ABSENT = /, may be absent$/;

/** Cells by format, version and kind. */
type Forms = ReadonlyMap<string, readonly string[]>;

const FORMS: Forms = new Map(
  LOGS.flatMap(({ name: { format, version }, rows }) =>
    Object.entries(rows).map(([kind, { column }]) =>
      [`${format} ${version} ${kind}`, column.describe("")] as const
    )
  ),
);

if (Deno.env.get("UPDATE") === "1") {
  const lines = FORMS.entries().map(([name, cells]) => [name, ...cells].join("\t"));
  Deno.writeTextFileSync(FILE, [...lines, ""].join("\n"));
}

const kept: Forms = new Map(
  Deno.readTextFileSync(FILE).trimEnd().split("\n").map((line) => {
    const [name = "", ...cells] = line.split("\t");
    return [name, cells] as const;
  }),
);

Deno.test("each log has the kinds of records of its version", () => {
  assertEquals([...FORMS.keys()].sort(), [...kept.keys()].sort(), WAY_OUT);
});

Deno.test("each record has the cells of its log's version, and then only such as may be absent", () => {
  for (const [name, cells] of kept) {
    const now = FORMS.get(name) ?? [];
    assertEquals(now.slice(0, cells.length), cells, `${name}: ${WAY_OUT}`);
    const added = now.slice(cells.length).filter((cell) => !MAY_BE_ABSENT.test(cell));
    assertEquals(added, [], `${name}: ${WAY_OUT}`);
  }
});
