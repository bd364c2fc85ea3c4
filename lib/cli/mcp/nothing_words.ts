/** Why there is nothing to give, or nothing was done, as an agent is told it. */

import { shownName } from "../../base/text/names.ts";
import { durationText } from "../rendering/moments.ts";
import type { Hearers } from "../scripts/hearers.ts";

/** The first answer in another room than the one before. */
export const ELSEWHERE =
  "Nothing was done, as this is another room than the one you were in last: the address that this was started with " +
  "leads here now. Whoever is here may have names that you know, and other keys. Tell your user; if you are meant to " +
  "be here, call again, and see by members who is here before you say anything";

/** @param because Why no command is run, as the mode says; null: it hasn't said so. */
export function notReadyText(because: string | null): string {
  if (because === null) return "This isn't in the chat yet: try again in a moment";
  return `This isn't in the chat yet, and nothing was done. ${because}; ask again later, or tell ` +
    "your user";
}

/** A `wait` has waited so long. @param name For whose messages; null: for everybody's. */
export function noMessageText(name: string | null, waitedMs: number, hearers: Hearers): string {
  const whose = name === null ? "" : ` of ${shownName(name)}'s`;
  const text = waitedMs === 0
    ? `No message${whose} waits.`
    : `No message${whose} has come within ${durationText(waitedMs)}.`;
  return `${text}${hearers.isAlone ? " Nobody else is in the room now." : groupAside(hearers)}`;
}

/**
 * A group's list says nothing of why it is empty, or as it was: a further sentence behind a blank; empty where nothing is
 * known to be amiss.
 */
export function groupAside({ isOutside, downBecause }: Hearers): string {
  const down = downBecause === null ? "" : ` Its coordinator isn't there (${downBecause}).`;
  return isOutside ? ` The group hasn't let this in yet.${down}` : down;
}
