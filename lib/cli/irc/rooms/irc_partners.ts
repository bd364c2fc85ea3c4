/** With whom alone an event is: what goes on between the user and one other belongs to their conversation. */

import { dropOldest } from "../../../base/collections/bounded.ts";
import { OFFERS_MAX } from "../../../protocols/transfer/limits.ts";
import { type Fields, isTrue, maybeText, textOf } from "./irc_fields.ts";
import type { IrcRooms, Person } from "./irc_rooms.ts";

export type Partner = Pick<Person, "nick" | "key">;

/** All that are open in some rooms, and those that have just ended. */
const REMEMBERED_MAX = 4 * OFFERS_MAX;

export class IrcPartners {
  /** Whom offers are with, by room and number; null: with all who are there. */
  readonly #offers = new Map<string, Partner | null>();

  constructor(readonly rooms: IrcRooms) {}

  /** To be asked of each event, in order: of a file only its offer says for whom it is. Null: it is with nobody alone. */
  of(fields: Fields): Partner | null {
    switch (fields["event"]) {
      case "delivery":
        return this.#named(fields, textOf(fields, "to"), "");
      case "notice": {
        const to = maybeText(fields, "to");
        return to === null ? null : this.#named(fields, to, "");
      }
      case "incoming":
        return this.#named(fields, textOf(fields, "from"), textOf(fields, "key"));
      case "call":
        return this.#named(fields, textOf(fields, "peer"), textOf(fields, "key"));
      case "offer":
        return this.#offered(fields);
      case "transfer":
        return this.#offers.get(offerIn(fields)) ?? null;
      default:
        return null;
    }
  }

  #offered(fields: Fields): Partner | null {
    const to = maybeText(fields, "to");
    const partner = to === null
      ? null
      : isTrue(fields, "self")
      ? this.#named(fields, to, "")
      : this.#named(fields, textOf(fields, "from"), textOf(fields, "key"));
    this.#offers.set(offerIn(fields), partner);
    dropOldest(this.#offers, REMEMBERED_MAX);
    return partner;
  }

  #named(fields: Fields, name: string, key: string): Partner {
    const nick = this.rooms.nickFor(name, key, this.rooms.roomOf(fields));
    return { nick, key: key === "" ? this.rooms.byNick(nick)?.person.key ?? "" : key };
  }
}

/** Which offer an event is about. */
function offerIn(fields: Fields): string {
  return `offer ${textOf(fields, "room")} ${fields["file"]}`;
}
