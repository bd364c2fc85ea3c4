/**
 * The folder where received files are saved, among others of the user's: nothing that is there is ever overwritten, or
 * followed if it is a link, and nothing is written outside of it.
 */

import { P2pchatError } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { type Disk, diskError } from "../disk/disk.ts";
import { RandomFile } from "./random_file.ts";

/** More files of one name than anybody has. */
const COPIES_MAX = 10_000;

export class DownloadFolder {
  #isMade = false;

  constructor(readonly disk: Disk, readonly path: string) {}

  /**
   * Makes a file under the first free one of these names, each of which is one part of a path.
   * @param nameOf The name for the `copy`th file, from 1.
   * @param note Notes a path before a file is made there: whoever is killed in between knows what is theirs.
   */
  async create(
    nameOf: (copy: number) => string,
    note: (path: string) => Promise<void>,
  ): Promise<RandomFile> {
    if (!this.#isMade) await this.disk.makeFolder(this.path);
    this.#isMade = true;
    for (let copy = 1; copy <= COPIES_MAX; copy++) {
      const name = nameOf(copy);
      invariant(
        !/[/\0]/.test(name) && name !== "" && name !== "..",
        "a name is one part of a path",
      );
      const path = `${this.path}/${name}`;
      if (await this.disk.isLink(path) || await this.disk.stat(path) !== null) continue;
      await note(path);
      const file = await RandomFile.create(path);
      if (file !== null) return file;
    }
    const text = `Cannot save ${nameOf(1)} in ${this.path}: there are ${COPIES_MAX} of that name`;
    throw new P2pchatError("disk", text);
  }

  /** Gives the file at `part` the place of `reserved`, an empty file that `create` has made for it. Durable after. */
  async move(part: string, reserved: string): Promise<void> {
    try {
      await Deno.rename(part, reserved);
    } catch (cause) {
      throw diskError("rename", part, cause);
    }
    await this.disk.syncFolder(this.path);
  }
}
