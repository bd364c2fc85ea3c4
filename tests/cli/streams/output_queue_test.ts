import { assert, assertEquals } from "@std/assert";
import { type OutputOptions, OutputQueue } from "../../../lib/cli/streams/output_queue.ts";
import { writeLast } from "../../../lib/cli/streams/write_whole.ts";
import { MemoryStreams, settle } from "../memory_streams.ts";
import { SLOW } from "../../given.ts";

function outputTo(streams: MemoryStreams, prompt?: OutputOptions["prompt"]) {
  let closings = 0;
  const output = new OutputQueue({
    stdout: streams.stdout,
    stderr: streams.stderr,
    onClosed: () => closings++,
    ...(prompt === undefined ? {} : { prompt }),
  });
  return { output, closings: () => closings };
}

Deno.test("Output writes what comes in one turn at once, in the order of both channels", async () => {
  const streams = new MemoryStreams();
  const { output } = outputTo(streams);
  output.write("stdout", "a\n");
  output.write("stdout", "b\n");
  output.write("stderr", "c\n");
  output.write("stdout", "d\n");
  await output.flush();
  assertEquals(streams.writes, ["a\nb\n", "c\n", "d\n"]);
});

Deno.test("Output joins what comes while its reader is busy", async () => {
  const streams = new MemoryStreams();
  const { output } = outputTo(streams);
  streams.hold();
  output.write("stdout", "a\n");
  await settle();
  for (const line of ["b\n", "c\n", "d\n"]) output.write("stdout", line);
  streams.release();
  await output.flush();
  assertEquals(streams.writes, ["a\n", "b\nc\nd\n"]);
});

Deno.test("Output says that a line is written while others behind it still wait", async () => {
  const streams = new MemoryStreams();
  const { output } = outputTo(streams);
  let writes: readonly string[] = [];
  output.write("stdout", "a\n");
  const written = output.written().then(() => writes = [...streams.writes]);
  await Promise.resolve();
  output.write("stderr", "b\n");
  output.write("stdout", "c\n");
  await written;
  assertEquals(writes[0], "a\n");
  assert(!writes.includes("c\n"));
  await output.flush();
  await output.written(); // nothing waits
});

Deno.test("Output isn't ready while 1 MiB waits, 256 KiB with a prompt, and says when it is again", async () => {
  const prompt = { compose() {}, erase() {}, nowMs: () => 0 };
  for (const [given, kib] of [[undefined, 1024], [prompt, 256]] as const) {
    const streams = new MemoryStreams();
    const { output } = outputTo(streams, given);
    streams.hold();
    const line = `${"x".repeat(1_023)}\n`;
    for (let lines = 0; lines < kib; lines++) output.write("stdout", line);
    assertEquals(output.ready(), null);
    output.write("stdout", line);
    const ready = output.ready();
    assert(ready !== null);
    let isReady = false;
    void ready.then(() => isReady = true);
    await settle();
    assertEquals(isReady, false);
    streams.release();
    await ready;
    assertEquals(output.ready(), null);
  }
});

Deno.test("Output tells once that its reader is gone, and takes nothing more", async () => {
  const streams = new MemoryStreams();
  const { output, closings } = outputTo(streams);
  streams.break();
  output.write("stdout", "a\n");
  await output.flush();
  output.write("stdout", "x".repeat(2_000_000));
  await output.flush();
  assertEquals([closings(), output.ready(), streams.stdoutText], [1, null, ""]);
});

Deno.test("Output composes at the last moment, and again when all is written", async () => {
  const streams = new MemoryStreams();
  let stale = true;
  const { output } = outputTo(streams, {
    compose() {
      if (stale) output.write("stdout", "<prompt>");
      stale = false;
    },
    erase() {},
    nowMs: () => 0,
  });
  output.write("stdout", "a\n");
  await output.flush();
  stale = true;
  output.wake();
  await output.flush();
  assertEquals(streams.writes, ["a\n<prompt>", "<prompt>"]);
});

