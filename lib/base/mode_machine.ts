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

import type { ErrorCode } from "./errors.ts";
import type { LinkId, PeerKey } from "./ids.ts";

/** A process that stood still for longer blames nobody for it. */
const STALL_MS_MIN = 2_000;

/**
 * How long this process stood still before the step at `nowMs`: its deadlines are to be postponed by that. 0 where
 * it wasn't for long.
 * @param dueMs The earliest deadline; null where there was none.
 * @param lastStepMs Whatever was due then and still is, we were awake.
 */
export function stalledMs(dueMs: number | null, lastStepMs: number, nowMs: number): number {
  const idleMs = nowMs - Math.max(dueMs ?? nowMs, lastStepMs);
  return idleMs > STALL_MS_MIN ? idleMs : 0;
}

export type ModeInput<Message, Command> =
  /** Once, first. */
  | { readonly type: "start" }
  /** `closed`: the other side said so in a sealed record; otherwise it was lost. */
  | {
    readonly type: "link-down";
    readonly link: LinkId;
    readonly closed: boolean;
    readonly reason: string;
  }
  /** Less than half of the link's data queue is left. */
  | { readonly type: "drained"; readonly link: LinkId }
  | { readonly type: "message"; readonly link: LinkId; readonly message: Message }
  /** A message of a type that this version doesn't know. */
  | { readonly type: "unknown-message"; readonly link: LinkId; readonly code: number }
  | { readonly type: "persisted"; readonly token: number }
  /** The disk refused; where the persist had no token, `token` is null and its effects went on. */
  | { readonly type: "persist-failed"; readonly token: number | null; readonly text: string }
  | { readonly type: "command"; readonly command: Command; readonly ref: string | undefined }
  | { readonly type: "tick" };

export type ModeEffect<Event, Stored, Through> =
  /** What was sent before goes out first. */
  | { readonly type: "close"; readonly link: LinkId; readonly reason: string }
  /** Close, and take no link from this key for so long. */
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
   * All up to this has been handed to `show`: once that is really before the user's eyes, a record `shown` through
   * it may be written. Nothing waits for it.
   */
  | { readonly type: "shown"; readonly through: Through }
  /**
   * Whether further lines are taken from the user; a reason in words while they aren't: that may be carried out before
   * what stands before it.
   */
  | { readonly type: "input"; readonly pausedBecause: string | null }
  /** Last effect: leave with exit 0 (`bye`), or with the code's exit status. */
  | { readonly type: "stop"; readonly outcome: ModeOutcome };

/**
 * Of the modes that remember keys beside their log: from now on the name has this key; `again`: the user accepts another
 * than before. As a persist it is durable before any effect after it. Where it can't be, the user is told and goes on; so
 * does the machine where it takes long, unless it is the user's own word.
 */
export interface PinEffect {
  readonly type: "pin";
  readonly name: string;
  readonly key: PeerKey;
  readonly again: boolean;
}

export type ModeOutcome =
  | { readonly kind: "bye"; readonly reason: string; readonly ref: string | undefined }
  | { readonly kind: "fatal"; readonly code: ErrorCode; readonly text: string };

/** Events that every machine tells, field for field the objects of `--json`. */
export type ModeEvent =
  | {
    readonly event: "verify";
    readonly name: string;
    readonly key: string;
    /** The public keys, hexadecimal, from which the console makes the digits. */
    readonly ownKey: PeerKey;
    readonly peerKey: PeerKey;
  }
  /** `warning`: something is wrong. */
  | { readonly event: "notice"; readonly text: string; readonly warning?: true }
  /**
   * `seq`: the entry of a group's log that it is about. `unsent`: a message of the user's was given up, as the disk
   * took nothing. `detail`: what exactly was wrong, for who looks for the fault; text mode leaves it out.
   */
  | {
    readonly event: "error";
    readonly code: ErrorCode;
    readonly text: string;
    readonly seq?: number;
    readonly unsent?: true;
    readonly detail?: string;
  };

/** What the user may ask in every mode; names are shown names. */
export type ModeCommand =
  | { readonly command: "status" }
  | { readonly command: "verify"; readonly name: string }
  | { readonly command: "trust"; readonly name: string }
  | { readonly command: "quit" };
