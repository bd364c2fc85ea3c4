import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import type { DiskLock } from "../../../lib/store/disk/disk.ts";
import { takeTurn } from "../../../lib/store/disk/held_lock.ts";
import { MemoryDisk } from "../../doubles/memory_disk.ts";
import { HastyClock } from "../hasty_clock.ts";

const PATH = "/p/users.txt";
const LOCK = "/data/tables/1.lock";

Deno.test("takeTurn() waits until another program has ended its change", async () => {
  const disk = new MemoryDisk();
  const first = await takeTurn(disk, PATH, LOCK, "1", new HastyClock());
  const clock = new HastyClock((ms) => ms === 500 && first.release());

  const second = await takeTurn(disk, PATH, LOCK, "2", clock);
  second.release();

  assertEquals(clock.ms, 500);
});

Deno.test("takeTurn() waits for 10 s at most, and says for whom", async () => {
  const disk = new MemoryDisk();
  await takeTurn(disk, PATH, LOCK, "17", new HastyClock());
  const clock = new HastyClock();

  const error = await assertRejects(
    () => takeTurn(disk, PATH, LOCK, "18", clock),
    P2pchatError,
  );

  assertEquals([error.code, clock.ms], ["in-use", 10_000]);
  assertMatch(error.message, /^Cannot write \/p\/users\.txt: process 17 has been changing it for/);
});

Deno.test("takeTurn() waits while others have the lock in turn, for 60 s at most and for the last for 10 s", async () => {
  for (
    const [programs, heldMs, endMs, text] of [
      [20, 1_000, 29_000, "process 20 has been changing it for 10 s; try again, or end that one"],
      [20, 9_000, 60_000, "other programs have been changing it for 60 s; try again when fewer do"],
    ] as const
  ) {
    const disk = new MemoryDisk();
    await disk.makeFolder("/data/tables");
    let program = 1;
    let held = take(disk, program);
    const clock = new HastyClock((ms) => {
      if (ms < heldMs * program || program === programs) return;
      held = held.then((lock) => {
        lock.release();
        return take(disk, ++program);
      });
    });

    const error = await assertRejects(() => takeTurn(disk, PATH, LOCK, "99", clock), P2pchatError);

    assertEquals([error.code, error.message], ["in-use", `Cannot write ${PATH}: ${text}`]);
    assertEquals(clock.ms, endMs);
  }
});

async function take(disk: MemoryDisk, program: number): Promise<DiskLock> {
  const lock = await disk.tryLock(LOCK, `${program}\n`);
  assert("release" in lock);
  return lock;
}
