/** All that the friends' machine tells, with when that isn't news: at most 15 words, a status word first. */

import type { FactOf, Rule, Words } from "../../base/machine/facts.ts";
import { STRANGE_TOLD_MS } from "./limits.ts";
import { REFUSALS } from "./messages.ts";

export const FRIENDS_WORDS = {
  notice: {
    back: "{friend} is back; {count:message|messages} delivered",
    delivered: "{count:message|messages} delivered to {friend}",
    "file-waits": "{friend} isn't there; files are offered {when:fact}",
    "file-unmet": "{friend} isn't there; files are offered {when:fact}, while this program runs",
    released: "Sending what waits for {friend}",
    "unknown-key": "Refused somebody as {friend}; if key {key} is right, put it into {users:here}",
    stranger: "Refused {name:name}, key {key}: not in {users:here}; /add takes friends",
    "compared-known": "Compared: the key known before; the other one met is {key}",
    accepted: "{friend}'s key is {key} from now on",
    "no-other-key": "There is no new key of {friend} to accept",
    "gone-there": "Missing at {friend}: messages delivered earlier; send again what wasn't read",
    "gone-here": "Missing here: messages delivered earlier; ask {friend} for what you haven't read",
    leaving: "Leaving; waiting up to 10 s for {names}",
    waits: "Kept for {friend}: {count:message|messages}, sent when you are back",
    "waits-unlisted": "Kept for {friend}, who isn't in {users:here} now: {count:message|messages}",
    lost: "Lost: {count:message|messages} for {friend} (--no-history keeps nothing)",
    more: "The same for {count:number} more",
  },
  warning: {
    kept: "{friend} isn't there: {why:fact}; kept, and sent {when:fact} ({waiting:number} waiting)",
    "kept-again": "Kept for {friend}, and sent {when:fact} ({waiting:number} waiting)",
    contested: "Two programs use {friend}'s key; messages wait: ask {friend}, then /trust {friend}",
    disputed:
      "Held: {users:here} has key {key} for {friend}, not {pinned}; ask, correct it, or /trust {friend}",
    "row-has-refused": "Refused, but {users:here} has that key for {friend}: correct it there",
  },
  "unknown-user": {
    "nobody-wrote": "Cannot answer: nobody has written yet; write {form}, /list shows the names",
    "unknown-name": "Cannot find {name:name} in {users:here}; write {form}, /list shows the names",
    "near-name": "Cannot find {name:name} in {users:here}{hint}",
    "file-self": "{name:name} is you: the file is here already",
    "verify-self": "{name:name} is you: /verify somebody else, to compare digits with them",
    "trust-self": "{name:name} is you: your own key needs no trust",
    "refused-unknown-user": "Refused: not in {friend}'s table; send {friend} your line (/whoami)",
    "refused-misdirected": "Refused: {friend} isn't at the address in {users:here}; correct it",
  },
  "key-changed": {
    "new-key":
      "Refused key {key} for {friend} {where:fact}: {is:fact}; ask {friend}, then /trust {friend}",
    "row-key": "Refused key {key} for {friend} {where:fact}: {is:fact}; ask, then fix {users:here}",
    "refused-key-changed": "Refused: {friend} has another key for you; ask to accept {key:here}",
    "refused-digits": "Refused: {friend} saw other digits; compare again, then ask to be trusted",
  },
  "not-allowed": {
    "trust-row":
      "Cannot accept: {users:here} has {key} for {friend}; correct it, or await that key",
    "file-unsettled": "Cannot offer {friend} a file: the key isn't settled; /status",
    "too-late": "Too late: {friend} may have message {start} already",
  },
  offline: {
    "file-unqueued": "{friend} isn't connected, and nothing waits (--no-queue): write first",
    "verify-unmet": "Cannot verify {friend}: the key hasn't answered yet; write to {friend} first",
  },
  unreachable: {
    "refused-unreachable": "Refused: {friend} doesn't know your key; send your line (/whoami)",
  },
  replaced: {
    replaced: "Replaced at {friend} by a program with your key; not yours? Take a new profile",
  },
  full: {
    full: "Full: too much waits for {friend}, or for all; /unsend takes some back",
    "file-full": "Full: {count:number} files wait for friends never met",
    "refused-full": "Refused for now: too many are waiting at {friend}; it is tried again",
  },
  disk: {
    unsent: "Your message to {friend} wasn't sent: {why}",
    "disk-waits": "{why}; messages wait until that works again",
    "refused-disk": "Refused for now: nothing can be stored at {friend}; it is tried again",
  },
  "no-such-entry": {
    "no-such-message": "Cannot take back {start}: no such message waits (/outbox)",
  },
  usage: {
    "several-messages": "Cannot take back {start}: {count:number} begin so; write more of the id",
  },
  part: {
    "when-trusted": "after /trust {friend}",
    "when-right-key": "once the right key answers",
    "when-taken": "when {friend} takes it",
    "when-back": "when {friend} is back",
    "at-address": "at {address}",
    "dialled-in": "from a caller",
    "turned-away": "refused key {key} {where:fact}",
    "is-other": "it is {other:name}'s",
    "is-different": "its digits were different",
    "is-expected": "{friend}'s is {expected}",
    unreached: "no address could be reached",
    "other-there": "{other:name} answers there ({address})",
    failed: "{text}",
    "it-said": "it says: {text:said}",
    "taken-back": "taken back",
    left: "you left before",
    unlisted: "no longer in {users:here}",
    "perhaps-arrived": "{why:fact}; it may have arrived all the same",
    "of-friend": "{friend}: {problem:fact}",
  },
} as const satisfies Words;

export type FriendsFact = FactOf<typeof FRIENDS_WORDS>;

const NOW_AND_THEN: Rule = { everyMs: STRANGE_TOLD_MS };
const MORE_WAIT: Rule = {
  grown: "waiting",
  until: ["back", "delivered", "delivery failed", "unsent"],
};
const UNTIL_DELIVERED: Rule = { same: true, until: ["delivery delivered"] };

/** No rule is about what `/trust` accepts: the machine knows of which key the user was told last. */
export const FRIENDS_RULES: Readonly<Partial<Record<FriendsFact["fact"], Rule>>> = {
  kept: { ...MORE_WAIT, short: { of: "why", as: "kept-again" } },
  "kept-again": MORE_WAIT,
  "unknown-key": NOW_AND_THEN,
  stranger: NOW_AND_THEN,
  "gone-there": NOW_AND_THEN,
  "gone-here": NOW_AND_THEN,
  replaced: NOW_AND_THEN,
  "disk-waits": { same: true, until: ["message", "delivery delivered"] },
  ...Object.fromEntries(REFUSALS.map((code) => [`refused-${code}`, UNTIL_DELIVERED])),
};
