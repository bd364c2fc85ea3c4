/** Passwords as a client sends them. */

import { utf8Length } from "../../base/text.ts";
import { PASSWORD_BYTES_MAX } from "./limits.ts";

/** However it was typed, the same characters are the same password. */
export function normalPassword(password: string): string {
  return password.normalize("NFC");
}

/** Whether it can be sent at all. */
export function isPossible(password: string): boolean {
  return utf8Length(normalPassword(password)) <= PASSWORD_BYTES_MAX;
}
