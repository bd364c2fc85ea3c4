/** The commands of `p2pchat regserver`: each becomes one `DirectoryCommand`. */

import type { DirectoryCommand } from "../../protocols/directory/schema/events.ts";
import { memberName, messageText } from "../commands/command_arguments.ts";
import { command, CommandTable } from "../commands/commands.ts";
import {
  type CommandSink,
  exitCommand,
  listCommand,
  refuseBareLine,
  statusCommand,
  whoCommands,
} from "../commands/mode_commands.ts";

export type RegserverCommandSink = CommandSink<DirectoryCommand>;

export const regserverCommands: CommandTable<RegserverCommandSink> = new CommandTable<
  RegserverCommandSink
>({
  bareLine: (line) => refuseBareLine(line, "to tell all who are logged in, /broadcast TEXT"),
  chatIsSilent: () => true,
  textObject: '{"command":"broadcast","text":"..."}',
  commands: [
    {
      ...listCommand,
      aliases: ["users", "peers"],
      help: "who is online, where and since when",
    },
    ...whoCommands,
    command({
      name: "kick",
      form: "NAME",
      args: { name: memberName },
      help: "log NAME out, and refuse NAME for a minute",
      example: "/kick bob",
      run: (submit: RegserverCommandSink, { name }, ref) => submit({ command: "kick", name }, ref),
    }),
    command({
      name: "broadcast",
      form: "TEXT",
      args: { text: messageText },
      help: "tell all users, later ones too until it expires",
      example: "/broadcast back in five minutes",
      run: (submit: RegserverCommandSink, { text }, ref) =>
        submit({ command: "broadcast", text }, ref),
    }),
    { ...statusCommand, help: "users, calls, your key, what is wrong" },
    { ...exitCommand, help: "end the directory; direct calls go on" },
  ],
});
