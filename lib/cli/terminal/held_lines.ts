/**
 * Lines that were entered at a terminal and haven't been run: they are run in order, one at a time, each with what it
 * means taken from where it was begun.
 */

interface HeldLine {
  readonly text: string;
  /** What `InputHandler.lineBegins` returned for it. */
  readonly begun: (() => void) | undefined;
}

/** Lines that wait while input is paused: more than anybody types before they look. */
const HELD_LINES_MAX = 100;

export class HeldLines {
  #lines: HeldLine[] = [];
  #isRunning = false;

  get size(): number {
    return this.#lines.length;
  }

  get isFull(): boolean {
    return this.#lines.length >= HELD_LINES_MAX;
  }

  /** Whether a line is being run: what is held was entered after it. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  add(line: HeldLine): void {
    this.#lines.push(line);
  }

  /** Runs line after line as long as `mayRun` says so, which is asked before each; never one within another. */
  run(mayRun: () => boolean, run: (text: string) => void): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#lines.length > 0 && mayRun()) {
        const { text, begun } = this.#lines.shift()!;
        begun?.();
        run(text);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** Takes all lines away: they won't be run. */
  take(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines.map(({ text }) => text);
  }
}
