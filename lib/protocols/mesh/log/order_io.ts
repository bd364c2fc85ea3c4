/** The inputs, effects and queries of `Order`: what the mesh composes it with. */

import type { ErrorCode } from "../../../base/errors.ts";
import type { BundleId, ClaimId, Hash, MessageId, PeerKey, RoomId } from "../../../base/ids.ts";
import type { BundleReason, FrontierEntry, SyncEntry } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Bundle, Claim, Head, Proof, SignedHeader, Stream } from "../schema/structures.ts";
import type { Penalise } from "../schema/mesh_io.ts";

/** A line of the user's, and the number by which the caller knows it. */
export interface OwnText {
  readonly text: string;
  readonly token: number;
}

export type OrderInput =
  /** A neighbour sent a bundle; its claim, where one came along, has been given to the roster before. */
  | {
    readonly type: "bundle";
    readonly from: PeerKey;
    readonly bundle: Bundle;
    readonly hop: number;
    readonly reason: BundleReason;
  }
  /** The user's own lines, in order, each at most 64 KiB of UTF-8. */
  | { readonly type: "say"; readonly texts: readonly OwnText[] }
  /** The `persist` with this token is on disk; tokens of other machines are ignored. */
  | { readonly type: "stored"; readonly token: number }
  /** The disk refused the `persist` with this token, and holds nothing of it. */
  | { readonly type: "not-stored"; readonly token: number; readonly text: string }
  /** Own messages are sent under this claim from now on. */
  | { readonly type: "own-claim"; readonly claim: ClaimId }
  /** The active neighbours, whenever they change: a gap is skipped when all of them say that they can't supply it. */
  | { readonly type: "neighbours"; readonly peers: readonly PeerKey[] }
  /**
   * From anti-entropy: `from` spoke of these streams, `askedMs` after it was asked; -Infinity where that isn't known.
   * `low` is the first counter that it can supply; where it has nothing beyond our frontier, `counter` isn't above
   * ours. `floor` is the room time above which it keeps all that it delivered.
   */
  | {
    readonly type: "not-kept";
    readonly from: PeerKey;
    readonly entries: readonly SyncEntry[];
    readonly askedMs: number;
    readonly floor: number;
  }
  /**
   * From anti-entropy: `from` says that it has this stream up to `counter`, and gives it up to `given` at most of
   * everything not later in room time than `throughTime`. Or, with `isOver` false, it hasn't given more for
   * `GIVING_MS_MAX`, and still may.
   */
  | {
    readonly type: "not-given";
    readonly from: PeerKey;
    readonly stream: Stream;
    readonly given: number;
    readonly counter: number;
    readonly throughTime: number;
    readonly isOver: boolean;
  }
  /**
   * From anti-entropy: `from` no longer has what lies between these two counters, both excluded, of a stream that it
   * says it has.
   */
  | {
    readonly type: "passed-over";
    readonly from: PeerKey;
    readonly stream: Stream;
    readonly after: number;
    readonly before: number;
  }
  /** The roster has learnt a claim: bundles that waited for it are re-examined. */
  | { readonly type: "claim-known"; readonly claim: ClaimId }
  | { readonly type: "proof"; readonly from: PeerKey; readonly proof: Proof }
  /** The link to this peer is gone, and with it what waited on it. */
  | { readonly type: "peer-down"; readonly peer: PeerKey }
  /** This newcomer has caught up: from now on gaps count as missed messages, and the user is told. */
  | { readonly type: "caught-up" }
  | { readonly type: "tick" };

/** A text in a delivered bundle. */
interface DeliveredMessage {
  readonly id: MessageId;
  readonly text: string;
}

