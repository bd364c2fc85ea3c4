/**
 * A lock held as long as the program runs, and checked again before a file is replaced. If somebody removes the
 * lock file with the rest of the folder, another program can start there, whose files mustn't be overwritten. And a lock
 * around reading and changing a file that several programs share: for all of them that is one step.
 */

import { P2pchatError } from "../../base/errors.ts";
import {
  type AppendFile,
  type Disk,
  type DiskLock,
  folderOf,
  type Hold,
  misplacedError,
} from "./disk.ts";
import type { Clock } from "../../base/machine/clock.ts";

export class HeldLock implements Hold {
  /** What this process holds. A program in another container may have the same process id. */
  static readonly #here = new Set<string>();
  #lock: DiskLock;
  /** Serializes checks: of two at once the second would find the lock that the first has just taken. */
  #looked: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly disk: Disk,
    readonly path: string,
    readonly pid: number,
    lock: DiskLock,
  ) {
    this.#lock = lock;
  }

  /**
   * Takes the lock of the lock file at `path`.
   * @param pid The id of this process, shown to whoever wants the lock meanwhile.
   * @param refused Makes the error where another process has the lock.
   * @throws {P2pchatError} That error, or `disk`.
   */
  static async take(
    disk: Disk,
    path: string,
    pid: number,
    refused: (lock: { readonly heldBy: string }) => P2pchatError,
  ): Promise<HeldLock> {
    const lock = await disk.tryLock(path, `${pid}\n`);
    if ("heldBy" in lock) throw refused(lock.heldBy.trim() === `${pid}` ? { heldBy: "" } : lock);
    HeldLock.#here.add(`${pid} ${path}`);
    return new HeldLock(disk, path, pid, lock);
  }

  /** Whether it is this very process that holds the lock. */
  static isHere(path: string, pid: number): boolean {
    return HeldLock.#here.has(`${pid} ${path}`);
  }

  async ensure(path: string, file: AppendFile | null): Promise<void> {
    const looked = this.#looked.then(() => this.#ensure(path, file));
    this.#looked = looked.catch(() => {}); // the caller gets the error
    await looked;
  }

  /** Releases the lock. A second call does nothing. */
  release(): void {
    HeldLock.#here.delete(`${this.pid} ${this.path}`);
    this.#lock.release();
  }

  async #ensure(path: string, file: AppendFile | null): Promise<void> {
    if (this.#lock.isInPlace()) return;
    const { disk } = this;
    // Programs never remove a lock file: if there is a new one, another program has started, even if it has ended
    // by now.
    const begun = await disk.read(this.path);
    if (begun !== null) throw takenError(path, new TextDecoder().decode(begun));
    // Nothing can be written there, and a new lock there would only keep others from starting.
    if (await disk.stat(folderOf(path)) === null) throw misplacedError(path);
    const isOurs = file?.isInPlace() ?? false;
    if (!isOurs && await disk.stat(path) !== null) throw placeTakenError(path);
    const lock = await disk.tryLock(this.path, `${this.pid}\n`);
    if ("heldBy" in lock) throw takenError(path, lock.heldBy);
    this.#lock.release();
    this.#lock = lock;
  }
}

/** Who holds a lock, as part of a sentence; the lock file contains the holder's process id. */
export function holderOf({ heldBy }: { readonly heldBy: string }): string {
  const id = heldBy.trim();
  return /^[1-9][0-9]*$/.test(id) ? `process ${id}` : "another process";
}

function takenError(path: string, heldBy: string): P2pchatError {
  return new P2pchatError(
    "in-use",
    `Cannot write ${path}: it was removed while the program ran, and ${holderOf({ heldBy })} has ` +
      "begun anew there since; go on with that one, or start this one again",
  );
}

function placeTakenError(path: string): P2pchatError {
  return new P2pchatError(
    "disk",
    `Cannot put ${path} back: it was removed while the program ran, and another file came in its place; ` +
      "move that one away, or start the program again",
  );
}

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

/** The lock file, in the profile. */
export const TURN_FILE = "profile.lock";

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
  return takeTurn(disk, folder, `${folder}/${TURN_FILE}`, writer, clock);
}
