/** A machine, and the time as it is told. */
interface Timed {
  nowMs: number;
  readonly machine: { nextDeadlineMs(): number | null };
}

/** Lets time pass, with a tick whenever one is wanted. */
export function passTime(timed: Timed, ms: number, tick: () => void): void {
  const untilMs = timed.nowMs + ms;
  for (;;) {
    const dueMs = timed.machine.nextDeadlineMs();
    if (dueMs === null || dueMs > untilMs) break;
    timed.nowMs = Math.max(timed.nowMs, dueMs);
    tick();
  }
  timed.nowMs = untilMs;
}
