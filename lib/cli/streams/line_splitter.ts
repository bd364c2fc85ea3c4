/** Splits the bytes of a pipe into lines. */

import { P2pchatError } from "../../base/errors.ts";
import { MESSAGE_BYTES_MAX } from "../../base/text/text.ts";

/**
 * Longest line kept, in bytes: a JSON object with a text ten times as long as a message may be, each byte of which may
 * be escaped as six (`\u0001`), and its other fields. So a text that is too long is refused with its own size, and
 * with the object's `ref`.
 */
export const LINE_BYTES_MAX = 64 * MESSAGE_BYTES_MAX;

/** The error for a line of `bytes` bytes, of which nothing was kept. */
export function lineTooLong(bytes: number): P2pchatError {
  return new P2pchatError(
    "too-long",
    `The line was skipped: it has ${bytes} bytes, a line may have ${LINE_BYTES_MAX}, and a message ` +
      `${MESSAGE_BYTES_MAX}`,
  );
}

/** A line that isn't valid text: too long to be kept, or not UTF-8. */
type OddLine =
  | { readonly type: "overlong"; readonly bytes: number }
  | { readonly type: "malformed"; readonly text: string };

export type InputLine = string | OddLine;

const LINE_FEED = 0x0a;

export class LineSplitter {
  // The decoder doesn't remove byte order marks: one counts only at the very start, where `#isStart` handles it.
  readonly #strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #lenient = new TextDecoder("utf-8", { ignoreBOM: true });
  #tail: Uint8Array[] = [];
  #tailBytes = 0;
  /** Length so far of an overlong line, whose bytes aren't kept; `null` in any other line. */
  #overlongBytes: number | null = null;
  #isStart = true;

  /** The lines that end in `bytes`. `bytes` isn't retained. */
  push(bytes: Uint8Array): readonly InputLine[] {
    const lines: InputLine[] = [];
    let rest = bytes;
    if (this.#overlongBytes !== null) {
      const end = rest.indexOf(LINE_FEED);
      this.#overlongBytes += end < 0 ? rest.length : end;
      if (end < 0) return lines;
      lines.push({ type: "overlong", bytes: this.#overlongBytes });
      this.#overlongBytes = null;
      rest = rest.subarray(end + 1);
    }
    const end = rest.lastIndexOf(LINE_FEED);
    if (end >= 0) {
      this.#keep(rest.subarray(0, end));
      lines.push(...this.#takeLines());
      rest = rest.subarray(end + 1);
    }
    this.#keep(rest);
    if (this.#tailBytes > LINE_BYTES_MAX) {
      this.#overlongBytes = this.#tailBytes;
      this.#tail = [];
      this.#tailBytes = 0;
    }
    return lines;
  }

  /** The last line, if the input didn't end with a line feed. */
  end(): readonly InputLine[] {
    if (this.#overlongBytes !== null) return [{ type: "overlong", bytes: this.#overlongBytes }];
    return this.#tailBytes === 0 ? [] : this.#takeLines();
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#tail.push(bytes.slice());
    this.#tailBytes += bytes.length;
  }

  #takeLines(): InputLine[] {
    const block = joined(this.#tail, this.#tailBytes);
    this.#tail = [];
    this.#tailBytes = 0;
    const lines = this.#decoded(block);
    if (this.#isStart) {
      this.#isStart = false;
      if (typeof lines[0] === "string") lines[0] = lines[0].replace(/^\ufeff/, "");
    }
    return lines;
  }

  #decoded(block: Uint8Array): InputLine[] {
    try {
      return this.#strict.decode(block).split("\n").map(withoutReturn);
    } catch {
      return this.#lenient.decode(block).split("\n").map((line) => {
        const text = withoutReturn(line);
        return text.includes("\ufffd") ? { type: "malformed", text } : text;
      });
    }
  }
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
