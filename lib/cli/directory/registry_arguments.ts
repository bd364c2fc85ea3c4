/** The command line of `p2pchat peer --registry`. */

import { usersFolder } from "../../store/disk/paths.ts";
import { P2pchatError } from "../../base/errors.ts";
import {
  type CommandLine,
  type ProgramCommand,
  serverAddress,
  wrongWords,
} from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import { fileName, hostFlag, listenPort, server, SERVER_FORM } from "../args/flags.ts";
import type { RegistryOptions } from "../args/options.ts";
import { PASSWORD_FILE_FLAG } from "../credentials/password_source.ts";
import { REGSERVER_PORT_DEFAULT } from "../args/default_ports.ts";

const words = {
  name: "peer",
  chosenBy: "registry",
  form: "[NAME] --registry HOST[:PORT]",
  example: "p2pchat peer alice --registry chat.example",
};

/** The flags for each way to enter. */
const WAYS = [["login", "log-in"], ["signup", "sign-up"], ["guest", "guest"]] as const;

export const registryProgramCommand: ProgramCommand = {
  ...words,
  keeps: { folder: usersFolder, use: "make" },
  help:
    "who is online, calls between two, and broadcasts to everybody; HOST runs p2pchat regserver",
  flags: [
    {
      name: "registry",
      value: SERVER_FORM,
      help: `where the directory listens (port ${REGSERVER_PORT_DEFAULT}), and its key`,
      parse: server,
    },
    { name: "login", help: "log in with the account NAME, instead of being asked how to log in" },
    { name: "signup", help: "sign up for the account NAME" },
    { name: "guest", help: "enter as guest NAME, without an account" },
    PASSWORD_FILE_FLAG,
    {
      name: "trust-first",
      help: "send a password that nobody types to a directory whose key isn't known yet, whoever " +
        "answers there; better name the key",
    },
    {
      name: "new-password-file",
      value: "FILE",
      help: "with --login: change the password to the one in that file",
      use: "read",
      parse: fileName,
    },
    hostFlag("accept connections"),
    {
      name: "port",
      value: "N",
      help: "accept connections at this TCP port (any free one)",
      parse: listenPort,
    },
    { name: "no-wait", help: "end if the directory doesn't answer at the start" },
  ],
  prepare(line) {
    const options = registryOptions(line);
    return async () => {
      const { runRegistry } = await import("./registry_mode.ts");
      await runRegistry(options);
    };
  },
};

/**
 * The options of `peer --registry`.
 * @throws {P2pchatError} `usage` or `bad-name`.
 */
export function registryOptions(line: CommandLine): RegistryOptions {
  const [name] = line.words;
  const { host, port, key } = serverAddress(line, "registry", words);
  const ways = WAYS.filter(([flag]) => line.isOn(flag));
  if (ways.length > 1) {
    const flags = ways.map(([flag]) => `--${flag}`).join(" and ");
    throw new P2pchatError(
      "usage",
      `${flags} can't be given together; one of them says how to log in`,
    );
  }
  const [way = null] = ways.map(([, how]) => how);
  const passwordFile = line.value<string>("password-file") ?? null;
  const newPasswordFile = line.value<string>("new-password-file") ?? null;
  const fault = faultOf({ name, way, passwordFile, newPasswordFile });
  if (fault !== null) throw new P2pchatError("usage", `${fault}. ${wrongWords(words).message}`);
  return {
    ...line.common,
    name: name === undefined ? null : chosenName(name),
    way,
    passwordFile,
    newPasswordFile,
    registry: { host, port: port ?? REGSERVER_PORT_DEFAULT },
    registryKey: key,
    trustFirst: line.isOn("trust-first"),
    host: line.value<string>("host") ?? null,
    port: line.value<number>("port") ?? 0,
    wait: !line.isOn("no-wait"),
  };
}

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
