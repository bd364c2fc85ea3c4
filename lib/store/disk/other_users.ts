/** Other users of this machine: what is theirs is neither written nor followed, as they decide what becomes of it. */

import { P2pchatError } from "../../base/errors.ts";

interface Owned {
  /** Null where the system has no owners. */
  readonly uid: number | null;
}

/** The id of the user whom something belongs to; null where that is this program's own. */
export function otherUser({ uid }: Owned): number | null {
  return uid === Deno.uid() ? null : uid;
}

/** What is to be said of something that belongs to another. */
export function belongsText(user: number): string {
  return `belongs to user ${user} of this machine, and this is user ${Deno.uid()}`;
}

/**
 * The error for what is in a profile, or in its place, and isn't the user's: its owner decides what is in it, and reads
 * what is written there.
 */
export function otherUsersError(path: string, user: number | null): P2pchatError {
  const text =
    `Cannot use ${path}: it belongs to user ${user} of this machine; choose another folder with --data`;
  return new P2pchatError("bad-file", text);
}
