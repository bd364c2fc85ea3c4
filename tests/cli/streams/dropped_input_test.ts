import { assertEquals } from "@std/assert";
import { DroppedInput, droppedInput } from "../../../lib/cli/streams/dropped_input.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";

/** What of `typed`, in reads, is told when another reader takes the terminal over. */
async function noticeOf(behind: string, ...reads: readonly string[]) {
  const streams = new MemoryStreams();
  let released = 0;
  const dropped = new DroppedInput(streams, behind, () => released++);
  for (const read of reads) streams.type(read);
  assertEquals([droppedInput() === dropped, released], [true, 0]);
  const { notice, read } = await dropped.handOver();
  assertEquals([droppedInput(), released], [null, 1]);
  // Nothing that was typed later is lost, in whatever pieces it is read.
  streams.type("later\r");
  streams.type("more");
  const buffer = new Uint8Array(4);
  let text = "";
  while (text !== "later\rmore") {
    text += new TextDecoder().decode(buffer.subarray(0, (await read(buffer)) ?? 0));
  }
  return notice;
}

const ONE = "1 line that you typed before this prompt was dropped, as it may be a password";
const TWO = "2 lines that you typed before this prompt were dropped, as they may be passwords";

const CASES: readonly (readonly [behind: string, reads: readonly string[], string | null])[] = [
  ["", [], null],
  ["", ["\r", "\r\n"], null],
  ["", ["\x1b[I", "\x1b[A\x1bOH"], null],
  ["secret\n", [], ONE],
  ["", ["sec", "ret\r"], ONE],
  ["", ["\x1b[200~secret\r\x1b[201~"], ONE],
  ["secret\n", ["secr"], TWO],
];

for (const [behind, reads, notice] of CASES) {
  Deno.test(`typed before a prompt: ${JSON.stringify([behind, ...reads])}`, async () => {
    assertEquals(await noticeOf(behind, ...reads), notice);
  });
}

Deno.test("Ctrl+C typed before a prompt interrupts, and the end of input is told to the next reader", async () => {
  const streams = new MemoryStreams();
  let interrupts = 0;
  streams.onSignal("SIGINT", () => interrupts++);
  const dropped = new DroppedInput(streams, "", () => {});
  streams.type("\x03");
  streams.type(null);
  await settle();
  const { read } = await dropped.handOver();
  assertEquals([interrupts, await read(new Uint8Array(4))], [1, null]);
});
