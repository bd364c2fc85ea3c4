/**
 * Signals and their equivalents: the first one asks the program to leave; after that, Ctrl+C or SIGTERM forces it
 * to exit. When a terminal is closed, both the system and the shell send SIGHUP, so a second one has no effect.
 */

import type { InterruptCause } from "../rendering/user_interface.ts";
import type { SignalName, Streams } from "./streams.ts";

/** The exit status that shells report for a command ended by SIGINT (128 + 2). */
export const FORCED_EXIT_STATUS = 130;

/**
 * Tells whether SIGHUP was ignored when the program was started, as with `nohup`. `tools/launcher.sh` sets it,
 * since this process can't find out. The runtime exits on SIGHUP unless there is a listener.
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
  /** An interrupt that came before `heed` was called. */
  #early: InterruptCause | null = null;
  #isLeaving = false;

  /** @param beforeExit Restores the terminal before a forced exit. */
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

  /** Whether the program is leaving, so that the next interrupt forces its end. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /**
   * Sets the handler, and passes it an earlier interrupt, if any.
   * @param interrupted Called for each cause until it returns true, which means that the program is leaving.
   */
  heed(interrupted: (cause: InterruptCause) => boolean): void {
    this.#heed = interrupted;
    const early = this.#early;
    this.#early = null;
    if (early !== null) interrupted(early);
  }

  /** Does what a signal of this cause does; for Ctrl+C at a terminal in raw mode, which sends no signal. */
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

  /** Removes the signal listeners. */
  close(): void {
    for (const [signal, listener] of this.#listeners) this.#streams.offSignal(signal, listener);
    this.#listeners.clear();
  }
}
