/**
 * An invite, which a member gives to somebody who is to join. It names the room and addresses of members, and has the
 * secret of a private room.
 */

import type { Endpoint, RoomId } from "../../../base/ids.ts";
import { INVITE_KINDS, inviteText, readInvite } from "../../../base/text/invite_text.ts";
import { decode, encode } from "../../../base/schema/schema.ts";
import type { RoomSecret } from "./rotations.ts";
import { inviteSchema } from "./structures.ts";

export interface Invite {
  readonly room: RoomId;
  /** Null for an open room. */
  readonly secret: RoomSecret | null;
  /** Where members listen, at most 4. */
  readonly endpoints: readonly Endpoint[];
}

/** One word, in lower case, as `parseInvite` reads it. */
export function encodeInvite(invite: Invite): string {
  return inviteText(encode(inviteSchema, { version: INVITE_KINDS.room, ...invite }));
}

/**
 * Reads what somebody pasted or typed, in any case, also as it stands in an e-mail.
 * @throws {P2pchatError} `bad-credentials`. The text isn't in the error: it may be as good as a secret.
 */
export function parseInvite(text: string): Invite {
  const { room, secret, endpoints } = readInvite(
    text,
    "room",
    (bytes) => decode(inviteSchema, bytes),
  );
  return { room, secret, endpoints };
}
