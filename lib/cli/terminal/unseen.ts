/** Whether the user is looking at the terminal, and how much others have said meanwhile. */

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

  /**
   * Whether the user is taken to be looking.
   * @param isCertain Whether only what the terminal tells counts: a user who has just pressed a key may have gone since.
   */
  isSeen(nowMs: number, isCertain = false): boolean {
    return this.#hasFocus ?? (!isCertain && nowMs - this.#pressedMs < LOOKING_MS);
  }

  /** Somebody else's text is shown now. @returns Since when it is new, before the first one that is unseen. */
  said(nowMs: number): number | null {
    if (this.isSeen(nowMs)) return null;
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
