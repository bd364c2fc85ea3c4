/** What is on the coordinator's disk, except for the history. */

import type { Admission } from "./admission.ts";
import type { OwnKeys } from "./own_keys.ts";
import type { CoordinatorRecord } from "./records.ts";
import type { GroupSecrets } from "./secrets.ts";
import type { Transactions } from "./transactions.ts";
import type { Views } from "./views.ts";

/** The group; null where none was founded. */
export function groupOf(records: readonly CoordinatorRecord[]): Group | null {
  return records.findLast((record) => record.kind === "group") ?? null;
}

/** A group's id, and what that is the digest of. */
export type Group = Pick<Extract<CoordinatorRecord, { kind: "group" }>, "group" | "founding">;

/**
 * Whether the disk was found lost or old, and since then neither members' reports were stored nor another group
 * founded.
 */
export function isLost(records: readonly CoordinatorRecord[]): boolean {
  const last = records.findLast(({ kind }) =>
    kind === "lost" || kind === "recounted" || kind === "fresh"
  );
  return last?.kind === "lost";
}

/** Restores the state from the records. */
export function restoreCoordinator(
  records: readonly CoordinatorRecord[],
  views: Views,
  exclusions: Pick<Admission, "kick" | "allow">,
  transactions: Pick<Transactions, "restore">,
): void {
  for (const record of records) {
    switch (record.kind) {
      case "number":
        views.raise(record.number);
        break;
      case "decided":
        views.decided(record.signed);
        break;
      case "confirmed":
        views.confirmed(record.ballot);
        break;
      case "given-up":
        views.givenUp(record.ballot);
        break;
      case "recounted":
        views.recounted(record.signed);
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
      case "secret": // see secrets.ts
      case "fresh":
      case "lost": // see rebuilding.ts
      case "group":
      case "key": // see own_keys.ts
      case "log":
      case "new-log":
        break; // the history's own file has them
    }
  }
}

/** The records of a compacted log. */
export function snapshotCoordinator(
  { group, founding }: Group,
  keys: OwnKeys,
  views: Views,
  { kicked, isRemoved }: Pick<Admission, "kicked" | "isRemoved">,
  transactions: Pick<Transactions, "records">,
  secrets: GroupSecrets | null,
): readonly CoordinatorRecord[] {
  const records: CoordinatorRecord[] = [
    { kind: "group", group, founding },
    ...keys.records(),
    ...views.records(),
  ];
  for (const [key, name] of kicked) {
    const because = isRemoved(key) ? {} : { because: "equivocated" as const };
    records.push({ kind: "kicked", key, name, ...because });
  }
  records.push(...secrets?.records() ?? []);
  records.push(...transactions.records());
  return records;
}
