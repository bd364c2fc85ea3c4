/**
 * The overlay as its caller sees it: inputs, effects, the port to the roster, configuration.
 * The machine is `overlay.ts`.
 *
 * The caller's duties beside those of `Machine`:
 * - One `peer-up` and one `peer-down` for the one link to a peer, whichever of two links is kept.
 * - Each `dial` is answered by `peer-up` with where it has `reached` the peer, or by `dial-failed`, late or not.
 * - A `release` closes the link after what was sent before; `peer-down` follows as for any link.
 * - `neighbour-up` and `neighbour-down` reach the other machines before any later message of that peer.
 */

import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import type { Contact, OverlayMessage } from "../schema/messages.ts";
import type { FirstHandKind } from "../schema/records.ts";
import type { WantedLinks } from "../schema/mesh_io.ts";
import { ACTIVE_VIEW_MAX, INBOUND_LINKS_MAX, PASSIVE_VIEW_MAX } from "../schema/limits.ts";

export type OverlayInput =
  /**
   * A link between two members is up. `endpoint` is the peer's own, by its beacon; null where it says that nobody can
   * dial it. `reached`: where our dial has met it; null where it dialled us.
   */
  | {
    readonly type: "peer-up";
    readonly peer: PeerKey;
    readonly endpoint: Endpoint | null;
    readonly reached: Endpoint | null;
  }
  /** The peer's beacon says where it can be dialled now; perhaps as before. */
  | { readonly type: "peer-endpoint"; readonly peer: PeerKey; readonly endpoint: Endpoint | null }
  /** `closed`: the link was closed properly; otherwise it broke, and the peer may still be there. */
  | { readonly type: "peer-down"; readonly peer: PeerKey; readonly closed: boolean }
  /** The peer has left the room, or is lost to it. */
  | { readonly type: "peer-gone"; readonly peer: PeerKey; readonly reason: string }
  /** `answering`: another member, which has answered there: its own `peer-up` follows. */
  | {
    readonly type: "dial-failed";
    readonly peer: PeerKey;
    readonly endpoint: Endpoint;
    readonly answering?: PeerKey | null;
  }
  | { readonly type: "message"; readonly from: PeerKey; readonly message: OverlayMessage }
  /** We came in through `by`, whose `peer-up` came before. */
  | { readonly type: "welcomed"; readonly by: PeerKey }
  /**
   * A member joined, left, or has another endpoint; `live` includes ourselves. Also the first input of a process that
   * is in the room already: it looks for members at once.
   */
  | { readonly type: "members"; readonly live: number }
  /** Whether we can be dialled; at first as `passive` in the configuration says. */
  | { readonly type: "passive"; readonly passive: boolean }
  /** Links are wanted for files, to these from now on; where they are there already, nothing is done. */
  | { readonly type: "file-links"; readonly wanted: WantedLinks }
  /** Content of a file was asked for or sent, in either direction. */
  | { readonly type: "file-traffic"; readonly peer: PeerKey }
  | { readonly type: "tick" };

export type OverlayEffect =
  | { readonly type: "dial"; readonly contact: Contact }
  | { readonly type: "send"; readonly to: PeerKey; readonly message: OverlayMessage }
  /** The overlay no longer needs this link. */
  | { readonly type: "release"; readonly peer: PeerKey; readonly reason: string }
  /** The peer is in the active view from now on, as broadcast, roster and anti-entropy see it. */
  | { readonly type: "neighbour-up"; readonly peer: PeerKey }
  | { readonly type: "neighbour-down"; readonly peer: PeerKey };

/** What the overlay asks of the roster and the disk when it needs it; it keeps none of the answers. */
export interface MemberDirectory {
  /** Ourselves, as others can dial us; null where nobody can. */
  own(): Contact | null;
  /**
   * Where to dial a member, best first: where a dial of ours has met it, then where it says that it can be dialled. What
   * it says may never have been true outside its own network; so it takes nothing from what was proven.
   */
  endpointsOf(peer: PeerKey): readonly Endpoint[];
  /** Live members that can be dialled, without ourselves. */
  live(): readonly Contact[];
  /** How far these members are, by their latest beacons. */
  standings(): readonly Standing[];
  /** Whether what was said at this room time is here, or would be too old to be kept. */
  isHere(time: number): boolean;
  /** Room time of the last message of this process; 0 for none. */
  lastOwn(): number;
  /** Whether a neighbour is sending us what we lack. */
  isCatchingUp(): boolean;
  /** Members that aren't live, from the roster and the disk. */
  remembered(): readonly Contact[];
  /**
   * Those of them that this profile has met, as dialler or dialled, the last one last. Asked for once, at the
   * beginning.
   */
  met(kind: FirstHandKind): readonly Contact[];
}

