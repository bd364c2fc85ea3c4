import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import type { UserInfo } from "../../../lib/store/users/user_info.ts";
import { addUserInfo } from "../../../lib/store/users/user_info_file.ts";

const PATH = "/p/users.txt";
const ALICE = "alice a 1\n";
const BOB: UserInfo = { name: "bob", endpoint: { host: "b", port: 2 }, fingerprint: null };

Deno.test("addUserInfo() is durable when it returns", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, ALICE);

  await addUserInfo(disk, PATH, BOB);

  assertEquals(disk.crash().text(PATH), `${ALICE}bob b 2\n`);
});

Deno.test("addUserInfo() on a full disk leaves the table as it was, and nothing beside it", async () => {
  const disk = new MemoryDisk({ bytesMax: 12 });
  disk.place(PATH, ALICE);

  const error = await assertRejects(() => addUserInfo(disk, PATH, BOB), P2pchatError);

  assertEquals(error.code, "disk");
  assertMatch(
    error.message,
    /^Cannot write \/p\/users\.txt: No space left .*; free some space there/,
  );
  assertEquals(disk.text(PATH), ALICE);
  assertEquals(disk.paths(), [PATH]);
});

Deno.test("addUserInfo() changes no table that would be another user's afterwards", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, ALICE);
  disk.fault = ({ kind }) => kind === "allowLike" ? "EPERM" : null;

  const error = await assertRejects(() => addUserInfo(disk, PATH, BOB), P2pchatError);

  assertEquals(error.code, "not-allowed");
  assertMatch(error.message, /it belongs to another user or group of this machine/);
  assertEquals(disk.text(PATH), ALICE);
  assertEquals(disk.paths(), [PATH]);
});

Deno.test("addUserInfo() writes over no file beside the table, whoever has put it there", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, ALICE);
  for (const name of [".new", ".new-1"]) disk.place(PATH + name, "theirs");

  await addUserInfo(disk, PATH, BOB);

  assertEquals([".new", ".new-1"].map((name) => disk.text(PATH + name)), ["theirs", "theirs"]);
  assertEquals(disk.paths().length, 3);
});

Deno.test("addUserInfo() doesn't undo what another program wrote meanwhile", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, ALICE);
  const others = `${ALICE}eve e 3\n`;
  disk.fault = ({ kind }) => {
    if (kind === "write") disk.place(PATH, others);
    return null;
  };

  const error = await assertRejects(() => addUserInfo(disk, PATH, BOB), P2pchatError);

  assertEquals(error.code, "in-use");
  assertMatch(error.message, /changed it meanwhile; try again/);
  assertEquals(disk.text(PATH), others);
  assertEquals(disk.paths(), [PATH]);
});

Deno.test("addUserInfo() says what the disk says where the table can't be read", async () => {
  const disk = new MemoryDisk({ fault: ({ kind }) => kind === "stat" ? "EIO" : null });

  const error = await assertRejects(() => addUserInfo(disk, PATH, BOB), P2pchatError);

  assertEquals(error.code, "bad-file");
  assertEquals(
    error.message,
    "Cannot read /p/users.txt: Input/output error; check the path, and that you may read there",
  );
});
