/** The records that a client keeps on disk of broadcasts, in the order in which they were written. */

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

/** A broadcast that was received. */
export interface Heard extends HeardPlace {
  readonly from: string;
  /** The directory's wall clock, ms since 1970. */
  readonly sentAt: number;
  readonly text: string;
}

export type ClientRecord =
  /** Stored for good: the directory is told after this. */
  | ({ readonly kind: "heard" } & Heard)
  /** All up to here were stored; in a compacted log, this replaces those that aren't kept. */
  | ({ readonly kind: "through" } & HeardPlace)
  /** This one and all that were stored before it have been shown. */
  | ({ readonly kind: "shown" } & HeardPlace);
