/** The commands of `p2pchat mesh`: each becomes one `MeshCommand`. */

import { P2pchatError } from "../../base/errors.ts";
import { isRoomInvite } from "../../base/text/invite_text.ts";
import { numberText } from "../../base/text/words.ts";
import { fileCommands } from "../files/file_commands.ts";
import type { FileCommand } from "../files/file_events.ts";
import type { MeshCommand } from "../../protocols/mesh/schema/events.ts";
import { isGiven, memberName, messageText, newName } from "../commands/command_arguments.ts";
import { TITLE_LENGTH_MAX } from "../../protocols/mesh/discovery/announcement.ts";
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
} from "../commands/mode_commands.ts";

/** What is for one room. */
export type RoomCommand = MeshCommand | FileCommand | OwnCommand;

/** Takes what is for one room. */
export type RoomSink = CommandSink<RoomCommand>;

/** What is about the console's rooms, whichever the user is in. */
export type ConsoleCommand =
  | { readonly command: "rooms" }
  /** In all rooms of the console. */
  | { readonly command: "search"; readonly text: string }
  /** Into another room: what follows NAME on the command line of `mesh`, or a room's title. */
  | { readonly command: "join"; readonly where: string }
  /** To the room of this number or title, or whose id begins so. */
  | { readonly command: "room"; readonly which: string }
  /** Out of the room that the user is in. */
  | { readonly command: "part" }
  /** In the room of this id. */
  | {
    readonly command: "in";
    readonly room: string;
    readonly asked: RoomCommand | ConsoleCommand;
  };

/** Takes the commands of the user. */
export interface MeshCommandSink extends CommandSink<RoomCommand | ConsoleCommand> {
  /** Whether the console has another room besides; absent: it hasn't. */
  readonly hasOther?: () => boolean;
}

/** As many characters of a command as say where a room is: an invite with all its addresses. */
const WHERE_LENGTH_MAX = 8_192;

const INVITE_TYPED = "That is an invite; /join --invite WORD joins its room";

function words(what: string, lengthMax: number): Argument<string> {
  return {
    takesRest: true,
    parse(text) {
      const { length } = text;
      if (length <= lengthMax) return text.trim();
      throw new P2pchatError(
        "usage",
        `${what} has up to ${numberText(lengthMax)} characters, not ${numberText(length)}`,
      );
    },
  };
}

/** In a JSON object, `msg` without `name` goes to everybody. */
const receiver: Argument<string | undefined> = { ...memberName, optionalInObject: true };

export const meshCommands: CommandTable<MeshCommandSink> = new CommandTable<MeshCommandSink>({
  bareLine: (line) => {
    // It lets whoever reads it into the room: it is never said by mistake.
    const isSecret = line.length <= WHERE_LENGTH_MAX && !line.startsWith("/") && isRoomInvite(line);
    if (isSecret) throw new P2pchatError("usage", INVITE_TYPED);
    return { command: "msg", texts: { text: line } };
  },
  bareForms: [["//TEXT", "say /TEXT: no command"]],
  inRoom: (submit, room) => (asked, ref) => submit({ command: "in", room, asked }, ref),
  commands: [
    command({
      name: "msg",
      form: "NAME TEXT",
      args: { name: receiver, text: messageText },
      help: "say it to NAME alone",
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
      help: "who is here, and where",
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "peers" }, ref),
    }),
    ...presenceCommands,
    historyCommand((submit: MeshCommandSink, asked, ref) =>
      submit({ command: "history", ...asked }, ref)
    ),
    searchCommand((submit: MeshCommandSink, text, ref) => submit({ command: "search", text }, ref)),
    command({
      name: "rooms",
      help: "your rooms, open or not",
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "rooms" }, ref),
    }),
    command({
      name: "join",
      form: "WHERE",
      args: { where: words("What leads to a room", WHERE_LENGTH_MAX) },
      help: "join a room: HOST PORT, invite, code, title, --new",
      example: "/join 192.168.1.5 55107",
      run: (submit: MeshCommandSink, { where }, ref) => submit({ command: "join", where }, ref),
    }),
    command({
      name: "room",
      form: "N",
      args: { n: words("A room's number or title", TITLE_LENGTH_MAX) },
      help: "talk in room N of /rooms",
      example: "/room 2",
      run: (submit: MeshCommandSink, { n: which }, ref) => submit({ command: "room", which }, ref),
    }),
    ...fileCommands("offer a file to NAME alone, or to all"),
    inviteCommand,
    command({
      name: "remove",
      form: "NAME",
      args: { name: memberName },
      help: "shut NAME out for good (founder, deputies)",
      example: "/remove Mallory",
      run: (submit: MeshCommandSink, { name }, ref) => submit({ command: "remove", name }, ref),
    }),
    command({
      name: "allow",
      form: "NAME",
      args: { name: memberName },
      help: "let NAME back in",
      example: "/allow Mallory",
      run: (submit: MeshCommandSink, { name }, ref) => submit({ command: "allow", name }, ref),
    }),
    command({
      name: "deputy",
      form: "NAME [--end]",
      args: { name: memberName, end: isGiven },
      help: "let NAME remove members (founder); --end ends that",
      example: "/deputy Bob",
      run: (submit: MeshCommandSink, { name, end }, ref) =>
        submit({ command: "deputy", name, appoint: end !== true }, ref),
    }),
    statusCommand,
    ...ownCommands,
    command({
      name: "name",
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
      help: "leave (:q, too)",
      example: "/quit",
    },
    command({
      name: "part",
      aliases: ["leave"],
      help: "leave this room; the last one ends the program",
      leaves: (submit: MeshCommandSink) => submit.hasOther?.() !== true,
      run: (submit: MeshCommandSink, _, ref) => submit({ command: "part" }, ref),
    }),
  ],
});
