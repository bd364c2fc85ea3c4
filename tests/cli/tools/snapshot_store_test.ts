import { assert, assertEquals, assertRejects } from "@std/assert";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import {
  readSnapshot,
  SNAPSHOTS_KEPT_MAX,
  SnapshotStore,
} from "../../../lib/cli/tools/snapshot_store.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { cutWith } from "../../protocols/group/snapshot/cuts.ts";
import { SLOW } from "../../given.ts";

const FOLDER = "/p/serve";

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

/** @param number Sorted as by time. */
function cutOf(number: number) {
  const id = `20261120-204827-${String(number % 1_000).padStart(3, "0")}-` +
    number.toString(16).padStart(6, "0");
  return { ...cutWith(), id };
}

Deno.test("keep() writes a file that a power cut leaves, and list() finds it anew", async () => {
  const disk = await newDisk();
  const { file, removed } = await new SnapshotStore(disk, nodeCrypto, FOLDER).keep(cutOf(1));
  assertEquals([file, removed], [`${FOLDER}/snapshots/${cutOf(1).id}.txt`, []]);

  const later = disk.crash();
  const [found] = await new SnapshotStore(later, nodeCrypto, FOLDER).list();

  assertEquals(await readSnapshot(later, nodeCrypto, file), cutOf(1));
  assertEquals(found, {
    id: cutOf(1).id,
    file,
    consistent: true,
    at: "2026-11-20T20:48:27.000Z",
    members: ["ann", "bob", "cem"],
    messages: 4,
  });
});

Deno.test("keep() and list() at once, as the first calls, know of the same files", async () => {
  const disk = await newDisk();
  await new SnapshotStore(disk, nodeCrypto, FOLDER).keep(cutOf(1));
  const store = new SnapshotStore(disk, nodeCrypto, FOLDER);
  const listed = store.list();
  await Promise.all([store.keep(cutOf(2)), listed, store.list()]);

  const views = await store.list();
  assertEquals(views.map(({ id }) => id), [cutOf(1).id, cutOf(2).id]);
});

Deno.test("a snapshot of a clock that wasn't set counts as the latest, and isn't dropped before others", async () => {
  const disk = await newDisk();
  const unset = { ...cutOf(1), id: cutOf(1).id.replace("2026", "1970") };
  for (const cut of [cutOf(2), unset]) await new SnapshotStore(disk, nodeCrypto, FOLDER).keep(cut);

  const views = await new SnapshotStore(disk, nodeCrypto, FOLDER).list();
  assertEquals(views.map(({ id }) => id), [cutOf(2).id, unset.id]);
});

Deno.test("a folder that couldn't be looked at is looked at again", async () => {
  const disk = await newDisk();
  await new SnapshotStore(disk, nodeCrypto, FOLDER).keep(cutOf(1));
  const store = new SnapshotStore(disk, nodeCrypto, FOLDER);
  disk.fault = ({ kind }) => kind === "list" ? "EIO" : null;
  await assertRejects(() => store.list(), P2pchatError);
  disk.fault = null;

  assertEquals((await store.list()).length, 1);
});

Deno.test(
  `keep() removes the oldest beyond ${SNAPSHOTS_KEPT_MAX}, and nobody else's files`,
  SLOW,
  async () => {
    const disk = await newDisk();
    const first = new SnapshotStore(disk, nodeCrypto, FOLDER);
    for (let n = 0; n < SNAPSHOTS_KEPT_MAX; n++) {
      assertEquals((await first.keep(cutOf(n))).removed, []);
    }
    const note = `${FOLDER}/snapshots/a note.txt`;
    (await disk.openAppend(note)).close();

    // As after a restart.
    const { removed } = await new SnapshotStore(disk, nodeCrypto, FOLDER).keep(
      cutOf(SNAPSHOTS_KEPT_MAX),
    );

    assertEquals(removed.length, 1);
    const names = await disk.list(`${FOLDER}/snapshots`);
    assertEquals(names.length, SNAPSHOTS_KEPT_MAX + 1);
    assert(names.includes("a note.txt"));
    assert(!names.includes(`${removed[0]}.txt`));
    assertEquals(removed[0], [...Array(SNAPSHOTS_KEPT_MAX)].map((_, n) => cutOf(n).id).sort()[0]);
  },
);

Deno.test("what a kill in the midst of keep() has left is removed, and nobody else's files", async () => {
  const disk = await newDisk();
  await new SnapshotStore(disk, nodeCrypto, FOLDER).keep(cutOf(1));
  const leftover = `${cutOf(2).id}.txt.new`;
  for (const name of [leftover, "a note.new"]) {
    (await disk.openAppend(`${FOLDER}/snapshots/${name}`)).close();
  }

  const views = await new SnapshotStore(disk, nodeCrypto, FOLDER).list();

  assertEquals(views.map(({ id }) => id), [cutOf(1).id]);
  const names = await disk.list(`${FOLDER}/snapshots`);
  assertEquals(names.toSorted(), [`${cutOf(1).id}.txt`, "a note.new"]);
});

Deno.test("list() says which are damaged, and which aren't consistent", async () => {
  const disk = await newDisk();
  const store = new SnapshotStore(disk, nodeCrypto, FOLDER);
  await store.keep(cutOf(1));
  await store.keep({ ...cutWith({ cem: { channels: [[], [], []] } }), id: cutOf(2).id });
  const damaged = (await store.keep(cutOf(3))).file;
  const file = await disk.openAppend(damaged);
  file.write(new Uint8Array([120]));
  file.close();

  const found = await store.list();

  assertEquals(found.map(({ consistent }) => consistent), [true, false, null]);
});

Deno.test("keep() fails as the disk does, and goes on when that is over", async () => {
  const disk = await newDisk();
  const store = new SnapshotStore(disk, nodeCrypto, FOLDER);
  const makeFolder = disk.makeFolder.bind(disk);
  disk.makeFolder = () => Promise.reject(new P2pchatError("disk", "Cannot write: full"));

  await assertRejects(() => store.keep(cutOf(1)), P2pchatError, "full");
  disk.makeFolder = makeFolder;
  await store.keep(cutOf(2));

  assertEquals((await store.list()).map(({ id }) => id), [cutOf(2).id]);
});

/** What is no snapshot, and how that is said. */
const UNREADABLE: readonly (readonly [what: string, bytes: Uint8Array | null, fault: RegExp])[] = [
  ["nothing", null, /^Cannot read \/p\/x: there is no such file; check the name$/],
  ["a log", new TextEncoder().encode("hello\n"), /: it is no snapshot;/],
  ["bytes", new Uint8Array([0xff, 0xfe, 10]), /: it is no text;/],
  ["a later version", new TextEncoder().encode("p2pchat-snapshot\t9\n"), /: its version is "9",/],
  ["half of one", new TextEncoder().encode("p2pchat-snapshot\t1\nview\t"), /: its end is missing;/],
];

for (const [what, bytes, fault] of UNREADABLE) {
  Deno.test(`readSnapshot() refuses ${what}`, async () => {
    const disk = await newDisk();
    if (bytes !== null) {
      const file = await disk.openAppend("/p/x");
      file.write(bytes);
      file.close();
    }

    const error = await assertRejects(() => readSnapshot(disk, nodeCrypto, "/p/x"), P2pchatError);

    assertEquals(error.exitStatus, 5);
    assert(fault.test(error.message), error.message);
  });
}

Deno.test("readSnapshot() refuses a folder", async () => {
  const disk = await newDisk();

  await assertRejects(() => readSnapshot(disk, nodeCrypto, "/p"), P2pchatError, "it is no file");
});
