import { assertEquals } from "@std/assert";
import { LastSeen, shownAgain } from "../../../lib/cli/session/last_seen.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";

const at = (text: string) => Date.parse(text);
const LEFT = "2026-01-01T12:00:00.000Z";
const NOW = "2026-01-02T12:00:00.000Z";

/** The disk needs nothing but microtasks. */
const written = () => new Promise((done) => setTimeout(done));

async function opened(disk: MemoryDisk, warned: string[] = []): Promise<LastSeen> {
  return await LastSeen.open(disk, "/p", (text) => warned.push(text));
}

Deno.test("LastSeen tells since when the user was away: not at the first start", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const first = await opened(disk);
  assertEquals(first.returned(at(NOW), ""), null);
  await first.leave(at(LEFT));

  const next = await opened(disk);
  assertEquals(next.returned(at(NOW), ""), { event: "returned", since: LEFT });
});

Deno.test("LastSeen: who was killed was there until the last message shown, but not in the future", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  await (await opened(disk)).leave(at(LEFT));
  const seen = await opened(disk);
  const later = "2026-01-01T13:00:00.000Z";

  assertEquals(seen.returned(at(NOW), later)?.since, later);
  assertEquals(seen.returned(at(NOW), "2026-01-01T11:00:00.000Z")?.since, LEFT);
  assertEquals(seen.returned(at(NOW), "2027-01-01T00:00:00.000Z")?.since, NOW);
});

Deno.test("LastSeen: who is killed was there until the last full minute, who leaves until then", async () => {
  let disk = new MemoryDisk();
  await disk.makeFolder("/p");
  let nowMs = 90_000;
  const timers = new Map<number, () => void>();
  const clock = {
    nowMs: () => nowMs,
    at(atMs: number, due: () => void) {
      timers.set(atMs, due);
      return { cancel: () => timers.delete(atMs) };
    },
  };
  const since = async () => (await opened(disk)).returned(at(NOW), "")?.since;
  const seen = await opened(disk);
  seen.here(() => at(LEFT) + nowMs, clock);
  await written();
  // A note each minute that waits for the device would keep it awake.
  disk.fault = ({ kind }) => kind === "sync" || kind === "syncFolder" ? "EIO" : null;
  const noted = [];
  for (const _ of [1, 2]) {
    nowMs = Math.min(...timers.keys());
    timers.get(nowMs)?.();
    await written();
    noted.push(nowMs, await since());
  }
  assertEquals(noted, [120_000, "2026-01-01T12:02:00.000Z", 180_000, "2026-01-01T12:03:00.000Z"]);

  disk.fault = null;
  await seen.leave(at(LEFT) + 185_000);
  assertEquals(timers.size, 0);
  disk = disk.crash();
  assertEquals(await since(), "2026-01-01T12:03:05.000Z");
});

Deno.test("LastSeen: a damaged file is told of, stays as it is, and keeps nobody away", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  disk.place("/p/seen", new TextEncoder().encode("nonsense\n"));
  const warned: string[] = [];
  const seen = await opened(disk, warned);
  await seen.leave(at(NOW));

  assertEquals(seen.returned(at(NOW), ""), null);
  assertEquals(warned.length, 1);
  assertEquals(disk.text("/p/seen"), "nonsense\n");
});

Deno.test("a terminal shows 20 messages again, a script none, unless another number is given", () => {
  const terminal = { interactive: true };
  const script = { interactive: false };
  assertEquals(shownAgain({ historyCount: null }, terminal), 20);
  assertEquals(shownAgain({ historyCount: null }, script), null);
  assertEquals(shownAgain({ historyCount: 0 }, terminal), 0);
  assertEquals(shownAgain({ historyCount: 5 }, script), 5);
});
