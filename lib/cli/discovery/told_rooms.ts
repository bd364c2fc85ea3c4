/** Tells whoever founds a room, without being asked to look for others, of those that are announced: once. */

import type { Environment } from "../../base/machine/environment.ts";
import type { LanHost } from "../../runtime/hosts/lan_host.ts";
import { announcedText, type Joiner, joinsText } from "./announced_texts.ts";
import { openLan } from "./open_lan.ts";

/** As long as for a room to join. */
const LOOKING_MS = 1_500;

export class ToldRooms {
  readonly #lan: LanHost;

  /** Only asks; nothing is announced. @param notice Shows a notice. */
  constructor(
    own: { readonly host: string | null } & Joiner,
    environment: Environment,
    notice: (text: string) => void,
  ) {
    this.#lan = openLan(own.host, environment);
    void this.#lan.look(LOOKING_MS).then(async (all) => {
      const rooms = all.filter(({ room }) => room !== null);
      if (rooms.length > 0) {
        const are = rooms.length === 1 ? "A room is" : "Rooms are";
        const text = `${are} announced on this network: ${announcedText(rooms)}; `;
        notice(text + joinsText(own, rooms));
      }
      await this.close();
    });
  }

  /** Listens no more. */
  close(): Promise<void> {
    return this.#lan.close();
  }
}
