/** What is answered to requests, with the headers that keep everything else out of the page. */

import { concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import { acceptOf } from "./web_socket_frames.ts";
import { SUBPROTOCOL } from "./page_routes.ts";

const STATUS_TEXTS: Readonly<Record<number, string>> = {
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

/**
 * The page may load nothing that this program doesn't serve, be in no frame, and write no text as markup; others may not
 * load it.
 */
function guardsFor(port: number): readonly string[] {
  const sockets = `ws://127.0.0.1:${port} ws://localhost:${port}`;
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "manifest-src 'self'",
    `connect-src 'self' ${sockets}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ];
  return [
    `Content-Security-Policy: ${policy.join("; ")}`,
    "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy: same-origin",
    "Cross-Origin-Resource-Policy: same-origin",
    "Referrer-Policy: no-referrer",
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: DENY",
    "Cache-Control: no-store",
    "Connection: close",
  ];
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
  /** Whether the body isn't sent, only its length. */
  readonly isHead?: boolean;
  readonly allow?: string | undefined;
}

/** An answer as bytes; the connection is closed after it. */
export function answerBytes(
  port: number,
  { status, type, body, isHead, allow }: Answer,
): Uint8Array {
  const head = headOf(status, [
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
    ...(allow === undefined ? [] : [`Allow: ${allow}`]),
    ...guardsFor(port),
  ]);
  return isHead === true ? head : concatBytes(head, body);
}

/** A refusal: one sentence. */
export function sentenceBytes(
  port: number,
  { status, text, allow }: {
    readonly status: number;
    readonly text: string;
    readonly allow?: string;
  },
): Uint8Array {
  const body = utf8(`${text}.\n`);
  return answerBytes(port, { status, type: "text/plain; charset=utf-8", body, allow });
}

export function jsonBytes(port: number, status: number, value: unknown): Uint8Array {
  const type = "application/json; charset=utf-8";
  return answerBytes(port, { status, type, body: utf8(JSON.stringify(value)) });
}

/** The connection is a WebSocket from here on. @param key The client's. */
export function upgradeBytes(key: string): Uint8Array {
  return headOf(101, [
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
  ]);
}

function headOf(status: number, headers: readonly string[]): Uint8Array {
  const first = `HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? "Error"}`;
  return utf8(`${[first, ...headers].join("\r\n")}\r\n\r\n`);
}
