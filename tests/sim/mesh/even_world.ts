/** A world for tests that follow single messages: every path and every sync takes the same time. */

import type { WorldConfig } from "./world.ts";

export const EVEN_WORLD = {
  seed: 1,
  disk: { syncMs: 1, slowChance: 0 },
  limits: { controlBytes: 65_536, dataBytes: 1_048_576, windowBytes: 262_144 },
  delayMs: 10,
  jitterMs: 0,
  bytesPerMs: Infinity,
  codec: false,
  clockDrift: 0,
  print: null,
} as const satisfies Omit<WorldConfig, "hosts">;
