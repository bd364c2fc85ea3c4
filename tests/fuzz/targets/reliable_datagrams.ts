/**
 * A peer with valid keys that sends packets as an input's bytes say: an honest program answers within its bounds, leaves
 * the peer or goes on, and never throws.
 */

import { meetHostilePeer } from "../../protocols/reliable_datagram/hostile_peer.ts";
import type { Random } from "../../sim/random.ts";
import { Decisions } from "../changes.ts";
import { NUMBERS } from "../numbers.ts";
import type { Target } from "../target.ts";

/** Some 10 ms. */
const PACKETS = 30;

export const reliableDatagramsTarget: Target = {
  name: "reliable-datagrams",
  pieces: NUMBERS,
  bytesMax: 4_096,
  make: (random: Random) => random.bytes(random.below(2_000)),
  check: (input) => meetHostilePeer(new Decisions(input), PACKETS).ended === 0,
};
