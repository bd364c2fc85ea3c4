/**
 * Folders that were opened before the right to read all that is in them was given up. What a store of one file needs of
 * its folder is that it is there, its path without links, and that the names in it are synced: an open one does.
 */

import type { Stats } from "node:fs";
import { isSystemError } from "../../base/errors.ts";
import { nodeFiles } from "./node_files.ts";

class HeldFolder {
  /** @param real Its path without links, when it was opened. */
  constructor(readonly real: string, readonly opened: number) {}

  /** By the descriptor, for which no right is needed. `nlink` is 0 when the folder has been removed. */
  stat(): Stats {
    return nodeFiles().fstatSync(this.opened);
  }

  sync(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    nodeFiles().fsync(this.opened, (error) => error === null ? resolve() : reject(error));
    return promise;
  }
}

const held = new Map<string, HeldFolder>();

/** Opens the folder for the rest of the process. @returns Whether it is a folder that can be opened. */
export function holdFolder(path: string, real: string): boolean {
  if (held.has(path)) return true;
  try {
    const { constants, openSync } = nodeFiles();
    const opened = openSync(real, constants.O_RDONLY | constants.O_DIRECTORY);
    held.set(path, new HeldFolder(real, opened));
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false;
  }
}

/** The folder that is held under this path; null where none is. */
export function heldFolder(path: string): HeldFolder | null {
  return held.get(path) ?? null;
}
