/** Disks of tests: one that is soon full, and one that may lose its power. */

import { assert } from "@std/assert";

/** Whether this user may mount a small disk: root may, also in most containers. */
export function canMount(): boolean {
  if (Deno.uid() !== 0) return false;
  const folder = Deno.makeTempDirSync({ prefix: "p2pchat-mount-" });
  try {
    const args = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder];
    if (!new Deno.Command("mount", { args, stderr: "null" }).outputSync().success) return false;
    return new Deno.Command("umount", { args: [folder] }).outputSync().success;
  } catch {
    return false; // there is no program mount
  } finally {
    Deno.removeSync(folder);
  }
}

/** Mounts a disk at `folder`, by default of 1 MiB. */
export async function mount(folder: string, size = "1m"): Promise<void> {
  await run("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder);
}

/** Makes a mounted disk larger. */
export async function remount(folder: string, size: string): Promise<void> {
  await run("mount", "-o", `remount,size=${size}`, folder);
}

export async function unmount(folder: string): Promise<void> {
  await run("umount", "--lazy", folder);
}

/** Fills the disk completely. */
export async function fill(folder: string): Promise<void> {
  using file = await Deno.open(`${folder}/filling`, { write: true, create: true });
  try {
    for (;;) await file.write(new Uint8Array(4_096));
  } catch {
    // The disk is full.
  }
}

/** Whether this user may mount the image of a disk. */
export async function canMountImage(): Promise<boolean> {
  if (!canMount()) return false;
  try {
    await using disk = await ImageDisk.open(64);
    return disk.folder !== "";
  } catch {
    return false; // no loop device, or no program mkfs.ext4
  }
}

/** A disk in a file: what has been written to it, and not only to its system's memory, can be had at any moment. */
export class ImageDisk implements AsyncDisposable {
  readonly #home = Deno.makeTempDirSync({ prefix: "p2pchat-image-" });
  readonly folder = `${this.#home}/disk`;
  readonly #image = `${this.#home}/image`;

  private constructor() {
    Deno.mkdirSync(this.folder);
  }

  /** @param mib Its size. */
  static async open(mib: number): Promise<ImageDisk> {
    const disk = new ImageDisk();
    try {
      await run("truncate", "-s", `${mib}M`, disk.#image);
      await run("mkfs.ext4", "-q", "-F", disk.#image);
      await disk.#mount();
      return disk;
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Its power is cut: what wasn't synced is gone, unless the system has written it all the same. @param after Ends all that
   * has files open there: they may go on for a moment, and what they write then is lost.
   */
  async cutPower(after: () => Promise<void>): Promise<void> {
    await run("cp", "--sparse=always", this.#image, `${this.#image}.cut`);
    await after();
    await run("umount", this.folder);
    await Deno.rename(`${this.#image}.cut`, this.#image);
    await this.#mount();
  }

  async #mount(): Promise<void> {
    await run("mount", "-o", "loop", this.#image, this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const quiet = { stdout: "null", stderr: "null" } as const;
    await new Deno.Command("umount", { args: ["--lazy", this.folder], ...quiet }).output();
    await Deno.remove(this.#home, { recursive: true });
  }
}

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args: [...args] }).output();
  assert(success, `${command} ${args.join(" ")}`);
}
