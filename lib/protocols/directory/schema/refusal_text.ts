/** Text for the user about a refusal of the directory's. */

import { refusedByText } from "../../../base/trust/name_answers.ts";
import type { DirectoryRefusal } from "./messages.ts";

/** What each code means, in our own words: the directory may send any. */
export const REFUSED_TEXTS: Readonly<Record<DirectoryRefusal, string>> = {
  "bad-name": "The directory doesn't take this name",
  "bad-credentials": "Wrong name or password",
  "weak-password": "The directory takes no password as weak as that",
  "name-taken": "That name is taken; choose another",
  "guests-refused": "This directory takes accounts alone; sign up",
  "locked-out": "Too many wrong passwords",
  "too-fast": "The directory has had too many requests",
  "full": "The directory is full",
  "kicked": "The operator has thrown you out",
  "not-allowed": "The directory doesn't allow that",
  "not-logged-in": "The directory says that you aren't logged in",
  "too-long": "That is too long for the directory",
  "disk": "The directory's disk refuses to write",
  "protocol": "The directory doesn't understand this program",
};

/** A refusal in our own words, with the directory's as such. @param said Anything that the directory sent. */
export function refusedText(code: DirectoryRefusal, said: string): string {
  return refusedByText("The directory", REFUSED_TEXTS[code], said);
}

/**
 * The reason, and when the user may try again, for requests that aren't repeated automatically. `retryMs`: 0 where
 * waiting doesn't help.
 */
export function refusalText(why: string, retryMs: number): string {
  return retryMs > 0 ? `${why}; try again in ${waitText(retryMs)}` : why;
}

function waitText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
