import { assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { Settings } from "../../../lib/store/profile/settings.ts";
import { Table } from "../../../lib/store/disk/table.ts";
import { SETTINGS_FORMAT } from "../../../lib/store/profile/settings.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const PATH = "/p/settings";
const open = (disk: MemoryDisk) =>
  Settings.open(disk, PATH, () => Promise.resolve({ release() {} }));

Deno.test("Settings are as at first until something is chosen, which survives a crash", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const settings = await open(disk);
  await settings.setAccountAt("");
  assertEquals([settings.notify, await disk.read(PATH)], ["mentions", null]);
  await settings.setAccountAt("a:1");
  await settings.setNotify("all");
  await settings.setNotify("off");
  assertEquals((await disk.stat(PATH))?.mode, 0o600);
  assertEquals([settings.notify, (await open(disk.crash())).notify], ["off", "off"]);
  assertEquals((await open(disk.crash())).accountAt, "a:1");
});

Deno.test("Settings keep what a later version chose, and take what they don't know for the first choice", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const { table } = await Table.open(disk, PATH, SETTINGS_FORMAT);
  await table.write([["theme", "dark"], ["notify", "sometimes"]]);
  const settings = await open(disk);
  assertEquals(settings.notify, "mentions");
  await settings.setNotify("all");
  assertEquals(await Table.read(disk, PATH, SETTINGS_FORMAT), [["theme", "dark"], [
    "notify",
    "all",
  ]]);
});

Deno.test("Settings stay where the disk refuses", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const settings = await open(disk);
  await settings.setNotify("all");
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  await assertRejects(() => settings.setNotify("off"), P2pchatError);
  assertEquals(settings.notify, "all");
});

Deno.test("Settings that are damaged say what it means to move them away", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const file = await disk.openAppend(PATH, { isNew: true });
  file.write(new TextEncoder().encode("garbage\n"));
  file.close();
  const { message } = await assertRejects(() => open(disk), P2pchatError);
  assertEquals(
    message.split("; ")[1],
    "restore the file from a copy, or move it away (without it /notify is as at first, and directories show the menu)",
  );
});
