/** What was said privately in a room, in the folder of the room. */

import { fingerprintOf } from "../../base/text/fingerprint.ts";
import type { RoomId } from "../../base/ids.ts";
import type { MeshEvent } from "../../protocols/mesh/schema/events.ts";
import type { MeshHost } from "../../runtime/hosts/mesh_host.ts";
import { openPrivateStore, PrivateHistory } from "../session/private_history.ts";
import type { Profile } from "../session/mode_session.ts";
import type { MeshOptions } from "./mesh_arguments.ts";

/**
 * @param roomFolder The folder of a room.
 * @param host Null before the room is open; then nothing is said privately, or asked.
 * @param warn Tells the user what couldn't be read or written.
 */
export function roomConversations(
  { disk, identity, options }: Pick<Profile, "disk" | "identity"> & {
    readonly options: Pick<MeshOptions, "keepsWords">;
  },
  roomFolder: (room: RoomId) => string,
  host: () => Pick<MeshHost, "room" | "nameOf" | "shownName"> | null,
  warn: (text: string) => void,
): PrivateHistory<MeshEvent> {
  const { key: own } = identity.signer;
  return new PrivateHistory<MeshEvent>({
    open: () => openPrivateStore(disk, roomFolder(host()!.room!), options.keepsWords, warn),
    ownKey: fingerprintOf(own),
    ownName: () => host()!.nameOf(own),
    shownName: (key, name) => key === null ? name : host()!.shownName(key, name),
    isWith: ({ key }, about) => key !== null && fingerprintOf(key) === about.key,
  });
}
