import { assertEquals, assertStringIncludes } from "@std/assert";
import type { PeerKey } from "../../../lib/base/ids.ts";
import type { PrivateWords } from "../../../lib/base/schema/private_words.ts";
import { PrivateLog } from "../../../lib/cli/session/private_log.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const FOLDER = "/p/room";
const FIRST = `${FOLDER}/private-000001`;
const SECOND = `${FOLDER}/private-000002`;
const bob = "b0".repeat(32) as PeerKey;

async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder(FOLDER);
  return disk;
}

function open(disk: MemoryDisk, told: string[] = [], segmentBytes = 1_000, segmentsMax = 3) {
  return new PrivateLog(disk, FOLDER, (text) => told.push(text), { segmentBytes, segmentsMax });
}

function words(text: string, of: Partial<PrivateWords> = {}): PrivateWords {
  return { id: `id of ${text}`, key: bob, name: "Bob", self: false, text, sentAt: 1_000, ...of };
}

async function keepAll(log: PrivateLog, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) await log.keep(words(text));
}

async function bytesIn(disk: MemoryDisk): Promise<number> {
  let sum = 0;
  for (const path of disk.paths()) sum += (await disk.stat(path))!.bytes;
  return sum;
}

async function textsIn(log: PrivateLog, count = 100): Promise<readonly string[]> {
  return (await log.find(() => true, count)).map(({ text }) => text);
}

Deno.test("PrivateLog finds what was kept at earlier starts, the last of it, whole, in a file for the owner alone", async () => {
  const disk = await emptyDisk();
  const first = open(disk);
  const said = words("two\nlines", { self: true, key: null, sentAt: 2_000 });
  await keepAll(first, "one");
  await first.keep(said);
  await first.close();
  const again = open(disk);
  await keepAll(again, "three");

  assertEquals(await again.find(({ self }) => self, 5), [{ kind: "said", ...said } as never]);
  assertEquals(await textsIn(again), ["one", "two\nlines", "three"]);
  assertEquals(await textsIn(again, 2), ["two\nlines", "three"]);
  assertEquals(await textsIn(again, 0), []);
  assertEquals(disk.paths(), [FIRST]);
  assertEquals((await disk.stat(FIRST))?.mode, 0o600);
  await again.close();
});

Deno.test("PrivateLog finds what was kept before it was asked, and nothing that is kept while it looks", async () => {
  const log = open(await emptyDisk());
  const first = log.keep(words("one"));
  const found = textsIn(log);
  await Promise.all([first, log.keep(words("two")), log.keep(words("three"))]);
  assertEquals(await found, ["one"]);
  assertEquals(await textsIn(log), ["one", "two", "three"]);
  await log.close();
});

Deno.test("PrivateLog touches nothing before the first message, and makes nothing for a question", async () => {
  const disk = await emptyDisk();
  const before = disk.operations;
  const log = open(disk);
  assertEquals(disk.operations, before);
  assertEquals(await textsIn(log), []);
  await log.close();
  assertEquals(disk.paths(), []);
});

Deno.test("PrivateLog loses nothing to a kill once it is kept; what was synced survives a power cut", async () => {
  const disk = await emptyDisk();
  const log = open(disk);
  await keepAll(log, "one", "two");
  const killed = open(disk.copy().kill());
  assertEquals(await textsIn(killed), ["one", "two"]);
  await log.close();
  assertEquals(await textsIn(open(disk.crash())), ["one", "two"]);
});

Deno.test("PrivateLog keeps once what comes again after a kill, and both of two with one id", async () => {
  const disk = await emptyDisk();
  const killed = open(disk);
  await keepAll(killed, "one", "two");
  const again = open(disk.kill());
  await killed.close();
  await keepAll(again, "two", "three");
  await again.keep(words("a lie", { id: "id of three", sentAt: 9 }));
  assertEquals((again.disk as MemoryDisk).text(FIRST)!.split("\ttwo\t").length, 1 + 1);
  assertEquals(await textsIn(again), ["one", "two", "three", "a lie"]);
  assertEquals(await textsIn(open(again.disk as MemoryDisk)), ["one", "two", "three", "a lie"]);
  await again.close();
});

Deno.test("PrivateLog finds once, and by the key, what was said to a friend whose key wasn't known before it was delivered", async () => {
  const disk = await emptyDisk();
  const own = words("mine", { self: true, key: null });
  const before = open(disk);
  await before.keep(own);
  await before.close();
  const log = open(disk);
  const key = "66".repeat(32) as PeerKey;
  await log.keep({ ...own, key });
  assertEquals([await textsIn(log), (await log.find((one) => one.key === key, 9)).length], [[
    "mine",
  ], 1]);
  await log.close();
});

