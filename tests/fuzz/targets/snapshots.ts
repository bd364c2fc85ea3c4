/** Snapshots of a group's global state: each says what it says, and whether it is consistent, or can't be trusted. */

import { nodeCrypto } from "../../../lib/base/crypto/crypto.ts";
import { readSnapshot } from "../../../lib/cli/tools/snapshot_store.ts";
import { verdictOf } from "../../../lib/protocols/group/snapshot/cut_check.ts";
import { messagesIn } from "../../../lib/protocols/group/snapshot/cut_view.ts";
import { snapshotText } from "../../../lib/runtime/records/snapshot_file.ts";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import type { MemoryDisk } from "../../doubles/memory_disk.ts";
import { cutWith } from "../../protocols/group/snapshot/cuts.ts";
import { oneFile, onlyEntry, type StoredFile, storedFiles } from "../stored_files.ts";

const FOLDER = "group/serve/serve/snapshots";
const PATH = "/s/one.txt";

async function open(disk: MemoryDisk): Promise<void> {
  const cut = await readSnapshot(disk, nodeCrypto, PATH);
  verdictOf(cut);
  messagesIn(cut);
}

const made = cutWith();
const ALL: readonly StoredFile[] = [
  oneFile(`${FOLDER}/${onlyEntry(FOLDER)}`, PATH, open),
  {
    files: { [PATH]: utf8(snapshotText(nodeCrypto, made, verdictOf(made))) },
    path: PATH,
    open,
  },
];

const KINDS = ["snapshot", "group", "view", "time", "coordinator", "verdict", "member", "received"]
  .concat(["told", "channel", "run", "telling", "entry", "text", "sum"]);

export const snapshotsTarget = storedFiles("snapshots", ALL, KINDS);
