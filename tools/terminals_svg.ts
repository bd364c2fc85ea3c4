/** What terminals show, as a picture: windows beside each other, text as text. */

import { textWidth } from "../lib/cli/rendering/graphemes.ts";
import type { Run } from "../tests/e2e/screen.ts";

export interface Window {
  readonly title: string;
  readonly rows: readonly (readonly Run[])[];
  readonly columns: number;
}

const CELL = { width: 8.4, height: 19 };
const PADDING = 14;
const TITLE_HEIGHT = 30;
const GAP = 18;
const GROUND = "#1c1f26";
const TITLE_GROUND = "#2b303b";
const INK = "#d7dae0";
/** At each text, as Chromium no longer inherits the first; older browsers and converters know only that one. */
const BLANKS_KEPT = `xml:space="preserve" style="white-space:pre"`;
/** Of the codes that the program uses; the bright cyan and magenta are for the fifth name and the sixth. */
const COLOUR_BY_CODE: Readonly<Record<string, string>> = {
  "31": "#e06c75",
  "32": "#98c379",
  "33": "#e5c07b",
  "34": "#61afef",
  "35": "#c678dd",
  "36": "#56b6c2",
  "95": "#d7a1f0",
  "96": "#8be9fd",
};

export function terminalsAsSvg(windows: readonly Window[]): string {
  const shown = windows.map((window) => ({ ...window, rows: untilLastText(window.rows) }));
  const height = TITLE_HEIGHT + 2 * PADDING +
    Math.max(...shown.map(({ rows }) => rows.length)) * CELL.height;
  const parts: string[] = [];
  let left = 0;
  for (const window of shown) {
    const width = window.columns * CELL.width + 2 * PADDING;
    parts.push(
      `<g transform="translate(${fixed(left)} 0)">`,
      drawn(window, width, height),
      "</g>",
    );
    left += width + GAP;
  }
  const width = left - GAP;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fixed(width)} ${height}" ` +
    `width="${fixed(width)}" height="${height}" font-size="14" ` +
    `font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace">`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function untilLastText(rows: Window["rows"]): Window["rows"] {
  return rows.slice(
    0,
    rows.findLastIndex((runs) => runs.some(({ text }) => text.trim() !== "")) + 1,
  );
}

function drawn({ title, rows }: Window, width: number, height: number): string {
  const parts = [
    `<rect width="${fixed(width)}" height="${height}" rx="8" fill="${GROUND}"/>`,
    `<path d="M0 ${TITLE_HEIGHT}V8a8 8 0 0 1 8-8H${
      fixed(width - 8)
    }a8 8 0 0 1 8 8V${TITLE_HEIGHT}z" ` +
    `fill="${TITLE_GROUND}"/>`,
    `<text x="${PADDING}" y="20" fill="${INK}" opacity="0.75" ${BLANKS_KEPT}>${
      escaped(`$ ${title}`)
    }</text>`,
  ];
  for (const [row, runs] of rows.entries()) {
    const y = TITLE_HEIGHT + PADDING + row * CELL.height + 14;
    let column = 0;
    for (const { text, style } of runs) {
      const cells = textWidth(text);
      if (text.trim() !== "") parts.push(run(text, style, column, cells, y));
      column += cells;
    }
  }
  return parts.join("\n");
}

/** As wide as its cells, whatever the font. */
function run(text: string, style: string, column: number, cells: number, y: number): string {
  const codes = style.split(";");
  const colour = codes.map((code) => COLOUR_BY_CODE[code]).findLast((one) => one !== undefined);
  const attributes = [
    `x="${fixed(PADDING + column * CELL.width)}"`,
    `y="${fixed(y)}"`,
    `textLength="${fixed(cells * CELL.width)}"`,
    `fill="${colour ?? INK}"`,
    BLANKS_KEPT,
    ...codes.includes("1") ? [`font-weight="bold"`] : [],
    ...codes.includes("2") ? [`opacity="0.6"`] : [],
  ];
  return `<text ${attributes.join(" ")}>${escaped(text)}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function fixed(value: number): string {
  return value.toFixed(1);
}
