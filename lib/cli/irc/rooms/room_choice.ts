/**
 * In which of several rooms something is done that is asked of the program itself, in a window that belongs to none: never
 * in one that the user may not think of.
 */

import { inWords } from "../../../base/text/words.ts";
import { typed } from "../lines/irc_names.ts";
import type { IrcRooms, Room } from "./irc_rooms.ts";

/** What is asked; or why nothing is done. */
type Chosen =
  /** `rooms`: in each of these; null: where there is but one, or it is about no room. */
  | { readonly type: "line"; readonly line: string; readonly rooms: readonly (Room | null)[] }
  | { readonly type: "refused"; readonly text: string };

const LEAVING_ALL: ReadonlySet<string> = new Set(["quit", "exit", "q"]);

/** What is about the program, or about all rooms. */
export const OF_NO_ROOM: ReadonlySet<string> = new Set([
  ...["help", "rooms", "join", "room", "search", "away", "back", ...LEAVING_ALL],
]);

/** So many channels are named where one has to be chosen. */
const NAMED_MAX = 5;

export class RoomChoice {
  /** The one in whose channel the client spoke last; null: in none since a room was opened. */
  #room: Room | null = null;

  constructor(readonly rooms: IrcRooms) {}

  /** The client speaks in that room's channel, or opens its window. */
  turnTo(room: Room): void {
    this.#room = room;
  }

  /** A room was opened, a window closed, another client came: it isn't clear any more. */
  forget(): void {
    this.#room = null;
  }

  /** @param text A command with or without a slash; before it the channel may stand. */
  chosen(text: string): Chosen {
    const [, channel, asked] = /^(?:(#\S+)\s+)?(.*)$/s.exec(text)!;
    const line = asked!.startsWith("/") ? asked! : `/${asked}`;
    const [, name = "", which = ""] = /^\/(\S*)\s*(.*)$/s.exec(line)!;
    const hasSeveral = this.rooms.all.length > 1;
    if (channel !== undefined) {
      const room = this.rooms.byChannel(channel);
      if (room === undefined) return refused(`there is no channel ${channel}`);
      if (!hasSeveral || !LEAVING_ALL.has(name)) return lineIn(line, room);
      const way = typed("part", room.channel);
      return refused(`${name} leaves every room; ${way} leaves that one alone`);
    }
    if (!hasSeveral) return { type: "line", line, rooms: [null] };
    if (name === "room") return this.#turned(line, which);
    if (OF_NO_ROOM.has(name)) return { type: "line", line, rooms: [null] };
    // A client has one nick, wherever it is.
    if (name === "name") return { type: "line", line, rooms: this.rooms.all };
    const room = this.#room;
    if (room !== null && this.rooms.all.includes(room)) return lineIn(line, room);
    return refused(this.way(name));
  }

  /** To the room of that channel, as one calls it here; or of that number or title, as the console does. */
  #turned(line: string, which: string): Chosen {
    const room = this.rooms.byChannel(`#${which.replace(/^#/, "")}`);
    if (room === undefined || room.id === null) return { type: "line", line, rooms: [null] };
    this.turnTo(room);
    return { type: "line", line: `/room ${room.id}`, rooms: [null] };
  }

  /** How a command is asked for where it isn't clear in which room. */
  way(command: string): string {
    const channels = this.rooms.all.flatMap(({ channel }) => channel ?? []);
    const named = channels.length > NAMED_MAX
      ? [...channels.slice(0, NAMED_MAX), "others"]
      : channels;
    const example = typed(command, channels[0] ?? "#CHANNEL");
    return `you are in ${inWords(named)}; write the channel first, as in: ${example} ...`;
  }
}

function lineIn(line: string, room: Room): Chosen {
  return { type: "line", line, rooms: [room] };
}

function refused(why: string): Chosen {
  return { type: "refused", text: `error: Nothing was done: ${why}` };
}
