/** The layout of the data folder: `users/NAME/`, `serve/`, `regserver/` and `tables/`. */

import { hash } from "node:crypto";
import { utf8 } from "../../base/crypto/crypto.ts";
import { P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";

/** What determines the data folder. */
interface DataFolderSource {
  /** The argument of `--data`; null without the flag. */
  readonly flag: string | null;
  /** The value of an environment variable; an empty one counts as unset. */
  readonly variable: (name: string) => string | undefined;
  /** The user's home folder; `null` where none is known. */
  readonly home: () => string | null;
}

/**
 * A path as it comes from outside, perhaps with a `~` of which no shell has made the home folder: behind `=`, in quotes,
 * in a file of settings.
 * @throws {P2pchatError} `usage` where it begins with another `~`, or no home folder is known.
 */
export function fromHome(path: string, what: string, home: () => string | null): string {
  if (!path.startsWith("~")) return path;
  const folder = /^~(?=\/|$)/.test(path) ? home() : null;
  if (folder !== null) return withoutTrailingSlash(folder) + path.slice(1);
  const text =
    `Cannot tell whose home folder is meant by ${what} ${quotedStart(path)}; write the ` +
    "whole path, or ./~";
  throw new P2pchatError("usage", text);
}

/**
 * The data folder: `--data`, else `$P2PCHAT_HOME`, else `$XDG_DATA_HOME/p2pchat`, else `~/.local/share/p2pchat`,
 * where `~` is the home folder. A relative `$XDG_DATA_HOME` is ignored, as the XDG Base Directory Specification requires.
 * @throws {P2pchatError} `usage` where no home folder is known.
 */
export function dataFolder(source: DataFolderSource): string {
  const variable = source.variable("P2PCHAT_HOME") ?? "";
  const named = nonEmpty(source.flag) ?? nonEmpty(fromHome(variable, "P2PCHAT_HOME", source.home));
  if (named !== null) return withoutTrailingSlash(named);
  const xdg = absolute(source.variable("XDG_DATA_HOME"));
  if (xdg !== null) return `${withoutTrailingSlash(xdg)}/p2pchat`;
  const home = source.home();
  if (home !== null) return `${withoutTrailingSlash(home)}/.local/share/p2pchat`;
  const text = "Cannot tell where to keep data: HOME isn't set; name a folder with --data DIR";
  throw new P2pchatError("usage", text);
}

/** The folder of all users' profiles. */
export function usersFolder(data: string): string {
  return `${data}/users`;
}

/** The folder of a profile's rooms. */
export function roomsFolder(profile: string): string {
  return `${profile}/mesh`;
}

/** The name of what a member of a group, or its coordinator, stores beside the log, unless the user keeps that elsewhere. */
export const STATE_FILE = "state";

/** The coordinator's folder. */
export function serveFolder(data: string): string {
  return `${data}/serve`;
}

/** The file of a directory's accounts, in its folder. */
export const ACCOUNTS_FILE = "accounts.csv";

/** The directory's folder. */
export function regserverFolder(data: string): string {
  return `${data}/regserver`;
}

/**
 * The lock file for changes of the table of users at `path`, which is absolute and without links. It is in the data
 * folder, not beside the table: that may be in a private folder, or among other people's files, where the program
 * leaves nothing.
 */
export function tableLock(data: string, path: string): string {
  return `${tableLocks(data)}/${pathDigest(path)}.lock`;
}

/** The folder of the lock files of tables. */
export function tableLocks(data: string): string {
  return `${data}/tables`;
}

/** Letters of a digest: 64 bits are plenty, as a user has only a few tables. */
const DIGEST_LETTERS = 16;

/** A digest of a path, usable as a file name. */
export function pathDigest(path: string): string {
  return hash("sha256", utf8(path), "hex").slice(0, DIGEST_LETTERS);
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
