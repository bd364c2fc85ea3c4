/** An end of a group's history. */

import type { Hash } from "../../../base/ids.ts";
import { hexId, record, uint } from "../../../base/schema/schema.ts";

/** An end of history: how far it goes, and its digest there. */
export interface HistoryPoint {
  /** Entries, edits and rules together; 0 for an empty history. */
  readonly position: number;
  readonly digest: Hash;
}

export const historyPointSchema = record({
  position: uint(Number.MAX_SAFE_INTEGER),
  digest: hexId<Hash>(),
});
