/**
 * How a page and the program prove to each other that they have the token, which neither sends: a program that has taken
 * the port after an end learns nothing from a page that is still open, and can't pretend to be this one.
 */

import { createHmac, timingSafeEqual } from "node:crypto";

export interface Nonces {
  /** The page's. */
  readonly page: string;
  /** The program's. */
  readonly program: string;
}

/** What a nonce looks like: 16 bytes or more, in base64url. */
export const NONCE = /^[A-Za-z0-9_-]{22,64}$/;

/** The program's proof, for the page to check. */
export function programProof(token: string, nonces: Nonces): string {
  return proof(token, "program", nonces);
}

/** Whether `given` is the page's proof. Takes as long whatever it is. */
export function isWindowProof(token: string, nonces: Nonces, given: unknown): boolean {
  const expected = new TextEncoder().encode(proof(token, "window", nonces));
  const found = new TextEncoder().encode(typeof given === "string" ? given : "");
  return found.length === expected.length && timingSafeEqual(found, expected);
}

/** Whether two secrets are one. Takes as long whatever they are, where their lengths are the same. */
export function isSameSecret(one: string, other: string): boolean {
  const [a, b] = [new TextEncoder().encode(one), new TextEncoder().encode(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function proof(token: string, side: "program" | "window", { page, program }: Nonces): string {
  const text = `p2pchat page: ${side} ${page} ${program}`;
  return createHmac("sha256", token).update(text).digest("base64url");
}
