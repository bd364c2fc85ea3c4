/** The log of a group on a disk that fails, and damaged. What it does on every disk is in `tests/contracts/`. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { groupLogContract } from "../contracts/group_log_contract.ts";
import { endOf, GROUP, logBytes, openLogAt, sixEntries } from "./group_logs.ts";

const PATH = "/p/log";
const ASIDE = `${PATH}.damaged-20260131T120000Z`;

groupLogContract("GroupLog on MemoryDisk", async (test) => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  await test({ disk, folder: "/p" });
});

/** What is found in a file with these bytes. */
async function opened(bytes: Uint8Array, certainThrough: number | null = null) {
  const disk = new MemoryDisk();
  disk.place(PATH, bytes);
  const { log, notices } = await openLogAt(disk, PATH, certainThrough);
  const { batches } = await log.read(0, 1_000_000);
  log.close();
  return { disk, log, notices, batches };
}

const SIX = sixEntries();
const BYTES = logBytes(SIX);
/** Where the file ends after each of its batches, and after its first line. */
const ENDS = SIX.map((_, count) => logBytes(SIX.slice(0, count)).length).concat(BYTES.length);

Deno.test("open() drops a batch that was torn at any byte, and tells", async () => {
  for (let length = ENDS[0]! + 1; length < BYTES.length; length++) {
    const { disk, notices, batches } = await opened(BYTES.slice(0, length));

    const whole = ENDS.filter((end) => end <= length).length - 1;
    const kept = BYTES.slice(0, ENDS[whole]!);
    assertEquals(batches, SIX.slice(0, whole), `${length} bytes`);
    assertEquals(await disk.read(PATH), kept);
    const dropped = length - kept.length;
    assertEquals(notices.length, dropped === 0 ? 0 : 1, `${length} bytes`);
    if (dropped > 0) assertStringIncludes(notices[0]!, `Dropped ${dropped} bytes at the end of`);
    assertEquals(disk.paths(), [PATH, `${PATH}.lock`]);
  }
});

Deno.test("open() finds damage at every byte, sets the file aside, and keeps what is before", async () => {
  for (let at = 0; at < BYTES.length; at++) {
    for (const mask of [0x01, 0x20, 0x80]) {
      const damaged = BYTES.slice();
      damaged[at]! ^= mask;
      const { disk, log, notices, batches } = await opened(damaged);

      const whole = ENDS.findIndex((end) => at < end) - 1;
      const where = `byte ${at} ^ ${mask}`;
      assertEquals(notices.length, 1, where);
      assertEquals(batches, SIX.slice(0, Math.max(0, whole)), where);
      assertEquals(log.end?.digest, whole < 0 ? undefined : endOf(SIX.slice(0, whole)).digest);
      if (/^Dropped/.test(notices[0]!)) {
        // The last line feed, or what ends the last line but one: the rest isn't there.
        assertEquals(await disk.read(PATH), BYTES.slice(0, ENDS[whole]!));
        assertEquals(at, BYTES.length - 1, where);
        continue;
      }
      assertEquals(await disk.read(ASIDE), damaged, where);
      assertEquals(await disk.read(PATH), whole < 0 ? null : BYTES.slice(0, ENDS[whole]!), where);
      assert(/^Line \d+ of \/p\/log is damaged, .*set aside as/.test(notices[0]!), notices[0]);
    }
  }
});

