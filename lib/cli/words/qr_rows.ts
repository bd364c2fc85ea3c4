/**
 * A QR code as text: two rows of modules in a line, light ones drawn, as most terminals are dark; where there are
 * colours, they are white on black. Capitals take half the place that small letters do, and an invite is the same in both.
 */

import { encode } from "uqr";
import { P2pchatError } from "../../base/errors.ts";

/** Light modules around the code. Four would be by the book; two are read, and leave room for larger codes. */
const BORDER = 2;
/** Cells of the widest: more than a terminal has mostly. */
const QR_COLUMNS_MAX = 80;

/** @param columns Those of the terminal. @throws {P2pchatError} `too-long` where they, or 80, don't hold it. */
export function qrRows(invite: string, columns: number): readonly string[] {
  const { data: isDark } = encoded(invite.toUpperCase(), Math.min(columns, QR_COLUMNS_MAX));
  const rows: string[] = [];
  for (let y = 0; y < isDark.length; y += 2) {
    const [upper, lower] = [isDark[y]!, isDark[y + 1]];
    rows.push(upper.map((dark, x) => half(dark, lower === undefined || lower[x]!)).join(""));
  }
  return rows;
}

function half(upperIsDark: boolean, lowerIsDark: boolean): string {
  if (upperIsDark) return lowerIsDark ? " " : "\u2584";
  return lowerIsDark ? "\u2580" : "\u2588";
}

function encoded(text: string, columns: number): ReturnType<typeof encode> {
  // Version n has 17 + 4 n modules a side; the last cell of a line stays free.
  const maxVersion = Math.floor((columns - 1 - 2 * BORDER - 17) / 4);
  try {
    return encode(text, { ecc: "L", boostEcc: true, border: BORDER, maxVersion });
  } catch {
    const wider = columns < QR_COLUMNS_MAX ? "widen the window, or " : "";
    throw new P2pchatError(
      "too-long",
      `The QR code of this invite doesn't fit into ${columns} columns; ${wider}pass it on as text: /invite`,
    );
  }
}
