/**
 * What doors do takes turns with everything else that the program does: its links to others, the console. However much is
 * asked for at a door, all doors together have half of the program's time at most, and hold it for no longer than the one
 * piece of work takes that is under way.
 */

import { setImmediate } from "node:timers";

/** Work that has taken so long is followed by no other before the rest of the program has had as long. */
const TURN_MS = 10;
/** What took longer than this isn't followed by a longer rest: a search through a long log doesn't shut a door for minutes. */
const REST_MS_MAX = 1_000;

interface TimeSharePorts {
  nowMs(): number;
  /** Lets everything else happen, for that long at least; 0: whatever is due now. */
  rest(ms: number): Promise<void>;
}

const SYSTEM: TimeSharePorts = {
  nowMs: () => performance.now(),
  rest: (ms) =>
    new Promise((resolve) => {
      if (ms === 0) setImmediate(() => resolve());
      else setTimeout(resolve, ms);
    }),
};

/** From the first piece of work up to when the next may begin. */
interface Turn {
  readonly beganMs: number;
  readonly over: Promise<void>;
}

export class TimeShare {
  readonly #ports: TimeSharePorts;
  #turn: Turn | null = null;

  constructor(ports: TimeSharePorts = SYSTEM) {
    this.#ports = ports;
  }

  /** Null: some work may be done now, to be begun at once. Otherwise to be asked again once that resolves. */
  ready(): Promise<void> | null {
    if (this.#turn === null) {
      this.#begin();
      return null;
    }
    return this.#ports.nowMs() - this.#turn.beganMs < TURN_MS ? null : this.#turn.over;
  }

  /** Resolves when all that followed from the work so far is done, and everything else has had its time. */
  over(): Promise<void> {
    return (this.#turn ?? this.#begin()).over;
  }

  #begin(): Turn {
    const beganMs = this.#ports.nowMs();
    return this.#turn = { beganMs, over: this.#pass(beganMs) };
  }

  async #pass(beganMs: number): Promise<void> {
    // What a command causes is partly done after it, by promises: measured is all of it.
    await this.#ports.rest(0);
    const tookMs = this.#ports.nowMs() - beganMs;
    if (tookMs >= TURN_MS) await this.#ports.rest(Math.min(tookMs, REST_MS_MAX));
    this.#turn = null;
  }
}
