/**
 * Who is sent what: what is said in the room, its history, rosters, invites and everything else of it goes to the keys
 * that are listed as members at that moment, and to no other. Every message passes here on its way out, whichever
 * machine made it.
 *
 * The others are sent what it takes to come in or to come back: of us nothing but our own credentials, which say no
 * more than that we are here, and of the room its genesis, which holds no secret.
 */

import type { PeerKey } from "../../../base/ids.ts";
import type { MeshMessage } from "../schema/messages.ts";

/** Messages that tell nothing of the room. */
const TO_ANYBODY: ReadonlySet<MeshMessage["type"]> = new Set([
  "hello",
  "join",
  "offer",
  "accept",
  "welcome",
  "refuse",
  "renew",
  "removed",
  "overlay-join",
  "neighbor",
  "neighbor-reply",
  "disconnect",
  "dial-back",
  "dialled-back",
  "unknown",
]);

/** Whether a message may go out to a key that isn't listed; `self` is our own key. */
export function isForAnybody(message: MeshMessage, self: PeerKey): boolean {
  if (message.type !== "beacons") return TO_ANYBODY.has(message.type);
  // That we leave is told to those, too, that we don't know yet: they may have us in their roster.
  return message.beacons.every(({ signed }) => signed.beacon.value.key === self);
}
