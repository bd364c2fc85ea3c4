import { assertEquals } from "@std/assert";
import { PrivateLog } from "../../../lib/cli/session/private_log.ts";
import { PrivateMemory } from "../../../lib/cli/session/private_memory.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

function words(text: string) {
  return { id: text, key: null, name: "Bob", self: true, text, sentAt: 0 };
}

async function newMemory() {
  const disk = new MemoryDisk();
  await disk.makeFolder("/r");
  const earlier = new PrivateLog(disk, "/r", () => {});
  await earlier.keep(words("earlier"));
  const memory = new PrivateMemory(earlier);
  const texts = async (count: number) =>
    (await memory.find(({ text }) => text !== "no", count)).map(({ text }) => text.slice(0, 9));
  return { disk, memory, texts };
}

Deno.test("PrivateMemory finds what earlier starts have kept, and what it has, of which the disk has nothing", async () => {
  const { disk, memory, texts } = await newMemory();
  for (const text of ["one", "no", "two"]) await memory.keep(words(text));
  await memory.takeBack(words("one"));
  assertEquals([await texts(5), await texts(1), await texts(0)], [["earlier", "two"], ["two"], []]);
  const found = texts(5);
  await memory.keep(words("meanwhile"));
  assertEquals(await found, ["earlier", "two"]);
  await memory.close();
  const all = disk.paths().map((path) => disk.text(path)).join();
  assertEquals([all.includes("earlier"), all.includes("two")], [true, false]);
});

Deno.test("PrivateMemory is bounded: the oldest go, by number and by size", async () => {
  const { memory, texts } = await newMemory();
  for (let number = 0; number <= 10_000; number++) await memory.keep(words(`number ${number}`));
  const kept = await texts(20_000);
  assertEquals([kept.length <= 1 + 10_000, kept.length > 9_000], [true, true]);
  assertEquals([kept[0], kept.includes("number 0")], ["earlier", false]);
  for (let number = 0; number < 600; number++) await memory.keep(words("x".repeat(65_536)));
  assertEquals((await texts(20_000)).length <= 1 + 256, true);
  assertEquals((await texts(1))[0], "xxxxxxxxx");
  await memory.close();
});

Deno.test("PrivateMemory: another one's message isn't taken back with one's own of the same id", async () => {
  const { memory, texts } = await newMemory();
  const own = { ...words("mine"), id: "1", self: true };
  await memory.keep(own);
  await memory.keep({ ...words("theirs"), id: "1", self: false });
  await memory.takeBack(own);
  assertEquals(await texts(5), ["earlier", "theirs"]);
  await memory.close();
});
