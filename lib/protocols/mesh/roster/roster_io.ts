/** The inputs, effects and settings of `Roster`: what the mesh composes it with. */

import { BEACON_INTERVAL_PER_MEMBER_MS } from "../schema/limits.ts";
import type { ClaimId, Hash, PeerKey, RoomId } from "../../../base/ids.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import type { KnownClaim } from "../schema/credentials.ts";
import type { RosterMessage } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Presence } from "../../../base/machine/user_presence.ts";
import type { Beacon, SignedBeacon, SignedClaim, SignedGenesis } from "../schema/structures.ts";
import type { Penalise } from "../schema/mesh_io.ts";

/** What a member says of itself in its beacons, beside counters and digests. */
export interface SelfDescription
  extends Presence, Pick<Beacon, "process" | "endpoint" | "passive" | "boxKey"> {
  readonly claim: SignedClaim;
  /** Absent: nowhere else. */
  readonly meeting?: Beacon["meeting"];
}

export type RosterInput =
  /** We are a member from now on, under this incarnation: our beacons begin. Given once. */
  | {
    readonly type: "enter";
    readonly room: RoomId;
    readonly genesis: SignedGenesis;
    readonly incarnation: number;
    readonly self: SelfDescription;
  }
  /** Our description has changed: a beacon goes out at once. */
  | { readonly type: "self"; readonly change: Partial<Omit<SelfDescription, keyof Presence>> }
  /** What our user says of itself has changed: a beacon goes out soon. */
  | {
    readonly type: "presence";
    readonly change: Partial<Presence>;
    readonly ref: string | undefined;
  }
  /** These keys may not be in the room any more (`RosterConfig.isRemoved`). */
  | { readonly type: "removed"; readonly keys: readonly PeerKey[] }
  /** A peer has us as gone since this beacon of ours: it wants a later one. */
  | { readonly type: "renew"; readonly held: Pick<Beacon, "incarnation" | "number"> }
  | { readonly type: "neighbour-up"; readonly peer: PeerKey }
  | { readonly type: "neighbour-down"; readonly peer: PeerKey }
  /** The link to a member, neighbour or not, broke: neither side closed it properly. */
  | { readonly type: "link-lost"; readonly peer: PeerKey }
  /** From admission, which has checked the signatures: `from` is the other end of the link. */
  | {
    readonly type: "member";
    readonly from: PeerKey;
    readonly beacon: SignedBeacon;
    readonly claim: SignedClaim;
  }
  /** A claim that came along with a bundle, which names `named`; any other claim is of no use here. */
  | {
    readonly type: "claim";
    readonly from: PeerKey;
    readonly claim: SignedClaim;
    readonly named: ClaimId;
  }
  /** From a neighbour. */
  | { readonly type: "message"; readonly from: PeerKey; readonly message: RosterMessage }
  /** Some of what was passed on to this neighbour was dropped on the way. */
  | { readonly type: "missed"; readonly peer: PeerKey }
  /** This much was delivered: our beacons tell authors how far we are. */
  | { readonly type: "delivered"; readonly messages: number; readonly bytes: number }
  /** We leave: send the last beacon. */
  | { readonly type: "quit" }
  | { readonly type: "tick" };

/**
 * `quit`: the member said so. `lost`: it was silent, or no longer answered its neighbours. `replaced`: its key came
 * in again. `removed`: the founder or a deputy has shut it out.
 */
export type LeaveReason = "quit" | "lost" | "replaced" | "removed";

