/**
 * What a friend tells its user, and what the user may ask: field for field the objects of `--json` (which adds
 * `at`, and `ref` where a command had one).
 */

import type {
  Compared,
  Conversation,
  KeyChange,
  ModeCommand,
  ModeEvent,
  PresenceEvent,
  RecalledMessage,
} from "../../base/machine/mode_machine.ts";
import type { PresenceCommand, ShownPresence } from "../../base/machine/user_presence.ts";

/** The reason of a `delivery` that failed because the user asked for it. */
export const TAKEN_BACK = "taken back";

export interface FriendView extends Compared, ShownPresence {
  readonly name: string;
  /** Fingerprint: the key expected; null while none is known. */
  readonly key: string | null;
  /** The key that the user has refused for the friend, while no other one is expected; or hasn't accepted yet. */
  readonly changed?: KeyChange;
  readonly host: string;
  readonly port: number;
  readonly connected: boolean;
  /**
   * Why whoever uses the friend's address, or key, may not be the friend: another key answers there than the one
   * accepted, or two programs have the key. Absent: nothing is known against it.
   */
  readonly doubt?: "another-key" | "two-programs";
}

interface FriendStatus extends FriendView {
  /** Messages that wait for this friend. */
  readonly waiting: number;
  readonly roundTripMs: number | null;
  /** What is wrong with this friend, in words; null where nothing is. */
  readonly problem: string | null;
}

interface OutboxMessage {
  readonly id: string;
  readonly to: string;
  readonly text: string;
  /** ISO 8601, UTC. */
  readonly sentAt: string;
}

export type FriendsEvent =
  | {
    readonly event: "ready";
    readonly command: "peer";
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly key: string;
    /** The table's file, and the other users in it. */
    readonly users: string;
    readonly names: readonly string[];
  }
  | {
    readonly event: "message";
    readonly id: string;
    readonly from: string;
    readonly text: string;
    readonly self: boolean;
    readonly history: boolean;
    /** ISO 8601, UTC, by the author's clock. */
    readonly sentAt: string;
    /** The receiver of one's own message, which is shown again. */
    readonly to?: string;
  }
  /** What was said to this friend, and by it, or to all and by all; `searched`: that alone which has this text in it. */
  | Partial<Conversation> & {
    readonly event: "history";
    readonly messages: readonly RecalledMessage[];
    readonly searched?: string;
  }
  | {
    readonly event: "delivery";
    readonly id: string;
    readonly to: string;
    readonly state: "queued" | "delivered" | "failed";
    readonly reason?: string;
    /** With `failed`: an error has just given the reason. */
    readonly told?: true;
    /** With `queued`: how many messages wait for a friend that is away. */
    readonly waiting?: number;
    /** With `delivered`: it waited for the friend, and a notice tells how many did, when the last one is delivered. */
    readonly waited?: true;
    /** With `waiting`: when they are sent, for a sentence. */
    readonly sentWhen?: string;
    /** With `failed`: the text. It tells which message that is to a user that never saw its id. */
    readonly text?: string;
  }
  | {
    readonly event: "connection";
    readonly friend: string;
    readonly state: "opened" | "closed";
    readonly reason: string;
    /** The reason is in the words of the friend's program, which may be any. */
    readonly said?: true;
  }
  | {
    readonly event: "friends";
    readonly friends: readonly FriendView[];
    /** The user. The machine doesn't know at which address friends dial it: that is the console's to add. */
    readonly self: Omit<FriendView, "connected" | "key">;
  }
  | PresenceEvent
  | { readonly event: "outbox"; readonly messages: readonly OutboxMessage[] }
  | ShownPresence & {
    readonly event: "status";
    readonly name: string;
    readonly key: string;
    readonly friends: readonly FriendStatus[];
    readonly unsent: number;
    readonly problems: readonly string[];
  }
  | ModeEvent;

/** What the user asks of the machine. */
export type FriendsCommand =
  | ModeCommand
  | PresenceCommand
  | { readonly command: "msg"; readonly name: string; readonly text: string }
  | { readonly command: "list" }
  | {
    readonly command: "history";
    readonly count: number | null;
    readonly text?: string;
    /** The id of a message: only what was said before it. */
    readonly before?: string;
    readonly name?: string;
  }
  | { readonly command: "outbox" }
  | { readonly command: "unsend"; readonly id: string };