Deno.test("open() says in which line the damage is, and why", async () => {
  const lines = new TextDecoder().decode(BYTES).split("\n").slice(0, -1);
  const cases: readonly (readonly [(lines: string[]) => void, RegExp])[] = [
    [
      (all) => all.splice(2, 1),
      /^Line 3 .*, entry 2 was expected, "3" is there: .*the entry before/,
    ],
    [(all) => all.push(...all.splice(5, 1)), /^Line 6 .*, entry 5 was expected, "6" is there/],
    [(all) => all.splice(4, 1), /^Line 5 .*, entry 4 was expected/],
    [(all) => all[1] = all[1]!.replace("hello", "hullo"), /^Line 2 .*, its checksum doesn't fit/],
    [
      (all) => all[2] = all[2]!.replace("hi", "ho"),
      /^Line 5 .*, the checksum doesn't fit of what was said in one go, entries 2 to 4:/,
    ],
    [(all) => all[1] += "\tmore", /^Line 2 .*, it has 12 cells, not 5 or 11/],
    [(all) => all[0] = all[0]!.replace("5a5a", "5b5b"), /^Line 1 .*nothing of it is kept/],
  ];
  for (const [damage, sentence] of cases) {
    const damaged = lines.slice();
    damage(damaged);
    const { notices } = await opened(new TextEncoder().encode(`${damaged.join("\n")}\n`));

    assertEquals(notices.length, 1);
    assert(sentence.test(notices[0]!), notices[0]);
  }
});

Deno.test("open() drops damage behind what was synced, which is held elsewhere", async () => {
  const hole = BYTES.slice().fill(0, ENDS[1]!, ENDS[1]! + 100);

  const unsynced = await opened(hole, 1);
  const synced = await opened(hole, 2);

  assertEquals(unsynced.batches, SIX.slice(0, 1));
  assertStringIncludes(unsynced.notices[0]!, "Dropped");
  assertEquals(unsynced.disk.paths(), [PATH, `${PATH}.lock`]);
  assertEquals(synced.batches, SIX.slice(0, 1));
  assertStringIncludes(synced.notices[0]!, "set aside");
});

Deno.test("open() and startAnew() leave an old log or a new one, whenever the machine stops", async () => {
  const damaged = BYTES.slice();
  damaged[ENDS[1]! + 5]! ^= 1;
  for (const anew of [false, true]) {
    for (let stopAt = 1;; stopAt++) {
      const disk = new MemoryDisk();
      disk.place(PATH, damaged);
      const before = disk.operations;
      let after: MemoryDisk | null = null;
      disk.fault = ({ number }) => {
        if (number === before + stopAt) after = disk.crash();
        return null;
      };
      const run = async () => {
        const { log } = await openLogAt(disk, PATH);
        if (anew) await log.startAnew(GROUP, "unlike");
        log.close();
      };
      await run().catch((error) => {
        if (!(error instanceof P2pchatError)) throw error;
      });
      if (after === null) break;

      const survivor: MemoryDisk = after;
      const kept = [survivor.text(PATH), survivor.text(ASIDE)];
      assert(kept.includes(new TextDecoder().decode(damaged)), `${stopAt}: the file is gone`);
      const { log } = await openLogAt(survivor, PATH);
      log.close();
    }
  }
});

Deno.test("append() on a full disk leaves whole batches, and what fitted before", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const { log } = await openLogAt(disk, PATH);
  await log.startAnew(GROUP, null);
  log.append(SIX.slice(0, 1));
  disk.bytesMax = ENDS[1]! + 100;

  const error = assertThrows(() => log.append(SIX.slice(1)), P2pchatError);
  log.close();

  assertEquals(error.code, "disk");
  assertEquals(await disk.read(PATH), BYTES.slice(0, ENDS[1]!));
});

Deno.test("read() finds that the file was changed meanwhile", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, BYTES);
  const { log } = await openLogAt(disk, PATH);
  await disk.overwrite(PATH, ENDS[1]! + 80, new TextEncoder().encode("XX"));

  const error = await assertRejects(() => log.read(1, 1_000), P2pchatError);
  const { batches } = await log.read(0, 1);
  log.close();

  assertEquals([error.code, batches], ["store-corrupt", SIX.slice(0, 1)]);
  assertStringIncludes(error.message, `${PATH}: line 5 is damaged`);
});

/** Six entries with damage in the second batch. */
function damagedDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.place(PATH, BYTES.with(ENDS[1]! + 5, 0x21));
  return disk;
}

Deno.test("open() has what it keeps of a damaged file on the device", async () => {
  const disk = damagedDisk();
  const { log } = await openLogAt(disk, PATH);
  log.close();

  assertEquals(await disk.crash().read(PATH), BYTES.slice(0, ENDS[1]!));
});

Deno.test("open() leaves a damaged file in place where its good part can't be kept", async () => {
  for (const kind of ["write", "sync"] as const) {
    const disk = damagedDisk();
    disk.fault = (operation) =>
      operation.kind === kind && operation.path === `${PATH}.new` ? "ENOSPC" : null;

    const error = await assertRejects(() => openLogAt(disk, PATH), P2pchatError);

    assertEquals([error.code, disk.paths()], ["disk", [PATH, `${PATH}.lock`]]);
    disk.fault = null;
    (await openLogAt(disk, PATH)).log.close(); // it let go of the lock
  }
});

Deno.test("read() finds nothing where the log begins anew meanwhile", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, BYTES);
  const { log } = await openLogAt(disk, PATH);
  disk.latency = ({ kind }) => kind === "open" ? Promise.resolve() : null;
  const anew = log.startAnew(GROUP, "unlike");
  const reading = log.read(0, 1_000);
  const begun = disk.paths();
  await anew;
  log.append(SIX);
  const before = log.read(1, 1_000);
  const again = log.startAnew(GROUP, "unlike");
  const found = [await reading, await before];
  await again;
  log.close();

  assertEquals(begun, [PATH, `${PATH}.lock`]);
  assertEquals(found, [{ batches: [], digest: null }, { batches: [], digest: null }]);
});
