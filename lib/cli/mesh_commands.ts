/** The commands of `p2pchat mesh`, and what a room must be able to do for them. */

import { type Argument, command, CommandTable } from "./commands.ts";
import { entryCount, memberName, messageText, newName } from "./command_arguments.ts";

/** A room as its commands see it. Each answers with events that carry `ref`. */
export interface MeshActions {
  /** Sends `text` to all. */
  say(text: string, ref: string | undefined): void;
  /** Sends `text` to the member that is shown as `name`, for that one alone. */
  tell(name: string, text: string, ref: string | undefined): void;
  /** Shows all members, oneself first. */
  showPeers(ref: string | undefined): void;
  /** Shows the last `count` messages; as many as `--history` says where it isn't given. */
  showHistory(count: number | undefined, ref: string | undefined): void;
  showStatus(ref: string | undefined): void;
  /** Shows the digits that both sides compare by voice, and marks the key as verified. */
  verify(name: string, ref: string | undefined): void | Promise<void>;
  /** Accepts the key that `name` has now. */
  trust(name: string, ref: string | undefined): void | Promise<void>;
  /** Takes another name; `name` is valid and in NFC. */
  rename(name: string, ref: string | undefined): void | Promise<void>;
  /** Leaves with reason quit. */
  leave(ref: string | undefined): void | Promise<void>;
}

const toWhom: Argument<string | undefined> = { ...memberName, optionalInObject: true };

export const meshCommands: CommandTable<MeshActions> = new CommandTable<MeshActions>({
  bareLine: (line) => ({ command: "msg", texts: { text: line } }),
  words: { ":q": "quit", ":quit": "quit" },
  commands: [
    command({
      name: "msg",
      aliases: [],
      form: "NAME TEXT",
      args: { name: toWhom, text: messageText },
      help: "a message that NAME alone can read; a line without a command goes to all",
      example: "/msg Bob are you coming?",
      run: (room: MeshActions, { name, text }, ref) =>
        name === undefined ? room.say(text, ref) : room.tell(name, text, ref),
    }),
    command({
      name: "peers",
      aliases: ["list"],
      form: "",
      args: {},
      help: "all members, with their addresses",
      example: "/peers",
      run: (room: MeshActions, _, ref) => room.showPeers(ref),
    }),
    command({
      name: "history",
      aliases: [],
      form: "[N]",
      args: { n: entryCount },
      help: "the last N messages",
      example: "/history 20",
      run: (room: MeshActions, { n }, ref) => room.showHistory(n, ref),
    }),
    command({
      name: "status",
      aliases: [],
      form: "",
      args: {},
      help: "who is connected and how, what is unsent, what is wrong",
      example: "/status",
      run: (room: MeshActions, _, ref) => room.showStatus(ref),
    }),
    command({
      name: "verify",
      aliases: [],
      form: "NAME",
      args: { name: memberName },
      help: "digits to compare with NAME by voice",
      example: "/verify Bob",
      run: (room: MeshActions, { name }, ref) => room.verify(name, ref),
    }),
    command({
      name: "trust",
      aliases: [],
      form: "NAME",
      args: { name: memberName },
      help: "accept the new key of NAME",
      example: "/trust Bob",
      run: (room: MeshActions, { name }, ref) => room.trust(name, ref),
    }),
    command({
      name: "name",
      aliases: [],
      form: "NEW",
      args: { new: newName },
      help: "take another name",
      example: "/name Alicia",
      run: (room: MeshActions, { new: name }, ref) => room.rename(name, ref),
    }),
    command({
      name: "quit",
      aliases: ["exit", "q"],
      form: "",
      args: {},
      help: "leave the room; :q does the same",
      example: "/quit",
      run: (room: MeshActions, _, ref) => room.leave(ref),
    }),
  ],
});
