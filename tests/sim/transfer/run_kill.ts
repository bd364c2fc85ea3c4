/**
 * A large file, and one kill of either side at any time: at most a tenth is sent again, beside what was altered
 * meanwhile, and what comes is the file.
 */

import { AT_RISK_PART, LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import type { TransferEffect, TransferInput } from "../../../lib/protocols/transfer/transfer_io.ts";
import { Random } from "../random.ts";
import { allCheckers } from "./checkers.ts";
import { contentOf } from "./content.ts";
import type { Person } from "./person.ts";
import { Offers } from "./run.ts";
import { type Checker, type Mutation, Violation, World } from "./world.ts";

const LEAVES = 240;
const SETTLE_MS = 120_000;

/** Counts the leaves that are sent. */
class Sent implements Checker {
  leaves = 0;

  stepped(_: Person, __: TransferInput, effects: readonly TransferEffect[]): void {
    this.leaves += effects.filter(({ type }) => type === "send-bulk").length;
  }
}

/**
 * @returns How many leaves were sent again.
 * @throws {Violation} If it is more than a tenth, or another promise is broken.
 */
export function runKill(seed: number, mutation?: Mutation): number {
  const random = new Random(seed * 2 + 1);
  const checkers: Checker[] = [];
  const bytesPerMs = [random.pick([500, 5_000, 100_000])];
  const options = { seed, people: 2, lies: [], bytesPerMs, print: null };
  const world: World = new World({ ...options, mutation: mutation ?? null }, checkers);
  const sent = new Sent();
  checkers.push(new Offers(() => world), sent, ...allCheckers(world));
  const [ann, bob] = world.people as [Person, Person];
  for (const person of world.people) person.start();
  bob.diskMs = random.pick([1, 20, 200]);
  world.offer(ann, contentOf(random, LEAVES * LEAF_BYTES - 5), "large", null);
  world.time.runUntil(world.time.nowMs + 1_000);
  world.get(bob, 1);
  const after = random.below(LEAVES);
  for (let waited = 0; waited < 100_000 && sent.leaves < after; waited++) {
    world.time.runUntil(world.time.nowMs + 1);
  }
  const victim = random.chance(0.7) ? bob : ann;
  victim.kill(random.chance(0.5));
  const altered = victim === bob ? alter(random, bob) : 0;
  world.time.runUntil(world.time.nowMs + random.below(5_000));
  victim.start();
  for (const untilMs = world.time.nowMs + SETTLE_MS; world.time.nowMs < untilMs;) {
    if (bob.whole.size > 0) break;
    // Killed before the disk had taken note of it: it is asked for again.
    if (bob.parts.size === 0 && world.numbers.has(bob)) world.get(bob, 1);
    world.time.runUntil(world.time.nowMs + 1_000);
  }
  if (bob.whole.size === 0) throw new Violation("the file never comes");
  const again = sent.leaves - LEAVES - altered;
  if (again > LEAVES * AT_RISK_PART) {
    throw new Violation(`${again} of ${LEAVES} leaves are sent again`);
  }
  return again;
}

/** Something else than the program writes into what is there. @returns Into how many leaves. */
function alter(random: Random, { parts }: Person): number {
  let altered = 0;
  for (const { leaves } of parts.values()) {
    for (const [leaf, { bytes, proof }] of leaves) {
      if (!random.chance(0.02)) continue;
      leaves.set(leaf, { bytes: new Uint8Array(bytes.length), proof });
      altered++;
    }
  }
  return altered;
}
