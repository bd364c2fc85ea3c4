/** What a member, and the coordinator, keep on disk, in the order in which it was written. */

import type { Hash, PeerKey, RequestId } from "../../base/ids.ts";
import type { Ballot } from "./ballot.ts";
import type { SignedEditRequest } from "./edit.ts";
import type { SignedEpoch } from "./epoch.ts";
import type { SignedFormerKeys } from "./former_keys.ts";
import type { Placed, SignedBatch } from "./history.ts";

/** Goes into the log, a file of its own: the next batch of the history, stable at all members. */
export interface LogRecord {
  readonly kind: "log";
  readonly batch: SignedBatch;
  /** What it brings there, where the digests are known: the store needn't compute them again. */
  readonly placed?: Placed;
  /** It was never `held` here: nothing else on this disk has it, and the log is synced with a write that is. */
  readonly isFetched?: true;
}
/** The log begins anew for this group; the file is set aside first where it has anything. Before other `log`s. */
export interface NewLogRecord {
  readonly kind: "new-log";
  readonly group: Hash;
  /** Why what was there can't go on; null where nothing was. */
  readonly because: "damaged" | "foreign" | "unlike" | "recovered" | null;
}

/**
 * Signed here; until it is in the log it is sent again in each epoch. What an earlier process said and isn't in the
 * history is said again under a new incarnation: those records stand before the `begun` of its first epoch, and
 * take the place of all earlier ones once that is there. With the incarnation 0 it was typed before the process was
 * in an epoch, and sent to nobody.
 */
export interface SaidRecord {
  readonly kind: "said";
  readonly batch: SignedBatch;
}

/** We agreed to the edit: only the coordinator decides on it now. */
export interface PreparedRecord {
  readonly kind: "prepared";
  readonly edit: number;
  /** That voted on it. */
  readonly view: number;
  readonly signed: SignedEditRequest;
}
/** Our user asked for the edit, and was told its number: what becomes of it is told, too. */
export interface AskedRecord {
  readonly kind: "asked";
  readonly edit: number;
  readonly signed: SignedEditRequest;
}

export interface GroupRecord {
  readonly kind: "group";
  readonly group: Hash;
  readonly coordinator: PeerKey;
  /** See `Standing.starts`; absent where that is empty, or was told for this group before. */
  readonly starts?: readonly string[];
}

export type MemberRecord =
  | LogRecord
  | NewLogRecord
  /**
   * Whose group this is: it decides on all that follows. The same again: what was begun and held before is lost, so
   * that this disk has no say any more in what follows it; what was promised and said stays.
   */
  | GroupRecord
  /** The former keys of that coordinator, as it named them last. */
  | { readonly kind: "former"; readonly signed: SignedFormerKeys }
  /** Nothing under lower ballots is taken part in any more, but for what `begun` says. */
  | {
    readonly kind: "promised";
    readonly ballot: Ballot;
    /** It is promised to be in no view, and so to take part in no round either. */
    readonly isLeaving: boolean;
  }
  /** The epoch of a view, as the coordinator signed it: before `begun` of a round of it, where that was never begun. */
  | { readonly kind: "view"; readonly signed: SignedEpoch }
  /** The epoch has begun here; what was held beyond its start is void. */
  | { readonly kind: "begun"; readonly signed: SignedEpoch }
  /** The log was set aside for another copy of it: what was begun and held is lost. What was said goes on. */
  | { readonly kind: "recovered" }
  /** In no view any more; what is held still counts where nobody went on after that epoch. */
  | { readonly kind: "out" }
  /** The next batch in order, after the position `after`. */
  | { readonly kind: "held"; readonly after: number; readonly batch: SignedBatch }
  /**
   * What was held beyond `position` is void, and where `givenUp` is there, so are texts of the process whose epoch began
   * last, up to that counter: they aren't said again, as the log that had them is given up.
   */
  | { readonly kind: "dropped"; readonly position: number; readonly givenUp?: number }
  /**
   * The same, and what follows takes its place: `held` up to `levelled`. Where that is missing, it is the other way
   * round: what was held stays.
   */
  | { readonly kind: "levelling"; readonly position: number }
  /** What is held is what all participants of this ballot were brought to. */
  | { readonly kind: "levelled"; readonly ballot: Ballot }
  | SaidRecord
  | PreparedRecord
  | AskedRecord
  /** Nothing is awaited of this edit any more: it is in the log, or aborted, and that was told. */
  | { readonly kind: "settled"; readonly id: RequestId };

export type CoordinatorRecord =
  | LogRecord
  | NewLogRecord
  /** The key is new, so that nobody can have heard of a group of its, or the operator says so: one may be founded. */
  | { readonly kind: "fresh" }
  /** The group, drawn at the first start. */
  | { readonly kind: "group"; readonly group: Hash }
  /** The key that it has from now on; others before are its former ones. */
  | { readonly kind: "key"; readonly key: PeerKey }
  /** Ballots up to this number have been used. */
  | { readonly kind: "number"; readonly number: number }
  /** Decided, and said to nobody before this is synced. */
  | { readonly kind: "decided"; readonly signed: SignedEpoch }
  /** It has begun at all its members. */
  | { readonly kind: "confirmed"; readonly ballot: Ballot }
  /** This disk was found to be lost, or an old copy: nothing is decided before `recounted`. */
  | { readonly kind: "lost" }
  /**
   * After that, the newest view that members know of: it takes the place of all before, and the next one needs all of it.
   */
  | { readonly kind: "recounted"; readonly signed: SignedEpoch }
  /** Stays out until allowed. */
  | {
    readonly kind: "kicked";
    readonly key: PeerKey;
    readonly name: string;
    /** It signed two batches for one; absent where the operator removed it. */
    readonly because?: "equivocated";
  }
  | { readonly kind: "allowed"; readonly key: PeerKey }
  /** Edits up to this number may have been accepted. */
  | { readonly kind: "edits"; readonly number: number }
  /** Decided, signed and said to nobody before this is synced: the next edits, which aren't known to be in order. */
  | { readonly kind: "committed"; readonly batch: SignedBatch }
  /** Those edits, and the ones before, are in the logs of all members of a view. */
  | {
    readonly kind: "applied";
    /** In hexadecimal. */
    readonly incarnation: string;
    /** Of the last one. */
    readonly counter: number;
  }
  /** For whoever asks what became of it. */
  | {
    readonly kind: "aborted";
    readonly edit: number;
    readonly id: RequestId;
    /** Part of a sentence. */
    readonly reason: string;
  }
  /** The operator gave up all that only the members of this view had. */
  | { readonly kind: "given-up"; readonly ballot: Ballot };
