/** The commands of `p2pchat regserver`: each becomes one `DirectoryCommand`. */

import { P2pchatError } from "../base/errors.ts";
import { quotedStart } from "../base/text.ts";
import type { DirectoryCommand } from "../protocols/directory/events.ts";
import { memberName, messageText } from "./command_arguments.ts";
import { command, CommandTable } from "./commands.ts";
import { verifyCommand } from "./mode_commands.ts";

/** Takes what the operator asked for; events that answer it carry `ref`. */
export type RegserverCommandSink = (command: DirectoryCommand, ref: string | undefined) => void;

export const regserverCommands: CommandTable<RegserverCommandSink> = new CommandTable<
  RegserverCommandSink
>({
  bareLine(line) {
    throw new P2pchatError(
      "unknown-command",
      `Nothing was done about ${quotedStart(line)}: commands begin with /, /help lists them; to ` +
        "tell all who are logged in, /broadcast TEXT",
    );
  },
  chatIsSilent: () => true,
  textObject: '{"command":"broadcast","text":"..."}',
  words: {},
  commands: [
    command({
      name: "list",
      aliases: ["users", "peers"],
      form: "",
      args: {},
      help: "who is logged in, free or busy, where and since when",
      example: "/list",
      run: (submit: RegserverCommandSink, _, ref) => submit({ command: "list" }, ref),
    }),
    verifyCommand,
    command({
      name: "kick",
      aliases: [],
      form: "NAME",
      args: { name: memberName },
      help: "log NAME out, and refuse NAME for a minute",
      example: "/kick bob",
      run: (submit: RegserverCommandSink, { name }, ref) => submit({ command: "kick", name }, ref),
    }),
    command({
      name: "broadcast",
      aliases: [],
      form: "TEXT",
      args: { text: messageText },
      help: "tell all who are logged in, and accounts that log in soon",
      example: "/broadcast back in five minutes",
      run: (submit: RegserverCommandSink, { text }, ref) =>
        submit({ command: "broadcast", text }, ref),
    }),
    command({
      name: "status",
      aliases: [],
      form: "",
      args: {},
      help: "clients, calls and accounts, the directory's key, what is wrong",
      example: "/status",
      run: (submit: RegserverCommandSink, _, ref) => submit({ command: "status" }, ref),
    }),
    command({
      name: "exit",
      aliases: ["quit", "q"],
      form: "",
      args: {},
      help: "end the directory; direct calls go on, and clients come back when it does",
      example: "/exit",
      leaves: true,
      run: (submit: RegserverCommandSink, _, ref) => submit({ command: "quit" }, ref),
    }),
  ],
});
