/**
 * A QR code as text: two rows of modules in a line, light ones drawn, as most terminals are dark; those who scan it
 * today read it either way. Capitals take half the place that small letters do, and an invite is the same in both.
 */

import { encode } from "uqr";
import { P2pchatError } from "../../base/errors.ts";

/** Light modules around the code. Four would be by the book; two are read, and leave room for larger codes. */
const BORDER = 2;
/** The largest that fits 80 columns with its border: version 14 has 73 modules a side. */
const VERSION_MAX = 14;

/** @throws {P2pchatError} `too-long` where 80 columns don't hold it. */
export function qrRows(invite: string): readonly string[] {
  const { data: isDark } = encoded(invite.toUpperCase());
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

function encoded(text: string): ReturnType<typeof encode> {
  try {
    return encode(text, { ecc: "L", boostEcc: true, border: BORDER, maxVersion: VERSION_MAX });
  } catch {
    throw new P2pchatError(
      "too-long",
      `The invite has ${text.length} characters, too many for a QR code of 80 columns; pass it on as text: /invite`,
    );
  }
}
