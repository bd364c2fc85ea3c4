/** The append logs of all modes: rooms, friends, a group's members and coordinator, a directory and its clients. */

import type { RoomId } from "../../../lib/base/ids.ts";
import { openFriends } from "../../../lib/cli/friends/friends_store.ts";
import { verifiedLog } from "../../../lib/cli/tools/group_log_verify.ts";
import { MeshRooms } from "../../../lib/cli/mesh/mesh_rooms.ts";
import { openRecords } from "../../../lib/cli/session/record_store.ts";
import { openRegistry } from "../../../lib/cli/directory/registry_client.ts";
import { DIRECTORY_LOG } from "../../../lib/protocols/directory/schema/records.ts";
import { KnownPeers } from "../../../lib/store/profile/known_peers.ts";
import { openCoordinatorAt, openMemberAt } from "../../cli/group_stores.ts";
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

function room(kind: string, name: string): StoredFile {
  const folder = `${profileIn(`${kind}/${name}`)}/mesh`;
  const room = onlyEntry(folder) as RoomId;
  const path = `/p/mesh/${room}/log`;
  return oneFile(`${folder}/${room}/log`, path, async (disk) => {
    const rooms = await MeshRooms.open(disk, "/p/mesh");
    const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
    return await rooms.openRoom(room, 1, knownPeers, () => 0, () => {}, false);
  });
}

function member(file: "log" | "state", name: string): StoredFile {
  const folder = `${profileIn(`group/${name}`)}/group`;
  const from = `${folder}/${onlyEntry(folder)}`;
  const files = {
    "/p/log": sampleBytes(`${from}/log`),
    "/p/state": sampleBytes(`${from}/state`),
  };
  return { files, path: `/p/${file}`, open: (disk) => openMemberAt(disk, "/p", "/p/log") };
}

const SERVE = "group/serve/serve";

function coordinator(file: "log" | "state"): StoredFile {
  const files = {
    "/s/log": sampleBytes(`${SERVE}/log`),
    "/s/state": sampleBytes(`${SERVE}/state`),
  };
  return { files, path: `/s/${file}`, open: (disk) => openCoordinatorAt(disk, "/s") };
}

function friends(name: string): StoredFile {
  const folder = `${profileIn(`friends/${name}`)}/friends`;
  const path = `/p/friends/${pathDigest(TABLE)}/log`;
  return oneFile(
    `${folder}/${onlyEntry(folder)}/log`,
    path,
    (disk) => openFriends(disk, "/p/friends", TABLE),
  );
}

const ALL: readonly StoredFile[] = [
  room("mesh", "ann"),
  room("private", "bob"),
  member("log", "alice"),
  member("state", "alice"),
  member("state", "mal"),
  coordinator("log"),
  coordinator("state"),
  friends("alice"),
  friends("bob"),
  oneFile(
    `${profileIn("directory/alice")}/registry/log`,
    "/p/registry/log",
    (disk) => openRegistry(disk, "/p/registry"),
  ),
  oneFile(
    "directory/regserver/regserver/broadcasts",
    "/r/broadcasts",
    (disk) => openRecords(disk, "/r/broadcasts", DIRECTORY_LOG),
  ),
  oneFile(`${SERVE}/log`, "/s/log", (disk) => verifiedLog(disk, "/s/log")),
];

/** What each log's records are called. */
const KINDS = [...new Set(ALL.flatMap(({ files, path }) => kindsIn(files[path]!)))];

function kindsIn(bytes: Uint8Array): readonly string[] {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return lines.flatMap((line) => line.split("\t")[1] ?? []).filter((kind) => kind.length < 20);
}

export const logsTarget = storedFiles("logs", ALL, KINDS);
