/**
 * A lock for as long as a program runs, that is looked at again before a file takes another one's place: who removes
 * the lock with all else there lets another program in, whose files mustn't be written over.
 */

import { P2pchatError } from "../base/errors.ts";
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
  /** One after the other: of two at once the second would meet the lock of the first. */
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
   * Takes the lock that the file at `path` stands for.
   * @param pid The id of this process, for whoever wants the lock meanwhile.
   * @param refused The error where another process has it.
   * @throws {P2pchatError} That; `disk`.
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
    this.#looked = looked.catch(() => {}); // who asked is told
    await looked;
  }

  /** Lets go of the lock. A second call does nothing. */
  release(): void {
    this.#lock.release();
  }

  async #ensure(path: string, file: AppendFile | null): Promise<void> {
    if (this.#lock.isInPlace()) return;
    const { disk } = this;
    // A lock file is never removed by programs: one that isn't ours says that another has begun, ended by now or not.
    const begun = await disk.read(this.path);
    if (begun !== null) throw takenError(path, new TextDecoder().decode(begun));
    // Nothing can be put there, and whoever begins there anew isn't kept from it.
    if (await disk.stat(folderOf(path)) === null) throw misplacedError(path);
    const isOurs = file?.isInPlace() ?? false;
    if (!isOurs && await disk.stat(path) !== null) throw placeTakenError(path);
    const lock = await disk.tryLock(this.path, `${this.pid}\n`);
    if ("heldBy" in lock) throw takenError(path, lock.heldBy);
    this.#lock.release();
    this.#lock = lock;
  }
}

/** Who has a lock, as part of a sentence; a lock has the id of the process in it. */
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
