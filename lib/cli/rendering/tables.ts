/** Tables of aligned cells. */

import { shownName } from "../../base/text/names.ts";
import { textWidth } from "./graphemes.ts";
import type { Line } from "./user_interface.ts";

const COLUMN_GAP = "  ";

/** Rows below headings. The first column has unmarked names, to which this adds the mark for mixed scripts. */
export function tableLines(
  headings: readonly string[],
  rows: readonly (readonly [name: string, ...rest: readonly string[]])[],
): readonly Line[] {
  const table = [headings, ...rows.map(([name, ...rest]) => [shownName(name), ...rest])];
  const widths = headings.map((_, column) =>
    table.reduce((most, cells) => Math.max(most, textWidth(cells[column]!)), 0)
  );
  const blanksAfter = (cell: string, column: number) =>
    " ".repeat(widths[column]! - textWidth(cell)) + COLUMN_GAP;
  return table.map((cells, index) => {
    const name = cells[0]!;
    const rest = cells.slice(1).map((cell, at) => cell + blanksAfter(cell, at + 1)).join("");
    return [index === 0 ? name : { text: name, as: "name" }, blanksAfter(name, 0), rest.trimEnd()];
  });
}
