/**
 * What the machines of all modes share beside the form of `Machine`: links to others, a log on disk, a user.
 *
 * The caller's duties beside those of `Machine`:
 * - Effects run in list order. A `persist` is synced before any effect after it, in this list or a later
 *   one, is carried out; persists may be done earlier, and many with one sync. One with `sync: false` is
 *   written before what follows, and need not be synced.
 * - `persisted` or `persist-failed` answers each `persist` that has a token.
 * - After a refused persist the log lacks what the machine has: it is replaced by the machine's snapshot before
 *   anything else is written.
 * - Each `link-up` is followed by one `link-down`, after a `close` or `ban` of ours too; none after `stop`.
 * - After `stop` no input is fed.
 */

import type { Fingerprint } from "../text/fingerprint.ts";
import type { ErrorCode } from "../errors.ts";
import type { LinkId, PeerKey } from "../ids.ts";
import type { PrivateWords } from "../schema/private_words.ts";
import type { ShownPresence } from "./user_presence.ts";

export type ModeInput<Message, Command> =
  /** The first input, given once. */
  | { readonly type: "start" }
  /** `closed`: the other side ended the link by a sealed record; otherwise it was lost. */
  | {
    readonly type: "link-down";
    readonly link: LinkId;
    readonly closed: boolean;
    readonly reason: string;
  }
  /** The link's data queue is less than half full again. */
  | { readonly type: "drained"; readonly link: LinkId }
  | { readonly type: "message"; readonly link: LinkId; readonly message: Message }
  /** A message of a type that this version doesn't know. */
  | { readonly type: "unknown-message"; readonly link: LinkId; readonly code: number }
  | { readonly type: "persisted"; readonly token: number }
  /** The disk refused; where the persist had no token, `token` is null and the effects behind it went on. */
  | { readonly type: "persist-failed"; readonly token: number | null; readonly text: string }
  | { readonly type: "command"; readonly command: Command; readonly ref: string | undefined }
  | { readonly type: "tick" };

export type ModeEffect<Event, Stored, Through> =
  /** Closes the link; what was sent before still goes out. */
  | { readonly type: "close"; readonly link: LinkId; readonly reason: string }
  /** Closes the link, and takes no link from this key for this long. */
  | {
    readonly type: "ban";
    readonly link: LinkId;
    readonly reason: string;
    readonly durationMs: number;
  }
  | {
    readonly type: "persist";
    readonly records: readonly Stored[];
    readonly token: number | null;
    readonly sync: boolean;
  }
  | { readonly type: "show"; readonly event: Event; readonly ref: string | undefined }
  /**
   * Everything up to this has been handed to `show`: once it has reached the user's screen, a record `shown` through
   * it may be written. Nothing waits for that.
   */
  | { readonly type: "shown"; readonly through: Through }
  /**
   * Whether further lines are taken from the user; while they aren't, a reason in words. A pause may be carried out
   * before the effects that stand before it.
   */
  | { readonly type: "input"; readonly pausedBecause: string | null }
  /** The last effect: leave with exit status 0 (`bye`), or with that of the code. */
  | { readonly type: "stop"; readonly outcome: ModeOutcome };

/**
 * For modes that keep keys beside their log: from now on the name has this key; `again`: the user accepts another key
 * than before. Like a persist, it is durable before any effect behind it. Where it can't be made durable, the user is
 * told and the effects go on; so they do where it takes long, unless the user asked for it.
 */
export interface PinEffect {
  readonly type: "pin";
  readonly name: string;
  readonly key: PeerKey;
  readonly again: boolean;
}

/** One message of an answer to `history`. */
export interface PastMessage {
  readonly id: string;
  /** The author's name when it was sent. */
  readonly from: string;
  /** The name under which the author is shown here: `Bob~k7f3`, where two have used one. */
  readonly shown: string;
  /** The author's fingerprint: distinguishes authors that have used the same name. */
  readonly key: string;
  readonly text: string;
  /** ISO 8601, UTC, by the author's clock. */
  readonly sentAt: string;
  /** The user ignores the author: what the console adds. */
  readonly ignored?: true;
}

/**
 * One that was said to one person alone, or by one. The user's own are `from` the name that the user has now; `key` is
 * empty where it wasn't known.
 */
export interface RecalledMessage extends PastMessage {
  readonly private: true;
  readonly self: boolean;
  /** The receiver, on the user's own ones. */
  readonly to?: string;
}

/** The conversation that an answer is about: with whom the user spoke privately. */
export interface Conversation {
  readonly name: string;
  /** Fingerprint; absent where it isn't known. */
  readonly key?: string;
}

/** `again`: no answer, as nobody has asked; the console shows each message of it as such. */
export interface ShownAgain {
  readonly again?: true;
}

/** An answer to `history` that what was said privately is added to. */
interface RecallingEvent extends Partial<Conversation> {
  readonly event: "history";
  /** Only what has this text in it. */
  readonly searched?: string;
}

/**
 * For modes in which people write to one alone: the profile keeps these words, beside the log. As an unsynced persist:
 * they are written before any effect behind this one is carried out. Where they can't be, the user is told, and the
 * effects go on.
 */
export interface KeepEffect {
  readonly type: "keep";
  readonly words: PrivateWords;
  /** The user has taken them back before they went out: they aren't kept any more. */
  readonly takenBack?: true;
  /** They were said in an earlier run, and may be kept already. */
  readonly isEarlier?: true;
}

/**
 * Shows an answer, after it was completed by what was kept of private words, at most the last `count` of all: those of
 * the conversation that it names, or all that have the text looked for in them.
 */
