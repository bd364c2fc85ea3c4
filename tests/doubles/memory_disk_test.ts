import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { type AppendFile, writeAll } from "../../lib/store/disk/disk.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { accountsContract } from "../contracts/accounts_contract.ts";
import { appendLogContract } from "../contracts/append_log_contract.ts";
import { diskContract, type DiskFixture } from "../contracts/disk_contract.ts";
import { userInfoContract } from "../contracts/user_info_contract.ts";
import { accountsOn } from "../store/accounts_files.ts";
import { Random } from "../sim/random.ts";

async function onMemoryDisk(test: (fixture: DiskFixture) => Promise<void>): Promise<void> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/data");
  await test({ disk, folder: "/data" });
}

diskContract("MemoryDisk", onMemoryDisk);
appendLogContract("AppendLog on MemoryDisk", onMemoryDisk);
userInfoContract("table of users on MemoryDisk", onMemoryDisk);
accountsContract(
  "AccountsFile on MemoryDisk",
  (test) =>
    onMemoryDisk(async ({ disk, folder }) => test(await accountsOn(disk, `${folder}/regserver`))),
);

Deno.test("crash() without chance forgets all that wasn't synced", async () => {
  const disk = await diskWith({});
  const synced = await disk.openAppend("/data/synced");
  append(synced, "kept");
  await synced.syncData();
  append(synced, " lost");
  const unnamed = await disk.openAppend("/data/unnamed");
  append(unnamed, "lost");
  await unnamed.syncData();

  assertEquals(disk.crash().paths(), []);

  const other = await diskWith({});
  const file = await other.openAppend("/data/synced");
  append(file, "kept");
  await file.syncData();
  await other.syncFolder("/data");
  append(file, " lost");

  assertEquals(other.crash().text("/data/synced"), "kept");
});

Deno.test("crash() undoes a rename whose folder wasn't synced", async () => {
  const disk = await diskWith({ "/data/a": "old", "/data/b": "new" });
  await disk.rename("/data/b", "/data/a");
  assertEquals(disk.text("/data/a"), "new");

  const after = disk.crash();
  assertEquals([after.text("/data/a"), after.text("/data/b")], ["old", "new"]);

  await after.rename("/data/b", "/data/a");
  await after.syncFolder("/data");
  const afterSync = after.crash();
  assertEquals([afterSync.text("/data/a"), afterSync.text("/data/b")], ["new", null]);
});

Deno.test("crash() undoes a truncation that wasn't synced", async () => {
  const disk = await diskWith({ "/data/a": "0123456789" });
  const file = await disk.openAppend("/data/a");
  file.truncate(4);
  append(file, "X");

  assertEquals(disk.text("/data/a"), "0123X");
  assertEquals(disk.crash().text("/data/a"), "0123456789");
});

Deno.test("crash() keeps synced bytes, some first ones of the others, and spoils some", async () => {
  const synced = "s".repeat(5_000);
  const seen = { whole: 0, cut: 0, garbage: 0, zeros: 0 };
  for (let seed = 1; seed <= 200; seed++) {
    const disk = await diskWith({ "/data/a": synced }, seed);
    const file = await disk.openAppend("/data/a");
    append(file, "u".repeat(9_000));

    const text = disk.crash().text("/data/a") ?? "";

    assertEquals(text.slice(0, 5_000), synced);
    const rest = text.slice(5_000);
    if (rest.includes("\0".repeat(100))) seen.zeros++;
    else if (/[^u]/.test(rest)) seen.garbage++;
    else if (text.length === 14_000) seen.whole++;
    else seen.cut++;
  }
  assertEquals(seen.zeros > 10 && seen.garbage > 10 && seen.cut > 10, true, JSON.stringify(seen));
});

Deno.test("crash() comes out the same for the same seed", async () => {
  const survivors = async (seed: number) => {
    const disk = await diskWith({ "/data/a": "" }, seed);
    const file = await disk.openAppend("/data/a");
    append(file, "x".repeat(20_000));
    await disk.openAppend("/data/b");
    const after = disk.crash();
    return [after.text("/data/a"), after.text("/data/b")];
  };
  for (let seed = 1; seed <= 20; seed++) {
    assertEquals(await survivors(seed), await survivors(seed));
  }
});

