/** Other users of this machine: what is theirs is neither written nor followed, as they decide what becomes of it. */

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
