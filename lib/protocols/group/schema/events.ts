/**
 * What a member and the coordinator tell their users, and what those may ask: field for field the objects of `--json`
 * (which adds `at`, and `ref` where a command had one).
 */

import type { EngineAnswers } from "../../../base/machine/engine_answers.ts";
import { fingerprintOf } from "../../../base/text/fingerprint.ts";
import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import type {
  Compared,
  ModeCommand,
  ModeEvent,
  PresenceEvent,
} from "../../../base/machine/mode_machine.ts";
import type { InviteForm } from "../../../base/text/invite_text.ts";
import type { PresenceCommand, ShownPresence } from "../../../base/machine/user_presence.ts";

/** Reasons of a `left`. */
export const LEFT_REASONS = ["quit", "lost", "removed"] as const;
export type LeftReason = typeof LEFT_REASONS[number];

/** Who said something. */
export interface SaidBy {
  /** The name used when it was said: the same at every member. */
  readonly from: string;
  /** How this member shows the author. */
  readonly shown: string;
  /** The author's fingerprint. */
  readonly key: string;
}

export interface EntryView extends SaidBy {
  readonly seq: number;
  readonly id: string;
  readonly text: string;
  /** How often the entry was edited. */
  readonly edits: number;
  /** Whose words `text` is by now: who asked for the last edit, as this member shows them; null if never edited. */
  readonly editedBy: string | null;
  /** The user ignores the author: what the console adds. */
  readonly ignored?: true;
  /** ISO 8601, UTC, by the author's clock. */
  readonly sentAt: string;
}

/** One change of an entry. */
export interface EntryEdit {
  readonly edit: number;
  readonly by: string;
  readonly old: string;
  readonly new: string;
  /** Names of the members that were asked, and agreed. */
  readonly agreed: readonly string[];
  /** ISO 8601, UTC: when the coordinator decided, by its clock. */
  readonly committedAt: string;
}

/** Outcomes of an edit. */
const EDIT_OUTCOMES = ["committed", "aborted", "in-doubt"] as const;
type EditOutcome = typeof EDIT_OUTCOMES[number];

export interface EditEvent {
  readonly event: "edit";
  readonly edit: number;
  readonly seq: number;
  /** Name of the member that asked for the edit. */
  readonly by: string;
  /** The text that the edit gives the entry. */
  readonly text: string;
  readonly outcome: EditOutcome;
  /** Part of a sentence: by whom or why it was aborted, or what is awaited. */
  readonly reason: string;
  /** For committed edits: the members that were asked and agreed, and when the edit was decided. */
  readonly agreed?: readonly string[];
  readonly committedAt?: string;
  /** As in a message: for edits that are shown where they stand in the history. */
  readonly history?: boolean;
  readonly position?: number;
}

export interface LeftView {
  readonly name: string;
  /** Absent where the reason isn't known. */
  readonly reason?: LeftReason;
}

export interface MemberView {
  readonly name: string;
  readonly key: string;
  readonly host: string;
  readonly port: number;
  /** Whether datagrams are exchanged with this member; true for oneself. */
  readonly heard: boolean;
  readonly roundTripMs: number | null;
  /** How datagrams come from this member; null of oneself, and where none come. */
  readonly path: "direct" | "relay" | null;
  /** Entries that wait for this member: ordered, and not known to be on its disk. */
  readonly behind: number;
}

/** Number of entries in the log, and the author of the last one. */
export interface LogEnd {
  readonly entries: number;
  readonly last: (SaidBy & { readonly sentAt: string }) | null;
}

/** A newcomer is about to be sent the log. */
export interface JoiningEvent extends Compared {
  readonly event: "joining";
  readonly name: string;
  readonly key: string;
}

/** A member by the name under which it is shown. */
interface Keyed {
  readonly name: string;
  readonly key: PeerKey;
}

/** How events name members. */
export function namesAndKeys(
  members: readonly Keyed[],
): { readonly members: readonly string[]; readonly keys: readonly string[] } {
  return {
    members: members.map(({ name }) => name),
    keys: members.map(({ key }) => fingerprintOf(key)),
  };
}

