/** What happens to a process after so many more effects, unless it is gone by then. */
export class DelayedFault {
  #waiting: { effectsLeft: number; readonly happens: () => void } | null = null;

  /** Lets it happen, in the place of one that hasn't happened yet. */
  after(effectsLeft: number, happens: () => void): void {
    this.#waiting = { effectsLeft, happens };
  }

  /** What hasn't happened yet doesn't. */
  spare(): void {
    this.#waiting = null;
  }

  /** An effect was carried out. */
  carriedOut(): void {
    const waiting = this.#waiting;
    if (waiting === null || --waiting.effectsLeft > 0) return;
    this.#waiting = null;
    waiting.happens();
  }
}
