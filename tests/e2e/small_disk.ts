/** A disk that is soon full. */

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

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { success } = await new Deno.Command(command, { args: [...args] }).output();
  assert(success, `${command} ${args.join(" ")}`);
}
