/**
 * An invite, which a member gives to somebody who is to join. It names the room and addresses of members, and has the
 * secret of a private room.
 */

import { P2pchatError, RemoteProtocolError } from "../../base/errors.ts";
import type { Endpoint, RoomId } from "../../base/ids.ts";
import { INVITE_KINDS, inviteBytes, inviteText, otherVersion } from "../../base/invite_text.ts";
import { decode, encode, record, uint } from "../../base/schema.ts";
import type { RoomSecret } from "./rotations.ts";
import { inviteSchema, STRUCTURE_VERSION } from "./structures.ts";

export interface Invite {
  readonly room: RoomId;
  /** Null for an open room. */
  readonly secret: RoomSecret | null;
  /** Where members listen, at most 4. */
  readonly endpoints: readonly Endpoint[];
}

/** What an invite of any version begins with. */
const versionSchema = record({ version: uint(Number.MAX_SAFE_INTEGER) });

/** One word, in lower case, as `parseInvite` reads it. */
export function encodeInvite(invite: Invite): string {
  return inviteText(encode(inviteSchema, { version: STRUCTURE_VERSION, ...invite }));
}

/**
 * Reads what somebody pasted or typed, in any case, also as it stands in an e-mail.
 * @throws {P2pchatError} `bad-credentials`. The text isn't in the error: it may be as good as a secret.
 */
export function parseInvite(text: string): Invite {
  const content = inviteBytes(text);
  try {
    const { version } = decode(versionSchema, content);
    if (version === INVITE_KINDS.group) throw new P2pchatError("bad-credentials", OF_GROUP_TEXT);
    if (version !== STRUCTURE_VERSION) throw otherVersion();
    const { room, secret, endpoints } = decode(inviteSchema, content);
    return { room, secret, endpoints };
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    throw otherVersion();
  }
}

const OF_GROUP_TEXT =
  "The invite is for a group with a coordinator: join with p2pchat peer NAME --server HOST --invite";
