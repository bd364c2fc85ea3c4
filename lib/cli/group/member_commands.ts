/** The commands of `p2pchat peer --server`: each becomes one `MemberCommand`. */

import type { MemberCommand } from "../../protocols/group/schema/events.ts";
import { LOG_COUNT_DEFAULT, LOG_COUNT_MAX } from "../../protocols/group/schema/limits.ts";
import {
  countUpTo,
  entryNumber,
  FOUND_COUNT_DEFAULT,
  isGiven,
  maybeNumberOf,
  messageText,
  searchedText,
} from "../commands/command_arguments.ts";
import { nameFault, shownName } from "../../base/text/names.ts";
import { writesToOne } from "../commands/foreign_commands.ts";
import { command, CommandTable } from "../commands/commands.ts";
import {
  type CommandSink,
  exitCommand,
  listCommand,
  meCommand,
  type OwnCommand,
  ownCommands,
  presenceCommands,
  searchCommand,
  statusCommand,
} from "../commands/mode_commands.ts";

export type MemberCommandSink = CommandSink<MemberCommand | OwnCommand>;

const EDIT_FORM = "the form is /edit TEXT - N, for example /edit at eight? - 43";

/** The command as a script means it: all of `/msg NAME TEXT` is the text, not an attempt at a private message. */
export function asWritten(command: MemberCommand | OwnCommand): MemberCommand | OwnCommand {
  return command.command === "msg" ? { command: "msg", text: command.text } : command;
}

/** The number of an edit that waits for the user's vote. */
const openEdit = maybeNumberOf(
  "an edit",
  "/go or /abort alone answers the question; of several each names its number, for example /go 7",
);

/** What only `serve` has, and would be looked for here: the same words do it in a room. */
const COORDINATORS: ReadonlySet<string> = new Set([
  "remove",
  "allow",
  "edits",
  "states",
  "snapshot",
  "snapshots",
  "recover",
]);

function coordinatorsElsewhere(name: string): string | null {
  const word = name.toLowerCase();
  if (word === "invite") {
    return "A group's invites are its coordinator's: ask whoever runs p2pchat serve for the line " +
      "that others join with, which /invite shows there";
  }
  if (!COORDINATORS.has(word)) return null;
  return `/${word} is a command of the coordinator's: whoever runs p2pchat serve can type it there`;
}

/** What is private in other modes isn't there in a group: the way out. */
function privateElsewhere(name: string, rest: string): string | null {
  const word = name.toLowerCase();
  if (writesToOne(word)) {
    return `Not sent: a group has no private messages; without /${word} it goes to all`;
  }
  if (word !== "history") return null; // `/log` names nobody in any mode
  const first = /^\S+/.exec(rest)?.[0] ?? "";
  if (!/^\p{L}/u.test(first) || nameFault(first) !== null) return null;
  return `A group has no private messages, so none with ${shownName(first)}; ` +
    `/log 20 shows the last of what all said, /search TEXT finds some of it`;
}

const COMMANDS = [
  command({
    name: "msg",
    form: "TEXT",
    args: { text: messageText },
    help: "say TEXT to all, as a bare line does",
    example: "/msg at seven?",
    run: (submit: MemberCommandSink, { text }, ref, isTyped) =>
      submit({ command: "msg", text, ...(isTyped ? { isTyped } : {}) }, ref),
  }),
  meCommand((submit: MemberCommandSink, text, ref) => submit({ command: "msg", text }, ref)),
  command({
    name: "edit",
    form: "TEXT - N",
    args: { text: messageText, n: entryNumber(EDIT_FORM) },
    aboutEntry: { argument: "n", line: /(?:^|\s)-\s+(-?\d+)\s*$/ },
    help: "change entry N to TEXT, at all members or none",
    example: "/edit at eight? - 43",
    run: (submit: MemberCommandSink, { text, n }, ref) =>
      submit({ command: "edit", seq: n, text }, ref),
  }),
  command({
    name: "go",
    form: "[EDIT]",
    args: { edit: openEdit },
    help: "agree to an edit",
    example: "/go 7",
    run: (submit: MemberCommandSink, { edit }, ref) =>
      submit({ command: "go", edit: edit ?? null }, ref),
  }),
  command({
    name: "abort",
    form: "[EDIT]",
    args: { edit: openEdit },
    help: "refuse an edit",
    example: "/abort 7",
    run: (submit: MemberCommandSink, { edit }, ref) =>
      submit({ command: "abort", edit: edit ?? null }, ref),
  }),
  command({
    name: "entry",
    form: "N",
    args: { n: entryNumber("for example /entry 43") },
    aboutEntry: { argument: "n" },
    help: "entry N and its changes",
    example: "/entry 43",
    run: (submit: MemberCommandSink, { n }, ref) => submit({ command: "entry", seq: n }, ref),
  }),
  command({
    name: "log",
    aliases: ["history"],
    form: "[/TEXT/] [N] [--digest]",
    args: {
      text: searchedText,
      n: countUpTo(LOG_COUNT_MAX),
      digest: isGiven,
      before: maybeNumberOf("an entry", "for example 43"),
    },
    fieldOfObjects: "before",
    help: `the last N entries (${LOG_COUNT_DEFAULT})`,
    example: "/log 50",
    run: (submit: MemberCommandSink, { text, n, digest, before }, ref) =>
      submit({
        command: "log",
        count: n ?? LOG_COUNT_DEFAULT,
        digest: digest ?? false,
        ...(text === undefined ? {} : { text }),
        ...(before === undefined ? {} : { before }),
      }, ref),
  }),
  searchCommand((submit: MemberCommandSink, text, ref) =>
    submit({ command: "log", count: FOUND_COUNT_DEFAULT, digest: false, text }, ref)
  ),
  listCommand,
  statusCommand,
  ...presenceCommands,
  ...ownCommands,
  { ...exitCommand, help: "leave the group" },
];

export const memberCommands: CommandTable<MemberCommandSink> = new CommandTable<MemberCommandSink>({
  bareLine: (line) => ({ command: "msg", texts: { text: line } }),
  elsewhere: (name, rest) => coordinatorsElsewhere(name) ?? privateElsewhere(name, rest),
  bareForms: [
    ["TEXT", "say TEXT to all"],
    ["//TEXT", "say /TEXT: no command"],
    ["y, n", "answer the question in the prompt; a blank before it says it"],
  ],
  commands: COMMANDS,
});
