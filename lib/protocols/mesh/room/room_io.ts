/**
 * Inputs, effects and configuration of a room, which composes the machines of one membership and knows peers by key,
 * no links.
 */

import type { ErrorCode } from "../../../base/errors.ts";
import type { Endpoint, PeerKey, ProcessKey, RoomId } from "../../../base/ids.ts";
import type { ComparedKey } from "../../../base/trust/refused_keys.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import type { MeshCommand } from "../schema/events.ts";
import type { Fault, MeetingPointNews, MeshEffect, WantedLinks } from "../schema/mesh_io.ts";
import type { Contact, MeshMessage, RosterEntry } from "../schema/messages.ts";
import type { KeptSecrets } from "../authority/kept_secrets.ts";
import type { KeptRulings } from "../authority/kept_rulings.ts";
import type { OwnLateness } from "../roster/roster_io.ts";
import type { MeshRecord } from "../schema/records.ts";
import type {
  Beacon,
  Bundle,
  SignedBeacon,
  SignedClaim,
  SignedGenesis,
} from "../schema/structures.ts";

export type RoomInput =
  /** A link to a member is up; admission has checked the beacon and the claim that it showed. */
  | {
    readonly type: "peer-up";
    readonly peer: PeerKey;
    /** Where our dial has met the peer; null where it dialled us. */
    readonly reached: Endpoint | null;
    readonly endpoint: Endpoint | null;
    readonly beacon: SignedBeacon;
    readonly claim: SignedClaim;
  }
  /** Another process than is known has said that it is this peer's. */
  | { readonly type: "copied"; readonly peer: PeerKey }
  /** A second link to a peer that is up already: only its beacon may be new. */
  | {
    readonly type: "peer-again";
    readonly peer: PeerKey;
    readonly beacon: SignedBeacon;
    readonly claim: SignedClaim;
  }
  | { readonly type: "peer-down"; readonly peer: PeerKey; readonly closed: boolean }
  | {
    readonly type: "dial-failed";
    readonly peer: PeerKey;
    readonly endpoint: Endpoint;
    /** Whether no secret that we know was accepted there. */
    readonly isUninvited: boolean;
  }
  /** A member ends its link to us: the invite with which we came doesn't count any more. */
  | { readonly type: "invite-void"; readonly by: PeerKey }
  /** We came in through this peer, whose `peer-up` came before. */
  | { readonly type: "welcomed"; readonly by: PeerKey }
  /** Nobody is there to come in through: we are in the room alone. */
  | { readonly type: "alone" }
  /** A neighbour shows which member has a name. */
  | { readonly type: "name-owner"; readonly from: PeerKey; readonly entry: RosterEntry }
  /** A peer that we have a link to has us as gone since this beacon of ours. */
  | { readonly type: "renew"; readonly held: Pick<Beacon, "incarnation" | "number"> }
  | { readonly type: "message"; readonly from: PeerKey; readonly message: MeshMessage }
  | { readonly type: "congested"; readonly peer: PeerKey }
  | { readonly type: "drained"; readonly peer: PeerKey }
  | { readonly type: "missed"; readonly peer: PeerKey }
  | { readonly type: "persisted"; readonly token: number }
  | { readonly type: "persist-failed"; readonly token: number | null; readonly text: string }
  | { readonly type: "log-restored" }
  | { readonly type: "output-seen"; readonly token: number }
  | {
    readonly type: "command";
    readonly command: Exclude<MeshCommand, { readonly command: "quit" }>;
    readonly ref: string | undefined;
  }
  /** The answer to `claim-name`: the name is ours now, or the user was told why not. */
  | { readonly type: "name-settled" }
  /** Our name has changed: a neighbour has admitted the new one, or we did so ourselves. */
  | { readonly type: "own-claim"; readonly claim: SignedClaim; readonly ref: string | undefined }
  /**
   * Others reach us at this address from now on. `before`: the address that this machine had, where it has another one;
   * null where it hasn't, and only its router has.
   */
  | {
    readonly type: "own-endpoint";
    readonly endpoint: Endpoint;
    readonly before: string | null;
  }
  /** Others can't dial us at this address, or can again. */
  | {
    readonly type: "reachable";
    readonly endpoint: Endpoint;
    readonly isReachable: boolean;
    /** Where who is here has dialled us instead; null where that isn't known. */
    readonly elsewhere: Endpoint | null;
  }
  | MeetingPointNews
  /** See `OverlayInput`. */
  | { readonly type: "file-links"; readonly wanted: WantedLinks }
  | { readonly type: "file-traffic"; readonly peer: PeerKey }
  /** The user wants to leave: make sure that another member has everything that was said here. */
  | { readonly type: "leave" }
  /** Send our last beacon, which says that we have quit. */
  | { readonly type: "quit" }
  | { readonly type: "tick" };

export type RoomEffect =
  | {
    readonly type: "to";
    readonly peer: PeerKey;
    readonly message: MeshMessage;
    readonly lane: Queue;
  }
  /** Goes out with the author's claim, where the link hasn't carried that yet. */
  | {
    readonly type: "bundle-to";
    readonly peer: PeerKey;
    readonly bundle: Bundle;
    readonly hop: number;
    readonly reason: "push" | "graft" | "range";
  }
  | { readonly type: "dial"; readonly contact: Contact }
  | { readonly type: "release"; readonly peer: PeerKey; readonly reason: string }
  | {
    readonly type: "penalise";
    readonly peer: PeerKey;
    readonly fault: Fault;
    readonly text: string;
  }
  /** The user wants this name; answered by `name-settled`. */
  | { readonly type: "claim-name"; readonly name: string; readonly ref: string | undefined }
  /** From now on it is too late for those that came by an earlier secret and aren't in yet. */
  | { readonly type: "secret-changed" }
  /** Who may be in the room has changed: links to those that may not are to be closed. */
  | { readonly type: "rulings-changed" }
  /** Admission no longer awaits an answer of this peer. */
  | { readonly type: "neighbour-gone"; readonly peer: PeerKey }
  | Extract<
    MeshEffect,
    {
      readonly type:
        | "persist"
        | "pin"
        | "keep"
        | "recall"
        | "show"
        | "shown"
        | "await-output"
        | "input";
    }
  >
  | { readonly type: "fatal"; readonly code: ErrorCode; readonly text: string };

export interface RoomConfig {
  readonly room: RoomId;
  readonly genesis: SignedGenesis;
  /** The secrets of a private room, which the room keeps up to date; null in an open one. */
  readonly secrets: KeptSecrets | null;
  /** Who may be in the room; the room keeps it up to date. */
  readonly rulings: KeptRulings;
  /** The room's records on disk. */
  readonly records: readonly MeshRecord[];
  /**
   * Records that aren't on disk yet and must be before anybody hears of us, beside those that every member writes.
   */
  readonly fresh: readonly MeshRecord[];
  readonly incarnation: number;
  readonly claim: SignedClaim;
  readonly process: ProcessKey;
  readonly endpoint: Endpoint | null;
  readonly passive: boolean;
  readonly historyShown: number;
  /** How many of the last messages are shown again to a member that comes back. */
  readonly historyAgain: number;
  /** Whether nothing that is said is on the disk: what waits is lost at the end, which the user is told. */
  readonly forgets?: boolean;
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  /** Keys that the user has verified, each under a name as it was shown: none of another key is shown like it. */
  readonly verified?: readonly ComparedKey[];
  /** The address at which the process listens, as shown in `ready`. */
  readonly listening: Endpoint;
  /** How late this process comes of late. */
  readonly own: OwnLateness;
  /** Whether the room was founded by this start. */
  readonly founded: boolean;
}
