import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { P2pchatError } from "../../lib/base/errors.ts";
import { takeTurn } from "../../lib/store/file_turn.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { HastyClock } from "./hasty_clock.ts";

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
