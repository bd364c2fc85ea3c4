/** How a client comes in: what it is told first, and why it isn't let in. */

import { AWAY_TEXT_BYTES_MAX } from "../../base/machine/user_presence.ts";
import { NAME_LENGTH_MAX } from "../../base/text/names.ts";
import type { IrcClient } from "./irc_client.ts";
import { CHATHISTORY_MAX } from "./irc_history.ts";
import { ircMessage, LINE_BYTES_MAX, NOBODY, SERVER } from "./lines/irc_message.ts";
import { CHANNEL_BYTES_MAX } from "./lines/irc_names.ts";

/** Targets of one command. */
export const TARGETS_MAX = 4;

const SUPPORTED = [
  "NETWORK=p2pchat",
  "CASEMAPPING=ascii",
  "UTF8ONLY",
  "UTF8MAPPING=rfc8265",
  "CHANTYPES=#",
  "CHANMODES=,,,in",
  "PREFIX=(v)+",
  "MODES=1",
  `NICKLEN=${NAME_LENGTH_MAX}`,
  `CHANNELLEN=${CHANNEL_BYTES_MAX}`,
  `AWAYLEN=${AWAY_TEXT_BYTES_MAX}`,
  `LINELEN=${LINE_BYTES_MAX}`,
  `CHATHISTORY=${CHATHISTORY_MAX}`,
  "MSGREFTYPES=msgid,timestamp",
  "CLIENTTAGDENY=*",
  `TARGMAX=PRIVMSG:${TARGETS_MAX},NOTICE:${TARGETS_MAX},JOIN:${TARGETS_MAX},WHOIS:1,NAMES:1`,
  "SAFELIST",
];
/** RFC 2812: at most 15 parameters, the nick and the text among them. */
const SUPPORTED_IN_LINE = 12;

/** @param version Of the program. */
export function sendWelcome(client: IrcClient, version: string): void {
  client.reply("001", `Welcome to p2pchat, ${client.nick}`);
  client.reply("002", `This is ${SERVER}, your own program, version ${version}`);
  client.reply("003", "It serves one client, on this machine alone");
  client.reply("004", SERVER, `p2pchat-${version}`, "i", "inv");
  for (let at = 0; at < SUPPORTED.length; at += SUPPORTED_IN_LINE) {
    const tokens = SUPPORTED.slice(at, at + SUPPORTED_IN_LINE);
    client.reply("005", ...tokens, "are supported by this server");
  }
  sendMotd(client);
}

const MOTD = [
  "You are a member of a room, a group or a directory, which is a channel here; you stay in it when",
  "this client leaves. What you write to somebody alone is private.",
  "/msg *p2pchat help lists what the program does: status, verify NAME, trust NAME, ...",
];

export function sendMotd(client: IrcClient): void {
  client.reply("375", "- p2pchat -");
  for (const line of MOTD) client.reply("372", `- ${line}`);
  client.reply("376", "End of MOTD");
}

/** Why a connection isn't served; it is to be closed then. */
export function sendRefusal(client: IrcClient, text: string): void {
  client.send(ircMessage(SERVER, "NOTICE", NOBODY, text));
  sendFarewell(client, text);
}

/** The last line of a connection. */
export function sendFarewell(client: IrcClient, text: string): void {
  client.send(ircMessage(null, "ERROR", text));
}

export const WRONG_PASSWORD =
  "That isn't the password: it stands in the file that the program named";
export const NO_PASSWORD = "A password is needed: it stands in the file that the program named";
export const SECOND_CLIENT =
  "Another client is connected: the program serves one at a time. Close that one, then try again";
/** While lines of that one wait, which has perhaps been closed: they are its user's words all the same. */
export const CLIENT_BEHIND =
  "Another client's last lines are still being said, 100 a second: the program serves one at a time. Try again when " +
  "that is done";
