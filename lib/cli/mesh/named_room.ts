/** Which of the console's rooms the user means. */

import { P2pchatError } from "../../base/errors.ts";
import { quotedStart } from "../../base/text/text.ts";
import { foldTitle } from "./mesh_rooms.ts";
import type { RoomInterface } from "./room_interface.ts";

/** What is shorter may be a number. */
const ID_START_MIN = 4;

/**
 * The room of this number or title, or whose id begins so.
 * @throws {P2pchatError} `usage` where the user means none of the rooms, or several.
 */
export function namedRoom(rooms: readonly RoomInterface[], which: string): RoomInterface {
  const wanted = foldTitle(which.replace(/^#/, ""));
  const found = rooms.filter(({ number, name, room }) =>
    String(number) === wanted || foldTitle(name) === wanted ||
    (wanted.length >= ID_START_MIN && room?.startsWith(wanted) === true)
  );
  const byNumber = found.find(({ number }) => String(number) === wanted);
  const [only = null] = byNumber === undefined ? found : [byNumber];
  if (only !== null && (found.length === 1 || byNumber !== undefined)) return only;
  const told = rooms.map(({ number, open }) =>
    `${number}${open === null || open.title === null ? "" : ` (${open.title})`}`
  );
  const shown = /^\d{1,9}$/.test(which) ? which : quotedStart(which);
  const text = only === null
    ? `There is no room ${shown}; you are in ${told.join(", ")}`
    : `More than one of the rooms that you are in is ${shown}: ${told.join(", ")}`;
  throw new P2pchatError("usage", text);
}
