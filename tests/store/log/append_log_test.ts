import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { LogRecord } from "../../../lib/base/schema/log_records.ts";
import { AppendLog, type OpenedLog } from "../../../lib/store/log/append_log.ts";
import { type DiskOperationKind, MemoryDisk } from "../../doubles/memory_disk.ts";
import { SLOW } from "../../given.ts";

const PATH = "/data/log";
const FORMAT = { format: "test", version: 1 };

Deno.test("append() syncs once for all that is appended in one turn", async () => {
  const { disk, log } = await newLog();
  const syncs = countOperations(disk, "sync");
  const writes = countOperations(disk, "write");

  await Promise.all(numbered(1, 100).map((record) => log.append([record])));

  assertEquals([syncs(), writes()], [1, 1]);
});

Deno.test("append() while a sync is under way waits for the next, with all that wait", async () => {
  const { disk, log } = await newLog();
  const gate = gateSyncs(disk);
  const first = log.append(numbered(1, 1));
  await gate.reached();
  const syncs = countOperations(disk, "sync");
  const writes = countOperations(disk, "write");
  const others = numbered(2, 100).map((record) => log.append([record]));
  gate.open();
  await Promise.all([first, ...others]);

  // The sync that was under way and one more; a single write.
  assertEquals([syncs(), writes()], [2, 1]);
  assertEquals(await recordsAfter(disk.crash()), numbered(1, 100));
});

Deno.test("append() isn't acknowledged before its sync is done", async () => {
  const { disk, log } = await newLog();
  const gate = gateSyncs(disk);
  let acknowledged = false;
  const append = log.append(numbered(1, 1)).then(() => acknowledged = true);
  await gate.reached();

  assertEquals(acknowledged, false);
  gate.open();
  await append;
  assertEquals(acknowledged, true);
});

Deno.test("append() without sync survives a killed process, in the order of the calls", async () => {
  const { disk, log } = await newLog();
  const gate = gateSyncs(disk);
  const first = log.append(numbered(1, 1));
  await gate.reached();
  const second = log.append(numbered(2, 2));
  await log.append(numbered(3, 3), { sync: false });

  const after = disk.kill();
  after.latency = null;
  gate.open();
  await assertRejects(() => first, P2pchatError);
  await assertRejects(() => second, P2pchatError);

  assertEquals(await recordsAfter(after), numbered(1, 3));
});

Deno.test("append() marks only what is written when all above it is synced", async () => {
  const { disk, log } = await newLog();
  await log.append(numbered(1, 2));
  await log.append(numbered(3, 3), { sync: false });
  await log.append(numbered(4, 4), { sync: false });
  await log.append(numbered(5, 5));
  await log.append(numbered(6, 6));

  const numbers = disk.text(PATH)?.trimEnd().split("\n").map((line) => line.split("\t")[1]);
  assertEquals(numbers, ["0", "+1", "2", "+3", "4", "5", "+6"]);
});

Deno.test("append() without sync is synced by itself once a mebibyte is unsynced", async () => {
  const { disk, log } = await newLog();
  const large = { kind: "large", fields: ["x".repeat(600_000)] };
  await log.append([large], { sync: false });
  assertEquals(await recordsAfter(disk.copy().crash()), [large]);
  await log.append([large], { sync: false });
  await log.append([], { sync: false });
  await turns();

  assertEquals((await recordsAfter(disk.crash())).length, 2);
});

Deno.test(
  "append() is refused when more waits than may, and goes on afterwards",
  SLOW,
  async () => {
    const { disk, log } = await newLog();
    const gate = gateSyncs(disk);
    const large = { kind: "n", fields: ["x".repeat(2_000_000)] };
    const appends = [log.append([large])];
    await gate.reached();
    for (let i = 0; i < 32; i++) appends.push(log.append([large]));

    const error = await assertRejects(() => log.append([large]), P2pchatError, "already wait");
    assertEquals(error.code, "disk");
    gate.open();
    await Promise.all(appends);
    await log.append([large]);
    assertEquals(log.count, 34);
  },
);

Deno.test("append() on a full disk is refused, cut off, and works when there is space", async () => {
  const { disk, log } = await newLog(numbered(1, 2));
  disk.bytesMax = log.bytes + 10;

  const error = await assertRejects(
    () => log.append(numbered(8, 9)),
    P2pchatError,
    "No space left",
  );

  assertEquals(error.code, "disk");
  assertEquals(disk.text(PATH)?.length, log.bytes);
  disk.bytesMax = Infinity;
  await log.append(numbered(3, 3));
  assertEquals(await recordsAfter(disk.crash()), numbered(1, 3));
});

