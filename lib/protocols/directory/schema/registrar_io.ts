/**
 * What a directory of several instances asks of its registrar, who keeps for all of them who is in, and what it is told
 * of the others'. A directory that runs alone is its own registrar, and never asks.
 */

import type { Endpoint, PeerKey } from "../../../base/ids.ts";
import type { ListedUser } from "./messages.ts";

/** A client's session, as all instances know it. */
export interface OnlineSession {
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
  {
    readonly ask: "claim";
    readonly session: OnlineSession;
    readonly over: string | null;
    readonly account: string | null;
  };

export type RegistrarAnswer =
  | { readonly outcome: "done" }
  /** This session has the name, not the one that was to be replaced; null: it is free, or was taken again since. */
  | { readonly outcome: "taken"; readonly by: OnlineSession | null }
  /** The account isn't any more as it was checked. */
  | { readonly outcome: "wrong" }
  /** It wasn't done, or isn't known to be; the session isn't in. */
  | { readonly outcome: "away" };

/** What follows from what the machine has done: carried out in time, whatever becomes of the engine. */
export type RegistrarOrder =
  /** The session isn't in any more. For so long its name is kept for its key; 0: it is free. */
  | { readonly order: "release"; readonly session: string; readonly heldMs: number }
  | { readonly order: "set-busy"; readonly session: string; readonly isBusy: boolean };

/** What other instances have done, in the order in which it was done. */
export type RegistrarChange =
  /** That session, which is another instance's, has its name; or it has changed. */
  | { readonly change: "present"; readonly session: OnlineSession }
  /** No other instance's session has that name any more. */
  | { readonly change: "gone"; readonly name: string }
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
  { name, isGuest: guest, key, host, port, isBusy }: OnlineSession,
): ListedUser {
  return { name, state: isBusy ? "busy" : "free", guest, key, host: port === 0 ? "" : host, port };
}
