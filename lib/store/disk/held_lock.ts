/**
 * A lock held as long as the program runs, and checked again before a file is replaced. If somebody removes the
 * lock file with the rest of the folder, another program can start there, whose files mustn't be overwritten.
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

export class HeldLock implements Hold {
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
    if ("heldBy" in lock) throw refused(lock);
    return new HeldLock(disk, path, pid, lock);
  }

  async ensure(path: string, file: AppendFile | null): Promise<void> {
    const looked = this.#looked.then(() => this.#ensure(path, file));
    this.#looked = looked.catch(() => {}); // the caller gets the error
    await looked;
  }

  /** Releases the lock. A second call does nothing. */
  release(): void {
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
