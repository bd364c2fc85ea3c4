/** Where data lives: `users/NAME/`, `serve/` and `regserver/` below one folder. */

import { hash } from "node:crypto";
import { utf8 } from "../base/crypto.ts";
import { P2pchatError } from "../base/errors.ts";
import { foldName } from "../base/names.ts";

/** What decides about the data folder. */
export interface DataFolderSource {
  /** The argument of `--data`. */
  readonly flag: string | null;
  /** An environment variable; an empty one counts as unset. */
  readonly variable: (name: string) => string | undefined;
  /** The home folder that the system's list of accounts has for this user, `null` where it has none. */
  readonly accountHome: () => string | null;
}

/**
 * The data folder: `--data`, else `$P2PCHAT_HOME`, else `$XDG_DATA_HOME/p2pchat`, else
 * `~/.local/share/p2pchat`, where `~` is `$HOME`, else the account's home folder. A relative
 * `$XDG_DATA_HOME` is ignored, as the XDG Base Directory Specification asks.
 * @throws {P2pchatError} `usage` where nothing says where home is.
 */
export function dataFolder(source: DataFolderSource): string {
  const named = nonEmpty(source.flag) ?? nonEmpty(source.variable("P2PCHAT_HOME"));
  if (named !== null) return withoutTrailingSlash(named);
  const xdg = absolute(source.variable("XDG_DATA_HOME"));
  if (xdg !== null) return `${withoutTrailingSlash(xdg)}/p2pchat`;
  const home = nonEmpty(source.variable("HOME")) ?? nonEmpty(source.accountHome());
  if (home !== null) return `${withoutTrailingSlash(home)}/.local/share/p2pchat`;
  throw new P2pchatError(
    "usage",
    "Cannot tell where to keep data: HOME isn't set and this account has no home folder; " +
      "name a folder with --data DIR",
  );
}

/**
 * The folder of a user's profile. Names that are the same name have the same folder, whatever the file
 * system thinks of case and composition.
 */
export function profileFolder(data: string, name: string): string {
  return `${data}/users/${folderName(name)}`;
}

/** The coordinator's folder. */
export function serveFolder(data: string): string {
  return `${data}/serve`;
}

/** The accounts of a directory, in its folder. */
export const ACCOUNTS_FILE = "accounts.csv";

/** The directory's folder. */
export function regserverFolder(data: string): string {
  return `${data}/regserver`;
}

/**
 * The lock of those who change the table of users at `path`, which is absolute and has no links in it. A table may
 * lie where only its owner's eyes are welcome, or beside others' files: nothing of ours is left there.
 */
export function tableLock(data: string, path: string): string {
  return `${data}/tables/${pathDigest(path)}.lock`;
}

/** Letters of a digest: 64 bits, and a user has a few tables. */
const DIGEST_LETTERS = 16;

/** A path as a file's name. */
export function pathDigest(path: string): string {
  return hash("sha256", utf8(path), "hex").slice(0, DIGEST_LETTERS);
}

/** Devices of Windows, which no file there can be named after, whatever its extension. */
const DEVICE_NAME = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(?=$|\.)/;
/** File systems allow 255 bytes; ours add nothing to a folder's name. */
const FOLDER_NAME_BYTES_MAX = 200;

/** A folded name as a folder's name: other than letters, digits, `_`, `-` and inner dots are in `%hex`. */
function folderName(name: string): string {
  const escaped = foldName(name)
    .replace(/[^\p{L}\p{M}\p{N}_.-]|^\.|\.$/gu, escapeChar)
    .replace(DEVICE_NAME, (device) => escapeChar(device[0]!) + device.slice(1));
  if (utf8(escaped).length <= FOLDER_NAME_BYTES_MAX) return escaped;
  // Some letters fold to many. A lone "%" starts no escape, so this is nobody else's folder.
  return `%${hash("sha256", escaped, "hex")}`;
}

function escapeChar(char: string): string {
  return [...utf8(char)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
}

function nonEmpty(text: string | null | undefined): string | null {
  return text === undefined || text === null || text === "" ? null : text;
}

function absolute(path: string | undefined): string | null {
  return path?.startsWith("/") === true ? path : null;
}

function withoutTrailingSlash(path: string): string {
  return path.replace(/(?<=.)\/+$/, "");
}
