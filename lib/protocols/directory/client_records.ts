/** The records that a client keeps on disk of broadcasts, in the order in which they were written. */

import type { Fingerprint } from "../../base/fingerprint.ts";
import type { FoldedName } from "../../base/ids.ts";

/** The receiver of a broadcast: one device may come in to several accounts, and each gets every broadcast once. */
export interface Listener {
  /** The directory's store, in hexadecimal. */
  readonly store: string;
  readonly as: FoldedName;
}

/** Up to which broadcast something was stored or shown, in the numbering of the store. */
export interface HeardPlace extends Listener {
  readonly number: number;
}

/** Whose broadcasts they are, to which receiver, at which directory. */
export interface Speaker {
  readonly directory: Fingerprint;
  readonly as: FoldedName;
  readonly key: Fingerprint;
  /** The name as it is shown: with `~` and the start of the key where that isn't the name's. */
  readonly from: string;
}

/** A broadcast that was received, with its sender's own number. */
export interface Heard extends HeardPlace, Speaker {
  readonly own: number;
  /** The directory's wall clock, ms since 1970. */
  readonly sentAt: number;
  readonly text: string;
}

export type ClientRecord =
  /** Stored for good: the directory is told after this. */
  | ({ readonly kind: "heard" } & Heard)
  /** All up to here were stored; in a compacted log, this replaces those that aren't kept. */
  | ({ readonly kind: "through" } & HeardPlace)
  /** In a compacted log: the highest own number that was heard of this speaker. */
  | ({ readonly kind: "spoke"; readonly own: number } & Speaker)
  /** The own number of our last broadcast. */
  | { readonly kind: "said"; readonly own: number }
  /** This one and all that were stored before it have been shown. */
  | ({ readonly kind: "shown" } & HeardPlace);
