/** Reads the head of one HTTP request. By hand, so that no more is held in memory than a head may have. */

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

/**
 * A browser sends the cookies of all that was ever served from this machine, at whichever port: it keeps about 180 of 4 KiB
 * for a host, which is 720 KiB.
 */
const COOKIE_BYTES_MAX = 1_024 * 1_024;
const COOKIE = "cookie:";

export class HttpHeadReader {
  /** What was read of the head, without cookies. */
  readonly #bytes: Uint8Array;
  #length = 0;
  /** Where the line begins that isn't whole yet. */
  #lineAt = 0;
  /** Whether that line is of cookies, and skipped. */
  #isCookie = false;
  #cookieBytes = 0;
  /** The last byte that was read. */
  #last = 0;

  /** @param bytesMax How long a head may be without its cookies, which nobody here needs. */
  constructor(readonly bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax + COOKIE.length);
  }

  /** @returns Null while the head isn't whole. Not to be called after that. */
  push(bytes: Uint8Array): HttpHead | null {
    for (let at = 0; at < bytes.length;) {
      const feed = bytes.indexOf(LINE_FEED, at);
      const part = bytes.subarray(at, feed < 0 ? bytes.length : feed + 1);
      at += part.length;
      if (!this.#add(part)) {
        const most = `${this.bytesMax} bytes, and ${COOKIE_BYTES_MAX} of cookies`;
        return { type: "fault", status: 431, text: `The head of a request may have ${most}` };
      }
      const before = part.at(-2) ?? this.#last;
      this.#last = part.at(-1)!;
      if (feed < 0) return null;
      if (this.#isCookie && before !== CARRIAGE_RETURN) return NO_HTTP;
      if (!this.#isCookie && LATIN.decode(this.#read.subarray(-4)) === "\r\n\r\n") {
        const request = parsed(LATIN.decode(this.#read.subarray(0, -4)));
        return request === null ? NO_HTTP : { type: "request", request, rest: bytes.subarray(at) };
      }
      this.#isCookie = false;
      this.#lineAt = this.#length;
    }
    return null;
  }

  /** @returns Whether there is room for it. */
  #add(part: Uint8Array): boolean {
    const length = this.#length + part.length;
    if (!this.#isCookie) {
      this.#bytes.set(part.subarray(0, this.#bytes.length - this.#length), this.#length);
      this.#length = Math.min(length, this.#bytes.length);
      const start = this.#read.subarray(this.#lineAt).subarray(0, COOKIE.length);
      if (this.#lineAt === 0 || LATIN.decode(start).toLowerCase() !== COOKIE) {
        return length <= this.bytesMax;
      }
      this.#isCookie = true;
      this.#length = this.#lineAt;
    }
    this.#cookieBytes += length - this.#length;
    return this.#cookieBytes <= COOKIE_BYTES_MAX;
  }

  get #read(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
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
