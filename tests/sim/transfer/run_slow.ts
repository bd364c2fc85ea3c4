/** Somebody offers many files, and sends them slowly: those of others come all the same, where all is saved. */

import type { OfferId } from "../../../lib/base/ids.ts";
import { DOWNLOADS_MAX, LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { Random } from "../random.ts";
import { allCheckers } from "./checkers.ts";
import { contentOf } from "./content.ts";
import type { Person } from "./person.ts";
import { Offers } from "./run.ts";
import { type Checker, type Mutation, Violation, World } from "./world.ts";

/** Each of the others has at most three files, which need a second each, and takes turns with three others at most. */
const COMES_MS = 30_000;

/** @throws {Violation} If others' files take longer, a slow one makes no headway, or another promise is broken. */
export function runSlow(seed: number, mutation?: Mutation): void {
  const random = new Random(seed * 2 + 1);
  const checkers: Checker[] = [];
  const options = { seed, people: 3 + random.below(4), lies: [], print: null };
  const world: World = new World(
    { ...options, bytesPerMs: [5_000], mutation: mutation ?? null },
    checkers,
  );
  checkers.push(new Offers(() => world), ...allCheckers(world));
  const [bob, mal, ...others] = world.people as [Person, Person, ...Person[]];
  world.wires.slow.set(mal, random.pick([150, 250]));
  // All of them fit; or those of others beside one of Mal's.
  if (random.chance(0.5)) bob.filesBytesMax = 400 * LEAF_BYTES;
  for (const person of world.people) person.start();
  for (let at = 0; at < DOWNLOADS_MAX + random.below(4); at++) {
    world.offer(mal, contentOf(random, (100 + random.below(30)) * LEAF_BYTES), `large ${at}`, null);
  }
  world.time.runUntil(1_000);
  const saved = new Set<OfferId>();
  save(world, bob, saved);
  world.time.runUntil(1_000 + random.below(20_000));
  for (const person of others) {
    for (let at = 0; at < 1 + random.below(3); at++) {
      world.offer(person, contentOf(random, 1 + random.below(20 * LEAF_BYTES)), `${at}`, null);
    }
  }
  const untilMs = world.time.nowMs + COMES_MS;
  while (world.time.nowMs < untilMs) {
    save(world, bob, saved);
    world.time.runUntil(world.time.nowMs + 500);
  }
  for (const { by, id } of world.offered.values()) {
    if (by === mal || by === bob || bob.whole.has(id)) continue;
    throw new Violation("who sends slowly holds up the files of others");
  }
  // Of those that wait some may be begun anew, to make room for one.
  const before = new Map(bob.parts.entries().map(([id, { leaves }]) => [id, leaves.size]));
  world.time.runUntil(world.time.nowMs + COMES_MS);
  const goesOn = bob.parts.entries().some(([id, { leaves }]) =>
    leaves.size > (before.get(id) ?? 0)
  );
  if (!goesOn && !before.keys().some((id) => bob.whole.has(id))) {
    throw new Violation("what gave way isn't fetched on");
  }
}

/** Fetches all that is offered, in the order in which it came. */
function save(world: World, person: Person, saved: Set<OfferId>): void {
  for (const [file, id] of world.numbers.get(person) ?? []) {
    if (saved.has(id)) continue;
    saved.add(id);
    const command = { command: "get", file, waits: true } as const;
    person.feed({ type: "command", command, ref: undefined });
  }
}
