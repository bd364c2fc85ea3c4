/** Text for the user about a member's refusal. */

import { refusedByText } from "../../../base/trust/name_answers.ts";
import type { Refusal } from "./messages.ts";

/** What each code means, as part of a sentence in our own words: a member may send any. */
const REFUSED_TEXTS: Readonly<Record<Refusal, string>> = {
  "name-taken": "somebody in the room has that name; choose another one",
  "bad-name": "the member that was asked doesn't take this name",
  "full": "the member that was asked has no place, or none for more from one address",
  "bad-credentials": "the invite that was used is no longer valid there",
  "version": "another version of p2pchat runs there",
  "replaced": "another process with this profile came in meanwhile",
  "too-fast": "there were too many requests, one after the other; try again in a few seconds",
  "wrong-room": "the member that was asked is in another room",
  "protocol": "the member that was asked can't use what this program sent",
};

/**
 * A member's refusal, as part of a sentence: in our own words, with the member's as such where they add to it.
 * @param said Anything that the member sent.
 */
export function refusedText(code: Refusal, said: string): string {
  return refusedByText("The member", code, REFUSED_TEXTS[code], said);
}
