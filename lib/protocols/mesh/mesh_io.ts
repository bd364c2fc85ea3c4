/**
 * The mesh as its caller sees it: inputs, effects, configuration. The program's runner and the
 * simulator are two callers of the same machine.
 *
 * The caller's duties beside those of `Machine`:
 * - Effects run in list order. A `persist` is synced before any effect after it, in this list or a later
 *   one, is carried out; persists may be done earlier, and many with one sync. One with `sync: false` is
 *   written before what follows, and need not be synced.
 * - `persisted` or `persist-failed` answers each `persist` that has a token.
 * - After a refused persist the log lacks what the machine has: it is replaced by `Room.snapshot()` before
 *   anything else is written.
 * - Each `link-up` is followed by one `link-down`, after a `close` or `ban` of ours too; none after `stop`.
 * - Between `congested` and `drained` of a link, `data` frames sent to it may be dropped.
 * - After `stop` no input is fed.
 */

import type { ErrorCode } from "../../base/errors.ts";
import type { BundleId, Endpoint, LinkId, PeerKey, RoomId } from "../../base/ids.ts";
import type { MeshCommand, MeshEvent } from "./events.ts";
import type { MeshMessage } from "./messages.ts";
import type { MeshRecord } from "./records.ts";

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

export type MeshInput =
  /** Once, first. */
  | { readonly type: "start" }
  /** An authenticated, encrypted link is open; `attempt` is that of the `dial`, null for an inbound one. */
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    readonly dialled: boolean;
    readonly remote: Endpoint;
    readonly attempt: number | null;
  }
  | {
    readonly type: "dial-failed";
    readonly attempt: number;
    readonly reason: DialFailureReason;
    readonly text: string;
  }
  /** `closed`: the other side said so in a sealed record; otherwise it was lost. */
  | {
    readonly type: "link-down";
    readonly link: LinkId;
    readonly closed: boolean;
    readonly reason: string;
  }
  | { readonly type: "congested"; readonly link: LinkId }
  | { readonly type: "drained"; readonly link: LinkId }
  | { readonly type: "message"; readonly link: LinkId; readonly message: MeshMessage }
  /** A message of a type that this version doesn't know. */
  | { readonly type: "unknown-message"; readonly link: LinkId; readonly code: number }
  /** Answers `open-room`: what is on disk of the room, empty where nothing is. */
  | { readonly type: "room-opened"; readonly records: readonly MeshRecord[] }
  | { readonly type: "persisted"; readonly token: number }
  /** The disk refused; where the persist had no token, `token` is null and its effects went on. */
  | { readonly type: "persist-failed"; readonly token: number | null; readonly text: string }
  /** After a refused persist: the log holds everything again. A `persisted` says so, too. */
  | { readonly type: "log-restored" }
  | { readonly type: "command"; readonly command: MeshCommand; readonly ref: string | undefined }
  | { readonly type: "tick" };

export type MeshEffect =
  | {
    readonly type: "dial";
    readonly attempt: number;
    readonly endpoint: Endpoint;
    /** Null where anybody may answer. */
    readonly expect: PeerKey | null;
    /** Null where the room isn't known yet. */
    readonly room: RoomId | null;
  }
  | {
    readonly type: "send";
    readonly link: LinkId;
    readonly message: MeshMessage;
    readonly lane: "control" | "data";
  }
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
    readonly records: readonly MeshRecord[];
    readonly token: number | null;
    readonly sync: boolean;
  }
  | { readonly type: "show"; readonly event: MeshEvent; readonly ref: string | undefined }
  /** Whether further lines are taken from the user; a reason in words while they aren't. */
  | { readonly type: "input"; readonly pausedBecause: string | null }
  /**
   * The room that we belong to from now on, once: links are made for it, later persists are its records.
   * `room-opened` answers with what is on disk of it.
   */
  | { readonly type: "open-room"; readonly room: RoomId }
  /**
   * All up to this bundle has been handed to `show`: once that is really before the user's eyes, a record
   * `shown` through this bundle may be written. Nothing waits for it.
   */
  | { readonly type: "shown"; readonly through: BundleId }
  /** Last effect: leave with exit 0 (`bye`), or with the code's exit status. */
  | {
    readonly type: "stop";
    readonly outcome:
      | { readonly kind: "bye"; readonly reason: string; readonly ref: string | undefined }
      | { readonly kind: "fatal"; readonly code: ErrorCode; readonly text: string };
  };

export interface MeshConfig {
  readonly name: string;
  /** Where this process listens, as others should dial it; host null: as they see it. */
  readonly advertise: { readonly host: string | null; readonly port: number };
  /** `--passive`: dials only. */
  readonly passive: boolean;
  /** How many earlier messages a newcomer is shown. */
  readonly historyShown: number;
  readonly begin:
    | { readonly kind: "found" }
    | { readonly kind: "join"; readonly contact: Endpoint }
    /** In a room that is on disk: `open-room` will give its records. */
    | { readonly kind: "resume"; readonly room: RoomId };
}
