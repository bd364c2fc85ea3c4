/** The inputs, effects and settings of `PrivateMessages`: what the room composes it with. */

import type { MessageId, PeerKey, RoomId } from "../../../base/ids.ts";
import type { MeshRecord } from "../schema/records.ts";
import type { LeaveReason } from "../roster/roster_io.ts";
import type { Head, PrivateEnvelope, Stream } from "../schema/structures.ts";

export type PrivateInput =
  /** The first input, given once: tells what earlier processes left, and gives up what is too old. */
  | { readonly type: "start" }
  /** The user writes to a member. `name`: the name under which it is shown. */
  | {
    readonly type: "say";
    readonly to: PeerKey;
    readonly name: string;
    readonly text: string;
    readonly ref?: string;
  }
  /** The `persist` with this token is on disk. */
  | { readonly type: "stored"; readonly token: number }
  /** The disk refused the `persist` with this token, and holds nothing of it. */
  | { readonly type: "not-stored"; readonly token: number; readonly text: string }
  /** From the roster: a member is here, with this box key. Given again when the key changes. */
  | { readonly type: "present"; readonly peer: PeerKey; readonly boxKey: Uint8Array }
  /** A member has left; whatever the reason, it may come back. */
  | { readonly type: "absent"; readonly peer: PeerKey; readonly reason: LeaveReason }
  /** We leave: the user is told what waits. */
  | { readonly type: "quit" }
  /** From a neighbour. */
  | { readonly type: "envelope"; readonly from: PeerKey; readonly envelope: PrivateEnvelope }
  /** More of this stream has been shown here, or of any stream (null): what waited for it is re-examined. */
  | { readonly type: "shown"; readonly stream: Stream | null }
  /** Answers `await-seen`. */
  | { readonly type: "seen"; readonly upTo: ReceivedPlace }
  | { readonly type: "tick" };

/** What identifies a message from another member. */
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

/** Messages that wait for one receiver. */
export interface Waiting {
  readonly to: PeerKey;
  /** The receiver's name as shown when the last of them was typed. */
  readonly name: string;
  readonly messages: number;
}

export type PrivateEffect =
  /** Goes to all neighbours but `except`; to `envelope.to` alone where there is a link to it. */
  | {
    readonly type: "flood";
    readonly envelope: PrivateEnvelope;
    readonly except: PeerKey | null;
  }
  /** With a token: synced, and answered by `stored` or `not-stored`; without one it needn't be synced. */
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
  /** A message of an earlier process has waited until now: that one may have been killed before it was `sent`. */
  | { readonly type: "was-waiting"; readonly message: PrivateMessage; readonly name: string }
  /** `late`: the message is older than a moment, or may have been shown before. */
  | { readonly type: "received"; readonly message: PrivateMessage; readonly late: boolean }
  /** Asks for `seen` once everything `received` so far has reached the user's screen. */
  | { readonly type: "await-seen"; readonly upTo: ReceivedPlace }
  | {
    readonly type: "delivery";
    readonly id: MessageId;
    readonly to: PeerKey;
    readonly name: string;
    readonly state: "queued" | "delivered" | "failed";
    readonly reason?: string;
    /** The receiver isn't here, and this many messages wait for it. */
    readonly waiting?: number;
    /** The user was told that this message waits: `arrived` follows when all that did have arrived. */
    readonly waited?: true;
    readonly ref: string | undefined;
  }
  /** Messages wait and the user is to know: found at the start, left behind on quitting, or since a receiver left. */
  | {
    readonly type: "waits";
    readonly when: "start" | "quit" | "absent";
    readonly receivers: readonly Waiting[];
  }
  /** Everything that the user was told is waiting for this receiver has arrived. */
  | { readonly type: "arrived"; readonly receiver: Waiting }
  | {
    readonly type: "refused";
    readonly code: "full" | "disk";
    readonly to: PeerKey;
    readonly name: string;
    /** The disk's error. */
    readonly text: string;
    readonly ref: string | undefined;
  }
  /** Our beacons are to announce this box key from now on. */
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
  /** How long a message waits for what its sender had been shown; after that it may be a gap that nobody can fill. */
  readonly causeMs: number;
  /** A message that arrives within this time isn't marked as an earlier one. */
  readonly onItsWayMs: number;
  /** How long a box key is announced; its secret is forgotten as long after that. */
  readonly boxKeyLifeMs: number;
  /** By the wall clock: a message that has waited for this long has failed. */
  readonly keptMs: number;
  readonly expiryCheckMs: number;
  /** As of `RosterConfig`. */
  readonly earlierMs?: number;
  /** The room's records on disk. */
  readonly records: readonly MeshRecord[];
}

const DAY_MS = 24 * 60 * 60 * 1_000;

export const PRIVATE_DEFAULTS = {
  resendFirstMs: 1_000,
  resendMsMax: 30_000,
  causeMs: 10_000, // as every wait that has no bound of its own
  onItsWayMs: 10_000, // as what is said to all
  // Shorter than necessary: a sender that sealed to a secret which is gone seals anew when the next beacon comes.
  boxKeyLifeMs: DAY_MS,
  keptMs: 30 * DAY_MS,
  expiryCheckMs: 60 * 60 * 1_000, // nobody minds an hour in thirty days
} as const;