export type RosterEffect =
  /** `lane`: the queue, where it isn't the usual one of this message type. */
  | {
    readonly type: "send";
    readonly to: PeerKey;
    readonly message: RosterMessage;
    readonly lane?: Queue;
  }
  /**
   * A member has come. `present`: it was here before we came in. Each `joined` of a key is followed by one `left`
   * before the next.
   */
  | {
    readonly type: "joined";
    readonly key: PeerKey;
    readonly beacon: Beacon;
    readonly claim: KnownClaim;
    readonly present: boolean;
  }
  /** `silentMs`: for a member that is lost because of its silence alone, how long nothing was heard of it. */
  | {
    readonly type: "left";
    readonly key: PeerKey;
    readonly reason: LeaveReason;
    readonly silentMs?: number;
  }
  /** We learnt of a member only after it was lost: its name is still its own. */
  | { readonly type: "absent"; readonly key: PeerKey; readonly claim: KnownClaim }
  /** A lost member was forgotten: its name is free. */
  | { readonly type: "forgotten"; readonly key: PeerKey }
  /** A live member has another claim, and so another name. */
  | { readonly type: "reclaimed"; readonly key: PeerKey; readonly claim: KnownClaim }
  /** A live member, or we ourselves, say something else of the user. `ref`: of the command that did that. */
  | {
    readonly type: "presence";
    readonly key: PeerKey;
    readonly presence: Presence;
    readonly ref?: string | undefined;
  }
  /** A live member has sent a newer beacon: how far it is, where it can be dialled, its box key. */
  | { readonly type: "updated"; readonly key: PeerKey; readonly beacon: Beacon }
  | { readonly type: "suspected"; readonly key: PeerKey }
  | { readonly type: "unsuspected"; readonly key: PeerKey }
  /** Bundles under this claim can be shown now. */
  | { readonly type: "claim-known"; readonly claim: ClaimId }
  /** More claims of others are vouched for since then, see `isVouched`. */
  | { readonly type: "vouched" }
  /** Another process than is known says that it is this member's, under its incarnation: it isn't believed. */
  | { readonly type: "copied"; readonly key: PeerKey }
  /** Our own key has come in again, later, or as a copy of this process: this process ends, and sends no further beacon. */
  | { readonly type: "replaced-self"; readonly incarnation: number }
  | Penalise<"invalid-signature" | "flood" | "protocol">
  | { readonly type: "persist"; readonly records: readonly MeshRecord[] };

/** What our beacons say of our progress, asked when one is made, and which claims are needed for what is kept. */
export interface ProgressPort {
  /** Whether this key may not be in the room. */
  isRemoved(key: PeerKey): boolean;
  /** Whether bundles under this claim are kept. */
  isClaimKept(id: ClaimId): boolean;
  /** Digest of the frontiers. */
  frontier(): Hash;
  /** Room time of the last message by others that was shown, in room order; 0 for none. */
  latest(): number;
  /** Epoch of the private room's secret; 0 in an open room. */
  epoch(): number;
}

export interface RosterConfig {
  /** The room's records on disk: claims are restored, members' last beacons become floors. */
  readonly records: readonly MeshRecord[];
  /** When the process before began, by the wall clock; none where there was none. */
  readonly earlierMs?: number;
  readonly timing: RosterTiming;
  /** How late this process comes of late. */
  readonly own: OwnLateness;
}

export interface OwnLateness {
  readonly lateMs: number;
}

