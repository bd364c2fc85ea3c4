/** What is answered to requests, with the headers that keep everything else out of the page. */

import { answerBytes, answerHead } from "../http/http_answers.ts";
import { SUBPROTOCOL } from "./page_routes.ts";
import { acceptOf } from "./web_socket_frames.ts";

/**
 * The page may load nothing that this program doesn't serve, be in no frame, and write no text as markup; others may not
 * load it.
 */
function guardsFor(port: number): readonly string[] {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
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

/** An answer of the page's server at that port. */
export function guarded(port: number, answer: Parameters<typeof answerBytes>[0]): Uint8Array {
  return answerBytes({ ...answer, headers: [...answer.headers ?? [], ...guardsFor(port)] });
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
