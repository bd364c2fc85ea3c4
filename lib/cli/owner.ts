/** Whose a data folder is: what somebody else makes in it, root too, would be out of its owner's reach. */

import { P2pchatError } from "../base/errors.ts";
import { folderOf } from "../store/disk.ts";

const ROOT = 0;

/**
 * Refuses to change what belongs to another user of this machine, or would be made in a folder of theirs.
 * @param path The file or folder; the first one that is there, of it and those above, says whose it is.
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

/** Whose the first path is that is there; null where that is `own`, or no matter. */
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
    // Root reaches what others make, as in /tmp; and whoever may make a folder in another's has one of their own.
    const isFree = !isInside && (owner === ROOT || (at !== dataFolder && own !== ROOT));
    return isFree ? null : { at, owner };
  }
}

function ownerOf(path: string): number | null {
  try {
    return Deno.statSync(path).uid;
  } catch {
    return null; // whoever opens it says what is wrong
  }
}
