/** The digits of `/verify` as lines, in every mode, and their computation from keys. */

import type { ModeEvent } from "../base/mode_machine.ts";
import { nameSpan } from "./spans.ts";
import type { CommonEvent, Line, ShownEvent } from "./user_interface.ts";
import { verificationDigits } from "./verification_digits.ts";

/** An event with digits in place of the keys, since a state machine mustn't take the time to compute them. */
export interface VerifyEvent {
  readonly event: "verify";
  readonly name: string;
  readonly key: string;
  readonly digits: string;
}

type KeysEvent = Extract<ModeEvent, { readonly event: "verify" }>;

/** Those of a machine's events that only its mode renders. */
export type OwnEventOf<Event extends ShownEvent> =
  | Exclude<Event, CommonEvent | KeysEvent>
  | VerifyEvent;

/** A machine's event as people and scripts get it. */
export function shownEvent<Event extends ShownEvent>(
  event: Event | KeysEvent,
): OwnEventOf<Event> | CommonEvent {
  return isOfKeys(event) ? digitsEvent(event) : event as OwnEventOf<Event>;
}

function isOfKeys(event: ShownEvent): event is KeysEvent {
  return event.event === "verify";
}

function digitsEvent({ name, key, ownKey, peerKey }: KeysEvent): VerifyEvent {
  return { event: "verify", name, key, digits: verificationDigits(ownKey, peerKey) };
}

/** The digits, and what to conclude from comparing them. */
export function verifyLines(event: VerifyEvent): readonly Line[] {
  return [
    ["Compare with ", nameSpan(event.name), ` by voice: ${event.digits}`],
    ["The same at both ends: nobody is in between. Different: somebody is; don't write to this one."],
    ["Either way it is noted as verified, in every mode."],
  ];
}
