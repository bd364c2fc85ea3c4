import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { openRecords, type RecordFormat } from "../../../lib/cli/session/record_store.ts";
import { lineOf } from "../../../lib/store/disk/record_line.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const PATH = "/p/log";

/** Numbers, none of which may be odd. */
const EVEN: RecordFormat<number> = {
  name: { format: "even", version: 1 },
  line: (number) => ({ kind: "number", fields: [String(number)] }),
  record({ fields }) {
    const number = Number(fields[0]);
    if (number % 2 === 0) return number;
    throw new P2pchatError("store-corrupt", "its number is odd");
  },
};

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

async function recordsOn(disk: MemoryDisk): Promise<readonly number[]> {
  const store = await openRecords(disk, PATH, EVEN);
  await store.close();
  return store.records;
}

Deno.test("openRecords() makes a log, and gives back what was appended to it", async () => {
  const disk = await newDisk();
  const store = await openRecords(disk, PATH, EVEN);
  const empty = store.bytes;

  await store.append([2, 4], true);
  await store.append([6], false);
  await store.close();

  assertEquals([store.records, store.notices, store.bytes > empty], [[], [], true]);
  assertEquals(await recordsOn(disk), [2, 4, 6]);
});

Deno.test("openRecords() has on disk what was synced, whatever becomes of the machine", async () => {
  const disk = await newDisk();
  const store = await openRecords(disk, PATH, EVEN);

  await store.append([2], true);

  assertEquals(await recordsOn(disk.crash()), [2]);
});

Deno.test("openRecords() holds after a rewrite what it was given, and what is appended then", async () => {
  const disk = await newDisk();
  const store = await openRecords(disk, PATH, EVEN);
  await store.append([2, 4, 6], true);

  await store.rewrite(new Set([4]));
  await store.append([8], true);
  await store.close();

  assertEquals(await recordsOn(disk), [4, 8]);
});

Deno.test("openRecords() says in which line a record stands that isn't one", async () => {
  const disk = await newDisk();
  const store = await openRecords(disk, PATH, { ...EVEN, record: Number });
  await store.append([2, 3], true);
  await store.close();

  const error = await assertRejects(() => openRecords(disk, PATH, EVEN), P2pchatError);

  assertEquals(error.code, "store-corrupt");
  for (const part of [PATH, `line ${lineOf(1)}`, "its number is odd"]) {
    assertStringIncludes(error.message, part);
  }
});

Deno.test("openRecords() passes on a bug of the format's as what it is", async () => {
  const disk = await newDisk();
  const store = await openRecords(disk, PATH, EVEN);
  await store.append([2], true);
  await store.close();
  const broken = {
    ...EVEN,
    record: () => {
      throw new RangeError("a bug");
    },
  };

  await assertRejects(() => openRecords(disk, PATH, broken), RangeError, "a bug");
});

Deno.test("openRecords() refuses the log of another format", async () => {
  const disk = await newDisk();
  await recordsOn(disk);
  const other = { ...EVEN, name: { format: "odd", version: 1 } };

  const error = await assertRejects(() => openRecords(disk, PATH, other), P2pchatError);

  assertEquals(error.code, "bad-file");
});
