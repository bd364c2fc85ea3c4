/** What is on the coordinator's disk, except for the history. */

import { unreachable } from "../../../base/invariant.ts";
import type { MemberAdmission } from "./member_admission.ts";
import type { OwnKeys } from "../identity/own_keys.ts";
import type { CoordinatorRecord } from "../schema/records.ts";
import type { GroupSecrets } from "../schema/group_secrets.ts";
import type { EditCoordinator } from "../edits/edit_coordinator.ts";
import type { Views } from "../detector/views.ts";

/** The group; null where none was founded. */
export function groupOf(records: readonly CoordinatorRecord[]): Group | null {
  return records.findLast((record) => record.kind === "group") ?? null;
}

/** What a member proved: the view of the last epoch that has begun for it, and how its group was founded. */
export type Proof = NonNullable<Extract<CoordinatorRecord, { kind: "lost" }>["told"]>;

/** A group's id, and what that is the digest of. */
export type Group = Pick<Extract<CoordinatorRecord, { kind: "group" }>, "group" | "founding">;

/**
 * Whether the disk was found lost or old, and since then neither members' reports were stored nor another group
 * founded.
 */
export function isLost(records: readonly CoordinatorRecord[]): boolean {
  return sinceKnown(records).some(({ kind }) => kind === "lost");
}

/** What members have proved since the disk was found lost or old. */
export function proofsIn(records: readonly CoordinatorRecord[]): readonly Proof[] {
  return sinceKnown(records).flatMap((record) => record.kind === "lost" ? record.told ?? [] : []);
}

function sinceKnown(records: readonly CoordinatorRecord[]): readonly CoordinatorRecord[] {
  const last = records.findLastIndex(({ kind }) => kind === "recounted" || kind === "fresh");
  return records.slice(last + 1);
}

/** Restores the state from the records. */
export function restoreCoordinator(
  records: readonly CoordinatorRecord[],
  views: Views,
  exclusions: Pick<MemberAdmission, "kick" | "allow">,
  transactions: Pick<EditCoordinator, "restore">,
): void {
  for (const record of records) {
    switch (record.kind) {
      case "group":
      case "member":
      case "number":
      case "decided":
      case "confirmed":
      case "given-up":
      case "recounted":
        views.restore(record);
        break;
      case "kicked":
        exclusions.kick(record.key, record.name, record.because);
        break;
      case "allowed":
        exclusions.allow(record.key);
        break;
      case "edits":
      case "rules":
      case "committed":
      case "applied":
      case "aborted":
        transactions.restore(record);
        break;
      case "secret": // see group_secrets.ts
      case "fresh":
      case "lost": // see rebuilding_coordinator.ts
      case "key": // see own_keys.ts
      case "pinned": // of the store in an engine
      case "log":
      case "new-log":
        break; // the history's own file has them
      default:
        unreachable(record);
    }
  }
}

/** The records of a compacted log. */
export function snapshotCoordinator(
  { group, founding }: Group,
  keys: OwnKeys,
  views: Views,
  admission: Pick<MemberAdmission, "kicked" | "isRemoved">,
  transactions: Pick<EditCoordinator, "records">,
  secrets: GroupSecrets | null,
): readonly CoordinatorRecord[] {
  const records: CoordinatorRecord[] = [
    { kind: "group", group, founding },
    ...keys.records(),
    ...views.records(),
  ];
  for (const [key, name] of admission.kicked) {
    const because = admission.isRemoved(key) ? {} : { because: "equivocated" as const };
    records.push({ kind: "kicked", key, name, ...because });
  }
  records.push(...secrets?.records() ?? []);
  records.push(...transactions.records());
  return records;
}