Deno.test("Output draws the prompt between lines that never stop, every 50 ms, and erases it again", async () => {
  const streams = new MemoryStreams();
  const line = `${"x".repeat(39_999)}\n`;
  const write = streams.stdout.write;
  let shown = 0;
  let isStale = true;
  const show = (count: number) => {
    for (; count > 0 && shown < 200; count--, shown++) {
      output.writeParts("stdout", line.length, () => [line]);
    }
  };
  streams.stdout.write = (bytes) => {
    streams.nowMs += 10;
    show(2); // faster than lines can be written
    return write(bytes);
  };
  const { output } = outputTo(streams, {
    compose() {
      if (isStale) output.write("stdout", "<prompt>");
      isStale = false;
    },
    erase() {
      output.write("stdout", "<erased>");
      isStale = true;
    },
    nowMs: () => streams.nowMs,
  });

  show(1);
  await output.flush();

  const written = streams.stdoutText.replaceAll(line, "x");
  assertEquals(written.replaceAll(/<prompt>(<erased>|$)/g, ""), "x".repeat(200));
  const runs = written.split("<prompt><erased>").map((run) => run.replace("<prompt>", "").length);
  assert(Math.max(...runs) <= 6, `lines between two prompts: ${runs}`);
  const apart = streams.writes.filter((text) => text === "<prompt>").length;
  assert(apart >= runs.length - 1, "the prompt stays on the screen while the next line is made");
});

Deno.test("Output has an error where the disk is full, none where its reader has gone", async () => {
  const full = new Error("No space left on device (os error 28)");
  const seen: (string | undefined)[] = [];
  for (const error of [full, undefined]) {
    const streams = new MemoryStreams();
    const { output, closings } = outputTo(streams);
    streams.break(error);
    output.write("stdout", "a\n");
    await output.flush();
    assertEquals(closings(), 1);
    seen.push(output.error?.message);
  }
  assertEquals(seen, [
    "Cannot write to standard output: No space left on device; make room there, or write to another place",
    undefined,
  ]);
});

/** `count` lines, and how many of them have been made. */
function countedLines(count: number, line: string) {
  const made = { count: 0 };
  const parts = function* () {
    for (; made.count < count; made.count++) yield line;
  };
  return { made, units: count * line.length, parts };
}

Deno.test("Output makes a little text at once", () => {
  const { output } = outputTo(new MemoryStreams());
  const lines = countedLines(2, "a\n");
  output.writeParts("stdout", lines.units, lines.parts);
  assertEquals(lines.made.count, 2);
});

Deno.test("Output makes much text as its reader takes it, and what comes meanwhile after it", async () => {
  const streams = new MemoryStreams();
  const { output } = outputTo(streams);
  const long = countedLines(64, `${"x".repeat(65_535)}\n`);
  const short = countedLines(1, "last\n");
  streams.hold();
  output.write("stdout", "first\n");
  output.writeParts("stdout", long.units, long.parts);
  await settle();
  output.writeParts("stdout", short.units, short.parts);
  output.write("stdout", "very last\n");
  await settle();

  assert(long.made.count <= 3, `${long.made.count} parts are made while nobody reads`);
  assertEquals(short.made.count, 0);
  assert(output.ready() !== null);
  streams.release();
  await output.flush();
  assertEquals([long.made.count, output.ready()], [64, null]);
  assertEquals(
    streams.stdoutText.replaceAll(/x+\n/g, "x"),
    `first\n${"x".repeat(64)}last\nvery last\n`,
  );
  assert(Math.max(...streams.writes.map((text) => text.length)) <= 200_000);
});

Deno.test("Output makes no text that nobody reads", async () => {
  const streams = new MemoryStreams();
  const { output } = outputTo(streams);
  streams.break();
  const lines = countedLines(64, `${"x".repeat(65_535)}\n`);
  output.writeParts("stdout", lines.units, lines.parts);
  await output.flush();
  assert(lines.made.count <= 3, `${lines.made.count} parts were made`);
  assertEquals(output.ready(), null);
});

Deno.test("Output is full while a whole history waits", async () => {
  const streams = new MemoryStreams();
  const { output } = outputTo(streams);
  const lines = countedLines(1, "x\n");
  output.writeParts("stdout", 64 * 1024 * 1024, lines.parts);
  assertEquals(output.isFull, false);
  output.writeParts("stdout", 2, lines.parts);
  assertEquals(output.isFull, true);
  await output.flush();
  assertEquals(output.isFull, false);
});

Deno.test("last words are given up where their reader stands still", SLOW, async () => {
  const streams = new MemoryStreams();
  streams.hold();
  assertEquals(await writeLast(streams.stdout, "fatal\n"), null);
  assertEquals(streams.stdoutText, "");
  streams.release();
  const full = new Error("No space left on device (os error 28)");
  streams.break(full);
  assertEquals(await writeLast(streams.stderr, "fatal\n"), full);
});
