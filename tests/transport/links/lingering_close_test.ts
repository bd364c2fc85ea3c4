import { assertEquals } from "@std/assert";
import type { ByteStream } from "../../../lib/transport/byte_stream.ts";
import { LingeringClose } from "../../../lib/transport/links/lingering_close.ts";

/** Streams whose other side hears nothing so far, and which of them were cut off. */
class World {
  readonly cutOff: string[] = [];
  readonly partings = new LingeringClose(() => {});

  part(name: string, { isStranger }: { readonly isStranger: boolean }): void {
    const stream: ByteStream = {
      remote: { host: "192.0.2.1", port: 1 },
      localHost: "",
      handle() {},
      write() {},
      setReading() {},
      finish() {},
      abort: () => this.cutOff.push(name),
    };
    this.partings.add(stream, { isStranger, writing: true }, 0);
  }
}

Deno.test("Partings cuts off no link before its time when the program ends, however many there are", () => {
  const world = new World();
  world.partings.ending();
  for (let number = 1; number <= 500; number++) world.part(`link ${number}`, { isStranger: false });

  world.partings.check(999);
  assertEquals(world.cutOff, []);
  world.partings.check(1_000);

  assertEquals([world.cutOff.length, world.partings.size], [500, 0]);
});

Deno.test("Partings cuts off the oldest of more than 256 links while the program runs", () => {
  const world = new World();
  world.part("stranger", { isStranger: true });
  for (let number = 1; number <= 258; number++) world.part(`${number}`, { isStranger: false });

  assertEquals(world.cutOff, ["1", "2"]);
});

Deno.test("Partings cuts off the oldest of more than 64 strangers, and no link for them", () => {
  const world = new World();
  world.part("link", { isStranger: false });

  for (let number = 1; number <= 66; number++) world.part(`${number}`, { isStranger: true });

  assertEquals(world.cutOff, ["1", "2"]);
});
