/** Copies of files from the page on a real disk, and what is left of them when a program was killed. */

import { assert, assertEquals } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { UploadFolder } from "../../../lib/cli/page/upload_folder.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import type { Disk } from "../../../lib/store/disk/disk.ts";

/** A profile's folder, and one beside it. */
class World implements AsyncDisposable {
  readonly root = Deno.makeTempDirSync({ prefix: "p2pchat-uploads-" });
  readonly failures: P2pchatError[] = [];

  get above(): string {
    return `${this.root}/uploads`;
  }

  folder(run: string, disk: Disk = new RealDisk()): UploadFolder {
    const failed = (error: P2pchatError) => void this.failures.push(error);
    return new UploadFolder(disk, { above: this.above, run, failed });
  }

  /** What a program that was killed has left. */
  leave(run: string, ...paths: readonly string[]): void {
    for (const path of [`${run}/lock`, ...paths.map((path) => `${run}/${path}`)]) {
      this.write(`uploads/${path}`);
    }
  }

  write(path: string): void {
    Deno.mkdirSync(`${this.root}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    Deno.writeTextFileSync(`${this.root}/${path}`, path.endsWith("lock") ? "12\n" : "hello");
  }

  isThere(path: string): boolean {
    try {
      Deno.lstatSync(`${this.root}/${path}`);
      return true;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

/** Whatever waits for a disk in memory alone is done. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 1_000; turn++) await Promise.resolve();
}

const BYTES = new TextEncoder().encode("hello");

Deno.test("what a program left that was killed is removed; what one has that goes on stays", async () => {
  await using world = new World();
  const killed = world.folder("killed");
  const upload = await killed.begin("a.txt", 5);
  upload.file.write(BYTES);
  upload.file.close();
  // Its lock is the system's, and gone with the program: a copy stands for what stays.
  await new Deno.Command("cp", { args: ["-r", `${world.above}/killed`, `${world.above}/left`] })
    .output();

  await world.folder("next").removeLeft();
  assertEquals([...Deno.readDirSync(world.above)].map(({ name }) => name), ["killed"]);
  assertEquals(Deno.readTextFileSync(upload.file.path), "hello");
  await killed.close();
  assertEquals([[...Deno.readDirSync(world.above)], world.failures], [[], []]);
});

Deno.test("no link is followed: neither at a start nor at the end", async () => {
  await using world = new World();
  world.write("mine/letters/1.txt");
  world.write("mine/2.txt");
  world.leave("old", "1/a.txt");
  const mine = `${world.root}/mine`;
  for (const link of ["linked", "old/2", "old/1/b", "old/3.txt"]) {
    Deno.symlinkSync(link.endsWith(".txt") ? `${mine}/2.txt` : mine, `${world.above}/${link}`);
  }
  await world.folder("next").removeLeft();
  assertEquals([world.isThere("uploads/old"), world.isThere("uploads/linked")], [false, true]);
  assertEquals([...Deno.readDirSync(mine)].length, 2);

  const folder = world.folder("now");
  const upload = await folder.begin("a.txt", 5);
  upload.file.write(BYTES);
  upload.file.close();
  Deno.symlinkSync(mine, `${world.above}/now/7`);
  Deno.removeSync(upload.file.path);
  Deno.symlinkSync(`${mine}/2.txt`, upload.file.path);
  await folder.close();
  assert(!world.isThere("uploads/now"));

  await Deno.remove(world.above, { recursive: true });
  Deno.symlinkSync(mine, world.above);
  await world.folder("next").removeLeft();
  for (const path of ["letters/1.txt", "2.txt"]) assert(world.isThere(`mine/${path}`), path);
  assertEquals(world.failures, []);
});

Deno.test("where something can't be removed the rest is, and it is told once", async () => {
  await using world = new World();
  const disk = new MemoryDisk();
  for (const run of ["a", "b", "c"]) {
    for (const copy of [1, 2, 3]) disk.place(`${world.above}/${run}/${copy}/x.txt`, "hello");
  }
  const isStuck = (path: string) => /\/(a\/1|b\/2)\/x\.txt$/.test(path);
  disk.fault = ({ kind, path }) => kind === "remove" && isStuck(path) ? "EIO" : null;
  const failure = await world.folder("next", disk).removeLeft().catch((error) => error);
  assertEquals(failure.code, "disk");
  assert(failure.message.includes("/a/1/x.txt"), failure.message);
  assertEquals(disk.paths().filter((path) => !isStuck(path)), []);

  const folder = world.folder("now", disk);
  for (let copy = 0; copy < 3; copy++) (await folder.begin("x.txt", 0)).file.close();
  disk.fault = ({ kind, path }) => kind === "remove" && path.includes("now/1/") ? "EIO" : null;
  await folder.close();
  assertEquals(world.failures.map(({ code }) => code), ["disk"]);
  assertEquals(disk.paths().filter((path) => path.includes("/now/")), [
    `${world.above}/now/1/x.txt`,
  ]);
});

Deno.test("a thousand copies have room, and one that goes makes room for another", async () => {
  await using world = new World();
  const disk = new MemoryDisk();
  const folder = world.folder("now", disk);
  const begun = [];
  for (let count = 0; count < 1_000; count++) begun.push(await folder.begin("x.txt", 0));
  const full = await folder.begin("x.txt", 0).catch((error) => error);
  assertEquals([full.code, disk.paths().length], ["full", 1_001]);
  begun[3]!.giveUp();
  await settled();
  assertEquals(disk.paths().length, 1_000);
  (await folder.begin("x.txt", 0)).file.close();
  for (const upload of begun.slice(4)) upload.giveUp();
  await settled();
  const large = await folder.begin("y.txt", 9_999_999_999);
  const none = await folder.begin("z.txt", 2).catch((error) => error);
  assertEquals([none.code, disk.paths().some((path) => path.endsWith("z.txt"))], ["full", false]);
  large.giveUp();
  await settled();
  (await folder.begin("z.txt", 2)).giveUp();
  await folder.close();
  assertEquals([disk.paths(), world.failures], [[], []]);
});
