/** The commands of a client that is registered. */

import { MESSAGE_BYTES_MAX } from "../../base/text/text.ts";
import type { KnownCommands } from "../doors/door_lines.ts";
import {
  answerIson,
  answerList,
  answerMode,
  answerNames,
  answerNoChannel,
  answerNotSent,
  answerOwnWhois,
  answerTopic,
  answerUserhost,
  answerWho,
  sendJoined,
} from "./irc_answers.ts";
import type { Answered, IrcClient } from "./irc_client.ts";
import { selectedBy } from "./irc_history.ts";
import { ircFolded, type IrcMessage, ircMessage, SERVER } from "./lines/irc_message.ts";
import { nameOfNick, SERVICE, typed } from "./lines/irc_names.ts";
import type { Pending } from "./irc_pending.ts";
import { type IrcRooms, placeWord } from "./rooms/irc_rooms.ts";
import { sendSaid, sendService, sourceOf } from "./irc_speech.ts";
import type { IrcTalk, Run } from "./irc_talk.ts";
import { clientText } from "./lines/irc_text.ts";
import { sendMotd, TARGETS_MAX } from "./irc_welcome.ts";
import type { Said } from "./rooms/said_reader.ts";

/** What a command may use. */
export interface IrcContext {
  readonly client: IrcClient;
  readonly rooms: IrcRooms;
  readonly talk: IrcTalk;
  readonly run: Run;
  readonly version: string;
  /** ISO 8601. */
  readonly time: string;
  /** All that was said, as far as it is kept, the oldest first. */
  said(): readonly Said[];
  /** Whether the mode has a command of that name. */
  readonly commands: KnownCommands;
  /** Whether the client waits for an answer to an earlier command of that kind: what is known now isn't how it ends. */
  awaits(kind: Pending["kind"]): boolean;
  /** The client has answered a `PING` that had this. */
  answered(token: string): void;
  /** The client leaves. */
  quit(): void;
}

interface Entry {
  /** How many parameters it needs. */
  readonly needs: number;
  run(context: IrcContext, params: readonly string[], message: IrcMessage): Answered | void;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  PRIVMSG: { needs: 2, run: (context, params, message) => talkTo(context, params, message) },
  NOTICE: { needs: 2, run: (context, params, message) => talkTo(context, params, message) },
  TAGMSG: { needs: 1, run: () => {} }, // that somebody is typing is told to nobody
  JOIN: { needs: 1, run: join },
  PART: { needs: 1, run: part },
  NAMES: {
    needs: 0,
    run: ({ client, rooms }, [channels]) => {
      const own = rooms.all.flatMap(({ channel }) => channel ?? []);
      const asked = channels === undefined ? own.length > 0 ? own : ["*"] : listed(channels);
      for (const each of asked) answerNames(client, rooms, each);
    },
  },
  WHO: { needs: 1, run: ({ client, rooms }, [mask]) => answerWho(client, rooms, mask!) },
  WHOIS: { needs: 1, run: whois },
  WHOWAS: {
    needs: 1,
    run({ client }, [nick]) {
      client.reply("406", nick!, "Nothing is kept of who was here");
      client.reply("369", nick!, "End of WHOWAS");
    },
  },
  TOPIC: { needs: 1, run: topic },
  MODE: {
    needs: 1,
    run: ({ client, rooms }, [target, modes = ""]) => answerMode(client, rooms, target!, modes),
  },
  LIST: { needs: 0, run: ({ client, rooms }) => answerList(client, rooms) },
  NICK: { needs: 1, run: nick },
  AWAY: { needs: 0, run: away },
  ISON: { needs: 1, run: ({ client, rooms }, nicks) => answerIson(client, rooms, nicks) },
  USERHOST: { needs: 1, run: ({ client, rooms }, nicks) => answerUserhost(client, rooms, nicks) },
  KICK: {
    needs: 2,
    run({ client, rooms }, [channel, nick]) {
      const name = rooms.byNick(nick!)?.person.name ?? nameOfNick(nick!);
      const way = typed(`remove ${name}`, rooms.all.length > 1 ? channel! : null);
      const text = membersWay(rooms, `${way} shuts a key out for good`);
      client.reply("482", channel!, `Nobody was removed: ${text}`);
    },
  },
  INVITE: {
    needs: 2,
    run({ client, rooms }, [, channel]) {
      const way = typed("invite", rooms.all.length > 1 ? channel! : null);
      const text = membersWay(rooms, `${way} shows the line that others need`);
      client.reply("482", channel!, `Nobody was invited: ${text}`);
    },
  },
  CHATHISTORY: { needs: 0, run: chathistory },
  PING: {
    needs: 1,
    run: ({ client }, [token]) => client.send(ircMessage(SERVER, "PONG", SERVER, token!)),
  },
  PONG: { needs: 0, run: ({ answered }, params) => answered(params.at(-1) ?? "") },
  MOTD: { needs: 0, run: ({ client }) => sendMotd(client) },
  LUSERS: {
    needs: 0,
    run({ client, rooms }) {
      const people = new Set(rooms.all.flatMap((room) => [...room.people.keys()])).size;
      const channels = rooms.all.filter(({ channel }) => channel !== null).length;
      client.reply("251", `There are ${people + 1} people in ${channels} channels`);
    },
  },
  VERSION: {
    needs: 0,
    run: ({ client, version }) => client.reply("351", `p2pchat-${version}`, SERVER, ""),
  },
  TIME: { needs: 0, run: ({ client, time }) => client.reply("391", SERVER, time) },
  CAP: { needs: 0, run: ({ client }, params) => client.negotiate(params) },
  PASS: { needs: 0, run: already },
  USER: { needs: 0, run: already },
  QUIT: { needs: 0, run: ({ quit }) => quit() },
};

