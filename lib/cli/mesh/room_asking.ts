/** In a console with several rooms: which of them the user means, and what is asked in one of them. */

import { P2pchatError } from "../../base/errors.ts";
import { quotedStart, titleText } from "../../base/text/text.ts";
import { foldTitle, inWords } from "../../base/text/words.ts";
import { FOUND_COUNT_DEFAULT } from "../commands/command_arguments.ts";
import type { RoomCommand } from "./mesh_commands.ts";
import type { RoomInterface } from "./room_interface.ts";

type Asked = Extract<RoomCommand, { readonly command: "history" }>;

/** The search for a text, as one room alone is asked for it. */
export function searchOf(text: string): Asked {
  return { command: "history", count: FOUND_COUNT_DEFAULT, text };
}

/** What a person is told of an answer that has less than they may expect; null: it hasn't. */
export function askedAlone({ text, name }: Asked, room: RoomInterface): string | null {
  if (name !== undefined) return `This is of #${room.name} alone; /room N goes to another one`;
  return text === undefined
    ? null
    : `This is of #${room.name} alone; /search looks in all your rooms`;
}

/** What a person is told whose command to leave is about several rooms. @param names As `#Club`, two at least. */
export function leavingText(names: readonly string[]): string {
  return `You leave ${inWords(names, "and")}, and the program ends; /part leaves one room alone`;
}

/** What is shorter may be a number. */
const ID_START_MIN = 4;

/**
 * The room of this number or title, or whose id begins so.
 * @throws {P2pchatError} `usage` where the user means none of the rooms, or several.
 */
export function namedRoom(rooms: readonly RoomInterface[], which: string): RoomInterface {
  const wanted = foldTitle(which.replace(/^#/, ""));
  const found = rooms.filter(({ number, name, open, room }) =>
    String(number) === wanted ||
    [name, open?.title ?? name].some((called) => foldTitle(called) === wanted) ||
    (wanted.length >= ID_START_MIN && room?.startsWith(wanted) === true)
  );
  const byNumber = found.find(({ number }) => String(number) === wanted);
  const [only = null] = byNumber === undefined ? found : [byNumber];
  if (only !== null && (found.length === 1 || byNumber !== undefined)) return only;
  const told = (only === null ? rooms : found).map(({ number, open }) =>
    `${number}${open === null || open.title === null ? "" : ` (${titleText(open.title)})`}`
  );
  const shown = /^\d{1,9}$/.test(which) ? which : quotedStart(which);
  const where = rooms.length === 1 ? `one room, number ${told[0]}` : told.join(", ");
  const text = only === null
    ? `There is no room ${shown}; you are in ${where}`
    : `More than one of the rooms that you are in is ${shown}: ${told.join(", ")}`;
  throw new P2pchatError("usage", text);
}
