/** The clocks of the runtime. */

import type { LinkClock } from "./link.ts";

/** The longest timer, some 24 days: the runtime fires longer ones after 1 ms. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Monotonic milliseconds since `zeroMs` before the program's start, timers and microtasks of the runtime. */
function systemClock(zeroMs: number): LinkClock {
  return {
    nowMs: () => zeroMs + performance.now(),
    at(atMs, callback) {
      let timer: ReturnType<typeof setTimeout>;
      const wait = () => {
        // Rounded up: a call before `atMs` would only need another timer.
        const ms = Math.max(0, Math.ceil(atMs - zeroMs - performance.now()));
        timer = ms > TIMER_MS_MAX ? setTimeout(wait, TIMER_MS_MAX) : setTimeout(callback, ms);
      };
      wait();
      return { cancel: () => clearTimeout(timer) };
    },
    soon: queueMicrotask,
  };
}

export const SYSTEM_LINK_CLOCK: LinkClock = systemClock(0);

/**
 * The same, counted from a full minute of the wall clock: what waits for a multiple of some time is done at the same
 * moment by all members of a room, as far as their clocks agree, and wakes up each of them once. Not for what a crowd
 * does to one program.
 */
export const COMMON_LINK_CLOCK: LinkClock = systemClock(performance.timeOrigin % 60_000);
