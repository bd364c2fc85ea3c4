/** Reads the head of one HTTP request. By hand, so that no more is held in memory than a head may have. */

import { concatBytes } from "../../base/crypto/crypto.ts";

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface HttpRequest {
  readonly method: string;
  /** The path as it stands in the request line, with the query. */
  readonly path: string;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** What comes before the body, or why it isn't read. */
export type HttpHead =
  | { readonly type: "request"; readonly request: HttpRequest; readonly rest: Uint8Array }
  | { readonly type: "fault"; readonly status: 400 | 431; readonly text: string };

/** One character for each byte. */
const LATIN = new TextDecoder("latin1");

export class HttpHeadReader {
  #bytes: Uint8Array = new Uint8Array();

  /** @param bytesMax How long a head may be. */
  constructor(readonly bytesMax: number) {}

  /** @returns Null while the head isn't whole. Not to be called after that. */
  push(bytes: Uint8Array): HttpHead | null {
    const searched = Math.max(0, this.#bytes.length - 3);
    this.#bytes = concatBytes(this.#bytes, bytes);
    const end = endOf(this.#bytes, searched);
    if (end > this.bytesMax || (end < 0 && this.#bytes.length > this.bytesMax)) {
      this.#bytes = new Uint8Array();
      return fault(431, `The head of a request may have ${this.bytesMax} bytes`);
    }
    if (end < 0) return null;
    const rest = this.#bytes.subarray(end);
    const request = parsed(LATIN.decode(this.#bytes.subarray(0, end - 4)));
    return request === null
      ? fault(400, "That isn't a request of HTTP/1.1")
      : { type: "request", request, rest };
  }
}

function fault(status: 400 | 431, text: string): HttpHead {
  return { type: "fault", status, text };
}

/** Where the body begins; -1: the head isn't whole. */
function endOf(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(LINE_FEED, from); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) {
    const isEnd = at >= 3 && bytes[at - 1] === CARRIAGE_RETURN && bytes[at - 2] === LINE_FEED &&
      bytes[at - 3] === CARRIAGE_RETURN;
    if (isEnd) return at + 1;
  }
  return -1;
}

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What no value of a header has: NUL, a line feed alone, and whatever else is no character but the tab (RFC 9110, 5.5). */
// deno-lint-ignore no-control-regex
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** Two of one name would mean one thing here and another elsewhere: such a request is refused. */
function parsed(head: string): HttpRequest | null {
  const [first = "", ...lines] = head.split("\r\n");
  const [, method, path] = /^([A-Z]{1,16}) (\/[!-~]{0,2000}) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || path === undefined) return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    // No pattern for the whole line: one that skips blanks at both ends takes hours for a line that is full of them.
    const colon = Math.max(0, line.indexOf(":"));
    const name = line.slice(0, colon).toLowerCase();
    if (!FIELD_NAME.test(name) || CONTROL.test(line) || headers.has(name)) return null;
    headers.set(name, line.slice(colon + 1).trim());
  }
  return { method, path, headers };
}
