/** The commands of `p2pchat peer --users`: each becomes one `FriendsCommand`. */

import { P2pchatError } from "../../base/errors.ts";
import { fileCommands } from "../files/file_commands.ts";
import type { FileCommand } from "../files/file_events.ts";
import { quotedStart } from "../../base/text/text.ts";
import { foldName } from "../../base/text/names.ts";
import type { FriendsCommand } from "../../protocols/friends/events.ts";
import { FOUND_COUNT_DEFAULT, memberName, messageText } from "../commands/command_arguments.ts";
import { type Argument, command, CommandTable, type Invocation } from "../commands/commands.ts";
import {
  type CommandSink,
  exitCommand,
  historyCommand,
  listCommand,
  meCommand,
  type OwnCommand,
  ownCommands,
  presenceCommands,
  searchCommand,
  statusCommand,
} from "../commands/mode_commands.ts";
import type { Expansion } from "../rendering/user_interface.ts";
import { parseContactCard } from "../../store/users/contact_card.ts";
import type { AddCommand } from "./contacts.ts";
import { LAST_WRITER, Partner, type ToCommand } from "./partner.ts";

/** Bob's, for the help. */
const CARD_EXAMPLE = "p2pchat-card:bob@192.168.1.5:5001#xsazfbd3ockoqe46yrkpuxern4x.ux2tsqyk";

/** A friend's name, optional. */
const oneFriend: Argument<string | undefined> = memberName;

export type FriendsCommandSink = CommandSink<
  FriendsCommand | FileCommand | OwnCommand | ToCommand | AddCommand
>;

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

/**
 * Parses `bob/hello`, where everything after the first slash is text, and plain lines to the partner.
 * @param friend A friend to name as an example.
 */
function toFriend(line: string, friend: string, partner: Partner): Invocation {
  if (isExit(line)) return { command: "exit", texts: {} };
  const aimed = partner.aim(line);
  if (aimed === null) {
    throw new P2pchatError(
      "unknown-user",
      `Cannot tell to whom: write NAME/TEXT, as in ${friend}/hello, or /to ${friend} first; ` +
        "/list shows the names, /exit leaves",
    );
  }
  const { name, text } = aimed;
  if (text.trim() === "") {
    throw new P2pchatError(
      "usage",
      `Nothing was sent: there is no text after ${
        quotedStart(line.slice(0, line.length - text.length))
      }`,
    );
  }
  return { command: "msg", texts: { name, text } };
}

/** To whom goes what names nobody. @throws {P2pchatError} `unknown-user`. */
function partnerOf(partner: Partner, friend: string): string {
  const name = partner.present;
  if (name !== null) return name;
  const text = `Cannot tell to whom: /to ${friend} first, or write ${friend}//me waves`;
  throw new P2pchatError("unknown-user", text);
}

function isExit(line: string): boolean {
  return line.trim() === "exit";
}

/** Whether a line isn't shown as a message to a friend. */
function isNoMessage(line: string, partner: Partner): boolean {
  const aimed = isExit(line) ? null : partner.aim(line);
  return aimed === null || !aimed.isListed || aimed.text.trim() === "";
}

/**
 * @param friend A friend of the table, as an example.
 * @param partner To whom plain lines go.
 */
export function friendsCommandTable(
  friend: string,
  partner: Partner,
): CommandTable<FriendsCommandSink> {
  return new CommandTable<FriendsCommandSink>({
    bareLine: (line) => toFriend(line, friend, partner),
    chatIsSilent: (line) => isNoMessage(line, partner),
    textObject: '{"command":"msg","name":"bob","text":"..."}',
    afterName: "/",
    bareForms: [
      ["NAME/TEXT", "say TEXT to NAME; TEXT may have slashes"],
      ["TEXT", "say TEXT to the friend in the prompt"],
      [`${LAST_WRITER}/TEXT`, "answer who wrote last, unless a friend is called r"],
    ],
    commands: [
      command({
        name: "msg",
        form: "NAME TEXT",
        args: { name: memberName, text: messageText },
        help: "say TEXT to NAME, as NAME/TEXT does",
        example: "bob/hello",
        isPrivate: "always",
        run: (submit: FriendsCommandSink, { name, text }, ref) =>
          submit({ command: "msg", name, text }, ref),
      }),
      {
        ...meCommand((submit: FriendsCommandSink, text, ref) =>
          submit({ command: "msg", name: partnerOf(partner, friend), text }, ref)
        ),
        help: "say what you do, as in /me waves",
        isPrivate: "always",
      },
      command({
        name: "to",
        form: "[NAME]",
        args: { name: oneFriend },
        help: "write to NAME from now on; alone: to nobody",
        example: "/to bob",
        run: (submit: FriendsCommandSink, { name }, ref) => submit({ command: "to", name }, ref),
      }),
      {
        ...listCommand,
        aliases: ["friends", "peers"],
        help: "your friends, and who is connected",
      },
      historyCommand((submit: FriendsCommandSink, asked, ref) =>
        submit({ command: "history", ...asked }, ref)
      ),
      searchCommand((submit: FriendsCommandSink, text, ref) =>
        submit({ command: "history", count: FOUND_COUNT_DEFAULT, text }, ref)
      ),
      statusCommand,
      command({
        name: "add",
        form: "LINE",
        args: { line: { parse: parseContactCard, takesRest: true } },
        help: "add a friend by the contact card LINE",
        example: `/add ${CARD_EXAMPLE}`,
        run: (submit: FriendsCommandSink, { line }, ref) =>
          submit({ command: "add", card: line }, ref),
      }),
      command({
        name: "outbox",
        help: "messages that wait, with their ids",
        run: (submit: FriendsCommandSink, _, ref) => submit({ command: "outbox" }, ref),
      }),
      command({
        name: "unsend",
        form: "ID",
        args: { id: { parse: (text: string) => text } },
        help: "take a waiting message back",
        example: "/unsend 3f2a",
        run: (submit: FriendsCommandSink, { id }, ref) => submit({ command: "unsend", id }, ref),
      }),
      ...presenceCommands,
      ...fileCommands(
        "offer a file to NAME",
      ),
      ...ownCommands,
      { ...exitCommand, help: "leave; what waits is sent at the next start" },
    ],
  });
}

/** The table of commands with the names used in the usage. */
export const friendsCommands: CommandTable<FriendsCommandSink> = friendsCommandTable(
  "bob",
  new Partner("alice", "users.txt", true),
);
