/** The inputs, effects and settings of `PrivateMessages`: what the room composes it with. */

import type { MessageId, PeerKey, RoomId } from "../../base/ids.ts";
import type { MeshRecord } from "./records.ts";
import type { LeaveReason } from "./roster_io.ts";
import type { Stream } from "./stream.ts";
import type { Head, PrivateEnvelope } from "./structures.ts";

export type PrivateInput =
  /** Once, first: what earlier processes left is told, and what is too old given up. */
  | { readonly type: "start" }
  /** From the user. `name`: as which it is shown. */
  | {
    readonly type: "say";
    readonly to: PeerKey;
    readonly name: string;
    readonly text: string;
    readonly ref?: string;
  }
  /** The `persist` with this token is on disk. */
  | { readonly type: "stored"; readonly token: number }
  /** The disk refused it, and holds nothing of it. */
  | { readonly type: "not-stored"; readonly token: number; readonly text: string }
  /** From the roster: a member is here, with this box key. Comes again when the key changes. */
  | { readonly type: "present"; readonly peer: PeerKey; readonly boxKey: Uint8Array }
  /** Whatever the reason, it may come back. */
  | { readonly type: "absent"; readonly peer: PeerKey; readonly reason: LeaveReason }
  /** We leave: the user is told what waits. */
  | { readonly type: "quit" }
  /** From a neighbour. */
  | { readonly type: "envelope"; readonly from: PeerKey; readonly envelope: PrivateEnvelope }
  /** More of this stream has been shown here, or of any (null): what waited for it is looked at again. */
  | { readonly type: "shown"; readonly stream: Stream | null }
  /** Answers `await-seen`. */
  | { readonly type: "seen"; readonly upTo: ReceivedPlace }
  | { readonly type: "tick" };

/** What a message from somebody is known by. */
export interface ReceivedPlace {
  readonly from: PeerKey;
  readonly incarnation: number;
  readonly counter: number;
}

/** What the order knows of the room. */
export interface ShownBundles {
  /** The latest bundles that were shown here, in room order. */
  heads(): readonly Head[];
  /** Whether this bundle was shown here, or will never be. */
  isShown(head: Head): boolean;
}

/** What waits for one receiver. */
export interface Waiting {
  readonly to: PeerKey;
  /** As which it was shown when the last of them was typed. */
  readonly name: string;
  readonly messages: number;
}

export type PrivateEffect =
  /** To all neighbours but `except`; to `envelope.to` alone where there is a link to it. */
  | {
    readonly type: "flood";
    readonly envelope: PrivateEnvelope;
    readonly except: PeerKey | null;
  }
  /** With a token it is synced, and answered by `stored` or `not-stored`; without one it needn't be. */
  | {
    readonly type: "persist";
    readonly records: readonly MeshRecord[];
    readonly token: number | null;
  }
  | {
    readonly type: "sent";
    readonly message: PrivateMessage;
    readonly name: string;
    readonly ref: string | undefined;
  }
  /** `late`: it is earlier than this moment, or may have been shown before. */
  | { readonly type: "received"; readonly message: PrivateMessage; readonly late: boolean }
  /** Once all that was `received` is before the user's eyes: `seen`. */
  | { readonly type: "await-seen"; readonly upTo: ReceivedPlace }
  | {
    readonly type: "delivery";
    readonly id: MessageId;
    readonly to: PeerKey;
    readonly name: string;
    readonly state: "queued" | "delivered" | "failed";
    readonly reason?: string;
    /** The receiver isn't here, and so many wait for it. */
    readonly waiting?: number;
    /** The user was told that it waits: `arrived` will tell of all that did. */
    readonly waited?: true;
    readonly ref: string | undefined;
  }
  /** The user is to know what waits: found at the start, left behind on quitting, or since a receiver left. */
  | {
    readonly type: "waits";
    readonly when: "start" | "quit" | "absent";
    readonly receivers: readonly Waiting[];
  }
  /** All that the user was told is waiting for this one has arrived: so many. */
  | { readonly type: "arrived"; readonly receiver: Waiting }
  | {
    readonly type: "refused";
    readonly code: "full" | "disk";
    readonly to: PeerKey;
    readonly name: string;
    /** What the disk said. */
    readonly text: string;
    readonly ref: string | undefined;
  }
  /** Our beacons are to name this one from now on. */
  | { readonly type: "box-key"; readonly boxKey: Uint8Array };

export interface PrivateMessage {
  readonly id: MessageId;
  readonly from: PeerKey;
  readonly to: PeerKey;
  readonly text: string;
  readonly sentAt: number;
}

export interface PrivateConfig {
  readonly room: RoomId;
  readonly incarnation: number;
  /** guess: a flood crosses a room in well under a second; twice as long each time until the maximum. */
  readonly resendFirstMs: number;
  readonly resendMsMax: number;
  /** How long a message waits for what its sender had been shown; then it may be a gap that nobody can fill. */
  readonly causeMs: number;
  /** A message that arrives within this time isn't marked as an earlier one. */
  readonly onItsWayMs: number;
  /** A box key is announced for so long, and its secret forgotten as long after that. */
  readonly boxKeyLifeMs: number;
  /** By the wall clock: then it has failed. */
  readonly keptMs: number;
  readonly expiryCheckMs: number;
  /** What is on disk of this room. */
  readonly records: readonly MeshRecord[];
}

const DAY_MS = 24 * 60 * 60 * 1_000;

export const PRIVATE_DEFAULTS = {
  resendFirstMs: 1_000,
  resendMsMax: 30_000,
  causeMs: 10_000, // as every wait that has no bound of its own
  onItsWayMs: 10_000, // as what is said to all
  // Shorter than it need be: whoever sealed to a secret that is gone seals anew when the next beacon comes.
  boxKeyLifeMs: DAY_MS,
  keptMs: 30 * DAY_MS,
  expiryCheckMs: 60 * 60 * 1_000, // nobody minds an hour in thirty days
} as const;
