/** Removes as much as can be removed. */

import { P2pchatError } from "../../base/errors.ts";
import type { Disk } from "../../store/disk/disk.ts";

/**
 * Removes what is at the path, a folder with all that is in it, and of a link the link alone: what it leads to is somebody
 * else's. Where something can't be removed, the rest is.
 * @returns Why something stays, of all that does the first; null: nothing does.
 */
export function removeAll(disk: Disk, path: string): Promise<P2pchatError | null> {
  return failureOf(async () => {
    const isFolder = !await disk.isLink(path) && (await disk.stat(path))?.kind === "folder";
    if (!isFolder) return void await disk.remove(path);
    let first: P2pchatError | null = null;
    for (const name of await disk.list(path)) {
      const failure = await removeAll(disk, `${path}/${name}`);
      first ??= failure;
    }
    if (first === null) await disk.removeFolder(path);
    return first;
  });
}

/** What `work` returns or throws as its failure. */
export async function failureOf(
  work: () => Promise<P2pchatError | null | void>,
): Promise<P2pchatError | null> {
  try {
    return await work() ?? null;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    return error;
  }
}
