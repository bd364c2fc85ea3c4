/** The commands of `p2pchat peer --users`: each becomes one `FriendsCommand`. */

import { P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import { foldName } from "../../base/text/names.ts";
import type { FriendsCommand } from "../../protocols/friends/events.ts";
import { memberName, messageText } from "../commands/command_arguments.ts";
import { command, CommandTable, type Invocation } from "../commands/commands.ts";
import {
  type CommandSink,
  exitCommand,
  listCommand,
  type OwnCommand,
  ownCommands,
  statusCommand,
  trustCommand,
  verifyCommand,
  whoCommands,
} from "../commands/mode_commands.ts";
import type { Expansion } from "../rendering/user_interface.ts";

export type FriendsCommandSink = CommandSink<FriendsCommand | OwnCommand>;

/** Means the friend who wrote last, unless a friend has this name. */
const LAST_WRITER = "r";

/**
 * Replaces `r/` by `bob/` at a terminal as soon as it is typed, since somebody else may write before the line is
 * sent. Where a friend is called r, it isn't replaced.
 */
export class Reply {
  #lastWriter: string | null = null;
  #isFriend = false;

  constructor(readonly setExpansion: (expansion: Expansion | null) => void) {}

  /** Sets the friends of the table. */
  table(names: readonly string[]): void {
    this.#isFriend = names.some((name) => foldName(name) === LAST_WRITER);
    this.#update();
  }

  wrote(name: string): void {
    this.#lastWriter = name;
    this.#update();
  }

  #update(): void {
    const becomes = this.#isFriend ? null : this.#lastWriter;
    this.setExpansion(
      becomes === null ? null : { typed: `${LAST_WRITER}/`, becomes: `${becomes}/` },
    );
  }
}

/** Parses `bob/hello`: everything after the first slash is text. @param friend A friend to name as an example. */
function toFriend(line: string, friend: string): Invocation {
  if (line.trim() === "exit") return { command: "exit", texts: {} };
  const at = line.indexOf("/");
  if (at === -1 || line.slice(0, at).trim() === "") {
    throw new P2pchatError(
      "unknown-user",
      `Cannot tell to whom: write NAME/TEXT, as in ${friend}/hello; /list shows the names, /exit leaves`,
    );
  }
  if (line.slice(at + 1).trim() === "") {
    throw new P2pchatError(
      "usage",
      `Nothing was sent: there is no text after ${quotedStart(line.slice(0, at + 1))}`,
    );
  }
  return { command: "msg", texts: { name: line.slice(0, at).trim(), text: line.slice(at + 1) } };
}

/** @param friend A friend of the table, as an example. */
export function friendsCommandTable(friend: string): CommandTable<FriendsCommandSink> {
  return new CommandTable<FriendsCommandSink>({
    bareLine: (line) => toFriend(line, friend),
    chatIsSilent: () => true,
    textObject: '{"command":"msg","name":"bob","text":"..."}',
    afterName: "/",
    bareForms: [
      ["NAME/TEXT", "say TEXT to NAME; TEXT may have slashes"],
      [`${LAST_WRITER}/TEXT`, "answer who wrote last, unless a friend is called r"],
    ],
    commands: [
      command({
        name: "msg",
        aliases: [],
        form: "NAME TEXT",
        args: { name: memberName, text: messageText },
        help: "say TEXT to NAME, as NAME/TEXT does",
        example: "bob/hello",
        isPrivate: "always",
        run: (submit: FriendsCommandSink, { name, text }, ref) =>
          submit({ command: "msg", name, text }, ref),
      }),
      {
        ...listCommand,
        aliases: ["friends", "peers"],
        help: "all friends, where they are, and who is connected",
      },
      statusCommand,
      command({
        name: "outbox",
        aliases: [],
        form: "",
        args: {},
        help: "messages that wait for their friend, with their ids",
        example: "/outbox",
        run: (submit: FriendsCommandSink, _, ref) => submit({ command: "outbox" }, ref),
      }),
      command({
        name: "unsend",
        aliases: [],
        form: "ID",
        args: { id: { parse: (text: string) => text } },
        help: "take a message back that hasn't gone out; its first letters will do",
        example: "/unsend 3f2a",
        run: (submit: FriendsCommandSink, { id }, ref) => submit({ command: "unsend", id }, ref),
      }),
      verifyCommand,
      ...whoCommands,
      trustCommand,
      ...ownCommands,
      { ...exitCommand, help: "leave; what waits is sent at the next start" },
    ],
  });
}

/** The table of commands with the names used in the usage. */
export const friendsCommands: CommandTable<FriendsCommandSink> = friendsCommandTable("bob");
