/** Keeps two processes from using one profile in one mode at the same time. */

import { P2pchatError } from "../base/errors.ts";
import type { Disk, DiskLock } from "./disk.ts";

/** What runs on a folder: each mode has its own files there and its own lock. */
export type LockMode = "mesh" | "serve" | "group" | "friends" | "regserver" | "registry";

/**
 * Locks `folder` for `mode` until `release` or the end of this process; a killed one holds nothing.
 * @param pid The id of this process, for the message to the second one.
 * @throws {P2pchatError} `in-use` where another process has it; `disk`.
 */
export async function lockProfile(
  disk: Disk,
  folder: string,
  mode: LockMode,
  pid: number,
): Promise<DiskLock> {
  const lock = await disk.tryLock(`${folder}/${mode}.lock`, `${pid}\n`);
  if (!("heldBy" in lock)) return lock;
  throw new P2pchatError(
    "in-use",
    `Cannot use ${folder} for ${mode}: ${
      holderOf(lock)
    } uses it already; end that one, or choose another ${
      isNamed(mode) ? "name or another folder" : "folder"
    } with --data`,
  );
}

/** Whether whoever starts it says a name, which has a folder of its own. */
function isNamed(mode: LockMode): boolean {
  return mode !== "serve" && mode !== "regserver";
}

/** Who has a lock, as part of a sentence; a lock has the id of the process in it. */
export function holderOf({ heldBy }: { readonly heldBy: string }): string {
  const id = heldBy.trim();
  return /^[1-9][0-9]*$/.test(id) ? `process ${id}` : "another process";
}
