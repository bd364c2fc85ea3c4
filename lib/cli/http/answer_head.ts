/** The head of an answer over HTTP, after which the connection ends. */

import { utf8 } from "../../base/crypto/crypto.ts";

const REASONS: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  201: "Created",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  411: "Length Required",
  413: "Content Too Large",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  507: "Insufficient Storage",
};

/** @param headers Lines of the form `Name: value`. */
export function answerHead(status: number, headers: readonly string[]): Uint8Array {
  const first = `HTTP/1.1 ${status} ${REASONS[status] ?? "Error"}`;
  return utf8(`${[first, ...headers].join("\r\n")}\r\n\r\n`);
}

/** Of an answer with a body of that many bytes. */
export function bodyHead(
  status: number,
  { type, bytes, allow }: {
    readonly type: string;
    readonly bytes: number;
    /** The methods that there are, with status 405. */
    readonly allow?: string | undefined;
  },
  more: readonly string[],
): Uint8Array {
  return answerHead(status, [
    `Content-Type: ${type}`,
    `Content-Length: ${bytes}`,
    ...(allow === undefined ? [] : [`Allow: ${allow}`]),
    "X-Content-Type-Options: nosniff",
    "Cache-Control: no-store",
    "Connection: close",
    ...more,
  ]);
}
