/** The password that a client gives: the user's own, or one that is made and kept in the profile. */

import { createHash, timingSafeEqual } from "node:crypto";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { encodeBase32 } from "../../base/text/base32.ts";
import { type Disk, readStore } from "../../store/disk/disk.ts";
import { replaceFile } from "../../store/disk/replacement.ts";
import { mayOthersRead, secretText } from "../credentials/secret_file.ts";
import { LINE_BYTES_MAX } from "./lines/irc_message.ts";

/** In the profile; its first line is the password, so that it can be copied. */
const FILE = "irc_password";
/** Nobody guesses 160 bits. */
const MADE_BYTES = 20;
const FILE_MODE = 0o600;
/** At some hundred guesses a second, shorter ones are within reach of a program that runs for days beside this one. */
const GUESSED_LENGTH_MAX = 12;
/** `PASS` has to fit into a line. */
const BYTES_MAX = LINE_BYTES_MAX - 32;
/** Of the profile's file: whatever users have written below the password is shorter. */
const FILE_BYTES_MAX = 65_536;

interface PasswordParts {
  /** `--irc-password-file`; null: the profile's. */
  readonly file: string | null;
  readonly disk: Disk;
  /** Of the profile. */
  readonly folder: string;
  readonly random: (length: number) => Uint8Array;
  readonly notice: (text: string) => void;
}

export interface IrcPassword {
  /** Where it stands, for the user. */
  readonly path: string;
  /** Takes as long for each text of a length. */
  is(text: string): boolean;
}

/** @throws {P2pchatError} `bad-file`, `store-corrupt` or `disk`. */
export async function openIrcPassword(parts: PasswordParts): Promise<IrcPassword> {
  const path = parts.file ?? `${parts.folder}/${FILE}`;
  const text = parts.file === null ? await ownPassword(parts, path) : await given(parts, path);
  const password = firstLine(text, path);
  if (parts.file !== null && password.length < GUESSED_LENGTH_MAX) {
    parts.notice(
      `The password of ${path} is short: whoever has this machine, too, can guess it; ` +
        `take one of ${GUESSED_LENGTH_MAX} characters or more`,
    );
  }
  return { path, is: comparisonWith(password) };
}

async function given({ notice }: PasswordParts, path: string): Promise<string> {
  const told = (text: string) => Promise.resolve(notice(text));
  const file = { path, secret: "password", bytesMax: BYTES_MAX, notice: told };
  return (await secretText(file)).text;
}

async function ownPassword({ disk, random }: PasswordParts, path: string): Promise<string> {
  const known = await readStore(disk, path, FILE_BYTES_MAX, "to have another password made");
  if (known !== null) {
    if (mayOthersRead((await disk.stat(path))?.mode ?? null)) await disk.setMode(path, FILE_MODE);
    return new TextDecoder().decode(known);
  }
  const made = `${encodeBase32(random(MADE_BYTES))}\n`;
  await replaceFile(disk, path, utf8(made)); // as all files of a profile, nobody else's to read
  return made;
}

function firstLine(text: string, path: string): string {
  const password = text.split(/\r?\n/, 1)[0]!;
  const fault = password.trim() === ""
    ? "it has no password in its first line"
    : utf8(password).length > BYTES_MAX
    ? `its first line has more than ${BYTES_MAX} bytes`
    : null;
  if (fault === null) return password;
  const advice = "write one there, or remove the file";
  throw new P2pchatError("bad-file", `Cannot take the password from ${path}: ${fault}; ${advice}`);
}

/** Compares digests: neither the time nor the length tells how much of a guess is right. */
function comparisonWith(password: string): (text: string) => boolean {
  const digest = (text: string) => createHash("sha256").update(utf8(text)).digest();
  const right = digest(password);
  return (text) => timingSafeEqual(digest(text), right);
}
