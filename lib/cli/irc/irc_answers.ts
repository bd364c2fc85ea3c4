/** What a client asks of channels and people, and is answered at once, from what events have told. */

import { shownName } from "../../base/text/names.ts";
import { utf8Length, visibleText } from "../../base/text/text.ts";
import type { IrcClient } from "./irc_client.ts";
import { type Fields, isTrue, maybeText, numberOf, textOf } from "./rooms/irc_fields.ts";
import { ircFolded, ircMessage, NOBODY, SERVER, withTags } from "./lines/irc_message.ts";
import { SERVICE, typed } from "./lines/irc_names.ts";
import { type IrcRooms, type Person, placeWord, type Room } from "./rooms/irc_rooms.ts";
import { sendService, sourceOf } from "./irc_speech.ts";

/** Before the nick of somebody whom the user has verified: a voice, as IRC calls it. */
const VERIFIED = "+";

/** Of the nicks in one line: what is before them, a channel and the user's own nick, has room, too. */
const NAMES_BYTES_MAX = 256;

/** The user comes into a channel: as every client is told, who is there included. */
export function sendJoined(client: IrcClient, rooms: IrcRooms, room: Room): void {
  const source = sourceOf(rooms.selfNick, rooms.selfKey);
  sendJoin(client, source, room.channel!, rooms.selfKey, rooms.selfName);
  sendTopic(client, room);
  sendNames(client, rooms, room);
}

export function sendJoin(
  client: IrcClient,
  source: string,
  channel: string,
  key: string,
  name: string,
): void {
  const more = client.has("extended-join") ? [key === "" ? NOBODY : key, name] : [];
  client.send(ircMessage(source, "JOIN", channel, ...more));
}

/** What is to be known of a room: its title, or where it is. */
function topicOf({ title, kind, place, isPrivate }: Room): string | null {
  if (title !== null) return title;
  if (kind === "group") return `The group of ${place}: [N] is the number of an entry`;
  if (kind === "directory") {
    return `The directory ${place}: what is said here goes to all; write to somebody alone to call`;
  }
  return isPrivate ? "A private room: only an invite opens it" : null;
}

function sendTopic(client: IrcClient, room: Room): void {
  const topic = topicOf(room);
  if (topic !== null) client.reply("332", room.channel!, topic);
}

export function answerTopic(client: IrcClient, room: Room): void {
  if (topicOf(room) === null) client.reply("331", room.channel!, "The room has no title");
  else sendTopic(client, room);
}

function sendNames(client: IrcClient, rooms: IrcRooms, room: Room): void {
  const isLong = client.has("userhost-in-names");
  const named = (nick: string, key: string) => isLong ? sourceOf(nick, key) : nick;
  const names = [
    named(rooms.selfNick, rooms.selfKey),
    ...[...room.people.values()].map(({ nick, key, isVerified }) =>
      (isVerified ? VERIFIED : "") + named(nick, key)
    ),
  ];
  let line = "";
  for (const name of names) {
    if (line !== "" && utf8Length(line) + utf8Length(name) > NAMES_BYTES_MAX) {
      client.reply("353", "=", room.channel!, line);
      line = "";
    }
    line += `${line === "" ? "" : " "}${name}`;
  }
  client.reply("353", "=", room.channel!, line);
  client.reply("366", room.channel!, "End of the list of names");
}

export function answerNames(client: IrcClient, rooms: IrcRooms, channel: string): void {
  const room = rooms.byChannel(channel);
  if (room === undefined) client.reply("366", channel, "End of the list of names");
  else sendNames(client, rooms, room);
}

/** @param mask A channel, or a nick. */
export function answerWho(client: IrcClient, rooms: IrcRooms, mask: string): void {
  const room = rooms.byChannel(mask);
  if (room !== undefined) {
    sendWho(client, room.channel!, self(rooms), rooms.selfAway !== null);
    for (const person of room.people.values()) sendWho(client, room.channel!, person);
  } else if (rooms.isOwnNick(mask)) {
    sendWho(client, NOBODY, self(rooms), rooms.selfAway !== null);
  } else {
    const found = rooms.byNick(mask);
    if (found !== undefined) sendWho(client, found.room.channel ?? NOBODY, found.person);
  }
  client.reply("315", mask, "End of the list");
}

function self(rooms: IrcRooms): Person {
  return {
    ...{ key: rooms.selfKey, name: rooms.selfName, nick: rooms.selfNick },
    ...{ isVerified: false, away: rooms.selfAway },
  };
}

function sendWho(client: IrcClient, channel: string, person: Person, isAway?: boolean): void {
  const { nick, key, name, isVerified, away } = person;
  const flags = `${isAway ?? away !== null ? "G" : "H"}${isVerified ? VERIFIED : ""}`;
  client.reply(
    "352",
    channel,
    "p2p",
    key === name ? "p2pchat" : key,
    SERVER,
    nick,
    flags,
    `0 ${name}`,
  );
}

export function answerList(client: IrcClient, rooms: IrcRooms): void {
  client.reply("321", "Channel", "Users  Title");
  for (const room of rooms.all) {
    if (room.channel === null) continue;
    client.reply("322", room.channel, String(room.people.size + 1), topicOf(room) ?? "");
  }
  client.reply("323", "End of the list");
}