/** @param way How those who are in a room do it. */
function membersWay(rooms: IrcRooms, way: string): string {
  return rooms.kind === "mesh"
    ? way
    : `the ${placeWord(rooms)}'s operator decides who comes in, and who stays`;
}

function already({ client }: IrcContext): void {
  client.reply("462", "That was said already");
}

/** Runs a command of the client's. */
export function runCommand(context: IrcContext, message: IrcMessage): Answered {
  const { client } = context;
  const { command, params } = message;
  const entry = Object.hasOwn(COMMANDS, command) ? COMMANDS[command] : undefined;
  if (entry === undefined) {
    client.reply(
      "421",
      command,
      `There is no such command; ${typed("help")} lists the program's`,
    );
    return "now";
  }
  if (params.length < entry.needs || (entry.needs > 0 && params[0] === "")) {
    client.reply("461", command, "Parameters are missing");
    return "now";
  }
  return entry.run(context, params, message) ?? "now";
}

/** Names separated by commas. */
function listed(text: string | undefined): readonly string[] {
  return (text ?? "").split(",", TARGETS_MAX).filter((name) => name !== "");
}

function talkTo(context: IrcContext, params: readonly string[], message: IrcMessage): Answered {
  const said = clientText(params[1]!);
  if (said.type === "ctcp") return refuseCtcp(context, said.command, message.command);
  const targets = listed(params[0]);
  const label = message.tags.get("label");
  // With several, the first that is answered later takes the label.
  const answers = targets.map((target) => say(context, target, said.text, label));
  return answers.some((answered) => answered === "later") ? "later" : "now";
}

function say(
  { client, talk, time }: IrcContext,
  target: string,
  text: string,
  label: string | undefined,
): Answered {
  if (text.trim() === "") {
    client.reply("412", "Nothing was sent: there is no text");
    return "now";
  }
  return talk.say({ client, target, text, label, time }) ? "now" : "later";
}

/** Questions of one client to another go to nobody: they would be texts to people. */
function refuseCtcp(
  { client, commands, time }: IrcContext,
  asked: string,
  command: string,
): Answered {
  // An answer to a question that nobody has asked, or no question.
  if (command === "NOTICE" || asked === "") return "now";
  const text = asked === "DCC" && commands.find("send") !== undefined
    ? `Nothing was sent: ${typed("send NAME FILE")} offers a file`
    : `CTCP ${asked} isn't passed on`;
  sendService(client, "NOTICE", client.nick, [text], time);
  return "now";
}

function join({ client, rooms, talk }: IrcContext, [channels]: readonly string[]): void {
  for (const channel of listed(channels)) {
    const room = rooms.byChannel(channel);
    if (room === undefined) {
      const way = rooms.kind === "mesh"
        ? `${typed("join WHERE")} leads into another room`
        : `a ${placeWord(rooms)} has but one`;
      client.reply("403", channel, `There is no such channel: ${way}`);
    } else if (client.unhide(channel)) {
      talk.choice.turnTo(room);
      sendJoined(client, rooms, room);
    }
  }
}

