/** What the command line said, checked: the input of each mode. */

import type { Fingerprint } from "../base/fingerprint.ts";
import type { Endpoint } from "../base/ids.ts";
import type { BroadcastPolicy } from "../protocols/directory/directory_io.ts";
import { type EditPolicy } from "../protocols/group/edit.ts";
import type { Invite } from "../protocols/mesh/invite.ts";
import type { OwnRowKey, UserInfo } from "../store/user_info.ts";

/** Flags that all modes share. */
export interface CommonOptions {
  /** Root folder of all files: `--data`, or the default of this system. */
  readonly dataFolder: string;
  readonly json: boolean;
  /** No line of progress is rewritten. */
  readonly plain: boolean;
  readonly colour: boolean;
  /** Goes on after the end of input. */
  readonly stay: boolean;
  readonly verbose: boolean;
  readonly logFile: string | null;
}

/** Address that others should use; the port is the one listened at where none was given. */
export interface AdvertisedAddress {
  readonly host: string;
  readonly port: number | null;
}

/** `p2pchat mesh NAME [HOST PORT]`. */
export interface MeshOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** The member to join through; `null`: the invite's, else resume the last room, or found one. */
  readonly contact: Endpoint | null;
  /** The room to come into, with addresses of members. */
  readonly invite: Invite | null;
  /** Address to listen at; `null`: all interfaces. */
  readonly host: string | null;
  /** `null`: the default port, or any free one where it is taken; 0: any free one. */
  readonly port: number | null;
  readonly advertise: AdvertisedAddress | null;
  /** How many earlier messages are shown on joining, 0 to 10,000. */
  readonly historyCount: number;
  /** Found a room although the profile knows one. */
  readonly foundNew: boolean;
  /** What is founded is a room that only an invite opens. */
  readonly foundPrivate: boolean;
  /** Dial others and listen nowhere. */
  readonly passive: boolean;
}

/** `p2pchat peer [NAME] --users FILE`. */
export interface FriendsOptions extends CommonOptions {
  /** The table of users, as the user calls it. */
  readonly file: string;
  /** Which row is oneself: that of a name, valid and in NFC, or the one with the port to listen at. */
  readonly own: OwnRowKey;
  /** Address to listen at; `null`: all interfaces. */
  readonly host: string | null;
  /** `null`: the port of one's row; 0: any free one. */
  readonly port: number | null;
  /** A link without traffic is closed after this time. */
  readonly idleMs: number;
  /** False: a message that can't be delivered now has failed. */
  readonly queue: boolean;
}

/** `p2pchat peer NAME --server HOST[:PORT]`. */
export interface MemberOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** Where the coordinator is dialled. */
  readonly server: Endpoint;
  /** Address to listen at; `null`: all interfaces. */
  readonly host: string | null;
  /** `null`: that of the last time, or the first free one of the usual ones; 0: any free one. */
  readonly port: number | null;
  readonly advertise: AdvertisedAddress | null;
  /** Where the log is kept; `null`: where it was the last time, or in the profile. */
  readonly logPath: string | null;
  /** Whether to wait for a coordinator that doesn't answer at the start. */
  readonly wait: boolean;
}

/** `p2pchat peer [NAME] --registry HOST[:PORT]`. */
export interface RegistryOptions extends CommonOptions {
  /** Valid and in NFC; `null`: asked for. */
  readonly name: string | null;
  /** How to come in; `null`: asked for. */
  readonly way: "log-in" | "sign-up" | "guest" | null;
  /** `null`: the password is in the environment, or asked for. */
  readonly passwordFile: string | null;
  /** `null`: the password stays. */
  readonly newPasswordFile: string | null;
  /** Where the directory is dialled. */
  readonly registry: Endpoint;
  /** Address to take calls at; `null`: all interfaces. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  /** Whether to wait for a directory that doesn't answer at the start. */
  readonly wait: boolean;
}

/** `p2pchat serve`. */
export interface ServeOptions extends CommonOptions {
  /** Address to listen at; `null`: all interfaces. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  readonly advertise: AdvertisedAddress | null;
  readonly failAfterMs: number;
  /** Who is asked before an edit. */
  readonly edits: EditPolicy;
  /** How long they may take to answer. */
  readonly voteTimeoutMs: number;
  readonly membersMax: number;
  /** Found a group where the disk knows of none, although the key is older. */
  readonly foundNew: boolean;
  /** `null`: snapshots are taken when asked alone. */
  readonly snapshotEveryMs: number | null;
}

/** `p2pchat regserver`. */
export interface RegserverOptions extends CommonOptions {
  /** Address to listen at; `null`: all interfaces. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  readonly advertise: AdvertisedAddress | null;
  readonly clientsMax: number;
  /** False: accounts alone come in. */
  readonly guests: boolean;
  /** For an address and hour. */
  readonly signUpsMax: number;
  /** Whether calls of two who can't reach each other are passed on. */
  readonly relays: boolean;
  /** Who may tell all. */
  readonly broadcast: BroadcastPolicy;
  /** How long that is kept for who is away. */
  readonly ttlMs: number;
}

/** `p2pchat users check FILE`. */
export interface CheckUsersOptions extends CommonOptions {
  readonly file: string;
}

/** `p2pchat users add FILE NAME HOST PORT [FINGERPRINT]`. */
export interface AddUserOptions extends CommonOptions {
  readonly file: string;
  readonly user: UserInfo;
}

/** `p2pchat users key NAME [HOST PORT]`. */
export interface OwnUserOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** Null: this machine's address and the usual port. */
  readonly endpoint: Endpoint | null;
}

/** `p2pchat accounts list [FILE]`. */
export interface ListAccountsOptions extends CommonOptions {
  /** Null: the directory's own. */
  readonly file: string | null;
}

/** `p2pchat accounts add NAME` and `p2pchat accounts passwd NAME`. */
export interface AccountPasswordOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** Null: the password is in the environment, or asked for. */
  readonly passwordFile: string | null;
}

/** `p2pchat accounts remove NAME...`. */
export interface RemoveAccountsOptions extends CommonOptions {
  /** Valid and in NFC, at least one. */
  readonly names: readonly string[];
}

/** `p2pchat accounts import FILE`. */
export interface ImportAccountsOptions extends CommonOptions {
  readonly file: string;
}

/** `p2pchat snapshot verify FILE`. */
export interface VerifySnapshotOptions extends CommonOptions {
  readonly file: string;
}

/** `p2pchat log verify FILE`. */
export interface VerifyLogOptions extends CommonOptions {
  readonly file: string;
  /** Who may decide on edits; null: as the files beside the log know. */
  readonly keys: readonly Fingerprint[] | null;
}

/** How entries are written out. */
export const EXPORT_FORMATS = ["text", "json", "csv"] as const;
export type ExportFormat = typeof EXPORT_FORMATS[number];

/** `p2pchat log export FILE`. */
export interface ExportLogOptions extends CommonOptions {
  readonly file: string;
  readonly format: ExportFormat;
}
