/**
 * A room of twelve, each linked with a few: a file that one offers, and perhaps another one has, comes to somebody who is
 * no neighbour of theirs, among liars, though a holder is killed on the way. Links that were made for it end.
 */

import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { Random } from "../random.ts";
import { allCheckers } from "./checkers.ts";
import { contentOf } from "./content.ts";
import { FewLinks } from "./few_links.ts";
import type { Person } from "./person.ts";
import { Offers } from "./run.ts";
import { LIES } from "./liar.ts";
import { type Checker, type Mutation, Violation, World } from "./world.ts";

const MEMBERS = 12;
const LEAVES = 40;
/** Offers pass through the room, each holder may stall once, and anybody may have to be asked. */
const SETTLE_MS = 180_000;
/** The last links for files have ended by then. */
const IDLE_MS = 30_000;
/** For one who fetches: those dialled by name, and those about to end as idle. */
const LINKS_MAX = 8;

/** @throws {Violation} If the file doesn't come, or another promise is broken. */
export function runFar(seed: number, mutation?: Mutation): void {
  const random = new Random(seed * 2 + 1);
  const checkers: Checker[] = [];
  const lies = Array.from({ length: random.below(3) }, () => random.pick(LIES));
  const people = MEMBERS - lies.length;
  const bytesPerMs = [random.pick([500, 5_000])];
  const options = { seed, people, lies, bytesPerMs, print: null };
  const world: World = new World({ ...options, mutation: mutation ?? null }, checkers);
  checkers.push(new Offers(() => world), ...allCheckers(world));
  for (const person of world.people) person.start();
  const links = new FewLinks(world, random.fork(), 4);
  checkers.push(links);
  run(world, 1_000);
  const [ann] = world.people as [Person];
  world.offer(ann, contentOf(random, LEAVES * LEAF_BYTES - 5), "large", null);
  run(world, 10_000);
  const [id] = [...world.offered.keys()];
  const isFar = (person: Person, from: Person) =>
    person !== from && !links.areNeighbours(person, from);
  const others = world.people.filter((person) => isFar(person, ann));
  const bob = random.pick(others);
  const carl = random.chance(0.7)
    ? random.pick(world.people.filter((person) => person !== ann && isFar(person, bob)))
    : null;
  const fetch = (person: Person) => {
    const number = world.numberOf(person, id!);
    if (number === null) throw new Violation(`${person.index} isn't told of the file`);
    world.get(person, number);
  };
  const arrives = (person: Person) => {
    for (let waited = 0; waited < SETTLE_MS && person.whole.size === 0; waited += 500) {
      run(world, 500);
    }
    if (person.whole.size === 0) throw new Violation(`the file never comes to ${person.index}`);
  };
  if (carl !== null) {
    fetch(carl);
    arrives(carl);
  }
  fetch(bob);
  run(world, random.below(4_000));
  if (carl !== null) random.pick([ann, ann, carl]).kill(false);
  arrives(bob);
  if (links.most > LINKS_MAX) throw new Violation(`${links.most} links for one file`);
  run(world, IDLE_MS);
  if (links.links > 0) throw new Violation("links for a file stay when it is there");
}

function run(world: World, ms: number): void {
  world.time.runUntil(world.time.nowMs + ms);
}