/** A client that leaves a channel closes a window: its user stays in the room, as when the client leaves. */
function part({ client, rooms, talk }: IrcContext, [channels]: readonly string[]): void {
  for (const channel of listed(channels)) {
    const room = rooms.byChannel(channel);
    if (room === undefined || client.hides(channel)) {
      answerNoChannel(client, channel);
      continue;
    }
    client.hide(channel);
    talk.choice.forget();
    client.send(ircMessage(sourceOf(client.nick, rooms.selfKey), "PART", room.channel!));
    const leaves = room.kind === "mesh" ? typed("part", room.channel) : typed("quit");
    const way = `You are still in the ${placeWord(room)}: /join ${room.channel} shows it again; ` +
      `${leaves} leaves it`;
    client.send(ircMessage(SERVER, "NOTICE", client.nick, way));
  }
}

function whois(context: IrcContext, params: readonly string[], message: IrcMessage): Answered {
  const { client, rooms, talk, run } = context;
  const target = params.at(-1)!;
  if (ircFolded(target) === SERVICE) {
    answerOwnWhois(client);
    return "now";
  }
  const pending = pendingOf(context, "whois", target, message);
  if (rooms.isOwnNick(target)) {
    run({ command: "whoami" }, pending);
    return "later";
  }
  const addressed = talk.addressee(target, "whois");
  if (addressed.type === "nobody") {
    answerNoWhois(client, target, addressed.text);
    return "now";
  }
  const { room, name } = addressed;
  run(rooms.placed(room, { command: "whois", name }), pending);
  return "later";
}

function answerNoWhois(client: IrcClient, target: string, text: string): void {
  client.reply("401", target, text);
  client.reply("318", target, "End of WHOIS");
}

function topic({ client, rooms }: IrcContext, params: readonly string[]): void {
  const room = rooms.byChannel(params[0]!);
  if (room === undefined) return answerNoChannel(client, params[0]!);
  if (params.length === 1) return answerTopic(client, room);
  const text = room.kind === "mesh"
    ? "The title is that of --title, at the program's start"
    : `Nothing was done: a ${placeWord(room)} has no title`;
  client.reply("482", room.channel!, text);
}

function nick(context: IrcContext, params: readonly string[], message: IrcMessage): Answered {
  const { client, rooms, talk, commands, awaits } = context;
  const wanted = params[0]!;
  if (rooms.isOwnNick(wanted) && !awaits("nick")) return "now";
  if (commands.find("name") === undefined) {
    client.reply("447", "You keep your name here: it is that of the program's start");
    return "now";
  }
  talk.ask(`name ${nameOfNick(wanted)}`, pendingOf(context, "nick", wanted, message));
  return "later";
}

function away(context: IrcContext, params: readonly string[], message: IrcMessage): Answered {
  const { rooms, client, run, awaits } = context;
  const text = params[0] ?? "";
  if (text === "" && rooms.selfAway === null && !awaits("away")) {
    client.reply("305", "You are no longer away");
    return "now";
  }
  const pending = pendingOf(context, "away", client.nick, message);
  run(text === "" ? { command: "back" } : { command: "away", text }, pending);
  return "later";
}

function pendingOf(
  { client }: IrcContext,
  kind: "whois" | "nick" | "away",
  target: string,
  message: IrcMessage,
): Pending {
  return { kind, client: client.number, target, label: message.tags.get("label") };
}

function chathistory(context: IrcContext, params: readonly string[]): void {
  const { client } = context;
  const selected = selectedBy(params, context.said());
  if (selected.type === "failed") return client.fail("CHATHISTORY", ...selected.fail);
  sendHistory(client, params[1]!, selected.said);
}

/** Sends what was said earlier, as one batch where the client understands that. */
export function sendHistory(client: IrcClient, target: string, said: readonly Said[]): void {
  if (!client.has("batch")) {
    for (const one of said) sendSaid(client, one, { isLate: true });
    return;
  }
  client.inBatch({}, ["chathistory", target], (tags) => {
    for (const one of said) sendSaid(client, one, { tags, isLate: true });
  });
}

/** The words of an error that a message of the client's met: numerics, as clients know them. */
export function sendError(
  client: IrcClient,
  rooms: IrcRooms,
  pending: Pending,
  code: string,
  text: string,
  time: string,
): void {
  const { kind, target } = pending;
  if (kind === "nick") {
    const numeric = code === "name-taken" ? "433" : "432";
    return client.reply(numeric, target, text);
  }
  if (kind === "whois") return answerNoWhois(client, target, text);
  if (kind === "said") {
    if (code === "too-long") {
      return client.fail("PRIVMSG", "MESSAGE_TOO_LONG", target, String(MESSAGE_BYTES_MAX), text);
    }
    if (target.startsWith("#")) return client.reply("404", target, text);
    return answerNotSent(client, rooms, target, text, time);
  }
  const isAsked = kind === "service";
  sendService(client, isAsked ? "PRIVMSG" : "NOTICE", client.nick, [`error: ${text}`], time);
}
