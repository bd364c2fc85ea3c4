/**
 * What a member of a mesh tells its user, and what the user may ask: the machine's side of the console,
 * and, field for field, the objects of `--json` (which adds `at`, and `ref` where a command had one).
 */

import type {
  Compared,
  Conversation,
  KeyChange,
  ModeCommand,
  ModeEvent,
  PastMessage,
  PresenceEvent,
  RecalledMessage,
} from "../../../base/machine/mode_machine.ts";
import type { InviteForm } from "../../../base/text/invite_text.ts";
import type { PresenceCommand, ShownPresence } from "../../../base/machine/user_presence.ts";

/** Who may remove others. */
export type Role = "founder" | "deputy";

export interface PeerView extends Compared, ShownPresence {
  readonly name: string;
  /** Fingerprint. */
  readonly key: string;
  /** Empty, with port 0, for a member that can't be dialled. */
  readonly host: string;
  readonly port: number;
  /** HOST:PORT of the meeting point through which it is reached; absent where there is none. */
  readonly meeting?: string;
  /** Whether a link to it is open. */
  readonly direct: boolean;
  /** That link goes through a meeting point. */
  readonly relayed?: true;
  readonly role?: Role;
  /** The user has refused the key. */
  readonly changed?: KeyChange;
}

/** One that was said to all; its author's name is the same at every member. */
export interface HistoryMessage extends PastMessage {
  /** The author is removed by now: whether it was written before that can't be told, as others may bring it later. */
  readonly removed?: true;
}

/** One member in a status. */
export interface PeerStatus {
  readonly name: string;
  readonly key: string;
  readonly direct: boolean;
  /** The link to it goes through a meeting point. */
  readonly relayed?: true;
  readonly roundTripMs: number | null;
  /** Time since this member was last heard of, directly or through others. */
  readonly heardMsAgo: number | null;
  readonly suspected: boolean;
  /** Whether the member is known to have all that we have. */
  readonly upToDate: boolean;
  /** Whether earlier messages are being fetched from it. */
  readonly fetching: boolean;
  readonly role?: Role;
}

export interface MeshStatus extends ShownPresence {
  readonly event: "status";
  /** Room id, hexadecimal. */
  readonly room: string;
  readonly name: string;
  readonly key: string;
  /** Our own. */
  readonly role?: Role;
  readonly members: readonly PeerStatus[];
  /** Members that aren't known to have everything that we wrote. */
  readonly unconfirmed: number;
  /** Own messages that wait to be sent, or for their receiver. */
  readonly unsent: number;
  /** Receivers of private messages, and how many are kept for each. */
  readonly waiting: readonly {
    readonly name: string;
    readonly messages: number;
    /** The receiver was removed, and gets them only if it is allowed back. */
    readonly removed?: true;
  }[];
  /** Messages kept. */
  readonly messages: number;
  readonly lastMessage: { readonly at: string; readonly from: string } | null;
  /** When the last own message was said, where that is one of the latest; ISO 8601, UTC. */
  readonly lastOwnAt?: string;
  /** Whether something is being fetched from any member. */
  readonly catchingUp: boolean;
  /** What is wrong, in words; empty where nothing is. */
  readonly problems: readonly string[];
}

/** Somebody on whom the founder, or a deputy, has decided. */
export interface RuledOn {
  readonly name: string;
  readonly key: string;
  /** Name and key of who did that. */
  readonly by: string;
  readonly byKey: string;
}

/** Something that was said. */
export interface MessageEvent {
  readonly event: "message";
  readonly id: string;
  /** The name claimed when it was sent. */
  readonly from: string;
  /** The name under which the author is shown here. */
  readonly shown: string;
  /** The author's fingerprint. */
  readonly key: string;
  readonly text: string;
  readonly self: boolean;
  readonly private: boolean;
  readonly history: boolean;
  /** The author was removed before this is shown: whether it was written before that can't be told. */
  readonly removed?: true;
  /** ISO 8601, UTC, by the author's clock. */
  readonly sentAt: string;
  /** The receiver's name, on one's own private messages. */
  readonly to?: string;
}

