/** A file that some give drop by drop, and one as fast as its link is: the former don't hold it up. */

import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { Random } from "../random.ts";
import { allCheckers } from "./checkers.ts";
import { contentOf } from "./content.ts";
import type { Person } from "./person.ts";
import { Offers } from "./run.ts";
import { type Checker, type Mutation, Violation, World } from "./world.ts";

/** The one who is quick alone needs less than two seconds; each leaf that waits for another one, a second. */
const COMES_MS = 8_000;

/** @throws {Violation} If it takes longer, or another promise is broken. */
export function runDrip(seed: number, mutation?: Mutation): void {
  const random = new Random(seed * 2 + 1);
  const checkers: Checker[] = [];
  const lies = Array.from({ length: 1 + random.below(3) }, () => "drips" as const);
  const options = { seed, people: 2, lies, bytesPerMs: [5_000], print: null };
  const world: World = new World({ ...options, mutation: mutation ?? null }, checkers);
  checkers.push(new Offers(() => world), ...allCheckers(world));
  for (const person of world.people) person.start();
  const [ann, bob] = world.people as [Person, Person];
  const leaves = random.pick([2, 8, 40, 100]);
  world.offer(ann, contentOf(random, leaves * LEAF_BYTES - 5), "large", null);
  world.time.runUntil(1_000);
  world.get(bob, 1);
  world.time.runUntil(1_000 + COMES_MS);
  if (bob.whole.size === 0) throw new Violation("the file is held up by who gives it drop by drop");
}
