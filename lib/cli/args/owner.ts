/**
 * Checks whose the files are that will be used. What another user, even root, creates in a data folder would be
 * inaccessible to its owner; and what the command line names for writing mustn't be what another user chose: a link of
 * theirs leads to any file of ours, and what is written into a file of theirs they read.
 */

import { resolve } from "node:path";
import { P2pchatError } from "../../base/errors.ts";
import { folderOf } from "../../store/disk/disk.ts";
import { belongsText, otherUser } from "../../store/disk/other_users.ts";

const ROOT = 0;

/**
 * Refuses a folder that another user of this machine owns, or to make one in that user's folder.
 * @param folder If it doesn't exist, the nearest existing one above it decides.
 * @param dataFolder The one that `folder` is in.
 * @throws {P2pchatError} `not-allowed`.
 */
export function checkOwner(folder: string, dataFolder: string): void {
  const own = Deno.uid();
  const found = own === null ? null : otherOwner(folder, dataFolder, own, ownerOf);
  if (found !== null) throw othersError(folder, found.at, found.owner);
}

/** @param at What is another user's: `path`, a folder above it, or a link on the way. */
function othersError(path: string, at: string, user: number): P2pchatError {
  return new P2pchatError(
    "not-allowed",
    `Cannot use ${path}: ${at === path ? "it" : at} ${
      belongsText(user)
    }; run this as that one, as with ` +
      `sudo -u '#${user}', or name another`,
  );
}

/** The owner of the first existing path, at or above `path`; null where that is `own`, or doesn't matter. */
export function otherOwner(
  path: string,
  dataFolder: string,
  own: number,
  ownerOf: (path: string) => number | null,
): { readonly at: string; readonly owner: number } | null {
  for (let at = path;; at = folderOf(at)) {
    const owner = ownerOf(at);
    if (owner === null && folderOf(at) !== at) continue;
    if (owner === null || owner === own) return null;
    const isInside = at.startsWith(`${dataFolder}/`);
    // Root can access files of others, as in /tmp; and a user who may create a folder in another's folder owns the
    // new one.
    const isFree = !isInside && (owner === ROOT || (at !== dataFolder && own !== ROOT));
    return isFree ? null : { at, owner };
  }
}

function ownerOf(path: string): number | null {
  try {
    return Deno.statSync(path).uid;
  } catch {
    return null; // opening the file reports the error
  }
}

/** As many as the system follows. */
const LINKS_MAX = 40;

/**
 * Has to look at all folders above, so before rights are given up.
 * @throws {P2pchatError} `not-allowed` where a link of another user is on the way, or another's file at its end.
 */
export function refuseOthersPath(path: string): void {
  const found = othersOn(path);
  if (found !== null) throw othersError(path, found.at, found.user);
}

/** Whether `refuseOthersPath` would refuse it. */
export function isOthersPath(path: string): boolean {
  return othersOn(path) !== null;
}

/** Whether a link of another user is on the way, as far as that may be looked at. */
export function isLinkedByOthers(path: string): boolean {
  return othersOn(path, true) !== null;
}

/** @param linksAlone Whether a file of another user may be at the end. */
function othersOn(path: string, linksAlone = false) {
  machineOwner(); // later the way to it may be closed
  let links = 0;
  let at = "";
  const names = (path.startsWith("/") ? path : `${Deno.cwd()}/${path}`).split("/");
  while (names.length > 0) {
    const name = names.shift()!;
    if (name === "..") at = at.slice(0, Math.max(0, at.lastIndexOf("/")));
    if (["", ".", ".."].includes(name)) continue;
    const next = `${at}/${name}`;
    const info = lookAt(next);
    const user = info === null ? null : otherUser(info);
    if (info?.isSymlink) {
      if (user !== null && user !== machineOwner()) {
        return { at: `the symbolic link ${next}`, user };
      }
      if (++links > LINKS_MAX) return null; // using it reports the error
      const target = Deno.readLinkSync(next);
      if (target.startsWith("/")) at = "";
      names.unshift(...target.split("/"));
      continue;
    }
    if (!linksAlone && info?.isFile && user !== null) return { at: next, user };
    at = next;
  }
  return null;
}

const OTHERS_WRITE_BITS = 0o022;
const ALL_WRITE_BIT = 0o002;
/** Of a folder: nobody removes or renames in it what is another's. */
const STICKY_BIT = 0o1000;

/** A socket in such a folder: whoever dials another's in its place gives a password. */
const SOCKET = { isIn: false, what: "make a socket at", why: "would be given your password" };
/** The folder of what is received: where a link of another's takes its place, that leads to any folder of ours. */
export const RECEIVED = {
  isIn: true,
  what: "save files in",
  why: "would choose where they are saved",
};

/**
 * Refuses a place of which others could make theirs, now or later. Has to look at all folders above, so before rights
 * are given up.
 * @param place Of a socket, none in its folder may be another's; of a folder, others may add to it.
 * @throws {P2pchatError} `not-allowed` where what it is in, at any height, is another user's, or others can write to it.
 */
export function refuseSharedFolder(path: string, place = SOCKET): void {
  const own = Deno.uid();
  const folder = own === null ? null : realFolder(place.isIn ? path : folderOf(resolve(path)));
  if (folder === null) return; // the system has no owners, or making the socket reports the error
  for (let at = folder, isOwn = true;; at = folderOf(at)) {
    const info = lookAt(at);
    const user = info === null ? null : otherUser(info);
    const isPlace = place.isIn && at === folder;
    const isOthers = user !== null && user !== machineOwner();
    if (isOthers && !isPlace) throw othersError(path, at, user);
    const mode = info?.mode ?? 0;
    // Many systems give each user a group of one, under the user's number, and all that its folders have.
    const writers = place.isIn && info?.gid === own ? ALL_WRITE_BIT : OTHERS_WRITE_BITS;
    // What is in a folder of one's own stays there where others can only add to the one above it.
    const isHeld = isPlace || (at !== folder && isOwn && (mode & STICKY_BIT) !== 0);
    if ((mode & writers) !== 0 && !isHeld) throw sharedError(path, at, place);
    isOwn = !isOthers;
    if (folderOf(at) === at) return;
  }
}

function realFolder(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch {
    return null; // it isn't there, or can't be seen
  }
}

function sharedError(path: string, at: string, { what, why }: typeof SOCKET): P2pchatError {
  return new P2pchatError(
    "not-allowed",
    `Cannot ${what} ${path}: others of this machine can write to ${at}, could put theirs in its ` +
      `place, and ${why}; choose a folder that is yours alone, or take that right from them (chmod go-w ${at})`,
  );
}

/** Null where there is nothing, or nothing to be seen: using it reports the error. */
function lookAt(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch {
    return null;
  }
}

let rootUser: number | undefined;

/** Root, in a container perhaps under another id: could change everything anyway. */
function machineOwner(): number {
  return rootUser ??= lookAt("/")?.uid ?? ROOT;
}