export type MeshEvent =
  | {
    readonly event: "ready";
    readonly command: "mesh";
    readonly name: string;
    readonly host: string;
    readonly port: number;
    readonly key: string;
    readonly room: string;
    /** `--passive`: nobody comes in through this member; `host` is empty then, and `port` 0. */
    readonly passive?: true;
    /** An invite is needed to come in. */
    readonly private?: true;
  }
  | Compared & ShownPresence & {
    readonly event: "joined";
    readonly name: string;
    readonly key: string;
    /** Empty, with port 0, for a member that can't be dialled. */
    readonly host: string;
    readonly port: number;
    readonly role?: Role;
    /** The member was in the room before we came in. */
    readonly present?: true;
  }
  | {
    readonly event: "left";
    readonly name: string;
    readonly key: string;
    readonly reason: "quit" | "lost" | "replaced" | "removed";
    /** For a lost member: how long nothing was heard of it, where that is known. */
    readonly silentMs?: number;
  }
  /** The founder, or a deputy, has shut a key out of the room, or has let it come back; a notice follows, in words. */
  | RuledOn & {
    readonly event: "removed";
    /** It wasn't in the room then; otherwise a `left` follows. */
    readonly away?: true;
  }
  | RuledOn & { readonly event: "allowed" }
  | PresenceEvent
  | {
    readonly event: "renamed";
    readonly key: string;
    readonly from: string;
    readonly name: string;
    /** The user's own name. */
    readonly self?: true;
    /** The member didn't choose this: another member had its name first. */
    readonly lostTo?: string;
  }
  | MessageEvent
  | {
    readonly event: "delivery";
    readonly id: string;
    readonly to: string;
    /** `queued`: it is on disk, and kept until the receiver has seen it. */
    readonly state: "queued" | "delivered" | "failed";
    readonly reason?: string;
    /** How many messages wait for the receiver, which isn't here. */
    readonly waiting?: number;
    /** With `waiting`: the receiver was removed, and gets them only if it is allowed back. */
    readonly removed?: true;
    /**
     * The user had been told that this message waits: a notice follows when all messages that waited have arrived.
     */
    readonly waited?: true;
  }
  | {
    readonly event: "invite";
    /** The value for `--invite`; in a private room whoever has it may come in. */
    readonly invite: string;
    /** The command for others to type; it asks for the invite, which is as good as a secret, if the room is private. */
    readonly line: string;
    /** How the user wants it, if not so; for the caller, who shows it in that form. */
    readonly as?: InviteForm;
  }
  /** Others reach us through the meeting point there (HOST:PORT), or can't any more, and why. */
  | {
    readonly event: "meeting-point";
    readonly point: string;
    readonly state: "registered" | "away";
    readonly reason?: string;
  }
  | {
    readonly event: "peers";
    readonly peers: readonly PeerView[];
    /** Who is shut out of the room; absent where nobody is. */
    readonly removed?: readonly RuledOn[];
  }
  /**
   * The user is back: these, the last that an earlier process showed of what was said in the room, are to be shown again,
   * with what was private; what follows was said while the user was away.
   */
  | { readonly event: "returned"; readonly messages: readonly MessageEvent[] }
  /**
   * `searched`: those alone that have this text in them, private ones too. With a name: what was said privately between
   * the user and this one alone.
   */
  | Partial<Conversation> & {
    readonly event: "history";
    readonly messages: readonly (HistoryMessage | RecalledMessage)[];
    readonly searched?: string;
  }
  | MeshStatus
  | ModeEvent;

/** What the user asks of the machine; names are shown names. */
export type MeshCommand =
  | ModeCommand
  | { readonly command: "say"; readonly text: string }
  | { readonly command: "msg"; readonly name: string; readonly text: string }
  | { readonly command: "peers" }
  | {
    readonly command: "history";
    readonly count: number | null;
    readonly text?: string;
    /** The id of a message: only what was said before it. */
    readonly before?: string;
    /** What was said privately between the user and this one. */
    readonly name?: string;
  }
  | PresenceCommand
  | { readonly command: "name"; readonly name: string }
  | { readonly command: "remove"; readonly name: string }
  | { readonly command: "allow"; readonly name: string }
  | { readonly command: "deputy"; readonly name: string; readonly appoint: boolean }
  | { readonly command: "invite"; readonly rotate: boolean; readonly as?: InviteForm };

/** Whether the command sends a message, to all or to one. */
export function isMessage({ command }: MeshCommand): boolean {
  return command === "say" || command === "msg";
}
