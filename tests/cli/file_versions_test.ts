/**
 * Each file says which version it is. One that this program doesn't know is refused by its name, and left as it is:
 * the program that wrote it can go on. Raising a version here belongs to a change of its format.
 *
 * Without a version are `users.txt`, which people write, and `accounts.csv`, whose first line names its columns: another
 * one is refused (`accounts_csv_test.ts`). Of snapshots: `snapshot_store_test.ts`.
 */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { nodeCrypto } from "../../lib/base/crypto/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import { PRIVATE_LOG } from "../../lib/base/schema/private_words.ts";
import type { RoomId } from "../../lib/base/ids.ts";
import { openFriends } from "../../lib/cli/friends/friends_store.ts";
import { MemberPlaces } from "../../lib/cli/group/member_place.ts";
import { MeshRooms } from "../../lib/cli/mesh/mesh_rooms.ts";
import { TransferFiles } from "../../lib/cli/files/transfer_files.ts";
import { IrcShown } from "../../lib/cli/irc/rooms/irc_shown.ts";
import { PageAddress } from "../../lib/cli/page/page_address.ts";
import { LastSeen } from "../../lib/cli/session/last_seen.ts";
import { TypedLines } from "../../lib/cli/session/typed_lines.ts";
import { ScriptInbox } from "../../lib/cli/scripts/script_inbox.ts";
import { openRecords } from "../../lib/cli/session/record_store.ts";
import { ServerAddresses } from "../../lib/cli/session/server_addresses.ts";
import { openRegistry } from "../../lib/cli/directory/registry_client.ts";
import { DIRECTORY_LOG } from "../../lib/protocols/directory/schema/records.ts";
import { folderOf } from "../../lib/store/disk/disk.ts";
import { type FileFormat, LineBuffer } from "../../lib/store/disk/record_line.ts";
import { openIdentity } from "../../lib/store/profile/identity.ts";
import { KnownPeers } from "../../lib/store/profile/known_peers.ts";
import { Ignored } from "../../lib/store/profile/ignored.ts";
import { Settings } from "../../lib/store/profile/settings.ts";
import { headerContent } from "../../lib/store/log/log_format.ts";
import { MemoryDisk } from "../doubles/memory_disk.ts";
import { pathDigest } from "../../lib/store/disk/paths.ts";
import { Table } from "../../lib/store/disk/table.ts";
import { openLogAt } from "./group_logs.ts";
import { openCoordinatorAt, openMemberAt } from "./group_stores.ts";

interface VersionedFile {
  readonly path: string;
  readonly format: FileFormat;
  /** A file with nothing but a first line. */
  write(disk: MemoryDisk, path: string, format: FileFormat): void | Promise<void>;
  open(disk: MemoryDisk): Promise<unknown>;
}

const ROOM = "ab".repeat(32) as RoomId;
const FRIENDS = `/p/friends/${pathDigest("/users.txt")}`;

async function openRoom(disk: MemoryDisk): Promise<unknown> {
  const rooms = await MeshRooms.open(disk, "/p/mesh");
  const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
  return await rooms.openRoom(ROOM, 1, knownPeers, () => 0, () => {}, false);
}

async function table(disk: MemoryDisk, path: string, format: FileFormat): Promise<void> {
  await disk.makeFolder(folderOf(path));
  await (await Table.open(disk, path, format)).table.write([]);
}

function lines(...contents: readonly string[]): Uint8Array {
  const buffer = new LineBuffer();
  for (const content of contents) buffer.add(content);
  return buffer.bytes();
}

function log(disk: MemoryDisk, path: string, format: FileFormat): void {
  disk.place(path, lines(headerContent(format)));
}

/** A file that users may edit: they may have written above its first line. */
function pins(disk: MemoryDisk, path: string, { format, version }: FileFormat): void {
  disk.place(path, `# mine\n${new TextDecoder().decode(lines(`p2pchat\t${format}\t${version}`))}`);
}

function groupLog(disk: MemoryDisk, path: string, { format, version }: FileFormat): void {
  const group = "cd".repeat(32);
  disk.place(path, `p2pchat\t${format}\t${version}\t${group}\t${group}\n`);
}

const turn = () => Promise.resolve({ release() {} });

/** Of what a program goes on without, after it has told why. */
function refuse(why: string): never {
  throw new P2pchatError("bad-file", why);
}

