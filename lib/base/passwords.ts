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

/** The bytes of `password` that are hashed, whether or not anybody may choose it. */
export function passwordBytes(password: string): Bytes {
  return utf8(password.normalize("NFC"));
}

/** Why nobody may choose `password`, as part of a sentence that doesn't repeat it; null where it will do. */
export function passwordFault(password: string): string | null {
  // NFC makes a text four times shorter at most; normalising more is work for whoever sent it.
  const bytes = password.length > 4 * PASSWORD_BYTES_MAX
    ? Infinity
    : passwordBytes(password).length;
  if (bytes > PASSWORD_BYTES_MAX) return `it has more than ${PASSWORD_BYTES_MAX} bytes`;
  const length = [...password.normalize("NFC")].length;
  if (length >= PASSWORD_LENGTH_MIN) return null;
  return length === 0
    ? `it is empty, and must have at least ${PASSWORD_LENGTH_MIN} characters`
    : `it must have at least ${PASSWORD_LENGTH_MIN} characters`;
}

/** @throws {P2pchatError} `weak-password` with the reason where nobody may choose `password`. */
export function checkPassword(password: string): void {
  const fault = passwordFault(password);
  if (fault === null) return;
  throw new P2pchatError("weak-password", `The password won't do: ${fault}; choose another one`);
}