export function answerMode(
  client: IrcClient,
  rooms: IrcRooms,
  target: string,
  modes: string,
): void {
  if (rooms.isOwnNick(target)) return client.reply("221", "+");
  const room = rooms.byChannel(target);
  if (room === undefined) return answerNoChannel(client, target);
  if (/^\+?b$/.test(modes)) return client.reply("368", room.channel!, "Nobody is banned here");
  if (modes !== "") {
    const text = `A ${placeWord(room)} has no modes to change; ${
      typed("help")
    } lists what can be done`;
    return client.reply("482", room.channel!, text);
  }
  client.reply("324", room.channel!, room.isPrivate ? "+in" : "+n");
  client.reply("329", room.channel!, String(Math.floor(room.sinceMs / 1_000)));
}

/**
 * Nothing was sent to that nick. Clients may have their own words for 401, which say that nobody is called so: where
 * somebody is, the program's stand in the conversation with that one.
 */
export function answerNotSent(
  client: IrcClient,
  rooms: IrcRooms,
  nick: string,
  text: string,
  time: string,
): void {
  const key = rooms.keyOf(nick);
  if (key === null) return client.reply("401", nick, text);
  sendService(client, "NOTICE", client.nick, [text], time, { nick, key });
}

export function answerNoChannel(client: IrcClient, channel: string): void {
  client.reply("403", channel, "There is no such channel");
}

/** Of the program itself. */
export function answerOwnWhois(client: IrcClient): void {
  client.reply("311", SERVICE, "p2p", "p2pchat", NOBODY, `This program: ${typed("help")}`);
  client.reply("318", SERVICE, "End of WHOIS");
}

/** Who somebody is, as the program's own `/whois` says it. */
export function answerWhois(
  client: IrcClient,
  rooms: IrcRooms,
  nick: string,
  whois: Fields,
): void {
  const name = textOf(whois, "name");
  const key = maybeText(whois, "key");
  const isSelf = isTrue(whois, "self");
  client.reply("311", nick, "p2p", key ?? "p2pchat", NOBODY, shownName(name));
  const channels = rooms.all.filter(({ people, channel }) =>
    channel !== null && (isSelf || (key !== null && people.has(key)))
  ).map(({ channel }) => channel!);
  if (channels.length > 0) client.reply("319", nick, channels.join(" "));
  client.reply("312", nick, SERVER, "p2pchat, end to end encrypted");
  const away = maybeText(whois, "away");
  if (away !== null) client.reply("301", nick, awayText(away));
  if (key !== null) client.reply("330", nick, key, "has the key");
  const host = textOf(whois, "host");
  const route = maybeText(whois, "route");
  const port = numberOf(whois, "port");
  if (host !== "") {
    const by = route === null ? "" : `, ${ROUTES.get(route) ?? route}`;
    client.reply("378", nick, `is at ${host} port ${port}${by}`);
  }
  for (const text of knownText(whois, rooms.placeOf(whois))) client.reply("320", nick, text);
  client.reply("318", nick, "End of WHOIS");
}

const ROUTES = new Map([["direct", "connected directly"], ["relay", "relayed"]]);

/** @param channel Of the room, where there are several. */
function* knownText(whois: Fields, channel: string | null): Generator<string> {
  if (isTrue(whois, "self")) return;
  const since = maybeText(whois, "since");
  if (isTrue(whois, "verified")) yield "is verified: you compared digits, or words";
  else yield `isn't verified: ${typed(`verify ${shownName(textOf(whois, "name"))}`, channel)}`;
  if (since !== null) yield `has been known under that key since ${since}`;
}

/** Who of these is here, of those whose windows clients ask about. */
export function answerIson(client: IrcClient, rooms: IrcRooms, nicks: readonly string[]): void {
  const here = nicks.flatMap((each) => each.split(" ")).filter((nick) =>
    rooms.byNick(nick) !== undefined || ircFolded(nick) === SERVICE ||
    rooms.isOwnNick(nick)
  );
  client.reply("303", here.join(" "));
}

export function answerUserhost(client: IrcClient, rooms: IrcRooms, nicks: readonly string[]): void {
  const found = nicks.slice(0, USERHOST_MAX).flatMap((nick) => {
    if (rooms.isOwnNick(nick)) return [self(rooms)];
    return rooms.byNick(nick)?.person ?? [];
  });
  const texts = found.map(({ nick, key, away }) =>
    `${nick}=${away === null ? "+" : "-"}${sourceOf(nick, key).slice(nick.length + 1)}`
  );
  client.reply("302", texts.join(" "));
}

/** RFC 2812. */
const USERHOST_MAX = 5;

/** A voice is given to who is verified, and taken. */
export function sendVerified(client: IrcClient, channel: string, person: Person): void {
  const mode = `${person.isVerified ? "+" : "-"}v`;
  client.send(ircMessage(SERVER, "MODE", channel, mode, person.nick));
}

/** Somebody's own words for it, in which a client obeys nothing. */
function awayText(away: string): string {
  return away === "" ? "away" : visibleText(away);
}

/** Tells that somebody is away or back, to clients that want to be told. */
export function sendAway(client: IrcClient, { nick, key, away }: Person, time: string): void {
  if (!client.has("away-notify")) return;
  const params = away === null ? [] : [awayText(away)];
  client.send(withTags(ircMessage(sourceOf(nick, key), "AWAY", ...params), { time }));
}
