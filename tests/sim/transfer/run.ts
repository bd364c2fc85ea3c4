/** One run: files are offered and fetched during faults, beside liars; then the faults end, and all must be there. */

import type { OfferId, PeerKey } from "../../../lib/base/ids.ts";
import { LEAF_BYTES } from "../../../lib/protocols/transfer/limits.ts";
import { takenBytes } from "../../../lib/protocols/transfer/downloads.ts";
import type { TransferEffect, TransferInput } from "../../../lib/protocols/transfer/transfer_io.ts";
import { Random } from "../random.ts";
import { allCheckers } from "./checkers.ts";
import { contentOf, sizeOf } from "./content.ts";
import { LIES } from "./liar.ts";
import type { Person } from "./person.ts";
import { type Checker, type Mutation, Violation, World } from "./world.ts";

export interface TransferRun {
  readonly seed: number;
  readonly steps: number;
  readonly print?: (line: string) => void;
  readonly mutation?: Mutation;
}

/** Longer than a stall and the pause behind it, several times: liars may hold up a file that often. */
const SETTLE_MS = 240_000;
const NAMES = ["notes.txt", "../x", "a\0", "con", "photo.jpg", "漢字.pdf", "x".repeat(255)];

const ACTIONS = [
  ["offer", 12],
  ["get", 30],
  ["kill", 4],
  ["powerCut", 3],
  ["restart", 12],
  ["cut", 3],
  ["heal", 8],
  ["sever", 6],
  ["fill", 2],
  ["empty", 6],
  ["slowDisk", 2],
  ["damage", 4],
  ["change", 1],
  ["cancel", 3],
  ["lie", 10],
] as const;
type Action = typeof ACTIONS[number][0];

/** Notes what honest people offer: their users are told once a later start would offer it, too. */
export class Offers implements Checker {
  constructor(readonly world: () => World) {}

  stepped(person: Person, _: TransferInput, effects: readonly TransferEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "show" || effect.event.event !== "offer") continue;
      if (effect.event.from !== person.key) continue;
      const id = effect.event.id as OfferId;
      const kept = person.whole.get(id);
      if (kept === undefined) throw new Violation(`${person.index} shows an offer that isn't kept`);
      if (this.world().offered.has(id)) continue;
      const { to } = kept.offer.offer.value;
      const { content } = kept;
      this.world().offered.set(id, { by: person, to, content, id, isGone: false });
    }
  }
}

/** @throws {Violation} If a promise is broken. */
export function runTransfer({ seed, steps, print, mutation }: TransferRun): World {
  const random = new Random(seed * 2 + 1);
  const checkers: Checker[] = [];
  const lies = Array.from({ length: random.below(4) }, () => random.pick(LIES));
  const world: World = new World({
    seed,
    people: 2 + random.below(4),
    lies,
    bytesPerMs: random.pick([[100_000], [2_000], [100_000, 500, 60]]),
    print: print ?? null,
    mutation: mutation ?? null,
  }, checkers);
  world.note(`liars: ${lies.join(", ")}`);
  checkers.push(new Offers(() => world), ...allCheckers(world));
  for (const person of world.people) {
    if (random.chance(0.2)) person.filesBytesMax = 40 * LEAF_BYTES;
    person.start();
  }
  const total = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);
  for (let step = 0; step < steps; step++) {
    world.time.runUntil(world.time.nowMs + random.exponential(random.pick([5, 200, 3_000])));
    let at = random.next() * total;
    const [action] = ACTIONS.find(([, weight]) => (at -= weight) < 0) ?? ACTIONS[0];
    act(world, random, action);
  }
  settle(world, random);
  return world;
}

function act(world: World, random: Random, action: Action): void {
  const person = random.pick(world.people);
  world.note(`-- ${action} ${person.index}`);
  switch (action) {
    case "offer":
      return offer(world, random, person);
    case "get":
      return get(world, random, person);
    case "kill":
    case "powerCut":
      return person.kill(action === "powerCut");
    case "restart":
      for (const each of world.people) each.start();
      return;
    case "cut": {
      const sides = [...world.people, ...world.liars].map(() => random.chance(0.5));
      return world.wires.setCuts((one, other) => sides[one.index] !== sides[other.index]);
    }
    case "heal":
      return world.wires.setCuts(() => false);
    case "sever":
      world.wires.sever(person, random.pick([...world.people, ...world.liars]));
      return world.wires.refresh();
    case "fill":
      person.isFull = true;
      return;
    case "empty":
      for (const each of world.people) each.isFull = false;
      return;
    case "slowDisk":
      person.diskMs = random.pick([3, 300]);
      return;
    case "damage":
      return damage(random, person);
    case "change":
      return change(world, random, person);
    case "cancel":
      if (world.numbers.has(person)) {
        world.cancel(person, random.pick([...world.numbers.get(person)!.keys()]));
      }
      return;
    case "lie":
      for (const liar of world.liars) liar.act();
      return world.wires.refresh();
  }
}

