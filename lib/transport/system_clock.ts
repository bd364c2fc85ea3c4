/** Time as the runtime has it. */

import type { LinkClock } from "./link.ts";

/** Monotonic milliseconds, timers and microtasks of the runtime. */
export const SYSTEM_LINK_CLOCK: LinkClock = {
  nowMs: () => performance.now(),
  at(atMs, callback) {
    // Rounded up: a call before its time would only be followed by another.
    const timer = setTimeout(callback, Math.max(0, Math.ceil(atMs - performance.now())));
    return { cancel: () => clearTimeout(timer) };
  },
  soon: queueMicrotask,
};
