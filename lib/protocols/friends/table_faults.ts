/**
 * What seems to be wrong with a friend's row in the table, in words.
 *
 * Where the table has another key for a friend than the one known, neither is accepted until the one in the table has
 * answered and the user has accepted it. The user is warned when the table comes to say so, and at the start.
 */

import { endpointText } from "../../base/ids.ts";
import { type Fingerprint, fingerprintOf } from "../../base/text/fingerprint.ts";
import { shownName } from "../../base/text/names.ts";
import { numberText } from "../../base/text/words.ts";
import type { Friend } from "./friend.ts";
import type { FriendsOutput } from "./friends_output.ts";

/** Of more, only their number is told: an edit may change the whole table. */
const WARNED_MAX = 8;

/** @param users What the user calls the table. */
export function warnOfDisputes(
  disputed: readonly Friend[],
  users: string,
  out: Pick<FriendsOutput, "show" | "warn">,
): void {
  for (const friend of disputed.slice(0, WARNED_MAX)) {
    const { name, shown, pinned: before, row: { fingerprint: key } } = friend;
    const text =
      `${users} has another key for ${shown} than the one known: ${key}, not ${before}. What you write to ${shown} ` +
      `waits: ${disputeAdvice(friend, users)}`;
    const changed = { name, key: key!, before: before! };
    out.show({ event: "notice", text, warning: true, changed });
  }
  const more = disputed.length - WARNED_MAX;
  if (more > 0) {
    out.warn(`So it is with ${numberText(more)} more friends; /list marks them`);
  }
}

/** What to do where the table has another key than the one known: the same in all that is said of it. */
export function disputeAdvice(
  { shown, pinned, strange: { told }, row: { fingerprint } }: Friend,
  users: string,
): string {
  const hasAnswered = told !== null && fingerprintOf(told) === fingerprint;
  return `ask ${shown} which key is right; if it is ${pinned}, put it into ${shown}'s row of ${users}, and if it is ` +
    `${fingerprint}, accept it with /trust ${shown}${hasAnswered ? "" : " once it has answered"}`;
}

/** One of the two keys in dispute was met. @param where Of somebody who has it. */
export function disputedKeyText(
  friend: Friend,
  key: Fingerprint,
  where: string,
  users: string,
): string {
  const { shown, pinned, row: { fingerprint } } = friend;
  const found = key === fingerprint
    ? `which ${users} has for ${shown}, but isn't the one known, ${pinned}`
    : `which is the one known of ${shown}, but isn't the one in ${users}, ${fingerprint}`;
  return `Met the key ${key} ${where}, ${found}: ${disputeAdvice(friend, users)}`;
}

/**
 * The answer to somebody who has dialled us in another's place, which tells them what is wrong with their table.
 * @param own Our name. @param meant Whom they wanted.
 */
export function notMeantText(own: string, meant: string): string {
  return `This is ${shownName(own)}, not ${shownName(meant)}`;
}

/**
 * At the friend's address another friend answers. @param key What that one has proved, and the friend's key as far as
 * that is known; absent where it only says so.
 */
export function anothersAddressText(
  { shown, row: { endpoint } }: Friend,
  { shown: other }: Friend,
  users: string,
  key?: { readonly met: Fingerprint; readonly expected: Fingerprint | null },
): string {
  const who = key === undefined
    ? `somebody answers as ${other}`
    : `${other} answers, with the key ${key.met}`;
  const not = key === undefined || key.expected === null ? "" : `, not ${shown}'s, ${key.expected}`;
  return `${users} gives ${shown} the address ${
    endpointText(endpoint)
  }, where ${who}${not}: correct ${shown}'s row; ` +
    `perhaps the rows of ${shown} and ${other} have each other's address`;
}