export type OrderEffect =
  /** `token` isn't null for an own bundle, which waits for `stored` or `not-stored`. */
  | {
    readonly type: "persist";
    readonly records: readonly MeshRecord[];
    readonly token: number | null;
  }
  /** A bundle is delivered, for the first and only time here, after its ancestors. Push it on; show its messages. */
  | {
    readonly type: "delivered";
    readonly bundle: Bundle;
    readonly id: BundleId;
    /** Empty for kind `heads`, and for a bundle that equivocation excludes. */
    readonly messages: readonly DeliveredMessage[];
    /** Null for an own bundle. */
    readonly from: PeerKey | null;
    readonly hop: number;
    /** Null for an own bundle. */
    readonly reason: BundleReason | null;
    readonly own: boolean;
    /** False for a bundle below the kept 10,000: nobody can get it from us later. */
    readonly kept: boolean;
  }
  /** The bundle is delivered already, or waits: `counter` is its last. */
  | {
    readonly type: "duplicate";
    readonly stream: Stream;
    readonly counter: number;
    readonly from: PeerKey;
    readonly hop: number;
    readonly reason: BundleReason;
    readonly bundle: Bundle;
  }
  /** The bundle was ignored: it waited too long, or there was no room for it. */
  | {
    readonly type: "dropped";
    readonly bundle: Bundle;
    readonly from: PeerKey;
    readonly reason: BundleReason;
  }
  /** Ask `from` for the stream's bundles after this counter (`graft`). */
  | {
    readonly type: "want";
    readonly from: PeerKey;
    readonly stream: Stream;
    readonly after: number;
  }
  /**
   * The bundle came when an answer to it may have been shown already: it isn't shown, but passed on. It counts as
   * delivered, and as missed.
   */
  | {
    readonly type: "late";
    readonly bundle: Bundle;
    readonly id: BundleId;
    readonly from: PeerKey;
    readonly hop: number;
    readonly reason: BundleReason;
  }
  /**
   * This many messages of the stream are no longer kept by any neighbour, or came too late; the user is told. Not
   * emitted where they may have been shown before the stream was forgotten.
   */
  | { readonly type: "skipped"; readonly stream: Stream; readonly messages: number }
  /**
   * A new proof: pass it on to all neighbours but `from`, and tell the user whom it concerns. `from` null: found
   * here.
   */
  | { readonly type: "equivocation"; readonly proof: Proof; readonly from: PeerKey | null }
  /** Something waits for what may no longer be kept anywhere: ask all neighbours (anti-entropy). */
  | { readonly type: "stuck" }
  | Penalise<"invalid-signature" | "broken-promise" | "flood" | "protocol">
  /** The user's own lines are safe and delivered here, each under the id at the same place. */
  | {
    readonly type: "said";
    readonly tokens: readonly number[];
    readonly messages: readonly MessageId[];
  }
  /** These lines were refused: nothing of them has happened. */
  | {
    readonly type: "refused";
    readonly tokens: readonly number[];
    readonly code: ErrorCode;
    readonly text: string;
  };

export interface OrderConfig {
  readonly room: RoomId;
  /** Room time of the genesis record: what the first bundle's time is measured against. */
  readonly genesisTime: number;
  /** Of this process; higher than any in `records`. */
  readonly incarnation: number;
  /** The claim that own messages are sent under; null until `own-claim` (lines wait). */
  readonly claim: ClaimId | null;
  /** What is on disk, in the order of writing; records of other machines are passed over. */
  readonly records: readonly MeshRecord[];
  /** Whether there are members besides us and our neighbours, as far as is known. */
  readonly mayBeOthers: () => boolean;
  /** Smaller in tests than the 10,000; the same at all members of a room. */
  readonly keptMessagesMax?: number;
}

/** The roster's claims, as far as known. */
export type ClaimPort = (id: ClaimId) => Claim | null;

/** A place in room order. */
export interface RoomPosition {
  readonly time: number;
  readonly id: BundleId;
}

/** How far a member is behind. */
export interface Behind {
  readonly messages: number;
  readonly bytes: number;
}

/** A bundle that is kept for those who come late. */
export interface KeptBundle extends RoomPosition {
  readonly bundle: Bundle;
  /** Its texts. */
  readonly messages: number;
  /** What it takes of the kept 64 MiB. */
  readonly bytes: number;
  /** The highest counter of ours that its author had been shown, as far as its heads tell; 0 for none. */
  readonly follows: number;
}

/** A bundle by its header, as needed to tell whether it contradicts another. */
export interface NamedBundle {
  readonly id: BundleId;
  readonly bundle: SignedHeader;
}

/** One message of the history, in room order. */
export interface HistoryEntry {
  readonly id: MessageId;
  readonly author: PeerKey;
  readonly claim: ClaimId;
  /** A long one may be decoded when it is first read. */
  readonly text: string;
  /** The author's wall clock, ms. */
  readonly sentAt: number;
  /** Room time. */
  readonly time: number;
}

