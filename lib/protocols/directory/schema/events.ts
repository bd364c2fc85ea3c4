/**
 * What the directory and its clients tell their users, and what those may ask: field for field the objects of `--json`
 * (which adds `at`, and `ref` where a command had one).
 */

import type { ErrorCode } from "../../../base/errors.ts";
import type { EngineAnswers } from "../../../base/machine/engine_answers.ts";
import type {
  Compared,
  Conversation,
  KeyChange,
  ModeCommand,
  ModeEvent,
  RecalledMessage,
  ShownAgain,
  VerifyCommand,
} from "../../../base/machine/mode_machine.ts";
import type { PresenceCommand, ShownPresence } from "../../../base/machine/user_presence.ts";
import { shownName } from "../../../base/text/names.ts";
import { type CallOutcome, type CallRoute, DISMISSALS } from "./messages.ts";

/** The directory's name, which nobody else can have. */
export const DIRECTORY_NAME = "*directory*";

/** A user in the list. */
export interface UserView extends Compared, ShownPresence {
  readonly name: string;
  /** The name with the start of the key, where that is another than the one expected: `bob~k7f3`. */
  readonly shown?: string;
  /** Fingerprint of the key with which the user is in, as the directory says: only a call proves it. */
  readonly key: string;
  /** Where it is another key than the one expected. */
  readonly changed?: KeyChange;
  readonly state: "free" | "busy";
  /** Where the user takes calls; empty, with port 0: nowhere. */
  readonly host: string;
  readonly port: number;
  readonly guest: boolean;
}

