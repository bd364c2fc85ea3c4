/** The records that a member, and the coordinator, keep on disk, in the order in which they were written. */

import type { Hash, PeerKey, RequestId } from "../../../base/ids.ts";
import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { Ballot } from "./ballot.ts";
import type { SignedEditRequest } from "./edit.ts";
import type { SignedEpoch } from "./epoch.ts";
import type { SignedFormerKeys } from "./former_keys.ts";
import type { Founding, Rules } from "./founding.ts";
import type { Placed, SignedBatch } from "./history.ts";
import type { SecretRecord } from "./group_secrets.ts";

/** The next batch of the history, stable at all members. It goes into the log, a file of its own. */
export interface LogRecord {
  readonly kind: "log";
  readonly batch: SignedBatch;
  /** The entries or edits with their digests, where known: the store needn't compute them again. */
  readonly placed?: Placed;
  /** The batch was never `held` here: nothing else on this disk has it, so the log must be synced with its write. */
  readonly isFetched?: true;
}
/**
 * The log starts anew for this group, before other `log` records. A file that has anything in it is set aside first.
 */
export interface NewLogRecord {
  readonly kind: "new-log";
  readonly founding: Founding;
  /** Why the former log can't go on; null where there was none. */
  readonly because: "damaged" | "foreign" | "unlike" | "recovered" | null;
}

/**
 * A batch signed here; until it is in the log, it is sent again in each epoch. What an earlier process said and isn't
 * in the history is said again under a new incarnation: those records come before the `begun` of the new process's
 * first epoch, and once that is written they replace all earlier ones. Incarnation 0 marks a draft: typed before the
 * process was in an epoch, and sent to nobody.
 */
export interface SaidRecord {
  readonly kind: "said";
  readonly batch: SignedBatch;
}

/** We agreed to the edit: from now on, only the coordinator decides on it. */
export interface PreparedRecord {
  readonly kind: "prepared";
  readonly edit: number;
  /** The view in which we agreed; what we said holds in later ones, too. */
  readonly view: number;
  /** Whether our user was asked. */
  readonly isConsented: boolean;
  readonly signed: SignedEditRequest;
}
/** Our user asked for the edit, and was told its number: so it is told the outcome, too. */
export interface AskedRecord {
  readonly kind: "asked";
  readonly edit: number;
  readonly signed: SignedEditRequest;
}

export interface GroupRecord {
  readonly kind: "group";
  readonly group: Hash;
  readonly founding: Founding;
  readonly coordinator: PeerKey;
  /** See `Standing.starts`; absent where that is empty, or was written for this group before. */
  readonly starts?: readonly string[];
}

export type MemberRecord =
  | LogRecord
  | NewLogRecord
  /**
   * The group of all records that follow. Where the same group is repeated, what was begun and held before is lost,
   * so that this disk has no say any more in what follows it; what was promised and said stays.
   */
  | GroupRecord
  /** The coordinator's former keys, as it named them last. */
  | { readonly kind: "former"; readonly signed: SignedFormerKeys }
  /** The member takes part in nothing under a lower ballot any more, except for what `begun` says. */
  | {
    readonly kind: "promised";
    readonly ballot: Ballot;
    /** Whether it promised to be in no view, and so to take part in no round either. */
    readonly isLeaving: boolean;
  }
  /**
   * The epoch of a view, as the coordinator signed it: before the `begun` of a round of a view that never began here.
   */
  | { readonly kind: "view"; readonly signed: SignedEpoch }
  /** The epoch has begun here; what was held beyond its start is void. */
  | { readonly kind: "begun"; readonly signed: SignedEpoch }
  /** The log was set aside for another copy of it: what was begun and held is lost. What was said stays said. */
  | { readonly kind: "recovered" }
  /** The member is in no view any more; what it holds still counts where nobody went on after that epoch. */
  | { readonly kind: "out" }
  /** The next batch in order, which begins after the position `after`. */
  | { readonly kind: "held"; readonly after: number; readonly batch: SignedBatch }
  /**
   * What was held beyond `position` is void. If `givenUp` is there, so are the texts, up to that counter, of the
   * process whose epoch began last: they aren't said again, as the log that had them is given up.
   */
  | { readonly kind: "dropped"; readonly position: number; readonly givenUp?: number }
  /**
   * Like `dropped`, but the `held` records that follow, up to `levelled`, replace what was held. If `levelled` is
   * missing, they are void instead, and what was held stays.
   */
  | { readonly kind: "levelling"; readonly position: number }
  /** What is held is what all participants of this ballot were brought to. */
  | { readonly kind: "levelled"; readonly ballot: Ballot }
  | SaidRecord
  | PreparedRecord
  | AskedRecord
  /** The edit is settled: it is in the log, or aborted, and our user was told. */
  | { readonly kind: "settled"; readonly id: RequestId };

export type CoordinatorRecord =
  | LogRecord
  | NewLogRecord
  /** A group may be founded: the key is new, so nobody can have heard of a group of its, or the operator said so. */
  | { readonly kind: "fresh" }
  /** The group that was founded at the first start. */
  | { readonly kind: "group"; readonly group: Hash; readonly founding: Founding }
  /** The rules that were decided last; null: not known, so that they are set again. */
  | { readonly kind: "rules"; readonly rules: Rules | null }
  /** The coordinator's key from now on; earlier ones are its former keys. */
  | { readonly kind: "key"; readonly key: PeerKey }
  /** Ballots up to this number have been used. */
  | { readonly kind: "number"; readonly number: number }
  /** An epoch that is decided; nobody is told before this is synced. */
  | { readonly kind: "decided"; readonly signed: SignedEpoch }
  /** The epoch with this ballot has begun at all its members. */
  | { readonly kind: "confirmed"; readonly ballot: Ballot }
  /** The coordinator found this disk to be lost, or an old copy: it decides nothing before `recounted`. */
  | { readonly kind: "lost" }
  /**
   * After `lost`: the newest view that members know of. It replaces all before, and the next view needs all its
   * members.
   */
  | { readonly kind: "recounted"; readonly signed: SignedEpoch }
  /** A member, or a former one, that stays out until it is allowed. */
  | {
    readonly kind: "kicked";
    readonly key: Fingerprint;
    readonly name: string;
    /** It signed two different batches as one; absent where the operator removed it. */
    readonly because?: "equivocated";
  }
  | { readonly kind: "allowed"; readonly key: Fingerprint }
  /** Of a private group: from now on this one admits newcomers; nobody is told before this is synced. */
  | SecretRecord
  /** Edits up to this number may have been accepted. */
  | { readonly kind: "edits"; readonly number: number }
  /** The next edits, decided and signed, not known to be in order yet; nobody is told before this is synced. */
  | { readonly kind: "committed"; readonly batch: SignedBatch }
  /** Those edits, and all before them, are in the logs of all members of a view. */
  | {
    readonly kind: "applied";
    /** Incarnation of the coordinator's process that decided them, in hexadecimal. */
    readonly incarnation: string;
    /** Counter of the last edit. */
    readonly counter: number;
  }
  /** An aborted edit, kept to answer members that ask for its outcome. */
  | {
    readonly kind: "aborted";
    readonly edit: number;
    readonly id: RequestId;
    /** Part of a sentence. */
    readonly reason: string;
  }
  /** The operator gave up everything that only members of this view had. */
  | { readonly kind: "given-up"; readonly ballot: Ballot };
