/** The records that a friend keeps on disk, in the order in which they were written. */

import type { PeerKey } from "../../base/ids.ts";
import type { Position } from "./positions.ts";

/** Identifies a received message. Not by its id: a friend's program may use one twice. */
export interface ReceivedPlace {
  readonly key: PeerKey;
  readonly position: Position;
}

export type FriendsRecord =
  /** A message was typed, and must be delivered. */
  | {
    readonly kind: "queued";
    readonly to: string;
    /** Null where it couldn't go out yet. */
    readonly position: Position | null;
    readonly id: string;
    readonly sentAt: number;
    readonly text: string;
  }
  /**
   * A link to the friend came up: messages queued before without a position get positions from here on, in their
   * order.
   */
  | { readonly kind: "released"; readonly to: string; readonly from: Position }
  /** The friend has stored everything up to here. */
  | { readonly kind: "delivered"; readonly to: string; readonly through: Position }
  /** A message was taken back before it went out. */
  | { readonly kind: "unsent"; readonly to: string; readonly id: string }
  /** A message was stored for good: the sender is told after this. */
  | {
    readonly kind: "received";
    readonly from: string;
    readonly key: PeerKey;
    readonly position: Position;
    readonly id: string;
    readonly sentAt: number;
    readonly text: string;
  }
  /** The sender no longer has the messages up to here. */
  | { readonly kind: "skipped"; readonly key: PeerKey; readonly through: Position }
  /** This one and all that were received before it have been shown. */
  | { readonly kind: "shown"; readonly key: PeerKey; readonly through: Position };
