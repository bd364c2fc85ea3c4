/** The command line of `p2pchat peer --users`. */

import { usersFolder } from "../../store/disk/paths.ts";
import { chosenName } from "../commands/command_arguments.ts";
import { P2pchatError } from "../../base/errors.ts";
import { type CommandLine, type ProgramCommand, wrongWords } from "../args/arguments.ts";
import { duration, fileName, hostFlag, listenPort } from "../args/flags.ts";
import type { FriendsOptions } from "../args/options.ts";

const IDLE_MS_DEFAULT = 60_000;

const words = {
  name: "peer",
  chosenBy: "users",
  form: "[NAME] --users FILE",
  example: "p2pchat peer alice --users users.txt",
};

export const friendsProgramCommand: ProgramCommand = {
  ...words,
  keeps: { folder: usersFolder, use: "make" },
  help: "direct messages to friends whose addresses are in FILE; NAME selects your own row",
  flags: [
    {
      name: "users",
      value: "FILE",
      help: "the table of friends: lines of name, address, port and, optionally, fingerprint",
      use: "read",
      parse: fileName,
    },
    hostFlag("listen"),
    {
      name: "port",
      value: "N",
      help: "listen at this port (that of your row); without NAME, your row is the one with it",
      parse: listenPort,
    },
    {
      name: "idle",
      value: "TIME",
      help: `close a connection after this time without a message (${IDLE_MS_DEFAULT / 1_000}s)`,
      parse: duration,
    },
    { name: "no-queue", help: "keep nothing for friends who aren't there: such a message fails" },
  ],
  prepare(line) {
    const options = friendsOptions(line);
    return async () => {
      const { runFriends } = await import("./friends_mode.ts");
      await runFriends(options);
    };
  },
};

/**
 * The options of `peer --users`.
 * @throws {P2pchatError} `usage` or `bad-name`.
 */
export function friendsOptions(line: CommandLine): FriendsOptions {
  const [name, ...rest] = line.words;
  const file = line.value<string>("users");
  if (file === undefined) {
    throw new P2pchatError("usage", `--users FILE is missing. ${wrongWords(words).message}`);
  }
  if (rest.length > 0) throw wrongWords(words, rest[0]);
  const port = line.value<number>("port") ?? null;
  if (name === undefined && (port === null || port === 0)) {
    throw new P2pchatError(
      "usage",
      `Which row of ${file} is yours? Name yourself, as in ${words.example}, or give its port with --port`,
    );
  }
  return {
    ...line.common,
    file,
    own: name === undefined ? { port: port! } : { name: chosenName(name) },
    host: line.value<string>("host") ?? null,
    port,
    idleMs: line.value<number>("idle") ?? IDLE_MS_DEFAULT,
    queue: !line.isOn("no-queue"),
  };
}
