import fc from "fast-check";
import { numberText } from "../../lib/base/text/words.ts";
import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { utf8 } from "../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { LogRecord } from "../../lib/base/schema/log_records.ts";
import { AppendLog, type OpenedLog } from "../../lib/store/log/append_log.ts";
import { MemoryDisk } from "../doubles/memory_disk.ts";
import { checksumOf, checksumText, LINE_BYTES_MAX } from "../../lib/store/disk/record_line.ts";

const PATH = "/data/log";
const FORMAT = { format: "test", version: 1 };
const LINE_FEED = 0x0a;

Deno.test("open() of a log cut at any byte gives whole records and drops the rest", async () => {
  const { bytes, records, lineEnds } = await smallLog();
  for (let length = lineEnds[0]!; length <= bytes.length; length++) {
    const whole = lineEnds.filter((end) => end <= length).length - 1;
    const rest = length - lineEnds[whole]!;

    const { disk, opened } = await openBytes(bytes.subarray(0, length));

    assertEquals(opened.records, records.slice(0, whole));
    assertEquals(opened.notices.length, rest > 0 ? 1 : 0, `${length}`);
    if (rest > 0) {
      assertEquals(opened.notices[0]?.startsWith(`Dropped ${numberText(rest)} bytes`), true);
    }
    // The next record follows what is left.
    await opened.log.append([records[0]!]);
    assertEquals((await open(disk.crash())).records, [...records.slice(0, whole), records[0]!]);
  }
});

Deno.test("open() refuses a log cut within its first line: no crash does that", async () => {
  const { bytes, lineEnds } = await smallLog();
  for (let length = 0; length < lineEnds[0]!; length++) {
    await assertCorrupt(bytes.subarray(0, length), 1);
  }
});

Deno.test("open() repeats no more than the start of what stands in the place of a record's number", async () => {
  const line = (content: string) => `${checksumText(checksumOf(utf8(content)))}\t${content}\n`;
  const text = line("0\tp2pchat\ttest\t1") + line(`${"7".repeat(60_000)}\tkind`);

  const error = await assertRejects(() => openBytes(utf8(text)), P2pchatError);

  assertStringIncludes(error.message, 'line 2 is damaged, record 1 was expected, "777');
  assertLess(error.message.length, 300);
});

Deno.test("open() finds every wrong bit, and drops only what is wrong in the last record", async () => {
  const { bytes, records, lineEnds } = await smallLog();
  const last = records.length; // its line is the last, number `last` + 1
  for (let at = 0; at < bytes.length; at++) {
    const line = lineEnds.findIndex((end) => at < end) + 1;
    const joinsTheLastTwo = line === last && bytes[at] === LINE_FEED;
    for (let bit = 0; bit < 8; bit++) {
      const damaged = bytes.slice();
      damaged[at]! ^= 1 << bit;
      if (line <= last && !joinsTheLastTwo) {
        await assertCorrupt(damaged, line);
      } else {
        const { opened } = await openBytes(damaged);
        assertEquals(opened.records, records.slice(0, joinsTheLastTwo ? last - 2 : last - 1));
        assertEquals(opened.notices.length, 1);
      }
    }
  }
});

