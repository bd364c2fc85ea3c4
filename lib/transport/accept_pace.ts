/**
 * Lets everything else have its turn while connections are accepted. Where somebody connects all the time the next one is
 * always there, and as long as it is, the runtime rarely looks which other sockets have something to read: links were lost.
 */

/** Few enough that others hardly wait, and more than people need: thousands a second. */
const ACCEPTED_AT_ONCE = 8;

export class AcceptPace {
  #accepted = 0;

  /** To be waited for after each connection that was accepted. */
  async next(): Promise<void> {
    this.#accepted += 1;
    if (this.#accepted % ACCEPTED_AT_ONCE !== 0) return;
    await new Promise((resolve) => setTimeout(resolve, 0)); // all sockets are looked at by then
  }
}
