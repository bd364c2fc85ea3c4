/** Tells whoever founds a room, without being asked to look for others, of those that are announced: once. */

import type { Environment } from "../../base/machine/environment.ts";
import type { LanHost } from "../../runtime/hosts/lan_host.ts";
import { announcedText, joiningText } from "./announced_texts.ts";
import { openLan } from "./open_lan.ts";

/** As long as for a room to join. */
const LOOKING_MS = 1_500;

export class ToldRooms {
  readonly #lan: LanHost;

  /** Only asks; nothing is announced. @param name The user's. @param notice Shows a notice. */
  constructor(
    host: string | null,
    environment: Environment,
    name: string,
    notice: (text: string) => void,
  ) {
    this.#lan = openLan(host, environment);
    void this.#lan.look(LOOKING_MS).then(async (all) => {
      const rooms = all.filter(({ room }) => room !== null);
      const [first, ...others] = rooms;
      if (first !== undefined) {
        const are = others.length === 0 ? "A room is" : "Rooms are";
        const how = others.length === 0
          ? `${joiningText(name, first)} joins it`
          : `${joiningText(name, first)} joins the first`;
        notice(`${are} announced on this network: ${announcedText(rooms)}; ${how}`);
      }
      await this.close();
    });
  }

  /** Listens no more. */
  close(): Promise<void> {
    return this.#lan.close();
  }
}
