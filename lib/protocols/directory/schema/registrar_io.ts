/**
 * What a directory of several instances asks of its registrar, who keeps for all of them who is in, and what it is told
 * of the others'. A directory that runs alone is its own registrar, and never asks.
 */

import { type Presence, presenceOf } from "../../../base/machine/user_presence.ts";
import type { Endpoint, FoldedName, PeerKey } from "../../../base/ids.ts";
import type { ListedUser } from "./listed_users.ts";
import type { BroadcastRecord } from "./records.ts";

export { KICKED_MS, TEXT_BYTES_MAX } from "./limits.ts";
export { DIRECTORY_NAME } from "./events.ts";
export type { BroadcastRecord } from "./records.ts";

/** A client's session, as all instances know it. */
export interface OnlineSession extends Presence {
  /** No other session has it. */
  readonly id: string;
  /** The instance at which it is. */
  readonly instance: string;
  /** As it was registered, or as the guest wrote it. */
  readonly name: string;
  readonly isGuest: boolean;
  readonly key: PeerKey;
  /** Which of the processes with that key it is. */
  readonly process: string;
  /** Of two sessions of one name, the later one has the higher rank; a program keeps its own when it comes back. */
  readonly rank: number;
  /** Where it takes calls; port 0: nowhere. */
  readonly host: string;
  readonly port: number;
  readonly isBusy: boolean;
  /** Wall clock when it came in, ms since 1970. */
  readonly sinceMs: number;
  /** Whether this guest was lost a moment ago: it isn't in, and its name is kept for its key. */
  readonly isHeld: boolean;
}

export type RegistrarQuestion = /**
   * The session comes in, in the place of the session `over`, or of none. `account`: the version of the account that
   * was checked; null: there is no account of that name. Answer: `done` once all instances may rely on it, or why not.
   */
  | {
    readonly ask: "claim";
    readonly session: OnlineSession;
    readonly over: string | null;
    readonly account: string | null;
    /** Up to which number the client says that it has broadcasts; 0: none. */
    readonly seen: number;
    /** Which of this instance's sessions it is, by number. */
    readonly number: number;
  }
  /**
   * The broadcast, whose number isn't known yet, is to be told at all instances. Answer: `done`, and it comes as news;
   * `unknown`, and it may come; or `before`.
   */
  | { readonly ask: "tell"; readonly broadcast: BroadcastRecord }
  /** One more of each is counted, at all instances together. Answer: `done`, or `too-many`, and then none is counted. */
  | { readonly ask: "count"; readonly limits: readonly CountedLimit[]; readonly stamp: string };

/** So many within so long a time. `what` names it for all instances. */
export interface CountedLimit {
  readonly what: string;
  readonly max: number;
  readonly withinMs: number;
}

export type RegistrarAnswer =
  /** `heard`: of a claim, up to which number the account has the broadcasts, on any device. */
  | { readonly outcome: "done"; readonly heard: number }
  /** This session has the name, not the one that was to be replaced; null: it is free, or was taken again since. */
  | { readonly outcome: "taken"; readonly by: OnlineSession | null }
  /** There were too many already; in so long there may be another one. */
  | { readonly outcome: "too-many"; readonly retryMs: number }
  /** Its sender's broadcast of that own number was taken before: it has this number. */
  | { readonly outcome: "before"; readonly number: number }
  /** The account isn't any more as it was checked. */
  | { readonly outcome: "wrong" }
  /** It isn't known whether the broadcast was taken. */
  | { readonly outcome: "unknown" }
  /**
   * It wasn't done; or, of all but broadcasts, isn't known to be. A session isn't in then. `text`: why, part of a sentence.
   */
  | { readonly outcome: "away"; readonly text?: string };

/** What follows from what the machine has done: carried out in time, whatever becomes of the engine. */
export type RegistrarOrder =
  /**
   * The session isn't in any more. For so long its name is kept for its key; 0: it is free. Its account has broadcasts up
   * to `through`; null: it has none.
   */
  | {
    readonly order: "release";
    readonly session: string;
    readonly heldMs: number;
    readonly through: number | null;
  }
  | { readonly order: "set-busy"; readonly session: string; readonly isBusy: boolean }
  | { readonly order: "set-presence"; readonly session: string; readonly presence: Presence }
  /**
   * All accounts that are in at this instance, of sessions up to this number, have the broadcasts up to there, but those
   * that are named.
   */
  | {
    readonly order: "mark";
    readonly through: number;
    readonly sessions: number;
    readonly except: readonly FoldedName[];
  }
  /** What was counted by this stamp doesn't count any more; `isAll`: nothing of it does. */
  | {
    readonly order: "uncount";
    readonly whats: readonly string[];
    readonly stamp: string;
    readonly isAll: boolean;
  }
  /** The operator throws out who has this name and key: for a while nobody lets in either. */
  | { readonly order: "kick"; readonly name: string; readonly key: PeerKey }
  /** So many of those at this instance have the broadcast of another one. */
  | { readonly order: "reached"; readonly number: number; readonly count: number };

/** What other instances have done, in the order in which it was done. */
export type RegistrarChange =
  /** That session, which is another instance's, has its name; or it has changed. */
  | { readonly change: "present"; readonly session: OnlineSession }
  /** No other instance's session has that name any more. */
  | { readonly change: "gone"; readonly name: string }
  /** The next broadcast of all; numbers rise. `isNew`: it wasn't there yet as this instance began. */
  | {
    readonly change: "broadcast";
    readonly broadcast: BroadcastRecord;
    readonly isNew: boolean;
  }
  /** The operator has thrown them out, at some instance, within the time for which they are kept out. */
  | { readonly change: "kicked"; readonly name: string; readonly key: PeerKey }
  /** So many of those at that instance have the broadcast. */
  | {
    readonly change: "reached";
    readonly number: number;
    readonly instance: string;
    readonly count: number;
  }
  /** All instances that there are, the own one first. */
  | { readonly change: "instances"; readonly instances: readonly Instance[] };

export interface Instance {
  readonly id: string;
  /** Where clients reach it. */
  readonly address: Endpoint;
  /** How many more clients it takes. */
  readonly room: number;
}

/**
 * `up`: what the machine asks is done, and it hears of the others. `late`: nothing was heard of the engine for a while.
 * `away`: for so long that the others may think this instance gone.
 */
export type RegistrarState = "up" | "late" | "away";

/** The session as the list shows it. */
export function listedSession(
  { name, isGuest: guest, key, host, port, isBusy, ...session }: OnlineSession,
): ListedUser {
  const where = { host: port === 0 ? "" : host, port };
  return { name, state: isBusy ? "busy" : "free", guest, key, ...where, ...presenceOf(session) };
}
