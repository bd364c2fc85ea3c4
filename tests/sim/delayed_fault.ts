/** A fault that happens to a process after a number of further effects, unless the process is gone by then. */
export class DelayedFault {
  #waiting: { effectsLeft: number; readonly happens: () => void } | null = null;

  /** Schedules a fault, replacing one that hasn't happened yet. */
  after(effectsLeft: number, happens: () => void): void {
    this.#waiting = { effectsLeft, happens };
  }

  /** Cancels a fault that hasn't happened yet. */
  spare(): void {
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
