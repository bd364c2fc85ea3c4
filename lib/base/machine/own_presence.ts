/** What our user says of itself: told to others when it changes, so seldom that nobody is kept busy by it. */

import type { Timed } from "./machine.ts";
import { HERE, type Presence } from "./user_presence.ts";
import { PresenceNews } from "./presence_news.ts";

export class OwnPresence implements Timed {
  #present: Presence = HERE;
  readonly #told: PresenceNews<"own">;

  /** @param tell Tells all who are connected; who connects later is told by the owner. */
  constructor(tell: (presence: Presence) => void) {
    this.#told = new PresenceNews((_, presence) => tell(presence));
    this.#told.set("own", HERE);
  }

  get present(): Presence {
    return this.#present;
  }

  /** What who connects is told: a later change is told to all at once, unless it is taken back before. */
  get told(): Presence {
    return this.#told.told("own");
  }

  /** @returns All that our user says now. */
  say(change: Partial<Presence>, nowMs: number): Presence {
    this.#present = { ...this.#present, ...change };
    this.#told.change("own", this.#present, nowMs);
    return this.#present;
  }

  nextMs(): number | null {
    return this.#told.nextMs();
  }

  tick(nowMs: number): void {
    this.#told.tick(nowMs);
  }
}
