// deno-lint-ignore-file no-console -- a program of its own, run by `make fuzz`
/**
 * A peer with valid keys that sends packets made at random: an honest program answers within its bounds, leaves the
 * peer or goes on, and never throws. `SECONDS` (10) and `SEED` (by chance); a failure prints the seed that repeats it.
 */

import { meetHostilePeer } from "../protocols/reliable_datagram/hostile_peer.ts";
import { Random } from "../sim/random.ts";

const PACKETS = 300;

const first = Number(Deno.env.get("SEED") ?? crypto.getRandomValues(new Uint32Array(1))[0]!);
const untilMs = performance.now() + 1_000 * Number(Deno.env.get("SECONDS") ?? 10);
let runs = 0;
let ended = 0;
for (let seed = first; performance.now() < untilMs; seed++, runs++) {
  try {
    ended += meetHostilePeer(new Random(seed), PACKETS).ended;
  } catch (error) {
    console.error(`error: repeat with SEED=${seed}`);
    throw error;
  }
}
console.log(`datagrams: ${runs} hostile peers, left ${ended} times`);
