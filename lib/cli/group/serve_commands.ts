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
    { ...statusCommand, help: "members, the entries that each has, your key, what is wrong" },
    command({
      name: "edits",
      help: "edits that are under way, and which members each one waits for",
      run: (submit: ServeCommandSink, _, ref) => submit({ command: "edits" }, ref),
    }),
    command({
      name: "states",
      form: "[N]",
      args: { n: maybeNumberOf("an entry", "/states alone shows where all logs end") },
      help: "where each member's log ends, and what all share; with N, when entry N reached each",
      example: "/states 43",
      run: (submit: ServeCommandSink, { n }, ref) =>
        submit({ command: "states", seq: n ?? null }, ref),
    }),
    command({
      name: "snapshot",
      help: "save a consistent snapshot of all members and the messages in transit",
      run: (submit: ServeCommandSink, _, ref) => submit({ command: "snapshot" }, ref),
    }),
    command({
      name: "snapshots",
      help: "the snapshots that were taken",
      run: (submit: ServeCommandSink, _, ref) => submit({ command: "snapshots" }, ref),
    }),
    inviteCommand,
    command({
      name: "remove",
      form: "NAME",
      args: { name: memberName },
      help:
        "remove NAME from the group, until /allow NAME; a private group has another invite then",
      example: "/remove Bob",
      run: (submit: ServeCommandSink, { name }, ref) => submit({ command: "remove", name }, ref),
    }),
    command({
      name: "allow",
      form: "NAME",
      args: { name: memberName },
      help: "let NAME, who was removed, come back",
      example: "/allow Bob",
      run: (submit: ServeCommandSink, { name }, ref) => submit({ command: "allow", name }, ref),
    }),
    command({
      name: "recover",
      form: "NAME",
      args: { name: memberName },
      help: "have NAME set its log aside, and fetch it anew from the others",
      example: "/recover Bob",
      run: (submit: ServeCommandSink, { name }, ref) => submit({ command: "recover", name }, ref),
    }),
    ...whoCommands,
    trustCommand,
    {
      ...exitCommand,
      help: "end the coordinator; members go on chatting, and nobody can join until it is back",
    },
  ],
});
