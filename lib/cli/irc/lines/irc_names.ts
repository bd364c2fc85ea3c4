/**
 * Names of people as nicks, and titles of rooms as channels.
 *
 * A nick is the name, with three changes that can be undone, as no name has the characters that they bring in:
 * - `.`, in which clients see a server's name, is `|`: `j.doe` is `j|doe`;
 * - a digit at the start gets `_` before it: `3po` is `_3po`;
 * - `~` before the start of a key is `^`: `Bob~k7f3` is `Bob^k7f3`.
 * Names of services, to which clients send passwords by themselves (`NickServ`), have a mark before them, `≈`.
 * Letters of any script stay (`UTF8ONLY`), and a name that mixes scripts, or imitates another, keeps its mark, `≈`. Two
 * names that are different here are different nicks, in ASCII's case mapping, too.
 */

import { MIXED_SCRIPTS_MARK, withoutMark } from "../../../base/text/names.ts";
import { utf8Length, visibleText } from "../../../base/text/text.ts";
import { graphemesOf } from "../../rendering/graphemes.ts";
import { ircFolded } from "./irc_message.ts";

/** The program itself, as somebody to write to. No name begins with a star. */
export const SERVICE = "*p2pchat";

/**
 * How the program is asked for something, in any window: it takes names, which aren't always nicks.
 * @param channel Of the room that is meant, where there are several.
 */
export function typed(command: string, channel: string | null = null): string {
  return `/msg ${SERVICE} ${channel === null ? "" : `${channel} `}${command}`;
}

/** NickServ, ChanServ, AuthServ and so on. */
const SERVICES = /^[a-z]+serv$/i;

/** Whether clients take who has that nick for a service of the network's: nobody here is one. */
export function isServiceNick(nick: string): boolean {
  return SERVICES.test(nick);
}

/** The nick of a name as it is shown, with or without a mark. */
export function nickOf(shown: string): string {
  const name = withoutMark(shown);
  const mark = name.length < shown.length || isServiceNick(name) ? MIXED_SCRIPTS_MARK : "";
  const nick = name.replaceAll(".", "|").replace("~", "^");
  return mark + (/^\p{Nd}/u.test(nick) ? `_${nick}` : nick);
}

/** The name that has this nick, without a mark. */
export function nameOfNick(nick: string): string {
  const name = withoutMark(nick).replace(/^_/, "");
  return name.replaceAll("|", ".").replace("^", "~");
}

/** Of a channel, `#` included: what most clients have room for. */
export const CHANNEL_BYTES_MAX = 64;

/** What a channel can't have, and a comma, which separates several; a colon confuses some clients. */
// deno-lint-ignore no-control-regex
const NOT_IN_CHANNELS = /[\x00-\x20\x7f,:]+/g;

/**
 * The channel of a room.
 * @param title Null where it has none. @param taken Whether another room has that channel.
 */
export function channelOf(title: string | null, taken: (channel: string) => boolean): string {
  const words = visibleText((title ?? "").replace(/\s+/g, "-")).replace(NOT_IN_CHANNELS, "-");
  const base = cut(`#${words.replace(/^#+/, "")}`, CHANNEL_BYTES_MAX - 4);
  const named = base === "#" ? "#room" : base;
  let channel = named;
  for (let number = 2; taken(ircFolded(channel)); number++) channel = `${named}-${number}`;
  return channel;
}

function cut(text: string, bytesMax: number): string {
  let kept = "";
  for (const { segment } of graphemesOf(text)) {
    if (utf8Length(kept) + utf8Length(segment) > bytesMax) break;
    kept += segment;
  }
  return kept;
}
