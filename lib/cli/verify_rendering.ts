/** How the digits of `/verify` read, in every mode. */

import { shownName } from "../base/names.ts";
import type { Line } from "./user_interface.ts";

/** The keys' digits, which take too long to make for a state machine, in place of the keys. */
export interface VerifyEvent {
  readonly event: "verify";
  readonly name: string;
  readonly key: string;
  readonly digits: string;
}

export function verifyLines(event: VerifyEvent): readonly Line[] {
  return [
    [
      "Compare with ",
      { text: shownName(event.name), as: "name" },
      ` by voice: ${event.digits}`,
    ],
    ["The same at both ends: nobody is in between. Different: somebody is; don't write to this one."],
  ];
}
