/** How links between a directory and its clients are kept alive: the same on both sides. */

import type { ChannelConfig } from "../protocols/noise/config.ts";

/**
 * A client that is gone leaves the list within 15 s, and a thousand that say nothing cost one ping each in 6 s. The
 * silence that ends a link is longer than two of them, and shorter than those 15 s by the time that telling takes.
 */
export const DIRECTORY_CHANNEL = {
  pingAfterMs: 6_000,
  // At one wake-up those of a second: a link costs nothing in between.
  pingGridMs: 1_000,
  listenerPingLagMs: 1_500,
  deadAfterMs: 13_000,
} as const satisfies Partial<ChannelConfig>;
