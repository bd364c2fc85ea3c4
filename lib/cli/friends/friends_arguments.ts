/** The command line of `p2pchat peer --users`. */

import { tableLocks, usersFolder } from "../../store/disk/paths.ts";
import type { FileNeed } from "../args/least_privilege.ts";
import { isOthersPath } from "../args/owner.ts";
import { chosenName } from "../commands/command_arguments.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type CommandOf, missing, wrongWords } from "../args/arguments.ts";
import {
  duration,
  fileName,
  type Flags,
  historyFlag,
  hostFlag,
  listenPort,
  mapPortFlag,
  noHistoryFlag,
  type OptionsOf,
  optionsOf,
} from "../args/flags.ts";
import type { OwnRowKey } from "../../store/users/user_info.ts";
import { PASSPHRASE_FILE_FLAG } from "../credentials/unsealing.ts";
import type { CommandLine, CommonOptions } from "../args/options.ts";
import { fileFlags, filesNeeded } from "../files/file_arguments.ts";
import { doorOptions, WEB_FLAG } from "../args/door_flags.ts";
import { scriptDoor, type ScriptedMode, scriptFlags } from "../args/script_flags.ts";
import type { CommonEvent } from "../rendering/user_interface.ts";
import type { FriendsOwnEvent } from "./friends_rendering.ts";

const IDLE_MS_DEFAULT = 60_000;

const flags = {
  file: {
    name: "users",
    value: "FILE",
    help: "the table of friends: name, address, port, fingerprint",
    use: "read",
    parse: fileName,
  },
  host: hostFlag("listen"),
  port: {
    name: "port",
    value: "N",
    help: "listen at this port (that of your row)",
    parse: listenPort,
  },
  mapPort: mapPortFlag,
  idleMs: {
    name: "idle",
    value: "TIME",
    help: `close a connection after this time without a message (${IDLE_MS_DEFAULT / 1_000}s)`,
    parse: duration,
    default: IDLE_MS_DEFAULT,
  },
  historyCount: historyFlag,
  keepsWords: noHistoryFlag,
  queue: {
    name: "no-queue",
    help: "keep nothing for friends who aren't there",
  },
  passphraseFile: PASSPHRASE_FILE_FLAG,
  ...fileFlags,
} satisfies Flags;

/** Whether an event comes without a command that asks for it: such can be waited for. */
const events = {
  ready: true,
  message: true,
  connection: true,
  presence: true,
  offer: true,
  transfer: true,
  notice: true,
  error: true,
  delivery: false,
  friends: false,
  outbox: false,
  history: false,
  status: false,
  whois: false,
  verify: false,
  returned: false,
  files: false,
  dropped: false,
  to: false,
  added: false,
  own: false,
  ignored: false,
  web: false,
  irc: false,
  bye: false,
} satisfies Record<FriendsOwnEvent["event"] | CommonEvent["event"], boolean>;

const SCRIPTED: ScriptedMode = { mode: "friends", events };

/** `p2pchat peer [NAME] --users FILE`. */
export interface FriendsOptions extends CommonOptions, OptionsOf<typeof flags> {
  /** The table of users, as the user named it. */
  readonly file: string;
  /** The user's own row: by name, valid and in NFC, or by the port in it. */
  readonly own: OwnRowKey;
}

export const friendsProgramCommand: CommandOf<FriendsOptions> = {
  name: "peer",
  chosenBy: "users",
  form: "[NAME] --users FILE",
  example: "p2pchat peer alice --users users.txt",
  keeps: { folder: usersFolder, use: "make" },
  ledTo: async (line) => [...tableNeeds(line), ...await filesNeeded(line)],
  help: "messages to friends, listed in FILE; NAME is your row",
  flags: [...Object.values(flags), ...scriptFlags(SCRIPTED), WEB_FLAG],
  options(line) {
    const [name, ...rest] = line.words;
    const options = optionsOf(line, flags);
    const { file, port } = options;
    if (file === null) throw missing("--users FILE", friendsProgramCommand);
    if (rest.length > 0) throw wrongWords(friendsProgramCommand, rest[0]);
    if (name === undefined && (port === null || port === 0)) {
      throw new P2pchatError(
        "usage",
        `Which row of ${file} is yours? Name yourself, as in ${friendsProgramCommand.example}, or give its port with --port`,
      );
    }
    const own = name === undefined ? { port: port! } : { name: chosenName(name) };
    const script = scriptDoor(line, SCRIPTED, options);
    const doors = doorOptions(line, script !== null);
    return { ...line.common, ...options, file, own, script, doors };
  },
};

/** For `/add`: the table may be replaced, as by `users add`, unless it is another user's. */
function tableNeeds({ common, value }: CommandLine): readonly FileNeed[] {
  const path = value<string>(flags.file.name);
  if (path === undefined || isOthersPath(path)) return [];
  return [{ path, use: "replace" }, { path: tableLocks(common.dataFolder), use: "make" }];
}
