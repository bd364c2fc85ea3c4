/** The log of a group on a disk that fails, and damaged. What it does on every disk is in `tests/contracts/`. */

import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { numberText } from "../../../lib/base/text/words.ts";
import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { scanGroupLog } from "../../../lib/cli/tools/group_log_scan.ts";
import { HistoryEnd, type SignedBatch } from "../../../lib/protocols/group/schema/history.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { groupLogContract } from "../../contracts/group_log_contract.ts";
import {
  Decider,
  editedEntries,
  endOf,
  FOUNDING,
  GROUP,
  logBytes,
  nameOf,
  openLogAt,
  OTHER_GROUP,
  recorded,
  sixEntries,
  Speaker,
  withChecksum,
} from "../group_logs.ts";
import { SLOW } from "../../given.ts";

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

Deno.test("of a long log, what is shown and what is looked through is read piece by piece, and everything else goes on", async () => {
  const alice = new Speaker("alice", 1);
  const said = Array.from({ length: 200 }, (_, at) => alice.say(`${at} `.padEnd(2_000, "x")));
  const { disk } = await opened(logBytes(said));
  const { log } = await openLogAt(disk, PATH);
  const turnsOf = async (reading: Promise<unknown>): Promise<number> => {
    let [turns, isOver] = [0, false];
    const counting = async () => {
      for (; !isOver; turns++) await new Promise((resolve) => setTimeout(resolve, 0));
    };
    const counted = counting();
    await reading;
    isOver = true;
    await counted;
    return turns;
  };

  assert(await turnsOf(log.tail(200, nameOf)) > 2);
  assert(await turnsOf(Array.fromAsync(log.items())) > 2);
  log.close();
});

const VERSION_AT = "p2pchat\tgroup-log\t".length;

const SIX = sixEntries();
const BYTES = logBytes(SIX);
/** Where the file ends after its first line, and after each of its batches. */
const ENDS = endsOf(SIX);

/** How a run ends before its time. */
const STOPS: Readonly<Record<string, (disk: MemoryDisk) => MemoryDisk>> = {
  "machine stops": (disk) => disk.crash(),
  "program is killed": (disk) => disk.kill(),
};

function endsOf(batches: readonly SignedBatch[]): readonly number[] {
  const before = batches.map((_, count) => logBytes(batches.slice(0, count)).length);
  return [...before, logBytes(batches).length];
}

/** A decision of the coordinator's came into order after what its next process has decided. */
const LATE = (() => {
  const alice = new Speaker("alice", 1);
  const [before, after] = [new Decider(99, 1), new Decider(99, 2)];
  return recorded([
    alice.say("hello"),
    before.decide([alice.ask(1, "one")]),
    after.decide([alice.ask(1, "two")]),
    before.decide([alice.ask(1, "three")]),
    after.decide([alice.ask(1, "four")]),
  ]);
})();

Deno.test("a log that moves while it is read is read on, one that is closed has nothing", async () => {
  for (const isClosed of [false, true]) {
    const disk = new MemoryDisk();
    disk.place(PATH, BYTES);
    const { log } = await openLogAt(disk, PATH);
    await disk.remove(PATH);
    const read = Promise.withResolvers<void>();
    disk.latency = ({ kind }) => kind === "read" ? read.promise : null;
    const reading = log.read(0, 1_000_000);
    disk.latency = null;
    if (isClosed) log.close();
    else await log.putBack();
    read.resolve();
    const { batches } = await reading;
    log.close();

    assertEquals(batches, isClosed ? [] : SIX);
  }
});

Deno.test("open() takes a decision that came into order after a later process's", async () => {
  const { notices, batches } = await opened(logBytes(LATE));

  assertEquals(notices, []);
  assertEquals(batches, LATE);
});

Deno.test("open() takes no decision of a process twice, nor one with a gap before it", async () => {
  for (const wrong of [LATE.with(4, LATE[3]!), LATE.toSpliced(1, 1)]) {
    const { notices } = await opened(logBytes(wrong));

    assertStringIncludes(notices[0] ?? "", "its author's counter is 2");
  }
});

const EDITED = editedEntries();

Deno.test("open() knows the highest number of an edit: those that were aborted are none of it", async () => {
  const { log } = await opened(logBytes(EDITED));

  assertEquals(log.end?.lastEdit, 5);
  assertEquals(endOf(EDITED).lastEdit, 5);
});
const LOGS = [["entries", SIX], ["entries and edits", EDITED]] as const;

