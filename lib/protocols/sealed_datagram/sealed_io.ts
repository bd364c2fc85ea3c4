/** The inputs and effects of sealed datagrams (sealed_datagrams.ts). */

import type { Bytes } from "../../base/crypto/crypto.ts";
import type { Endpoint, PeerKey } from "../../base/ids.ts";
import type { ChannelMode } from "../noise/preface.ts";

export type SealedInput =
  /** From the socket. `bytes` aren't kept. */
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /**
   * From the owner: make a session with `peer`, a new one where there is one; `up` or `failed` answers within 5 s.
   * An attempt under way at the same addresses goes on; one at others is given up silently.
   */
  | {
    readonly type: "connect";
    readonly peer: PeerKey;
    readonly endpoint: Endpoint;
    /** Other addresses at which the peer may be: the first that answers counts. */
    readonly also?: readonly Endpoint[];
  }
  /**
   * From the owner: let the peer hear us from these addresses' side, and ask it to do the same; `moved` follows where
   * something passes both ways. Dropped where there is no session.
   */
  | {
    readonly type: "try";
    readonly peer: PeerKey;
    readonly endpoints: readonly Endpoint[];
    /** False in answer to `tried`. */
    readonly asks: boolean;
  }
  /** From the owner: 1 byte to `PAYLOAD_BYTES_MAX`, copied. Dropped where there is no session. */
  | { readonly type: "send"; readonly peer: PeerKey; readonly payload: Uint8Array }
  /** From the owner: tell the peer once, and forget it. No effect about it follows. */
  | { readonly type: "close"; readonly peer: PeerKey; readonly reason: string }
  | { readonly type: "tick" };

/** Why no session came about. `wrong-key`: only another identity answered there. */
export type SealedFailure = "timeout" | "wrong-key";

export type SealedEffect =
  | { readonly type: "transmit"; readonly to: Endpoint; readonly bytes: Bytes }
  /** There is a session, the first or another that took its place. */
  | {
    readonly type: "up";
    readonly peer: PeerKey;
    /** Identifies the peer's process: another value after it was started again. */
    readonly process: string;
    readonly endpoint: Endpoint;
  }
  /** From the peer, each at most once, in any order; `bytes` belong to the receiver. */
  | { readonly type: "payload"; readonly peer: PeerKey; readonly bytes: Bytes }
  /** The peer has proved that it receives at another address: it is sent everything there from now on. */
  | { readonly type: "moved"; readonly peer: PeerKey; readonly endpoint: Endpoint }
  /** The peer tries addresses of ours: it hears us there only if we send to it at the same time. */
  | { readonly type: "tried"; readonly peer: PeerKey }
  | {
    readonly type: "failed";
    readonly peer: PeerKey;
    readonly endpoint: Endpoint;
    readonly reason: SealedFailure;
    /** The identity that answered instead, proven; `null` where none did. */
    readonly key: PeerKey | null;
  }
  /** There is no session any more. `closed`: the peer said so, and why: text of another program. */
  | {
    readonly type: "down";
    readonly peer: PeerKey;
    readonly closed: boolean;
    readonly reason: string;
  };

/** Which peers may make sessions with us. */
export interface SealedAccess {
  readonly mode: ChannelMode;
  /**
   * Whether a peer that began a handshake with us may connect, once its identity is proven; not asked about peers to
   * which we connect. Asked again when the initiator repeats its message, so that one that becomes known a little late
   * gets in all the same.
   */
  admit(peer: PeerKey): boolean;
}

/** What became of received datagrams, for the log and for tests. */
export interface SealedStatistics {
  /** Authentic and new. */
  readonly opened: number;
  /** Authentic or not, with a counter that was seen or is too old. */
  readonly repeated: number;
  /** Not sealed with the session's key. */
  readonly forged: number;
  /** Neither of our form nor for a session or handshake of ours. */
  readonly strange: number;
}
