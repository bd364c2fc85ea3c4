/**
 * One record as one line of text, for `cat`, `grep` and `cut`:
 *
 *     checksum TAB cell TAB cell ... LF
 *
 * The checksum is the CRC-32 of everything between its tab and the line feed, as 8 hexadecimal digits: the CRC of
 * gzip and zlib, so that any scripting language can recompute it. It detects every burst error of up to 32 bits. It
 * doesn't stop an attacker, who could write a matching checksum. A SHA-256 would take 20 times as long, CRC-32C in
 * JavaScript five times (`docs/decisions/0002-stores-as-checked-text.md`).
 *
 * Cells hold any text. Control characters (a terminal might obey them), characters that reorder or hide text (all of Cf
 * but the joiners, which emoji and scripts need), line separators, the backslash and lone surrogates (UTF-8 has none) are
 * escaped as `\t`, `\n`, `\r`, `\\`, `\x1b` and `\u202e`; so a line has no NUL.
 *
 * Below are the reader of such lines, with memory bounded by the longest, and the first line of each file.
 */

import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { invariant } from "../../base/invariant.ts";
import { P2pchatError } from "../../base/errors.ts";

/** Longest line in bytes with its checksum and line feed: 16 times the longest that a store writes now. */
export const LINE_BYTES_MAX = 8 * 1024 * 1024;

/** Memory that a `LineBuffer` keeps for its next lines: two pieces of a rewrite, eight full messages. */
const BUFFER_BYTES_KEPT = 512 * 1024;

const CHECKSUM_DIGITS = 8;
const HEAD_BYTES = CHECKSUM_DIGITS + 1;
const TAB = 0x09;
const LINE_FEED = 0x0a;

/** The CRC-32 of `bytes`, continuing from `before`, the CRC-32 of the bytes before them. */
export function checksumOf(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before);
}

/** A checksum as it is written in lines. */
export function checksumText(checksum: number): string {
  return checksum.toString(16).padStart(CHECKSUM_DIGITS, "0");
}

const NEEDS_ESCAPE = /[\\\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/u;
const ESCAPED = /[\\\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]|(?![\u200c\u200d])\p{Cf}/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};
const SHORT_UNESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\",
  t: "\t",
  n: "\n",
  r: "\r",
};

/** Anything but the characters of most texts: it is looked for in a third of the time. */
const RARE = /[^ -[\]-~]/;

/** A text as its cell in the file has it. */
function escapeCell(text: string): string {
  if (!RARE.test(text)) return text;
  if (!NEEDS_ESCAPE.test(text) && text.isWellFormed()) return text;
  return text.replace(ESCAPED, (char) => SHORT_ESCAPES[char] ?? char.replace(/./gs, escapeUnit));
}

/** Of a character beyond U+FFFF each half. */
function escapeUnit(unit: string): string {
  const code = unit.charCodeAt(0);
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
}

/** The text of an escaped cell; `null` where the escapes are invalid. */
function unescapeCell(cell: string): string | null {
  if (!cell.includes("\\")) return cell;
  let valid = true;
  const text = cell.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([^]?))/g,
    (_match, byte?: string, unit?: string, short?: string) => {
      const hex = byte ?? unit;
      if (hex !== undefined) return String.fromCharCode(parseInt(hex, 16));
      const char = SHORT_UNESCAPES[short ?? ""];
      valid &&= char !== undefined;
      return char ?? "";
    },
  );
  return valid ? text : null;
}

/** The part of a line after its checksum, without the line feed. */
export function joinCells(cells: readonly string[]): string {
  return cells.map(escapeCell).join("\t");
}

/** The cells of `content`; `null` where `joinCells` could not have produced it. */
export function splitCells(content: string): readonly string[] | null {
  const cells = content.split("\t");
  if (!content.includes("\\")) return cells;
  const texts: string[] = [];
  for (const cell of cells) {
    const text = unescapeCell(cell);
    if (text === null) return null;
    texts.push(text);
  }
  return texts;
}

const HEX_DIGITS = Buffer.from("0123456789abcdef");
/** The value of each byte that is a lower-case hexadecimal digit; 255 for others. */
const HEX_VALUES = new Uint8Array(256).fill(255);
HEX_DIGITS.forEach((digit, value) => HEX_VALUES[digit] = value);

/** Collects lines in a reused buffer, so that many lines are one write. */
export class LineBuffer {
  #bytes = Buffer.alloc(4_096);
  #length = 0;

