/** When the user was last logged in at a directory: kept in that one's folder of the profile, by its key. */

import { P2pchatError } from "../../base/errors.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import type { Disk } from "../../store/disk/disk.ts";
import type { ReturnedEvent } from "../rendering/user_interface.ts";
import { LastSeen } from "../session/last_seen.ts";

interface Surroundings {
  readonly disk: Disk;
  /** `registry` in the profile. */
  readonly folder: string;
  readonly wallMs: () => number;
  /** Tells the user what couldn't be read. */
  warn(text: string): void;
  /** Shows since when the user was away; null: that isn't wanted, as by scripts. */
  readonly tell: ((event: ReturnedEvent) => void) | null;
}

export class DirectoryVisit {
  #directory: Fingerprint | null = null;
  #opening: Promise<void> | null = null;
  /** Null before it is opened. */
  #seen: LastSeen | null = null;
  #isIn = false;
  #noting: Promise<void> = Promise.resolve();

  constructor(readonly around: Surroundings) {}

  /** The directory is the one with this key: known before the user is logged in. */
  isAt(directory: Fingerprint): void {
    if (this.#isIn || this.#directory === directory) return;
    this.#directory = directory;
    this.#seen = null;
    this.#opening = this.around.tell === null ? null : this.#open(directory);
  }

  async #open(directory: Fingerprint): Promise<void> {
    const { disk, folder, warn } = this.around;
    const seen = await LastSeen.open(disk, `${folder}/${directory}`, warn);
    if (this.#directory === directory) this.#seen = seen;
  }

  /** The user is logged in, perhaps again. What the directory has kept meanwhile comes after this. */
  cameIn(): void {
    if (this.#isIn) return;
    this.#isIn = true;
    // It was opened while the directory let the user in; where the disk is slower than that, the line comes later.
    if (this.#seen !== null) this.#tell(this.#seen);
    else void this.#opening?.then(() => this.#tell(this.#seen));
    if (this.#opening !== null) this.#noting = this.#note((seen) => seen.here(this.around.wallMs));
  }

  #tell(seen: LastSeen | null): void {
    const { tell, wallMs } = this.around;
    const event = seen?.returned(wallMs(), "") ?? null;
    if (event !== null) tell?.(event);
  }

  /** The user leaves. */
  async close(): Promise<void> {
    await this.#noting;
    if (this.#isIn) await this.#note((seen) => seen.leave(this.around.wallMs()));
  }

  /** Where the disk refuses, the next start tells an earlier time. */
  async #note(note: (seen: LastSeen) => void | Promise<void>): Promise<void> {
    const { disk, folder } = this.around;
    const directory = this.#directory;
    if (directory === null) return;
    this.#opening ??= this.#open(directory);
    await this.#opening;
    try {
      await disk.makeFolder(`${folder}/${directory}`);
    } catch (error) {
      if (!(error instanceof P2pchatError)) throw error;
    }
    if (this.#seen !== null) await note(this.#seen);
  }
}
