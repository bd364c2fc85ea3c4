/** The commands of `p2pchat serve`: each becomes one `CoordinatorCommand`. */

import type { CoordinatorCommand } from "../../protocols/group/schema/events.ts";
import { maybeNumberOf, memberName } from "../commands/command_arguments.ts";
import { command, CommandTable } from "../commands/commands.ts";
import {
  type CommandSink,
  exitCommand,
  inviteCommand,
  listCommand,
  refuseBareLine,
  statusCommand,
  trustCommand,
  whoCommands,
} from "../commands/mode_commands.ts";

export type ServeCommandSink = CommandSink<CoordinatorCommand>;

export const serveCommands: CommandTable<ServeCommandSink> = new CommandTable<ServeCommandSink>({
  bareLine: (line) => refuseBareLine(line, "to write to the group, join it with p2pchat peer"),
  chatIsSilent: () => true,
  textObject: null,
  commands: [
    listCommand,
    { ...statusCommand, help: "members, their entries, your key, what is wrong" },
    command({
      name: "edits",
      help: "pending edits, and whose votes are missing",
      run: (submit: ServeCommandSink, _, ref) => submit({ command: "edits" }, ref),
    }),
    command({
      name: "states",
      form: "[N]",
      args: { n: maybeNumberOf("an entry", "/states alone shows where all logs end") },
      help: "each member's last entry; N: when each got N",
      example: "/states 43",
      run: (submit: ServeCommandSink, { n }, ref) =>
        submit({ command: "states", seq: n ?? null }, ref),
    }),
    command({
      name: "snapshot",
      help: "save a consistent snapshot of all members",
      run: (submit: ServeCommandSink, _, ref) => submit({ command: "snapshot" }, ref),
    }),
    command({
      name: "snapshots",
      help: "the saved snapshots",
      run: (submit: ServeCommandSink, _, ref) => submit({ command: "snapshots" }, ref),
    }),
    inviteCommand,
    command({
      name: "remove",
      form: "NAME",
      args: { name: memberName },
      help: "remove NAME from the group, until /allow NAME",
      example: "/remove Bob",
      run: (submit: ServeCommandSink, { name }, ref) => submit({ command: "remove", name }, ref),
    }),
    command({
      name: "allow",
      form: "NAME",
      args: { name: memberName },
      help: "let NAME back in",
      example: "/allow Bob",
      run: (submit: ServeCommandSink, { name }, ref) => submit({ command: "allow", name }, ref),
    }),
    command({
      name: "recover",
      form: "NAME",
      args: { name: memberName },
      help: "have NAME fetch its log anew",
      example: "/recover Bob",
      run: (submit: ServeCommandSink, { name }, ref) => submit({ command: "recover", name }, ref),
    }),
    ...whoCommands,
    trustCommand,
    { ...exitCommand, help: "end the coordinator; members chat on, but nobody joins" },
  ],
});
