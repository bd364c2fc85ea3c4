/**
 * The friends' machine as its caller sees it. The caller's duties are those of the mesh (`mesh_io.ts`): effects in
 * list order, a persist synced before what follows it, one answer to each token.
 */

import type { ErrorCode } from "../../base/errors.ts";
import type { Fingerprint } from "../../base/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../base/ids.ts";
import type { FriendsCommand, FriendsEvent } from "./events.ts";
import type { FriendsMessage } from "./messages.ts";
import type { FriendsRecord } from "./records.ts";

/** A row of the table: somebody else, or oneself. */
export interface FriendRow {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Null where the table doesn't say. */
  readonly fingerprint: Fingerprint | null;
}

export type FriendsInput =
  | { readonly type: "start" }
  /** The table was edited. `own` is where this program's row is now; null where it is gone. */
  | { readonly type: "table"; readonly friends: readonly FriendRow[] }
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    readonly dialled: boolean;
    readonly attempt: number | null;
  }
  | {
    readonly type: "dial-failed";
    readonly attempt: number;
    readonly reason: string;
    readonly text: string;
    /** With `wrong-key`: who answered. */
    readonly key: PeerKey | null;
  }
  | {
    readonly type: "link-down";
    readonly link: LinkId;
    readonly closed: boolean;
    readonly reason: string;
  }
  | { readonly type: "drained"; readonly link: LinkId }
  | { readonly type: "message"; readonly link: LinkId; readonly message: FriendsMessage }
  | { readonly type: "unknown-message"; readonly link: LinkId; readonly code: number }
  | { readonly type: "persisted"; readonly token: number }
  | { readonly type: "persist-failed"; readonly token: number | null; readonly text: string }
  | { readonly type: "command"; readonly command: FriendsCommand; readonly ref: string | undefined }
  | { readonly type: "tick" };

export type FriendsEffect =
  | {
    readonly type: "dial";
    readonly attempt: number;
    readonly endpoint: Endpoint;
    /** Null where anybody may answer: the address vouches for the key. */
    readonly expect: Fingerprint | null;
  }
  | { readonly type: "send"; readonly link: LinkId; readonly message: FriendsMessage }
  | { readonly type: "close"; readonly link: LinkId; readonly reason: string }
  | {
    readonly type: "ban";
    readonly link: LinkId;
    readonly reason: string;
    readonly durationMs: number;
  }
  | {
    readonly type: "persist";
    readonly records: readonly FriendsRecord[];
    readonly token: number | null;
    readonly sync: boolean;
  }
  | { readonly type: "show"; readonly event: FriendsEvent; readonly ref: string | undefined }
  /** All received up to this message has been handed to `show`. */
  | { readonly type: "shown"; readonly through: string }
  | { readonly type: "input"; readonly pausedBecause: string | null }
  /** Remember this key for this name; `again` where the user accepts another than before. */
  | { readonly type: "pin"; readonly name: string; readonly key: PeerKey; readonly again: boolean }
  | {
    readonly type: "stop";
    readonly outcome:
      | { readonly kind: "bye"; readonly reason: string; readonly ref: string | undefined }
      | { readonly kind: "fatal"; readonly code: ErrorCode; readonly text: string };
  };

export interface FriendsConfig {
  readonly name: string;
  /** Where we listen, as others should see it, and what the user calls the table. */
  readonly listening: Endpoint;
  readonly users: string;
  readonly friends: readonly FriendRow[];
  /** Keys met before, by folded name. */
  readonly pins: ReadonlyMap<string, Fingerprint>;
  readonly records: readonly FriendsRecord[];
  readonly idleMs: number;
  /** False: a message that can't be delivered now has failed. */
  readonly queue: boolean;
}