/** Who is in the group, and who is about to come in. */
export interface MembersEvent {
  readonly event: "members";
  readonly members: readonly string[];
  /** Their fingerprints, in the same order. */
  readonly keys?: readonly string[];
  /** The names of those that the user has verified, which the console adds. */
  readonly verified?: readonly string[];
  /** Of those whose keys the user has refused, as well; absent where there are none. */
  readonly refused?: readonly string[];
  /** Those of `members` that are away, and why; absent where nobody is. */
  readonly away?: readonly { readonly name: string; readonly away: string }[];
  /** Absent where nobody is. */
  readonly joining?: readonly string[];
  /** Those of `members` that aren't here, and without whom the group can't go on; absent where there are none. */
  readonly awaited?: readonly string[];
}

export function membersEvent(
  members: readonly Keyed[],
  joining: readonly string[],
  awaited: readonly string[] = [],
): MembersEvent {
  return {
    event: "members",
    ...namesAndKeys(members),
    ...(joining.length === 0 ? {} : { joining }),
    ...(awaited.length === 0 ? {} : { awaited }),
  };
}

/** The rules of the group change: a notice that has its place in the history. */
export interface RulesEvent {
  readonly event: "notice";
  readonly text: string;
  readonly history?: boolean;
  /** ISO 8601, UTC, by the coordinator's clock. */
  readonly sentAt: string;
  /** Not told to users: see `message`. */
  readonly position?: number;
}

export type MemberEvent =
  | PresenceEvent
  | {
    readonly event: "ready";
    readonly command: "peer";
    readonly name: string;
    /** Where the member takes datagrams, as others should see it. */
    readonly host: string;
    readonly port: number;
    readonly key: string;
    /** The coordinator's address as the user gave it. */
    readonly server: string;
    /** The log's file. */
    readonly log: string;
    readonly members: readonly string[];
  } & LogEnd
  | Partial<LogEnd> & {
    readonly event: "view";
    readonly view: number;
    readonly members: readonly string[];
    readonly keys?: readonly string[];
    readonly verified?: readonly string[];
    /**
     * Members of this view that weren't in the last one shown; oneself at the first view, and on coming back: then
     * the event has the log's end, too, which may be another group's than before.
     */
    readonly joined: readonly string[];
    /** Members of the last view shown that aren't in this one. */
    readonly left: readonly LeftView[];
  }
  | JoiningEvent
  /** Somebody who was joining has gone, or wasn't in in time. */
  | {
    readonly event: "left";
    readonly name: string;
    readonly reason: LeftReason;
    readonly joining: true;
  }
  | {
    readonly event: "coordinator";
    readonly state: "up" | "down";
    /** Why the coordinator can't be reached, as part of a sentence; absent where nothing is known. */
    readonly reason?: string;
    /** The coordinator said that its operator ended it. */
    readonly ended?: boolean;
    /** This member comes in without it, too, once all are there who were in the group last. */
    readonly returning?: boolean;
  }
  | SaidBy & {
    readonly event: "message";
    readonly seq: number;
    readonly id: string;
    readonly text: string;
    readonly self: boolean;
    readonly history: boolean;
    readonly sentAt: string;
    /** Position in the history, where edits take places, too. */
    readonly position: number;
  }
  /** The coordinator has accepted the edit, under this number. */
  | {
    readonly event: "edit-started";
    readonly edit: number;
    readonly seq: number;
    /** The members that have to agree, and how long they may take; absent where nobody has to. */
    readonly awaited?: readonly string[];
    /** Whether the one who has to agree isn't in the group: the outcome, which follows, says so. */
    readonly absent?: true;
    readonly voteMs?: number;
  }
  | {
    readonly event: "vote-wanted";
    readonly edit: number;
    readonly seq: number;
    readonly by: string;
    readonly old: string;
    readonly new: string;
    /** ISO 8601, UTC, by the local clock. */
    readonly deadline: string;
  }
  | EditEvent
  | RulesEvent
  /** Progress of long work: `done` of `of` entries and edits. */
  | { readonly event: "catching-up"; readonly done: number; readonly of: number }
  /** `searched`: those alone that have this text in them. */
  | {
    readonly event: "log";
    readonly entries: readonly EntryView[];
    readonly searched?: string;
  }
  /** An entry and its changes, oldest first. */
  | (Omit<EntryView, "edits"> & {
    readonly event: "entry";
    readonly edits: readonly EntryEdit[];
  })
  | { readonly event: "digest"; readonly seq: number; readonly digest: string }
  | MembersEvent
  | ShownPresence & {
    readonly event: "status";
    readonly name: string;
    readonly key: string;
    /** Where the member takes datagrams. */
    readonly port: number;
    readonly view: number;
    readonly coordinator: "up" | "down";
    /** Whether the user has verified the coordinator's key; absent in the machine, which leaves it to its caller. */
    readonly serverVerified?: boolean;
    readonly seq: number;
    readonly digest: string;
    /** The log's file. */
    readonly log: string;
    readonly members: readonly MemberView[];
    readonly sequencer: string | null;
    /** Texts that were typed and aren't entries yet. */
    readonly unsent: number;
    /** Members for which those texts wait. */
    readonly awaited: readonly string[];
    /** Edits that wait for our user's vote, then those that our user asked for. */
    readonly edits: readonly MemberEditView[];
    readonly problems: readonly string[];
  }
  | ModeEvent;

