import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { lockProfile } from "../../../lib/store/profile/profile_lock.ts";

const FOLDER = "/data/users/ann";

Deno.test("lockProfile() refuses the second process, with the id of the first", async () => {
  const disk = await newDisk();
  const first = await lockProfile(disk, FOLDER, "mesh", 4_711);

  const error = await assertRejects(
    () => lockProfile(disk, FOLDER, "mesh", 4_712),
    P2pchatError,
    "Cannot use /data/users/ann for a room: process 4711 uses it already",
  );
  assertEquals(error.code, "in-use");

  first.release();
  (await lockProfile(disk, FOLDER, "mesh", 4_713)).release();
});

Deno.test("lockProfile() advises another name where there is one", async () => {
  const disk = await newDisk();
  for (
    const [mode, advice] of [
      ["group", "choose another name or another folder with --data"],
      ["serve", "choose another folder with --data"],
      ["regserver", "choose another folder with --data"],
    ] as const
  ) {
    await lockProfile(disk, FOLDER, mode, 1);
    await assertRejects(() => lockProfile(disk, FOLDER, mode, 2), P2pchatError, advice);
  }
});

Deno.test("lockProfile() lets one process in for each mode", async () => {
  const disk = await newDisk();
  await lockProfile(disk, FOLDER, "mesh", 1);
  await lockProfile(disk, FOLDER, "group", 2);
  await lockProfile(disk, FOLDER, "friends", 3);
});

Deno.test("lockProfile() isn't hindered by a killed process", async () => {
  const disk = await newDisk();
  await lockProfile(disk, FOLDER, "mesh", 1);

  await lockProfile(disk.kill(), FOLDER, "mesh", 2);
});

Deno.test("lockProfile() repeats nothing that isn't a process id", async () => {
  const disk = await newDisk();
  await disk.tryLock(`${FOLDER}/mesh.lock`, "\x1b[2Jboo");

  await assertRejects(() => lockProfile(disk, FOLDER, "mesh", 2), P2pchatError, "another process");
});

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder(FOLDER);
  return disk;
}
