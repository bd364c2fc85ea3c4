/** The clock of the runtime. */

import type { LinkClock } from "./link.ts";

/** The longest timer, some 24 days: the runtime fires longer ones after 1 ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Monotonic milliseconds, timers and microtasks of the runtime. */
export const SYSTEM_LINK_CLOCK: LinkClock = {
  nowMs: () => performance.now(),
  at(atMs, callback) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      // Rounded up: a call before `atMs` would only need another timer.
      const ms = Math.max(0, Math.ceil(atMs - performance.now()));
      timer = ms > TIMER_MS_MAX ? setTimeout(wait, TIMER_MS_MAX) : setTimeout(callback, ms);
    };
    wait();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: queueMicrotask,
};
