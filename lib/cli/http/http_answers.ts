/** An answer over HTTP, after which the connection ends. */

import { concatBytes, utf8 } from "../../base/crypto/crypto.ts";

/** @param headers Lines of the form `Name: value`. */
export function answerHead(status: number, headers: readonly string[]): Uint8Array {
  // Why something is refused is in its body.
  const first = `HTTP/1.1 ${status} ${status < 400 ? "OK" : "Refused"}`;
  return utf8(`${[first, ...headers].join("\r\n")}\r\n\r\n`);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
  /** Further headers. */
  readonly headers?: readonly string[];
  /** Whether the body isn't sent, only its length. */
  readonly isHead?: boolean;
}

export function answerBytes({ status, type, body, headers = [], isHead }: Answer): Uint8Array {
  const head = answerHead(status, [
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
    "X-Content-Type-Options: nosniff",
    "Cache-Control: no-store",
    "Connection: close",
    ...headers,
  ]);
  return isHead === true ? head : concatBytes(head, body);
}
