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
  help: `serve a page for your browser (${WEB_PORT_DEFAULT})`,
  like: /^\d+$/,
  takes: "a port (0 to 65535)",
  parse: (text, what): WebDoor => ({ port: text === "" ? null : pagePort(text, what) }),
};

/** Browsers open none of these, as other protocols have them (https://fetch.spec.whatwg.org/#port-blocking). */
// deno-fmt-ignore
const BLOCKED_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

function pagePort(text: string, what: string): number {
  const port = listenPort(text, what);
  if (!BLOCKED_PORTS.has(port)) return port;
  const fault = `${what} can't be ${port}: browsers refuse that port; choose another one`;
  throw new P2pchatError("usage", fault);
}

/** Those of a command that has all doors. */
export const DOOR_FLAGS: readonly Flag[] = [
  WEB_FLAG,
  {
    name: "irc",
    value: "[PORT|PATH]",
    help: `let your IRC client in (${IRC_PORT_DEFAULT})`,
    like: /^\d+$|\//,
    takes: "a port (0 to 65535), or a path with a / in it",
    use: "listen",
    isPath: (text) => PATH.test(text),
    parse: ircPlace,
  },
  {
    name: "irc-password-file",
    value: "FILE",
    help: "read the IRC client's password there",
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
