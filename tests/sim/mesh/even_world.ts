/** A world for tests that follow single messages: all paths, and all syncs, take the same time. */

import type { Signer } from "../../../lib/base/crypto/crypto.ts";
import type { MemberConfig } from "./member.ts";
import type { WorldConfig } from "./world.ts";

/** A member that doesn't lie, can be dialled, and is shown some history. */
export function plainMember(signer: Signer, name: string): Omit<MemberConfig, "index"> {
  return {
    signer,
    name,
    passive: false,
    natted: false,
    liar: null,
    knowsAddress: true,
    historyShown: 20,
    eager: false,
  };
}

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
