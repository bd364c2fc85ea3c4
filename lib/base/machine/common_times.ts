/**
 * Moments that all programs of a room have in common, as far as their clocks agree. What needn't be done at once is done
 * then: waking up costs a program more than most of what it then does.
 */

/** Idle links are pinged at multiples of this, ms. A part of the minute from which the program's clock counts. */
export const COMMON_INTERVAL_MS = 1_500;
/**
 * What is said then goes out so long before idle links are pinged, ms: what came both ways just before makes a ping
 * needless (`pingAfterMs` of the channel, which is longer). More than a round trip on a local network.
 */
const LEAD_MS = 200;

/** The last moment for what is said, not after `atMs`. */
export function talkTimeMs(atMs: number): number {
  return Math.floor((atMs + LEAD_MS) / COMMON_INTERVAL_MS) * COMMON_INTERVAL_MS - LEAD_MS;
}

/** The first one after `nowMs`. */
export function nextTalkTimeMs(nowMs: number): number {
  return talkTimeMs(nowMs) + COMMON_INTERVAL_MS;
}