for (const [what, all] of LOGS) {
  const bytes = logBytes(all);
  const ends = endsOf(all);
  // Each is checked with real keys: few bytes amid a batch, and all where one ends.
  const places = Array.from(bytes, (_, at) => at).filter((at) =>
    at % 7 === 0 || ends.some((end) => Math.abs(at - end) <= 2)
  );

  Deno.test(
    `open() drops a batch that was torn at any byte, and tells, of ${what}`,
    SLOW,
    async () => {
      for (const length of places.filter((at) => at > ends[0]!)) {
        const { disk, notices, batches } = await opened(bytes.slice(0, length));

        const whole = ends.filter((end) => end <= length).length - 1;
        const kept = bytes.slice(0, ends[whole]!);
        assertEquals(batches, all.slice(0, whole), `${length} bytes`);
        assertEquals(await disk.read(PATH), kept);
        const dropped = length - kept.length;
        assertEquals(notices.length, dropped === 0 ? 0 : 1, `${length} bytes`);
        const told = `Dropped ${numberText(dropped)} bytes at the end of`;
        if (dropped > 0) assertStringIncludes(notices[0]!, told);
        assertEquals(disk.paths(), [PATH, `${PATH}.lock`]);
      }
    },
  );

  Deno.test(
    `open() goes on behind a torn batch with the same bytes, of ${what}`,
    SLOW,
    async () => {
      for (const length of places.filter((at) => at >= ends.at(-3)!)) {
        const disk = new MemoryDisk();
        disk.place(PATH, bytes.slice(0, length));
        const { log } = await openLogAt(disk, PATH);
        const whole = ends.filter((end) => end <= length).length - 1;
        log.append(all.slice(whole));
        const tail = await log.tail(6, nameOf);
        log.close();

        assertEquals(await disk.read(PATH), bytes, `${length} bytes`);
        assertEquals(
          tail.map(({ edits }) => edits),
          all === EDITED ? [2, 0, 2, 0, 0, 0] : [0, 0, 0, 0, 0, 0],
        );
      }
    },
  );

  Deno.test(
    `open() finds damage at any byte, sets the file aside, and keeps what is before, of ${what}`,
    SLOW,
    async () => {
      for (const at of places) {
        const mask = [0x01, 0x20, 0x80][at % 3]!;
        const damaged = bytes.slice();
        damaged[at]! ^= mask;
        if (at === VERSION_AT && mask === 0x01) continue; // it says then that it is of another version
        const { disk, log, notices, batches } = await opened(damaged);

        const whole = ends.findIndex((end) => at < end) - 1;
        const where = `byte ${at} ^ ${mask}`;
        assertEquals(notices.length, 1, where);
        assertEquals(batches, all.slice(0, Math.max(0, whole)), where);
        assertEquals(log.end?.digest, whole < 0 ? undefined : endOf(all.slice(0, whole)).digest);
        if (/^Dropped/.test(notices[0]!)) {
          // The last line feed, or what ends the last line but one: the rest isn't there.
          assertEquals(await disk.read(PATH), bytes.slice(0, ends[whole]!));
          assertEquals(at, bytes.length - 1, where);
          continue;
        }
        assertEquals(await disk.read(ASIDE), damaged, where);
        assertEquals(
          await disk.read(PATH),
          whole < 0 ? null : bytes.slice(0, ends[whole]!),
          where,
        );
        assert(/^Line \d+ of \/p\/log is damaged, .*set aside as/.test(notices[0]!), notices[0]);
      }
    },
  );
}

type Damage = (lines: string[]) => void;

