/** What a channel is told, and what it answers: the vocabulary of channel.ts. */

import type { Bytes } from "../../base/crypto/crypto.ts";
import type { PeerKey } from "../../base/ids.ts";
import type { Queue } from "../../base/schema/schema.ts";
import type { ChannelSecret, HandshakeFailure } from "./channel_handshake.ts";

/**
 * `control`: small, must not be lost, goes first. `data`: the rest, dropped when the other side is too slow. `bulk`: what
 * the other side has asked for, such as parts of a file; it goes where nothing else waits.
 */
export type Lane = "control" | "data" | "bulk";
export type { Queue };

export type ChannelInput =
  /** From the stream. `bytes` aren't kept. */
  | { readonly type: "received"; readonly bytes: Uint8Array }
  /** From the stream: its end; `reason` says how, in words. */
  | { readonly type: "ended"; readonly reason: string }
  /** From the stream: it takes a write now. */
  | { readonly type: "writable" }
  /** From the owner, once established; ignored after `close`. Both parts, one after the other, are copied. */
  | {
    readonly type: "send";
    readonly head: Uint8Array;
    readonly body: Uint8Array;
    readonly lane: Queue | "bulk";
  }
  /** From the owner: send what waits, then end. */
  | { readonly type: "close"; readonly reason: string }
  /** From the owner: no more bytes are read for now. The channel keeps the other side from giving up. */
  | { readonly type: "pauseReading" }
  | { readonly type: "resumeReading" }
  | { readonly type: "tick" };

/** Why no channel came about. */
export type ChannelFailure = HandshakeFailure | "timeout" | "refused" | "unreachable";

export type ChannelEffect =
  /** Write this; the answer to `writable`. */
  | { readonly type: "write"; readonly bytes: Bytes }
  /** The other side is proven to be `peer`. Comes once, before any `bytes`. */
  | {
    readonly type: "established";
    readonly peer: PeerKey;
    /** Stands for the peer's process: another one after it was started again. */
    readonly process: string;
    readonly secret: ChannelSecret | null;
    readonly roomNamed: boolean;
    /** Of a channel in the mode `words`: what no other channel has. */
    readonly binding?: Bytes;
    /** In a channel in the mode `meeting`. */
    readonly isMeeting?: true;
  }
  /** The next bytes of a lane, in an array of their own. */
  | { readonly type: "bytes"; readonly lane: Lane; readonly bytes: Bytes }
  /** The data lane is full: data is dropped from now on, until `drained`. */
  | { readonly type: "congested" }
  | { readonly type: "drained" }
  /** All bulk that was sent has left, and nothing else waits. */
  | { readonly type: "bulk-drained" }
  /** News was dropped, and the control lane is empty again. */
  | { readonly type: "missed" }
  /** The link is a day old: open another, then close this one. */
  | { readonly type: "aged" }
  /**
   * Last of all, instead of `established`. `text`: a part of a sentence for the user; `key`: who answered instead,
   * for `wrong-key`.
   */
  | {
    readonly type: "failed";
    readonly reason: ChannelFailure;
    readonly text: string;
    readonly key: PeerKey | null;
    readonly detail?: string;
  }
  /**
   * Last of all. `closed`: a sealed goodbye was received, or sent; otherwise the link was lost. `detail`, of both: what
   * exactly was wrong, for the log.
   */
  | {
    readonly type: "closed";
    readonly closed: boolean;
    readonly reason: string;
    readonly detail?: string;
  };
