/** What is answered to requests, with the headers that keep everything else out of the page. */

import { concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import { answerHead, bodyHead } from "../http/answer_head.ts";
import { acceptOf } from "./web_socket_frames.ts";
import { SUBPROTOCOL } from "./page_routes.ts";

/**
 * The page may load nothing that this program doesn't serve, be in no frame, and write no text as markup; others may not
 * load it.
 */
function guardsFor(port: number): readonly string[] {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "manifest-src 'self'",
    `connect-src 'self' ws://127.0.0.1:${port}`,
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
    "X-Frame-Options: DENY",
  ];
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array;
  /** Whether the body isn't sent, only its length. */
  readonly isHead?: boolean;
  /** The methods that there are, with status 405. */
  readonly allow?: string | undefined;
}

/** An answer as bytes; the connection is closed after it. */
export function answerBytes(
  port: number,
  { status, type, body, isHead, allow }: Answer,
): Uint8Array {
  const head = bodyHead(status, { type, bytes: body.length, allow }, guardsFor(port));
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
  return answerHead(101, [
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
    `Sec-WebSocket-Protocol: ${SUBPROTOCOL}`,
  ]);
}