  /** Adds a line with `content`, which `joinCells` made. */
  add(content: string): void {
    const from = this.#length;
    this.#reserve(from + HEAD_BYTES + 3 * content.length + 1);
    const contentAt = from + HEAD_BYTES;
    const end = contentAt + this.#bytes.write(content, contentAt, "utf8");
    invariant(end - from < LINE_BYTES_MAX, "a record fits into a line");
    let checksum = checksumOf(this.#bytes.subarray(contentAt, end));
    for (let at = contentAt - 2; at >= from; at--) {
      this.#bytes[at] = HEX_DIGITS[checksum & 15]!;
      checksum >>>= 4;
    }
    this.#bytes[contentAt - 1] = TAB;
    this.#bytes[end] = LINE_FEED;
    this.#length = end + 1;
  }

  get length(): number {
    return this.#length;
  }

  /** The lines so far, as a view valid until the next `add` or `clear`. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Discards the lines, and the buffer if it has grown unusually large. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > BUFFER_BYTES_KEPT) this.#bytes = Buffer.alloc(4_096);
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = Buffer.alloc(Math.max(length, 2 * this.#bytes.length));
    grown.set(this.bytes());
    this.#bytes = grown;
  }
}

/**
 * The content of the line in [from, to) of `bytes`; its line feed is at `to`.
 * @returns `null` where the checksum doesn't fit.
 */
export function lineContent(bytes: Buffer, from: number, to: number): string | null {
  const contentAt = from + HEAD_BYTES;
  if (to < contentAt || bytes[contentAt - 1] !== TAB) return null;
  let checksum = 0;
  for (let at = from; at < contentAt - 1; at++) {
    const value = HEX_VALUES[bytes[at]!]!;
    if (value === 255) return null;
    checksum = (checksum << 4) | value;
  }
  if (checksumOf(bytes.subarray(contentAt, to)) !== checksum >>> 0) return null;
  return bytes.toString("utf8", contentAt, to);
}

/** One line. `bytes` is valid only during the call. */
export interface RawLine {
  readonly bytes: Buffer;
  /** The line, without its line feed, is in [from, to) of `bytes`. */
  readonly from: number;
  readonly to: number;
  /** Offset of the line's first byte in the file. */
  readonly offset: number;
  /** Whether the line ends with a line feed; false for bytes after the last one. */
  readonly complete: boolean;
  /** Set where the line is longer than `LINE_BYTES_MAX`: then `bytes` has only a part of it. */
  readonly tooLong: boolean;
}

/**
 * Calls `visit` for each line, including a non-empty last one without line feed. A line longer than
 * `LINE_BYTES_MAX` is delivered in parts, all but the last with `tooLong` set and `complete` not.
 * @returns The number of bytes read.
 */
export async function readLines(
  chunks: AsyncIterable<Uint8Array>,
  visit: (line: RawLine) => void,
): Promise<number> {
  let buffer = Buffer.alloc(0);
  let filled = 0;
  let offset = 0; // of buffer[0] in the file
  for await (const chunk of chunks) {
    const scanFrom = filled;
    if (filled + chunk.length > buffer.length) {
      const grown = Buffer.alloc(2 * (filled + chunk.length));
      grown.set(buffer.subarray(0, filled));
      buffer = grown;
    }
    buffer.set(chunk, filled);
    filled += chunk.length;

    const bytes = buffer.subarray(0, filled);
    let from = 0;
    let to = bytes.indexOf(0x0a, scanFrom);
    while (to !== -1) {
      visit({ bytes, from, to, offset: offset + from, complete: true, tooLong: false });
      from = to + 1;
      to = bytes.indexOf(0x0a, from);
    }
    if (filled - from > LINE_BYTES_MAX) {
      visit({ bytes, from, to: filled, offset: offset + from, complete: false, tooLong: true });
      from = filled;
    }
    buffer.copyWithin(0, from, filled);
    filled -= from;
    offset += from;
  }
  if (filled > 0) {
    visit({ bytes: buffer, from: 0, to: filled, offset, complete: false, tooLong: false });
  }
  return offset + filled;
}

/** Kind and version of a file's content: what its first line says, and that it belongs to p2pchat. */
export interface FileFormat {
  /** Lower-case words with `-` between them, such as `mesh-room`. */
  readonly format: string;
  /** Incremented with each change that older programs cannot read. */
  readonly version: number;
}

export const HEADER_KIND = "p2pchat";

/** The line of a record of a log, or of a row of a table. The first line names the format, so record 0 is in line 2. */
export function lineOf(index: number): number {
  return index + 2;
}

/** The cells of the header line. */
export function headerCells({ format, version }: FileFormat): readonly string[] {
  return [HEADER_KIND, format, String(version)];
}

/** What the first line may say; anything else may be a line of the file's content, such as a key. */
const FORMAT_FORM = /^[a-z][a-z-]{0,30}$/;
const VERSION_FORM = /^[0-9]{1,9}$/;

/**
 * Checks the cells of a file's first line. The error quotes nothing that can't be a format or a version: where the
 * first line is missing, the line in its place may hold a secret.
 * @throws {P2pchatError} `bad-file` for another format or version.
 */
export function checkHeader(path: string, cells: readonly string[], expected: FileFormat): void {
  const [kind, format = "", version = ""] = cells;
  if (kind !== HEADER_KIND || format !== expected.format) {
    const found = kind === HEADER_KIND && FORMAT_FORM.test(format)
      ? `it says that it is ${JSON.stringify(format)}`
      : "its first line doesn't say what it is";
    throw new P2pchatError(
      "bad-file",
      `Cannot read ${path}: ${found}, expected ${JSON.stringify(expected.format)}; ` +
        "move it away or choose another folder with --data",
    );
  }
  if (version !== String(expected.version)) {
    const found = VERSION_FORM.test(version) ? `its version is "${version}"` : "it has no version";
    throw new P2pchatError(
      "bad-file",
      `Cannot read ${path}: ${found}, this program reads ${expected.version}; ` +
        "use the program that wrote it",
    );
  }
}
