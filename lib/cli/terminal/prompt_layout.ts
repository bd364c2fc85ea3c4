/**
 * Lays out the prompt and the line being edited as rows of terminal cells, with the cursor, and says what to write so
 * that a terminal that shows one layout shows another. Pure functions.
 *
 * The cursor is put where it belongs behind each character whose width terminals disagree about, so that the layout
 * holds on all of them. Only what has changed is written: a screen reader speaks that, and nothing else.
 */

import { visiblePart, visibleText, withFewMarks } from "../../base/text/text.ts";
import { type Grapheme, graphemesOf, textWidth } from "../rendering/graphemes.ts";
import { NON_ASCII, UNIT_CELLS_MAX, WRAPPING_OFF, WRAPPING_ON } from "../streams/terminal_mode.ts";

interface PromptLayout {
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

  for (const { segment, width } of graphemesOf(withFewMarks(visibleText(prompt)))) {
    place(segment, width);
  }
  for (const { segment, index, width } of graphemesOf(text)) {
    const shown = withFewMarks(visiblePart(text, index, index + segment.length));
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

/** The prompt's area as it was drawn. */
export interface DrawnPrompt extends PromptLayout {
  /** The width of the terminal. */
  readonly columns: number;
}

/** An area with nothing in it, the cursor at its start. */
const EMPTY: Omit<DrawnPrompt, "columns"> = { rows: [""], cursorRow: 0, cursorColumn: 0 };

/**
 * What to write to a terminal that shows `from`, so that it shows `to`.
 * @param from As wide as `to`; null: the cursor is at the start of an empty row.
 */
export function changedPrompt(from: DrawnPrompt | null, to: DrawnPrompt): string {
  const old = from ?? EMPTY;
  const change = new Change(old, to.columns);
  for (const [index, row] of to.rows.entries()) change.row(index, old.rows[index], row);
  if (to.rows.length < old.rows.length) change.eraseBelow(to.rows.length);
  change.moveTo(to.cursorRow, to.cursorColumn);
  return change.text;
}

class Change {
  text = "";
  #row: number;
  #column: number;
  #lastRow: number;

  constructor(from: PromptLayout, readonly columns: number) {
    this.#row = from.cursorRow;
    this.#column = from.cursorColumn;
    this.#lastRow = from.rows.length - 1;
  }

  /** Changes a row; `old` is undefined where it isn't there yet. */
  row(index: number, old: string | undefined, row: string): void {
    if (old === row) return;
    if (index > this.#lastRow) this.#addRow();
    const before = [...graphemesOf(old ?? "")];
    const after = [...graphemesOf(row)];
    let same = 0;
    let column = 0;
    while (same < before.length && before[same]!.segment === after[same]?.segment) {
      column += after[same]!.width;
      same++;
    }
    // The terminal may have drawn what goes over the character before it.
    const mayBeOver = same > 0 && NON_ASCII.test(before[same]?.segment ?? "");
    if (mayBeOver) column -= before[--same]!.width;
    this.moveTo(index, column);
    if (same < before.length) this.text += ERASE_TO_THE_RIGHT;
    this.#write(after.slice(same));
  }

  eraseBelow(row: number): void {
    this.moveTo(row, 0);
    this.text += ERASE_BELOW;
    this.#lastRow = row - 1; // the cursor is below, and goes up
  }

  moveTo(row: number, column: number): void {
    if (row < this.#row) this.text += `\x1b[${this.#row - row}A`;
    if (row > this.#row) this.text += `\x1b[${row - this.#row}B`;
    this.#row = row;
    if (column !== this.#column) this.text += column === 0 ? "\r" : toColumn(column);
    this.#column = column;
  }

  /** Begins a row below the last one, where the terminal may have to scroll. */
  #addRow(): void {
    this.moveTo(this.#lastRow, this.#column);
    this.text += "\r\n";
    this.#column = 0;
    this.#row = ++this.#lastRow;
  }

  #write(graphemes: readonly Grapheme[]): void {
    let text = "";
    let mayWrap = false;
    for (const [index, { segment, width }] of graphemes.entries()) {
      const isCertain = !NON_ASCII.test(segment);
      mayWrap ||= !isCertain && this.#column + UNIT_CELLS_MAX * segment.length > this.columns;
      text += segment;
      this.#column += width;
      const isAtMargin = index === graphemes.length - 1 && this.#column >= this.columns;
      if (!isCertain && !isAtMargin) text += toColumn(this.#column);
    }
    this.text += mayWrap ? WRAPPING_OFF + text + WRAPPING_ON : text;
  }
}

const ERASE_BELOW = "\x1b[J";
const ERASE_TO_THE_RIGHT = "\x1b[K";

/** Puts the cursor into a column of its row, from 0 (CHA). */
function toColumn(column: number): string {
  return `\x1b[${column + 1}G`;
}

/**
 * The number of rows from the start of what was drawn to the cursor, on a terminal that has since been resized to
 * `columns` and rewraps rows that are too wide. If the cursor is at a break, terminals differ: too low a count
 * leaves an old row behind, too high a count would erase a row of earlier output, so the lower one is returned.
 */
export function rowsAboveCursor(
  { rows, cursorRow, cursorColumn }: PromptLayout,
  columns: number,
): number {
  let count = 0;
  for (const row of rows.slice(0, cursorRow)) count += 1 + breaksIn(row, Infinity, columns);
  return count + breaksIn(rows[cursorRow] ?? "", cursorColumn, columns);
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
