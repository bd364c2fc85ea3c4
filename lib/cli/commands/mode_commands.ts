/** What the command tables of all modes share, and commands that most modes have. */

import { P2pchatError } from "../../base/errors.ts";
import type { ModeCommand } from "../../base/machine/mode_machine.ts";
import { AWAY_TEXT_BYTES_MAX, type PresenceCommand } from "../../base/machine/user_presence.ts";
import type { InviteForm } from "../../base/text/invite_text.ts";
import { quotedStart } from "../../base/text/text.ts";
import type { NotifyLevel } from "../../store/profile/settings.ts";
import {
  actionText,
  beforeMessage,
  correspondentName,
  entryCount,
  FOUND_COUNT_DEFAULT,
  isGiven,
  memberName,
  newName,
  notifyLevel,
  searchedRest,
  searchedText,
  shortText,
  verifyAnswer,
} from "./command_arguments.ts";
import { type Command, command } from "./commands.ts";
import { meansLeaving } from "./foreign_commands.ts";

/** Takes a command of the user's; events that answer it carry `ref`. */
export type CommandSink<Asked> = (command: Asked, ref: string | undefined) => void;

type SinkOf<Name extends ModeCommand["command"]> = CommandSink<
  Extract<ModeCommand, { readonly command: Name }>
>;
type ListSink = CommandSink<{ readonly command: "list" }>;

/**
 * Refuses plain text in a server's mode. @param instead How to be heard by others: "to ..." @throws {P2pchatError}
 * Always.
 */
export function refuseBareLine(line: string, instead: string): never {
  throw new P2pchatError(
    "unknown-command",
    `Nothing was done about ${quotedStart(line)}: commands begin with /, ${
      meansLeaving(line) ? "/exit leaves" : `/help lists them; ${instead}`
    }`,
  );
}

/** @param say What says a text in the mode. */
export function meCommand<Sink>(
  say: (submit: Sink, text: string, ref: string | undefined) => void,
): Command<Sink> {
  return command({
    name: "me",
    form: "ACTION",
    args: { action: actionText },
    help: "say what you do, as in /me waves",
    example: "/me waves",
    run: (submit: Sink, { action }, ref) => say(submit, action, ref),
  });
}

/** What the user asks of what was said before: with whom privately, and what it has in it. */
interface Asked {
  readonly count: number | null;
  readonly name?: string;
  readonly text?: string;
  /** The id of a message: only what was said before it. */
  readonly before?: string;
}

/** For modes in which people write to one alone. */
export function historyCommand<Sink>(
  ask: (submit: Sink, asked: Asked, ref: string | undefined) => void,
): Command<Sink> {
  return command({
    name: "history",
    form: "[NAME] [/TEXT/] [N]",
    args: { name: correspondentName, text: searchedText, n: entryCount, before: beforeMessage },
    fieldOfObjects: "before",
    help: "the last N messages; private ones with NAME",
    example: "/history /dinner/ 20",
    run: (submit: Sink, { name, text, n, before }, ref) => {
      const about = name === undefined ? {} : { name };
      const found = text === undefined ? {} : { text };
      const count = n ?? (text === undefined ? null : FOUND_COUNT_DEFAULT);
      const until = before === undefined ? {} : { before };
      ask(submit, { count, ...about, ...found, ...until }, ref);
    },
  });
}

/** @param search Looks for a text in what was said. */
export function searchCommand<Sink>(
  search: (submit: Sink, text: string, ref: string | undefined) => void,
): Command<Sink> {
  return command({
    name: "search",
    form: "TEXT",
    args: { text: searchedRest },
    help: `the last ${FOUND_COUNT_DEFAULT} messages with TEXT in them`,
    example: "/search dinner",
    run: (submit: Sink, { text }, ref) => search(submit, text, ref),
  });
}

type InviteSink = CommandSink<
  { readonly command: "invite"; readonly rotate: boolean; readonly as?: InviteForm }
>;

export const inviteCommand: Command<InviteSink> = command({
  name: "invite",
  form: "[--rotate] [--copy] [--words] [NAME] [--qr] [--void]",
  args: {
    ...{ rotate: isGiven, copy: isGiven, words: isGiven, qr: isGiven, void: isGiven },
    name: newName,
  },
  listedAs: "[HOW]",
  help: "how others join; --words to say, --qr, --rotate",
  example: "/invite",
  isPrivate: "always",
  run: (submit: InviteSink, { rotate, copy, words, name = null, qr, void: isVoid }, ref) => {
    const asked = { command: "invite", rotate: rotate ?? false } as const;
    if (name !== null && !words) {
      const text =
        `/invite --words ${name} makes a code for ${name}; other invites are for anybody`;
      throw new P2pchatError("usage", text);
    }
    if (isVoid) {
      const [other] = Object.entries({ rotate, copy, words, qr }).filter(([, given]) => given);
      if (other === undefined) return submit({ ...asked, as: "void" }, ref);
      const text = `--void ends the open word codes, and --${other[0]} makes an invite: give one`;
      throw new P2pchatError("usage", text);
    }
    if (words && qr) {
      throw new P2pchatError("usage", "--words and --qr are two ways to pass it on: give one");
    }
    const code = name === null ? "words" : `words ${name}` as const;
    submit(words ? { ...asked, as: code } : qr ? { ...asked, as: "qr" } : asked, ref);
  },
});

