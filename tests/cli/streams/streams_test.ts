import { assertEquals } from "@std/assert";
import { PatientSink, type Sink } from "../../../lib/cli/streams/streams.ts";

const BUFFER_BYTES = 1_024;
const PIPE_BUF = 4_096;

/** What never waits: it has room for so many bytes, and refuses what is more. */
class Refusing implements Sink {
  written: number[] = [];
  refusals = 0;

  constructor(public room: number, readonly isPipe: boolean) {}

  write(bytes: Uint8Array): Promise<number> {
    try {
      return Promise.resolve(this.take(bytes));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  take(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    const isWhole = this.isPipe && bytes.length <= PIPE_BUF;
    const count = isWhole && this.room < bytes.length ? 0 : Math.min(this.room, bytes.length);
    if (count === 0) {
      this.refusals++;
      this.room = 5_000; // somebody reads at last
      throw new Deno.errors.WouldBlock();
    }
    this.room -= count;
    this.written.push(...bytes.subarray(0, count));
    return count;
  }

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.written));
  }
}

/** The runtime's standard output above it, which keeps what follows the last line feed (LineWriter of Rust). */
class LineBuffered implements Sink {
  #kept: number[] = [];

  constructor(readonly below: Refusing) {}

  write(bytes: Uint8Array): Promise<number> {
    try {
      const end = bytes.lastIndexOf(10) + 1;
      const count = end === 0 ? this.#keep(bytes) : this.#writeLines(bytes, end);
      this.#flush();
      return Promise.resolve(count);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #writeLines(bytes: Uint8Array, end: number): number {
    this.#flush();
    const count = this.below.take(bytes.subarray(0, end));
    return count + this.#keep(bytes.subarray(count, count < end ? end : undefined));
  }

  #keep(bytes: Uint8Array): number {
    if (this.#kept.length + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length >= BUFFER_BYTES) return this.below.take(bytes);
    this.#kept.push(...bytes);
    return bytes.length;
  }

  #flush(): void {
    while (this.#kept.length > 0) {
      this.#kept.splice(0, this.below.take(Uint8Array.from(this.#kept)));
    }
  }
}

async function writeAll(sink: Sink, text: string): Promise<void> {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(await sink.write(bytes));
}

const TEXTS: readonly (readonly [what: string, text: string])[] = [
  ["lines", "one line of many\n".repeat(1_000)],
  ["long lines", `${"x".repeat(10_000)}\n`.repeat(2)],
  ["a prompt", "\r\x1b[JAlice> "],
  ["lines and a prompt", `${"a line\n".repeat(400)}Alice> ${"y".repeat(2_000)}`],
];

for (const [what, text] of TEXTS) {
  for (const room of [0, 5, 3_000]) {
    Deno.test(`${what} are written once to a full pipe that refuses, room for ${room} bytes`, async () => {
      const below = new Refusing(room, true);
      await writeAll(new PatientSink(new LineBuffered(below), true), text);
      assertEquals([below.text, below.refusals > 0 || text.length < room], [text, true]);
    });
  }
}

Deno.test("a full terminal that refuses is written to once, but for the first lines", async () => {
  const below = new Refusing(10, false);
  const sink = new PatientSink(new LineBuffered(below), true);
  await writeAll(sink, "the first line\n");
  const before = below.text.length;
  const text = TEXTS.map(([, each]) => each).join("");
  await writeAll(sink, text);
  assertEquals(below.text.slice(before), text);
});

Deno.test("standard error, without a buffer, is written to once", async () => {
  const below = new Refusing(5, false);
  await writeAll(new PatientSink(below, false), "error: what went wrong\n");
  assertEquals([below.text, below.refusals], ["error: what went wrong\n", 1]);
});
