import type { Clock } from "../../lib/base/machine/clock.ts";

/** Time that passes as soon as somebody waits for it. */
export class HastyClock implements Clock {
  ms = 0;

  constructor(public passed: (ms: number) => void = () => {}) {}

  nowMs(): number {
    return this.ms;
  }

  at(atMs: number, callback: () => void) {
    this.ms = atMs;
    this.passed(atMs);
    queueMicrotask(callback);
    return { cancel() {} };
  }
}
