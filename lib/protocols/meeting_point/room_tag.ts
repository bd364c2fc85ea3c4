/** The tag of a room at one meeting point. */

import { type Bytes, concatBytes, type Crypto, utf8 } from "../../base/crypto/crypto.ts";
import type { Hash, RoomId } from "../../base/ids.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { ROOM_TAG_BYTES } from "./limits.ts";

const DOMAIN = utf8("p2pchat meeting room 1\n");

/**
 * By which a meeting point tells a room from others. It doesn't know the room's id, and another meeting point is given
 * another tag, so that two of them can't tell that they serve the same room. @param point The meeting point's key.
 */
export function roomTagAt(
  crypto: Pick<Crypto, "sha256">,
  point: Fingerprint,
  room: RoomId,
): Bytes {
  const content = concatBytes(DOMAIN, utf8(point), Uint8Array.fromHex(room));
  return Uint8Array.fromHex(crypto.sha256<Hash>(content)).slice(0, ROOM_TAG_BYTES);
}
