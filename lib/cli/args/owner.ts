/**
 * Checks who owns a data folder: files that another user, even root, creates in it would be inaccessible to its
 * owner.
 */

import { P2pchatError } from "../../base/errors.ts";
import { folderOf } from "../../store/disk/disk.ts";
import { belongsText } from "../../store/disk/other_users.ts";

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
export function othersError(path: string, at: string, user: number): P2pchatError {
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
