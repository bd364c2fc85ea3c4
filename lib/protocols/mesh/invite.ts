/**
 * An invite, which a member gives to somebody who is to join: one word of letters and digits, which a double click
 * selects and any channel carries. It names the room and addresses of members, and has the secret of a private room.
 *
 * The word is base32 of the bytes and their CRC-32, so that a typing error is told from an invite that is void:
 * every wrong character is found, and any two adjacent ones that were swapped; of other errors one in 4,000,000,000
 * isn't. The check keeps nobody out that makes an invite up: the secret does.
 */

import { crc32 } from "node:zlib";
import { decodeBase32, encodeBase32 } from "../../base/base32.ts";
import { concatBytes } from "../../base/crypto.ts";
import { P2pchatError, RemoteProtocolError } from "../../base/errors.ts";
import type { Endpoint, RoomId } from "../../base/ids.ts";
import { NAME_LENGTH_MAX } from "../../base/names.ts";
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
const CHECK_BYTES = 4;

/** One word, in lower case, as `parseInvite` reads it. */
export function encodeInvite(invite: Invite): string {
  const bytes = encode(inviteSchema, { version: STRUCTURE_VERSION, ...invite });
  return encodeBase32(concatBytes(bytes, checkOf(bytes)));
}

/** What people put before and after an invite: quotes, brackets, and the end of their sentence. */
const BEFORE = /^[\p{P}<]$/u;
const BEHIND = /^[\p{P}>]$/u;

/**
 * Reads what somebody pasted or typed, in any case, also as it stands in an e-mail.
 * @throws {P2pchatError} `bad-credentials`. The text isn't in the error: it may be as good as a secret.
 */
export function parseInvite(text: string): Invite {
  const bytes = decodeBase32(wordIn(text));
  const content = bytes?.subarray(0, -CHECK_BYTES);
  const check = bytes?.subarray(-CHECK_BYTES);
  const isWhole = content !== undefined && check !== undefined && content.length > 0 &&
    checkOf(content).every((byte, index) => byte === check[index]);
  if (!isWhole) throw new P2pchatError("bad-credentials", MISTYPED_TEXT);
  try {
    const { version } = decode(versionSchema, content);
    if (version !== STRUCTURE_VERSION) {
      throw new P2pchatError("bad-credentials", OTHER_VERSION_TEXT);
    }
    const { room, secret, endpoints } = decode(inviteSchema, content);
    return { room, secret, endpoints };
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    throw new P2pchatError("bad-credentials", OTHER_VERSION_TEXT);
  }
}

/** Looks at characters one by one: an expression for the end of a text takes time quadratic in the text's length. */
function wordIn(text: string): string {
  const characters = [...text.replace(/\s+/g, "")];
  const first = characters.findIndex((character) => !BEFORE.test(character));
  const last = characters.findLastIndex((character) => !BEHIND.test(character));
  return characters.slice(first, last + 1).join("");
}

/** Longer than any name or fingerprint that may begin as an invite does. */
const INVITE_LIKE = new RegExp(`[a-z2-7]{${NAME_LENGTH_MAX + 1},}`, "gi");
/** Characters that hold the version whole. */
const VERSION_CHARACTERS = 8;

/** Whether there is an invite in a text, or the beginning of one: what is as good as a secret is not to be repeated. */
export function hasInvite(text: string): boolean {
  return Array.from(text.matchAll(INVITE_LIKE)).some(([word]) =>
    decodeBase32(word.slice(0, VERSION_CHARACTERS))?.[0] === STRUCTURE_VERSION
  );
}

/** The error for an invite in another argument's place; it doesn't repeat the invite. */
export function inviteMisplaced(): P2pchatError {
  return new P2pchatError(
    "usage",
    "That is an invite: put --invite in its place, and paste it when you are asked for it",
  );
}

const MISTYPED_TEXT =
  "Cannot read the invite: a character of it is wrong, or a part is missing; copy the whole word again";
const OTHER_VERSION_TEXT =
  "Cannot read the invite: another version of p2pchat made it; both sides need the same one";

/** Least significant byte first: so the check's bits follow the others in the order in which CRC-32 takes them. */
function checkOf(bytes: Uint8Array): Uint8Array {
  const check = new Uint8Array(CHECK_BYTES);
  new DataView(check.buffer).setUint32(0, crc32(bytes), true);
  return check;
}
