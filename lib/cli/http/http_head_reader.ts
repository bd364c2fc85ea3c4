/** Reads the head of one HTTP request. By hand, so that no more is held in memory than a head may have. */

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
const END = "\r\n\r\n";

export class HttpHeadReader {
  /** As long as what was read. */
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** @param bytesMax How long a head may be. */
  constructor(readonly bytesMax: number) {
    this.#bytes = new Uint8Array(new ArrayBuffer(0, { maxByteLength: bytesMax }));
  }

  /** @returns Null while the head isn't whole. Not to be called after that. */
  push(bytes: Uint8Array): HttpHead | null {
    const { length } = this.#bytes;
    const taken = bytes.subarray(0, this.bytesMax - length);
    this.#bytes.buffer.resize(length + taken.length);
    this.#bytes.set(taken, length);
    const from = Math.max(0, length + 1 - END.length);
    const at = LATIN.decode(this.#bytes.slice(from)).indexOf(END);
    if (at < 0 && this.#bytes.length < this.bytesMax) return null;
    if (at < 0) {
      const text = `The head of a request may have ${this.bytesMax} bytes, cookies among them`;
      return { type: "fault", status: 431, text };
    }
    const request = parsed(LATIN.decode(this.#bytes.slice(0, from + at)));
    const rest = bytes.subarray(from + at + END.length - length);
    return request === null ? NO_HTTP : { type: "request", request, rest };
  }
}

const NO_HTTP: HttpHead = {
  type: "fault",
  status: 400,
  text: "That isn't a request of HTTP/1.1",
};

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
