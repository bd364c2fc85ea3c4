/** Turns at a file that several programs change: looking at it and writing it is one step for all of them. */

import type { Clock } from "../base/clock.ts";
import { P2pchatError } from "../base/errors.ts";
import { type Disk, type DiskLock, folderOf } from "./disk.ts";
import { holderOf } from "./held_lock.ts";

/** Pause between two looks at a lock: a change takes less. */
const LOCK_RETRY_MS = 50;
/** Of one who waits until others have written a file. */
export const LOCK_WAIT_MS_MAX = 10_000;

/**
 * Waits its turn to change the file at `path`, among the programs that take the same lock: between looking at the
 * file and writing it, no other may do so.
 * @param lock The file that stands for the other; its folder is made where it is missing.
 * @param writer Tells this program from others, such as the process id.
 * @throws {P2pchatError} `in-use` where another one has it for 10 s; `disk`.
 */
export async function takeTurn(
  disk: Disk,
  path: string,
  lock: string,
  writer: string,
  clock: Clock,
): Promise<DiskLock> {
  await disk.makeFolder(folderOf(lock));
  const endMs = clock.nowMs() + LOCK_WAIT_MS_MAX;
  for (;;) {
    const taken = await disk.tryLock(lock, `${writer}\n`);
    if (!("heldBy" in taken)) return taken;
    const retryMs = clock.nowMs() + LOCK_RETRY_MS;
    if (retryMs > endMs) {
      throw new P2pchatError(
        "in-use",
        `Cannot write ${path}: ${
          holderOf(taken)
        } has been changing it for 10 s; try again, or end that one`,
      );
    }
    await new Promise<void>((resolve) => clock.at(retryMs, resolve));
  }
}

/**
 * Waits its turn at the files of a profile that programs in several modes share: its key, and the keys it met.
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
