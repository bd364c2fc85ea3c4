/** Stores of a group's members and coordinator, opened as the program does. */

import { placesOf, type SignedBatch } from "../../lib/protocols/group/schema/history.ts";
import type { LogRecord, MemberRecord } from "../../lib/protocols/group/schema/records.ts";
import { defaultLog, openCoordinator, openGroup } from "../../lib/cli/group/group_store.ts";
import type { Disk } from "../../lib/store/disk/disk.ts";
import { portsOf } from "./group_logs.ts";

export async function openMemberAt(
  disk: Disk,
  folder: string,
  db = defaultLog(folder),
  isKnown = true,
) {
  const later: string[] = [];
  const ports = { ...portsOf(disk), notice: (text: string) => void later.push(text) };
  return { ...await openGroup(ports, { folder, db, isKnown }), later };
}

export async function openCoordinatorAt(disk: Disk, folder: string) {
  const ports = { ...portsOf(disk), notice() {} };
  return await openCoordinator(ports, { folder });
}

/** Records of batches that follow each other from position 0; those from `first` to `end`. */
export function held(
  batches: readonly SignedBatch[],
  first = 0,
  end = batches.length,
): readonly MemberRecord[] {
  let after = 0;
  return batches.map((batch): MemberRecord => {
    const record = { kind: "held", after, batch } as const;
    after += placesOf(batch.batch.value);
    return record;
  }).slice(first, end);
}

export function logged(batches: readonly SignedBatch[]): readonly LogRecord[] {
  return batches.map((batch) => ({ kind: "log", batch }));
}

export function fetched(batches: readonly SignedBatch[]): readonly LogRecord[] {
  return batches.map((batch) => ({ kind: "log", batch, isFetched: true }));
}
