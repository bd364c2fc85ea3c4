import { assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { MeshRooms } from "../../../lib/cli/mesh/mesh_rooms.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { slow } from "../../given.ts";

const CHILD = fileURLToPath(new URL("./entering_child.ts", import.meta.url));

slow.test("processes that enter rooms of one profile at once lose none of each other's rooms and keys", async () => {
  const folder = await Deno.makeTempDir({ prefix: "p2pchat-rooms-" });
  try {
    const ids = ["a", "b"].map((digit) =>
      Array.from({ length: 25 }, (_, at) => `${digit}${10 + at}`.padEnd(64, "0"))
    );
    const children = await Promise.all(ids.map((each) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-check", "-A", CHILD, folder, ...each],
        stdin: "null",
      }).output()
    ));
    const said = children.map(({ stderr }) => new TextDecoder().decode(stderr));
    assertEquals(children.map(({ code }) => code), [0, 0], said.join());

    const disk = new RealDisk();
    const { remembered } = await MeshRooms.open(disk, `${folder}/mesh`);
    const knownPeers = await KnownPeers.open(disk, `${folder}/known_peers`);
    assertEquals(remembered.map(({ room }) => room as string).sort(), ids.flat().sort());
    assertEquals(
      knownPeers.pins().map(({ scope }) => scope).sort(),
      ids.flat().map((id) => `mesh:${id}`).sort(),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
