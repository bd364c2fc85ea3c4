/** Lays out the prompt and the line being edited as rows of terminal cells, with the cursor. Pure functions. */

import { visiblePart, visibleText } from "../base/text.ts";
import { graphemesOf, textWidth } from "./graphemes.ts";

export interface PromptLayout {
  /** Each row is at most as wide as the terminal; the last may be empty, for a cursor after a full row. */
  readonly rows: readonly string[];
  readonly cursorRow: number;
  /** From 0. */
  readonly cursorColumn: number;
}

/** Replaces rows that don't fit: the line continues above or below. */
const MORE = "…";

/**
 * Lays out `prompt` and the line being edited.
 * @param cursor Index into `text`.
 * @param columns Width of the terminal in cells, at least 1.
 * @param rowsMax The most rows to use, at least 1; if there are more, those around the cursor are shown.
 */
export function layoutPrompt(
  prompt: string,
  text: string,
  cursor: number,
  columns: number,
  rowsMax: number,
): PromptLayout {
  const rows: string[] = [];
  let row = "";
  let column = 0;
  let cursorRow = 0;
  let cursorColumn = 0;
  const makeRoom = (width: number) => {
    if (column + width <= columns || column === 0) return;
    rows.push(row);
    row = "";
    column = 0;
  };
  const place = (shown: string, width: number) => {
    makeRoom(width);
    row += shown;
    column += width;
  };
  /** Notes the cursor's place, where the next character, `width` cells wide, will be. */
  const markCursor = (width: number) => {
    makeRoom(width);
    cursorRow = rows.length;
    cursorColumn = column;
  };

  for (const { segment, width } of graphemesOf(visibleText(prompt))) place(segment, width);
  for (const { segment, index, width } of graphemesOf(text)) {
    const shown = visiblePart(text, index, index + segment.length);
    if (index <= cursor && cursor < index + segment.length) {
      markCursor(shown === segment ? width : 1);
    }
    // A symbol in words, such as <U+202E>, may be broken anywhere.
    if (shown === segment) place(shown, width);
    else for (const character of shown) place(character, textWidth(character));
  }
  if (cursor >= text.length) markCursor(1);
  rows.push(row);
  return windowed(rows, cursorRow, cursorColumn, rowsMax);
}

/** The part of the prompt's area that was drawn, down to the cursor. */
export interface DrawnPrompt {
  /** The rows down to the cursor's. */
  readonly rows: readonly string[];
  readonly cursorColumn: number;
}

/**
 * The number of rows from the start of what was drawn to the cursor, on a terminal that has since been resized to
 * `columns` and rewraps rows that are too wide. If the cursor is at a break, terminals differ: too low a count
 * leaves an old row behind, too high a count would erase a row of earlier output, so the lower one is returned.
 */
export function rowsAboveCursor(
  { rows, cursorColumn }: DrawnPrompt,
  columns: number,
): number {
  let count = 0;
  for (const row of rows.slice(0, -1)) count += 1 + breaksIn(row, Infinity, columns);
  return count + breaksIn(rows.at(-1) ?? "", cursorColumn, columns);
}

/** How often a terminal breaks the first `end` cells of a row. */
function breaksIn(row: string, end: number, columns: number): number {
  let breaks = 0;
  let column = 0;
  let before = 0;
  for (const { width } of graphemesOf(row)) {
    if (before >= end) break;
    if (column > 0 && column + width > columns) {
      breaks++;
      column = 0;
    }
    column += width;
    before += width;
  }
  return breaks;
}

function windowed(
  rows: readonly string[],
  cursorRow: number,
  cursorColumn: number,
  rowsMax: number,
): PromptLayout {
  if (rows.length <= rowsMax) return { rows, cursorRow, cursorColumn };
  const first = Math.max(0, Math.min(cursorRow - Math.floor(rowsMax / 2), rows.length - rowsMax));
  const shown = rows.slice(first, first + rowsMax);
  const row = cursorRow - first;
  // The mark replaces a row, but never the cursor's.
  if (first > 0 && row > 0) shown[0] = MORE;
  if (first + rowsMax < rows.length && row < rowsMax - 1) shown[rowsMax - 1] = MORE;
  return { rows: shown, cursorRow: row, cursorColumn };
}
