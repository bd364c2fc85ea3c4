/**
 * The mesh as its caller sees it: inputs, effects, configuration. The program's runner and the
 * simulator are two callers of the same machine.
 *
 * The caller's duties beside those of `ModeInput` and `ModeEffect`: between `congested` and `drained` of a link,
 * `data` frames sent to it may be dropped; the snapshot is `Room.snapshot()`.
 */

import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { BundleId, Endpoint, LinkId, PeerKey, ProcessKey, RoomId } from "../../../base/ids.ts";
import type {
  KeepEffect,
  ModeEffect,
  ModeInput,
  PinEffect,
  RecallEffect,
} from "../../../base/machine/mode_machine.ts";
import type { ComparedKey } from "../../../base/trust/refused_keys.ts";
import type { Queue } from "../../../base/schema/schema.ts";
import type { MeshCommand, MeshEvent } from "./events.ts";
import type { ChannelSecret } from "../../noise/channel_handshake.ts";
import type { Invite } from "./rotations.ts";
import type { MeshMessage } from "./messages.ts";
import type { MeshRecord } from "./records.ts";

/** What a peer did against the rules. */
export type Fault = "invalid-signature" | "broken-promise" | "flood" | "protocol";

/** `peer` did what an honest member doesn't. */
export interface Penalise<Of extends Fault = Fault> {
  readonly type: "penalise";
  readonly peer: PeerKey;
  readonly fault: Of;
  readonly text: string;
}

export type DialFailureReason =
  | "unreachable"
  | "timeout"
  | "refused"
  | "wrong-key"
  | "version"
  | "wrong-room"
  | "full"
  | "bad-credentials"
  | "protocol";

/** Members with whom links are wanted for files. */
export interface WantedLinks {
  /** Who has a file that doesn't come here, or is to be told of one; the first `FILE_LINKS_WANTED_MAX` of them. */
  readonly holders: readonly PeerKey[];
  /** Whether any others are wanted, too, as one of them may have what doesn't come. */
  readonly others: boolean;
}

export interface MeetingPointNews {
  readonly type: "meeting-point";
  /** HOST:PORT. */
  readonly point: string;
  readonly state: "registered" | "away";
  /** Why it is away, as part of a sentence; null where that isn't known. */
  readonly reason: string | null;
  /** Where others reach us through it, from now on; null: as before. */
  readonly address: Endpoint | null;
}

export type MeshInput =
  | ModeInput<MeshMessage, MeshCommand>
  /** An authenticated, encrypted link is open; `attempt` is that of our `dial`, null for an inbound link. */
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    /** Identifies the peer's process, as the handshake proves. */
    readonly process: string;
    readonly dialled: boolean;
    readonly remote: Endpoint;
    /** The local address of the link; empty where there is none. */
    readonly localHost: string;
    readonly attempt: number | null;
    /** The room secret that both ends know; null where none was needed. */
    readonly secret: ChannelSecret | null;
  }
  | {
    readonly type: "dial-failed";
    readonly attempt: number;
    readonly reason: DialFailureReason;
    readonly text: string;
  }
  | { readonly type: "congested"; readonly link: LinkId }
  /** The link has room again after `data` frames sent to it were dropped. */
  | { readonly type: "missed"; readonly link: LinkId }
  /** A router says that others reach us there (`--map-port`); null: none does any more. */
  | { readonly type: "mapped"; readonly endpoint: Endpoint | null }
  /** This machine has these addresses now, of which others had best use `best`: a loopback one where it has no network. */
  | {
    readonly type: "machine-addresses";
    readonly hosts: readonly string[];
    readonly best: string;
  }
  /** With whom links are wanted for files from now on. */
  | { readonly type: "file-links"; readonly wanted: WantedLinks }
  /** We asked for content of a file on this link, or it was sent, in either direction: asking us doesn't keep a link. */
  | { readonly type: "file-traffic"; readonly link: LinkId }
  /** A member of our room is said to listen there; the caller sees to that it isn't said too often. */
  | { readonly type: "hint"; readonly endpoint: Endpoint }
  /** How things stand with the meeting point through which others are to reach us. */
  | MeetingPointNews
  /** Answers `open-room` with the room's records on disk; empty where there are none. */
  | { readonly type: "room-opened"; readonly records: readonly MeshRecord[] }
  /** After a refused persist: the log holds everything again. A `persisted` means the same. */
  | { readonly type: "log-restored" }
  /** Answers the `await-output` with this token. */
  | { readonly type: "output-seen"; readonly token: number };

