import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { concatBytes } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { Table, type TableRow } from "../../../lib/store/disk/table.ts";
import { Random } from "../../sim/random.ts";
import { SLOW } from "../../given.ts";

const PATH = "/data/table";
const FORMAT = { format: "test-table", version: 1 };
const ROWS: readonly TableRow[] = [["ann", "key 1"], ["bob", "a\tb\n\\"], ["end", "0", ""], [""]];

Deno.test("Table.open() gives null before the first write, then the rows", async () => {
  const disk = await newDisk();
  const { table, rows } = await Table.open(disk, PATH, FORMAT);
  assertEquals(rows, null);

  await table.write(ROWS);
  const restarted = disk.crash();
  const reopened = await Table.open(restarted, PATH, FORMAT);
  assertEquals(reopened.rows, ROWS);
  await reopened.table.write([]);
  assertEquals((await Table.open(restarted.crash(), PATH, FORMAT)).rows, []);
});

Deno.test("Table.write() leaves the old rows or the new ones, wherever the power fails", async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const disk = new MemoryDisk({ random: new Random(seed).next });
    await disk.makeFolder("/data");
    const { table } = await Table.open(disk, PATH, FORMAT);
    await table.write([["old"]]);
    const last = disk.operations + seed % 7;
    const crashed: MemoryDisk[] = [];
    disk.fault = ({ number }) => {
      if (number > last && crashed.length === 0) crashed.push(disk.crash());
      return null;
    };
    const written = await table.write([["new"]]).then(() => true, () => false);

    const after = crashed[0] ?? disk.crash();
    after.fault = null;
    const { rows } = await Table.open(after, PATH, FORMAT);
    if (written) assertEquals(rows, [["new"]]);
    assertEquals(rows?.[0]?.[0] === "old" || rows?.[0]?.[0] === "new", true, `${seed}`);
    assertEquals(after.paths(), [PATH], "no leftovers");
  }
});

Deno.test("Table.write() that fails is `disk` and keeps the old rows", async () => {
  for (const failing of ["open", "write", "sync", "rename"] as const) {
    const disk = await newDisk();
    const { table } = await Table.open(disk, PATH, FORMAT);
    await table.write([["old"]]);
    disk.fault = ({ kind }) => kind === failing ? "ENOSPC" : null;

    const error = await assertRejects(() => table.write([["new"]]), P2pchatError, "No space left");

    assertEquals(error.code, "disk");
    disk.fault = null;
    assertEquals((await Table.open(disk, PATH, FORMAT)).rows, [["old"]]);
    await table.write([["new"]]);
    assertEquals((await Table.open(disk, PATH, FORMAT)).rows, [["new"]]);
  }
});

Deno.test("Table.write() during a write is done once, with the last rows, for all", async () => {
  const disk = await newDisk();
  const { table } = await Table.open(disk, PATH, FORMAT);
  let renames = 0;
  disk.fault = ({ kind }) => {
    if (kind === "rename") renames++;
    return null;
  };

  await Promise.all(["1", "2", "3", "4"].map((cell) => table.write([[cell]])));

  assertEquals(renames, 2);
  assertEquals((await Table.open(disk.copy(), PATH, FORMAT)).rows, [["4"]]);
  await table.write([["5"]]);
  assertEquals((await Table.open(disk.crash(), PATH, FORMAT)).rows, [["5"]]);
});

Deno.test("Table.overwrite() survives a killed process, without a sync", async () => {
  const disk = await newDisk();
  const { table } = await Table.open(disk, PATH, FORMAT);
  await table.overwrite([["one"]]); // the first rows, and longer ones, are written as ever
  await table.overwrite([["three"]]);
  assertEquals((await Table.open(disk.copy(), PATH, FORMAT)).rows, [["three"]]);
  disk.fault = ({ kind }) => kind === "sync" || kind === "syncFolder" ? "EIO" : null;
  await table.overwrite([["seven"]]);
  disk.fault = null;

  assertEquals((await Table.open(disk.kill(), PATH, FORMAT)).rows, [["seven"]]);
});

Deno.test("Table.write() of too much is `disk`, and the next write works", async () => {
  const disk = await newDisk();
  const { table } = await Table.open(disk, PATH, FORMAT);
  const row = ["x".repeat(6_000_000)];

  await assertRejects(() => table.write([row, row, row]), P2pchatError, "at most");
  await table.write([["small"]]);

  assertEquals((await Table.open(disk, PATH, FORMAT)).rows, [["small"]]);
});

Deno.test("Table.open() removes what an interrupted write left", async () => {
  const disk = await newDisk();
  disk.place(`${PATH}.new`, "half");
  await Table.open(disk, PATH, FORMAT);

  assertEquals(disk.paths(), []);
});

