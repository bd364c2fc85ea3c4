/** The inputs and effects of reliable datagrams (reliable_datagrams.ts). */

import type { Bytes } from "../../base/crypto/crypto.ts";
import type { Endpoint, PeerKey } from "../../base/ids.ts";
import type { SealedEffect, SealedFailure, SealedInput } from "../sealed_datagram/sealed_io.ts";
import type { Lane } from "./packet.ts";

export type ReliableInput =
  /** From the socket. `bytes` aren't kept. */
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /**
   * From the owner: `up` or `failed` answers within 5 s. With a peer that is up, another session is made at `endpoint`,
   * which is how to move it; what was sent is kept, and a failure isn't reported.
   */
  | {
    readonly type: "connect";
    readonly peer: PeerKey;
    readonly endpoint: Endpoint;
    /** Other addresses at which the peer may be, now and when it falls silent. */
    readonly also?: readonly Endpoint[];
  }
  /** From the owner: only that, with a peer that is known. */
  | { readonly type: "may-be-at"; readonly peer: PeerKey; readonly also: readonly Endpoint[] }
  /** From the owner: as that of `SealedInput`. */
  | Extract<SealedInput, { readonly type: "try" }>
  /**
   * From the owner: 1 byte to 256 KiB, copied; arrives once, in the order of its lane, unless `reset`, `failed` or
   * `ended` comes first. Allowed before `up`. Dropped where the peer is unknown or being closed.
   */
  | {
    readonly type: "send";
    readonly peer: PeerKey;
    readonly lane: Lane;
    readonly message: Uint8Array;
  }
  /** From the owner: 1 byte to 1 KiB, kept until the next tick; arrives once or not, and soon: for heartbeats. */
  | { readonly type: "send-once"; readonly peer: PeerKey; readonly message: Uint8Array }
  /** From the owner: give the peer no more room; messages of a window may still come. */
  | { readonly type: "pause-reading"; readonly peer: PeerKey }
  | { readonly type: "resume-reading"; readonly peer: PeerKey }
  /** From the owner: send what waits, a second at most, say goodbye; `ended` follows. */
  | { readonly type: "close"; readonly peer: PeerKey; readonly reason: string }
  | { readonly type: "tick" };

/**
 * Why a connection has ended. `closed`: as the owner asked. `goodbye`: as the peer asked. `protocol`: the peer broke a
 * rule. `too-slow`: over 16 MiB wait for the peer.
 */
export type EndCause = "closed" | "goodbye" | "protocol" | "too-slow";

export type ReliableEffect =
  | { readonly type: "transmit"; readonly to: Endpoint; readonly bytes: Bytes }
  /** The peer is connected, its identity proven, whichever side began. Once, before any other effect about it. */
  | { readonly type: "up"; readonly peer: PeerKey; readonly endpoint: Endpoint }
  /** The next message of a lane. `bytes` is a view that nobody else uses; it keeps up to 1 KiB around it in memory. */
  | {
    readonly type: "message";
    readonly peer: PeerKey;
    readonly lane: Lane;
    readonly bytes: Uint8Array;
  }
  /** A one-shot from the peer. */
  | { readonly type: "once"; readonly peer: PeerKey; readonly bytes: Uint8Array }
  /** Over 1 MiB waits for the peer, in both lanes, unsent or not acknowledged: send less until `drained`. */
  | { readonly type: "congested"; readonly peer: PeerKey }
  | { readonly type: "drained"; readonly peer: PeerKey }
  /** The peer was asked for a sign of life and gave none within `silentAfterMs`. Attempts at a new session begin. */
  | { readonly type: "silent"; readonly peer: PeerKey; readonly lastHeardMs: number }
  /** A peer that was silent gave a sign of life. */
  | { readonly type: "heard"; readonly peer: PeerKey }
  /**
   * The peer was started again, and knows nothing of the time before. What was sent and isn't known to have arrived is
   * dropped here, and may have arrived there or not; what is sent from now on arrives as after `up`.
   */
  | { readonly type: "reset"; readonly peer: PeerKey }
  | { readonly type: "moved"; readonly peer: PeerKey; readonly endpoint: Endpoint }
  | Extract<SealedEffect, { readonly type: "tried" }>
  /** The last effect about the peer, instead of `up`. `key`: the identity that answered there instead. */
  | {
    readonly type: "failed";
    readonly peer: PeerKey;
    readonly endpoint: Endpoint;
    readonly reason: SealedFailure;
    readonly key: PeerKey | null;
  }
  /** The last effect about the peer. `text`, after a goodbye, is another program's: to be shown with care. */
  | {
    readonly type: "ended";
    readonly peer: PeerKey;
    readonly cause: EndCause;
    readonly text: string;
  };

export interface ReliableConfig {
  /** Silence after which a peer is asked for a sign of life; `null`: idle peers cost nothing, and die unnoticed. */
  readonly probeAfterMs: number | null;
  /** How long a peer may leave us without any sign, once asked, before it is reported as `silent`. */
  readonly silentAfterMs: number;
}

export const RELIABLE_DEFAULTS: ReliableConfig = {
  probeAfterMs: 1_000, // as on TCP
  silentAfterMs: 2_000, // with the above: 3 s, as on TCP; some five probes on a path of 100 ms
};
