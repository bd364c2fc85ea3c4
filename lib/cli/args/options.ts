/** The parsed command line: the options of each command. */

import type { Fingerprint } from "../../base/text/fingerprint.ts";
import type { Endpoint } from "../../base/ids.ts";
import type { BroadcastPolicy } from "../../protocols/directory/schema/directory_io.ts";
import { type EditPolicy } from "../../protocols/group/schema/edit.ts";
import type { GroupInvite } from "../../protocols/group/schema/group_secrets.ts";
import type { Invite } from "../../protocols/mesh/schema/invite.ts";
import type { OwnRowKey, UserInfo } from "../../store/users/user_info.ts";

/** Flags that all commands share. */
export interface CommonOptions {
  /** The root folder of all files: `--data`, or the system's default. */
  readonly dataFolder: string;
  readonly json: boolean;
  /** Whether to avoid progress lines that are rewritten. */
  readonly plain: boolean;
  readonly colour: boolean;
  /** Whether to continue after the end of input. */
  readonly stay: boolean;
  readonly verbose: boolean;
  readonly logFile: string | null;
}

/** The address that others should use; without a port, the one listened at. */
export interface AdvertisedAddress {
  readonly host: string;
  readonly port: number | null;
}

/** Where a command finds the invite. */
export type InviteSource<Invite> =
  /** The command line. */
  | { readonly from: "argument"; readonly invite: Invite }
  | { readonly from: "file"; readonly path: string }
  /** The user is asked, or the first line of the input is it. */
  | { readonly from: "input" }
  /** The environment, if there is one. */
  | { readonly from: "environment" };

/** A program to be dialled; without a port, the usual one. */
export interface ServerAddress extends AdvertisedAddress {
  /** The key that it must have; null: none was given. */
  readonly key: Fingerprint | null;
}

/** `p2pchat mesh NAME [HOST PORT]`. */
export interface MeshOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** The member to join through; `null`: those in the invite, otherwise resume the last room, or found one. */
  readonly contact: Endpoint | null;
  /** The key that the contact must have; `null`: any. */
  readonly contactKey: Fingerprint | null;
  /** Where an invite to a room is, with addresses of members. */
  readonly invite: InviteSource<Invite>;
  /** Address to listen at; `null`: all. */
  readonly host: string | null;
  /** `null`: the default port, or any free one if it is taken; 0: any free one. */
  readonly port: number | null;
  readonly advertise: AdvertisedAddress | null;
  /** Number of earlier messages shown on joining, 0 to 10,000. */
  readonly historyCount: number;
  /** Whether to found a room even if the profile has one to resume. */
  readonly foundNew: boolean;
  /** Whether a founded room is private, so that joining takes an invite. */
  readonly foundPrivate: boolean;
  /** Whether to dial others without listening. */
  readonly passive: boolean;
}

/** `p2pchat peer [NAME] --users FILE`. */
export interface FriendsOptions extends CommonOptions {
  /** The table of users, as the user named it. */
  readonly file: string;
  /** The user's own row: by name, valid and in NFC, or by the port in it. */
  readonly own: OwnRowKey;
  /** Address to listen at; `null`: all. */
  readonly host: string | null;
  /** `null`: the port of the user's row; 0: any free one. */
  readonly port: number | null;
  /** An idle link is closed after this time. */
  readonly idleMs: number;
  /** False: a message that can't be delivered at once fails. */
  readonly queue: boolean;
}

/** `p2pchat peer NAME --server HOST[:PORT]`. */
export interface MemberOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** The coordinator's address. */
  readonly server: Endpoint;
  /** Where an invite to a private group is. */
  readonly invite: InviteSource<GroupInvite>;
  /** The key that the coordinator must have; `null`: the one met before, or else whoever answers first. */
  readonly serverKey: Fingerprint | null;
  /** Address to listen at; `null`: all. */
  readonly host: string | null;
  /** `null`: the last port used, or the first free one of the usual ones; 0: any free one. */
  readonly port: number | null;
  readonly advertise: AdvertisedAddress | null;
  /** The path of the log; `null`: the last one used, or the one in the profile. */
  readonly logPath: string | null;
  /** Whether to wait for a coordinator that doesn't answer at the start. */
  readonly wait: boolean;
}

/** `p2pchat peer [NAME] --registry HOST[:PORT]`. */
export interface RegistryOptions extends CommonOptions {
  /** Valid and in NFC; `null`: ask the user. */
  readonly name: string | null;
  /** How to enter; `null`: ask the user. */
  readonly way: "log-in" | "sign-up" | "guest" | null;
  /** `null`: the password is in the environment, or the user is asked. */
  readonly passwordFile: string | null;
  /** `null`: the password isn't changed. */
  readonly newPasswordFile: string | null;
  /** The directory's address. */
  readonly registry: Endpoint;
  /** The key that the directory must have; `null`: the one met before, or else whoever answers first. */
  readonly registryKey: Fingerprint | null;
  /** Whether a password that nobody types may go to a directory whose key isn't known. */
  readonly trustFirst: boolean;
  /** Address to listen at for calls; `null`: all. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  /** Whether to wait for a directory that doesn't answer at the start. */
  readonly wait: boolean;
}

/** `p2pchat serve`. */
export interface ServeOptions extends CommonOptions {
  /** Address to listen at; `null`: all. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  readonly advertise: AdvertisedAddress | null;
  readonly failAfterMs: number;
  /** Which members are asked before an edit. */
  readonly edits: EditPolicy;
  /** Time limit for their answers. */
  readonly voteTimeoutMs: number;
  readonly membersMax: number;
  /** Whether joining takes an invite. */
  readonly private: boolean;
  /** Whether to found a group if none is stored, although the key isn't new. */
  readonly foundNew: boolean;
  /** `null`: snapshots are taken only on request. */
  readonly snapshotEveryMs: number | null;
}

/** `p2pchat regserver`. */
export interface RegserverOptions extends CommonOptions {
  /** Address to listen at; `null`: all. */
  readonly host: string | null;
  /** 0: any free one. */
  readonly port: number;
  readonly advertise: AdvertisedAddress | null;
  readonly clientsMax: number;
  /** False: only accounts may enter. */
  readonly guests: boolean;
  /** The most sign-ups per address and hour. */
  readonly signUpsMax: number;
  /** Whether to relay calls between users who can't reach each other. */
  readonly relays: boolean;
  /** Who may broadcast. */
  readonly broadcast: BroadcastPolicy;
  /** How long broadcasts are kept for users who are away. */
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
  /** Null: this machine's address and the default port. */
  readonly endpoint: Endpoint | null;
}

/** `p2pchat accounts list [FILE]`. */
export interface ListAccountsOptions extends CommonOptions {
  /** Null: the file of this directory. */
  readonly file: string | null;
}

/** `p2pchat accounts add NAME` and `p2pchat accounts passwd NAME`. */
export interface AccountPasswordOptions extends CommonOptions {
  /** Valid and in NFC. */
  readonly name: string;
  /** Null: the password is in the environment, or the user is asked. */
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
  /** The keys that may decide on edits; null: those in the files beside the log. */
  readonly keys: readonly Fingerprint[] | null;
}

/** Export formats of entries. */
export const EXPORT_FORMATS = ["text", "json", "csv"] as const;
export type ExportFormat = typeof EXPORT_FORMATS[number];

/** `p2pchat log export FILE`. */
export interface ExportLogOptions extends CommonOptions {
  readonly file: string;
  readonly format: ExportFormat;
}
