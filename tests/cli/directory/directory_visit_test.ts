import { assertEquals } from "@std/assert";
import { DirectoryVisit } from "../../../lib/cli/directory/directory_visit.ts";
import type { Fingerprint } from "../../../lib/base/text/fingerprint.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const [HERE, ELSEWHERE] = ["here", "elsewhere"] as [Fingerprint, Fingerprint];
const LEFT = "2026-01-01T12:00:00.000Z";

/** One start of the program. @returns What it tells. */
async function visited(
  disk: MemoryDisk,
  directory: Fingerprint,
  atMs: number,
  { tells = true, comesIn = true } = {},
): Promise<readonly string[]> {
  const told: string[] = [];
  const visit = new DirectoryVisit({
    disk,
    folder: "/p/registry",
    wallMs: () => atMs,
    warn: (text) => told.push(text),
    tell: tells ? ({ since }) => told.push(since) : null,
  });
  visit.isAt(directory);
  if (comesIn) { for (const _ of ["at first", "again"]) visit.cameIn(); }
  await visit.close();
  return told;
}

Deno.test("who is logged in at a directory again is told once since when they were away from that one", async () => {
  const disk = new MemoryDisk();
  const leftMs = Date.parse(LEFT);
  assertEquals(await visited(disk, HERE, leftMs), []);
  assertEquals(await visited(disk, ELSEWHERE, leftMs + 1), []);
  assertEquals(await visited(disk, HERE, leftMs + 2, { comesIn: false }), []);
  assertEquals(await visited(disk, HERE, leftMs + 3_600_000), [LEFT]);
});

Deno.test("a script isn't told, and the next start at a terminal knows that it was there", async () => {
  const disk = new MemoryDisk();
  assertEquals(await visited(disk, HERE, 0), []);
  assertEquals(await visited(disk, HERE, Date.parse(LEFT), { tells: false }), []);
  assertEquals(await visited(disk, HERE, Date.parse(LEFT) + 1), [LEFT]);
});

Deno.test("where the disk refuses nobody is kept from the directory", async () => {
  const disk = new MemoryDisk();
  disk.fault = ({ kind }) => kind === "write" || kind === "makeFolder" ? "ENOSPC" : null;
  assertEquals(await visited(disk, HERE, 0), []);
});
