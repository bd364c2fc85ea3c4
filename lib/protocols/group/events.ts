/**
 * What a member and the coordinator tell their users, and what those may ask: field for field the objects of `--json`
 * (which adds `at`, and `ref` where a command had one).
 */

import type { ModeCommand, ModeEvent } from "../../base/mode_machine.ts";

/** The reason of a `left`. */
export const LEFT_REASONS = ["quit", "lost", "removed"] as const;
export type LeftReason = typeof LEFT_REASONS[number];

export interface EntryView {
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly text: string;
  /** How many. */
  readonly edits: number;
  /** ISO 8601, UTC, by the author's clock. */
  readonly sentAt: string;
}

/** One change of an entry. */
export interface EntryEdit {
  readonly edit: number;
  readonly by: string;
  readonly old: string;
  readonly new: string;
  /** Who was asked, and agreed. */
  readonly agreed: readonly string[];
  /** ISO 8601, UTC: when the coordinator decided, by its clock. */
  readonly committedAt: string;
}

/** What has become of an edit. */
const EDIT_OUTCOMES = ["committed", "aborted", "in-doubt"] as const;
export type EditOutcome = typeof EDIT_OUTCOMES[number];

export interface EditEvent {
  readonly event: "edit";
  readonly edit: number;
  readonly seq: number;
  /** Who asked for it. */
  readonly by: string;
  /** What the entry is to read. */
  readonly text: string;
  readonly outcome: EditOutcome;
  /** Part of a sentence: by whom or why, or what is awaited. */
  readonly reason: string;
  /** Who was asked and agreed, and when it was decided; of committed ones. */
  readonly agreed?: readonly string[];
  readonly committedAt?: string;
  /** As a message's; of those that are shown where they stand in the history. */
  readonly history?: boolean;
  readonly position?: number;
}

export interface LeftView {
  readonly name: string;
  /** Absent where it isn't known. */
  readonly reason?: LeftReason;
}

export interface MemberView {
  readonly name: string;
  readonly key: string;
  readonly host: string;
  readonly port: number;
  /** Whether datagrams are exchanged with it; of oneself true. */
  readonly heard: boolean;
  readonly roundTripMs: number | null;
  /** Entries that wait for it: ordered, and not known to be on its disk. */
  readonly behind: number;
}

/** Entries in the log, and who said the last one. */
export interface LogEnd {
  readonly entries: number;
  readonly last: { readonly from: string; readonly sentAt: string } | null;
}