Deno.test("open() refuses any single byte put in the place of one above the last line", async () => {
  const { bytes, records, lineEnds } = await smallLog();
  const lastStart = lineEnds[records.length - 1]! - 1;
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: lastStart - 1 }),
      fc.integer({ min: 0, max: 255 }),
      async (at, value) => {
        if (bytes[at] === value) return;
        const damaged = bytes.slice();
        damaged[at] = value;
        await assertCorrupt(damaged, lineEnds.findIndex((end) => at < end) + 1);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("open() refuses a log with a line removed, doubled or moved", async () => {
  const { bytes } = await smallLog();
  const lines = new TextDecoder().decode(bytes).split(/(?<=\n)/);
  const without = (i: number) => lines.filter((_, k) => k !== i);
  for (let i = 0; i < lines.length - 1; i++) await assertCorrupt(without(i).join(""), i + 1);
  for (let i = 0; i < lines.length; i++) {
    await assertCorrupt(lines.toSpliced(i, 0, lines[i]!).join(""), i + 2);
  }
  const [first, second] = [lines[2]!, lines[3]!];
  await assertCorrupt(lines.with(2, second).with(3, first).join(""), 3);
});

Deno.test("open() takes a missing page of the last group for a torn end", async () => {
  const { bytes, records, lineEnds } = await pagedLog();
  const damaged = bytes.slice();
  damaged.fill(0, 4_096, 8_192);

  const { opened } = await openBytes(damaged);

  const whole = lineEnds.filter((end) => end <= 4_096).length - 1;
  assertEquals(opened.records, records.slice(0, whole));
  assertEquals(opened.notices.length, 1);
});

Deno.test("open() refuses a log with a missing page that had been synced", async () => {
  const { bytes, lineEnds, disk } = await pagedLog();
  const { log } = await open(disk);
  await log.append([{ kind: "later", fields: [] }]);
  await log.close();
  const all = await disk.read(PATH) ?? new Uint8Array();
  assertEquals(all.length > bytes.length, true);
  all.fill(0, 4_096, 8_192);

  await assertCorrupt(all, lineEnds.findIndex((end) => 4_096 < end) + 1);
});

Deno.test("open() drops a torn end of any length in bounded memory", async () => {
  const { bytes, records } = await smallLog();
  const torn = new Uint8Array(bytes.length + 3 * LINE_BYTES_MAX).fill(0x61);
  torn.set(bytes);

  const { opened } = await openBytes(torn);

  assertEquals(opened.records, records);
});

Deno.test("open() finds damage in a time that grows with the file, however short its lines", async () => {
  const beganMs = performance.now();

  await assertCorrupt("x\ty\n\n".repeat(100_000), 1);

  assert(performance.now() - beganMs < 60_000, "each line is looked at once");
});

Deno.test("open() refuses a file of another program", async () => {
  for (const text of ["", "\n", "hello\n", "\0".repeat(600), "a\tb\tc\n".repeat(5)]) {
    await assertCorrupt(text, 1);
  }
});

/** Records in groups of two, texts that need escapes among them; `lineEnds[0]` ends the header. */
async function smallLog(): Promise<{
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly records: readonly LogRecord[];
  readonly lineEnds: readonly number[];
}> {
  const texts = ["", "a b", "one\ntwo", "ü@\\", "tab\there", "last"];
  const records = texts.map((text, i) => ({ kind: "text", fields: [`${i}`, text] }));
  const disk = await emptyDisk();
  const { log } = await open(disk);
  for (let i = 0; i < records.length; i += 2) await log.append(records.slice(i, i + 2));
  await log.close();
  return { ...await content(disk), records };
}

/** One group of records over several pages, and the disk that it is on. */
async function pagedLog(): Promise<{
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly records: readonly LogRecord[];
  readonly lineEnds: readonly number[];
  readonly disk: MemoryDisk;
}> {
  const records = Array.from({ length: 200 }, (_, i) => ({ kind: "n", fields: ["x".repeat(i)] }));
  const disk = await emptyDisk();
  const { log } = await open(disk);
  await log.append(records);
  await log.close();
  return { ...await content(disk), records, disk };
}

async function content(
  disk: MemoryDisk,
): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly lineEnds: readonly number[] }> {
  const bytes = await disk.read(PATH) ?? new Uint8Array();
  const lineEnds: number[] = [];
  bytes.forEach((byte, at) => byte === LINE_FEED && lineEnds.push(at + 1));
  return { bytes, lineEnds };
}

async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/data");
  return disk;
}

function open(disk: MemoryDisk): Promise<OpenedLog> {
  return AppendLog.open(disk, PATH, FORMAT);
}

async function openBytes(
  bytes: Uint8Array | string,
): Promise<{ readonly disk: MemoryDisk; readonly opened: OpenedLog }> {
  const disk = await emptyDisk();
  disk.place(PATH, bytes);
  return { disk, opened: await open(disk) };
}

async function assertCorrupt(bytes: Uint8Array | string, line: number): Promise<void> {
  const error = await assertRejects(
    () => openBytes(bytes),
    P2pchatError,
    `Cannot read ${PATH}: line ${line} is damaged`,
  );
  assertEquals(error.code, "store-corrupt");
}
