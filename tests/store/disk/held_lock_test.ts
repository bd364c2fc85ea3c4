import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { HeldLock } from "../../../lib/store/disk/held_lock.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { Replacement } from "../../../lib/store/disk/replacement.ts";

const [LOCK, PATH] = ["/p/mesh.lock", "/p/log"];

async function held(): Promise<{ disk: MemoryDisk; lock: HeldLock }> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return { disk, lock: await take(disk, 1) };
}

function take(disk: MemoryDisk, pid: number): Promise<HeldLock> {
  return HeldLock.take(disk, LOCK, pid, ({ heldBy }) => new P2pchatError("in-use", heldBy));
}

Deno.test("ensure() takes a removed lock anew, whoever asks at once", async () => {
  const { disk, lock } = await held();
  await disk.remove(LOCK);
  disk.latency = () => Promise.resolve();

  await Promise.all([lock.ensure(PATH, null), lock.ensure(PATH, null), lock.ensure(PATH, null)]);
  await assertRejects(() => take(disk, 2), P2pchatError, "1\n");
  lock.release();
  (await take(disk, 2)).release();
});

Deno.test("ensure() lets a store replace whatever has come to its path while the lock is in place", async () => {
  const { disk, lock } = await held();
  disk.place(PATH, "another");

  await lock.ensure(PATH, null);
});

Deno.test("ensure() takes no lock where nothing can be put", async () => {
  const { disk, lock } = await held();
  await disk.remove(LOCK);

  const error = await assertRejects(() => lock.ensure("/p/room/log", null), P2pchatError);

  assertEquals([error.code, disk.paths()], ["disk", []]);
});

Deno.test("ensure() refuses where another has begun meanwhile, and lets the next one in", async () => {
  const { disk, lock } = await held();
  await disk.remove(LOCK);
  const second = await take(disk, 2);

  await assertRejects(() => lock.ensure(PATH, null), P2pchatError, "has begun anew");
  second.release();
  const error = await assertRejects(() => lock.ensure(PATH, null), P2pchatError);
  (await take(disk, 3)).release();

  assertEquals(error.code, "in-use");
});

Deno.test("a replacement that is given up isn't that of another program", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const ours = await Replacement.begin(disk, PATH);
  await disk.remove(`${PATH}.new`);
  await Replacement.begin(disk, PATH);
  await ours.abandon();

  assertEquals(disk.paths(), [`${PATH}.new`]);
});
