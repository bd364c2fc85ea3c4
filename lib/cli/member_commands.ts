/** The commands of `p2pchat peer --server`: each becomes one `MemberCommand`. */

import type { MemberCommand } from "../protocols/group/events.ts";
import { LOG_COUNT_DEFAULT, LOG_COUNT_MAX } from "../protocols/group/limits.ts";
import { countUpTo, isGiven, messageText } from "./command_arguments.ts";
import { command, CommandTable } from "./commands.ts";
import { statusCommand, trustCommand, verifyCommand } from "./mode_commands.ts";

/** Takes what the user asked for; events that answer it carry `ref`. */
export type MemberCommandSink = (command: MemberCommand, ref: string | undefined) => void;

export const memberCommands: CommandTable<MemberCommandSink> = new CommandTable<MemberCommandSink>({
  bareLine: (line) => ({ command: "msg", texts: { text: line } }),
  bareForms: [["TEXT", "says TEXT to all"], ["//TEXT", "says /TEXT: no command"]],
  words: {},
  commands: [
    command({
      name: "msg",
      aliases: [],
      form: "TEXT",
      args: { text: messageText },
      help: "says TEXT to all, as a line without a command does",
      example: "/msg at seven?",
      run: (submit: MemberCommandSink, { text }, ref) => submit({ command: "msg", text }, ref),
    }),
    command({
      name: "log",
      aliases: ["history"],
      form: "[N] [--digest]",
      args: { n: countUpTo(LOG_COUNT_MAX), digest: isGiven },
      help: `the last N entries (${LOG_COUNT_DEFAULT}); --digest: one line to compare with others'`,
      example: "/log 50",
      run: (submit: MemberCommandSink, { n, digest }, ref) =>
        submit(
          { command: "log", count: n ?? LOG_COUNT_DEFAULT, digest: digest ?? false },
          ref,
        ),
    }),
    command({
      name: "list",
      aliases: ["members", "peers"],
      form: "",
      args: {},
      help: "who is in the group",
      example: "/list",
      run: (submit: MemberCommandSink, _, ref) => submit({ command: "list" }, ref),
    }),
    statusCommand,
    verifyCommand,
    trustCommand,
    command({
      name: "exit",
      aliases: ["quit", "q"],
      form: "",
      args: {},
      help: "leave the group",
      example: "/exit",
      leaves: true,
      run: (submit: MemberCommandSink, _, ref) => submit({ command: "quit" }, ref),
    }),
  ],
});