export interface MissedCall {
  readonly from: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** How a client is connected to its directory. */
export type SessionState = "up" | "down" | "replaced";

/** Why a call ended, or failed, where its state doesn't say so: for programs to read. */
export const CALL_REASONS = [
  "hung-up",
  "cancelled",
  "lost",
  "directory-down",
  "replaced",
  "kicked",
  "peer-kicked",
  "key-changed",
  "not-trusted",
  "protocol",
  "quit",
  "not-relayed",
] as const;
export type CallReason = typeof CALL_REASONS[number];

/** States of a call that are error codes, too. */
const OUTCOME_CODES = ["declined", "busy", "offline", "timeout"] as const;

/** Code of the error that answers a line which wasn't said, as the call it waited for ended so. */
export function unsaidCode(state: CallOutcome): ErrorCode {
  return OUTCOME_CODES.find((code) => code === state) ?? "unreachable";
}

/** Answers a command that was to end a call, where the `call` event that tells the end answers another one. */
export function overText(peer: string): string {
  return `The call with ${shownName(peer)} is over`;
}

/** Text of the error for a line that wasn't said. */
export function unsaidText(peer: string): string {
  return `Not sent: there is no call with ${shownName(peer)}`;
}

export type ClientEvent =
  | {
    readonly event: "ready";
    readonly command: "peer";
    /** Where the user gave one. */
    readonly name?: string;
    readonly host: string;
    readonly port: number;
    readonly key: string;
    /** The directory's address as the user wrote it. */
    readonly registry: string;
  }
  /** Who answers at the directory's address, before any password is asked for or sent. */
  | {
    readonly event: "directory";
    readonly host: string;
    readonly port: number;
    /** Fingerprint. */
    readonly key: string;
    /** Whether this key was met before at that address, or named by the user. */
    readonly known: boolean;
  }
  | {
    readonly event: "session";
    readonly state: SessionState;
    readonly name: string;
    readonly guest: boolean;
    /** With `up`: the fingerprint of the directory's key. */
    readonly key?: string;
    /** With `up`: the address of the instance, of a directory that has several. */
    readonly instance?: string;
    /** Why the session is down, in words. */
    readonly reason?: string;
    /** The directory is there and full: an error says when the client tries again. */
    readonly isFull?: true;
    /** The directory is there, and its engine doesn't answer: an error says so once. */
    readonly isCutOff?: true;
  }
  | {
    readonly event: "users";
    readonly users: readonly UserView[];
    /** How many are online. */
    readonly total: number;
    /** Whether there are more than these: beyond 1,000, `list` gives pages of 100, and `more` the next one. */
    readonly more: boolean;
    /** It answers `list` or `more`, which may have asked for a part. */
    readonly isAnswer?: true;
    /** Perhaps it is: the directory's engine doesn't answer. */
    readonly outOfDate?: true;
  }
  | Compared & ShownPresence & {
    readonly event: "presence";
    readonly name: string;
    /** What the user says of itself, in answer to a command. */
    readonly self?: true;
    readonly shown?: string;
    /** As in the list; with `offline`, the key with which the user was in. */
    readonly key: string;
    readonly state: "free" | "busy" | "offline";
    /** Whether it is a guest; absent with `offline`. */
    readonly guest?: boolean;
    /** As in the list. */
    readonly changed?: KeyChange;
  }
  | Compared & {
    readonly event: "incoming";
    readonly call: string;
    readonly from: string;
    /** Fingerprint. */
    readonly key: string;
    readonly guest: boolean;
  }
  | Compared & {
    readonly event: "call";
    readonly call: string;
    readonly peer: string;
    /** The other side's fingerprint, or the one expected of it while it isn't known; absent where neither is. */
    readonly key?: string;
    readonly state: "ringing" | "connected" | CallOutcome;
    /** A `CallReason`, or words of the other side's user or of the directory; empty: none. */
    readonly reason: string;
    /** With `connected`; null otherwise. */
    readonly route: CallRoute | null;
    /** With the reason `cancelled`: which side has withdrawn the call. */
    readonly by?: string;
    /** With `ended`, after `connected`: how long the two talked. */
    readonly durationMs?: number;
  }
  | { readonly event: "missed"; readonly calls: readonly MissedCall[] }
  | {
    readonly event: "message";
    /** Its own in this profile, by which `history` has it, too; the other side has another one. */
    readonly id: string;
    readonly from: string;
    readonly text: string;
    readonly self: boolean;
    /** It was said in an earlier call, and is shown again. */
    readonly history?: true;
    /** With `history`: ISO 8601, UTC, when it was said here, or came. */
    readonly sentAt?: string;
  }
  /** What was said in calls, with this one or with all; `searched`: that alone which has this text in it. */
  | Partial<Conversation> & ShownAgain & {
    readonly event: "history";
    readonly messages: readonly RecalledMessage[];
    readonly searched?: string;
  }
  | Compared & {
    readonly event: "broadcast";
    readonly id: string;
    /** With the start of its key where the name is known with another one. */
    readonly from: string;
    /** Fingerprint of the key that has signed it. */
    readonly key: string;
    /** Of a guest, as the directory says. */
    readonly guest?: boolean;
    readonly text: string;
    /** ISO 8601, UTC, by the sender's clock, which the sender has signed. */
    readonly sentAt: string;
    /** It was stored before this program was started. */
    readonly history: boolean;
    /** The user's own: the directory gives the sender no copy, so it is there only where it was typed elsewhere. */
    readonly self?: true;
  }
  | {
    readonly event: "broadcast-sent";
    readonly id: string;
    readonly reached: number;
    /** What was told: it may have been typed elsewhere. */
    readonly text: string;
    /** How its text starts, between quotation marks, where several waited at the same time. */
    readonly start?: string;
  }
  | { readonly event: "password-changed" }
  | ShownPresence & {
    readonly event: "status";
    readonly name: string;
    readonly key: string;
    /** As the user wrote it. */
    readonly registry: string;
    /** Of a directory that has several instances: the address of the one at which we are, or that is tried. */
    readonly instance?: string;
    readonly session: SessionState;
    /** Whether the user has verified the directory's key; absent in the machine, which leaves it to its caller. */
    readonly serverVerified?: boolean;
    readonly guest: boolean;
    readonly call: {
      readonly call: string;
      readonly peer: string;
      readonly state: "ringing" | "connecting" | "connected";
      readonly route: CallRoute | null;
      readonly sinceMs: number;
      /**
       * Round trip to the other side; null where it isn't known, as in the machine, which leaves it to its caller.
       */
      readonly roundTripMs: number | null;
    } | null;
    /** Round trip to the directory, likewise. */
    readonly roundTripMs: number | null;
    readonly online: number;
    /** Lines that wait for a call, or broadcasts that wait for the directory. */
    readonly unsent: number;
    readonly problems: readonly string[];
  }
  | ModeEvent;

/** Why a user isn't in any more: what the directory tells it, or finds. */
export const LOGOUT_REASONS = [...DISMISSALS, "quit", "lost", "password-changed"] as const;
export type LogoutReason = typeof LOGOUT_REASONS[number];

/** What the directory tells its operator. */
export type DirectoryEvent =
  | {
    readonly event: "ready";
    readonly command: "regserver";
    readonly host: string;
    readonly port: number;
    readonly key: string;
    readonly accounts: number;
  }
  | { readonly event: "login"; readonly name: string; readonly guest: boolean }
  | { readonly event: "logout"; readonly name: string; readonly reason: LogoutReason }
  | { readonly event: "signup"; readonly name: string }
  | {
    readonly event: "call";
    readonly from: string;
    readonly to: string;
    readonly state: "ringing" | "connected" | CallOutcome;
    /**
     * With `cancelled`, where the caller hasn't withdrawn it: it is gone, or the operator has thrown it out. With
     * `declined`, where the callee's program has refused the caller's key, and its user wasn't asked. With `ended`,
     * where the operator has thrown one of the two out, which is `by`.
     */
    readonly reason?: "lost" | "kicked" | "key-changed";
    readonly by?: string;
  }
  | { readonly event: "broadcast"; readonly id: string; readonly from: string }
  | { readonly event: "broadcast-sent"; readonly id: string; readonly reached: number }
  | {
    readonly event: "users";
    readonly users: readonly (UserView & {
      /** The address from which the client comes. */
      readonly address: string;
      /** ISO 8601, UTC. */
      readonly since: string;
      /** Bytes relayed for its calls, in both directions, by this instance. */
      readonly relayedBytes: number;
      /** Address of the instance at which it is; absent where the directory has no other. */
      readonly instance?: string;
    })[];
  }
  | {
    readonly event: "status";
    readonly key: string;
    readonly accounts: number;
    readonly clients: number;
    readonly clientsMax: number;
    readonly calls: number;
    readonly relayedBytes: number;
    readonly kept: number;
    readonly problems: readonly string[];
    /**
     * Addresses of all instances, the own one first, and how many clients are logged in at all of them; absent where the
     * directory runs alone.
     */
    readonly instances?: readonly string[];
    readonly online?: number;
    /** Of the engine that they share; absent in the machine, which leaves it to its caller. */
    readonly engine?: EngineAnswers;
    /** Of a meeting point; absent where the directory is none, and in the machine. */
    readonly meeting?: MeetingCounts;
  }
  | ModeEvent;

/** What passes through a meeting point: visitors, those that others can reach, links, and bytes in all. */
export interface MeetingCounts {
  readonly visitors: number;
  readonly registered: number;
  readonly links: number;
  readonly relayedBytes: number;
}

export type ClientCommand =
  | ModeCommand
  | PresenceCommand
  | { readonly command: "list"; readonly part: string | undefined }
  | { readonly command: "more" }
  | { readonly command: "broadcast"; readonly text: string }
  | { readonly command: "call"; readonly name: string }
  | { readonly command: "call-address"; readonly host: string; readonly port: number }
  /** `name`: whose call is meant; another one may ring by the time the command comes. */
  | { readonly command: "accept"; readonly name?: string | undefined }
  | { readonly command: "decline"; readonly reason: string }
  | { readonly command: "cancel" }
  | { readonly command: "hang-up" }
  | { readonly command: "say"; readonly text: string }
  | { readonly command: "missed" }
  /** `everywhere`: of all calls; otherwise, without a name, that of the call that is under way. */
  | {
    readonly command: "history";
    readonly count: number | null;
    readonly text?: string;
    /** The id of a message: only what was said before it. */
    readonly before?: string;
    readonly name?: string;
    readonly everywhere?: true;
  }
  | { readonly command: "passwd"; readonly old: string; readonly new: string }
  | { readonly command: "forget-me"; readonly password: string };

export type DirectoryCommand =
  | { readonly command: "status" }
  | VerifyCommand
  | { readonly command: "whois"; readonly name: string | null }
  | { readonly command: "list" }
  | { readonly command: "kick"; readonly name: string }
  | { readonly command: "broadcast"; readonly text: string }
  | { readonly command: "quit" };
