/**
 * Invites as text: one word of letters and digits, which a double click selects and any channel carries. The word is
 * base32 of the bytes and their CRC-32, so that a typing error is told from an invite that is void: every wrong
 * character is found, and any two adjacent ones that were swapped; of other errors one in 4,000,000,000 isn't. The
 * check keeps nobody out that makes an invite up: the secret does.
 */

import { crc32 } from "node:zlib";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { sameBytes } from "../collections/bytes.ts";
import { concatBytes } from "../crypto/crypto.ts";
import { P2pchatError, RemoteProtocolError } from "../errors.ts";
import { NAME_LENGTH_MAX } from "./names.ts";

const CHECK_BYTES = 4;

/**
 * How an invite is to be given, if not as text alone: as a QR code too, or in its place by a code of words, behind which
 * stands who is told it, if the user says so. `void`: not at all, and no open code counts any more.
 */
export type InviteForm = "qr" | "void" | "words" | `words ${string}`;

/** What invites are for, by their first byte, which is also their version. */
export const INVITE_KINDS = { room: 1, group: 33 } as const;
type InviteKind = keyof typeof INVITE_KINDS;

/** Says how to use an invite where one of the other kind is expected. */
const OTHER_TEXT: { readonly [Kind in InviteKind]: string } = {
  room: "The invite is for a room without a coordinator: join with p2pchat mesh NAME --invite",
  group:
    "The invite is for a group with a coordinator: join with p2pchat peer NAME --server HOST --invite",
};

/** One word, in lower case, as `readInvite` reads it. */
export function inviteText(bytes: Uint8Array): string {
  return encodeBase32(concatBytes(bytes, checkOf(bytes)));
}

/** What people put before and after an invite: quotes, brackets, and the end of their sentence. */
const BEFORE = /^[\p{P}<]$/u;
const BEHIND = /^[\p{P}>]$/u;

/**
 * Reads what somebody pasted or typed, in any case, also as it stands in an e-mail.
 * @param read Decodes all bytes of an invite of this kind.
 * @throws {P2pchatError} `bad-credentials`. The text isn't in the error: it may be as good as a secret.
 */
export function readInvite<Invite>(
  text: string,
  kind: InviteKind,
  read: (bytes: Uint8Array) => Invite,
): Invite {
  const bytes = inviteBytes(text);
  const other = kind === "room" ? "group" : "room";
  if (bytes[0] === INVITE_KINDS[other]) {
    throw new P2pchatError("bad-credentials", OTHER_TEXT[other]);
  }
  if (bytes[0] !== INVITE_KINDS[kind]) throw otherVersion();
  try {
    return read(bytes);
  } catch (error) {
    throw error instanceof RemoteProtocolError ? otherVersion() : error;
  }
}

function inviteBytes(text: string): Uint8Array {
  if (isWordCode(text)) throw new P2pchatError("bad-credentials", WORDS_TEXT);
  const content = contentOf(text);
  if (content === null) throw new P2pchatError("bad-credentials", MISTYPED_TEXT);
  return content;
}

/** What is in a whole invite; null for any other text. */
function contentOf(text: string): Uint8Array | null {
  const bytes = decodeBase32(wordIn(text));
  const content = bytes?.subarray(0, -CHECK_BYTES);
  const check = bytes?.subarray(-CHECK_BYTES);
  const isWhole = content !== undefined && check !== undefined && content.length > 0 &&
    checkOf(content).every((byte, index) => byte === check[index]);
  return isWhole ? content : null;
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
/** Characters that hold the first byte whole. */
const FIRST_CHARACTERS = 8;

/** Whether there is an invite in a text, or the beginning of one: what is as good as a secret is not to be repeated. */
export function hasInvite(text: string): boolean {
  const kinds: readonly number[] = Object.values(INVITE_KINDS);
  return Array.from(text.matchAll(INVITE_LIKE)).some(([word]) => {
    const first = decodeBase32(word.slice(0, FIRST_CHARACTERS))?.[0];
    return first !== undefined && kinds.includes(first);
  });
}

/** Whether a text is an invite to a room, whole and correct, and nothing else but what people put around one. */
export function isRoomInvite(text: string): boolean {
  return hasInvite(text) && contentOf(text)?.[0] === INVITE_KINDS.room;
}

/** The error for an invite in another argument's place; it doesn't repeat the invite. */
export function inviteMisplaced(): P2pchatError {
  return new P2pchatError(
    "usage",
    "That is an invite: put --invite in its place, and paste it when you are asked for it",
  );
}

/** A number and two words, as `/invite --words` makes them: what is said aloud in an invite's place. */
const WORD_CODE = /^\s*\d{1,3}(?:[\s-]+[a-z]+){2}\s*$/i;

/** Whether a text has the form of a word code, whatever its words are. */
export function isWordCode(text: string): boolean {
  return WORD_CODE.test(text);
}

const WORDS_TEXT =
  "That is a word code, and no invite: give it with --words in place of --invite, as in --words 7-cross-clock";

const MISTYPED_TEXT =
  "Cannot read the invite: a character of it is wrong, or a part is missing; copy the whole word again";

/** The error for an invite that another version of the program made. */
function otherVersion(): P2pchatError {
  return new P2pchatError(
    "bad-credentials",
    "Cannot read the invite: another version of p2pchat made it; both sides need the same one",
  );
}

/** Least significant byte first: so the check's bits follow the others in the order in which CRC-32 takes them. */
function checkOf(bytes: Uint8Array): Uint8Array {
  const check = new Uint8Array(CHECK_BYTES);
  new DataView(check.buffer).setUint32(0, crc32(bytes), true);
  return check;
}

/** A secret as an invite has it; of those of one epoch any number may have been made at once. */
interface InviteSecret {
  readonly epoch: number;
  readonly secret: Uint8Array;
}

/** Whether an invite with this secret still admits newcomers. Null: that of an open room or group. */
export function isPresentSecret(
  secret: InviteSecret | null,
  present: InviteSecret | null,
): boolean {
  return secret === null || (present !== null && isSameSecret(secret, present));
}

export function isSameSecret(one: InviteSecret, other: InviteSecret): boolean {
  return one.epoch === other.epoch && sameBytes(one.secret, other.secret);
}
