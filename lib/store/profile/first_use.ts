/**
 * A profile whose key was made at this start. Where the start comes to nothing, nobody knows that key, and the profile
 * goes again: a mistyped name or a refused one leaves nothing behind.
 */

import type { ErrorCode } from "../../base/errors.ts";
import { type Disk, removeAll } from "../disk/disk.ts";
import { isOfUnused } from "./identity.ts";
import type { LockMode } from "./profile_folder.ts";

/** With these a server says that it let nobody in, whose key it forgets. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "name-taken",
  "bad-credentials",
  "weak-password",
  "guests-refused",
  "locked-out",
  "full",
  "version",
  "not-allowed",
  "too-fast",
]);

/** What a start makes in the profile in any mode, until it is known to others. */
const OF_EVERY_MODE = ["known_peers", "typed", "irc_password", "irc_shown", "web", "uploads"];

export class FirstUse {
  readonly #disk: Disk;
  readonly #folder: string;
  /** What this start may have made, all of it of no use without the key. */
  readonly #made: ReadonlySet<string>;
  readonly #isNew: boolean;
  /** Whether somebody else may know the key. */
  #isKnown = false;
  /** Whether nothing that others say later undoes that. */
  #isIn = false;
  /** Called once, when it is sure that the profile stays, and is the one. */
  onIn: () => void = () => {};
  /** Whether the profile has a server's key that is to be known at the next start. */
  #hasKey = false;

  /**
   * @param mode Whose lock and whose folder, of the same name, this start makes; null: none.
   * @param isNew Whether the profile and its key were made at this start.
   */
  constructor(disk: Disk, folder: string, mode: LockMode | null, isNew: boolean) {
    this.#disk = disk;
    this.#folder = folder;
    this.#made = new Set([...OF_EVERY_MODE, ...mode === null ? [] : [mode, `${mode}.lock`]]);
    this.#isNew = isNew;
  }

  /** A server was asked to let the user in: it may have done so even if its answer never comes. */
  asks(): void {
    this.#isKnown = true;
  }

  /** The user came in. */
  isIn(): void {
    if (!this.#isIn) this.onIn();
    this.#isKnown = true;
    this.#isIn = true;
  }

  /** A password goes to whoever answers, and from then on to nobody else: that one's key is kept, whatever it says. */
  trusts(): void {
    this.#hasKey = true;
  }

  /** An attempt has failed. */
  failed(code: ErrorCode): void {
    if (!this.#isIn && REFUSALS.has(code)) this.#isKnown = false;
  }

  /** Whether the profile is to be removed when the program ends. */
  get isInVain(): boolean {
    return this.#isNew && !this.#isKnown && !this.#hasKey;
  }

  /** Whether it stays for that key alone. */
  get isKeptForKey(): boolean {
    return this.#isNew && !this.#isKnown && this.#hasKey;
  }

  /**
   * Removes the profile, to be called in its turn. It stays if another program has begun to use it.
   * @throws {P2pchatError} `disk`.
   */
  async remove(): Promise<void> {
    const disk = this.#disk;
    const files = await disk.list(this.#folder);
    if (!files.every((file) => isOfUnused(file) || this.#made.has(file))) return;
    // Locks last: without them another program may begin there.
    const isLock = (file: string) => file.endsWith(".lock");
    for (const file of files.filter((each) => !isLock(each))) {
      await removeAll(disk, `${this.#folder}/${file}`);
    }
    for (const file of files.filter(isLock)) await disk.remove(`${this.#folder}/${file}`);
    await disk.removeFolder(this.#folder);
  }
}