export type MemberEvent =
  | {
    readonly event: "ready";
    readonly command: "peer";
    readonly name: string;
    /** Where it takes datagrams, as others should see it. */
    readonly host: string;
    readonly port: number;
    readonly key: string;
    /** The coordinator, as the user called it. */
    readonly server: string;
    /** The file with the log. */
    readonly log: string;
    readonly members: readonly string[];
  } & LogEnd
  | Partial<LogEnd> & {
    readonly event: "view";
    readonly view: number;
    readonly members: readonly string[];
    /**
     * Who is in it and wasn't in the one told before; oneself at the first, and when one comes back: then the event has
     * the log's end, too, which may be another group's than before.
     */
    readonly joined: readonly string[];
    /** Who was in the one told before and isn't any more. */
    readonly left: readonly LeftView[];
  }
  | {
    readonly event: "coordinator";
    readonly state: "up" | "down";
    /** Why it can't be reached, as part of a sentence; absent where nothing is known. */
    readonly reason?: string;
    /** Its operator ended it, as it said. */
    readonly ended?: boolean;
  }
  | {
    readonly event: "message";
    readonly seq: number;
    readonly id: string;
    readonly from: string;
    readonly text: string;
    readonly self: boolean;
    readonly history: boolean;
    readonly sentAt: string;
    /** In the history, where edits have places, too. */
    readonly position: number;
  }
  /** The coordinator has accepted it, under this number. */
  | {
    readonly event: "edit-started";
    readonly edit: number;
    readonly seq: number;
    /** Who has to agree, and how long they may take; absent where nobody has to. */
    readonly awaited?: readonly string[];
    readonly voteMs?: number;
  }
  | {
    readonly event: "vote-wanted";
    readonly edit: number;
    readonly seq: number;
    readonly by: string;
    readonly old: string;
    readonly new: string;
    /** ISO 8601, UTC, by our clock. */
    readonly deadline: string;
  }
  | EditEvent
  /** Long work: `done` of `of` entries and edits. */
  | { readonly event: "catching-up"; readonly done: number; readonly of: number }
  | { readonly event: "log"; readonly entries: readonly EntryView[] }
  /** An entry and its changes, the oldest first. */
  | (Omit<EntryView, "edits"> & {
    readonly event: "entry";
    readonly edits: readonly EntryEdit[];
  })
  | { readonly event: "digest"; readonly seq: number; readonly digest: string }
  | { readonly event: "members"; readonly members: readonly string[] }
  | {
    readonly event: "status";
    readonly name: string;
    readonly key: string;
    /** Where it takes datagrams. */
    readonly port: number;
    readonly view: number;
    readonly coordinator: "up" | "down";
    readonly seq: number;
    readonly digest: string;
    /** The file with the log. */
    readonly log: string;
    readonly members: readonly MemberView[];
    readonly sequencer: string | null;
    /** Texts that were typed and are no entries yet. */
    readonly unsent: number;
    /** Whom that waits for. */
    readonly awaited: readonly string[];
    /** Those that wait for one's own vote, then one's own. */
    readonly edits: readonly MemberEditView[];
    readonly problems: readonly string[];
  }
  | ModeEvent;

export type MemberCommand =
  | ModeCommand
  /** `isTyped`: as `/msg TEXT`, which is private elsewhere: where a name begins it, it is refused. */
  | { readonly command: "msg"; readonly text: string; readonly isTyped?: boolean }
  | { readonly command: "edit"; readonly seq: number; readonly text: string }
  /** A vote; `edit` null: for the only one that is open. */
  | { readonly command: "go" | "abort"; readonly edit: number | null }
  | { readonly command: "entry"; readonly seq: number }
  | { readonly command: "log"; readonly count: number; readonly digest: boolean }
  | { readonly command: "list" };

/** An edit that its member's user is asked about, or has asked for, and that isn't over. */
export interface MemberEditView {
  /** Null until the coordinator has accepted it. */
  readonly edit: number | null;
  readonly seq: number;
  readonly by: string;
  readonly text: string;
  /** Its user's vote is wanted; not accepted by the coordinator yet; accepted, and not decided as far as is known. */
  readonly state: "vote-wanted" | "queued" | "under-way";
  /** Of a vote that is wanted: until when. ISO 8601, UTC, by our clock. */
  readonly deadline: string | null;
}

/** An edit that is under way at the coordinator. */
export interface EditView {
  readonly edit: number;
  readonly seq: number;
  readonly by: string;
  readonly text: string;
  /** Voting; or committed, and not known to be in all logs. */
  readonly state: "voting" | "committed";
  /** Whose vote, or log, is awaited. */
  readonly awaited: readonly string[];
  /** ISO 8601, UTC; null once it is decided. */
  readonly deadline: string | null;
}

export interface CoordinatorMemberView extends Omit<MemberView, "roundTripMs" | "behind"> {
  readonly seq: number;
  readonly digest: string;
  readonly state: "member" | "joining" | "silent";
}

/** A member's log, as the coordinator knows it. */
export interface StateView {
  readonly name: string;
  readonly seq: number;
  readonly digest: string;
  /** Numbers of the entries that wait there for an edit to be decided. */
  readonly locks: readonly number[];
  /** For how long it lacks what others have; where it lacks nothing, how much later it got the last entry. */
  readonly lagMs: number;
  /** Whose log isn't its log's beginning or continuation. */
  readonly differs?: readonly string[];
}

