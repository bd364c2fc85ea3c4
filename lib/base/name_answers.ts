/** What `/verify` and `/trust` answer in words; names are as they are shown. */

import type { Fingerprint } from "./fingerprint.ts";

/** The user has accepted the key. */
export function acceptedText(name: string, key: Fingerprint): string {
  return `${name}'s key is ${key} from now on`;
}

/** There is nothing to accept. */
export function noOtherKeyText(name: string): string {
  return `No other key of ${name} was met`;
}

/** The user has named itself. */
export function isYouText(command: "verify" | "trust", name: string): string {
  return command === "verify"
    ? `${name} is you: /verify somebody else, to compare digits with them`
    : `${name} is you: your own key needs no trust; name somebody else`;
}
