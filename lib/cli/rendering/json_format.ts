/** Events as the lines of `--json`. */

import type { ShownEvent } from "./user_interface.ts";

/** JSON allows these characters unescaped, but terminals obey some of them, and some readers end lines at others. */
const UNSAFE_IN_LINES = /[\x7f-\x9f\u2028\u2029]/g;

export class JsonFormat {
  #ms = NaN;
  #at = "";

  /** One line: `event` and `at`, the event's other fields, then `room` and `ref` if there are such. */
  format(event: ShownEvent, ref: string | undefined, nowMs: number, room?: string): string {
    if (ref === undefined && room === undefined && !("at" in event)) {
      // There are thousands a second: to copy an event takes as long as to write it, and it begins with its name already.
      const text = jsonText(event);
      const head = `{"event":"${event.event}"`;
      if (text.startsWith(head)) {
        return `${head},"at":"${this.#timeText(nowMs)}"${text.slice(head.length)}\n`;
      }
    }
    return `${jsonText(this.#object(event, ref, nowMs, room))}\n`;
  }

  /** The same in parts, with the elements of lists one by one, as a long history may exceed the longest string. */
  *parts(
    event: ShownEvent,
    ref: string | undefined,
    nowMs: number,
    room?: string,
  ): Generator<string> {
    if (!Object.values(event).some(Array.isArray)) {
      yield this.format(event, ref, nowMs, room);
      return;
    }
    let separator = "{";
    for (const [key, value] of Object.entries(this.#object(event, ref, nowMs, room))) {
      if (value === undefined) continue;
      yield `${separator}${jsonText(key)}:`;
      separator = ",";
      if (Array.isArray(value)) yield* listParts(value);
      else yield jsonText(value);
    }
    yield "}\n";
  }

  #object(event: ShownEvent, ref: string | undefined, nowMs: number, room?: string): object {
    const more = room === undefined ? { ref } : { room, ref };
    return Object.assign({ event: event.event, at: this.#timeText(nowMs) }, event, more);
  }

  #timeText(nowMs: number): string {
    if (nowMs !== this.#ms) {
      this.#ms = nowMs;
      this.#at = new Date(nowMs).toISOString();
    }
    return this.#at;
  }
}

function* listParts(list: readonly unknown[]): Generator<string> {
  yield "[";
  for (const [index, element] of list.entries()) {
    yield `${index === 0 ? "" : ","}${jsonText(element)}`;
  }
  yield "]";
}

/** A value as JSON that is one line for every reader and contains nothing that a terminal obeys. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE_IN_LINES, escapedInJson);
}

/** The text with each UTF-16 unit as a JSON escape. */
export function escapedInJson(text: string): string {
  return text.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