export type MeshEffect =
  | ModeEffect<MeshEvent, MeshRecord, BundleId>
  | PinEffect
  | KeepEffect
  | RecallEffect<MeshEvent>
  | {
    readonly type: "dial";
    readonly attempt: number;
    readonly endpoint: Endpoint;
    /**
     * Who is looked for; any other member may answer as well (`Mesh.mayAnswer`). Null where anybody may, or whoever has
     * the key with this `fingerprint`.
     */
    readonly expect: PeerKey | null;
    readonly fingerprint?: Fingerprint;
    /** Null where the room isn't known yet. */
    readonly room: RoomId | null;
    /** The secret that the other side must know too; null where the room is open, or isn't known. */
    readonly secret: ChannelSecret | null;
  }
  | {
    readonly type: "send";
    readonly link: LinkId;
    readonly message: MeshMessage;
    readonly lane: Queue;
  }
  /**
   * The room that we belong to from now on; emitted once. Links are made for it, and later persists are its records.
   * `room-opened` answers with its records on disk.
   */
  | { readonly type: "open-room"; readonly room: RoomId }
  /** A member has dialled us at the mapped address: it is announced. */
  | { readonly type: "mapping-proven"; readonly endpoint: Endpoint }
  /** Asks for an `output-seen` once everything shown before has reached the user's screen. Nothing waits for it. */
  | { readonly type: "await-output"; readonly token: number };

export interface MeshConfig {
  readonly name: string;
  /** `--data`, as it was given, for commands that the user is to type; absent: it wasn't. */
  readonly data?: string;
  /** Of this process, as its handshakes prove it to others. */
  readonly process: ProcessKey;
  /**
   * Where this process listens, as others should dial it; host null: whatever address they see. `fixed`: the user
   * gave this address, and it stays when the machine gets another one.
   */
  readonly advertise: {
    readonly host: string | null;
    readonly port: number;
    readonly fixed?: true;
  };
  /** `--passive`: this process dials, and doesn't listen. */
  readonly passive: boolean;
  /** How many earlier messages are shown to a newcomer. */
  readonly historyShown: number;
  /** How many of the last messages are shown again to a member that comes back; absent: none. */
  readonly historyAgain?: number;
  /** `--no-history`: nothing that is said from now on is on the disk, as the caller sees to. */
  readonly forgets?: boolean;
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  /** Keys that the user has verified, each under a name as it was shown: none of another key is shown like it. */
  readonly verified?: readonly ComparedKey[];
  readonly begin:
    | { readonly kind: "found"; readonly private?: true }
    /**
     * Joins through the contact, or else through one of the invite's addresses, and into the invite's room alone.
     * Where the user named the contact besides the invite (`named`), neither room is joined if another one answers
     * there. Where an invite is needed and none is given, the contact may be a member of the `last` room, which is on
     * disk with its secrets.
     */
    | {
      readonly kind: "join";
      readonly contact: Endpoint;
      readonly named?: true;
      /** The key that the contact must have. */
      readonly key?: Fingerprint;
      readonly invite?: Invite;
      /** The rooms on disk: who was in one can go back without anybody there, and has its name there. */
      readonly kept?: readonly RoomId[];
      readonly last?: RoomId;
    }
    /**
     * Resumes a room that is on disk: `open-room` is answered with its records. Whoever it knows is dialled, and before
     * them those that are said to listen at `hints`.
     */
    | { readonly kind: "resume"; readonly room: RoomId; readonly hints?: readonly Endpoint[] };
}
