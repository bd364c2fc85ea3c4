/** Who comes, goes, is called otherwise or is away, as a client is told it. */

import { sendAway, sendJoin, sendJoined, sendVerified } from "./irc_answers.ts";
import type { IrcClient } from "./irc_client.ts";
import { type IrcMessage, ircMessage, withTags } from "./lines/irc_message.ts";
import type { Change, IrcRooms } from "./rooms/irc_rooms.ts";
import { sourceOf } from "./irc_speech.ts";

/** Why somebody is gone, in words. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ["quit", "left"],
  ["lost", "lost: no answer"],
  ["replaced", "the same key came in from another place"],
  ["removed", "removed"],
  ["offline", "logged out"],
]);

/** @param time ISO 8601. */
export function sendChange(
  client: IrcClient,
  rooms: IrcRooms,
  change: Change,
  time: string,
): void {
  const send = (message: IrcMessage) => client.send(withTags(message, { time }));
  switch (change.type) {
    case "entered":
      return sendJoined(client, rooms, change.room);
    case "parted": {
      const source = sourceOf(rooms.selfNick, rooms.selfKey);
      if (!client.unhide(change.channel)) {
        send(ircMessage(source, "PART", change.channel, reasonText(change.reason)));
      }
      return;
    }
    case "self":
      if (client.nick === rooms.selfNick) return;
      send(ircMessage(sourceOf(client.nick, rooms.selfKey), "NICK", rooms.selfNick));
      client.nick = rooms.selfNick;
      return;
    case "self away":
      if (change.away === null) client.reply("305", "You are no longer away");
      else client.reply("306", "You are away");
      return;
    case "renamed": {
      const { was, person } = change;
      return send(ircMessage(sourceOf(was.nick, was.key), "NICK", person.nick));
    }
    case "away":
      return sendAway(client, change.person, time);
  }
  const { channel } = change.room;
  if (channel === null || client.hides(channel)) return;
  const { person } = change;
  const source = sourceOf(person.nick, person.key);
  if (change.type === "verified") return sendVerified(client, channel, person);
  if (change.type === "gone") {
    const reason = reasonText(change.reason);
    return send(
      change.isElsewhere
        ? ircMessage(source, "PART", channel, reason)
        : ircMessage(source, "QUIT", reason),
    );
  }
  sendJoin(client, source, channel, person.key, person.name);
  if (person.isVerified) sendVerified(client, channel, person);
  if (person.away !== null) sendAway(client, person, time);
}

function reasonText(reason: string): string {
  return REASONS.get(reason) ?? (reason === "" ? "gone" : reason);
}
