/** The moments that programs have in common. */

import { assert, assertEquals } from "@std/assert";
import {
  COMMON_INTERVAL_MS,
  nextTalkTimeMs,
  talkTimeMs,
} from "../../../lib/base/machine/common_times.ts";
import { CHANNEL_DEFAULTS } from "../../../lib/protocols/noise/config.ts";

Deno.test("talkTimeMs() and nextTalkTimeMs(): a moment is the last one until the next", () => {
  assertEquals([1_300, 2_799, 2_800].map(talkTimeMs), [1_300, 1_300, 2_800]);
  assertEquals([1_299, 1_300, 2_799.9].map(nextTalkTimeMs), [1_300, 2_800, 2_800]);
});

Deno.test("what is said at a moment makes the ping after it needless, a round trip later, too", () => {
  const { pingAfterMs, pingGridMs } = CHANNEL_DEFAULTS;
  const leadMs = pingGridMs - talkTimeMs(pingGridMs);
  assert(0 < leadMs && leadMs < pingAfterMs, `${leadMs}`);
  assertEquals(60_000 % COMMON_INTERVAL_MS, 0, "clocks count from a full minute");
});
