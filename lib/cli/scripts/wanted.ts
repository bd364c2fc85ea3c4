/** Which events a `--wait` prints. */

import { fingerprintFault } from "../../base/text/fingerprint.ts";
import { isSameName, withoutMark } from "../../base/text/names.ts";
import type { WaitingDoor } from "../args/options.ts";
import type { ShownEvent } from "../rendering/user_interface.ts";

/** An event with whatever fields it has. */
export type Fields = ShownEvent & Readonly<Record<string, unknown>>;

/**
 * Where an event says whose it is. Of the two names of an author the one that is shown here counts: two who claim one
 * name are told apart by it.
 */
const WHOSE = ["shown", "from", "name", "by", "friend"];

/**
 * Whether the event is one that is waited for. What the user says, in another call, never is. Who was there before is
 * where it is waited for by name, as it may have come just before us; each call would be told of all the others anew.
 */
export function isWanted(
  event: Fields,
  { events, from, mention }: Pick<WaitingDoor, "events" | "from" | "mention">,
): boolean {
  if (!events.has(event.event) || event["self"] === true) return false;
  if (from === null && event["present"] === true) return false;
  if (mention && event["mention"] !== true) return false;
  return from === null || isOf(event, from);
}

function isOf(event: Fields, whom: string): boolean {
  // Anybody may take somebody's key for a name.
  if (fingerprintFault(whom) === null) return event["key"] === whom.toLowerCase();
  const name = WHOSE.map((field) => event[field]).find((each) => typeof each === "string");
  return typeof name === "string" && isSameName(name, withoutMark(whom));
}

/** Whether it is what somebody else said. */
export function isHeard(event: Fields): boolean {
  return event.event === "message" && event["self"] !== true;
}