Deno.test("Table.open() finds every wrong bit, with its line", async () => {
  const bytes = await tableBytes();
  let line = 1;
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << bit;
      await assertCorrupt(damaged, line);
    }
    if (bytes[at] === 0x0a) line++;
  }
});

Deno.test("Table.open() takes a whole table with zeros behind it, and none with zeros in it", async () => {
  const disk = await newDisk();
  await (await Table.open(disk, PATH, FORMAT)).table.write(ROWS);
  const whole = (await disk.read(PATH))!;
  const zeros = new Uint8Array(512);
  disk.place(PATH, concatBytes(whole, zeros));
  assertEquals((await Table.open(disk, PATH, FORMAT)).rows, ROWS);
  const cut = whole.length - 20;
  for (const bytes of [zeros, concatBytes(whole.slice(0, cut), zeros)]) {
    disk.place(PATH, bytes);
    const open = async () => await Table.open(disk, PATH, FORMAT);
    assertEquals((await assertRejects(open, P2pchatError)).code, "store-corrupt");
  }
});

Deno.test("Table.open() refuses a table larger than any, and reads none of it", async () => {
  const disk = await newDisk();
  await (await Table.open(disk, PATH, FORMAT)).table.write(ROWS);
  const whole = (await disk.read(PATH))!;
  const largest = 16 * 1024 * 1024;
  disk.place(PATH, concatBytes(whole, new Uint8Array(largest - whole.length)));
  assertEquals((await Table.open(disk, PATH, FORMAT)).rows, ROWS);
  disk.place(PATH, concatBytes(whole, new Uint8Array(largest - whole.length + 1)));
  disk.fault = ({ kind }) => {
    assert(kind !== "read");
    return null;
  };
  const format = { ...FORMAT, without: "to start anew" };
  const error = await assertRejects(() => Table.open(disk, PATH, format), P2pchatError);
  assertEquals([error.code, error.message], [
    "store-corrupt",
    `Cannot read ${PATH}: it has 16,777,217 bytes, and no such file has more than 16,777,216; ` +
    "restore the file from a copy, or move it away to start anew",
  ]);
});

Deno.test("Table.open() refuses a table cut at any byte", async () => {
  const bytes = await tableBytes(ROWS.slice(0, 2));
  for (let length = 0; length < bytes.length; length++) {
    const line = bytes.subarray(0, length).filter((byte) => byte === 0x0a).length + 1;
    await assertCorrupt(bytes.subarray(0, length), line);
  }
});

Deno.test("Table.open() refuses a table with a line removed, doubled, moved or added", async () => {
  const lines = new TextDecoder().decode(await tableBytes()).split(/(?<=\n)/);
  const end = lines.length;
  for (let i = 1; i < end - 1; i++) {
    await assertCorrupt(lines.toSpliced(i, 1).join(""), end - 1);
    await assertCorrupt(lines.toSpliced(i, 0, lines[i]!).join(""), end + 1);
  }
  await assertCorrupt(lines.with(1, lines[2]!).with(2, lines[1]!).join(""), end);
  await assertCorrupt([...lines, lines[1]].join(""), end + 2);
});

Deno.test("Table.open() refuses another table and another version", async () => {
  const disk = await newDisk();
  await (await Table.open(disk, PATH, FORMAT)).table.write(ROWS);
  for (const format of [{ ...FORMAT, format: "other" }, { ...FORMAT, version: 2 }]) {
    const error = await assertRejects(() => Table.open(disk, PATH, format), P2pchatError, PATH);
    assertEquals(error.code, "bad-file");
  }
});

Deno.test("Table keeps any texts", SLOW, async () => {
  const cell = fc.string({ unit: "binary" });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(cell, { minLength: 1 })),
      async (rows) => {
        const disk = await newDisk();
        await (await Table.open(disk, PATH, FORMAT)).table.write(rows);
        assertEquals((await Table.open(disk, PATH, FORMAT)).rows, rows);
        assertEquals(disk.text(PATH)?.split("\n").length, rows.length + 3);
      },
    ),
    { numRuns: 40 },
  );
});

async function newDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/data");
  return disk;
}

async function tableBytes(rows = ROWS): Promise<Uint8Array> {
  const disk = await newDisk();
  await (await Table.open(disk, PATH, FORMAT)).table.write(rows);
  return await disk.read(PATH) ?? new Uint8Array();
}

async function assertCorrupt(bytes: Uint8Array | string, line: number): Promise<void> {
  const disk = await newDisk();
  disk.place(PATH, bytes);
  const error = await assertRejects(
    () => Table.open(disk, PATH, FORMAT),
    P2pchatError,
    `Cannot read ${PATH}: line ${line} is damaged`,
  );
  assertEquals(error.code, "store-corrupt");
}