/** When an entry came to each member. */
export interface ArrivalsView {
  readonly seq: number;
  /** ISO 8601, UTC: to whoever had it first, by the coordinator's clock; null where that isn't known any more. */
  readonly first: string | null;
  readonly members: readonly {
    readonly name: string;
    readonly has: boolean;
    /** How much later; null where that isn't known. */
    readonly afterMs: number | null;
  }[];
}

/** A process in a snapshot. */
export interface SnapshotMemberView {
  /** `*coordinator*` is one, too. */
  readonly name: string;
  readonly seq: number;
  readonly digest: string;
  /** Texts sent by its process; the coordinator's decisions. */
  readonly sent: number;
  readonly locks: readonly number[];
}

/** A channel in a snapshot. */
export interface SnapshotChannelView {
  readonly from: string;
  readonly to: string;
  /** What was under way, in its order. */
  readonly messages: readonly { readonly id: string }[];
  /** How many, where there are too many to name. */
  readonly count?: number;
}

/** A snapshot on disk. */
export interface SnapshotView {
  readonly id: string;
  readonly file: string;
  /** Whether the cut in it is consistent; null where the file is damaged. */
  readonly consistent: boolean | null;
  /** ISO 8601, UTC. */
  readonly at: string | null;
  readonly members: readonly string[];
  /** Messages under way. */
  readonly messages: number;
}

export type CoordinatorEvent =
  | { readonly event: "consistent"; readonly seq: number; readonly digest: string }
  | {
    readonly event: "states";
    readonly members: readonly StateView[];
    readonly consistent: { readonly seq: number; readonly digest: string };
    /** Of the entry that was asked for. */
    readonly arrivals?: ArrivalsView;
  }
  | {
    readonly event: "snapshot";
    readonly id: string;
    /** Absolute path. */
    readonly file: string;
    readonly consistent: boolean;
    /** Part of a sentence. */
    readonly why: string;
    /** Nobody asked: `--snapshot-every` took it. */
    readonly scheduled?: true;
    readonly members: readonly SnapshotMemberView[];
    readonly channels: readonly SnapshotChannelView[];
  }
  | { readonly event: "snapshots"; readonly snapshots: readonly SnapshotView[] }
  | {
    readonly event: "ready";
    readonly command: "serve";
    readonly host: string;
    readonly port: number;
    readonly key: string;
    readonly members: readonly string[];
  }
  | { readonly event: "joined"; readonly name: string; readonly key: string }
  | {
    readonly event: "left";
    readonly name: string;
    readonly reason: LeftReason;
    /** Of one that is lost, as part of a sentence; absent where it isn't known. */
    readonly why?: string;
  }
  | { readonly event: "view"; readonly view: number; readonly members: readonly string[] }
  /** It has come back into the view, and so many entries were sent to it before. */
  | { readonly event: "recovered"; readonly name: string; readonly entries: number }
  | {
    readonly event: "entry";
    readonly seq: number;
    readonly id: string;
    readonly from: string;
  }
  | EditEvent
  | { readonly event: "edits"; readonly edits: readonly EditView[] }
  | { readonly event: "members"; readonly members: readonly string[] }
  | {
    readonly event: "status";
    readonly key: string;
    readonly group: string;
    readonly view: number;
    readonly seq: number;
    readonly members: readonly CoordinatorMemberView[];
    readonly problems: readonly string[];
  }
  | ModeEvent;

export type CoordinatorCommand =
  | ModeCommand
  | { readonly command: "list" }
  | { readonly command: "edits" }
  /** `seq`: of the entry whose arrivals are asked for; null where none is. */
  | { readonly command: "states"; readonly seq: number | null }
  | { readonly command: "snapshot" }
  | { readonly command: "snapshots" }
  | { readonly command: "remove"; readonly name: string }
  | { readonly command: "allow"; readonly name: string }
  /** It sets its log aside, and fetches it anew. */
  | { readonly command: "recover"; readonly name: string };
