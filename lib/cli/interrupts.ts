/**
 * Signals and what stands for them: the first asks the program to leave, the next Ctrl+C or SIGTERM forces it.
 * Of a closed terminal both the system and the shell tell, so that a second hang-up says nothing new.
 */

import type { InterruptCause } from "./user_interface.ts";
import type { SignalName, Streams } from "./streams.ts";

/** The status of a shell's command that SIGINT ended (128 + 2). */
export const FORCED_EXIT_STATUS = 130;

/**
 * Whether whoever started the program shuts hang-ups out, as `nohup` does (`tools/launcher.sh`): this process may not look
 * it up. The runtime ends at one that nobody listens to.
 */
const HANG_UP_VARIABLE = "P2PCHAT_HANGUP";

const CAUSES: readonly (readonly [SignalName, InterruptCause])[] = [
  ["SIGINT", "interrupt"],
  ["SIGTERM", "terminated"],
  ["SIGHUP", "hangup"],
];

export class Interrupts {
  readonly #streams: Streams;
  readonly #beforeExit: () => Promise<void> | void;
  readonly #listeners = new Map<SignalName, () => void>();
  #heed: ((cause: InterruptCause) => boolean) | null = null;
  /** What came before anybody heeded it. */
  #early: InterruptCause | null = null;
  #isLeaving = false;

  /** @param beforeExit Restores the terminal before a forced end. */
  constructor(streams: Streams, beforeExit: () => Promise<void> | void = () => {}) {
    this.#streams = streams;
    this.#beforeExit = beforeExit;
    const isDeaf = streams.variable(HANG_UP_VARIABLE) === "ignored";
    for (const [signal, cause] of CAUSES) {
      const listener = () => {
        if (!isDeaf || cause !== "hangup") this.raise(cause);
      };
      this.#listeners.set(signal, listener);
      streams.onSignal(signal, listener);
    }
  }

  /**
   * Says what to do from now on, also about what has come already.
   * @param interrupted Called for each cause until it returns true: the program is leaving.
   */
  heed(interrupted: (cause: InterruptCause) => boolean): void {
    this.#heed = interrupted;
    const early = this.#early;
    this.#early = null;
    if (early !== null) interrupted(early);
  }

  /** What a signal of this cause does; Ctrl+C at a terminal in raw mode sends none. */
  raise(cause: InterruptCause): void {
    if (!this.#isLeaving) {
      if (this.#heed === null) this.#early = cause;
      this.#isLeaving = this.#heed?.(cause) ?? true;
    } else if (cause === "interrupt" || cause === "terminated") {
      const exit = () => this.#streams.exit(FORCED_EXIT_STATUS);
      const ending = this.#beforeExit();
      if (!(ending instanceof Promise)) exit();
      else void ending.then(exit);
    }
  }

  /** Gives the signals back. */
  close(): void {
    for (const [signal, listener] of this.#listeners) this.#streams.offSignal(signal, listener);
    this.#listeners.clear();
  }
}
