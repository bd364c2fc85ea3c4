import { assert, assertEquals, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import {
  keepToOwner,
  lockProfile,
  openProfileFolder,
} from "../../../lib/store/profile/profile_folder.ts";
import { HastyClock } from "../hasty_clock.ts";

const open = (disk: MemoryDisk, name: string) =>
  openProfileFolder(disk, { dataFolder: "/d", name }, "1", new HastyClock());

/** What stands in the folder of all users, without the lock. */
const madeIn = async (disk: MemoryDisk) =>
  (await disk.list("/d/users")).filter((name) => name !== ".lock");

Deno.test("openProfileFolder() makes a folder with the name as it was typed", async () => {
  const names = ["Alice", "a..", "CON", "Ünï-1", "ﷲ".repeat(32), "Bоb"];
  for (const name of names) {
    const disk = new MemoryDisk();
    assertEquals(await open(disk, name), `/d/users/${name}`);
    assertEquals(await madeIn(disk), [name]);
  }
});

Deno.test("openProfileFolder() finds a name's folder whatever spelling it was made with", async () => {
  const same = [["Ann", "ANN"], ["Ä", "ä"], ["ﬁ", "FI"], ["straße", "STRASSE"]];
  for (const [one, other] of same) {
    const disk = new MemoryDisk();
    const folder = await open(disk, one!);
    assertEquals([await open(disk, other!), await open(disk, one!)], [folder, folder]);
    assertEquals(await open(disk, `${one}a`) === folder, false);
  }
  const decomposed = new MemoryDisk();
  await decomposed.makeFolder("/d/users/A\u0308");
  assertEquals(await open(decomposed, "\u00e4"), "/d/users/A\u0308");
});

Deno.test("openProfileFolder() finds the folder that an earlier version made", async () => {
  const cases: readonly (readonly [string, string])[] = [
    ["Alice", "alice"],
    ["a..", "a.%2e"],
    ["CON", "%63on"],
    ["nul.txt", "%6eul.txt"],
    ["ﷲ".repeat(32), "%84ce26913ca033a806da6b29700aeaf554872beca7986bf91b51ec78aa6bce60"],
  ];
  for (const [name, folder] of cases) {
    const disk = new MemoryDisk();
    await disk.makeFolder(`/d/users/${folder}`);
    assertEquals(await open(disk, name), `/d/users/${folder}`);
    assertEquals(await disk.list("/d/users"), [folder]);
  }
});

Deno.test("openProfileFolder() takes one and the same of several folders, and nothing but folders", async () => {
  const disk = new MemoryDisk();
  for (const name of ["ANN", "Ann", "aNN"]) await disk.makeFolder(`/d/users/${name}`);
  for (const name of ["ann", "aNN", "ANN"]) assertEquals(await open(disk, name), "/d/users/ANN");
  await disk.makeFolder("/d/users/ann");
  for (const name of ["ann", "aNN", "ANN"]) assertEquals(await open(disk, name), "/d/users/ann");

  (await disk.openAppend("/d/users/Bob")).close();
  (await disk.openAppend("/d/users/bob.")).close();
  assertEquals(await open(disk, "BOB"), "/d/users/BOB");
});

Deno.test("openProfileFolder() makes one folder where programs start at once", async () => {
  const disk = new MemoryDisk();
  const names = ["Ann", "ANN", "aNN", "ann"];
  const folders = await Promise.all(names.map((name) => open(disk, name)));
  assertEquals(new Set(folders).size, 1);
  assertEquals((await madeIn(disk)).length, 1);
});

Deno.test("openProfileFolder() finds a folder among others that may not be listed", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/d/users/ann");
  await disk.makeFolder("/d/users/Bob");
  disk.fault = ({ kind }) => kind === "list" ? "EPERM" : null;
  assertEquals(await open(disk, "Ann"), "/d/users/ann");
  assertEquals(await open(disk, "Bob"), "/d/users/Bob");
});

Deno.test("openProfileFolder() refuses a link, also in place of all profiles: what is in them couldn't be told from other files", async () => {
  for (const link of ["/d/users", "/d/users/Ann"]) {
    const disk = new MemoryDisk();
    await disk.makeFolder("/d/users/Ann");
    disk.links.add(link);
    const error = await assertRejects(() => open(disk, "Ann"), P2pchatError);
    assertEquals(error.code, "bad-file");
    assert(error.message.startsWith(`Cannot use ${link}: it is a symbolic link; `), error.message);
  }
});

Deno.test("openProfileFolder() says what can't be made", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/d");
  (await disk.openAppend("/d/users")).close();
  const error = await assertRejects(() => open(disk, "Ann"), P2pchatError);
  assertEquals(error.code, "disk");
});

