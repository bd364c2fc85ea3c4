/**
 * A name for a received file that is harmless in every common file system, whatever its sender called it: it is one part
 * of a path, is shown as it is, isn't hidden, starts nothing, and fits with ` (2)` behind it. It is for the receiver
 * alone: the offer is signed with the name as it was offered.
 */

import { utf8Length } from "../../base/text/text.ts";
import { FILE_NAME_BYTES_MAX } from "./limits.ts";

/** For ` (2)` and longer numbers, and for `.part` and what else stands behind a name meanwhile. */
const ROOM_BYTES = 16;
export const SAFE_NAME_BYTES_MAX = FILE_NAME_BYTES_MAX - ROOM_BYTES;
const EXTENSION_BYTES_MAX = 32;
const NAMELESS = "file";

/** Separators of paths, also what looks like one, and what Windows refuses in names. */
const SEPARATORS =
  /[/\\:*?"<>|]|[\u2044\u2215\u29f5\u29f8\u29f9\ufe68\uff0f\uff3c\u2216\u2571\u2572\ufe55\uff1a\ua789\u2236]/gu;
/** Controls, what reorders or hides text, lone surrogates, what no program knows. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|\p{Default_Ignorable_Code_Point}/gu;
/** Blanks that aren't told from the common one, and dots that look like the one before an extension. */
const BLANKS = /\p{Zs}+/gu;
const DOTS = /[\u2024\uff0e\ufe52\u06d4\u0701\u0702\ua4f8\u{10a50}]/gu;
/** Devices of Windows, with any extension. */
const RESERVED =
  /^(?:con|prn|aux|nul|clock_|conin_|conout_|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(?:\.|$)/i;

/** The name under which a file that was offered as `offered` is saved and shown. Applied twice, it changes nothing. */
export function safeFileName(offered: string): string {
  const plain = offered.normalize("NFC").replace(UNSEEN, "_").replace(SEPARATORS, "_")
    .replace(DOTS, "_").replace(BLANKS, " ");
  const trimmed = withoutEnds(plain);
  if (trimmed === "") return NAMELESS;
  const isReserved = RESERVED.test(trimmed.replace(/ +(?=\.|$)/g, ""));
  return withoutEnds(shortened(isReserved ? `_${trimmed}` : trimmed));
}

/** Not hidden, not taken for an option of a command, and without what Windows drops at the end. */
function withoutEnds(name: string): string {
  return name.replace(/^[\s.~-]+/u, "").replace(/[\s.]+$/u, "");
}

/** Within the bound: its end goes first, but for an extension of a usual length. */
function shortened(name: string): string {
  if (utf8Length(name) <= SAFE_NAME_BYTES_MAX) return name;
  const dot = name.lastIndexOf(".");
  const extension = dot > 0 && utf8Length(name.slice(dot)) <= EXTENSION_BYTES_MAX
    ? name.slice(dot)
    : "";
  let stem = "";
  let left = SAFE_NAME_BYTES_MAX - utf8Length(extension);
  for (const character of name.slice(0, name.length - extension.length)) {
    left -= utf8Length(character);
    if (left < 0) break;
    stem += character;
  }
  return stem + extension;
}

/** The name for the `copy`th file of this name, 1 being the first one: `notes (2).txt`. */
export function numberedName(name: string, copy: number): string {
  if (copy === 1) return name;
  const dot = name.lastIndexOf(".");
  const [stem, extension] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  return `${stem} (${copy})${extension}`;
}
