// A newcomer joins through a liar that claims to keep no messages any more; the other members do have them.

import { assert, assertEquals } from "@std/assert";
import { Gaps } from "../../lib/protocols/mesh/log/gaps.ts";
import { AntiEntropy } from "../../lib/protocols/mesh/sync/anti_entropy.ts";
import { SecondSource } from "../../lib/protocols/mesh/sync/second_source.ts";
import type { Attack } from "./mesh/attacks.ts";
import { EvenWorld } from "./mesh/even_world.ts";
import type { MemberProcess } from "./mesh/member.ts";
import { replaced } from "./replaced.ts";

const SECOND_MS = 1_000;
const WORDS = 30;

interface Scene {
  readonly honest: number;
  /** The attack of the member through which the newcomer joins; null: none. */
  readonly liar: Attack | null;
  /** Whether the newcomer can reach only that member. */
  readonly outOfReach?: boolean;
}

/** A room with some messages, and a newcomer that joins through the last member. */
function comeIn({ honest, liar, outOfReach = false }: Scene) {
  const hosts = honest + 2;
  const world = new EvenWorld(hosts);
  const pass = (forMs: number) => world.pass(forMs);
  const members = Array.from({ length: honest }, (_, at) => world.add(`honest${at}`));
  members.push(world.add("contact", { liar }));
  world.gather(members, 20 * SECOND_MS);
  for (let word = 0; word < WORDS; word++) {
    world.say(members[word % honest]!.process!, "", null);
    pass(SECOND_MS / 4);
  }
  pass(5 * SECOND_MS);
  const newcomer = world.add("newcomer");
  if (outOfReach) {
    world.network.setCuts((from, to) =>
      (from === newcomer.index) !== (to === newcomer.index) &&
      Math.min(from, to) < honest
    );
  }
  const contact = members.at(-1)!.endpoint;
  const begunMs = world.time.nowMs;
  world.start(newcomer, { kind: "join", contact });
  /** How many of the messages are in the newcomer's history. */
  const kept = () => {
    newcomer.process!.command({ command: "history", count: null });
    return newcomer.process!.history?.length ?? 0;
  };
  /** The time until the newcomer takes input. */
  const hereAfterMs = () => {
    while (newcomer.process!.readyAtMs === null || newcomer.process!.pausedBecause !== null) {
      pass(10);
      if (world.time.nowMs - begunMs > 60 * SECOND_MS) return Infinity;
    }
    return world.time.nowMs - begunMs;
  };
  return { pass, kept, hereAfterMs };
}

for (const honest of [2, 8]) {
  Deno.test(`a newcomer has the history of ${honest} others though its first neighbour says that it isn't kept`, () => {
    const { pass, kept, hereAfterMs } = comeIn({ honest, liar: "saysNotKept" });
    assert(hereAfterMs() < 3 * SECOND_MS);
    pass(10 * SECOND_MS);
    assertEquals(kept(), WORDS);
  });
}

Deno.test("a newcomer lacks it for good where the first neighbour is believed at once", () => {
  const isHeard = replaced(SecondSource.prototype, "hear", (spoken) => [spoken])();
  const { setNeighbours } = Gaps.prototype;
  // As if it had been the only one for long.
  const isOnly = replaced(Gaps.prototype, "setNeighbours", function (this: Gaps, peers) {
    setNeighbours.call(this, peers, -Infinity);
  })();
  try {
    const { pass, kept } = comeIn({ honest: 2, liar: "saysNotKept" });
    pass(120 * SECOND_MS);
    assertEquals(kept(), 0);
  } finally {
    isHeard();
    isOnly();
  }
});

Deno.test("a newcomer that reaches nobody else believes its one neighbour after 5 s", () => {
  const { hereAfterMs } = comeIn({ honest: 3, liar: "saysNotKept", outOfReach: true });
  const ms = hereAfterMs();
  assert(ms > 5 * SECOND_MS && ms < 7 * SECOND_MS, `${ms}`);
});

Deno.test("a newcomer waits for nobody where its first neighbour is honest", () => {
  for (const outOfReach of [false, true]) {
    const { hereAfterMs, kept } = comeIn({ honest: 3, liar: null, outOfReach });
    assert(hereAfterMs() < SECOND_MS);
    assertEquals(kept(), WORDS);
  }
});

Deno.test("who is back, and asks for the history at once, is answered with what was said meanwhile, too", () => {
  const world = new EvenWorld(2);
  const [ann, bob] = world.addAll("Ann", "Bob");
  world.gather([ann, bob]);
  const askedBy = (process: MemberProcess) => {
    while (process.readyAtMs === null) world.pass(1);
    const askedMs = world.time.nowMs;
    process.command({ command: "history", count: null });
    while (process.history === null) world.pass(1);
    return [process.history.length, world.time.nowMs - askedMs] as const;
  };
  bob.process!.command({ command: "quit" });
  world.pass(5 * SECOND_MS);
  for (let word = 0; word < WORDS; word++) world.say(ann.process!, "", null);
  world.pass(5 * SECOND_MS);

  const [kept, waitedMs] = askedBy(world.join(bob, ann));

  assertEquals(kept, WORDS);
  assert(waitedMs < SECOND_MS);

  // Nothing comes of somebody who says nothing more: the answer is what there is.
  bob.process!.command({ command: "quit" });
  world.pass(5 * SECOND_MS);
  world.say(ann.process!, "", null);
  world.pass(5 * SECOND_MS);
  const undo = replaced(AntiEntropy.prototype, "step", () => [])();
  try {
    const [had, ms] = askedBy(world.join(bob, ann));
    assertEquals(had, WORDS);
    assert(ms > SECOND_MS && ms <= 2 * SECOND_MS, `${ms}`);
  } finally {
    undo();
  }
});
