/** A client's machine as its caller sees it: inputs, effects, configuration. */

import type { Bytes } from "../../../base/crypto/crypto.ts";
import type { Fingerprint } from "../../../base/text/fingerprint.ts";
import type { ComparedKey } from "../../../base/trust/refused_keys.ts";
import type { Endpoint, LinkId, PeerKey } from "../../../base/ids.ts";
import type {
  KeepEffect,
  ModeEffect,
  ModeInput,
  PinEffect,
  RecallEffect,
} from "../../../base/machine/mode_machine.ts";
import type { ClientRecord, HeardPlace } from "./client_records.ts";
import type { ClientCommand, ClientEvent } from "./events.ts";
import type { DirectoryMessage, WayIn } from "./messages.ts";

/** How the user wants to come in. */
export interface Entry {
  readonly how: Exclude<WayIn, "resume">;
  readonly name: string;
  /** Empty for a guest. */
  readonly password: string;
  /** The new password, where it is changed with the log-in; else empty. */
  readonly newPassword: string;
}

/**
 * The caller's duties beside those of `Machine` and `mode_machine.ts`:
 * - Each `ask-to-enter` is answered by one `enter`, whenever the user is done, unless `stop` or another one comes
 *   first.
 * - Each `dial` and each `relay-open` with `isDialler` is answered by one `link-up` or `dial-failed` with its attempt.
 *   The side of a relayed call that doesn't dial waits until the link is up, or `relay-close`.
 * - What a link's queue doesn't take is kept for it, and `congested` said; the machine sends a little more at most,
 *   until `drained`.
 * - The stream of a relayed call takes from its channel no more than `RELAY_CREDIT_BYTES`, and what `relay-room` gives
 *   back; bytes that it has handed to the channel are told by `relay-taken`. Nothing is told of it after `relay-close`,
 *   except the end of its link.
 */
export type ClientInput =
  | ModeInput<DirectoryMessage, ClientCommand>
  | { readonly type: "enter"; readonly entry: Entry }
  | {
    readonly type: "link-up";
    readonly link: LinkId;
    readonly peer: PeerKey;
    readonly dialled: boolean;
    readonly attempt: number | null;
    /** The other side's address, as seen from here. */
    readonly host: string;
    /** Whether the handshake went through the directory. */
    readonly isRelayed: boolean;
  }
  | {
    readonly type: "dial-failed";
    readonly attempt: number;
    /** With `wrong-key`, somebody else answered, see `key`. */
    readonly reason: string;
    readonly text: string;
    readonly key: PeerKey | null;
  }
  | { readonly type: "congested"; readonly link: LinkId }
  | { readonly type: "datagram"; readonly from: Endpoint; readonly bytes: Uint8Array }
  /** Sealed bytes of a relayed call that are to go to the other side: `RELAY_BYTES_MAX` at most. */
  | { readonly type: "relayed"; readonly call: string; readonly bytes: Uint8Array }
  | { readonly type: "relay-taken"; readonly call: string; readonly bytes: number };

export type ClientEffect =
  | ModeEffect<ClientEvent, ClientRecord, HeardPlace>
  /** Asks the user how to come in: at first, and after a refusal. */
  | { readonly type: "ask-to-enter" }
  /** Both sides want to talk: the call is about to be connected. */
  | { readonly type: "connecting" }
  | {
    readonly type: "dial";
    readonly attempt: number;
    /** `call`: a link to another client. `visit`: to the instance where the callee is in. */
    readonly mode: "directory" | "call" | "visit";
    readonly endpoint: Endpoint;
    /** Null: whoever answers there is it. */
    readonly expect: Fingerprint | null;
  }
  /** Nobody waits for this dial any more. */
  | { readonly type: "cancel-dial"; readonly attempt: number }
  | { readonly type: "send"; readonly link: LinkId; readonly message: DirectoryMessage }
  /** Opens a stream through the directory to the other side of the call, and a link over it. */
  | {
    readonly type: "relay-open";
    readonly call: string;
    readonly attempt: number;
    readonly isDialler: boolean;
    readonly expect: PeerKey;
  }
  /** Bytes that came for this stream. */
  | { readonly type: "relay-bytes"; readonly call: string; readonly bytes: Uint8Array }
  /** The stream may take this many bytes more. */
  | { readonly type: "relay-room"; readonly call: string; readonly bytes: number }
  /** The stream doesn't exist any more. */
  | { readonly type: "relay-close"; readonly call: string }
  | { readonly type: "datagram"; readonly to: Endpoint; readonly bytes: Bytes }
  /** Keeps where the directory's instances are for later starts, the user's own address first. */
  | { readonly type: "keep-addresses"; readonly addresses: readonly Endpoint[] }
  /** The key of another user, or of `*directory*`. */
  | PinEffect
  /** What is said in calls. */
  | KeepEffect
  | RecallEffect<ClientEvent>;

export interface ClientConfig {
  /** The name given on the command line; null: the user gives one when coming in. */
  readonly name: string | null;
  /** The way in given on the command line; null: the user chooses. */
  readonly how: Entry["how"] | null;
  /** The directory's address, and what the user calls it. */
  readonly directory: Endpoint;
  /** Where other instances of the directory may be. */
  readonly instances?: readonly Endpoint[];
  readonly registry: string;
  /** The directory's key at that address, where it was met before. */
  readonly expect: Fingerprint | null;
  /** Whether the user has verified the key of `expect`. */
  readonly isServerVerified?: boolean;
  /** The key that the user named beforehand; null: none. */
  readonly given: Fingerprint | null;
  /** Whether a password that isn't typed may go to a directory whose key was neither named nor met before. */
  readonly trustFirst: boolean;
  /** The address that takes calls, as shown in `ready`; port 0: none. */
  readonly listening: Endpoint;
  /** Keys met before at the directory with this key, by folded name; called for the one that is expected, and is met. */
  readonly pinsOf: (directory: Fingerprint) => ReadonlyMap<string, Fingerprint>;
  /** Keys that the user has refused, each for a name. */
  readonly refused: readonly ComparedKey[];
  /** Keys that the user has verified, each under a name as it was shown: none of another key is shown like it. */
  readonly verified?: readonly ComparedKey[];
  readonly records: readonly ClientRecord[];
  /** Whether a person types at a terminal. */
  readonly isInteractive: boolean;
  /** How many of the last lines with somebody are shown again in the first call with them; 0: none. */
  readonly shownAgain?: number;
  /** False: a refusal to let the user in ends the program. */
  readonly asksAgain: boolean;
  /** False: end if the directory doesn't answer at the start. */
  readonly wait: boolean;
  /** Name of the file with the keys met before, as told to the user. */
  readonly knownPeers: string;
}
