/** What a monitor asks, and what it is answered. */

import { utf8 } from "../../base/crypto/crypto.ts";
import { answerBytes } from "../http/http_answers.ts";

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
export function bytesOf({ status, type, body }: HttpAnswer, method: string): Uint8Array {
  const headers = status === 405 ? [`Allow: ${METHODS.join(", ")}`] : [];
  return answerBytes({ status, type, body: utf8(body), headers, isHead: method === "HEAD" });
}
