/** What a friend keeps on disk, in the order in which it was written. */

import type { PeerKey } from "../../base/ids.ts";
import type { Position } from "./position.ts";

/** A message that was received. Its id isn't named: a friend's own program may give one twice. */
export interface ReceivedPlace {
  readonly key: PeerKey;
  readonly position: Position;
}

export type FriendsRecord =
  /** Typed, and to be delivered. */
  | {
    readonly kind: "queued";
    readonly to: string;
    /** Null where it couldn't go out yet. */
    readonly position: Position | null;
    readonly id: string;
    readonly sentAt: number;
    readonly text: string;
  }
  /** A link to the friend came up: what was queued before and had no place has those from here on, in its order. */
  | { readonly kind: "released"; readonly to: string; readonly from: Position }
  /** The friend has stored all up to here. */
  | { readonly kind: "delivered"; readonly to: string; readonly through: Position }
  /** Taken back before it went out. */
  | { readonly kind: "unsent"; readonly to: string; readonly id: string }
  /** Stored for good: the sender is told after this. */
  | {
    readonly kind: "received";
    readonly from: string;
    readonly key: PeerKey;
    readonly position: Position;
    readonly id: string;
    readonly sentAt: number;
    readonly text: string;
  }
  /** The sender no longer has what was before this. */
  | { readonly kind: "skipped"; readonly key: PeerKey; readonly through: Position }
  /** This one and all received before it have been shown. */
  | { readonly kind: "shown"; readonly key: PeerKey; readonly through: Position };