/** What anti-entropy and the mesh may ask of the order. No query changes anything. */
export interface OrderQueries {
  /** The highest contiguous counter delivered (0 for none), and the id of its bundle where known. */
  frontier(stream: Stream): { readonly counter: number; readonly id: BundleId | null };
  /** Whether the bundle that ends at or after this counter was delivered, or is waiting. */
  has(stream: Stream, counter: number): boolean;
  /**
   * Every known stream of the authors whose key begins with this byte, by (author, incarnation), closed ones up to what
   * isn't excluded.
   */
  entriesOf(bucket: number): readonly SyncEntry[];
  /** The stream's entry, as in `entriesOf`; null where nothing is known of it. */
  entryOf(stream: Stream): SyncEntry | null;
  /**
   * Whether what this stream said at that room time counts as delivered, because the stream may have been forgotten
   * since.
   */
  isForgotten(stream: Stream, time: number): boolean;
  /** Every known stream's frontier, for `welcome` and the like. Lazy. */
  streams(): Iterable<FrontierEntry>;
  bucketHash(bucket: number): Hash;
  bucketHashes(): readonly Hash[];
  /** SHA-256 over the bucket hashes: equal at two members of which neither has anything to give to the other. */
  root(): Hash;
  /** How many streams the next `root` has to look at. */
  unhashed(): number;
  /** Kept bundles of one stream that end after `counter`, by counter. */
  bundlesAfter(stream: Stream, counter: number): readonly Bundle[];
  /** The first kept bundle of the stream that ends after `counter`. O(log n). */
  firstKept(stream: Stream, counter: number): KeptBundle | null;
  /** The first kept bundle after `position` in room order; null after the last. O(log n). */
  nextInOrder(position: RoomPosition | null): KeptBundle | null;
  /** The last `count` messages in room order (at most 10,000), oldest first. */
  history(count: number): readonly HistoryEntry[];
  /** Kept messages. */
  messages(): number;
  /** Maximal delivered bundles with a believed time: what the next own bundle names. */
  heads(): readonly Head[];
  /**
   * Room time of the last bundle in room order that another member said, and whose time is believed; 0 for none. Our
   * own bundles don't count: they have the time of our clock, however far behind we are. Nor do those of members that
   * are as far behind: where bundles wait for many of a stream, the result is where that stream ends here.
   */
  latest(): number;
  /**
   * For a member that says it has everything up to `latest`: up to which room time it has what we say. It may lack
   * something that no neighbour of ours has: where all who talk are equally far behind, `latest` is the time of their
   * last bundle, and the answer is what that bundle followed; nothing, where it isn't here yet.
   */
  reachOf(latest: number): number;
  /**
   * Room time at which this stream ends here, if many of its messages up to counter `goal` are missing; Infinity if
   * not.
   */
  reached(stream: Stream, goal: number): number;
  /**
   * For each of these members: how much of what is kept comes after its room time, and isn't its own. Costs one pass
   * over all that is kept.
   */
  behindOf(latest: ReadonlyMap<PeerKey, number>): ReadonlyMap<PeerKey, Behind>;
  /** Whether the bundle kept at the entry's counter differs from the entry: one of the two is a forgery. */
  disagrees(entry: FrontierEntry): boolean;
  /** The first counter of this stream that a proof excludes; null where nothing is proven against it. */
  closedFrom(stream: Stream): number | null;
  /** The proof by which this stream is closed; null where there is none. */
  proofOf(stream: Stream): Proof | null;
  /** Room time up to which bundles that were delivered here may no longer be kept; 0 where all are kept. */
  floorTime(): number;
  /**
   * Whether what was said at this room time is here: it is kept, or its time isn't believed, or nothing so old is
   * kept.
   */
  isHere(time: number): boolean;
  /** Room time of the last message of this process that is kept; 0 for none. */
  lastOwn(): number;
  /** Our entries of the streams in which something is missing: neighbours are to say if they have it. */
  gaps(): readonly SyncEntry[];
  /** Whether an own bundle is on its way to the disk: its record may come before those of bundles delivered now. */
  isStoring(): boolean;
  /** Own lines that wait for the disk or for their turn. */
  unsaid(): { readonly messages: number; readonly bytes: number };
}