export const listCommand: Command<ListSink> = command({
  name: "list",
  aliases: ["members", "peers"],
  help: "who is in the group",
  run: (submit: ListSink, _, ref) => submit({ command: "list" }, ref),
});

export const exitCommand: Command<SinkOf<"quit">> = command({
  name: "exit",
  aliases: ["quit", "q"],
  help: "leave",
  leaves: true,
  run: (submit: SinkOf<"quit">, _, ref) => submit({ command: "quit" }, ref),
});

export const statusCommand: Command<SinkOf<"status">> = command({
  name: "status",
  help: "links, what waits, what is wrong",
  run: (submit: SinkOf<"status">, _, ref) => submit({ command: "status" }, ref),
});

type WhoSink = CommandSink<Extract<ModeCommand, { readonly command: "verify" | "whois" }>>;

/** Who somebody is, and who the user is. */
export const whoCommands: readonly Command<WhoSink>[] = [
  command({
    name: "verify",
    form: "NAME [ANSWER]",
    args: { name: memberName, answer: verifyAnswer },
    help: "compare keys with NAME by voice; then yes or no",
    example: "/verify Bob yes",
    run: (submit: WhoSink, { name, answer }, ref) =>
      submit({ command: "verify", name, ...(answer === undefined ? {} : { answer }) }, ref),
  }),
  command({
    name: "whois",
    form: "NAME",
    args: { name: memberName },
    help: "key, address and route of NAME",
    example: "/whois Bob",
    run: (submit: WhoSink, { name }, ref) => submit({ command: "whois", name }, ref),
  }),
  command({
    name: "whoami",
    form: "[--copy]",
    args: { copy: isGiven },
    help: "your name, key and address; --copy copies them",
    run: (submit: WhoSink, _, ref) => submit({ command: "whois", name: null }, ref),
  }),
];

/** What the user says of itself to all who are here. */
export const presenceCommands: readonly Command<CommandSink<PresenceCommand>>[] = [
  command({
    name: "away",
    form: "[TEXT]",
    args: { text: shortText("The reason", AWAY_TEXT_BYTES_MAX) },
    help: "tell others that you are away, and why",
    example: "/away lunch, back at 2",
    run: (submit: CommandSink<PresenceCommand>, { text = "" }, ref) =>
      submit({ command: "presence", change: { away: text } }, ref),
  }),
  command({
    name: "back",
    help: "tell others that you are back",
    run: (submit: CommandSink<PresenceCommand>, _, ref) =>
      submit({ command: "presence", change: { away: null } }, ref),
  }),
];

export const trustCommand: Command<SinkOf<"trust">> = command({
  name: "trust",
  form: "NAME",
  args: { name: memberName },
  help: "accept the present key of NAME",
  example: "/trust Bob",
  run: (submit: SinkOf<"trust">, { name }, ref) => submit({ command: "trust", name }, ref),
});

/** What the console does by itself, the same in every mode. */
export type OwnCommand =
  | {
    readonly command: "notify";
    /** Undefined: tells the present one. */
    readonly level: NotifyLevel | undefined;
  }
  | { readonly command: "ignore" | "unignore"; readonly name: string }
  | { readonly command: "ignored" };

const OWN_COMMANDS: ReadonlySet<string> = new Set<OwnCommand["command"]>([
  "notify",
  "ignore",
  "unignore",
  "ignored",
]);

export function isOwnCommand(
  command: OwnCommand | { readonly command: string },
): command is OwnCommand {
  return OWN_COMMANDS.has(command.command);
}

/** The commands of every mode in which people talk. */
export const ownCommands: readonly Command<
  CommandSink<OwnCommand | Extract<ModeCommand, { command: "verify" | "whois" | "trust" }>>
>[] = [
  ...whoCommands,
  trustCommand,
  command({
    name: "notify",
    form: "[LEVEL]",
    args: { level: notifyLevel },
    help: "when to notify you: off, mentions or all",
    example: "/notify all",
    run: (submit: CommandSink<OwnCommand>, { level }, ref) =>
      submit({ command: "notify", level }, ref),
  }),
  command({
    name: "ignore",
    form: "NAME",
    args: { name: memberName },
    help: "ignore NAME: messages and calls, in all modes",
    example: "/ignore Mallory",
    run: (submit: CommandSink<OwnCommand>, { name }, ref) =>
      submit({ command: "ignore", name }, ref),
  }),
  command({
    name: "unignore",
    form: "NAME",
    args: { name: memberName },
    help: "end /ignore NAME",
    example: "/unignore Mallory",
    run: (submit: CommandSink<OwnCommand>, { name }, ref) =>
      submit({ command: "unignore", name }, ref),
  }),
  command({
    name: "ignored",
    help: "whom you ignore",
    run: (submit: CommandSink<OwnCommand>, _, ref) => submit({ command: "ignored" }, ref),
  }),
];
