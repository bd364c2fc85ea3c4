/**
 * Broadcast as its caller sees it: inputs, effects, the port to what is delivered, configuration.
 * The machine is `broadcast.ts`.
 *
 * The caller's duties beside those of `Machine`:
 * - Each `bundle` message of a peer goes to `step` as it comes (it answers promises), then to the order,
 *   whose word on it comes back as `delivered` or `duplicate`.
 * - `supply` asks for the kept bundles of a stream after a counter, to be sent with reason `graft`.
 * - `congested` and `drained` come from the link's data queue; in between nothing is pushed to it.
 */

import type { BundleId, PeerKey } from "../../../base/ids.ts";
import type { BroadcastMessage, BundleReason } from "../schema/messages.ts";
import type { Bundle, Stream } from "../schema/structures.ts";
import type { Penalise } from "../schema/mesh_io.ts";

export type BroadcastInput =
  | { readonly type: "neighbour-up"; readonly peer: PeerKey }
  | { readonly type: "neighbour-down"; readonly peer: PeerKey }
  /**
   * A bundle was delivered: its stream's frontier is now the bundle's last counter. `hop` and `reason`
   * are those of the message that brought it; for an own bundle `from` is null, `hop` 0, `reason` push.
   */
  | {
    readonly type: "delivered";
    readonly bundle: Bundle;
    readonly id: BundleId;
    readonly from: PeerKey | null;
    readonly hop: number;
    readonly reason: BundleReason;
    /** False below the floor of what is kept: nobody can get the bundle from us later. */
    readonly kept: boolean;
  }
  /** A bundle came that is delivered or waiting already; `counter` is its last. */
  | {
    readonly type: "duplicate";
    readonly stream: Stream;
    readonly counter: number;
    readonly from: PeerKey;
    readonly hop: number;
    readonly reason: BundleReason;
  }
  | { readonly type: "message"; readonly from: PeerKey; readonly message: BroadcastMessage }
  /** From the order: ask `from`, which sent a later bundle, for the stream's bundles after this counter. */
  | {
    readonly type: "want";
    readonly from: PeerKey;
    readonly stream: Stream;
    readonly after: number;
  }
  /** The data queue of the link to `peer` is full; with `drained` it has room again. */
  | { readonly type: "congested"; readonly peer: PeerKey }
  | { readonly type: "drained"; readonly peer: PeerKey }
  /** A peer that was `behind` has been sent everything it asked for by anti-entropy. */
  | { readonly type: "supplied"; readonly peer: PeerKey }
  /** The roster's size has changed; `live` includes ourselves. */
  | { readonly type: "members"; readonly live: number }
  | { readonly type: "tick" };

export type BroadcastEffect =
  /** Send the bundle on with `reason` push. */
  | {
    readonly type: "push";
    readonly to: PeerKey;
    readonly bundle: Bundle;
    readonly hop: number;
  }
  | {
    readonly type: "send";
    readonly to: PeerKey;
    readonly message: Exclude<BroadcastMessage, { readonly type: "bundle" }>;
  }
  /** A graft came: send the peer what is kept of `stream` after counter `after`, with `reason` graft. */
  | {
    readonly type: "supply";
    readonly to: PeerKey;
    readonly stream: Stream;
    readonly after: number;
  }
  /** Something wasn't sent to the peer: anti-entropy is to offer it a round, and says `supplied` after that. */
  | { readonly type: "behind"; readonly peer: PeerKey }
  /** The peer announced more than is asked for one by one: anti-entropy is to compare with it. */
  | { readonly type: "far-ahead"; readonly peer: PeerKey }
  | Penalise<"broken-promise" | "flood">;

/** What the order knows of a stream. */
export interface DeliveredBundles {
  /** `counter`: everything up to it was delivered or skipped; 0 for an unknown stream. */
  frontier(stream: Stream): { readonly counter: number };
  /**
   * Whether `counter` needn't be asked for: it is delivered, skipped or waiting, or the stream is closed or
   * forgotten.
   */
  has(stream: Stream, counter: number): boolean;
}

/** Times in ms. */
export interface BroadcastConfig {
  /** In rooms larger than this all authors share one tree. */
  readonly perSourceMembersMax: number;
  readonly sourcesMax: number;
  /** A link leaves the tree when this many of the last `pruneWindowBundles` pushes on it came second. */
  readonly pruneDuplicates: number;
  readonly pruneWindowBundles: number;
  readonly pruneIntervalMs: number;
  readonly announceDelayMs: number;
  readonly graftDelayMinMs: number;
  readonly graftDelayMaxMs: number;
  /** Announcements further ahead than this many messages are left to anti-entropy. */
  readonly graftGapMax: number;
  readonly optimiseHops: number;
  readonly optimiseTimes: number;
  readonly optimiseIntervalMs: number;
  /** Bundles with more text than this are pushed to one neighbour; the others get the header first. */
  readonly eagerTextBytesMax: number;
  /** A peer that is behind gets no announcements until it is supplied, or until this long after its queue drained. */
  readonly behindMsMax: number;
  readonly promiseMs: number;
  readonly brokenPromisesMax: number;
  /** Entries that a link may announce to us per second; our own senders keep to three quarters of it. */
  readonly announcedEntriesPerSecond: number;
  readonly graftsPerSecond: number;
  readonly prunesPerSecond: number;
  /** Seconds of that rate that may come at once: what a link held back while one side stood still. */
  readonly burstSeconds: number;
  readonly graftAnswersMax: number;
  readonly streamsMax: number;
}

export const BROADCAST_LAN: BroadcastConfig = {
  perSourceMembersMax: 64, // a shared tree in a random graph of 25 needs 5 to 7 hops, one per source 3 to 4
  sourcesMax: 256, // a source is forgotten when this many others have spoken since
  pruneDuplicates: 3, // one duplicate may be a race between equal paths; Plumtree, section 3.2, prunes at the first
  pruneWindowBundles: 10, // three within this window are no coincidence
  pruneIntervalMs: 1_000, // what was under way when a prune went out is no reason for another
  announceDelayMs: 50, // below what a reader notices; ten authors at once share a frame
  graftDelayMinMs: 50, // a graft sooner than this races with the tree
  graftDelayMaxMs: 1_000, // a reader's patience
  graftGapMax: 1_024, // four full bundles: more is a member that was away or is slow, not a lost push
  optimiseHops: 2, // measured, 1,000 members that all speak, 1 % loss: with lag forgotten by 1/32 last hop 18 instead of 25
  optimiseTimes: 3, // one slow moment is no worse path
  optimiseIntervalMs: 1_000, // the tree settles between two changes
  eagerTextBytesMax: 4_096, // below it a duplicate costs less than a round trip
  behindMsMax: 10_000, // the interval of anti-entropy: it has had its chance
  promiseMs: 3_000, // the time after which a silent link counts as dead
  brokenPromisesMax: 10, // what congestion alone doesn't reach
  announcedEntriesPerSecond: 4_096, // the largest roster, each member's stream once a second
  graftsPerSecond: 200, // a neighbour that lost its whole tree asks for the 64 sources three times
  prunesPerSecond: 10, // a link leaves 64 trees in some seconds
  burstSeconds: 10, // a link that is silent for 3 s is dead; three times that
  graftAnswersMax: 3, // a bundle lost three times on one link isn't helped by a fourth
  streamsMax: 4_096, // the largest roster, for each table by stream
};
