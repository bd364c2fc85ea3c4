import { assertEquals } from "@std/assert";
import { ServerAddresses } from "../../lib/cli/session/server_addresses.ts";
import { MemoryDisk } from "../doubles/memory_disk.ts";

Deno.test("ServerAddresses: what a server told is known at the next start, of those heard of last", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const first = await ServerAddresses.open(disk, "/p");
  assertEquals(first.of("a"), []);
  const [one, two] = [{ host: "one.example", port: 1 }, { host: "::1", port: 65_535 }];
  await first.keep("a", [one]);
  await first.keep("b", [two]);
  await first.keep("a", [one, two]);
  const again = await ServerAddresses.open(disk, "/p");
  assertEquals([again.of("a"), again.of("b"), again.of("c")], [[one, two], [two], []]);

  for (let n = 0; n < 100; n++) await again.keep(`${n}`, [one]);
  const last = await ServerAddresses.open(disk, "/p");
  assertEquals([last.of("a"), last.of("0"), last.of("99")], [[], [one], [one]]);
});
