/** What our user and others say of themselves, where each tells it to each: what is told, and shown, and when. */

import { earliestMs, type Timed } from "./machine.ts";
import { HERE, type Presence } from "./user_presence.ts";
import { OwnPresence } from "./own_presence.ts";
import { PresenceNews } from "./presence_news.ts";

interface PresencesPort<Key> {
  /** Tells all who are connected what our user says; who connects later is told by the owner. */
  tellAll(presence: Presence): void;
  /** Shows what somebody says. */
  show(key: Key, presence: Presence): void;
}

export class Presences<Key> implements Timed {
  readonly #own: OwnPresence;
  readonly #shown: PresenceNews<Key>;

  constructor(port: PresencesPort<Key>) {
    this.#own = new OwnPresence((presence) => port.tellAll(presence));
    this.#shown = new PresenceNews((key, presence) => port.show(key, presence));
  }

  /** What our user says of itself. */
  get own(): Presence {
    return this.#own.present;
  }

  /** What who connects is told of it. */
  get told(): Presence {
    return this.#own.told;
  }

  /** @returns All that our user says now. */
  say(change: Partial<Presence>, nowMs: number): Presence {
    return this.#own.say(change, nowMs);
  }

  /** What this one said last; of who isn't here, that nothing was said. */
  of(key: Key): Presence {
    return this.#shown.latest(key);
  }

  /** Somebody who is here has said this. */
  heard(key: Key, presence: Presence, nowMs: number): void {
    if (!this.#shown.has(key)) this.#shown.set(key, HERE);
    this.#shown.change(key, presence, nowMs);
  }

  /** Its program has ended, and says nothing any more; that is no news. It may come again. */
  ended(key: Key): void {
    if (this.#shown.has(key)) this.#shown.set(key, HERE);
  }

  /** It doesn't come again. */
  forget(key: Key): void {
    this.#shown.left(key);
  }

  nextMs(): number | null {
    return earliestMs(this.#own.nextMs(), this.#shown.nextMs());
  }

  tick(nowMs: number): void {
    this.#own.tick(nowMs);
    this.#shown.tick(nowMs);
  }
}
