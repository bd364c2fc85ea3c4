/** The parsed command line, what commands share of it, and the ports that are used where none is given. */

import type { Fingerprint } from "../../base/text/fingerprint.ts";

/** Flags that all commands share. */
export interface CommonOptions {
  /** The root folder of all files: `--data`, or the system's default. */
  readonly dataFolder: string;
  /** `--data`, as it was given; absent: it wasn't. */
  readonly data?: string;
  readonly json: boolean;
  /** Whether to avoid progress lines that are rewritten. */
  readonly plain: boolean;
  readonly colour: boolean;
  /** Whether to continue after the end of input. */
  readonly stay: boolean;
  readonly verbose: boolean;
  readonly logFile: string | null;
  /** How a script or an agent uses it; absent or null: none does. */
  readonly script?: ScriptDoor | null;
  /** Where else the user reads and types; absent or null: at the console alone. */
  readonly doors?: DoorOptions | null;
}

/** Other places than the console; null: not that one. */
export interface DoorOptions {
  readonly web: WebDoor | null;
  readonly irc: IrcOptions | null;
}

/** `--web`. */
export interface WebDoor {
  /** Null: the one that the profile's page had before, at first the usual one; where that is taken, any free one. */
  readonly port: number | null;
}

/** `--irc`. */
export interface IrcOptions {
  readonly place: IrcPlace;
  /** `--irc-password-file`; null: the one in the profile. */
  readonly passwordFile: string | null;
}

/** A port, 0 for any free one, null for the usual one, or any free one where that is taken; or the path of a socket. */
export type IrcPlace =
  | { readonly type: "port"; readonly port: number | null }
  | { readonly type: "path"; readonly path: string };

/** For a script or an agent, in a mode of these: `--once`, `--wait` or `--mcp`. */
export type ScriptDoor = SayingDoor | WaitingDoor | McpDoor;

interface ModeDoor {
  readonly mode: "mesh" | "group" | "friends";
}

/** `--mcp`. */
export interface McpDoor extends ModeDoor {
  readonly door: "mcp";
}

/** One thing to do. */
interface Door extends ModeDoor {
  /** After this time without success the program ends with an error, ms. */
  readonly timeoutMs: number;
}

/** `--once`. */
export interface SayingDoor extends Door {
  readonly door: "once";
  readonly text: string;
  /** Who alone gets it; null: all, or the only friend. */
  readonly to: string | null;
}

/** `--wait`. */
export interface WaitingDoor extends Door {
  readonly door: "wait";
  /** A name, or a fingerprint. */
  readonly from: string | null;
  readonly mention: boolean;
  /** Names of `--json`. */
  readonly events: ReadonlySet<string>;
}

/** Of a command that uses a profile's key. */
export interface PassphraseOptions {
  /** `--passphrase-file`; null without the flag. */
  readonly passphraseFile: string | null;
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
  | { readonly from: "environment" }
  /** None is to be used, nor the one that the profile keeps. */
  | { readonly from: "none" };

/** A program to be dialled; without a port, the usual one. */
export interface ServerAddress extends AdvertisedAddress {
  /** Where else it runs, each with its port, or that of the whole. */
  readonly others: readonly AdvertisedAddress[];
  /** The key that it must have; null: none was given. */
  readonly key: Fingerprint | null;
}

/** Those of a command that has one file, and nothing else. */
export interface FileOptions extends CommonOptions {
  readonly file: string;
}

/** The words and flags given to one command. */
export interface CommandLine {
  readonly words: readonly string[];
  readonly common: CommonOptions;
  /** The parsed value of a flag; `undefined` if it wasn't given. */
  value<Value>(name: string): Value | undefined;
  isOn(name: string): boolean;
}

/** A page's, TCP. */
export const WEB_PORT_DEFAULT = 55_108;
/** A room's, TCP. */
export const MESH_PORT_DEFAULT = 55_107;
/** A coordinator's, TCP. */
export const SERVE_PORT_DEFAULT = 6_000;
/** Of a group's members, UDP: the first free one of these. */
export const MEMBER_PORTS = { first: 9_000, last: 9_256 } as const;
/** A client of IRC finds the program there; IRC's own, without TLS: nothing leaves the machine. */
export const IRC_PORT_DEFAULT = 6_667;
/** A directory's, TCP and UDP. */
export const REGSERVER_PORT_DEFAULT = 4_400;
