/**
 * Passwords: which are strong enough, and the bytes that are hashed. They are compared in NFC, so that one is the same
 * on each keyboard. A password is in no error, log, or argument.
 */

import { type Bytes, utf8 } from "./crypto.ts";
import { P2pchatError } from "./errors.ts";

/** In code points, after NFC: the least that NIST SP 800-63B allows. */
export const PASSWORD_LENGTH_MIN = 8;
/** In UTF-8, after NFC: a long sentence, and no work for whoever hashes it. */
export const PASSWORD_BYTES_MAX = 1_024;

/** However it was typed, the same characters are the same password. */
export function normalPassword(password: string): string {
  return password.normalize("NFC");
}

/** The bytes of `password` that are hashed, whether or not anybody may choose it. */
export function passwordBytes(password: string): Bytes {
  return utf8(normalPassword(password));
}

/** Whether it could be anybody's. */
export function isPossiblePassword(password: string): boolean {
  return password.length <= 4 * PASSWORD_BYTES_MAX &&
    passwordBytes(password).length <= PASSWORD_BYTES_MAX;
}

/**
 * Why nobody may choose `password`, as a sentence that doesn't repeat it; null where it will do.
 * @param which What it is called at the beginning of the sentence.
 */
export function weakPassword(password: string, which = "The password"): string | null {
  const fault = passwordFault(password);
  return fault === null ? null : `${which} won't do: ${fault}; choose another one`;
}

/** The same as part of a sentence. */
export function passwordFault(password: string): string | null {
  // NFC makes a text four times shorter at most; normalising more is work for whoever sent it.
  if (!isPossiblePassword(password)) return `it has more than ${PASSWORD_BYTES_MAX} bytes`;
  const length = [...normalPassword(password)].length;
  if (length >= PASSWORD_LENGTH_MIN) return null;
  return length === 0
    ? `it is empty, and must have at least ${PASSWORD_LENGTH_MIN} characters`
    : `it must have at least ${PASSWORD_LENGTH_MIN} characters`;
}

/** @throws {P2pchatError} `weak-password` with the reason where nobody may choose `password`. */
export function checkPassword(password: string): void {
  const text = weakPassword(password);
  if (text !== null) throw new P2pchatError("weak-password", text);
}
