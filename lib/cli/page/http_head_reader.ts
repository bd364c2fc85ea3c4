/** Reads the head of one HTTP request. By hand, so that no more is held in memory than a head may have. */

import { concatBytes } from "../../base/crypto/crypto.ts";

/** A browser sends the cookies of all that was ever served from this machine: some kilobytes in the worst case. */
const HEAD_BYTES_MAX = 32 * 1_024;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface HttpRequest {
  readonly method: string;
  /** The path as it stands in the request line. */
  readonly path: string;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

type HttpHead =
  | { readonly type: "request"; readonly request: HttpRequest; readonly rest: Uint8Array }
  | { readonly type: "fault"; readonly status: number; readonly text: string };

/** One character for each byte. */
const LATIN = new TextDecoder("latin1");

export class HttpHeadReader {
  #bytes: Uint8Array = new Uint8Array();

  /** @returns Null while the head isn't whole. Not to be called after that. */
  push(bytes: Uint8Array): HttpHead | null {
    const searched = Math.max(0, this.#bytes.length - 3);
    this.#bytes = concatBytes(this.#bytes, bytes);
    const end = endOf(this.#bytes, searched);
    if (end > HEAD_BYTES_MAX || (end < 0 && this.#bytes.length > HEAD_BYTES_MAX)) {
      this.#bytes = new Uint8Array();
      return fault(431, `The head of a request may have ${HEAD_BYTES_MAX} bytes`);
    }
    if (end < 0) return null;
    const rest = this.#bytes.subarray(end);
    const request = parsed(LATIN.decode(this.#bytes.subarray(0, end - 4)));
    return request === null
      ? fault(400, "That isn't a request of HTTP/1.1")
      : { type: "request", request, rest };
  }
}

function fault(status: number, text: string): HttpHead {
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

/** Two of one name would mean one thing here and another elsewhere: such a request is refused. */
function parsed(head: string): HttpRequest | null {
  const [first = "", ...lines] = head.split("\r\n");
  const [, method, path] = /^([A-Z]{1,16}) (\/[!-~]{0,2000}) HTTP\/1\.[01]$/.exec(first) ?? [];
  if (method === undefined || path === undefined) return null;
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined || headers.has(name.toLowerCase())) return null;
    headers.set(name.toLowerCase(), value);
  }
  return { method, path, headers };
}
