/** Events that say something, in the form in which they become lines: for those that come, and those that are asked for. */

import { shownName } from "../../../base/text/names.ts";
import type { DoorEvent } from "../../doors/door.ts";
import { type Fields, isTrue, maybeText, numberOf, objectOf, textOf } from "./irc_fields.ts";
import { nickOf } from "../lines/irc_names.ts";
import type { IrcRooms } from "./irc_rooms.ts";

/** Something that was said, wherever that was. */
export interface Said {
  /** The number of the event. */
  readonly id: number;
  /** A channel, or the nick of the other one of a conversation. */
  readonly target: string;
  readonly isPrivate: boolean;
  readonly isSelf: boolean;
  /** Whether it was said before it could be shown. */
  readonly isEarlier: boolean;
  /** The author's nick and key; an empty key: it isn't known. */
  readonly nick: string;
  readonly key: string;
  readonly text: string;
  /** Of a group's entry: what `/edit` takes. */
  readonly entry: number | null;
  /** What an entry says from now on, instead of something that is said. */
  readonly isEdit: boolean;
  readonly msgid: string;
  /**
   * What it is in another run of the program, too, where events have other numbers; null: nothing tells that, or it
   * isn't to be noted, as what is said in a private room.
   */
  readonly identity: string | null;
  /** ISO 8601, UTC. */
  readonly time: string;
}

/** Reads events in their order: with whom a call is, only earlier ones say. */
export class SaidReader {
  /** With whom the last call is, or was, and the key, which what is said in it doesn't name; empty: it isn't known. */
  #peer = { name: "", key: "" };

  constructor(readonly rooms: IrcRooms) {}

  /** What the event says; null: nothing that anybody says. */
  read({ id, fields }: Pick<DoorEvent, "id" | "fields">): Said | null {
    switch (fields["event"]) {
      case "call":
        this.#peer = { name: textOf(fields, "peer"), key: textOf(fields, "key") };
        return null;
      case "message":
        return this.#message(id, fields);
      case "broadcast":
        return inRoom(id, fields, this.rooms);
      case "edit":
        return fields["outcome"] === "committed" ? editIn(id, fields, this.rooms) : null;
      default:
        return null;
    }
  }

  #message(id: number, fields: Fields): Said | null {
    const room = this.rooms.roomOf(fields);
    const isCall = room?.kind === "directory";
    if (!isTrue(fields, "private") && !isCall) return inRoom(id, fields, this.rooms);
    const peer = isCall ? this.#peer : { name: textOf(fields, "to"), key: "" };
    const isTheirs = isCall && textOf(fields, "from") === peer.name;
    const whole = isTheirs ? { ...fields, key: peer.key } : fields;
    const said = commonIn(id, whole, this.rooms);
    const target = said.isSelf ? this.rooms.nickFor(peer.name, peer.key, room) : said.nick;
    // What is said in a call comes without a time.
    const mark = textOf(fields, isCall ? "text" : "sentAt");
    const identity = identityIn(whole, mark, this.rooms);
    return { ...said, target, identity, isPrivate: true };
  }
}

function inRoom(id: number, fields: Fields, rooms: IrcRooms): Said | null {
  const channel = rooms.roomOf(fields)?.channel ?? null;
  return channel === null
    ? null
    : { ...commonIn(id, fields, rooms), target: channel, isPrivate: false };
}

function commonIn(id: number, fields: Fields, rooms: IrcRooms): Omit<Said, "target" | "isPrivate"> {
  const isSelf = isTrue(fields, "self");
  const changed = objectOf(fields, "changed");
  const from = textOf(fields, "from");
  const shown = maybeText(fields, "shown") ?? (changed === null ? from : textOf(changed, "shown"));
  const key = textOf(fields, "key");
  return {
    ...{ id, isSelf, key: isSelf ? rooms.selfKey : key, text: textOf(fields, "text") },
    nick: isSelf ? rooms.selfNick : nickIn(shown, key, fields, rooms),
    entry: numberOf(fields, "seq"),
    isEdit: false,
    isEarlier: isTrue(fields, "history"),
    msgid: msgidOf(id, fields),
    identity: identityIn(fields, textOf(fields, "sentAt"), rooms),
    time: timeOf(fields),
  };
}

/** Whom the program itself speaks as has a name that nobody can have: `*directory*`. */
function nickIn(shown: string, key: string, fields: Fields, rooms: IrcRooms): string {
  return shown.startsWith("*") ? shown : rooms.nickFor(shown, key, rooms.roomOf(fields));
}

function editIn(id: number, fields: Fields, rooms: IrcRooms): Said | null {
  const channel = rooms.roomOf(fields)?.channel ?? null;
  if (channel === null) return null;
  const by = textOf(fields, "by");
  const isSelf = by === rooms.selfName;
  const author = rooms.byName(by, "");
  return {
    ...{ id, target: channel, isPrivate: false, isSelf, isEdit: true, isEarlier: false },
    nick: isSelf ? rooms.selfNick : author?.nick ?? nickOf(shownName(by)),
    key: isSelf ? rooms.selfKey : author?.key ?? "",
    text: textOf(fields, "text"),
    entry: numberOf(fields, "seq"),
    msgid: `edit-${numberOf(fields, "edit") ?? id}`,
    identity: identityIn(fields, textOf(fields, "committedAt"), rooms),
    time: timeOf({ ...fields, sentAt: fields["committedAt"] }),
  };
}

/** What the mode calls it. */
function msgidOf(id: number, fields: Fields): string {
  return nameIn(fields) ?? `event-${id}`;
}

function nameIn(fields: Fields): string | null {
  const own = fields["event"] === "edit" ? fields["edit"] : fields["id"];
  return typeof own === "string" || typeof own === "number" ? String(own) : null;
}

/** @param mark Tells apart what has one name: authors choose theirs, and the next group at an address counts anew. */
function identityIn(fields: Fields, mark: string, rooms: IrcRooms): string | null {
  const name = nameIn(fields);
  if (name === null || mark === "" || rooms.roomOf(fields)?.isPrivate === true) return null;
  return JSON.stringify([fields["event"], textOf(fields, "key"), name, mark]);
}

/** Of what is shown as earlier, when it was said; of the rest, when it came: what a clock elsewhere says is of no use. */
function timeOf(fields: Fields): string {
  const at = textOf(fields, "at");
  const sentAt = maybeText(fields, "sentAt");
  return isTrue(fields, "history") && sentAt !== null ? sentAt : at;
}