export type MemberCommand =
  | ModeCommand
  | PresenceCommand
  /**
   * `isTyped`: the user typed `/msg TEXT` at a terminal, which is private in other modes: refused where the text begins
   * with a name.
   */
  | { readonly command: "msg"; readonly text: string; readonly isTyped?: boolean }
  | { readonly command: "edit"; readonly seq: number; readonly text: string }
  /** A vote; `edit` null: on the only edit that is open. */
  | { readonly command: "go" | "abort"; readonly edit: number | null }
  | { readonly command: "entry"; readonly seq: number }
  | {
    readonly command: "log";
    readonly count: number;
    readonly digest: boolean;
    readonly text?: string;
    /** The number of an entry: only those before it. */
    readonly before?: number;
  }
  | { readonly command: "list" }
  /** What our user says has waited for too long: leaves now, although so many `lines` more were read. */
  | { readonly command: "give-up"; readonly lines: number; readonly areAll: boolean };

/** An edit that the member's user is asked about, or has asked for, and that isn't over. */
export interface MemberEditView {
  /** Null until the coordinator has accepted it. */
  readonly edit: number | null;
  readonly seq: number;
  readonly by: string;
  readonly text: string;
  /**
   * Our user's vote is wanted; this member has agreed to another one's edit, and no decision is known here. Of our
   * user's own: the coordinator hasn't accepted it yet; or it has, and no decision is known here.
   */
  readonly state: "vote-wanted" | "agreed" | "queued" | "under-way";
  /** Until when a vote is wanted. ISO 8601, UTC, by the local clock; null where none is. */
  readonly deadline: string | null;
}

/** An edit under way at the coordinator. */
export interface EditView {
  readonly edit: number;
  readonly seq: number;
  readonly by: string;
  readonly text: string;
  /** Being voted on; or committed, and not known to be in all logs. */
  readonly state: "voting" | "committed";
  /** Members whose vote, or whose log, is awaited. */
  readonly awaited: readonly string[];
  /** End of the vote, ISO 8601, UTC; null once the edit is decided. */
  readonly deadline: string | null;
}

export interface CoordinatorMemberView extends Omit<MemberView, "roundTripMs" | "path" | "behind"> {
  /** Null, as is `digest`, while it isn't known: the member hasn't told since the coordinator was started. */
  readonly seq: number | null;
  readonly digest: string | null;
  /** `awaited`: it isn't here, and the group can't go on without it. */
  readonly state: "member" | "joining" | "silent" | "awaited";
}

/** A member's log, as the coordinator knows it. */
export interface StateView {
  readonly name: string;
  /** Null, as are `digest` and `lagMs`, while it isn't known: the member hasn't told since the coordinator was started. */
  readonly seq: number | null;
  readonly digest: string | null;
  /** Numbers of the entries that are locked at this member until an edit is decided. */
  readonly locks: readonly number[];
  /**
   * For how long this member has lacked what others have; where it lacks nothing, how much later it got the last
   * entry.
   */
  readonly lagMs: number | null;
  /** Members whose logs are neither a beginning nor a continuation of this one. */
  readonly differs?: readonly string[];
}

/** When an entry arrived at each member. */
interface ArrivalsView {
  readonly seq: number;
  /**
   * When the first member had it: ISO 8601, UTC, by the coordinator's clock; null where that isn't known any more.
   */
  readonly first: string | null;
  readonly members: readonly {
    readonly name: string;
    /** Null where it isn't known. */
    readonly has: boolean | null;
    /** How much later this member had it; null where that isn't known. */
    readonly afterMs: number | null;
  }[];
}

