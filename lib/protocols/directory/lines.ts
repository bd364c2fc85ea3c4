/** Lines that wait to go out in a call: while it rings, and while its link takes no more. */

import { utf8Length } from "../../base/text.ts";
import { LINES_BYTES_MAX, LINES_MAX } from "./client_limits.ts";

interface Line {
  readonly text: string;
  readonly ref: string | undefined;
}

export class Lines {
  readonly #lines: Line[] = [];
  #bytes = 0;

  get size(): number {
    return this.#lines.length;
  }

  /** 0 to 1 of what may wait. */
  get fill(): number {
    return Math.max(this.#lines.length / LINES_MAX, this.#bytes / LINES_BYTES_MAX);
  }

  add(line: Line): void {
    this.#lines.push(line);
    this.#bytes += utf8Length(line.text);
  }

  shift(): Line | undefined {
    const line = this.#lines.shift();
    if (line !== undefined) this.#bytes -= utf8Length(line.text);
    return line;
  }
}
