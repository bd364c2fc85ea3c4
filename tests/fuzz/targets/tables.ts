/**
 * The tables of a profile: whom it knows, who it is, the last room, the place of a group, whose friends a folder is for.
 */

import { assert } from "@std/assert";
import { openFriends } from "../../../lib/cli/friends/friends_store.ts";
import { MemberPlaces } from "../../../lib/cli/group/member_place.ts";
import { MeshRooms } from "../../../lib/cli/mesh/mesh_rooms.ts";
import { openIdentity } from "../../../lib/store/profile/identity.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import type { MemoryDisk } from "../../doubles/memory_disk.ts";
import { pathDigest } from "../../../lib/store/disk/paths.ts";
import { TABLE } from "../../samples/samples.ts";
import {
  oneFile,
  onlyEntry,
  profileIn,
  sampleBytes,
  type StoredFile,
  storedFiles,
} from "../stored_files.ts";

function pins(profile: string): StoredFile {
  const path = "/p/known_peers";
  return oneFile(`${profile}/known_peers`, path, (disk) => KnownPeers.open(disk, path));
}

function isPort(port: number | null): boolean {
  return port === null || (Number.isInteger(port) && port > 0 && port < 65_536);
}

async function openRooms(disk: MemoryDisk): Promise<void> {
  const { remembered } = await MeshRooms.open(disk, "/p/mesh");
  for (const { port } of remembered) assert(isPort(port), `${port} is a port`);
}

async function openPlaces(disk: MemoryDisk): Promise<void> {
  const { all } = await MemberPlaces.open(disk, "/p/group", () => null);
  for (const { lastPort } of all) assert(isPort(lastPort), `${lastPort} is a port`);
}

const GROUPS = `${profileIn("group/alice")}/group`;
const FRIENDS = `${profileIn("friends/alice")}/friends`;

function friendsTable(): StoredFile {
  const [from, folder] = [`${FRIENDS}/${onlyEntry(FRIENDS)}`, `/p/friends/${pathDigest(TABLE)}`];
  const files = {
    [`${folder}/table`]: sampleBytes(`${from}/table`),
    [`${folder}/log`]: sampleBytes(`${from}/log`),
  };
  return {
    files,
    path: `${folder}/table`,
    open: (disk) => openFriends(disk, "/p/friends", TABLE),
  };
}

const ALL: readonly StoredFile[] = [
  pins(profileIn("mesh/ann")),
  pins(profileIn("group/bob")),
  pins(profileIn("friends/alice")),
  pins(profileIn("directory/alice")),
  pins("group/serve/serve"),
  oneFile(
    `${profileIn("mesh/ann")}/identity`,
    "/p/identity",
    (disk) => openIdentity(disk, "/p/identity", (length) => new Uint8Array(length)),
  ),
  oneFile(`${profileIn("mesh/ann")}/mesh/last`, "/p/mesh/last", openRooms),
  oneFile(`${GROUPS}/${onlyEntry(GROUPS)}/place`, "/p/group/1/place", openPlaces),
  friendsTable(),
];

const KINDS = [
  "known-peers",
  "identity",
  "mesh-last-room",
  "group-place",
  "friends-table",
  "server",
]
  .concat(["log", "port", "verified", "users:", "mesh:", "group:", "host:", "directory:", "serve"]);

export const tablesTarget = storedFiles("tables", ALL, KINDS);
