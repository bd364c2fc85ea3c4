/**
 * How a private room is announced: by a tag that says nothing to anybody who hasn't its secret, and another one each
 * day, so that nobody can follow a room by it for longer. HMAC-SHA256 under the secret, over the room, the epoch and
 * the day.
 */

import { createHmac } from "node:crypto";
import { utf8 } from "../../../base/crypto/crypto.ts";
import type { RoomId } from "../../../base/ids.ts";
import type { RoomSecret } from "../schema/rotations.ts";
import { TAGS } from "../schema/structures.ts";

/** As much as is needed for that no two rooms have one. */
const TAG_BYTES = 16;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Clocks may be wrong by a day, and the day ends everywhere at another moment. */
const DAYS_APART = [0, -1, 1];
/** A member that missed more rotations asks for an invite. */
const SECRETS_MAX = 8;
const PURPOSE = utf8(TAGS.announcement);

/** A room, and what opens it. */
export interface SecretRoom {
  readonly room: RoomId;
  /** The current secret first; none in an open room. */
  readonly secrets: readonly RoomSecret[];
}

/** The tag to announce; null for an open room. */
export function announcedTag({ room, secrets }: SecretRoom, wallMs: number): string | null {
  const [current] = secrets;
  return current === undefined ? null : tagOf(room, current, dayOf(wallMs));
}

/** All tags by which the room is recognised, with each secret that is known. */
export function recognisedTags({ room, secrets }: SecretRoom, wallMs: number): readonly string[] {
  const day = dayOf(wallMs);
  return secrets.slice(0, SECRETS_MAX).flatMap((secret) =>
    DAYS_APART.map((apart) => tagOf(room, secret, day + apart))
  );
}

function dayOf(wallMs: number): number {
  return Math.max(1, Math.floor(wallMs / DAY_MS));
}

function tagOf(room: RoomId, { epoch, secret }: RoomSecret, day: number): string {
  const numbers = new Uint8Array(8);
  const view = new DataView(numbers.buffer);
  view.setUint32(0, epoch);
  view.setUint32(4, day);
  const hmac = createHmac("sha256", secret);
  for (const part of [PURPOSE, Uint8Array.fromHex(room), numbers]) hmac.update(part);
  return hmac.digest("hex").slice(0, 2 * TAG_BYTES);
}
