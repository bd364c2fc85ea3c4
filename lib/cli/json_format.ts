/** Events as the lines of `--json`. */

import type { ShownEvent } from "./user_interface.ts";

/** JSON may hold these as they are, but a terminal obeys some and some readers end lines at others. */
const UNSAFE_IN_LINES = /[\x7f-\x9f\u2028\u2029]/g;

export class JsonFormat {
  #ms = NaN;
  #at = "";

  /** One line: the event's fields after `event` and `at`, then `ref` where there is one. */
  format(event: ShownEvent, ref: string | undefined, nowMs: number): string {
    if (nowMs !== this.#ms) {
      this.#ms = nowMs;
      this.#at = new Date(nowMs).toISOString();
    }
    const { event: name, ...fields } = event;
    const object = { event: name, at: this.#at, ...fields, ref };
    return JSON.stringify(object).replace(UNSAFE_IN_LINES, escaped) + "\n";
  }
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
