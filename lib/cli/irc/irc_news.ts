/** An event of the mode, as a client is told it: who comes and goes, what is said, what was asked, and the rest in words. */

import { answerWhois } from "./irc_answers.ts";
import { sendChange } from "./irc_changes.ts";
import type { Answered, IrcClient } from "./irc_client.ts";
import { sendError } from "./irc_commands.ts";
import { type Fields, objectsOf, textOf } from "./rooms/irc_fields.ts";
import type { Pending } from "./irc_pending.ts";
import type { Change, IrcRooms } from "./rooms/irc_rooms.ts";
import { sendSaid, sendService } from "./irc_speech.ts";
import type { Said } from "./rooms/said_reader.ts";

interface News {
  readonly client: IrcClient;
  readonly rooms: IrcRooms;
  readonly fields: Fields;
  /** How people read it. */
  readonly lines: readonly string[];
  /** What it answers. */
  readonly pending: Pending | undefined;
  readonly changes: readonly Change[];
  readonly said: Said | null;
  /** ISO 8601. */
  readonly time: string;
}

/** @returns Whether it is the answer, if it is one; or only tells how something goes on. */
export function sendNews(news: News): Answered {
  const { client, rooms, fields, pending, changes, said, time } = news;
  for (const change of changes) sendChange(client, rooms, change, time);
  if (said !== null) sendSaidNow(client, said, pending);
  else if (changes.length === 0 || pending?.kind === "service") sendOther(news);
  return fields["event"] === "delivery" ? "later" : "now";
}

function sendSaidNow(client: IrcClient, said: Said, pending: Pending | undefined): void {
  if (!said.isPrivate && client.hides(said.target)) return;
  const isEcho = said.isSelf && pending?.kind === "said" && pending.client === client.number;
  if (isEcho && !client.has("echo-message")) return;
  sendSaid(client, said, { isLate: false });
}

function sendOther({ client, rooms, fields, lines, pending, time }: News): void {
  const name = textOf(fields, "event");
  if (pending !== undefined && pending.client !== client.number) return;
  if (pending?.kind === "whois" && name === "whois") {
    return answerWhois(client, rooms, pending.target, fields);
  }
  if (pending !== undefined && name === "error") {
    const place = pending.kind === "said" ? null : rooms.placeOf(fields);
    const [text] = atPlace(place, [textOf(fields, "text")]);
    return sendError(client, pending, textOf(fields, "code"), text!, time);
  }
  if (pending?.kind === "service") {
    const told = name === "help" ? helpIn(fields) : lines;
    const placed = atPlace(rooms.placeOf(fields), told);
    return sendService(client, "PRIVMSG", client.nick, placed, time);
  }
  if (SILENT.has(name)) return;
  const channel = rooms.roomOf(fields)?.channel ?? null;
  const isForUser = pending !== undefined || FOR_USER.has(name) || channel === null ||
    client.hides(channel);
  sendService(client, "NOTICE", isForUser ? client.nick : channel, lines, time);
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

/** About what is between the user and one other, or the user alone. */
const FOR_USER: ReadonlySet<string> = new Set(["delivery", "incoming", "call", "transfer"]);

function helpIn(fields: Fields): readonly string[] {
  const lines = objectsOf(fields, "commands").map((command) => {
    const form = textOf(command, "form");
    return `${textOf(command, "name")}${form === "" ? "" : ` ${form}`}: ${textOf(command, "help")}`;
  });
  return ["Write to me as to the console, with or without a slash:", ...lines];
}
