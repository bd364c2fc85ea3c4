/** What a client keeps on disk of what was told to all, in the order in which it was written. */

import type { FoldedName } from "../../base/ids.ts";

/** To whom something was told: one device may come in on several accounts, and each is told everything once. */
export interface Listener {
  /** The directory's store, in hexadecimal. */
  readonly store: string;
  readonly as: FoldedName;
}

/** Up to where something was stored or shown, in the numbering of the store. */
export interface HeardPlace extends Listener {
  readonly number: number;
}

/** Something that was told to all. */
export interface Heard extends HeardPlace {
  readonly from: string;
  /** The directory's wall clock, ms since 1970. */
  readonly sentAt: number;
  readonly text: string;
}

export type ClientRecord =
  /** Stored for good: the directory is told after this. */
  | ({ readonly kind: "heard" } & Heard)
  /** All up to here was stored; stands in a compacted log for what isn't kept. */
  | ({ readonly kind: "through" } & HeardPlace)
  /** This one and all stored before it have been shown. */
  | ({ readonly kind: "shown" } & HeardPlace);
