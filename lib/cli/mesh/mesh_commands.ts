/** The commands of `p2pchat mesh`: each becomes one `MeshCommand`. */

import { fileCommands } from "../files/file_commands.ts";
import type { FileCommand } from "../files/file_events.ts";
import type { MeshCommand } from "../../protocols/mesh/schema/events.ts";
import {
  FOUND_COUNT_DEFAULT,
  isGiven,
  memberName,
  messageText,
  newName,
} from "../commands/command_arguments.ts";
import { type Argument, command, CommandTable } from "../commands/commands.ts";
import {
  type CommandSink,
  exitCommand,
  historyCommand,
  inviteCommand,
  meCommand,
  type OwnCommand,
  ownCommands,
  presenceCommands,
  searchCommand,
  statusCommand,
  trustCommand,
  verifyCommand,
  whoCommands,
} from "../commands/mode_commands.ts";

/** The room's, those about files, and one that is answered from the profile's files. */
export type MeshCommandSink = CommandSink<
  MeshCommand | FileCommand | OwnCommand | { readonly command: "rooms" }
>;

/** In a JSON object, `msg` without `name` goes to everybody. */
const receiver: Argument<string | undefined> = { ...memberName, optionalInObject: true };

export const meshCommands: CommandTable<MeshCommandSink> = new CommandTable<MeshCommandSink>({
  bareLine: (line) => ({ command: "msg", texts: { text: line } }),
  bareForms: [["//TEXT", "say /TEXT: no command"]],
  commands: [
    command({
      name: "msg",
      aliases: [],
      form: "NAME TEXT",
      args: { name: receiver, text: messageText },
      help: "a message that NAME alone can read (a line without a command goes to all)",
      example: "/msg Bob are you coming?",
      isPrivate: "to-one",
      run: (submit: MeshCommandSink, { name, text }, ref) =>
        submit(
          name === undefined ? { command: "say", text } : { command: "msg", name, text },
          ref,
        ),
    }),
    meCommand((submit, text, ref) => submit({ command: "say", text }, ref)),
    command({
      name: "peers",
      aliases: ["list"],
      form: "",
      args: {},
      help: "all members, yourself first, with their addresses",
      example: "/peers",
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "peers" }, ref),
    }),
    ...presenceCommands,
    historyCommand((submit: MeshCommandSink, asked, ref) =>
      submit({ command: "history", ...asked }, ref)
    ),
    searchCommand((submit: MeshCommandSink, text, ref) =>
      submit({ command: "history", count: FOUND_COUNT_DEFAULT, text }, ref)
    ),
    command({
      name: "rooms",
      aliases: [],
      form: "",
      args: {},
      help: "all rooms that you were in, with members and last message; --room opens one",
      example: "/rooms",
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "rooms" }, ref),
    }),
    ...fileCommands,
    inviteCommand,
    command({
      name: "remove",
      aliases: [],
      form: "NAME",
      args: { name: memberName },
      help: "shut NAME out of the room for good (the founder and deputies)",
      example: "/remove Mallory",
      run: (submit: MeshCommandSink, { name }, ref) => submit({ command: "remove", name }, ref),
    }),
    command({
      name: "allow",
      aliases: [],
      form: "NAME",
      args: { name: memberName },
      help: "let NAME, who was removed, come back",
      example: "/allow Mallory",
      run: (submit: MeshCommandSink, { name }, ref) => submit({ command: "allow", name }, ref),
    }),
    command({
      name: "deputy",
      aliases: [],
      form: "NAME [--end]",
      args: { name: memberName, end: isGiven },
      help: "let NAME remove members, too (the founder); --end takes that back",
      example: "/deputy Bob",
      run: (submit: MeshCommandSink, { name, end }, ref) =>
        submit({ command: "deputy", name, appoint: end !== true }, ref),
    }),
    statusCommand,
    verifyCommand,
    ...whoCommands,
    trustCommand,
    ...ownCommands,
    command({
      name: "name",
      aliases: [],
      form: "NEW",
      args: { new: newName },
      help: "take another name",
      example: "/name Alicia",
      run: (submit: MeshCommandSink, { new: name }, ref) => submit({ command: "name", name }, ref),
    }),
    {
      ...exitCommand,
      name: "quit",
      aliases: ["exit", "q"],
      help: "leave the room",
      example: "/quit",
    },
  ],
});
