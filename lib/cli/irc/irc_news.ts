/** An event of the mode, as a client is told it: who comes and goes, what is said, what was asked, and the rest in words. */

import { askedBy } from "../commands/question_kinds.ts";
import type { DoorEvent } from "../doors/door.ts";
import type { KnownCommands } from "../doors/door_lines.ts";
import { answerWhois } from "./irc_answers.ts";
import { sendChange } from "./irc_changes.ts";
import type { Answered, IrcClient } from "./irc_client.ts";
import { sendError, sendHistory } from "./irc_commands.ts";
import { type Fields, isTrue, objectsOf, textOf } from "./rooms/irc_fields.ts";
import type { Pending } from "./irc_pending.ts";
import type { Change, IrcRooms } from "./rooms/irc_rooms.ts";
import { sendSaid, sendService } from "./irc_speech.ts";
import { helpLines, lineText, sentenceText } from "./irc_words.ts";
import type { Partner } from "./rooms/irc_partners.ts";
import type { Said } from "./rooms/said_reader.ts";

export interface News {
  readonly client: IrcClient;
  readonly rooms: IrcRooms;
  readonly fields: Fields;
  /** How people read it. */
  readonly lines: DoorEvent["lines"];
  /** What it answers. */
  readonly pending: Pending | undefined;
  readonly changes: readonly Change[];
  readonly said: Said | null;
  /** What was said in rooms that are channels from now on. */
  readonly early: readonly Said[];
  /** With whom alone it is. */
  readonly partner: Partner | null;
  readonly commands: KnownCommands;
  /** ISO 8601. */
  readonly time: string;
  /** Called with the window in which its lines were sent, and whether all were. */
  readonly shown: (window: string, isWhole: boolean) => void;
}

/** @returns Whether it is the answer, if it is one; or only tells how something goes on. */
export function sendNews(news: News): Answered {
  const { client, rooms, fields, pending, changes, said, early, time } = news;
  for (const change of changes) sendChange(client, rooms, change, time);
  for (const [target, earlier] of Map.groupBy(early, ({ target }) => target)) {
    sendHistory(client, target, earlier);
  }
  if (said !== null) sendSaidNow(client, said, pending);
  else if (changes.length === 0 || pending?.kind === "service") sendOther(news);
  return fields["event"] === "delivery" ? "later" : "now";
}

function sendSaidNow(client: IrcClient, said: Said, pending: Pending | undefined): void {
  if (!said.isPrivate && client.hides(said.target)) return;
  const isEcho = said.isSelf && pending?.kind === "said" && pending.client === client.number;
  if (isEcho && !client.has("echo-message")) return;
  sendSaid(client, said, { isLate: said.isEarlier });
}

function sendOther(news: News): void {
  const { client, rooms, fields, pending, partner, time } = news;
  const name = textOf(fields, "event");
  if (pending !== undefined && pending.client !== client.number) return;
  if (name === "message" && rooms.roomOf(fields)?.channel === null) return; // until there is one
  if (pending?.kind === "whois" && name === "whois") {
    return answerWhois(client, rooms, pending.target, fields);
  }
  const place = rooms.placeOf(fields);
  if (pending !== undefined && name === "error") {
    const typed = sentenceText(textOf(fields, "text"), news.commands, place);
    const [text] = atPlace(pending.kind === "said" ? null : place, [typed]);
    return sendError(client, rooms, pending, textOf(fields, "code"), text!, time);
  }
  const isAsked = pending?.kind === "service";
  if (isAsExpected(fields) || (SILENT.has(name) && !isAsked)) return;
  const lines = name === "help"
    ? helpLines(helpIn(fields), news.commands)
    : news.lines.map((line) => lineText(line, place, isAsked ? Date.parse(time) : null));
  if (isAsked) {
    return void sendService(client, "PRIVMSG", client.nick, atPlace(place, lines), time);
  }
  const channel = rooms.roomOf(fields)?.channel ?? null;
  const isForUser = partner !== null || pending !== undefined || isForUserAlone(fields) ||
    channel === null || client.hides(channel);
  const isCall = name === "incoming"; // for which clients open a query, as they do for no notice
  const isShort = isCall || (askedBy(fields) !== null && !isForUser);
  const told = isShort ? withShortWay(lines) : lines;
  const command = isCall ? "PRIVMSG" : "NOTICE";
  const target = isForUser ? client.nick : channel;
  const isWhole = sendService(client, command, target, told, time, partner, name === "vote-wanted");
  news.shown(partner?.nick ?? target, isWhole);
}

/** In the channel in which something is asked, and in the query of who calls, a letter answers. */
function withShortWay(lines: readonly string[]): readonly string[] {
  return lines.map((line, at) => at === 0 ? `${line}; here y or n is enough` : line);
}

/** An answer says where that is. Lines that may be copied stay as they are. */
function atPlace(channel: string | null, lines: readonly string[]): readonly string[] {
  if (channel === null || lines.length === 0) return lines;
  return lines.length === 1 ? [`${channel}: ${lines[0]}`] : [`In ${channel}:`, ...lines];
}

/** What a client sees otherwise, or what is of no use to it unasked. */
const SILENT: ReadonlySet<string> = new Set([
  "ready",
  "joined",
  "left",
  "renamed",
  "presence",
  "view",
  "members",
  "users",
  "rooms",
  "room",
  "parted",
  "catching-up",
  "returned",
  "web",
  "irc",
  "bye",
  "broadcast-sent",
]);

/** That a private message was kept, or has arrived: at the console, too, only the contrary is told. */
function isAsExpected(fields: Fields): boolean {
  return fields["event"] === "delivery" && fields["state"] !== "failed" &&
    fields["waiting"] === undefined;
}

const FOR_USER: ReadonlySet<string> = new Set(["delivery", "incoming", "call", "transfer"]);

/** What concerns nobody else; but who has fetched it, and that an offer has ended, is told where it was made. */
function isForUserAlone(fields: Fields): boolean {
  const { event, state, reason } = fields;
  const isOfOffer = event === "transfer" &&
    (fields["to"] !== undefined ||
      (state === "cancelled"
        ? isTrue(fields, "self")
        : state === "failed" && (reason === "withdrawn" || reason === "changed")));
  return FOR_USER.has(textOf(fields, "event")) && !isOfOffer;
}

function helpIn(fields: Fields) {
  return objectsOf(fields, "commands").map((command) => ({
    name: textOf(command, "name"),
    form: textOf(command, "form"),
    help: textOf(command, "help"),
    example: textOf(command, "example"),
  }));
}
