import { assertEquals } from "@std/assert";
import { NodeWatch } from "../../lib/engine/etcd/node_watch.ts";
import type { NodeStatus } from "../../lib/engine/etcd/etcd_gateway.ts";
import { VirtualClock } from "../runtime/virtual_clock.ts";

const NODES = ["http://a:2379", "http://b:2379", "http://c:2379"] as const;
const [A, B] = NODES;

function world() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const states = new Map<string, NodeStatus | string>(
    NODES.map((node) => [node, { hasLeader: true, leads: node === A }]),
  );
  const watch = new NodeWatch({
    nodes: NODES,
    clock,
    gateway: { probe: (node) => Promise.resolve(states.get(node)!) },
    tell: (text, isTrouble) => told.push(`${isTrouble ? "! " : ""}${text}`),
  });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 500) {
      clock.advance(500);
      for (let n = 0; n < 10; n++) await Promise.resolve();
    }
  };
  const take = () => told.splice(0);
  return { watch, states, pass, take };
}

Deno.test("NodeWatch: says once that a node is away, for how long, and once that it is back", async () => {
  const { watch, states, pass, take } = world();
  await pass(10_000);
  assertEquals(take(), []);

  states.set(B, "doesn't answer");
  await pass(4_000);
  assertEquals(take(), []); // it may be a moment
  await pass(20_000);
  assertEquals(take(), ["! The engine's node b:2379 is away: doesn't answer"]);
  assertEquals(watch.views.map(({ address, answers }) => [address, answers]), [
    ["a:2379", true],
    ["b:2379", false],
    ["c:2379", true],
  ]);
  assertEquals(watch.views[0]!.leads, true);
  assertEquals(watch.views[1]!.silentMs, 24_000);

  states.set(B, { hasLeader: true, leads: false });
  await pass(10_000);
  assertEquals(take(), ["The engine's node b:2379 answers again"]);
  watch.close();
});

Deno.test("NodeWatch: a node that comes and goes each few seconds isn't told of", async () => {
  const { watch, states, pass, take } = world();
  for (let n = 0; n < 20; n++) {
    states.set(B, n % 2 === 0 ? "doesn't answer" : { hasLeader: true, leads: false });
    await pass(4_000);
  }
  assertEquals(take(), []);
  watch.close();
});

Deno.test("NodeWatch: says that there is no quorum, and how many nodes answer", async () => {
  const { watch, states, pass, take } = world();
  for (const node of [A, B]) states.set(node, "connection refused");
  states.set(NODES[2], { hasLeader: false, leads: false });
  await pass(10_000);
  assertEquals(
    take().at(-1),
    "! The engine has no quorum: 1 of 3 nodes answers, more than half must",
  );

  states.set(A, { hasLeader: true, leads: true });
  await pass(10_000);
  assertEquals(take(), [
    "The engine's node a:2379 answers again",
    "The engine's nodes have a leader again",
  ]);
  watch.close();
});