Deno.test("PrivateLog answers a question with all that was to be kept before it", async () => {
  const log = open(await emptyDisk());
  const kept = [log.keep(words("one")), log.keep(words("two"))];
  assertEquals(await textsIn(log), ["one", "two"]);
  await Promise.all(kept);
  await log.close();
});

Deno.test("PrivateLog writes what waits at once, no more to a file than one after the other", async () => {
  const [disk, other] = [await emptyDisk(), await emptyDisk()];
  const texts = Array.from({ length: 150 }, (_, at) => `${at} ${"x".repeat(50)}`);
  const [together, inTurn] = [open(disk, [], 20_000), open(other, [], 20_000)];
  await Promise.all(texts.map((text) => together.keep(words(text))));
  await keepAll(inTurn, ...texts);

  assertEquals(await textsIn(together, 200), texts);
  for (const path of [FIRST, SECOND]) assertEquals(disk.text(path), other.text(path));
  assertEquals(disk.operations < other.operations / 2, true, `${disk.operations}`);
  await Promise.all([together.close(), inTurn.close()]);
});

Deno.test("PrivateLog drops the oldest where there would be more than it may have", async () => {
  const disk = await emptyDisk();
  const log = open(disk);
  const texts = Array.from({ length: 60 }, (_, index) => `${index} ${"x".repeat(50)}`);
  await keepAll(log, ...texts);
  await log.close();

  assertEquals(await bytesIn(disk) <= 3 * 1_200, true);
  const again = open(disk);
  const found = await textsIn(again);
  assertEquals([found, found.length > 5], [texts.slice(-found.length), true]);
  assertEquals(await textsIn(again, 5), texts.slice(-5));
  await keepAll(again, texts[58]!, "after");
  assertEquals((await textsIn(again)).slice(-2), [texts[59], "after"]);
  await again.close();
});

Deno.test("PrivateLog goes on keeping where a file is damaged that it has written itself", async () => {
  const disk = await emptyDisk();
  const told: string[] = [];
  const log = open(disk, told);
  const mallory = { key: "66".repeat(32) as PeerKey, name: "Mallory" };
  await keepAll(log, "from Bob");
  const later = async (from: number, to: number) => {
    for (let at = from; at < to; at++) await log.keep(words(`${at} ${"y".repeat(50)}`, mallory));
  };
  await later(0, 8);
  disk.place(FIRST, disk.text(FIRST)!.replace("y", "z"));
  await later(8, 40);

  assertEquals(told, []);
  assertEquals([await bytesIn(disk) <= 3_200, disk.paths().length > 1], [true, true]);
  assertEquals((await textsIn(log, 1))[0]!.slice(0, 3), "39 ");
  await log.close();
});

Deno.test("PrivateLog tells of a damaged file, finds what is before the damage and in others, and goes on in a new one", async () => {
  const disk = await emptyDisk();
  const log = open(disk);
  await keepAll(log, "one", "two", "three");
  await log.close();
  disk.place(FIRST, disk.text(FIRST)!.replace("two", "TWO"));

  const told: string[] = [];
  const again = open(disk, told);
  await keepAll(again, "four");
  assertEquals(told.length, 1);
  assertStringIncludes(told[0]!, `Cannot read ${FIRST}: line 3 is damaged`);
  assertStringIncludes(told[0]!, "New private messages are kept in another file");
  assertEquals(await textsIn(again), ["one", "four"]);
  assertStringIncludes(told[1]!, `Some of what was said privately can't be found: Cannot read`);
  assertEquals(disk.paths(), [FIRST, SECOND]);
  await again.close();
});

Deno.test("PrivateLog tells of an earlier file that has lost its end, and finds what is left of it", async () => {
  const disk = await emptyDisk();
  const log = open(disk, [], 100);
  await keepAll(log, "one", "two");
  await log.close();
  disk.place(FIRST, disk.text(FIRST)!.slice(0, -3));

  const told: string[] = [];
  const again = open(disk, told, 100);
  assertEquals([await textsIn(again), told.length], [["two"], 1]);
  assertStringIncludes(told[0]!, `Cannot read ${FIRST}: line 2 is damaged, its end is missing`);
  await again.close();
});

