/** Writes a directory's file of broadcasts, as it would be after a long time. */

import type { PeerKey } from "../../lib/base/ids.ts";
import {
  type BroadcastRecord,
  DIRECTORY_LOG,
  type DirectoryRecord,
} from "../../lib/protocols/directory/schema/records.ts";
import { openRecords } from "../../lib/cli/session/record_store.ts";
import { randomBytes } from "../../lib/cli/session/random_bytes.ts";
import { openIdentity } from "../../lib/store/profile/identity.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";

/** The default fields of a broadcast that nobody has signed; its sender's account isn't logged in. */
const ABOUT = {
  kind: "broadcast",
  from: "past",
  fromKey: "77".repeat(32) as PeerKey,
  fromAccount: true,
  ttlMs: 30 * 60_000,
  signature: new Uint8Array(64),
} as const satisfies Partial<BroadcastRecord>;

/** @param folder The directory's folder; the directory must not be running. */
export async function keepBroadcasts(
  folder: string,
  broadcasts: readonly (Pick<BroadcastRecord, "text" | "takenAt"> & Partial<BroadcastRecord>)[],
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const disk = new RealDisk();
  const { signer: { key: directory } } = await openIdentity(
    disk,
    `${folder}/identity`,
    randomBytes,
  );
  const store = await openRecords(disk, `${folder}/broadcasts`, DIRECTORY_LOG);
  const records: DirectoryRecord[] = [{ kind: "store", store: "5".repeat(16), last: 0, directory }];
  for (const [at, broadcast] of broadcasts.entries()) {
    const { takenAt: sentAt } = broadcast;
    records.push({ ...ABOUT, number: at + 1, own: at + 1, sentAt, ...broadcast });
  }
  await store.append(records, true);
  await store.close();
}