Deno.test("append() goes on after short writes", async () => {
  const { disk, log } = await newLog();
  disk.fault = ({ kind }) => kind === "write" ? { shortWriteBytes: 7 } : null;

  await log.append(numbered(1, 5));

  assertEquals(await recordsAfter(disk.crash()), numbered(1, 5));
});

Deno.test("append() leaves what it couldn't cut off in the former file, or says that it may count", async () => {
  for (
    const [undone, expected, text] of [[true, [], /try again$/], [false, [8], /may count/]] as const
  ) {
    const { disk, log } = await newLog(numbered(1, 2));
    const shortWriteBytes = disk.text(PATH)!.split("\n").at(-2)!.length + 3;
    let written = 0; // the first of two lines, whole
    disk.fault = ({ kind }) => {
      if (kind === "truncate" || kind === "open" && !undone) return "EIO";
      if (kind !== "write" || ++written > 2) return null;
      return written === 1 ? { shortWriteBytes } : "ENOSPC";
    };
    const { message } = await assertRejects(
      () => log.append(numbered(8, 9)),
      P2pchatError,
      "No space left",
    );
    assertMatch(message, text);
    const killed = disk.kill();
    killed.fault = null;
    assertEquals(await recordsAfter(killed), [
      ...numbered(1, 2),
      ...expected.flatMap((at) => numbered(at, at)),
    ]);
  }
});

Deno.test("after a failed sync the log goes on in a new file with what wasn't refused", async () => {
  const { disk, log } = await newLog(numbered(1, 2));
  failNext(disk, "sync");
  const unsynced = log.append(numbered(3, 3), { sync: false });
  const refused = log.append(numbered(9, 9));
  const after = log.append(numbered(4, 4), { sync: false });

  await unsynced;
  await after;
  const error = await assertRejects(() => refused, P2pchatError, "Cannot sync");
  assertEquals(error.code, "disk");
  await log.append(numbered(5, 5));
  assertEquals(await recordsAfter(disk.crash()), numbered(1, 5));
});

Deno.test("after a failed sync nothing is acknowledged until there is a new file", async () => {
  const { disk, log } = await newLog(numbered(1, 2));
  disk.fault = ({ kind }) => kind === "sync" ? "EIO" : null;
  await assertRejects(() => log.append(numbered(8, 8)), P2pchatError, "Cannot sync");
  await assertRejects(
    () => log.append(numbered(9, 9)),
    P2pchatError,
    "Cannot sync /data/log.mended",
  );
  disk.fault = ({ kind }) => kind === "rename" ? "EIO" : null;
  await assertRejects(() => log.append(numbered(9, 9)), P2pchatError, "Cannot rename");
  disk.fault = ({ kind }) => kind === "syncFolder" ? "EIO" : null;
  await assertRejects(() => log.append(numbered(9, 9)), P2pchatError, "Cannot sync folder");
  await assertRejects(() => log.append(numbered(9, 9)), P2pchatError, "Cannot sync folder");
  disk.fault = null;

  await log.append(numbered(3, 3));
  await log.close();

  assertEquals(disk.paths(), [PATH]);
  assertEquals(await recordsAfter(disk.crash()), numbered(1, 3));
});

Deno.test("rewrite() that fails leaves the log as it was, at whatever operation", async () => {
  for (const kind of ["open", "write", "sync", "rename", "syncFolder"] as const) {
    const { disk, log } = await newLog(numbered(1, 3));
    failNext(disk, kind);

    await assertRejects(() => log.rewrite(numbered(2, 3)), P2pchatError);
    await log.append(numbered(4, 4));
    await log.rewrite(numbered(3, 4));
    await log.close();

    assertEquals(disk.paths(), [PATH], kind);
    assertEquals(await recordsAfter(disk.crash()), numbered(3, 4), kind);
  }
});

Deno.test("rewrite() carries no refused append over", async () => {
  const { disk, log } = await newLog(numbered(1, 2));
  const rewritten = log.rewrite(numbered(2, 2));
  disk.fault = ({ kind, path }) => kind === "write" && path === PATH ? "EIO" : null;
  const refused = log.append(numbered(9, 9), { sync: false });
  await assertRejects(() => refused, P2pchatError);
  disk.fault = null;
  await rewritten;
  await log.append(numbered(3, 3));

  assertEquals(await recordsAfter(disk.crash()), numbered(2, 3));
});

