// deno-lint-ignore-file no-console -- a program of its own: says what it found
/**
 * Writes the tables in `docs/records.md` that come from the declarations of records.
 *
 *     deno run --allow-read --allow-write tools/record_tables.ts
 */

import type { Row } from "../lib/base/schema/log_records.ts";
import { PRIVATE_LOG } from "../lib/base/schema/private_words.ts";
import { INBOX_LOG } from "../lib/cli/scripts/inbox_records.ts";
import { CLIENT_LOG } from "../lib/protocols/directory/schema/client_records.ts";
import { DIRECTORY_LOG } from "../lib/protocols/directory/schema/records.ts";
import { FRIENDS_LOG } from "../lib/protocols/friends/records.ts";
import { COORDINATOR_STATE_LOG, MEMBER_STATE_LOG } from "../lib/protocols/group/schema/records.ts";
import { MESH_LOG } from "../lib/protocols/mesh/schema/records.ts";
import { markdownTable, type Tables, withTables } from "./generated_tables.ts";

export const LOGS = [
  MESH_LOG,
  PRIVATE_LOG,
  INBOX_LOG,
  FRIENDS_LOG,
  MEMBER_STATE_LOG,
  COORDINATOR_STATE_LOG,
  DIRECTORY_LOG,
  CLIENT_LOG,
];

/** A table for each log, by its format: each kind of record, and its cells in their order. */
export function recordTables(): Tables {
  return Object.fromEntries(LOGS.map(({ name: { format, version }, rows }) => [
    format,
    `Version ${version}.\n\n${recordTable(rows)}`,
  ]));
}

function recordTable(rows: Readonly<Record<string, Row<unknown>>>): string {
  return markdownTable(
    ["Kind", "Says", "Cells"],
    Object.entries(rows).map(([kind, { about, column }]) => [
      `\`${kind}\``,
      about,
      column.describe("").join("; ") || "none",
    ]),
  );
}

if (import.meta.main) {
  const path = new URL("../docs/records.md", import.meta.url);
  await Deno.writeTextFile(path, withTables(await Deno.readTextFile(path), recordTables()));
  console.log("docs/records.md: tables written");
}