Deno.test("kill() loses nothing, frees locks, and leaves unsynced bytes to a power cut", async () => {
  const disk = await diskWith({ "/data/a": "synced" });
  await disk.tryLock("/data/lock", "1");
  const file = await disk.openAppend("/data/a");
  append(file, " written");

  const after = disk.kill();

  assertEquals(after.text("/data/a"), "synced written");
  assertEquals("release" in await after.tryLock("/data/lock", "2"), true);
  assertEquals(after.crash().text("/data/a"), "synced");
});

Deno.test("a dead process changes nothing, not even by a sync that was under way", async () => {
  const waiting = Promise.withResolvers<void>();
  const disk = await diskWith({ "/data/a": "synced" });
  const file = await disk.openAppend("/data/a");
  append(file, " unsynced");
  disk.latency = ({ kind }) => kind === "sync" ? waiting.promise : null;
  const sync = file.syncData();

  const after = disk.kill();
  waiting.resolve();

  await assertRejects(() => sync, P2pchatError);
  assertThrows(() => file.write(new Uint8Array(1)), P2pchatError);
  await assertRejects(() => disk.remove("/data/a"), P2pchatError);
  assertEquals(after.crash().text("/data/a"), "synced");
});

Deno.test("bytesMax lets a part of the write through, then none until there is space", async () => {
  const disk = await diskWith({ "/data/a": "12345" });
  disk.bytesMax = 8;
  const file = await disk.openAppend("/data/a");

  assertEquals(file.write(new Uint8Array(5)), 3);
  const error = assertThrows(() => file.write(new Uint8Array(1)), P2pchatError, "No space left");
  assertEquals(error.code, "disk");
  disk.bytesMax = 9;
  assertEquals(file.write(new Uint8Array(5)), 1);
});

Deno.test("a failed sync loses pages that a later, successful one doesn't save", async () => {
  const disk = await diskWith({ "/data/a": "s".repeat(4_000) });
  const file = await disk.openAppend("/data/a");
  append(file, "u".repeat(5_000));
  disk.fault = ({ kind }) => kind === "sync" ? "EIO" : null;
  await assertRejects(() => file.syncData(), P2pchatError, "Input/output error");
  disk.fault = null;
  append(file, "later");
  await file.syncData();

  assertEquals(disk.text("/data/a"), "s".repeat(4_000) + "u".repeat(5_000) + "later");
  // 8,192 is where the page begins that "later" went to: it was written again.
  const survivors = "s".repeat(4_000) + "\0".repeat(4_192) + "u".repeat(808) + "later";
  assertEquals(disk.crash().text("/data/a"), survivors);
});

Deno.test("fault() sees each operation once, in order, with its number", async () => {
  const disk = await diskWith({});
  const seen: string[] = [];
  const first = disk.operations + 1;
  disk.fault = ({ kind, path, number }) => {
    seen.push(`${number - first} ${kind} ${path}`);
    return kind === "write" ? { shortWriteBytes: 2 } : null;
  };
  const file = await disk.openAppend("/data/a");

  assertEquals(file.write(new Uint8Array(5)), 2);
  await file.syncData();
  assertEquals(seen, ["0 open /data/a", "1 write /data/a", "2 sync /data/a"]);
});

Deno.test("copy() is a backup: what happens later isn't in it", async () => {
  const disk = await diskWith({ "/data/a": "old" });
  const backup = disk.copy();
  append(await disk.openAppend("/data/a"), " new");

  assertEquals(backup.text("/data/a"), "old");
  assertEquals(disk.text("/data/a"), "old new");
});

/** A disk with these files, synced; its chance comes from `seed`, without one it is the harshest. */
async function diskWith(files: Record<string, string>, seed?: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk(seed === undefined ? {} : { random: new Random(seed).next });
  await disk.makeFolder("/data");
  for (const [path, text] of Object.entries(files)) disk.place(path, text);
  return disk;
}

function append(file: AppendFile, text: string): void {
  writeAll(file, new TextEncoder().encode(text));
}