/** For a network whose round trips stay below some 300 ms. */
export interface RosterTiming {
  /** A lease is renewed every max(this, members x `beaconIntervalPerMemberMs`). */
  readonly beaconIntervalMs: number;
  /** Keeps all beacons together at 11 a second, whatever the room's size. */
  readonly beaconIntervalPerMemberMs: number;
  /**
   * In rooms of at most `relayMembersMax`, a member's own renewal that is due within this share of its interval goes
   * out with the next one that it passes on. More lets a room come to beat as one sooner, and beat more often meanwhile.
   */
  readonly beatAlongShare: number;
  /** A lease lasts this many intervals and `leaseSlackMs`. More tolerates more loss, and shows a crash later. */
  readonly leaseIntervals: number;
  readonly leaseSlackMs: number;
  /** Early beacons keep this distance: max(this, members x `earlyBeaconPerMemberMs`). */
  readonly earlyBeaconMs: number;
  readonly earlyBeaconPerMemberMs: number;
  /** How much has to be delivered after a beacon to make the next one early. */
  readonly earlyBeaconMessages: number;
  readonly earlyBeaconBytes: number;
  /** In rooms of at most this many, a beacon follows a delivery within `settledBeaconMs`. */
  readonly settledBeaconMembersMax: number;
  readonly settledBeaconMs: number;
  /** In rooms larger than this, other beacons wait for company, too, before they are passed on. */
  readonly relayMembersMax: number;
  /** How long beacons of members that are known wait: min(`renewalMsMax`, members x this). */
  readonly renewalPerMemberMs: number;
  readonly renewalMsMax: number;
  /** How long those of newcomers, or under another name, wait: min(`newsMsMax`, members x this). */
  readonly newsPerMemberMs: number;
  readonly newsMsMax: number;
  /** From an accusation until the accused counts as lost. More gives it longer to refute. */
  readonly accusationMs: number;
  /** How long a neighbour waits before it denies an accusation: its own link may be dying too. */
  readonly denialDelayMs: number;
  /** How long a lost member's name stays its own, and the end of one that quit is passed on. */
  readonly deadKeptMs: number;
  /** For this long after a stall of our own nobody is accused: links that died meanwhile come to light. */
  readonly blamelessMs: number;
  /** Members learnt of within this time of our coming in were there before us. */
  readonly arrivalMs: number;
  /** Least time between two records of one member's beacon on disk, if its endpoint is the same. */
  readonly memberRecordMs: number;
  /** How long parts of a roster are awaited before another neighbour is asked. */
  readonly pullMs: number;
}

export const ROSTER_LAN: RosterTiming = {
  beaconIntervalMs: 15_000, // idle members use no CPU worth measuring
  beaconIntervalPerMemberMs: BEACON_INTERVAL_PER_MEMBER_MS, // 0.1 % of a core for signatures
  beatAlongShare: 0.4, // not what comes back of one's own: four hops of 1.5 s, there, are 6 s of 15
  leaseIntervals: 2, // each comes by five links, and TCP loses none: six hops of 1.5 s may take twice as long
  leaseSlackMs: 3_000, // a crash is shown within 35 s: 2 x 15 s, this, and 2 s of gossip
  earlyBeaconMs: 50, // 5,000 messages of an author's window in 50 ms are 100,000/s
  earlyBeaconPerMemberMs: 2, // 500 early beacons/s in all
  earlyBeaconMessages: 1_000, // a fifth of the window in which authors pause
  earlyBeaconBytes: 8 * 1024 * 1024, // a quarter of it
  settledBeaconMembersMax: 8, // 64 small messages a burst; in larger rooms the next beacon tells
  settledBeaconMs: 1_000, // whoever asks for the status has taken longer than that
  relayMembersMax: 64, // below it fewer than one in 150 ms: they would wait alone
  renewalPerMemberMs: 0.5, // 250 members: 125 ms, two beacons; 1,000: 500 ms, eight, in one frame instead of eight
  renewalMsMax: 500, // six hops in 3 s, the slack of a lease
  newsPerMemberMs: 0.1, // alone, a newcomer is known everywhere half a second later; in a crowd ten share a frame
  newsMsMax: 100, // six hops in 600 ms
  accusationMs: 1_750, // a dead link shows after 3 s of silence: lost within 5 s, gossip included
  denialDelayMs: 500, // a killed process's links end within a round trip of each other
  deadKeptMs: 24 * 60 * 60 * 1_000, // a lost member's name is held for a day
  blamelessMs: 4_000, // a link that died unseen shows after 3 s of silence
  arrivalMs: 1_000, // the first exchange is two round trips
  memberRecordMs: 6 * 60 * 60 * 1_000, // a file of 1,000 members grows by 2 MB a day
  pullMs: 5_000, // parts of a bucket come in a few round trips
};
