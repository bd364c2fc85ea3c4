/** The command line of `p2pchat peer --registry`. */

import { usersFolder } from "../../store/disk/paths.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type CommandOf, serverAddress, wrongWords } from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import {
  fileName,
  type Flags,
  hostFlag,
  listenPort,
  type OptionsOf,
  optionsOf,
  server,
  SERVER_FORM,
} from "../args/flags.ts";
import type { CommonOptions } from "../args/options.ts";
import type { Endpoint } from "../../base/ids.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { PASSWORD_FILE_FLAG } from "../credentials/password_source.ts";
import { REGSERVER_PORT_DEFAULT } from "../args/default_ports.ts";

const flags = {
  registry: {
    name: "registry",
    value: SERVER_FORM,
    help: `where the directory listens (port ${REGSERVER_PORT_DEFAULT}), and its key`,
    parse: server,
  },
  login: {
    name: "login",
    help: "log in with the account NAME, instead of being asked how to log in",
  },
  signup: { name: "signup", help: "sign up for the account NAME" },
  guest: { name: "guest", help: "enter as guest NAME, without an account" },
  passwordFile: PASSWORD_FILE_FLAG,
  trustFirst: {
    name: "trust-first",
    help: "send a password that nobody types to a directory whose key isn't known yet, whoever " +
      "answers there; better name the key",
  },
  newPasswordFile: {
    name: "new-password-file",
    value: "FILE",
    help: "with --login: change the password to the one in that file",
    use: "read",
    parse: fileName,
  },
  host: hostFlag("accept connections"),
  port: {
    name: "port",
    value: "N",
    help: "accept connections at this TCP port (any free one)",
    parse: listenPort,
    default: 0,
  },
  wait: { name: "no-wait", help: "end if the directory doesn't answer at the start" },
} satisfies Flags;

/** `p2pchat peer [NAME] --registry HOST[:PORT]`. */
export interface RegistryOptions
  extends CommonOptions, Omit<OptionsOf<typeof flags>, "registry" | "login" | "signup" | "guest"> {
  /** Valid and in NFC; `null`: ask the user. */
  readonly name: string | null;
  /** How to enter; `null`: ask the user. */
  readonly way: "log-in" | "sign-up" | "guest" | null;
  /** The directory's address. */
  readonly registry: Endpoint;
  /** The key that the directory must have; `null`: the one met before, or else whoever answers first. */
  readonly registryKey: Fingerprint | null;
}

/** The flags for each way to enter. */
const WAYS = [["login", "log-in"], ["signup", "sign-up"], ["guest", "guest"]] as const;

export const registryProgramCommand: CommandOf<RegistryOptions> = {
  name: "peer",
  chosenBy: "registry",
  form: "[NAME] --registry HOST[:PORT]",
  example: "p2pchat peer alice --registry chat.example",
  keeps: { folder: usersFolder, use: "make" },
  help:
    "who is online, calls between two, and broadcasts to everybody; HOST runs p2pchat regserver",
  flags: Object.values(flags),
  options(line) {
    const [name] = line.words;
    const { host, port, key } = serverAddress(line, "registry", registryProgramCommand);
    const ways = WAYS.filter(([flag]) => line.isOn(flag));
    if (ways.length > 1) {
      const flags = ways.map(([flag]) => `--${flag}`).join(" and ");
      throw new P2pchatError(
        "usage",
        `${flags} can't be given together; one of them says how to log in`,
      );
    }
    const [way = null] = ways.map(([, how]) => how);
    const { login: _login, signup: _signup, guest: _guest, ...options } = optionsOf(line, flags);
    const fault = faultOf({ ...options, name, way });
    if (fault !== null) {
      throw new P2pchatError("usage", `${fault}. ${wrongWords(registryProgramCommand).message}`);
    }
    return {
      ...line.common,
      ...options,
      name: name === undefined ? null : chosenName(name),
      way,
      registry: { host, port: port ?? REGSERVER_PORT_DEFAULT },
      registryKey: key,
    };
  },
};

interface Given {
  readonly name: string | undefined;
  readonly way: RegistryOptions["way"];
  readonly passwordFile: string | null;
  readonly newPasswordFile: string | null;
}

const FLAGS: Readonly<Record<NonNullable<Given["way"]>, string>> = {
  "log-in": "--login",
  "sign-up": "--signup",
  "guest": "--guest",
};

/** Why flags can't be combined as given; null where they can. */
function faultOf({ name, way, passwordFile, newPasswordFile }: Given): string | null {
  if (way !== null && name === undefined) {
    return `NAME is missing: it is needed with ${FLAGS[way]}`;
  }
  if (passwordFile !== null && way !== "log-in" && way !== "sign-up") {
    return "--password-file goes with --login or --signup";
  }
  if (newPasswordFile !== null && way !== "log-in") return "--new-password-file goes with --login";
  return null;
}
