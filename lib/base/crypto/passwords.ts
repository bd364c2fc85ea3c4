/**
 * Passwords: which are strong enough, and the bytes that are hashed. Passwords are compared in NFC, so that the
 * same one can be typed on any keyboard. No error, log or argument contains a password.
 */

import { type Bytes, utf8 } from "./crypto.ts";
import { P2pchatError } from "../errors.ts";

/** In code points, after NFC: the minimum of NIST SP 800-63B. */
export const PASSWORD_LENGTH_MIN = 8;
/** In UTF-8, after NFC: room for a long sentence, and cheap to hash. */
export const PASSWORD_BYTES_MAX = 1_024;

/** The password in NFC: the same characters are the same password, however they were typed. */
export function normalPassword(password: string): string {
  return password.normalize("NFC");
}

/** The bytes of `password` that are hashed; `password` needn't be strong enough. */
export function passwordBytes(password: string): Bytes {
  return utf8(normalPassword(password));
}

/** Whether `password` is short enough to be anybody's password. */
export function isPossiblePassword(password: string): boolean {
  return password.length <= 4 * PASSWORD_BYTES_MAX &&
    passwordBytes(password).length <= PASSWORD_BYTES_MAX;
}

/**
 * Why `password` is too weak or too long, as a sentence that doesn't repeat it; null where it is acceptable.
 * @param which The subject of that sentence.
 */
export function weakPassword(password: string, which = "The password"): string | null {
  const fault = passwordFault(password);
  return fault === null ? null : `${which} won't do: ${fault}; choose another one`;
}

/** As `weakPassword`, as part of a sentence without the subject. */
export function passwordFault(password: string): string | null {
  // NFC shortens a text to a quarter at most; a longer one is too long in any case and isn't worth normalizing.
  if (!isPossiblePassword(password)) return `it has more than ${PASSWORD_BYTES_MAX} bytes`;
  const control = controlFault(password);
  if (control !== null) return control;
  const length = [...normalPassword(password)].length;
  if (length >= PASSWORD_LENGTH_MIN) return null;
  return length === 0
    ? `it is empty, and must have at least ${PASSWORD_LENGTH_MIN} characters`
    : `it must have at least ${PASSWORD_LENGTH_MIN} characters`;
}

/** Why a control character in `password` makes it nobody's: it can't be typed at a prompt. Null without one. */
export function controlFault(password: string): string | null {
  const control = /\p{Cc}/u.exec(password)?.[0];
  if (control === undefined) return null;
  const code = control.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return `it has a control character (U+${code}), which nobody can type at a prompt`;
}

/** @throws {P2pchatError} `weak-password` with the reason where `password` isn't acceptable. */
export function checkPassword(password: string): void {
  const text = weakPassword(password);
  if (text !== null) throw new P2pchatError("weak-password", text);
}