const FILES: readonly VersionedFile[] = [
  {
    path: "/p/identity",
    format: { format: "identity", version: 1 },
    write: table,
    open: (disk) => openIdentity(disk, "/p/identity", (length) => new Uint8Array(length)),
  },
  {
    path: "/p/known_peers",
    format: { format: "known-peers", version: 2 },
    write: pins,
    open: (disk) => KnownPeers.open(disk, "/p/known_peers"),
  },
  {
    path: "/p/settings",
    format: { format: "settings", version: 1 },
    write: table,
    open: (disk) => Settings.open(disk, "/p/settings", () => Promise.resolve({ release() {} })),
  },
  {
    path: "/p/ignored",
    format: { format: "ignored", version: 1 },
    write: table,
    open: (disk) => Ignored.open(disk, "/p/ignored", () => Promise.resolve({ release() {} })),
  },
  {
    path: "/p/typed",
    format: { format: "typed", version: 1 },
    write: table,
    open: (disk) => TypedLines.open(disk, "/p/typed", turn, refuse),
  },
  {
    path: "/p/web",
    format: { format: "web", version: 1 },
    write: table,
    open: (disk) => PageAddress.open(disk, { folder: "/p", mode: "mesh" }, turn, () => ""),
  },
  {
    path: "/p/irc_shown",
    format: { format: "irc-shown", version: 1 },
    write: table,
    open: (disk) => IrcShown.open({ disk, folder: "/p", takeTurn: turn, warn: refuse }),
  },
  {
    path: "/p/seen",
    format: { format: "last-seen", version: 1 },
    write: table,
    open: (disk) => LastSeen.open(disk, "/p", refuse),
  },
  {
    path: "/p/files/offers",
    format: { format: "transfer-files", version: 1 },
    write: table,
    open: (disk) => TransferFiles.open(disk, nodeCrypto, "/p/files", null),
  },
  {
    path: "/p/mesh/last",
    format: { format: "mesh-last-room", version: 1 },
    write: table,
    open: openRoom,
  },
  {
    path: `/p/mesh/${ROOM}/log`,
    format: { format: "mesh-room", version: 1 },
    write: log,
    open: openRoom,
  },
  {
    path: `/p/mesh/${ROOM}/private-000001`,
    format: { format: "private-messages", version: 1 },
    write: log,
    open: (disk) => openRecords(disk, `/p/mesh/${ROOM}/private-000001`, PRIVATE_LOG),
  },
  {
    path: `/p/mesh/${ROOM}/inbox`,
    format: { format: "inbox", version: 1 },
    write: log,
    open: (disk) => ScriptInbox.open(disk, `/p/mesh/${ROOM}`, () => {}, () => {}),
  },
  {
    path: `${FRIENDS}/table`,
    format: { format: "friends-table", version: 1 },
    write: table,
    open: (disk) => openFriends(disk, "/p/friends", "/users.txt"),
  },
  {
    path: `${FRIENDS}/log`,
    format: { format: "friends", version: 1 },
    write: log,
    open: (disk) => openFriends(disk, "/p/friends", "/users.txt"),
  },
  {
    path: "/p/group/1/place",
    format: { format: "group-place", version: 1 },
    write: table,
    open: (disk) => MemberPlaces.open(disk, "/p/group", () => null),
  },
  {
    path: "/p/group/1/instances",
    format: { format: "server-instances", version: 1 },
    write: table,
    open: (disk) => ServerAddresses.open(disk, "/p/group/1"),
  },
  {
    path: "/p/group/1/state",
    format: { format: "group-member", version: 5 },
    write: log,
    open: (disk) => openMemberAt(disk, "/p/group/1"),
  },
  {
    path: "/p/group/1/log",
    format: { format: "group-log", version: 5 },
    write: groupLog,
    open: (disk) => openLogAt(disk, "/p/group/1/log"),
  },
  {
    path: "/serve/state",
    format: { format: "group-coordinator", version: 6 },
    write: log,
    open: (disk) => openCoordinatorAt(disk, "/serve"),
  },
  {
    path: "/p/registry/log",
    format: { format: "registry", version: 3 },
    write: log,
    open: (disk) => openRegistry(disk, "/p/registry"),
  },
  {
    path: "/regserver/broadcasts",
    format: { format: "directory", version: 3 },
    write: log,
    open: (disk) => openRecords(disk, "/regserver/broadcasts", DIRECTORY_LOG),
  },
];

for (const { path, format, write, open } of FILES) {
  const { format: name, version } = format;
  Deno.test(`${name}: a file of another version than ${version} is refused, and stays as it is`, async () => {
    for (const other of [version - 1, version + 1]) {
      const disk = new MemoryDisk();
      await disk.makeFolder("/p");
      await write(disk, path, { ...format, version: other });
      const before = disk.text(path);

      const { code, message } = await assertRejects(() => open(disk), P2pchatError);

      assertEquals(code, "bad-file", message);
      assertStringIncludes(message, `Cannot read ${path}: `);
      assertStringIncludes(
        message.replaceAll('"', ""),
        `its version is ${other}, this program reads ${version}; use the program that wrote it`,
      );
      assertEquals(disk.text(path), before);
    }
  });
}