export interface Standing {
  readonly contact: Contact;
  /** When the beacon was made, as far as known. */
  readonly madeMs: number;
  /** Room time of the last message by others that the member had. */
  readonly latest: number;
  /** Room time up to which it had what we say, as far as known. */
  readonly reach: number;
  /** Whether it had exactly what we have. */
  readonly isEqual: boolean;
}

/** Times in ms. */
export interface OverlayConfig {
  /** HyParView's active view: neighbours that can be dialled, at most. */
  readonly activeViewMax: number;
  readonly passiveViewMax: number;
  /** Hops of a `forward-join`, and the remaining hops at which it enters passive views. */
  readonly activeWalkHops: number;
  readonly passiveWalkHops: number;
  readonly shuffleWalkHops: number;
  readonly shuffleActiveCount: number;
  readonly shufflePassiveCount: number;
  readonly shuffleIntervalMs: number;
  /** Links dialled by others, at most. */
  readonly inboundLinksMax: number;
  /** Neighbours that we dialled, and that no request of others displaces. */
  readonly selfDialledMin: number;
  readonly evictionIntervalMs: number;
  readonly parallelDialsMax: number;
  /** Time for a dial, and again for the answer to a request. */
  readonly attemptMs: number;
  readonly idleLinkMs: number;
  /** How long a link stays on which content of a file was asked for or sent. */
  readonly fileLinkMs: number;
  readonly redialMinMs: number;
  readonly redialMaxMs: number;
  readonly redialIsolatedMaxMs: number;
  readonly rareDialIntervalMs: number;
  /** How many former members the whole room together dials at each interval, roughly. */
  readonly rareDialsPerRoom: number;
  /** At the beginning; true with `--passive`: nobody can dial this member. */
  readonly passive: boolean;
}

export const OVERLAY_LAN: OverlayConfig = {
  activeViewMax: ACTIVE_VIEW_MAX,
  passiveViewMax: PASSIVE_VIEW_MAX,
  activeWalkHops: 6, // HyParView, section 5.1
  passiveWalkHops: 3, // HyParView, section 5.1
  shuffleWalkHops: 6, // as ARWL: HyParView gives shuffles the same walk
  shuffleActiveCount: 3, // HyParView, section 5.1 (ka)
  shufflePassiveCount: 4, // HyParView, section 5.1 (kp)
  shuffleIntervalMs: 30_000, // guess: the passive view turns over in two minutes, one message in five seconds
  inboundLinksMax: INBOUND_LINKS_MAX,
  selfDialledMin: 2, // an attacker who dials us can take three neighbours, never all
  evictionIntervalMs: 5_000, // however many strangers ask, they can't churn the view faster than the tree repairs itself
  parallelDialsMax: 4, // one dead address in three costs no time, and a crash of many no storm
  attemptMs: 2_000, // a handshake is two round trips; beyond it another candidate is the better bet
  idleLinkMs: 3_000, // time for the request that a link was dialled for
  fileLinkMs: 15_000, // a holder that stalls has been left for another one by then
  redialMinMs: 1_000, // guess
  redialMaxMs: 60_000, // a member with some neighbours lives well: eight dials a minute at most
  redialIsolatedMaxMs: 5_000, // a member without neighbours is silent until one answers
  rareDialIntervalMs: 30_000, // joins two healthy halves of a split within a minute
  rareDialsPerRoom: 32, // each half of a split tries some old member each second, whatever its size
  passive: false,
};

/** A passive member takes inbound slots of others: three of them keep it connected. */
export const PASSIVE_MEMBER_ACTIVE_VIEW_MAX = 3;
