/** Enters rooms of the profile in the folder of its first argument, one after the other; their ids are the others. */

import { nodeSigner } from "../../../lib/base/crypto/crypto.ts";
import type { RoomId } from "../../../lib/base/ids.ts";
import { MeshRooms } from "../../../lib/cli/mesh/mesh_rooms.ts";
import { takeProfileTurn } from "../../../lib/store/disk/held_lock.ts";
import { RealDisk } from "../../../lib/store/disk/real_disk.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { SYSTEM_LINK_CLOCK } from "../../../lib/transport/system_clock.ts";

const [folder = "", ...ids] = Deno.args;
const disk = new RealDisk();
const takeTurn = () => takeProfileTurn(disk, folder, String(Deno.pid), SYSTEM_LINK_CLOCK);
const { key } = nodeSigner(new Uint8Array(32).fill(1));
const knownPeers = await KnownPeers.open(disk, `${folder}/known_peers`, takeTurn);
for (const room of ids as RoomId[]) {
  const rooms = await MeshRooms.open(disk, `${folder}/mesh`, { takeTurn });
  const warn = (text: string) => {
    throw new Error(text);
  };
  const store = await rooms.openRoom(room, 1, knownPeers, Date.now, warn, false);
  await store.append([{ kind: "incarnation", incarnation: 1 }], true);
  await store.pin({ name: "Bob", key, again: false });
  await store.close();
}
