/**
 * Many visitors of a meeting point that is killed and comes back, under random use: whatever happens, each end gets a
 * prefix of what the other one sent, nobody gets what is another's, and nothing stays behind.
 */

import { assert, assertEquals } from "@std/assert";
import { sameBytes } from "../../lib/base/collections/bytes.ts";
import type { VisitorNode } from "../protocols/meeting_point/meeting_world.ts";
import { MeetingWorld } from "../protocols/meeting_point/meeting_world.ts";

const SEEDS = 10;
const VISITORS = 8;
const STEPS = 150;

function run(seed: number): void {
  const world = new MeetingWorld(seed, {
    links: 10,
    roomLinks: 20,
    rate: 60_000,
    roomRate: 120_000,
  });
  const { random } = world;
  // Three homes: each has one address.
  const visitors = Array.from(
    { length: VISITORS },
    (_, at) => world.visitor(1 + at, `192.0.2.${at % 3}`),
  );
  for (const visitor of visitors) if (random.chance(0.8)) visitor.register();
  for (let step = 0; step < STEPS; step++) {
    act(world, visitors);
    world.pass(random.exponential(150));
    if (step % 25 === 0) check(world, visitors);
  }
  check(world, visitors);
  if (world.point === null) world.start();
  for (const visitor of visitors) for (const end of visitor.open) visitor.end(end);
  world.pass(120_000);
  assertEquals(world.point!.counts.streams, 0, "no stream stays");
  assertEquals(world.banned, [], "honest visitors break no rule");
  for (const visitor of visitors) assertEquals(visitor.open, []);
  // Places are free again: as many streams as at first.
  const [one, other] = [visitors[0]!, visitors[1]!];
  other.register();
  world.pass(1_000);
  for (let at = 0; at < 10; at++) one.reach(other);
  world.pass(1_000);
  assertEquals(one.open.length, 10);
}

function act(world: MeetingWorld, visitors: readonly VisitorNode[]): void {
  const { random } = world;
  const visitor = random.pick(visitors);
  const end = visitor.open.length === 0 ? null : random.pick(visitor.open);
  const chance = random.next();
  if (chance < 0.02) {
    if (world.point === null) world.start();
    else world.kill();
  } else if (chance < 0.05 && visitor.link !== null) {
    world.closeByVisitor(visitor, visitor.link); // as a link that breaks
  } else if (chance < 0.3) visitor.reach(random.pick(visitors));
  else if (chance < 0.4) {
    visitor.isReading = !visitor.isReading;
    if (visitor.isReading) visitor.read();
  } else if (end !== null && chance < 0.5) visitor.end(end);
  else if (end !== null) {
    // Each stream's bytes are its own.
    const first = visitor.key.charCodeAt(0) + end.stream + end.sent.length;
    visitor.send(end, Uint8Array.from({ length: random.below(20_000) }, (_, at) => first + at * 7));
  }
}

/** Each stream that was brought to somebody is one that its caller has. */
function check(world: MeetingWorld, visitors: readonly VisitorNode[]): void {
  for (const visitor of visitors) {
    for (const end of visitor.ends) {
      if (end.from === null || end.received.length === 0) continue;
      const caller = visitors.find(({ key }) => key === end.from)!;
      const isTheirs = caller.ends.some((one) => {
        if (one.from !== null || one.sent.length < end.received.length) return false;
        return sameBytes(end.received, one.sent.subarray(0, end.received.length));
      });
      assert(isTheirs, "what comes is what one stream of the caller was given, from its beginning");
    }
  }
  const counts = world.point?.counts;
  if (counts !== undefined) assert(counts.streams <= 20 && counts.visitors <= 2 * VISITORS);
}

for (let seed = 1; seed <= SEEDS; seed++) {
  Deno.test(`meeting point under random use, seed ${seed}`, () => run(seed));
}
