/**
 * Bytes that no program wrote, for the files of a profile, a coordinator and a directory, made from those that are kept
 * in `tests/samples/files`: each is opened as if nothing had happened, mended with a notice, or refused with a sentence
 * that names it. Half of them have checksums that are right, so that what stands behind those is reached. `SECONDS` (10)
 * and `SEED` (by chance); a failure prints the seed that repeats it.
 */

import { assert } from "@std/assert";
import { nodeCrypto, utf8 } from "../../lib/base/crypto.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { RoomId } from "../../lib/base/ids.ts";
import { MeshRooms } from "../../lib/cli/mesh_rooms.ts";
import { openRecords } from "../../lib/cli/record_store.ts";
import { openRegistry } from "../../lib/cli/registry_store.ts";
import { readSnapshot } from "../../lib/cli/snapshot_store.ts";
import {
  DIRECTORY_LOG_FORMAT,
  directoryLine,
  directoryRecord,
} from "../../lib/runtime/directory_records.ts";
import { folderOf } from "../../lib/store/disk.ts";
import { openIdentity } from "../../lib/store/identity.ts";
import { KnownPeers } from "../../lib/store/known_peers.ts";
import { MemoryDisk } from "../../lib/store/memory_disk.ts";
import { checksumOf, checksumText } from "../../lib/store/record_line.ts";
import { openCoordinatorAt, openMemberAt } from "../cli/group_stores.ts";
import { SAMPLES } from "../samples/samples.ts";
import type { Random } from "../sim/random.ts";
import { NO_TEXT, spoilt, tryInputs } from "./inputs.ts";

const PIECES = ["\t", "\n", "\r", "\\", "\\t", "\\x", "\\ud800", "0", "-1", "9".repeat(20), "1e9"]
  .concat([
    "bundle",
    "claim",
    "member",
    "queued",
    "p2pchat",
    "ff",
    "00".repeat(32),
    "\0",
    "x".repeat(300),
  ])
  .map(utf8)
  .concat(NO_TEXT);

interface Sample {
  /** Of the file, and of those beside it that are needed. */
  readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>;
  /** The one that is spoilt. */
  readonly path: string;
  open(disk: MemoryDisk): Promise<{ close?(): Promise<void> | void } | unknown>;
}

function read(path: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(`${SAMPLES}/${path}`);
}

/** The only entry of a folder. */
function only(folder: string): string {
  const [entry] = [...Deno.readDirSync(`${SAMPLES}/${folder}`)].filter(({ name }) =>
    name !== "last"
  );
  return entry!.name;
}

function roomSample(kind: string, name: string): Sample {
  const folder = `${kind}/${name}/users/${name}/mesh`;
  const room = only(folder) as RoomId;
  const path = `/p/mesh/${room}/log`;
  return {
    files: { [path]: read(`${folder}/${room}/log`) },
    path,
    async open(disk) {
      const rooms = await MeshRooms.open(disk, "/p/mesh", () => {});
      const knownPeers = await KnownPeers.open(disk, "/p/known_peers");
      return await rooms.openRoom(room, 1, knownPeers, () => 0, () => {}, false);
    },
  };
}

function memberSample(file: "log" | "state"): Sample {
  const folder = "group/alice/users/alice/group";
  const from = `${folder}/${only(folder)}`;
  const files = { "/p/log": read(`${from}/log`), "/p/state": read(`${from}/state`) };
  return { files, path: `/p/${file}`, open: (disk) => openMemberAt(disk, "/p", "/p/log") };
}

function coordinatorSample(file: "log" | "state"): Sample {
  const from = "group/serve/serve";
  const files = { "/s/log": read(`${from}/log`), "/s/state": read(`${from}/state`) };
  return { files, path: `/s/${file}`, open: (disk) => openCoordinatorAt(disk, "/s") };
}

function oneFile(from: string, path: string, open: Sample["open"]): Sample {
  return { files: { [path]: read(from) }, path, open };
}

const snapshot = `group/serve/serve/snapshots/${only("group/serve/serve/snapshots")}`;

const ALL: readonly Sample[] = [
  roomSample("mesh", "ann"),
  roomSample("private", "bob"),
  memberSample("log"),
  memberSample("state"),
  coordinatorSample("log"),
  coordinatorSample("state"),
  oneFile(snapshot, "/s/one.txt", (disk) => readSnapshot(disk, nodeCrypto, "/s/one.txt")),
  oneFile(
    "mesh/ann/users/ann/identity",
    "/p/identity",
    (disk) => openIdentity(disk, "/p/identity", (length) => new Uint8Array(length)),
  ),
  oneFile(
    "mesh/ann/users/ann/known_peers",
    "/p/known_peers",
    (disk) => KnownPeers.open(disk, "/p/known_peers"),
  ),
  oneFile(
    "directory/alice/users/alice/registry/log",
    "/p/registry/log",
    (disk) => openRegistry(disk, "/p/registry"),
  ),
  oneFile(
    "directory/regserver/regserver/broadcasts",
    "/r/broadcasts",
    (disk) =>
      openRecords(disk, "/r/broadcasts", {
        name: DIRECTORY_LOG_FORMAT,
        line: directoryLine,
        record: directoryRecord,
      }),
  ),
];

/** Which sample it was made from: the input's first byte. */
function input(random: Random): Uint8Array {
  const at = random.below(ALL.length);
  const { files, path } = ALL[at]!;
  const bytes = spoilt(files[path]!, PIECES, random);
  const whole = random.chance(0.5) ? withChecksums(bytes) : bytes;
  return new Uint8Array([at, ...whole]);
}

/** Each line with the checksum of what it holds now. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  const lines = new TextDecoder().decode(bytes).split("\n");
  const checked = lines.map((line) => {
    const [head = "", ...cells] = line.split("\t");
    if (!/^[0-9a-f]{8}$/.test(head)) return line;
    const content = cells.join("\t");
    return `${checksumText(checksumOf(utf8(content)))}\t${content}`;
  });
  return utf8(checked.join("\n"));
}

/** @returns Whether it was opened. */
async function check(bytes: Uint8Array): Promise<boolean> {
  const { files, path, open } = ALL[bytes[0]!]!;
  const disk = new MemoryDisk();
  for (const [name, content] of Object.entries(files)) {
    await disk.makeFolder(folderOf(name));
    disk.place(name, name === path ? bytes.slice(1) : content);
  }
  try {
    await open(disk);
    return true;
  } catch (error) {
    if (!(error instanceof P2pchatError)) throw error;
    assert(["store-corrupt", "bad-file", "disk"].includes(error.code), error.code);
    assert(error.message.includes(path), `it names the file: ${error.message}`);
    return false;
  }
}

if (import.meta.main) await tryInputs("files", "files_fuzz.ts", input, check);