export interface RecallEffect<Event> {
  readonly type: "recall";
  readonly event: Extract<Event, RecallingEvent>;
  /**
   * Makes the messages of `event`, which has none then, the oldest first, a piece with each step: all of a long answer at
   * once would hold up everything else. To be gone through once.
   */
  readonly making?: Iterator<void, readonly PastMessage[]>;
  /** Nothing is asked for that was said privately. */
  readonly isPublic?: true;
  /** Only what was said before the message with that id, which is one of the conversation. */
  readonly before?: string;
  readonly count: number;
  readonly ref: string | undefined;
}

export type ModeOutcome =
  | { readonly kind: "bye"; readonly reason: string; readonly ref: string | undefined }
  | { readonly kind: "fatal"; readonly code: ErrorCode; readonly text: string };

/** What the user found by comparing digits: they are the same at both ends, or not. */
export type VerifyAnswer = "yes" | "no";

/** Whether the user has compared a key under a name: what the console adds to the events of machines. */
export interface Compared {
  readonly verified?: boolean;
  /** Where it isn't verified under this name: the names under which it is. */
  readonly verifiedAs?: readonly string[];
}

/** Somebody has another key than the one expected: fingerprints. `verified`: what was found of the one expected. */
export interface KeyChange extends Compared {
  /** As its owner spells it. */
  readonly name: string;
  /** The name under which whoever has the other key is shown, where that isn't `name`. */
  readonly shown?: string;
  readonly key: string;
  /** The key expected; absent where the key itself is refused, after `/verify NAME no`. */
  readonly before?: string;
  /** Whether the key expected is one that the user has given, in a table, rather than one that was met. */
  readonly given?: true;
}

/** By which way somebody is connected: directly, through the directory, which can't read it, or through other members. */
export type Route = "direct" | "relay" | "members";

/** Answers `whois`: all that is known of somebody, or of the user. */
export interface WhoisView extends Compared, ShownPresence {
  readonly name: string;
  readonly self: boolean;
  /** Fingerprint; null while none is known. */
  readonly key: string | null;
  /** Where others dial it; empty, with port 0, where nobody can, or it isn't known. */
  readonly host: string;
  readonly port: number;
  /** Null where it isn't connected at the moment, and for oneself. */
  readonly route: Route | null;
  /** Where that is another key than the one expected. */
  readonly changed?: KeyChange;
  /** What the console adds: YYYY-MM-DD, when this key was first met under this name; absent where it wasn't. */
  readonly since?: string;
  /** Likewise, of oneself: one line to pass on to others. */
  readonly line?: string;
}

/** Somebody's user, or our own, says something else of itself. */
export interface PresenceEvent extends Compared, ShownPresence {
  readonly event: "presence";
  readonly name: string;
  readonly key: string;
  readonly self: boolean;
}

/** Events that every machine tells, field for field the objects of `--json`. */
export type ModeEvent =
  | {
    readonly event: "verify";
    readonly name: string;
    readonly key: string;
    /** The public keys, hexadecimal, from which the console computes the digits. */
    readonly ownKey: PeerKey;
    /** Null where only the fingerprint is known, after a `no`. */
    readonly peerKey: PeerKey | null;
    /** What the user says; with `no` the machine has refused the key already. */
    readonly answer?: VerifyAnswer;
  }
  | WhoisView & { readonly event: "whois" }
  /**
   * `warning`: something is wrong. `changed`: in a mesh, somebody is told apart because of that. `friend`: whom among
   * friends it is about. `to`: in a room, to whom alone the messages are that it is about. `seq`: in a group, the entry
   * of which an edit waits. `edit`: the one that the user has voted on, who isn't asked about it any more.
   */
  | {
    readonly event: "notice";
    readonly text: string;
    readonly warning?: true;
    readonly changed?: KeyChange;
    readonly friend?: string;
    readonly to?: string;
    readonly seq?: number;
    readonly edit?: number;
  }
  /**
   * `seq`: the entry of a group's log that the error is about. `unsent`: a message of the user was given up, as the
   * disk took nothing. `detail`: the exact fault, for whoever looks for its cause; text mode leaves it out.
   * `changed`: with `key-changed`. `friend`: as in a notice.
   */
  | {
    readonly event: "error";
    readonly code: ErrorCode;
    readonly text: string;
    readonly seq?: number;
    readonly unsent?: true;
    readonly detail?: string;
    readonly changed?: KeyChange;
    readonly friend?: string;
  };

export interface VerifyCommand {
  readonly command: "verify";
  readonly name: string;
  readonly answer?: VerifyAnswer;
  /** What the console adds to a `no`: all keys that the profile knows by that name. */
  readonly known?: readonly Fingerprint[];
}

/** What the user may ask in every mode; names are shown names. */
export type ModeCommand =
  | { readonly command: "status" }
  | VerifyCommand
  | { readonly command: "trust"; readonly name: string }
  /** Null: the user. */
  | { readonly command: "whois"; readonly name: string | null }
  /**
   * Another program of this profile was told that this key (a fingerprint) isn't that of whoever is called so: as
   * `verify` with `no`, but without an answer. `name` is the plain one, without the start of a key. Nobody types it.
   */
  | { readonly command: "refuse"; readonly name: string; readonly key: Fingerprint }
  /** Another program of this profile was told that it is, after all. Whoever has no other key pinned takes it for that. */
  | { readonly command: "unrefuse"; readonly name: string; readonly key: Fingerprint }
  | { readonly command: "quit" };
