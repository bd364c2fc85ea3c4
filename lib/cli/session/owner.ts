/**
 * Checks who owns a data folder: files that another user, even root, creates in it would be inaccessible to its
 * owner.
 */

import { P2pchatError } from "../../base/errors.ts";
import { folderOf } from "../../store/disk/disk.ts";

const ROOT = 0;

/**
 * Refuses to change what another user of this machine owns, or to create something in that user's folder.
 * @param path The file or folder; if it doesn't exist, the nearest existing folder above it decides.
 * @param action As in `Cannot change PATH`.
 * @throws {P2pchatError} `not-allowed`.
 */
export function checkOwner(action: string, path: string, dataFolder: string): void {
  const own = Deno.uid();
  const found = own === null ? null : otherOwner(path, dataFolder, own, ownerOf);
  if (found === null) return;
  const { at, owner } = found;
  throw new P2pchatError(
    "not-allowed",
    `Cannot ${action} ${path}: ${
      at === path ? "it" : at
    } belongs to user ${owner} of this machine, and this ` +
      `is user ${own}; run this as that one, as with sudo -u '#${owner}'`,
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
