import type { Clock } from "../../lib/base/machine/clock.ts";

/** Time that passes when a test says so. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  at(atMs: number, callback: () => void): { cancel(): void } {
    const timer = { atMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Whether nothing waits. */
  get isIdle(): boolean {
    return this.#timers.size === 0;
  }

  /** Fires, in order, all that is due within `ms` more. */
  advance(ms: number): void {
    this.advanceTo(this.#nowMs + ms);
  }

  /** Fires, in order, all that is due until `ms`. */
  advanceTo(ms: number): void {
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= ms);
      due.sort((a, b) => a.atMs - b.atMs);
      const [first] = due;
      if (first === undefined) break;
      this.#timers.delete(first);
      this.#nowMs = Math.max(this.#nowMs, first.atMs);
      first.callback();
    }
    this.#nowMs = ms;
  }
}