Deno.test("keepToOwner() takes a profile from all others, says so once, and leaves what is closed", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/d/users/Ann");
  assertEquals(await keepToOwner(disk, "/d/users/Ann", "/d/users"), []);
  await disk.setMode("/d/users", 0o755); // nobody else can replace what is there
  assertEquals(await keepToOwner(disk, "/d/users/Ann", "/d/users"), []);

  await disk.setMode("/d/users/Ann", 0o755);
  assertEquals(await keepToOwner(disk, "/d/users/Ann", "/d/users"), []);
  assertEquals((await disk.stat("/d/users/Ann"))?.mode, 0o700);

  const saidOf = (path: string, mode: string) =>
    `Others could write in ${path} (mode ${mode}), now it is yours alone (0700); if you don't trust ` +
    "them, begin anew in another folder with --data";
  for (const mode of [0o777, 0o770, 0o702]) {
    await disk.setMode("/d/users/Ann", mode);
    await disk.setMode("/d/users", 0o775);
    const said = await keepToOwner(disk, "/d/users/Ann", "/d/users");
    assertEquals(said, [
      saidOf("/d/users/Ann", `0${mode.toString(8)}`),
      saidOf("/d/users", "0775"),
    ]);
    const modes = ["/d/users/Ann", "/d/users"].map(async (each) => (await disk.stat(each))?.mode);
    assertEquals(await Promise.all(modes), [0o700, 0o700]);
    assertEquals(await keepToOwner(disk, "/d/users/Ann", "/d/users"), []);
  }
});

Deno.test("keepToOwner() refuses a link at any depth, but for a directory's accounts", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/d/regserver");
  disk.links.add("/d/regserver/accounts.csv").add("/d/elsewhere/key");
  assertEquals(await keepToOwner(disk, "/d/regserver", null), []);
  for (const link of ["/d/regserver/identity", "/d/regserver/a/accounts.csv"]) {
    disk.links.add(link);
    const error = await assertRejects(() => keepToOwner(disk, "/d/regserver", null), P2pchatError);
    assertEquals([error.code, error.message], [
      "bad-file",
      `Cannot use ${link}: it is a symbolic link; put the file or folder itself there, or choose another folder ` +
      "with --data",
    ]);
    disk.links.delete(link);
  }
});

Deno.test("keepToOwner() refuses what is another user's and open to others", async () => {
  for (const open of ["/d/users/Ann", "/d/users"]) {
    const disk = new MemoryDisk();
    await disk.makeFolder("/d/users/Ann");
    await disk.setMode(open, 0o777);
    disk.fault = ({ kind }) => kind === "setMode" ? "EPERM" : null;

    const refused = () => keepToOwner(disk, "/d/users/Ann", "/d/users");

    const error = await assertRejects(
      refused,
      P2pchatError,
      `others have access to ${open} (mode 0777)`,
    );
    assertEquals(error.code, "bad-file");
  }
});

Deno.test("keepToOwner() refuses what is another user's, though closed to others, and changes nothing", async () => {
  for (const path of ["/d/users", "/d/users/Ann", "/d/users/Ann/identity", "/d/users/Ann/mesh/x"]) {
    const disk = new MemoryDisk();
    await disk.makeFolder("/d/users/Ann");
    await disk.setMode("/d/users/Ann", 0o750);
    for (const file of ["identity", "mesh/x"]) disk.place(`/d/users/Ann/${file}`, "");
    disk.otherUsers.set(path, 12_002).set("/d/users/Bob", 12_003);

    const refused = () => keepToOwner(disk, "/d/users/Ann", "/d/users");

    const error = await assertRejects(refused, P2pchatError, "it belongs to user 12002");
    assertEquals(error.code, "bad-file");
  }
});

const FOLDER = "/data/users/ann";

Deno.test("lockProfile() refuses the second process, with the id of the first", async () => {
  const disk = await newDisk();
  const first = await lockProfile(disk, FOLDER, "friends", 4_711);

  const error = await assertRejects(
    () => lockProfile(disk, FOLDER, "friends", 4_712),
    P2pchatError,
    "Cannot use /data/users/ann for friends: process 4711 uses it already",
  );
  assertEquals(error.code, "in-use");

  first.release();
  (await lockProfile(disk, FOLDER, "friends", 4_713)).release();
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
  await lockProfile(disk, FOLDER, "registry", 1);
  await lockProfile(disk, FOLDER, "group", 2);
  await lockProfile(disk, FOLDER, "friends", 3);
});

Deno.test("lockProfile() isn't hindered by a killed process", async () => {
  const disk = await newDisk();
  await lockProfile(disk, FOLDER, "friends", 1);

  await lockProfile(disk.kill(), FOLDER, "friends", 2);
});

Deno.test("lockProfile() repeats nothing that isn't a process id", async () => {
  const disk = await newDisk();
  await disk.tryLock(`${FOLDER}/friends.lock`, "\x1b[2Jboo");

  await assertRejects(
    () => lockProfile(disk, FOLDER, "friends", 2),
    P2pchatError,
    "another process",
  );
});

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder(FOLDER);
  return disk;
}
