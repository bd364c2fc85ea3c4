/** Splits a stream of bytes into lines, with memory bounded by the longest line. */

import { Buffer } from "node:buffer";
import { LINE_BYTES_MAX } from "./record_line.ts";

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
