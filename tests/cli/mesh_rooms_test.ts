import { assertEquals, assertRejects } from "@std/assert";
import { nodeSigner } from "../../lib/base/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { RoomId } from "../../lib/base/ids.ts";
import { MeshRooms } from "../../lib/cli/mesh_rooms.ts";
import { KnownPeers, PINS_MAX } from "../../lib/store/known_peers.ts";
import { writeAll } from "../../lib/store/disk.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { Table } from "../../lib/store/table.ts";
import { utf8 } from "../../lib/base/crypto.ts";

const ROOM = "ab".repeat(32) as RoomId;

function pin(number: number) {
  const { key } = nodeSigner(new Uint8Array(32).fill(number));
  return { kind: "pin", name: `Bob${number}`, key } as const;
}

Deno.test("a room goes on where no more keys can be remembered, and says so once", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const file = await disk.openAppend("/p/known_peers", { empty: true });
  writeAll(file, utf8("# full\n".repeat(PINS_MAX - 1)));
  file.close();
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
  const rooms = await MeshRooms.open(disk, "/p/mesh", () => {});
  const warnings: string[] = [];
  const warn = (text: string) => warnings.push(text);
  const room = await rooms.openRoom(ROOM, 1, knownPeers, () => 0, warn, false);

  for (const number of [1, 2, 3]) await room.append([pin(number)], true);
  await room.close();

  assertEquals(warnings.length, 1);
  assertEquals(knownPeers.pins().map(({ name }) => name), ["Bob1"]);
});

Deno.test("a room's keys that come at once are written at once", async () => {
  const disk = new MemoryDisk();
  await disk.makeFolder("/p");
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
  const rooms = await MeshRooms.open(disk, "/p/mesh", () => {});
  const room = await rooms.openRoom(ROOM, 1, knownPeers, () => 0, () => {}, false);
  let writes = 0;
  const { rename } = disk;
  disk.rename = (from, to) => {
    if (to === "/p/known_peers") writes++;
    return rename.call(disk, from, to);
  };

  await room.append(Array.from({ length: 50 }, (_, number) => pin(number + 1)), true);
  await room.close();

  const again = await KnownPeers.open(disk, "/p/known_peers");
  assertEquals(again.pins().length, 50);
  assertEquals(writes <= 2, true, `${writes}`);
});

for (const row of [["../../else"], [ROOM, "0"], [ROOM, "65536"], [ROOM, "no port"], [ROOM, ""]]) {
  Deno.test(`a last room that nobody wrote so, ${JSON.stringify(row)}, is refused`, async () => {
    const disk = new MemoryDisk();
    await disk.makeFolder("/p/mesh");
    const format = { format: "mesh-last-room", version: 1 };
    await (await Table.open(disk, "/p/mesh/last", format)).table.write([row]);

    const open = () => MeshRooms.open(disk, "/p/mesh", () => {});

    const { code, message } = await assertRejects(open, P2pchatError);
    assertEquals([code, message.split(";")[0]], [
      "store-corrupt",
      "Cannot read /p/mesh/last: line 2 is damaged, it isn't a room and a port",
    ]);
  });
}