function offer(world: World, random: Random, person: Person): void {
  if (!person.isUp) return;
  const leaves = random.pick([0, 1, 2, 3, 8, 30, 60]);
  const to: PeerKey | null = random.chance(0.3) ? random.pick(world.people).key : null;
  world.offer(person, contentOf(random, sizeOf(random, leaves)), random.pick(NAMES), to);
}

function get(world: World, random: Random, person: Person): void {
  const known = [...world.numbers.get(person)?.keys() ?? []];
  if (known.length === 0) return;
  world.get(person, random.pick(known));
}

/** Its file of leaves is lost, torn, or says more than is there. */
function damage(random: Random, person: Person): void {
  const wasUp = person.isUp;
  person.kill(random.chance(0.5));
  for (const part of person.parts.values()) {
    const { text } = part;
    const cut = random.below((text ?? "").length + 1);
    part.text = random.pick([
      null,
      text?.slice(0, cut) ?? null,
      text?.replace(/[A-Z]/, "z") ?? null,
      "p2pchat-leaves 1",
    ]);
  }
  if (wasUp) person.start();
}

/** A file that a person offers is changed on its disk. */
function change(world: World, random: Random, person: Person): void {
  const own = [...world.offered.values()].filter(({ by, id }) =>
    by === person && person.whole.has(id)
  );
  if (own.length === 0) return;
  const offered = random.pick(own);
  const whole = person.whole.get(offered.id)!;
  const leaves = [...whole.content.leaves];
  const leaf = random.below(leaves.length);
  leaves[leaf] = random.chance(0.3)
    ? leaves[leaf]!.subarray(0, leaves[leaf]!.length >> 1)
    : leaves[leaf]!.map((byte) => byte ^ 1);
  whole.content = { ...whole.content, leaves };
  offered.isGone = true;
}

/** Ends all faults, and waits until all that was wanted, and can be had, is there. */
function settle(world: World, random: Random): void {
  world.note("-- settle");
  world.wires.setCuts(() => false);
  // They don't come back: what they offered is had from others, or not at all.
  const gone = new Set(world.people.filter(() => random.chance(0.2)));
  for (const person of gone) person.kill(false);
  for (const untilMs = world.time.nowMs + SETTLE_MS; world.time.nowMs < untilMs;) {
    for (const person of world.people) {
      person.isFull = false;
      person.diskMs = 3;
      if (!gone.has(person)) person.start();
    }
    world.wires.refresh();
    for (const person of world.people) cancelLies(world, person);
    const missing = missingFiles(world);
    if (missing.length === 0) return;
    for (const { person, id } of missing) {
      const number = world.numberOf(person, id);
      // A part that couldn't be written is taken up again; what is being fetched goes on.
      if (number !== null) world.get(person, number);
    }
    world.time.runUntil(world.time.nowMs + 1_000);
  }
  const [first] = missingFiles(world);
  if (first === undefined) return;
  const { person, id } = first;
  throw new Violation(`${person.index} never gets ${id.slice(0, 8)}, which is there`);
}

/** Nobody has what a liar offered: its user gives it up, and makes room for others. */
function cancelLies(world: World, person: Person): void {
  for (const id of [...person.parts.keys()]) {
    const number = world.numberOf(person, id);
    if (number !== null && !world.offered.has(id)) world.cancel(person, number);
  }
}

/** What somebody wants and hasn't, though an honest person has it whole. */
function missingFiles(
  world: World,
): readonly { readonly person: Person; readonly id: OfferId }[] {
  return world.people.filter(({ isUp }) => isUp).flatMap((person) =>
    [...world.wanted.get(person)!].filter((id) => {
      const { by, to, isGone, content } = world.offered.get(id)!;
      if (person.whole.has(id) || isGone) return false;
      if (person.receivedBytes + takenBytes(content.size) > person.filesBytesMax) return false;
      if (person.parts.size > 0 && person.filesBytesMax < Infinity) return false; // they may fill it
      return world.people.some((other) =>
        other !== person && other.isUp && other.whole.has(id) &&
        (to === null || to === person.key || other === by)
      );
    }).map((id) => ({ person, id }))
  );
}
