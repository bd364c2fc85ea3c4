/** What a monitor asks, and what it is answered. */

import { concatBytes, utf8 } from "../../base/crypto/crypto.ts";
import { bodyHead } from "../http/answer_head.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Those that are answered. */
export const METHODS: readonly string[] = ["GET", "HEAD"];

/** An answer of one line, for people. */
export function plain(status: number, line: string): HttpAnswer {
  return { status, type: "text/plain; charset=utf-8", body: `${line}\n` };
}

/** The whole answer. @param method With HEAD all but the body. */
export function answerBytes({ status, type, body }: HttpAnswer, method: string): Uint8Array {
  const bytes = utf8(body);
  const allow = status === 405 ? METHODS.join(", ") : undefined;
  const head = bodyHead(status, { type, bytes: bytes.length, allow }, []);
  return method === "HEAD" ? head : concatBytes(head, bytes);
}
