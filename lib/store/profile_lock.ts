/** Keeps two processes from using one profile in one mode at the same time. */

import { P2pchatError } from "../base/errors.ts";
import type { Disk } from "./disk.ts";
import { HeldLock, holderOf } from "./held_lock.ts";

/** What runs on a folder: each mode has its own files there and its own lock. */
export type LockMode = "mesh" | "serve" | "group" | "friends" | "regserver" | "registry";

/**
 * Locks `folder` for `mode` until `release` or the end of this process; a killed one holds nothing.
 * @param pid The id of this process, for the message to the second one.
 * @throws {P2pchatError} `in-use` where another process has it; `disk`.
 */
export function lockProfile(
  disk: Disk,
  folder: string,
  mode: LockMode,
  pid: number,
): Promise<HeldLock> {
  const refused = (lock: { readonly heldBy: string }) =>
    new P2pchatError(
      "in-use",
      `Cannot use ${folder} for ${mode}: ${
        holderOf(lock)
      } uses it already; end that one, or choose another ${
        isNamed(mode) ? "name or another folder" : "folder"
      } with --data`,
    );
  return HeldLock.take(disk, `${folder}/${mode}.lock`, pid, refused);
}

/** Whether whoever starts it says a name, which has a folder of its own. */
function isNamed(mode: LockMode): boolean {
  return mode !== "serve" && mode !== "regserver";
}
