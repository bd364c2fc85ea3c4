// A member sends more than others can read. Where the links carry it, the others' messages aren't delayed; where one
// or all links are too slow, the member waits for their readers.

import { assert, assertEquals } from "@std/assert";
import { AuthorFlow } from "../../lib/protocols/mesh/log/author_flow.ts";
import { CausalOrder } from "../../lib/protocols/mesh/log/causal_order.ts";
import { type FloodOutcome, runFlood } from "./mesh/flood.ts";
import { replaced } from "./replaced.ts";

const TALK = { members: 6, linesPerSecond: 0, lineBytes: 1_024, forMs: 3_000 } as const;
/** Twice the bandwidth that the flood below needs on one link. */
const WIDE = { bytesPerMs: 1_500, delayMs: 20 } as const;

/** The delay that this share of all messages doesn't exceed. */
const within = ({ delaysMs }: Pick<FloodOutcome, "delaysMs">, share: number) =>
  delaysMs[Math.ceil(share * delaysMs.length) - 1]!;

Deno.test("what others say takes less than twice as long while one says 500 lines of 1 KiB a second", () => {
  const calm = runFlood({ ...TALK, network: WIDE }, 5_000);
  const flooded = runFlood({ ...TALK, network: WIDE, linesPerSecond: 500 }, 5_000);

  assertEquals([flooded.missed, flooded.pausedMs], [[], 0]);
  // The first messages arrive while the trees of the flood settle.
  for (const share of [0.5, 0.9]) {
    const [before, now] = [within(calm, share), within(flooded, share)];
    assert(now < 2 * before, `${share} of all within ${now} ms instead of ${before}`);
  }
  assert(within(flooded, 1) < 500, `${within(flooded, 1)} ms`);
});

Deno.test("what others say comes within half a second while one who has just come in floods with a program of its own", () => {
  const flooded = runFlood({ ...TALK, network: WIDE, attack: "floods" }, 5_000);

  const heard = flooded.world.members[1]!.process!.probe!.frontiers();
  assert([...heard!].some(([, counter]) => counter >= 100), "the flood has come");
  assert(within(flooded, 1) < 500, `${within(flooded, 1)} ms`);
});

Deno.test("what others say comes within half a second while one begins a stream for each of 1,500 words a second", () => {
  const flooded = runFlood({
    ...TALK,
    forMs: 2_000,
    members: 3,
    attack: "beginsStreams",
    network: WIDE,
  }, 5_000);

  const heard = flooded.world.members[1]!.process!.probe!.frontiers();
  assert([...heard!].length >= 2_000, "the flood has come");
  assert(within(flooded, 1) < 500, `${within(flooded, 1)} ms`);
});

/** All but the author are equally far behind and talk; none of them knows that anything is missing. */
function floodBySlowLines(): FloodOutcome {
  const flood = { members: 3, linesPerSecond: 2_000, lineBytes: 60, forMs: 8_000 };
  return runFlood({ ...flood, network: { bytesPerMs: 20 } }, 240_000);
}

Deno.test("who says much waits for those who are all equally far behind and talk to each other, and nothing is missed", () => {
  const { missed, pausedMs, delaysMs, world } = floodBySlowLines();

  const unshown = world.ledger.said.filter((said) =>
    !world.members.every(({ shown }) => shown.has(said))
  );
  assertEquals([missed, unshown], [[], []]);
  assert(pausedMs > 0);
  assert(within({ delaysMs }, 1) < 1_000, `${within({ delaysMs }, 1)} ms`);
});

Deno.test("it is missed by all of them where what their words follow isn't looked at, and each is told how much", () => {
  const undo = replaced(CausalOrder.prototype, "reachOf", (latest) => latest)();
  try {
    const { missed, world } = floodBySlowLines();
    const [author, ...readers] = world.members;
    const said = world.ledger.said.filter((said) => said.author === author!.index);
    const told = readers.map(({ name, shown }) => {
      const count = said.filter((word) => !shown.has(word)).length;
      return `${name}: Missed ${count} messages from ${
        author!.name
      }: nobody here keeps them any more`;
    });
    assertEquals(missed.toSorted(), told.toSorted());
  } finally {
    undo();
  }
});

/** Of three members, the last one has a slow link, and talks like the others. */
function floodBySlowLine(): FloodOutcome {
  const bytesPerMsTo = (host: number) => host === 2 ? 10 : Infinity;
  const flood = { members: 3, linesPerSecond: 4_000, lineBytes: 200, forMs: 3_200 };
  return runFlood({ ...flood, network: { bytesPerMsTo } }, 240_000);
}

Deno.test("who says much waits for one who reads by a slow line and talks meanwhile, and nothing is missed", () => {
  const { missed, pausedMs, delaysMs, world } = floodBySlowLine();

  const [author, , reader] = world.members;
  const said = world.ledger.said.filter((said) => said.author === author!.index);
  assertEquals(missed, []);
  assertEquals(said.filter((word) => !reader!.shown.has(word)).length, 0);
  assert(pausedMs > 0);
  assert(Number.isFinite(delaysMs.at(-1)));
});

Deno.test("it is missed where nobody is waited for", () => {
  const undo = replaced(AuthorFlow.prototype, "waitedFor", () => [])();
  try {
    assert(floodBySlowLine().missed.length > 0);
  } finally {
    undo();
  }
});
