import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { nodeSigner, utf8 } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { FRIENDS_TABLE_FORMAT, openFriends } from "../../../lib/cli/friends/friends_store.ts";
import { pinnedKeys } from "../../../lib/cli/credentials/pinned_keys.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import { writeAll } from "../../../lib/store/disk/disk.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { Table } from "../../../lib/store/disk/table.ts";

const FOLDER = "/p/friends";
const [HOME, WORK] = ["/home/ann/users.txt", "/work/users.txt"];

function queued(number: number, to = "bob"): FriendsRecord {
  return {
    kind: "queued",
    to,
    position: { epoch: 5, number },
    id: String(number).padStart(32, "0"),
    sentAt: 1_700_000_000_000,
    text: `text ${number}`,
  };
}

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

/** What is found for a table; `records` are written then. */
async function use(disk: MemoryDisk, table: string, ...records: readonly FriendsRecord[]) {
  const { store, notices, isNew, isFirst, noteUse } = await openFriends(disk, FOLDER, table);
  await noteUse();
  if (records.length > 0) await store.append(records, true);
  await store.close();
  return { records: store.records, notices, isNew, isFirst };
}

/** The folders of tables, by what they say whose they are. */
async function folders(disk: MemoryDisk): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const name of await disk.list(FOLDER)) {
    const { rows } = await Table.open(disk, `${FOLDER}/${name}/table`, FRIENDS_TABLE_FORMAT);
    found.set(rows![0]![0]!, `${FOLDER}/${name}`);
  }
  return found;
}

Deno.test("openFriends() keeps the messages of each table apart, and says whose a folder is", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1));
  await use(disk, WORK, queued(2), queued(3));

  assertEquals((await use(disk, HOME)).records, [queued(1)]);
  assertEquals((await use(disk, WORK)).records, [queued(2), queued(3)]);
  assertEquals([...(await folders(disk)).keys()].sort(), [HOME, WORK]);
});

Deno.test("openFriends() says whether the table, or any, was used before", async () => {
  const disk = await newDisk();
  const found = async (table: string) => {
    const { isNew, isFirst } = await use(disk, table);
    return { isNew, isFirst };
  };

  assertEquals(await found(HOME), { isNew: true, isFirst: true });
  assertEquals(await found(HOME), { isNew: false, isFirst: false });
  assertEquals(await found(WORK), { isNew: true, isFirst: false });
  assertEquals(await found(WORK), { isNew: false, isFirst: false });
});

Deno.test("openFriends() takes a table for new until its use was noted, durably", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1));
  const first = await openFriends(disk, FOLDER, WORK);
  await first.store.close();

  const again = await openFriends(disk, FOLDER, WORK);
  await again.noteUse();
  await again.store.close();
  const later = await use(disk.crash(), WORK);

  assertEquals([first.isNew, again.isNew, later.isNew], [true, true, false]);
  assertEquals([again.notices, later.notices], [first.notices, []]);
  assertEquals(first.notices.length, 1);
});

Deno.test("openFriends() finds what was stored when the machine lost its power", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1));

  assertEquals((await use(disk.crash(), HOME)).records, [queued(1)]);
});

Deno.test("openFriends() tells at the first use of a table what waits for friends of others, once", async () => {
  const disk = await newDisk();
  assertEquals((await use(disk, HOME, queued(1))).notices, []);

  const [first, second] = [await use(disk, WORK, queued(2), queued(3)), await use(disk, WORK)];
  const third = await use(disk, "/third");

  assertEquals(first.notices, [
    `1 message waits for friends of ${HOME}: start with that table to send what you wrote there`,
  ]);
  assertEquals(second.notices, []);
  assertEquals(third.notices.length, 2);
  assert(third.notices.some((text) => text.startsWith(`2 messages wait for friends of ${WORK}`)));
});

Deno.test("openFriends() says nothing of a table for whose friends nothing waits any more", async () => {
  const disk = await newDisk();
  const through = { epoch: 5, number: 1 };
  await use(disk, HOME, queued(1), { kind: "delivered", to: "bob", through });

  assertEquals((await use(disk, WORK)).notices, []);
});

Deno.test("openFriends() drops what was being written when the machine stopped, with a notice", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1), queued(2));
  await damage(disk, HOME, (log) => log.subarray(0, log.length - 5));

  const { records, notices } = await use(disk, HOME);

  assertEquals(records, [queued(1)]);
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0]!, "Dropped");
});

Deno.test("openFriends() starts with no table of which the messages are missing", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1));
  const folder = (await folders(disk)).get(HOME)!;
  await disk.remove(`${folder}/log`);

  const error = await assertRejects(() => use(disk, HOME), P2pchatError);
  assertEquals(error.code, "store-corrupt");
  assertStringIncludes(error.message, `Cannot read ${folder}/log: it is missing`);
});

Deno.test("openFriends() finds damage elsewhere, with file and line", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1), queued(2));
  await damage(disk, HOME, (log) => {
    const text = new TextDecoder().decode(log);
    return utf8(text.replace("text 1", "text 7"));
  });

  const error = await assertRejects(() => use(disk, HOME), P2pchatError);

  assertEquals(error.code, "store-corrupt");
  assertStringIncludes(error.message, "/log");
  assertStringIncludes(error.message, "line 2");
});

Deno.test("openFriends() starts with a new table although the messages of another are damaged, and says so", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1), queued(2));
  await damage(disk, HOME, (log) => utf8(new TextDecoder().decode(log).replace("text 1", "")));

  const { records, notices } = await use(disk, WORK);

  assertEquals([records, notices.length], [[], 1]);
  assertStringIncludes(notices[0]!, "line 2");
});

Deno.test("openFriends() tells what it dropped of another table's messages", async () => {
  const disk = await newDisk();
  await use(disk, HOME, queued(1), queued(2));
  await damage(disk, HOME, (log) => log.subarray(0, log.length - 5));

  const { notices } = await use(disk, WORK);

  assertEquals(notices.map((text) => text.split(" ")[0]), ["Dropped", "1"]);
});

Deno.test("pinnedKeys() are those of this table, by folded name", async () => {
  const disk = await newDisk();
  const known = await KnownPeers.open(disk, "/p/known_peers");
  const [bob, eve] = [1, 2].map((fill) => nodeSigner(new Uint8Array(32).fill(fill)).key);
  await known.pin(`users:${HOME}`, "Bob", bob!, 0);
  await known.pin(`users:${WORK}`, "Eve", eve!, 0);

  assertEquals([...pinnedKeys(known, `users:${HOME}`)], [["bob", fingerprintOf(bob!)]]);
});

/** Changes the log of a table behind the program's back. */
async function damage(
  disk: MemoryDisk,
  table: string,
  change: (log: Uint8Array) => Uint8Array,
): Promise<void> {
  const path = `${(await folders(disk)).get(table)}/log`;
  const changed = change((await disk.read(path))!);
  const file = await disk.openAppend(path, { empty: true });
  writeAll(file, changed);
  file.close();
}
