/** The inputs and effects of `AntiEntropy`: what the mesh composes it with. */

import type { PeerKey } from "../../../base/ids.ts";
import type { SyncEntry, SyncMessage } from "../schema/messages.ts";
import type { OrderInput } from "../log/order_io.ts";
import type { Bundle, Proof } from "../schema/structures.ts";
import type { Want } from "./sync_compare.ts";
import type { Penalise } from "../schema/mesh_io.ts";

export type AntiEntropyInput =
  /** The peer is in the active view from now on: a round with it begins at once. */
  | { readonly type: "neighbour-up"; readonly peer: PeerKey }
  | { readonly type: "neighbour-down"; readonly peer: PeerKey }
  | { readonly type: "message"; readonly from: PeerKey; readonly message: SyncMessage }
  /** A bundle of a range has come from a neighbour, and `Order` hasn't looked at it yet. */
  | { readonly type: "arrived"; readonly from: PeerKey; readonly bundle: Bundle }
  /** `Order` has finished with a bundle of reason `range`: it was delivered, a duplicate, or dropped. */
  | { readonly type: "taken-in"; readonly from: PeerKey; readonly bundle: Bundle }
  /** Pushes to this neighbour were dropped: we offer it a round. */
  | { readonly type: "behind"; readonly peer: PeerKey }
  /** This neighbour announced much that isn't here. */
  | { readonly type: "far-ahead"; readonly peer: PeerKey }
  /** Until `drained`, messages to this neighbour may be dropped. */
  | { readonly type: "congested"; readonly peer: PeerKey }
  | { readonly type: "drained"; readonly peer: PeerKey }
  /** We are leaving, or have said more since we were: rounds go on with each neighbour until `hasOwn` is true of it. */
  | { readonly type: "hand-over" }
  /** `Order` says that only rounds with all neighbours can help. */
  | { readonly type: "stuck" }
  | { readonly type: "tick" };

export type AntiEntropyEffect =
  | { readonly type: "send"; readonly to: PeerKey; readonly message: SyncMessage }
  /** Send the bundle with reason `range`, and with its claim where this link hasn't carried that yet. */
  | { readonly type: "send-bundle"; readonly to: PeerKey; readonly bundle: Bundle }
  /** Send the message `proof`. */
  | { readonly type: "send-proof"; readonly to: PeerKey; readonly proof: Proof }
  /** The streams that a neighbour says it has, and the room time at or below which it keeps nothing. */
  | {
    readonly type: "frontiers";
    readonly from: PeerKey;
    readonly entries: readonly SyncEntry[];
    readonly floor: number;
  }
  /** For `Order`, as they are: what neighbours say, as far as it is believed, and what they don't give. */
  | Extract<OrderInput, { readonly type: "not-kept" | "not-given" | "passed-over" }>
  /** The first round with this neighbour is complete: what it had then is here. */
  | { readonly type: "caught-up"; readonly peer: PeerKey }
  /** All that this neighbour asked for is sent: it is no longer behind. */
  | { readonly type: "supplied"; readonly peer: PeerKey }
  | Penalise<"broken-promise" | "flood" | "protocol">;

export interface AntiEntropyConfig {
  /** Own key: of two rounds that begin at once, the smaller key's goes on. */
  readonly key: PeerKey;
  /** Whether nothing was on disk: caught up when two neighbours (or the only one) are done. */
  readonly newcomer: boolean;
  /** Whether there are, or may be, members beside us and our neighbours. */
  readonly mayBeOthers: () => boolean;
}

/** What the mesh may ask of it. */
export interface AntiEntropyQueries {
  /** The neighbours that still have something to send. */
  sources(): ReadonlySet<PeerKey>;
  /** What those neighbours are still to send. */
  wanted(): Iterable<Want>;
  /** A newcomer: two neighbours, or the only one, have given all they had. Others: from the start. */
  caughtUp(): boolean;
  /** Whether this neighbour is known to have all that we ever said and still keep. */
  hasOwn(peer: PeerKey): boolean;
  /** Neighbours whose roots were equal to ours at the end of the last round. */
  upToDate(peer: PeerKey): boolean;
}
