/** Where a coordinator's snapshots are kept: a port. */

import type { SnapshotView } from "../protocols/group/events.ts";
import type { Cut } from "../protocols/group/snapshot/cut.ts";

export interface KeptSnapshot {
  /** Its absolute path. */
  readonly file: string;
  /** Ids of those that were removed, as only so many are kept. */
  readonly removed: readonly string[];
}

export interface Snapshots {
  /** Durable when it returns. @throws {P2pchatError} `disk`. */
  keep(cut: Cut): Promise<KeptSnapshot>;
  /** Those that are there, the oldest first, each checked anew. @throws {P2pchatError} `disk`. */
  list(): Promise<readonly SnapshotView[]>;
}