Deno.test("rewrite() reads its records when the fate of earlier appends is known", async () => {
  const { disk, log } = await newLog(numbered(1, 2));
  const gate = gateSyncs(disk);
  let fate = "unknown";
  const append = log.append(numbered(9, 9)).then(() => fate = "stored", () => fate = "refused");
  await gate.reached();
  const records = function* () {
    assertEquals(fate, "refused");
    yield* numbered(1, 2);
  };
  const rewritten = log.rewrite({ [Symbol.iterator]: records });
  failNext(disk, "sync");
  gate.open();
  await append;
  await rewritten;

  assertEquals(await recordsAfter(disk.crash()), numbered(1, 2));
});

Deno.test("close() syncs what wasn't", async () => {
  const { disk, log } = await newLog();
  await log.append(numbered(1, 3), { sync: false });
  await log.close();
  await log.close();

  assertEquals(await recordsAfter(disk.crash()), numbered(1, 3));
});

Deno.test("open() makes durable what a killed process had only written", async () => {
  const { disk, log } = await newLog();
  await log.append(numbered(1, 3), { sync: false });
  const restarted = disk.kill();
  const { records } = await openLog(restarted);

  assertEquals(records, numbered(1, 3));
  assertEquals(await recordsAfter(restarted.crash()), numbered(1, 3));
});

Deno.test("rewrite() keeps what is appended while its records are being made, and waits for them", async () => {
  const { disk, log } = await newLog(numbered(1, 2));
  const made = Promise.withResolvers<readonly LogRecord[]>();

  const rewritten = log.rewrite(() => made.promise);
  await log.append(numbered(3, 3));
  made.resolve(numbered(2, 2));
  await rewritten;
  const refused = log.rewrite(() => Promise.reject(new P2pchatError("disk", "no")));
  await assertRejects(() => refused, P2pchatError, "no");
  await log.append(numbered(4, 4));

  assertEquals(await recordsAfter(disk.crash()), numbered(2, 4));
});

Deno.test("open() removes what an interrupted rewrite left", async () => {
  const { disk, log } = await newLog(numbered(1, 1));
  await log.close();
  disk.place(`${PATH}.new`, "half");
  disk.place(`${PATH}.mended`, "half");

  assertEquals(await recordsAfter(disk), numbered(1, 1));
  assertEquals(disk.paths(), [PATH]);
});

Deno.test("open() on a disk that fails at any operation is `disk`, and works the next time", async () => {
  for (let failing = 1;; failing++) {
    const disk = new MemoryDisk();
    await disk.makeFolder("/data");
    const first = disk.operations;
    disk.fault = ({ number }) => number === first + failing ? "EIO" : null;
    const opened = await openLog(disk).then(() => null, (error: unknown) => error);
    if (opened === null) {
      assertEquals(failing > 8, true);
      return;
    }
    assertEquals(opened instanceof P2pchatError && opened.code === "disk", true);
    disk.fault = null;
    assertEquals(await recordsAfter(disk), []);
  }
});

async function newLog(
  records: readonly LogRecord[] = [],
): Promise<{ readonly disk: MemoryDisk; readonly log: AppendLog }> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/data");
  const { log } = await openLog(disk);
  if (records.length > 0) await log.append(records);
  return { disk, log };
}

function openLog(disk: MemoryDisk): Promise<OpenedLog> {
  return AppendLog.open(disk, PATH, FORMAT);
}

async function recordsAfter(disk: MemoryDisk): Promise<readonly LogRecord[]> {
  return (await openLog(disk)).records;
}

function numbered(from: number, to: number): readonly LogRecord[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ kind: "n", fields: [`${from + i}`] }));
}

function countOperations(disk: MemoryDisk, kind: DiskOperationKind): () => number {
  const before = disk.fault;
  let count = 0;
  disk.fault = (operation) => {
    if (operation.kind === kind) count++;
    return before?.(operation) ?? null;
  };
  return () => count;
}

/** The next operation of this kind fails, those after it don't. */
function failNext(disk: MemoryDisk, kind: DiskOperationKind): void {
  disk.fault = (operation) => {
    if (operation.kind !== kind) return null;
    disk.fault = null;
    return "EIO";
  };
}

/** Holds every sync until `open` is called. */
function gateSyncs(disk: MemoryDisk): { readonly reached: () => Promise<void>; open(): void } {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  disk.latency = ({ kind }) => {
    if (kind !== "sync") return null;
    reached.resolve();
    return opened.promise;
  };
  return {
    reached: () => reached.promise,
    open() {
      disk.latency = null;
      opened.resolve();
    },
  };
}

/** Lets all that is ready go on; on a memory disk without latency that is all there is. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}
