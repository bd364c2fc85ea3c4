import { assertEquals, assertStringIncludes } from "@std/assert";
import { TypedLines } from "../../../lib/cli/session/typed_lines.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const PATH = "/p/typed";
const TURN = { release() {} };

async function open(disk: MemoryDisk, told: string[] = []): Promise<TypedLines> {
  return await TypedLines.open(disk, PATH, () => Promise.resolve(TURN), (text) => told.push(text));
}

async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  return disk;
}

async function typedAtOneStart(disk: MemoryDisk, lines: readonly string[]): Promise<void> {
  const typed = await open(disk);
  for (const line of lines) typed.add(line);
  await typed.settled();
}

Deno.test("TypedLines finds what was typed at earlier starts, none twice in a row", async () => {
  const disk = await emptyDisk();
  await typedAtOneStart(disk, ["one", "two\nlines\twith a tab", "one"]);
  await typedAtOneStart(disk, ["one", "three"]);
  assertEquals((await open(disk)).lines, ["one", "two\nlines\twith a tab", "one", "three"]);
  assertEquals((await disk.stat(PATH))?.mode, 0o600);
});

Deno.test("TypedLines keeps what another program of the profile added meanwhile", async () => {
  const disk = await emptyDisk();
  const [first, second] = [await open(disk), await open(disk)];
  first.add("first");
  await first.settled();
  second.add("second");
  await second.settled();
  assertEquals((await open(disk)).lines, ["first", "second"]);
});

Deno.test("TypedLines keeps 1,000 lines of 131,072 characters, the newest, and no pasted text", async () => {
  const disk = await emptyDisk();
  const many = Array.from({ length: 1_500 }, (_, index) => `line ${index}`);
  await typedAtOneStart(disk, [...many, "x".repeat(2_049)]);
  assertEquals((await open(disk)).lines, many.slice(-1_000));
  const long = Array.from({ length: 100 }, (_, index) => String(index).padEnd(2_048, "."));
  await typedAtOneStart(disk, long);
  assertEquals((await open(disk)).lines, long.slice(-64));
});

Deno.test("TypedLines writes lines that follow each other at once, and they survive a crash", async () => {
  const disk = await emptyDisk();
  let turns = 0;
  const turn = () => Promise.resolve({ ...TURN, taken: ++turns });
  const typed = await TypedLines.open(disk, PATH, turn, () => {});
  typed.add("one");
  typed.add("two");
  await typed.settled();
  assertEquals(turns, 1);
  assertEquals((await open(disk.crash())).lines, ["one", "two"]);
});

Deno.test("TypedLines tells once of a damaged file, and leaves it as it is", async () => {
  const disk = await emptyDisk();
  await typedAtOneStart(disk, ["one"]);
  disk.place(PATH, new TextEncoder().encode("nonsense\n"));
  const told: string[] = [];
  const typed = await open(disk, told);
  assertEquals(typed.lines, []);
  typed.add("two");
  await typed.settled();
  assertEquals(told.length, 1);
  assertStringIncludes(told[0]!, "What you type isn't kept for the next start: ");
  assertStringIncludes(told[0]!, PATH);
  assertEquals(new TextDecoder().decode((await disk.read(PATH))!), "nonsense\n");
});
