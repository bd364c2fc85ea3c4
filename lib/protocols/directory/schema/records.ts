/** The records that the directory keeps on disk beside its accounts, in the order in which they were written. */

import type { FoldedName, PeerKey } from "../../../base/ids.ts";

/** A broadcast. */
export interface BroadcastRecord {
  readonly kind: "broadcast";
  /** Higher than all earlier numbers in this store. */
  readonly number: number;
  readonly from: string;
  /** Null: the directory itself. */
  readonly fromKey: PeerKey | null;
  /**
   * Whether an account of that name sent it: then that account gets no copy, on any device. Once the account is
   * removed, this becomes false in a compacted log, and only the device that sent it gets none.
   */
  readonly fromAccount: boolean;
  /** The sender's own number of the broadcast. */
  readonly own: number;
  /** The sender's wall clock, ms since 1970, as the sender has signed it. */
  readonly sentAt: number;
  /** The directory's wall clock when it took the broadcast. */
  readonly takenAt: number;
  /** A client that comes in later than this after `takenAt` doesn't get it any more. */
  readonly ttlMs: number;
  readonly text: string;
  /** The sender's signature for this directory (`signed_broadcast.ts`). */
  readonly signature: Uint8Array;
}

export type DirectoryRecord =
  /**
   * Id drawn with a new file, in hexadecimal; in a compacted log, with the last broadcast's number. The first record,
   * and another one where the directory has another key since: what was signed for the former key is void.
   */
  | {
    readonly kind: "store";
    readonly store: string;
    readonly last: number;
    readonly directory: PeerKey;
  }
  /** Synced before the sender, or anybody, is told. */
  | BroadcastRecord
  /** The account has all up to this number, or needn't get them any more. */
  | { readonly kind: "got"; readonly account: FoldedName; readonly through: number }
  /** The account was removed. */
  | { readonly kind: "forgotten"; readonly account: FoldedName };
