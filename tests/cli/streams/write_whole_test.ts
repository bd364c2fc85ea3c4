import { assertEquals } from "@std/assert";
import { ProgressLine } from "../../../lib/cli/streams/write_whole.ts";
import { MemoryStreams } from "../memory_streams.ts";

Deno.test("ProgressLine says how far it is after a second, as often, and goes without a trace", async () => {
  const streams = new MemoryStreams();
  let nowMs = 0;
  const progress = new ProgressLine(streams.stderr, () => nowMs);
  await progress.clear();
  for (; nowMs <= 2_500; nowMs += 500) await progress.tell(() => `${nowMs} of 9999`);
  await progress.clear();
  await progress.clear();
  assertEquals(streams.stderrText, "\r\x1b[K1000 of 9999\r\x1b[K2000 of 9999\r\x1b[K");
});
