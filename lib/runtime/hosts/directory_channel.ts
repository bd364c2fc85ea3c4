/** Keep-alive settings of links between a directory and its clients: the same on both sides. */

import type { ChannelConfig } from "../../protocols/noise/config.ts";

/**
 * A client that is gone leaves the list within 15 s, and a thousand silent clients cost one ping each in 6 s. The
 * silence after which a link counts as dead is longer than two ping intervals, and shorter than 15 s by the time
 * that it takes to notify others.
 */
export const DIRECTORY_CHANNEL = {
  pingAfterMs: 6_000,
  // Pings that are due in the same second share one wake-up; between these a link costs nothing.
  pingGridMs: 1_000,
  listenerPingLagMs: 1_500,
  deadAfterMs: 13_000,
} as const satisfies Partial<ChannelConfig>;
