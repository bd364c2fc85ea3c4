/** What the directory keeps on disk beside its accounts, in the order in which it was written. */

import type { FoldedName, PeerKey } from "../../base/ids.ts";

/** What somebody told all. */
export interface BroadcastRecord {
  readonly kind: "broadcast";
  /** Higher than all before in this store. */
  readonly number: number;
  readonly from: string;
  /** Null: the directory itself. */
  readonly fromKey: PeerKey | null;
  /**
   * Whether an account of that name sent it: it gets no copy, whichever device it is on. Of one that is gone by now
   * this counts no more, and a compacted log says so: its device gets none.
   */
  readonly fromAccount: boolean;
  /** The sender's own number of it. */
  readonly own: number;
  /** Wall clock, ms since 1970. */
  readonly sentAt: number;
  /** Who comes later than this gets it no more. */
  readonly ttlMs: number;
  readonly text: string;
}

export type DirectoryRecord =
  /** Drawn with a new file, in hexadecimal. First; in a compacted log with the number of the last broadcast. */
  | { readonly kind: "store"; readonly store: string; readonly last: number }
  /** Synced before its sender, or anybody, is told. */
  | BroadcastRecord
  /** The account has all up to this number, or needn't get it any more. */
  | { readonly kind: "got"; readonly account: FoldedName; readonly through: number }
  /** There is no such account any more. */
  | { readonly kind: "forgotten"; readonly account: FoldedName };
