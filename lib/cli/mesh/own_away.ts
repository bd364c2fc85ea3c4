/** Whether the user is away: a person is, or isn't, so all rooms of the console are told, and those joined later. */

import type { PresenceCommand } from "../../base/machine/user_presence.ts";
import type { RoomInterface } from "./room_interface.ts";

export class OwnAway {
  /** Null while the user is here. */
  #asked: PresenceCommand | null = null;

  /** @param rooms Into which the user came. @param answering That of them which answers the command. */
  tell(
    asked: PresenceCommand,
    rooms: readonly RoomInterface[],
    answering: RoomInterface,
    ref: string | undefined,
  ): void {
    const { away } = asked.change;
    if (away !== undefined) this.#asked = away === null ? null : asked;
    for (const room of rooms) room.handler?.target(asked, room === answering ? ref : undefined);
  }

  /** The user has come into this room, which takes commands now. */
  cameInto(room: RoomInterface): void {
    if (this.#asked !== null) room.handler?.target(this.#asked, undefined);
  }
}
