/** Splits what an IRC client sends into lines, of which none is kept that is too long. */

import { LINE_BYTES_MAX, TAGS_BYTES_MAX } from "./irc_message.ts";

/** CR and LF not included: tags of 4,096 bytes, and 510 behind them, with some room for clients that count otherwise. */
export const CLIENT_LINE_BYTES_MAX = 8_191;

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const AT = 0x40;
const BLANK = 0x20;

/** A line that a client may not send: with the bytes that it has so far; `isUnended` where it goes on. */
interface OverlongLine {
  readonly bytes: number;
  readonly isUnended: boolean;
}

/** `replaced`: a line with what isn't UTF-8, each such byte replaced. */
export type ClientLine = string | OverlongLine | { readonly replaced: string };

/** What the line has; null: it is too long. */
export function textIn(line: ClientLine): string | null {
  if (typeof line === "string") return line;
  return "replaced" in line ? line.replaced : null;
}

export class IrcLineSplitter {
  // A byte order mark comes through as a character: a message may begin with any.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  readonly #line = new Uint8Array(CLIENT_LINE_BYTES_MAX);
  #length = 0;
  /** Of a line of which nothing is kept; 0: the line is short enough so far. */
  #overlong = 0;

  /** The lines that end in `bytes`, CR, LF or both at their ends; empty ones are left out. `bytes` isn't retained. */
  push(bytes: Uint8Array): readonly ClientLine[] {
    const lines: ClientLine[] = [];
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] !== LINE_FEED && bytes[at] !== CARRIAGE_RETURN) continue;
      this.#keep(bytes.subarray(start, at));
      start = at + 1;
      const line = this.#take();
      if (line !== null) lines.push(line);
    }
    this.#keep(bytes.subarray(start));
    if (this.#overlong > 0) lines.push({ bytes: this.#overlong, isUnended: true });
    return lines;
  }

  #keep(bytes: Uint8Array): void {
    if (this.#overlong === 0 && this.#length + bytes.length <= CLIENT_LINE_BYTES_MAX) {
      this.#line.set(bytes, this.#length);
      this.#length += bytes.length;
      return;
    }
    this.#overlong += this.#length + bytes.length;
    this.#length = 0;
  }

  #take(): ClientLine | null {
    const { length } = this.#line.subarray(0, this.#length);
    const overlong = this.#overlong;
    this.#length = 0;
    this.#overlong = 0;
    if (overlong > 0) return { bytes: overlong, isUnended: false };
    if (length === 0) return null;
    const line = this.#line.subarray(0, length);
    return isTooLong(line) ? { bytes: length, isUnended: false } : this.#decoded(line);
  }

  #decoded(line: Uint8Array): ClientLine {
    try {
      return this.#decoder.decode(line);
    } catch {
      return { replaced: new TextDecoder().decode(line) };
    }
  }
}

/**
 * Whether the tags, or what follows them, are longer than a message may have. What follows may have a few times 512 bytes:
 * clients that split by characters instead of bytes lose nothing.
 */
function isTooLong(line: Uint8Array): boolean {
  const tags = line[0] === AT ? Math.max(0, line.indexOf(BLANK) + 1) : 0;
  return tags > TAGS_BYTES_MAX || line.length - tags > REST_BYTES_MAX;
}

const REST_BYTES_MAX = 4 * LINE_BYTES_MAX;
