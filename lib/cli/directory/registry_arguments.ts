/** The command line of `p2pchat peer --registry`. */

import { PASSPHRASE_FILE_FLAG } from "../credentials/unsealing.ts";
import { usersFolder } from "../../store/disk/paths.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type CommandOf, serverAddress, wrongWords } from "../args/arguments.ts";
import { chosenName } from "../commands/command_arguments.ts";
import {
  fileName,
  type Flags,
  historyFlag,
  hostFlag,
  listenPort,
  noHistoryFlag,
  noWaitFlag,
  type OptionsOf,
  optionsOf,
  serverEndpoints,
  serverFlag,
} from "../args/flags.ts";
import { DOOR_FLAGS, doorOptions } from "../args/door_flags.ts";
import { type CommonOptions, REGSERVER_PORT_DEFAULT } from "../args/options.ts";
import type { Endpoint } from "../../base/ids.ts";
import type { Fingerprint } from "../../base/text/fingerprint.ts";
import { fileFlags, filesNeeded } from "../files/file_arguments.ts";
import { PASSWORD_FILE_FLAG } from "../credentials/password_source.ts";

const REGISTRY_FLAG = serverFlag("registry", "the directory", REGSERVER_PORT_DEFAULT);

/** The flags for each way to enter. */
const WAYS = [
  {
    way: "log-in",
    name: "login",
    help: "log in with the account NAME",
  },
  { way: "sign-up", name: "signup", help: "sign up for the account NAME" },
  { way: "guest", name: "guest", help: "enter as guest NAME, without an account" },
] as const;

const flags = {
  passwordFile: PASSWORD_FILE_FLAG,
  trustFirst: {
    name: "trust-first",
    help: "send a password to an unknown directory, too",
  },
  newPasswordFile: {
    name: "new-password-file",
    value: "FILE",
    help: "--login: change the password to that one",
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
  wait: noWaitFlag("the directory"),
  historyCount: historyFlag,
  keepsWords: noHistoryFlag,
  ...fileFlags,
  passphraseFile: PASSPHRASE_FILE_FLAG,
} satisfies Flags;

/** `p2pchat peer [NAME] --registry HOST[:PORT]`. */
export interface RegistryOptions extends CommonOptions, OptionsOf<typeof flags> {
  /** Valid and in NFC; `null`: ask the user. */
  readonly name: string | null;
  /** How to enter; `null`: ask the user. */
  readonly way: typeof WAYS[number]["way"] | null;
  /** The directory's address. */
  readonly registry: Endpoint;
  /** Those of other instances of it. */
  readonly otherRegistries: readonly Endpoint[];
  /** The key that the directory must have; `null`: the one met before, or else whoever answers first. */
  readonly registryKey: Fingerprint | null;
}

export const registryProgramCommand: CommandOf<RegistryOptions> = {
  name: "peer",
  chosenBy: "registry",
  form: "[NAME] --registry HOST[:PORT]",
  example: "p2pchat peer alice --registry chat.example",
  keeps: { folder: usersFolder, use: "make" },
  ledTo: filesNeeded,
  help: "who is online, calls, broadcasts; HOST runs p2pchat regserver",
  flags: [REGISTRY_FLAG, ...WAYS, ...Object.values(flags), ...DOOR_FLAGS],
  options(line) {
    const [name] = line.words;
    const address = serverAddress(line, "registry", registryProgramCommand);
    const { first, others } = serverEndpoints(address, REGSERVER_PORT_DEFAULT);
    const ways = WAYS.filter((one) => line.isOn(one.name));
    if (ways.length > 1) {
      const given = ways.map((one) => `--${one.name}`).join(" and ");
      throw new P2pchatError(
        "usage",
        `${given} can't be given together; one of them says how to log in`,
      );
    }
    const options = optionsOf(line, flags);
    const fault = faultOf(options, name, ways[0]);
    if (fault !== null) {
      throw new P2pchatError("usage", `${fault}. ${wrongWords(registryProgramCommand).message}`);
    }
    return {
      ...line.common,
      ...options,
      name: name === undefined ? null : chosenName(name),
      way: ways[0]?.way ?? null,
      registry: first,
      otherRegistries: others,
      registryKey: address.key,
      doors: doorOptions(line, false),
    };
  },
};

/** Why flags can't be combined as given; null where they can. */
function faultOf(
  { passwordFile, newPasswordFile }: OptionsOf<typeof flags>,
  name: string | undefined,
  given: typeof WAYS[number] | undefined,
): string | null {
  if (given !== undefined && name === undefined) {
    return `NAME is missing: it is needed with --${given.name}`;
  }
  if (passwordFile !== null && given?.way !== "log-in" && given?.way !== "sign-up") {
    return "--password-file goes with --login or --signup";
  }
  if (newPasswordFile !== null && given?.way !== "log-in") {
    return "--new-password-file goes with --login";
  }
  return null;
}
