/** `--irc`: other places than the console where the user of a program reads and types. */

import { PORT_MAX } from "../../base/text/endpoints.ts";
import { P2pchatError } from "../../base/errors.ts";
import { fileName, type Flag, wholeNumber } from "./flags.ts";
import { type CommandLine, type DoorOptions, IRC_PORT_DEFAULT, type IrcPlace } from "./options.ts";

/** A path has a slash: so a name, or a host, that follows the flag isn't one. */
const PATH = /\//;

/** Those of a command that has doors. */
export const DOOR_FLAGS: readonly Flag[] = [
  {
    name: "irc",
    value: "[PORT|PATH]",
    help: `let an IRC client of yours read and write here, at this port of this machine ` +
      `(${IRC_PORT_DEFAULT}, or any free one), or at a socket: a PATH has a / in it`,
    like: /^\d+$|\//,
    use: "write",
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
  return { type: "port", port: wholeNumber(1, PORT_MAX)(text, what) };
}

/**
 * The doors that the command line asks for; null: none.
 * @param isScript Whether a script or an agent has the program.
 * @throws {P2pchatError} `usage`.
 */
export function doorOptions({ value }: CommandLine, isScript: boolean): DoorOptions | null {
  const place = value<IrcPlace>("irc");
  const passwordFile = value<string>("irc-password-file") ?? null;
  if (place === undefined) {
    if (passwordFile === null) return null;
    const text = "--irc-password-file is the password of --irc: add that";
    throw new P2pchatError("usage", text);
  }
  if (isScript) {
    const text =
      "--irc is beside a console, and --once, --wait and --mcp have none: give one of them";
    throw new P2pchatError("usage", text);
  }
  return { irc: { place, passwordFile } };
}
