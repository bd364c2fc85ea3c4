/** `--web` and `--irc`: other places than the console where the user of a program reads and types. */

import { P2pchatError } from "../../base/errors.ts";
import { fileName, type Flag, listenPort } from "./flags.ts";
import {
  type CommandLine,
  type DoorOptions,
  IRC_PORT_DEFAULT,
  type IrcOptions,
  type IrcPlace,
  WEB_PORT_DEFAULT,
  type WebDoor,
} from "./options.ts";

/** A path has a slash: so a name, or a host, that follows the flag isn't one. */
const PATH = /\//;

/** `--web`, of each mode that a person has. */
export const WEB_FLAG: Flag = {
  name: "web",
  value: "[PORT]",
  help: "serve a page for your browser, on this machine alone, at PORT " +
    `(${WEB_PORT_DEFAULT}, or any free one)`,
  like: /^\d+$/,
  takes: "a port (0 to 65535)",
  parse: (text, what): WebDoor => ({ port: text === "" ? null : listenPort(text, what) }),
};

/** Those of a command that has all doors. */
export const DOOR_FLAGS: readonly Flag[] = [
  WEB_FLAG,
  {
    name: "irc",
    value: "[PORT|PATH]",
    help: `let an IRC client of yours read and write here, at this port of this machine ` +
      `(${IRC_PORT_DEFAULT}, or any free one), or at a socket: a PATH has a / in it`,
    like: /^\d+$|\//,
    takes: "a port (0 to 65535), or a path with a / in it",
    use: "listen",
    isPath: (text) => PATH.test(text),
    parse: ircPlace,
  },
  {
    name: "irc-password-file",
    value: "FILE",
    help: "with --irc: the client's password is in that file (otherwise in one that is made)",
    use: "read",
    parse: fileName,
  },
];

function ircPlace(text: string, what: string): IrcPlace {
  if (text === "") return { type: "port", port: null };
  if (PATH.test(text)) return { type: "path", path: text };
  return { type: "port", port: listenPort(text, what) };
}

/**
 * The doors that the command line asks for; null: none.
 * @param isScript Whether a script or an agent has the program.
 * @throws {P2pchatError} `usage`.
 */
export function doorOptions({ value }: CommandLine, isScript: boolean): DoorOptions | null {
  const web = value<WebDoor>("web") ?? null;
  const irc = ircOptions(value<IrcPlace>("irc"), value<string>("irc-password-file") ?? null);
  const door = web !== null ? "--web" : irc !== null ? "--irc" : null;
  if (door === null) return null;
  if (isScript) {
    const text =
      `${door} is beside a console, and --once, --wait and --mcp have none: give one of them`;
    throw new P2pchatError("usage", text);
  }
  return { web, irc };
}

function ircOptions(place: IrcPlace | undefined, passwordFile: string | null): IrcOptions | null {
  if (place !== undefined) return { place, passwordFile };
  if (passwordFile === null) return null;
  throw new P2pchatError("usage", "--irc-password-file is the password of --irc: add that");
}
