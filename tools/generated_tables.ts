/** Tables in pages that programs write: each between `<!-- generated: NAME -->` and `<!-- end generated: NAME -->`. */

/** By the names of their markers. */
export type Tables = Readonly<Record<string, string>>;

const MARKED = /<!-- generated: ([^>]*) -->\n([^]*?)<!-- end generated: \1 -->/g;
const UNFORMATTED = "<!-- deno-fmt-ignore-start -->";
const FORMATTED = "<!-- deno-fmt-ignore-end -->";

export function markdownTable(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

/** `document` without the tables that programs write, their markers included. */
export function withoutTables(document: string): string {
  return document.replace(MARKED, "");
}

/** The tables that stand in `document`. */
export function tablesIn(document: string): Tables {
  return Object.fromEntries(
    [...document.matchAll(MARKED)].map(([, name, table]) => [
      name!,
      table!.replace(UNFORMATTED, "").replace(FORMATTED, "").trim(),
    ]),
  );
}

/**
 * `document` with what is between the markers of each table replaced.
 * @throws {Error} If a marker of a table is missing or there twice, or one is there that has no table.
 */
export function withTables(document: string, tables: Tables): string {
  const seen = new Set<string>();
  const written = document.replace(MARKED, (_, name: string) => {
    const table = tables[name];
    if (table === undefined) throw new Error(`Cannot write "${name}": there is no such table`);
    if (seen.has(name)) throw new Error(`Cannot write "${name}": its markers are there twice`);
    seen.add(name);
    return [
      `<!-- generated: ${name} -->`,
      UNFORMATTED,
      "",
      table,
      "",
      FORMATTED,
      `<!-- end generated: ${name} -->`,
    ].join("\n");
  });
  for (const name of Object.keys(tables)) {
    if (!seen.has(name)) {
      throw new Error(
        `Cannot write "${name}": put <!-- generated: ${name} --> and <!-- end generated: ${name} --> where it belongs`,
      );
    }
  }
  return written;
}
