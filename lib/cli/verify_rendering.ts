/** How the digits of `/verify` read, in every mode. */

import type { ModeEvent } from "../base/mode_machine.ts";
import { nameSpan } from "./spans.ts";
import type { Line } from "./user_interface.ts";
import { verificationDigits } from "./verification_digits.ts";

/** The keys' digits, which take too long to make for a state machine, in place of the keys. */
export interface VerifyEvent {
  readonly event: "verify";
  readonly name: string;
  readonly key: string;
  readonly digits: string;
}

/** The event as people and scripts see it. */
export function shownVerifyEvent(
  { name, key, ownKey, peerKey }: Extract<ModeEvent, { readonly event: "verify" }>,
): VerifyEvent {
  return { event: "verify", name, key, digits: verificationDigits(ownKey, peerKey) };
}

export function verifyLines(event: VerifyEvent): readonly Line[] {
  return [
    ["Compare with ", nameSpan(event.name), ` by voice: ${event.digits}`],
    ["The same at both ends: nobody is in between. Different: somebody is; don't write to this one."],
  ];
}
