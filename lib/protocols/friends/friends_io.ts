/** The friends' machine as its caller sees it: inputs, effects, configuration. */

import type { Fingerprint } from "../../base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../base/ids.ts";
import type { ComparedKey } from "../../base/trust/refused_keys.ts";
import type {
  KeepEffect,
  ModeEffect,
  ModeInput,
  PinEffect,
  RecallEffect,
} from "../../base/machine/mode_machine.ts";
import type { FriendsCommand, FriendsEvent, FriendsTold } from "./events.ts";
import type { FriendsMessage } from "./messages.ts";
import type { FriendsRecord, ReceivedPlace } from "./records.ts";

/** A row of the table: another user, or our own. */
export interface FriendRow {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Null where the table names none. */
  readonly fingerprint: Fingerprint | null;
}

/**
 * What files need of the link to a friend. `held`: it is needed until `free`. `told`: an offer was made, of which the
 * friend is told when it is there; `restored`: an earlier process made it. `met`: the friend's key is needed first.
 */
export type FileNeed = "held" | "free" | "told" | "restored" | "met";

export type FriendsInput =
  | ModeInput<FriendsMessage, FriendsCommand>
  /** The table was edited: these are the rows of others. */
  | { readonly type: "table"; readonly friends: readonly FriendRow[] }
  | { readonly type: "file-need"; readonly friend: string; readonly need: FileNeed }
  /** A part of a file, or a message about one, went over this link: it isn't idle. */
  | { readonly type: "file-traffic"; readonly link: LinkId }
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    /** Identifies the other side's process, as the handshake proves: who has a copy of a profile can't take it over. */
    readonly process: string;
    readonly dialled: boolean;
    readonly attempt: number | null;
  }
  | {
    readonly type: "dial-failed";
    readonly attempt: number;
    readonly reason: string;
    readonly text: string;
    /** With `wrong-key`: the key that answered. Our own where we listen there ourselves. */
    readonly key: PeerKey | null;
  };

export type FriendsEffect =
  | ModeEffect<FriendsTold, FriendsRecord, ReceivedPlace>
  | {
    readonly type: "dial";
    readonly attempt: number;
    readonly endpoint: Endpoint;
    /** The key that has to answer; null where any may: the address vouches for it. */
    readonly expect: Fingerprint | null;
  }
  | { readonly type: "send"; readonly link: LinkId; readonly message: FriendsMessage }
  | PinEffect
  | KeepEffect
  | RecallEffect<FriendsEvent>;

export interface FriendsConfig {
  readonly name: string;
  /** The address at which we listen, as others should see it, and what the user calls the table. */
  readonly listening: Endpoint;
  readonly users: string;
  readonly friends: readonly FriendRow[];
  /** Keys met before, by folded name. */
  readonly pins: ReadonlyMap<string, Fingerprint>;
  /** Keys that the user has refused, each for a name. */
  readonly refused?: readonly ComparedKey[];
  readonly records: readonly FriendsRecord[];
  readonly idleMs: number;
  /** False: a message that can't be delivered now fails. */
  readonly queue: boolean;
  /** `--no-history`: nothing that is said from now on is on the disk, as the caller sees to. */
  readonly forgets?: boolean;
}
