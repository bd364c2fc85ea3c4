/**
 * How a page and the program prove to each other that they have the token, which neither sends: a program that has taken
 * the port after an end learns nothing from a page that is still open, and can't pretend to be this one. Nor can it pass
 * on what is said between that page and this program, which has another port by then: the port is part of what is proved.
 */

import { createHmac, timingSafeEqual } from "node:crypto";

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

/** The program's proof, for the page to check. */
export function programProof(token: string, proved: Proved): string {
  return proof(token, "program", proved);
}

/** Whether `given` is the page's proof. Takes as long whatever it is. */
export function isWindowProof(token: string, proved: Proved, given: unknown): boolean {
  const expected = new TextEncoder().encode(proof(token, "window", proved));
  const found = new TextEncoder().encode(typeof given === "string" ? given : "");
  return found.length === expected.length && timingSafeEqual(found, expected);
}

/** Whether two secrets are one. Takes as long whatever they are, where their lengths are the same. */
export function isSameSecret(one: string, other: string): boolean {
  const [a, b] = [new TextEncoder().encode(one), new TextEncoder().encode(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function proof(
  token: string,
  side: "program" | "window",
  { port, page, program }: Proved,
): string {
  const text = `p2pchat page: ${side} ${port} ${page} ${program}`;
  return createHmac("sha256", token).update(text).digest("base64url");
}
