/** The records that a client keeps on disk of broadcasts, in the order in which they were written. */

import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { FoldedName } from "../../../base/ids.ts";

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

/** What a speaker has said last, as it has signed it. */
export interface Spoke extends Speaker {
  /** The speaker's own number. */
  readonly own: number;
  /** The speaker's wall clock, ms since 1970. */
  readonly sentAt: number;
  /** Whether the speaker is never forgotten: its key was pinned for the name, or its clock is far ahead of ours. */
  readonly isLasting: boolean;
}

/** A broadcast that was received. */
export interface Heard extends HeardPlace, Spoke {
  readonly text: string;
}

/** Speakers that aren't told apart any more: those whose fingerprints begin with `start`. */
export interface Forgotten extends Pick<Speaker, "directory" | "as"> {
  /** `FORGOTTEN_START` characters. */
  readonly start: string;
  /** What one of them says that isn't later may have been said before. */
  readonly sentAt: number;
}

/** With two characters, a liar who makes keys until they begin as another's does mutes one stranger in 1,024. */
export const FORGOTTEN_START = 2;

export type ClientRecord =
  /** Stored for good: the directory is told after this. */
  | ({ readonly kind: "heard" } & Heard)
  /** All up to here were stored; in a compacted log, this replaces those that aren't kept. */
  | ({ readonly kind: "through" } & HeardPlace)
  /** In a compacted log: the highest own number that was heard of this speaker, and the latest time. */
  | ({ readonly kind: "spoke" } & Spoke)
  /** In a compacted log: some of these speakers were forgotten. */
  | ({ readonly kind: "forgotten" } & Forgotten)
  /** The own number of our last broadcast. */
  | { readonly kind: "said"; readonly own: number }
  /** This one and all that were stored before it have been shown. */
  | ({ readonly kind: "shown" } & HeardPlace);
