/** A lock around reading and changing a file that several programs share: for all of them that is one step. */

import type { Clock } from "../../base/machine/clock.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type Disk, type DiskLock, folderOf } from "./disk.ts";
import { holderOf } from "./held_lock.ts";

/** Interval between attempts to take the lock: a change takes less. */
const LOCK_RETRY_MS = 50;
/** How long to wait for one program that changes the file. */
export const LOCK_WAIT_MS_MAX = 10_000;
/** How long to wait for several that change it one after the other: many may start at once on a slow machine. */
const ALL_WAIT_MS_MAX = 60_000;

/**
 * Waits for the lock under which programs change the file at `path`: between reading the file and writing it, no
 * other program may change it.
 * @param lock The lock file; its folder is created where it is missing.
 * @param writer Distinguishes this program from others, such as by its process id.
 * @throws {P2pchatError} `in-use` where one other program holds the lock for 10 s, or several do for 60 s; `disk`.
 */
export async function takeTurn(
  disk: Disk,
  path: string,
  lock: string,
  writer: string,
  clock: Clock,
): Promise<DiskLock> {
  await disk.makeFolder(folderOf(lock));
  const lastMs = clock.nowMs() + ALL_WAIT_MS_MAX;
  let holder = "";
  let endMs = clock.nowMs() + LOCK_WAIT_MS_MAX;
  for (;;) {
    const taken = await disk.tryLock(lock, `${writer}\n`);
    if (!("heldBy" in taken)) return taken;
    // Whoever has just taken it, hasn't said so yet.
    if (taken.heldBy !== "" && taken.heldBy !== holder) {
      holder = taken.heldBy;
      endMs = Math.min(clock.nowMs() + LOCK_WAIT_MS_MAX, lastMs);
    }
    const retryMs = clock.nowMs() + LOCK_RETRY_MS;
    if (retryMs > endMs) throw heldError(path, taken, endMs === lastMs);
    await new Promise<void>((resolve) => clock.at(retryMs, resolve));
  }
}

function heldError(
  path: string,
  lock: { readonly heldBy: string },
  isBySeveral: boolean,
): P2pchatError {
  const why = isBySeveral
    ? "other programs have been changing it for 60 s; try again when fewer do"
    : `${holderOf(lock)} has been changing it for 10 s; try again, or end that one`;
  return new P2pchatError("in-use", `Cannot write ${path}: ${why}`);
}

/**
 * Waits for the lock of the profile's files that programs in several modes share: its own key, and the keys it has
 * met.
 * @throws {P2pchatError} As `takeTurn`.
 */
export function takeProfileTurn(
  disk: Disk,
  folder: string,
  writer: string,
  clock: Clock,
): Promise<DiskLock> {
  return takeTurn(disk, folder, `${folder}/profile.lock`, writer, clock);
}
