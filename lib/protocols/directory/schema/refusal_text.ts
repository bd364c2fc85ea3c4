/** Text for the user about a refusal of the directory's. */

import type { ErrorCode } from "../../../base/errors.ts";
import { refusedByText } from "../../../base/trust/name_answers.ts";
import type { DirectoryRefusal } from "./messages.ts";

/** What each code means, in our own words: the directory may send any. */
export const REFUSED_TEXTS: Readonly<Record<DirectoryRefusal, string>> = {
  "bad-name": "The directory doesn't take this name",
  "bad-credentials": "Wrong name or password",
  "weak-password": "The directory takes no password as weak as that",
  "name-taken": "That name is taken; choose another",
  "guests-refused": "This directory lets in accounts alone, no guests",
  "locked-out": "Too many wrong passwords",
  "too-fast": "The directory has had too many requests",
  "full": "The directory is full",
  "kicked": "The operator has thrown you out",
  "not-allowed": "The directory doesn't allow that",
  "not-logged-in": "The directory says that you aren't logged in",
  "too-long": "That is too long for the directory",
  "disk": "The directory's disk refuses to write",
  "protocol": "The directory doesn't understand this program",
  "checking": "The directory is checking too many passwords at the moment",
  "engine": "The directory's engine doesn't answer",
};

/** Said with `not-allowed`, for which clients quote what the directory says. */
export const DAMAGED_TEXT =
  "The record of this account is damaged at the directory; its operator can mend it";

/** The user's error code for a refusal. */
export function errorCodeOf(code: DirectoryRefusal): ErrorCode {
  return code === "checking" ? "full" : code === "engine" ? "disk" : code;
}

/** What a code means where it answers one kind of request. */
const ANSWER_TEXTS: Readonly<Record<Asked, Partial<Record<DirectoryRefusal, string>>>> = {
  "entry": { "too-fast": "Too many have signed up from your address" },
  "account": { "bad-credentials": "Wrong password" },
  "broadcast": {},
};

type Asked = "entry" | "account" | "broadcast";

/** The directory's answer to a sign-up that no waiting will help. */
const NO_SIGN_UPS = "This directory takes no sign-ups; its operator can add an account";

/**
 * A refusal in our own words, with the directory's as such where they add to it; and when the user may try again.
 * @param asked What is refused. @param said Anything that the directory sent. @param retryMs 0 where waiting doesn't
 *   help, or the program tries again by itself.
 */
export function refusedText(
  code: DirectoryRefusal,
  said: string,
  asked: Asked,
  retryMs: number,
): string {
  if (asked === "entry" && code === "too-fast" && retryMs === 0) return NO_SIGN_UPS;
  const ours = ANSWER_TEXTS[asked][code] ?? REFUSED_TEXTS[code];
  const why = refusedByText("The directory", code, ours, said);
  return retryMs > 0 ? `${why}; try again in ${waitText(retryMs)}` : why;
}

function waitText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`;
}
