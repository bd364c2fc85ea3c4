/** The directory's machine as its caller sees it: inputs, effects, configuration. */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import type { ModeEffect, ModeInput } from "../../../base/machine/mode_machine.ts";
import type { DirectoryCommand, DirectoryEvent } from "./events.ts";
import type { DirectoryMessage } from "./messages.ts";
import type { DirectoryRecord } from "./records.ts";
import type {
  RegistrarAnswer,
  RegistrarChange,
  RegistrarOrder,
  RegistrarQuestion,
  RegistrarState,
} from "./registrar_io.ts";

/** An account as it was when it was looked up. */
export interface Account {
  /** The name as it was registered. */
  readonly name: string;
  /** Keys of its devices. */
  readonly keys: readonly Fingerprint[];
  /** Changes with the password: a later question is carried out only while this is still the version. */
  readonly version: string;
}

/** What the machine asks of the accounts; each question is answered once, by `account-answer` with its token. */
export type AccountQuestion =
  /** Answer: `ok`, or `wrong` where there is no account of that name. */
  | { readonly ask: "find"; readonly name: string }
  /**
   * Answer: `ok` or `wrong`, which takes as long and doesn't say whether there is such an account; or `full`.
   * `address`: waiting questions of one address don't hold up those of others.
   */
  | {
    readonly ask: "check-password";
    readonly name: string;
    readonly password: string;
    readonly address: string;
  }
  /** Answer: `ok` once it is synced, with this device; or `name-taken`, `full` or `disk`. */
  | {
    readonly ask: "sign-up";
    readonly name: string;
    readonly password: string;
    readonly key: Fingerprint;
    readonly address: string;
  }
  /** Answer: `ok` once it is synced; `wrong` where the version isn't current any more; or `disk`. */
  | {
    readonly ask: "add-key";
    readonly name: string;
    readonly version: string;
    readonly key: Fingerprint;
  }
  /** The same answers, and `full`. Of the account's devices, only this one needn't log in with the new password. */
  | {
    readonly ask: "set-password";
    readonly name: string;
    readonly version: string;
    readonly password: string;
    readonly key: Fingerprint;
    readonly address: string;
  }
  /** Answer: `ok` once it is synced; `wrong` where the version isn't current any more; or `disk`. */
  | { readonly ask: "remove"; readonly name: string; readonly version: string };

export type AccountAnswer =
  /** Done. The account as it is now; after `remove`, as it was. */
  | { readonly outcome: "ok"; readonly account: Account }
  | { readonly outcome: "wrong" }
  | { readonly outcome: "name-taken" }
  /** Too many passwords wait to be hashed. */
  | { readonly outcome: "full" }
  /** `isDamaged`: what is stored can't be read, which no waiting mends. `isInDoubt`: it may be done all the same. */
  | {
    readonly outcome: "disk";
    readonly text: string;
    readonly isDamaged?: true;
    readonly isInDoubt?: true;
  };

export type DirectoryInput =
  | ModeInput<DirectoryMessage, DirectoryCommand>
  /** `process`: which of the processes with that key it is; `host`: the address from which it comes. */
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    readonly process: string;
    readonly host: string;
  }
  /**
   * The link's data queue is full: what is sent to it is kept for it, in order. The machine sends little more until
   * `drained`.
   */
  | { readonly type: "congested"; readonly link: LinkId }
  /** A datagram from the socket. `bytes` aren't kept. */
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  | { readonly type: "account-answer"; readonly token: number; readonly answer: AccountAnswer }
  /**
   * The account of that name was removed, here or by another program. `keys`: devices of the account that has the name
   * now.
   */
  | {
    readonly type: "account-removed";
    readonly name: string;
    readonly keys: readonly Fingerprint[];
  }
  /**
   * Another program has changed the account of that name. `keys`: its devices, none from before a change of password.
   */
  | {
    readonly type: "account-changed";
    readonly name: string;
    readonly keys: readonly Fingerprint[];
  }
  | { readonly type: "registrar-answer"; readonly token: number; readonly answer: RegistrarAnswer }
  | { readonly type: "registrar-news"; readonly changes: readonly RegistrarChange[] }
  | { readonly type: "registrar-state"; readonly state: RegistrarState };

export type DirectoryEffect =
  | ModeEffect<DirectoryEvent, DirectoryRecord, never>
  /** The same message to all of these links, in no particular order: encode it once. */
  | {
    readonly type: "send";
    readonly links: readonly LinkId[];
    readonly message: DirectoryMessage;
  }
  | { readonly type: "account"; readonly token: number; readonly question: AccountQuestion }
  /** Each is answered once, by `registrar-answer` with its token. */
  | { readonly type: "registrar"; readonly token: number; readonly question: RegistrarQuestion }
  | { readonly type: "registrar-order"; readonly order: RegistrarOrder }
  | { readonly type: "datagram"; readonly to: Endpoint; readonly bytes: Bytes };

/** `--broadcast`: who may broadcast to all. */
export type BroadcastPolicy = "all" | "accounts" | "operator";

export interface DirectoryConfig {
  /** The address at which we listen, as others should see it. */
  readonly listening: Endpoint;
  /** Where others find us instead, by a router; null: nowhere else. */
  readonly announced?: () => Endpoint | null;
  /** False with `--accounts required`: guests aren't let in. */
  readonly guests: boolean;
  readonly broadcast: BroadcastPolicy;
  /** `--broadcast-ttl`. */
  readonly ttlMs: number;
  /** `--max-clients`. */
  readonly clientsMax: number;
  /** `--signup-limit`: sign-ups per address and hour. */
  readonly signUpsMax: number;
  /** Whether calls are relayed; false with `--no-relay`. */
  readonly relays: boolean;
  /** The current number of accounts, for status. */
  readonly accountCount: () => number;
  readonly records: readonly DirectoryRecord[];
  /** Of the instances of one directory, this one's id; absent: it runs alone. */
  readonly instance?: string;
}