const DAMAGES: readonly (readonly [damage: Damage, sentence: RegExp])[] = [
  [
    (all) => all.splice(2, 1),
    /^Line 3 .*, entry 2 or an edit was expected, "3" is there: .*the entry before/,
  ],
  [
    (all) => all.push(...all.splice(5, 1)),
    /^Line 6 .*, entry 5 or an edit was expected, "6" is there/,
  ],
  [(all) => all.splice(4, 1), /^Line 5 .*, entry 4 was expected, "5" is there/],
  [(all) => all[1] = all[1]!.replace("hello", "hullo"), /^Line 2 .*, its checksum doesn't fit/],
  [
    (all) => all[2] = all[2]!.replace("hi", "ho"),
    /^Line 5 .*, the checksum doesn't fit of what was said in one go, entries 2 to 4:/,
  ],
  [(all) => all[1] += "\tmore", /^Line 2 .*, it has 15 cells, not 5, 12 or 14/],
  [(all) => all[0] = all[0]!.replace(GROUP, OTHER_GROUP), /^Line 1 .*nothing of it is kept/],
];

const EDIT_DAMAGES: readonly (readonly [damage: Damage, sentence: RegExp])[] = [
  [
    (all) => all[2] = all[2]!.replace("edit 1", "edit 01"),
    /^Line 3 .*, entry 2 or an edit was expected, "edit 01" is there: .*the entry before/,
  ],
  [(all) => all[2] = all[2]!.replace("edit 1", "edit 9"), /^Line 3 .*, its checksum doesn't fit/],
  [
    (all) => all[6] = all[6]!.replace("%s", "%d"),
    /^Line 9 .*, the checksum doesn't fit of what was decided in one go, from edit 3 to edit 5: .*the 4 entries/,
  ],
  [(all) => all[7] = all[9]!, /^Line 8 .*, an edit was expected, "5" is there/],
  [(all) => all[4] = all[2]!, /^Line 5 .*, entry 3 was expected, "edit 1" is there/],
  [(all) => all[2] += "\tmore", /^Line 3 .*, it has 27 cells, not 19, 26 or 28/],
  [
    (all) => all[2] = all[2]!.split("\t").with(15, "65").join("\t"),
    /^Line 3 .*, no more than 64 agree to an edit/,
  ],
  [
    (all) => all[2] = all[2]!.split("\t").slice(0, 11).join("\t"),
    /^Line 3 .*, cells of an edit are missing/,
  ],
  [
    (all) => all[2] = withChecksum(all[2]!.split("\t").with(3, "2").join("\t")),
    /^Line 3 .*, it changes an entry that isn't there/,
  ],
];

for (const [batches, damages] of [[SIX, DAMAGES], [EDITED, EDIT_DAMAGES]] as const) {
  const lines = new TextDecoder().decode(logBytes(batches)).split("\n").slice(0, -1);
  for (const [damage, sentence] of damages) {
    Deno.test(`open() says where the damage is, and why: ${sentence}`, async () => {
      const damaged = lines.slice();
      damage(damaged);
      const { notices } = await opened(new TextEncoder().encode(`${damaged.join("\n")}\n`));

      assertEquals(notices.length, 1);
      assert(sentence.test(notices[0]!), notices[0]);
    });
  }
}

Deno.test("open() sets aside what is damaged behind what was synced, and was written", async () => {
  const damaged = BYTES.slice();
  damaged[ENDS[1]! + 50]! ^= 0x01;

  const { disk, notices, batches } = await opened(damaged, 1);

  assertEquals(batches, SIX.slice(0, 1));
  assert(/^Line 5 of .* is damaged, .*set aside as/.test(notices[0]!), notices[0]);
  assertEquals(await disk.read(ASIDE), damaged);
});

Deno.test("open() sets aside what isn't a log any more, and refuses what never was one", async () => {
  const garbage = new TextEncoder().encode("garbage\n");

  const { disk, log, notices } = await opened(garbage, 0);
  const refused = await assertRejects(() => opened(garbage), P2pchatError);

  assertEquals(log.end, null);
  assert(/^Line 1 of .* is damaged, .*set aside as/.test(notices[0]!), notices[0]);
  assertEquals(await disk.read(ASIDE), garbage);
  assertEquals(refused.code, "bad-file");
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

for (const [stop, stopped] of Object.entries(STOPS)) {
  for (const anew of [false, true]) {
    const name = anew ? "startAnew() leaves" : "open() leaves the good part of";
    Deno.test(`${name} a damaged log, whenever the ${stop}`, async () => {
      for (let stopAt = 1;; stopAt++) {
        const disk = damagedDisk();
        const damaged = disk.text(PATH);
        const before = disk.operations;
        let after: MemoryDisk | null = null;
        disk.fault = ({ number }) => {
          if (number === before + stopAt) after = stopped(disk);
          return null;
        };
        const run = async () => {
          const { log } = await openLogAt(disk, PATH);
          if (anew) await log.startAnew(FOUNDING, "unlike");
          log.close();
        };
        await run().catch((error) => {
          if (!(error instanceof P2pchatError)) throw error;
        });
        if (after === null) break;

        const survivor: MemoryDisk = after;
        const isTold = survivor.text(PATH) === null || survivor.text(PATH) === damaged;
        const { log, notices } = await openLogAt(survivor, PATH);
        const { batches } = await log.read(0, 1_000_000);
        log.close();

        const kept = survivor.paths().map((path) => survivor.text(path));
        assert(kept.includes(damaged), `${stopAt}: the file is gone`);
        if (anew) continue;
        assertEquals(batches, SIX.slice(0, 1), `${stopAt}`);
        assertEquals(
          notices.map((text) => text.includes(`set aside as ${ASIDE}`)),
          isTold ? [true] : [],
        );
        assertEquals(survivor.paths().filter((path) => path.includes(".new")), []);
      }
    });
  }
}

Deno.test("open() has the good part of a damaged log that couldn't take its place before", async () => {
  const disk = damagedDisk();
  disk.fault = ({ kind, path }) =>
    kind === "rename" && path.startsWith(`${PATH}.new`) ? "EIO" : null;
  const error = await assertRejects(() => openLogAt(disk, PATH), P2pchatError);
  disk.fault = null;
  const { log, notices } = await openLogAt(disk, PATH);
  log.close();

  assertEquals(error.code, "disk");
  assertEquals(await disk.read(PATH), BYTES.slice(0, ENDS[1]!));
  assertEquals(notices.length, 1);
});

Deno.test("the user's files beside the log stay as they are, whatever their names", async () => {
  for (const mine of ["mine", BYTES.slice(0, ENDS[1]!)]) {
    for (const disk of [damagedDisk(), new MemoryDisk()]) {
      disk.place(`${PATH}.new`, mine);
      const before = disk.text(`${PATH}.new`);

      const { log } = await openLogAt(disk, PATH);
      await log.startAnew(FOUNDING, "unlike");
      await disk.remove(PATH);
      await log.putBack();
      log.close();

      assertEquals(disk.text(`${PATH}.new`), before);
      const others = disk.paths().filter((path) => !path.startsWith(ASIDE));
      assertEquals(others, [PATH, `${PATH}.lock`, `${PATH}.new`]);
    }
  }
});

Deno.test("append() on a full disk leaves whole batches, and what fitted before", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const { log } = await openLogAt(disk, PATH);
  await log.startAnew(FOUNDING, null);
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
  const file = await disk.openAppend(PATH);
  file.overwrite(ENDS[1]! + 80, new TextEncoder().encode("XX"));
  file.close();

  const error = await assertRejects(() => log.read(1, 1_000), P2pchatError);
  const { batches } = await log.read(0, 1);
  log.close();

  assertEquals([error.code, batches], ["store-corrupt", SIX.slice(0, 1)]);
  assertStringIncludes(error.message, `${PATH}: line 5 is damaged`);
});

/** Six entries with damage behind so many batches. */
function damagedBytes(batches: number): Uint8Array<ArrayBuffer> {
  return BYTES.with(ENDS[batches]! + 5, 0x21);
}

/** Six entries with damage in the second batch. */
function damagedDisk(): MemoryDisk {
  const disk = new MemoryDisk();
  disk.place(PATH, damagedBytes(1));
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
      operation.kind === kind && operation.path.startsWith(`${PATH}.new`) ? "ENOSPC" : null;

    const error = await assertRejects(() => openLogAt(disk, PATH), P2pchatError);

    assertEquals([error.code, disk.paths()], ["disk", [PATH, ASIDE, `${PATH}.lock`]]);
    disk.fault = null;
    (await openLogAt(disk, PATH)).log.close(); // it let go of the lock
  }
});

Deno.test("read() finds nothing where the log begins anew meanwhile", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, BYTES);
  const { log } = await openLogAt(disk, PATH);
  disk.latency = ({ kind }) => kind === "open" ? Promise.resolve() : null;
  const anew = log.startAnew(FOUNDING, "unlike");
  const reading = log.read(0, 1_000);
  const begun = disk.paths();
  await anew;
  log.append(SIX);
  const before = log.read(1, 1_000);
  const again = log.startAnew(FOUNDING, "unlike");
  const found = [await reading, await before];
  await again;
  log.close();

  assertEquals(begun, [PATH, `${PATH}.lock`]);
  const nothing = { batches: [], digest: null, seq: 0 };
  assertEquals(found, [nothing, nothing]);
});

