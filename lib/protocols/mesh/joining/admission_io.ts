/** The inputs, effects, ports and settings of `Admission`: what the mesh composes it with. */

import type {
  BundleId,
  ClaimId,
  Endpoint,
  FoldedName,
  LinkId,
  PeerKey,
  RoomId,
} from "../../../base/ids.ts";
import type { AdmissionMessage, Refusal } from "../schema/messages.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { Beacon, SignedBeacon, SignedClaim, SignedGenesis } from "../schema/structures.ts";
import type { Penalise } from "../schema/mesh_io.ts";

export type AdmissionInput =
  /**
   * An authenticated link is open. One that we dialled begins at once: with `hello` where we are a
   * member, else with `join`.
   */
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    readonly process: string;
    readonly dialled: boolean;
    readonly remote: Endpoint;
  }
  | { readonly type: "link-down"; readonly link: LinkId }
  | { readonly type: "message"; readonly link: LinkId; readonly message: AdmissionMessage }
  /** An invite was needed, and the other end of this link has none, or one that is no longer valid. */
  | { readonly type: "uninvited"; readonly link: LinkId }
  /** The room was founded, or resumed with nobody there. */
  | { readonly type: "in-room"; readonly room: RoomId; readonly genesis: SignedGenesis }
  /** What `admitted` asked for is done: the roster has entered, or taken the new claim. */
  | { readonly type: "entered"; readonly link: LinkId }
  /** `/name`: ask the neighbour at this member link to admit another name. */
  | { readonly type: "claim-name"; readonly link: LinkId; readonly name: string }
  /** Our own beacon may be later than the one of which a peer asked for a later one. */
  | { readonly type: "renewed" }
  | { readonly type: "tick" };

export type AdmissionEffect =
  | { readonly type: "send"; readonly link: LinkId; readonly message: AdmissionMessage }
  | { readonly type: "close"; readonly link: LinkId; readonly reason: string }
  /**
   * Both ends are members of this room, and the signatures are checked: from now on this is a member link. `endpoint`
   * is what the peer's beacon says.
   */
  | {
    readonly type: "member";
    readonly link: LinkId;
    readonly peer: PeerKey;
    readonly beacon: SignedBeacon;
    readonly claim: SignedClaim;
    readonly endpoint: Endpoint | null;
  }
  /** A neighbour has taken another name, which we admitted: for the roster, like `member`. */
  | {
    readonly type: "claimed";
    readonly peer: PeerKey;
    readonly beacon: SignedBeacon;
    readonly claim: SignedClaim;
  }
  /** A peer has us as gone since this beacon: let the roster make a later one, and say `renewed` once it has. */
  | { readonly type: "renew"; readonly held: Pick<Beacon, "incarnation" | "number"> }
  | { readonly type: "persist"; readonly records: readonly MeshRecord[] }
  /**
   * We are let in, or have our new name: let the roster `enter` (with `rename`, take the claim), then answer with
   * `entered`; only then does the admitting member hear of it.
   */
  | {
    readonly type: "admitted";
    readonly link: LinkId;
    readonly room: RoomId;
    readonly genesis: SignedGenesis;
    readonly claim: SignedClaim;
    readonly incarnation: number;
    /** Our endpoint, as the admitting member would dial it. */
    readonly endpoint: Endpoint | null;
    readonly rename: boolean;
  }
  /** We are in: `ready`; emitted once, unless `in-room` was fed. A `member` effect for `via` follows. */
  | { readonly type: "came-in"; readonly link: LinkId; readonly via: PeerKey }
  /** The admitting member knows our new name. */
  | { readonly type: "name-claimed"; readonly claim: SignedClaim }
  /** We were refused, or heard nothing in time; the link is closed unless `rename` is set. */
  | {
    readonly type: "refused";
    readonly link: LinkId;
    readonly code: Refusal | "timeout" | "unreachable";
    readonly text: string;
    readonly rename: boolean;
    /** The peer's room, where it named one: another room answers at this address. */
    readonly room: RoomId | null;
  }
  /** The peer says that it is a process of its key which we know, and is another one: the link is closed. */
  | { readonly type: "copied"; readonly peer: PeerKey }
  /** The peer proved that our own key has come in again, later, or as a copy of this process: this one ends. */
  | { readonly type: "replaced-self"; readonly incarnation: number }
  | Penalise<"invalid-signature" | "flood" | "protocol">;

/** What admission asks of roster, names and order. */
export interface AdmissionPort {
  /** The key that has this name, live or lost within a day; null where the name is free. */
  ownerOf(folded: FoldedName): PeerKey | null;
  /** Whether this checked claim wins its name over all that have it. */
  precedes(claim: SignedClaim): boolean;
  /** Highest incarnation known of this key, 0 where none is. */
  incarnationOf(key: PeerKey): number;
  isLive(key: PeerKey): boolean;
  /** Whether another process is known under the beacon's key and incarnation. */
  isOfCopy(beacon: Beacon): boolean;
  /**
   * The last beacon of a member that is gone as far as is known here, where `beacon` isn't later than it and so
   * doesn't show that it is back; else null.
   */
  goneSince(beacon: Beacon): Pick<Beacon, "incarnation" | "number"> | null;
  /** The latest beacon and claim of this key, where both are known. */
  credentialsOf(
    key: PeerKey,
  ): { readonly beacon: SignedBeacon; readonly claim: SignedClaim } | null;
  liveMembers(): number;
  /** Whether this claim's signatures were checked before. */
  isClaimKnown(id: ClaimId): boolean;
  /** The latest head that was shown here; null in a room without messages. */
  latestHead(): { readonly time: number; readonly id: BundleId } | null;
  /** Our own latest beacon and claim; called only after `entered` or `in-room`. */
  selfBeacon(): SignedBeacon;
  selfClaim(): SignedClaim;
}

export interface AdmissionConfig {
  /** The name to come in under, already found to be possible. */
  readonly name: string;
  /** The only room to come into; null where any will do. */
  readonly room: RoomId | null;
  /**
   * Whether that room is private: a member without an invite isn't drawn into a private room, nor one with an invite
   * into an open room.
   */
  readonly private: boolean;
  /** 1 + the highest incarnation on disk; the wall clock and what the contact knows may raise it. */
  readonly incarnationMin: number;
  /** Where others can dial us; the admitting member fills in an empty host; null: nowhere. */
  readonly endpoint: Endpoint | null;
  /** Our own claims on disk: the one for `name` is offered again. */
  readonly ownClaims: readonly SignedClaim[];
  readonly timing: AdmissionTiming;
}

export interface AdmissionTiming {
  /** Time for a whole exchange on a link, from either side. */
  readonly exchangeMs: number;
  /** Newcomers that this member lets in per second. */
  readonly joinsPerSecond: number;
  readonly joinsBurst: number;
}

export const ADMISSION_LAN: AdmissionTiming = {
  exchangeMs: 5_000, // four messages and a sync of the disk; a person waits for it
  joinsPerSecond: 100, // a lecture hall opening its laptops, not a flood of keys
  joinsBurst: 200,
};
