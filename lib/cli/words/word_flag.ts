/** `--words CODE` on the command line. What can be a code is checked here; whether its words are of the list, later. */

import { P2pchatError } from "../../base/errors.ts";
import { isWordCode } from "../../base/text/invite_text.ts";
import { INVITE_VARIABLE } from "../credentials/invites.ts";
import type { InviteSource } from "../args/options.ts";

export const wordsFlag = {
  name: "words",
  value: "CODE",
  help: "join by a code, such as 7-cross-clock",
  parse: (text: string, what: string): string => {
    if (isWordCode(text)) return text;
    // It isn't repeated: it may be good but for a slip.
    const form = "a number and two words, in one argument, such as 7-cross-clock";
    throw new P2pchatError("usage", `${what} must be ${form}`);
  },
} as const;

/** @throws {P2pchatError} `usage` where an invite is given besides. */
export function checkWordsAlone(words: string | null, invite: InviteSource<unknown>): void {
  if (words === null || invite.from === "environment") return;
  const flag = invite.from === "file" ? "--invite-file" : "--invite";
  throw new P2pchatError("usage", `--words gets the invite, and ${flag} has one: give one of them`);
}

/** Why an invite in the environment isn't used. @throws {P2pchatError} `usage` where there is one. */
export function checkNoOther(words: string | null, invite: unknown): void {
  if (words === null || invite === null) return;
  const text = `--words gets the invite, and ${INVITE_VARIABLE} has one: give one of them`;
  throw new P2pchatError("usage", text);
}
