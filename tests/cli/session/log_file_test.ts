import { assertEquals } from "@std/assert";
import { LogFile } from "../../../lib/cli/session/log.ts";

/** A file on a disk with room for so many bytes. */
class Disk {
  text = "";

  constructor(public room: number) {}

  write(bytes: Uint8Array): Promise<number> {
    const count = Math.min(this.room, bytes.length);
    if (count === 0) return Promise.reject(new Error("No space left on device (os error 28)"));
    this.room -= count;
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return Promise.resolve(count);
  }
}

Deno.test("LogFile goes on when the disk takes more, and counts what it left out", async () => {
  const disk = new Disk(7);
  const failures: unknown[] = [];
  const file = new LogFile(disk, (error) => failures.push(error));
  const write = (text: string) => file.write(new TextEncoder().encode(text));

  await write("one\ntwo\nthree\n"); // up to the line feed of the second one
  await write("four\n");
  assertEquals([disk.text, failures.length], ["one\ntwo", 1]);
  disk.room = 4;
  await write("five\n"); // no room for the count, either
  disk.room = 1_000;
  await write("six\n");
  await write("seven\n");
  assertEquals(disk.text, 'one\ntwo\n{"l\n{"leftOut":4}\nsix\nseven\n');

  disk.room = 0;
  await write("eight\n");
  disk.room = 1_000;
  await write("nine\n");
  assertEquals(disk.text.split("\n").slice(-3), ['{"leftOut":1}', "nine", ""]);
  assertEquals(failures.length, 1);
});
