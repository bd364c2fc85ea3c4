/**
 * How a page and the program prove to each other that they have the token, which neither sends: a program that has taken
 * the port after an end learns nothing from a page that is still open, and can't pretend to be this one. Nor can it pass
 * on what is said between that page and this program, which has another port by then: the port is part of what is proved.
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { utf8 } from "../../base/crypto/crypto.ts";

/** What is proved once: for one connection, to that port. */
export interface Proved {
  /** Where the page is connected, as it sees it, and where the program serves it. */
  readonly port: number;
  /** The page's nonce. */
  readonly page: string;
  /** The program's nonce. */
  readonly program: string;
}

/** What a nonce looks like: 16 bytes or more, in base64url. */
export const NONCE = /^[A-Za-z0-9_-]{22,64}$/;

/** What that side sends, for the other to check. */
export function proofOf(
  token: string,
  side: "program" | "window",
  { port, page, program }: Proved,
): string {
  const text = `p2pchat page: ${side} ${port} ${page} ${program}`;
  return createHmac("sha256", token).update(text).digest("base64url");
}

/** Whether two secrets are one. Takes as long whatever they are, where their lengths are the same. */
export function isSameSecret(one: string, other: string): boolean {
  const [a, b] = [utf8(one), utf8(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