Deno.test("scanGroupLog() doesn't call a log damaged for a fault of who visits it", async () => {
  const disk = new MemoryDisk();
  disk.place(PATH, BYTES);
  const bug = new TypeError("x is not a function");
  const visit = () => {
    throw bug;
  };

  const error = await assertRejects(() => scanGroupLog(disk, PATH, { crypto: nodeCrypto, visit }));

  assertStrictEquals(error, bug);
});

Deno.test("scanGroupLog() takes back what it finds wrong, and copies no end for each batch", async () => {
  const said = Array.from({ length: 4 }, (_, n) => new Speaker(`m${n}`, n + 1).say("hello"));
  const batches = recorded(said);
  const disk = new MemoryDisk();
  disk.place(PATH, logBytes(batches));
  const { copy } = HistoryEnd.prototype;
  let [copies, visited] = [0, 0];
  HistoryEnd.prototype.copy = function () {
    copies++;
    return copy.call(this);
  };
  try {
    const visit = () => ++visited === 3 ? "it isn't wanted" : null;
    const scan = await scanGroupLog(disk, PATH, { crypto: nodeCrypto, digests: true, visit });

    assertEquals([scan.end?.position, scan.end?.seq, scan.fault?.line], [2, 2, 4]);
    const before = new HistoryEnd(nodeCrypto, GROUP);
    for (const batch of batches.slice(0, 2)) before.append(batch);
    assertEquals(scan.end?.digest, before.digest);
    assertEquals(scan.end?.lastSpoken(batches[2]!.batch.value.author), null);
    assertEquals(copies, 0);
  } finally {
    HistoryEnd.prototype.copy = copy;
  }
});
