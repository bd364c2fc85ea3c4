/** Keeps two processes from using the same profile in the same mode at the same time. */

import { P2pchatError } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { HeldLock, holderOf } from "../disk/held_lock.ts";

/** The modes that use a folder: each has its own files and its own lock there. */
export type LockMode = "mesh" | "serve" | "group" | "friends" | "regserver" | "registry";

const PURPOSES: Readonly<Record<LockMode, string>> = {
  mesh: "a room",
  friends: "friends",
  group: "a group",
  serve: "a coordinator",
  registry: "a directory",
  regserver: "a directory",
};

/**
 * Locks `folder` for `mode` until `release` or until this process ends, even if it is killed.
 * @param pid The id of this process, for the error message of a second one.
 * @throws {P2pchatError} `in-use` where another process has the lock; `disk`.
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
      `Cannot use ${folder} for ${PURPOSES[mode]}: ${
        holderOf(lock)
      } uses it already; end that one, or choose another ${
        isNamed(mode) ? "name or another folder" : "folder"
      } with --data`,
    );
  return HeldLock.take(disk, `${folder}/${mode}.lock`, pid, refused);
}

/** Whether the mode is started with a user name, which determines the folder. */
function isNamed(mode: LockMode): boolean {
  return mode !== "serve" && mode !== "regserver";
}
