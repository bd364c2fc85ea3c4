/** The directory's machine as its caller sees it: inputs, effects, configuration. */

import type { Bytes } from "../../base/crypto.ts";
import type { Fingerprint } from "../../base/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../base/ids.ts";
import type { ModeEffect, ModeInput } from "../../base/mode_machine.ts";
import type { DirectoryCommand, DirectoryEvent } from "./events.ts";
import type { DirectoryMessage } from "./messages.ts";
import type { DirectoryRecord } from "./records.ts";

/** An account as it was when it was looked up. */
export interface Account {
  /** As it was registered. */
  readonly name: string;
  /** Of its devices. */
  readonly keys: readonly Fingerprint[];
  /** Another one after each change of the password: what is asked later is done only while it is still this one. */
  readonly version: string;
}

/** What the machine asks of the accounts; each is answered once, by `account-answer` with its token. */
export type AccountQuestion =
  /** `ok` or `wrong` (there is none of that name). */
  | { readonly ask: "find"; readonly name: string }
  /**
   * `ok` or `wrong`, which takes as long and doesn't say whether there is such an account; `full`. `address`: waiting
   * questions of one don't hold up those of others.
   */
  | {
    readonly ask: "check-password";
    readonly name: string;
    readonly password: string;
    readonly address: string;
  }
  /** `ok` once it is synced, with this device; `name-taken`, `full` or `disk`. */
  | {
    readonly ask: "sign-up";
    readonly name: string;
    readonly password: string;
    readonly key: Fingerprint;
    readonly address: string;
  }
  /** `ok` once it is synced; `wrong` where it isn't that version any more; `disk`. */
  | {
    readonly ask: "add-key";
    readonly name: string;
    readonly version: string;
    readonly key: Fingerprint;
  }
  /** The same, and `full`. Of its devices only this one, which it has, needn't log in with the new password. */
  | {
    readonly ask: "set-password";
    readonly name: string;
    readonly version: string;
    readonly password: string;
    readonly key: Fingerprint;
    readonly address: string;
  }
  /** `ok` once it is synced; `wrong` where it isn't that version any more; `disk`. */
  | { readonly ask: "remove"; readonly name: string; readonly version: string };

export type AccountAnswer =
  /** The account as it is now; with `remove`, as it was. */
  | { readonly outcome: "ok"; readonly account: Account }
  | { readonly outcome: "wrong" }
  | { readonly outcome: "name-taken" }
  /** Too many passwords wait to be hashed. */
  | { readonly outcome: "full" }
  | { readonly outcome: "disk"; readonly text: string };

export type DirectoryInput =
  | ModeInput<DirectoryMessage, DirectoryCommand>
  /** `process`: which of those with that key it is; `host`: the address that it comes from. */
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    readonly process: string;
    readonly host: string;
  }
  /**
   * The link's data queue is full: what goes there is kept for it, in its order. The machine sends a little more at
   * most, until `drained`.
   */
  | { readonly type: "congested"; readonly link: LinkId }
  /** From the socket. `bytes` aren't kept. */
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  | { readonly type: "account-answer"; readonly token: number; readonly answer: AccountAnswer }
  /** Somebody else has removed the account of that name. `keys`: devices of the one that has the name now. */
  | {
    readonly type: "account-removed";
    readonly name: string;
    readonly keys: readonly Fingerprint[];
  }
  /** The account of that name isn't as it was. `keys`: its devices, none of those from before another password. */
  | {
    readonly type: "account-changed";
    readonly name: string;
    readonly keys: readonly Fingerprint[];
  };

export type DirectoryEffect =
  | ModeEffect<DirectoryEvent, DirectoryRecord, never>
  /** The same message to all of these links, in no order among them: to be encoded once. */
  | {
    readonly type: "send";
    readonly links: readonly LinkId[];
    readonly message: DirectoryMessage;
  }
  | { readonly type: "account"; readonly token: number; readonly question: AccountQuestion }
  | { readonly type: "datagram"; readonly to: Endpoint; readonly bytes: Bytes };

/** `--broadcast`: who may tell all. */
export type BroadcastPolicy = "all" | "accounts" | "operator";

export interface DirectoryConfig {
  /** Where we listen, as others should see it. */
  readonly listening: Endpoint;
  /** `--accounts required` shuts them out. */
  readonly guests: boolean;
  readonly broadcast: BroadcastPolicy;
  /** `--broadcast-ttl`. */
  readonly ttlMs: number;
  /** `--max-clients`. */
  readonly clientsMax: number;
  /** `--signup-limit`: for an address and hour. */
  readonly signUpsMax: number;
  /** Whether calls are relayed: not with `--no-relay`. */
  readonly relays: boolean;
  /** How many accounts there are now, for whoever asks. */
  readonly accountCount: () => number;
  readonly records: readonly DirectoryRecord[];
}
