/** How a group of tests was founded. */

import type { PeerKey } from "../../../lib/base/ids.ts";
import type { Founding } from "../../../lib/protocols/group/schema/founding.ts";

/** @param nonce Tells groups of the same coordinator apart. */
export function foundedBy(coordinator: PeerKey, nonce = 1): Founding {
  return {
    coordinator,
    nonce: new Uint8Array(32).fill(nonce),
    edits: "own",
    private: false,
  };
}
