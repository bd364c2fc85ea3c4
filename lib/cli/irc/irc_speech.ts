/** What was said, as the lines that a client shows. */

import { timeText } from "../rendering/moments.ts";
import type { IrcClient } from "./irc_client.ts";
import { type IrcMessage, ircMessage, withTags } from "./lines/irc_message.ts";
import { SERVICE } from "./lines/irc_names.ts";
import { roomForText } from "./lines/irc_serialiser.ts";
import {
  ACTION_BYTES,
  actionBody,
  BODIES_MAX,
  bodiesOf,
  bodiesOfAll,
  ircAction,
  markedBodies,
} from "./lines/irc_text.ts";
import type { Partner } from "./rooms/irc_partners.ts";
import type { Said } from "./rooms/said_reader.ts";

/** What stands for a user and a host: the key of somebody, so that clients can tell people apart by it. */
export function sourceOf(nick: string, key: string): string {
  return `${nick}!p2p@${key === "" || key === nick ? "p2pchat" : key}`;
}

/** Two texts of the longest have some thousand lines, but where somebody breaks them into next to nothing. */
const SIGNED_BODIES_MAX = 2_000;

const SERVICE_SOURCE = sourceOf(SERVICE, "");

/** How something is sent. */
interface Delivery {
  /** Tags of all its lines. */
  readonly tags?: Readonly<Record<string, string | undefined>>;
  /** Whether it was said before: a client that knows no times is told when. */
  readonly isLate: boolean;
}

/** Sends what was said. */
export function sendSaid(client: IrcClient, said: Said, { tags = {}, isLate }: Delivery): void {
  const target = said.isPrivate && !said.isSelf ? client.nick : said.target;
  const source = sourceOf(said.nick, said.key);
  const empty = ircMessage(source, said.isEdit ? "NOTICE" : "PRIVMSG", target);
  const own = {
    ...{ time: said.time, msgid: said.msgid },
    account: said.key === "" ? undefined : said.key,
    "p2pchat/seq": said.entry === null ? undefined : String(said.entry),
  };
  const head = headOf(client, said, isLate);
  const action = said.isEdit ? null : ircAction(said.text);
  const room = roomForText(empty) - (action === null ? 0 : ACTION_BYTES);
  const text = `${head}${action ?? said.text}`;
  const bodies = head === "" ? bodiesOf(text, room) : markedBodies(text, room);
  const shown = bodies.length > 0 ? bodies : ["␊"];
  for (const [at, body] of shown.entries()) {
    const line = lineOf(empty, action === null ? body : actionBody(body));
    client.send(withTags(line, { ...own, ...tags, ...(at > 0 ? { msgid: undefined } : {}) }));
  }
}

function lineOf({ source, command, params }: IrcMessage, text: string): IrcMessage {
  return ircMessage(source, command, ...params, text);
}

/** What stands before a text: when it was said, and the number of an entry, which people need to change it. */
function headOf(client: IrcClient, { time, entry, isEdit }: Said, isLate: boolean): string {
  const when = isLate && !client.has("server-time")
    ? `[${timeText(Date.parse(time), false)}] `
    : "";
  const number = entry === null ? "" : isEdit ? `edited ${entry}: ` : `[${entry}] `;
  return when + number;
}

/**
 * The program speaks: an answer to what was asked of it, or news of a room.
 * @param command `PRIVMSG` for answers, which belong into a window of their own; `NOTICE` for the rest.
 * @param target A channel, or the client's nick. @param partner With whom alone it is: it is shown in that conversation.
 * @param isSigned Whether somebody consents to it: then next to nothing of it is left out. @returns Whether nothing is.
 */
export function sendService(
  client: IrcClient,
  command: "PRIVMSG" | "NOTICE",
  target: string,
  lines: readonly string[],
  time: string,
  partner: Partner | null = null,
  isSigned = false,
): boolean {
  const source = partner === null ? SERVICE_SOURCE : sourceOf(partner.nick, partner.key);
  const empty = ircMessage(source, command, target);
  const most = isSigned ? SIGNED_BODIES_MAX : BODIES_MAX;
  const bodies = bodiesOfAll(lines, roomForText(empty), most);
  for (const text of bodies) client.send(withTags(lineOf(empty, text), { time }));
  return bodies.length <= most;
}
