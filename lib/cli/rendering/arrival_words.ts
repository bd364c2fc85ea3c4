/**
 * What a status says, in the console and on the page, of one's own messages that others may not have yet, and of the way to
 * friends. What was just said isn't late, and whoever is here isn't waited for.
 */

import type { KeyChange } from "../../base/machine/mode_machine.ts";
import { numberText } from "../../base/text/words.ts";

/** Whoever has a message says so within about ten seconds: until then nothing is wrong, ms. */
const UNDER_WAY_MS_MAX = 15_000;

/** Whether the last of one's own messages was said so lately that others may still be about to say that they have it. */
export function isUnderWay(lastOwnAt: string | undefined, nowMs: number): boolean {
  return lastOwnAt !== undefined && nowMs - Date.parse(lastOwnAt) < UNDER_WAY_MS_MAX;
}

/** Before the names of those who have all but what was just said. */
export const JUST_SAID = "What you wrote last is on its way to ";
/** Behind the names of those who haven't said for longer that they have all. */
export const MAY_LACK = " may not have everything you wrote yet";

/** The beginning of a sentence: `2 of your messages wait`, or `are on their way`, to or for whoever is named then. */
export function undeliveredText(messages: number, isHere = false): string {
  const [one, many] = isHere ? ["is on its way", "are on their way"] : ["waits", "wait"];
  return `${numberText(messages)} of your messages ${messages === 1 ? one : many}`;
}

interface FriendState {
  readonly connected: boolean;
  /** Why it may be somebody else; absent where nothing is known against it. */
  readonly doubt?: string;
  readonly changed?: KeyChange;
  /** Messages that wait for that one. */
  readonly waiting?: number;
}

/** How one is connected with a friend. While nobody writes nobody is, and that is no fault. */
export function connectionText({ connected, doubt, changed, waiting = 0 }: FriendState): string {
  if (connected) return "connected";
  const isAsUsual = doubt === undefined && changed === undefined && waiting === 0;
  return isAsUsual ? "connects when you write" : "not connected";
}
