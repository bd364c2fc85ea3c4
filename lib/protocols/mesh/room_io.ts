/** What a room, the machines of one membership composed, takes in and gives out: peers by key, no links. */

import type { ErrorCode } from "../../base/errors.ts";
import type { Endpoint, PeerKey, RoomId } from "../../base/ids.ts";
import type { Queue } from "../../base/schema.ts";
import type { MeshCommand } from "./events.ts";
import type { MeshEffect } from "./mesh_io.ts";
import type { Contact, MeshMessage, RosterEntry } from "./messages.ts";
import type { KeptSecrets } from "./kept_secrets.ts";
import type { MeshRecord } from "./records.ts";
import type { Bundle, SignedBeacon, SignedClaim, SignedGenesis } from "./structures.ts";

export type RoomInput =
  /** A link to a member is up; admission has checked what it shows. */
  | {
    readonly type: "peer-up";
    readonly peer: PeerKey;
    readonly dialled: boolean;
    readonly endpoint: Endpoint | null;
    readonly beacon: SignedBeacon;
    readonly claim: SignedClaim;
  }
  /** The same peer again, over a second link: only its beacon may be news. */
  | {
    readonly type: "peer-again";
    readonly peer: PeerKey;
    readonly beacon: SignedBeacon;
    readonly claim: SignedClaim;
  }
  | { readonly type: "peer-down"; readonly peer: PeerKey; readonly closed: boolean }
  | { readonly type: "dial-failed"; readonly peer: PeerKey }
  /** We came in through this peer, whose `peer-up` was before. */
  | { readonly type: "welcomed"; readonly by: PeerKey }
  /** Nobody is there to come in through: we are in the room alone. */
  | { readonly type: "alone" }
  /** A neighbour shows who has a name. */
  | { readonly type: "name-owner"; readonly from: PeerKey; readonly entry: RosterEntry }
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
    readonly command: Exclude<MeshCommand, { readonly command: "quit" | "name" }>;
    readonly ref: string | undefined;
  }
  /** Our name changed, admitted by a neighbour or by ourselves. */
  | { readonly type: "own-claim"; readonly claim: SignedClaim; readonly ref: string | undefined }
  /** Others find us here from now on. */
  | { readonly type: "own-endpoint"; readonly endpoint: Endpoint }
  /** Others can't dial us at this address, or can again. */
  | {
    readonly type: "reachable";
    readonly endpoint: Endpoint;
    readonly isReachable: boolean;
  }
  /** The user wants to leave: see that somebody has all that was said here. */
  | { readonly type: "leave" }
  /** The last word: a beacon that says so. */
  | { readonly type: "quit" }
  | { readonly type: "tick" };

export type RoomEffect =
  | {
    readonly type: "to";
    readonly peer: PeerKey;
    readonly message: MeshMessage;
    readonly lane: Queue;
  }
  /** With the author's claim, where the link hasn't carried it. */
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
  /** Who isn't in yet and came by an earlier secret, comes too late. */
  | { readonly type: "secret-changed" }
  /** Admission awaits no answer of this peer any more. */
  | { readonly type: "neighbour-gone"; readonly peer: PeerKey }
  | Extract<
    MeshEffect,
    { readonly type: "persist" | "pin" | "show" | "shown" | "await-output" | "input" }
  >
  | { readonly type: "fatal"; readonly code: ErrorCode; readonly text: string };

export type Fault = "invalid-signature" | "broken-promise" | "flood" | "protocol";

export interface RoomConfig {
  readonly room: RoomId;
  readonly genesis: SignedGenesis;
  /** Those of a private room, which the room keeps up to date; null in an open one. */
  readonly secrets: KeptSecrets | null;
  /** What is on disk of this room. */
  readonly records: readonly MeshRecord[];
  /** What isn't, and must be before anybody hears of us, beside what every member writes. */
  readonly fresh: readonly MeshRecord[];
  readonly incarnation: number;
  readonly claim: SignedClaim;
  readonly endpoint: Endpoint | null;
  readonly passive: boolean;
  readonly historyShown: number;
  /** How the process shows where it listens, in `ready`. */
  readonly listening: Endpoint;
  /** Whether the room was founded by this start. */
  readonly founded: boolean;
}
