/**
 * Lets everything else have its turn while one kind of work goes on and on. As long as a socket has something, reading
 * it resolves at once, and the runtime looks at no other socket, no timer and no line that is typed: whoever sends
 * without a pause, or connects all the time, would have the program for itself.
 */

import { setImmediate } from "node:timers";

export class TurnPace {
  #done = 0;
  #pass: Promise<void> | null = null;

  /** @param most How much is done in a turn; a piece of work that has begun is done whole. */
  constructor(readonly most: number) {}

  /** So much of the work was done. */
  did(amount: number): void {
    this.#done += amount;
  }

  /** Null: some work may be done now. Otherwise it isn't its turn before that resolves, and is to be asked again then. */
  ready(): Promise<void> | null {
    return this.#done < this.most ? null : this.#pass ??= this.#passed();
  }

  async #passed(): Promise<void> {
    await new Promise((resolve) => void setImmediate(resolve)); // all sockets are looked at by then
    this.#pass = null;
    this.#done = 0;
  }
}

/** For a pace of connections that are accepted: few enough that others hardly wait, and thousands a second. */
export const ACCEPTED_AT_ONCE = 8;
