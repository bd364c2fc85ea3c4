/** How much others have said while the user wasn't looking at the terminal. */

/** Where the terminal doesn't tell whether it has the focus: who pressed a key within this time is looking. */
const LOOKING_MS = 10_000;

export class Unseen {
  count = 0;
  /** Null until the terminal has told. */
  #hasFocus: boolean | null = null;
  #pressedMs: number;
  /** When the focus went, until the line that says so is shown. */
  #awayMs: number | null = null;

  /** @param nowMs Wall time. */
  constructor(nowMs: number) {
    this.#pressedMs = nowMs;
  }

  /** The terminal tells that it has got the focus, or lost it. */
  focus(hasFocus: boolean, nowMs: number): void {
    this.#hasFocus = hasFocus;
    if (!hasFocus) this.#awayMs = nowMs;
    else this.#seen();
  }

  /** A key was pressed, which goes to the terminal that has the focus. */
  pressed(nowMs: number): void {
    this.#pressedMs = nowMs;
    if (this.#hasFocus === false) this.#hasFocus = true;
    this.#seen();
  }

  /** Somebody else's text is shown now. @returns Since when it is new, before the first one that is unseen. */
  said(nowMs: number): number | null {
    const isSeen = this.#hasFocus ?? nowMs - this.#pressedMs < LOOKING_MS;
    if (isSeen) return null;
    this.count++;
    const awayMs = this.#awayMs;
    this.#awayMs = null;
    return awayMs;
  }

  #seen(): void {
    this.count = 0;
    this.#awayMs = null;
  }
}
