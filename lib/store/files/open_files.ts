/** Files that are kept open, as a part of them is soon read or written again: a bounded number, those used last. */

import { P2pchatError } from "../../base/errors.ts";
import type { Disk } from "../disk/disk.ts";
import { RandomFile } from "./random_file.ts";

/** As many as are fetched, and some that are served, each with its proofs. */
const OPEN_MAX = 32;

export class OpenFiles {
  /** By path; the one used last is last. */
  readonly #files = new Map<string, Promise<RandomFile | null>>();

  /** @param open Opens the file at that path; null where it isn't there. */
  constructor(readonly disk: Disk, readonly open: (path: string) => Promise<RandomFile | null>) {}

  /** Null where it isn't there. @throws {P2pchatError} `disk`. */
  at(path: string): Promise<RandomFile | null> {
    const known = this.#files.get(path);
    if (known !== undefined) {
      this.#files.delete(path);
      this.#files.set(path, known);
      return known;
    }
    const opening = this.open(path);
    this.#files.set(path, opening);
    opening.then((file) => file ?? this.#files.delete(path), () => this.#files.delete(path));
    this.#closeOldest();
    return opening;
  }

  /** Keeps a file open that is so already. */
  add(file: RandomFile): void {
    this.#files.set(file.path, Promise.resolve(file));
    this.#closeOldest();
  }

  /** @throws {P2pchatError} `disk`, also where something is there. */
  async create(path: string): Promise<RandomFile> {
    const file = await RandomFile.create(path);
    if (file === null) throw new P2pchatError("disk", `Cannot create ${path}: something is there`);
    this.add(file);
    return file;
  }

  /** The file has another path: who reads it reads on. */
  renamed(path: string, to: string): void {
    const file = this.#files.get(path);
    this.#files.delete(path);
    if (file !== undefined) this.#files.set(to, file);
  }

  close(path: string): void {
    this.#files.get(path)?.then((file) => file?.close(), () => {});
    this.#files.delete(path);
  }

  closeAll(): void {
    for (const path of [...this.#files.keys()]) this.close(path);
  }

  async remove(path: string): Promise<void> {
    this.close(path);
    await this.disk.remove(path);
  }

  #closeOldest(): void {
    for (const path of this.#files.keys()) {
      if (this.#files.size <= OPEN_MAX) return;
      this.close(path);
    }
  }
}