Deno.test("PrivateLog keeps once what comes again after a kill just after another file was begun", async () => {
  const disk = await emptyDisk();
  const log = open(disk, [], 100);
  await keepAll(log, "one", "two");
  await log.close();

  const again = open(disk);
  await keepAll(again, "one", "two", "three");
  assertEquals(disk.paths().map((path) => disk.text(path)!.split("\tone\t").length - 1), [1, 0]);
  assertEquals(await textsIn(again), ["one", "two", "three"]);
  await again.close();
});

Deno.test("PrivateLog leaves a file of another version as it is, and goes on in a new one", async () => {
  const disk = await emptyDisk();
  disk.place(FIRST, "nothing of ours\n");
  const told: string[] = [];
  const log = open(disk, told);
  await keepAll(log, "one");
  assertEquals([disk.text(FIRST), await textsIn(log)], ["nothing of ours\n", ["one"]]);
  assertEquals(told.length, 2);
  await log.close();
});

Deno.test("PrivateLog drops what a power cut has torn off, and says so", async () => {
  const disk = await emptyDisk();
  const log = open(disk);
  await keepAll(log, "one", "two");
  await log.close();
  disk.place(FIRST, disk.text(FIRST)!.slice(0, -3));
  const told: string[] = [];
  const again = open(disk, told);
  await keepAll(again, "three");
  assertEquals(await textsIn(again), ["one", "three"]);
  assertStringIncludes(told.join(), `at the end of ${FIRST}, from line 3 on`);
  await again.close();
});

Deno.test("PrivateLog tells once that the disk refuses, and saves what came meanwhile when it doesn't", async () => {
  const disk = await emptyDisk();
  const told: string[] = [];
  const log = open(disk, told, 10_000);
  const own = words("taken back", { self: true });
  await keepAll(log, "one");
  await log.keep(own);
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  await keepAll(log, "two", "three");
  await log.takeBack(own);
  assertEquals(told.length, 1);
  assertStringIncludes(told[0]!, "Private messages aren't saved: Cannot write");
  assertEquals(await textsIn(log), ["one", "two", "three"]);
  assertEquals(await textsIn(log, 1), ["three"]);
  disk.fault = null;
  await keepAll(log, "four");
  const saved = ["one", "two", "three", "four"];
  assertEquals([await textsIn(log), await textsIn(open(disk.copy().kill()))], [saved, saved]);
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  await keepAll(log, "five");
  assertEquals(told.length, 2);
  disk.fault = null;
  await log.close();
  assertEquals(await textsIn(open(disk.crash())), [...saved, "five"]);
});

Deno.test("PrivateLog tries by itself what the disk refused, though nothing more comes", async () => {
  const disk = await emptyDisk();
  const log = open(disk, [], 10_000);
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  const set = globalThis.setTimeout;
  let again = () => {};
  globalThis.setTimeout = ((work: () => void) => {
    again = work;
    return 0;
  }) as unknown as typeof set;
  try {
    await keepAll(log, "one");
    disk.fault = null;
    again();
    await textsIn(log); // an answer behind that write
  } finally {
    globalThis.setTimeout = set;
  }
  assertEquals(await textsIn(open(disk.kill())), ["one"]);
  await log.close();
});

Deno.test("PrivateLog has no more in memory of what the disk refuses than fits into a file, the last of it", async () => {
  const disk = await emptyDisk();
  const log = open(disk);
  disk.fault = ({ kind }) => kind === "write" ? "ENOSPC" : null;
  await keepAll(log, "one", "two", "three");
  assertEquals(await textsIn(log), ["three"]);
  await log.close();
  assertEquals(disk.paths(), []);
});

Deno.test("PrivateLog: another one's message with the id and time of one's own is kept, and not taken back with it", async () => {
  const log = open(await emptyDisk());
  const own = words("mine", { id: "1", self: true });
  await log.keep(own);
  await log.keep(words("theirs", { id: "1" }));
  assertEquals(await textsIn(log), ["mine", "theirs"]);
  await log.takeBack(own);
  assertEquals(await textsIn(log), ["theirs"]);
  await log.close();
});

Deno.test("PrivateLog goes on in order after a million files, of which the oldest goes", async () => {
  const disk = await emptyDisk();
  const log = open(disk, [], 100);
  await log.keep(words("one"));
  await log.close();
  await disk.rename(FIRST, `${FOLDER}/private-999999`);
  const later = open(disk, [], 100);
  await keepAll(later, "two ".repeat(30), "three ".repeat(30), "four");
  assertEquals(await textsIn(later, 1), ["four"]);
  const paths = disk.paths();
  assertEquals(paths.includes(`${FOLDER}/private-1000002`), true);
  assertEquals(paths.includes(`${FOLDER}/private-999999`), false);
  await later.close();
});
