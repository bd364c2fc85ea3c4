/** The commands of `p2pchat mesh`: each becomes one `MeshCommand`. */

import type { MeshCommand } from "../protocols/mesh/events.ts";
import { entryCount, memberName, messageText, newName } from "./command_arguments.ts";
import { type Argument, command, CommandTable } from "./commands.ts";

/** Takes what the user asked for; events that answer it carry `ref`. */
export type MeshCommandSink = (command: MeshCommand, ref: string | undefined) => void;

/** As an object, `msg` without `name` goes to all. */
const receiver: Argument<string | undefined> = { ...memberName, optionalInObject: true };

export const meshCommands: CommandTable<MeshCommandSink> = new CommandTable<MeshCommandSink>({
  bareLine: (line) => ({ command: "msg", texts: { text: line } }),
  bareForms: [["//TEXT", "says /TEXT: no command"]],
  words: { ":q": "quit", ":quit": "quit" },
  commands: [
    command({
      name: "msg",
      aliases: [],
      form: "NAME TEXT",
      args: { name: receiver, text: messageText },
      help: "a message that NAME alone can read (a line without a command goes to all)",
      example: "/msg Bob are you coming?",
      run: (submit: MeshCommandSink, { name, text }, ref) =>
        submit(
          name === undefined ? { command: "say", text } : { command: "msg", name, text },
          ref,
        ),
    }),
    command({
      name: "peers",
      aliases: ["list"],
      form: "",
      args: {},
      help: "all members, oneself first, with their addresses",
      example: "/peers",
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "peers" }, ref),
    }),
    command({
      name: "history",
      aliases: [],
      form: "[N]",
      args: { n: entryCount },
      help: "the last N messages, or all that are kept",
      example: "/history 20",
      run: (submit: MeshCommandSink, { n }, ref) =>
        submit({ command: "history", count: n ?? null }, ref),
    }),
    command({
      name: "status",
      aliases: [],
      form: "",
      args: {},
      help: "who is connected and how, what is unsent, what is wrong",
      example: "/status",
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "status" }, ref),
    }),
    command({
      name: "verify",
      aliases: [],
      form: "NAME",
      args: { name: memberName },
      help: "digits to compare with NAME by voice",
      example: "/verify Bob",
      run: (submit: MeshCommandSink, { name }, ref) => submit({ command: "verify", name }, ref),
    }),
    command({
      name: "trust",
      aliases: [],
      form: "NAME",
      args: { name: memberName },
      help: "accept the key that NAME has now",
      example: "/trust Bob",
      run: (submit: MeshCommandSink, { name }, ref) => submit({ command: "trust", name }, ref),
    }),
    command({
      name: "name",
      aliases: [],
      form: "NEW",
      args: { new: newName },
      help: "take another name",
      example: "/name Alicia",
      run: (submit: MeshCommandSink, { new: name }, ref) => submit({ command: "name", name }, ref),
    }),
    command({
      name: "quit",
      aliases: ["exit", "q"],
      form: "",
      args: {},
      help: "leave the room",
      example: "/quit",
      leaves: true,
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "quit" }, ref),
    }),
  ],
});
