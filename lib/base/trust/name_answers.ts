/** The texts that answer `/verify` and `/trust`, and a name that nobody has. Names are in the form that is shown to people. */

import type { ErrorCode } from "../errors.ts";
import type { Fingerprint } from "../text/fingerprint.ts";
import { mixesScripts, shownName } from "../text/names.ts";
import { didYouMean } from "../text/nearest.ts";
import { visibleText } from "../text/text.ts";

/** The answer to `/trust`: the user has accepted the key. */
export function acceptedText(name: string, key: Fingerprint): string {
  return `${name}'s key is ${key} from now on`;
}

/** The answer to `/trust` where there is no changed key to accept. */
export function noOtherKeyText(name: string): string {
  return `There is no new key of ${name} to accept`;
}

/** The beginning of a warning that somebody has another key than the one that the user had compared. */
export function verifiedBeforeText(name: string): string {
  return `BE CAREFUL: you had verified ${name}'s key, and this one is ANOTHER. `;
}

/** Codes that leave open what is wrong: there the other program's own words add to our sentence. */
const OPEN_CODES: ReadonlySet<string> = new Set<ErrorCode>([
  "bad-name",
  "key-changed",
  "kicked",
  "weak-password",
  "not-allowed",
  "protocol",
]);

/**
 * A refusal by another program in our own sentence. Where the code leaves open what is wrong, what that program says
 * itself follows, between quotation marks, behind its name.
 * @param who `The directory`. @param ours What the code means. @param said Anything that the other program sent.
 */
export function refusedByText(who: string, code: string, ours: string, said: string): string {
  const adds = OPEN_CODES.has(code) && said !== "" && said !== ours;
  return adds ? `${ours}. ${saidByText(who, said)}` : ours;
}

/** Another program's words, as such: `The directory says: "..."`. They can't end the quotation. */
export function saidByText(who: string, said: string): string {
  return `${who} says: ${saidText(said)}`;
}

/** Somebody's words between quotation marks, which they can't end: nothing of them reads as the program's. */
export function saidText(said: string): string {
  return `"${visibleText(said).replaceAll('"', "'")}"`;
}

/** The answer to `/allow` where nobody is kept out. */
export function nobodyKeptOutText(name: string): string {
  return `Cannot allow ${shownName(name)}: nobody is kept out`;
}

/** The answer to a user who gave their own name. */
export function isYouText(command: "verify" | "trust", name: string): string {
  return command === "verify"
    ? `${name} is you: /verify somebody else, to compare digits with them`
    : `${name} is you: your own key needs no trust; name somebody else`;
}

/**
 * `; did you mean X?`, or an empty string where no name is near. Of names equally near, one that imitates no other
 * goes first.
 * @param names As their owners spell them. @param form Formats the name that is shown.
 */
export function didYouMeanName(
  typed: string,
  names: Iterable<string>,
  form: (shown: string) => string = (shown) => shown,
): string {
  const plainFirst = [...names].sort((one, other) =>
    Number(mixesScripts(one)) - Number(mixesScripts(other))
  );
  return didYouMean(typed, plainFirst, (name) => form(shownName(name)));
}