/** A process in a snapshot. */
export interface SnapshotMemberView {
  /** A name; `*coordinator*` for the coordinator. */
  readonly name: string;
  readonly seq: number;
  readonly digest: string;
  /** Texts that the member's process has sent; for the coordinator, its decisions. */
  readonly sent: number;
  readonly locks: readonly number[];
}

/** A channel in a snapshot. */
export interface SnapshotChannelView {
  readonly from: string;
  readonly to: string;
  /** Messages that were under way, in their order. */
  readonly messages: readonly { readonly id: string }[];
  /** How many there were, where there are too many to name. */
  readonly count?: number;
}

/** A snapshot on disk. */
export interface SnapshotView {
  readonly id: string;
  readonly file: string;
  /** Whether the snapshot's cut is consistent; null where the file is damaged. */
  readonly consistent: boolean | null;
  /** ISO 8601, UTC. */
  readonly at: string | null;
  readonly members: readonly string[];
  /** Messages that were under way. */
  readonly messages: number;
}

/** Answers `invite`. */
interface InviteEvent {
  readonly event: "invite";
  /** The value for `--invite`; in a private group whoever has it may come in. */
  readonly invite: string;
  /** The command for others to type; it asks for the invite, if the group is private. */
  readonly line: string;
  /** How the operator wants it, if not so; for the caller, who shows it in that form. */
  readonly as?: InviteForm;
}

/** Of a coordinator whose group is kept in an engine. */
export interface EngineView extends EngineAnswers {
  /** Whether it leads, or stands by. */
  readonly role: "leader" | "stand-by";
  /** Where the instance that leads listens; null: none leads, or it isn't known. */
  readonly leader: Endpoint | null;
  /** Where the instances listen, this one among them, as far as known. */
  readonly instances: readonly Endpoint[];
}

export type CoordinatorEvent =
  /** Whether this instance of the coordinator leads from now on, or which one does; null: none, or it isn't known. */
  | Pick<EngineView, "role" | "leader"> & { readonly event: "role" }
  | { readonly event: "consistent"; readonly seq: number; readonly digest: string }
  | {
    readonly event: "states";
    readonly members: readonly StateView[];
    readonly consistent: { readonly seq: number; readonly digest: string };
    /** Arrivals of the entry that was asked for. */
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
    /** Taken by `--snapshot-every`, without anybody asking. */
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
    /** Whether only those join who have an invite. */
    readonly private?: true;
  }
  | InviteEvent
  | JoiningEvent
  | Compared & { readonly event: "joined"; readonly name: string; readonly key: string }
  | {
    readonly event: "left";
    readonly name: string;
    readonly reason: LeftReason;
    /** For a lost member: why, as part of a sentence; absent where it isn't known. */
    readonly why?: string;
    /** Whether it was joining, and never was a member. */
    readonly joining?: true;
  }
  | Pick<MembersEvent, "members" | "keys" | "verified"> & {
    readonly event: "view";
    readonly view: number;
  }
  /** The member is in the view again, and was sent this many entries before. */
  | { readonly event: "recovered"; readonly name: string; readonly entries: number }
  | {
    readonly event: "entry";
    readonly seq: number;
    readonly id: string;
    /** The author's name then, and its fingerprint. */
    readonly from: string;
    readonly key: string;
  }
  | EditEvent
  | { readonly event: "edits"; readonly edits: readonly EditView[] }
  | MembersEvent
  | {
    readonly event: "status";
    readonly key: string;
    readonly group: string;
    readonly view: number;
    /** Null while it isn't known, as all who know it are awaited. */
    readonly seq: number | null;
    readonly members: readonly CoordinatorMemberView[];
    readonly problems: readonly string[];
    readonly engine?: EngineView;
  }
  | ModeEvent;

export type CoordinatorCommand =
  | ModeCommand
  | { readonly command: "list" }
  | { readonly command: "edits" }
  /** `seq`: the entry whose arrivals are asked for; null where none is. */
  | { readonly command: "states"; readonly seq: number | null }
  | { readonly command: "snapshot" }
  | { readonly command: "snapshots" }
  | { readonly command: "remove"; readonly name: string }
  | { readonly command: "allow"; readonly name: string }
  /** `rotate`: first makes another invite, so that no earlier one admits newcomers. */
  | { readonly command: "invite"; readonly rotate: boolean; readonly as?: InviteForm }
  /** Has the member set its log aside, and fetch it anew. */
  | { readonly command: "recover"; readonly name: string };
