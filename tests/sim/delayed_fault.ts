/** A fault that happens to a process after a number of further effects, unless the process is gone by then. */
export class DelayedFault {
  #waiting: { effectsLeft: number; readonly happens: () => void } | null = null;
  #isSpared = false;

  /** Schedules a fault, replacing one that hasn't happened yet. */
  after(effectsLeft: number, happens: () => void): void {
    if (!this.#isSpared) this.#waiting = { effectsLeft, happens };
  }

  /** Nothing happens to the process any more, also where a fault would be scheduled later. */
  spare(): void {
    this.#isSpared = true;
    this.#waiting = null;
  }

  /** An effect was performed. */
  carriedOut(): void {
    const waiting = this.#waiting;
    if (waiting === null || --waiting.effectsLeft > 0) return;
    this.#waiting = null;
    waiting.happens();
  }
}
