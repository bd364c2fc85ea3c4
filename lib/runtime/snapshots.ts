/** The store of a coordinator's snapshots, as a port. */

import type { SnapshotView } from "../protocols/group/schema/events.ts";
import type { Cut } from "../protocols/group/schema/cut.ts";

export interface KeptSnapshot {
  /** Its absolute path. */
  readonly file: string;
  /** Ids of the snapshots that were removed to make room, as only a limited number is kept. */
  readonly removed: readonly string[];
}

export interface Snapshots {
  /** Stores a snapshot, durably. @throws {P2pchatError} `disk`. */
  keep(cut: Cut): Promise<KeptSnapshot>;
  /** The stored snapshots, oldest first, each verified anew. @throws {P2pchatError} `disk`. */
  list(): Promise<readonly SnapshotView[]>;
}
