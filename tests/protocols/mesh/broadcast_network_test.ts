import { assert, assertEquals } from "@std/assert";
import { BroadcastNetwork, type BroadcastNetworkOptions } from "./broadcast_network.ts";
import { Random } from "../../sim/random.ts";
import { keyOf } from "./overlay_network.ts";
import { SLOW } from "../../given.ts";

interface Load {
  readonly network: BroadcastNetwork;
  /** Which member says the i-th bundle. */
  readonly speaker: (index: number) => number;
  readonly warmUp: number;
  readonly measured: number;
  readonly everyMs: number;
}

/** What broadcasts cost once the trees have settled. */
function measure({ network, speaker, warmUp, measured, everyMs }: Load) {
  for (let i = 0; i < warmUp; i++) {
    network.say(keyOf(speaker(i)));
    network.run(everyMs);
  }
  network.run(2_000);
  network.bundles = 0;
  let [missed, lastHop] = [0, 0];
  for (let i = 0; i < measured; i++) {
    const bundle = network.say(keyOf(speaker(warmUp + i)));
    network.run(2_000);
    const reach = network.reach(bundle);
    missed += reach.missed;
    lastHop = Math.max(lastHop, reach.lastHop);
  }
  const bundles = network.bundles / measured;
  const redundancy = bundles / (network.nodes.size - 1) - 1;
  return { bundles, redundancy, lastHop, missed, penalties: network.penalties };
}

/** Figures that the docs quote are seen where the test runs. */
function report(what: string, found: ReturnType<typeof measure>): void {
  // deno-lint-ignore no-console
  console.log(
    `${what}: ${found.bundles.toFixed(1)} bundles, RMR ${found.redundancy.toFixed(3)}, ` +
      `last hop ${found.lastHop}, missed ${found.missed}`,
  );
}

function network(options: Partial<BroadcastNetworkOptions> & { members: number }) {
  const latencyMs = (random: () => number) => 5 + 10 * random();
  return new BroadcastNetwork({ seed: 7, latencyMs, ...options });
}

Deno.test(
  "one sender among 1,000: redundancy at most 0.1, last hop at most 12, nothing missed",
  SLOW,
  () => {
    const found = measure({
      network: network({ members: 1_000 }),
      speaker: () => 0,
      warmUp: 20,
      measured: 10,
      everyMs: 300,
    });

    report("1,000 members, one sender", found);
    assert(found.redundancy <= 0.1 && found.lastHop <= 12, JSON.stringify(found));
    assertEquals([found.missed, found.penalties], [0, []]);
  },
);

Deno.test(
  "all of 500 send: redundancy at most 1.0, last hop at most 18, nothing missed",
  SLOW,
  () => {
    const random = new Random(3);
    const found = measure({
      network: network({ members: 500, seed: 9 }),
      speaker: () => random.below(500),
      warmUp: 40,
      measured: 10,
      everyMs: 200,
    });

    report("500 members, all send", found);
    assert(found.redundancy <= 1 && found.lastHop <= 18, JSON.stringify(found));
    assertEquals([found.missed, found.penalties], [0, []]);
  },
);

Deno.test("25 members over links of 100 ms: at most 26 bundles for each, four hops", () => {
  const found = measure({
    network: network({ members: 25, latencyMs: () => 100 }),
    speaker: (index) => index % 25,
    warmUp: 200,
    measured: 50,
    everyMs: 200,
  });

  report("25 members, 100 ms", found);
  assert(found.bundles <= 26 && found.lastHop <= 5, JSON.stringify(found));
  assertEquals([found.missed, found.penalties], [0, []]);
});

for (const textBytes of [200, 20_000]) {
  Deno.test(
    `links that go with bundles of ${textBytes} B under way cost nobody a bundle`,
    SLOW,
    () => {
      for (let seed = 1; seed <= 2; seed++) {
        const members = seed % 2 === 0 ? 20 : 80;
        const net = network({ members, seed, latencyMs: (random) => 1 + 60 * random() });
        const bundles = [];
        for (let i = 0; i < 120; i++) {
          bundles.push(net.say(keyOf(net.random.below(members)), textBytes));
          net.run(net.random.between(0, 60));
          const links = net.links();
          const link = net.random.pick(links);
          // An overlay with as many links as a tree needs, and a few more, is left.
          if (i % 3 === 0 && links.length > 1.4 * members && net.isConnected(link)) net.cut(link);
        }
        // The very last one: no later bundle tells of it.
        net.run(20_000);
        bundles.push(net.say(keyOf(0), textBytes));
        const spare = net.links().find((link) =>
          link.owner.key === keyOf(0) && net.isConnected(link)
        );
        if (spare !== undefined) net.cut(spare);
        net.run(20_000);

        const missed = bundles.reduce((sum, bundle) => sum + net.reach(bundle).missed, 0);
        assertEquals([seed, missed, net.penalties], [seed, 0, []]);
      }
    },
  );
}

Deno.test("a room that grows over 64 members changes its trees without losing a bundle", () => {
  const net = network({ members: 70, seed: 5 });
  const bundles = [];
  for (let i = 0; i < 200; i++) {
    bundles.push(net.say(keyOf(i % 70)));
    net.run(20);
    // Members come to know of each other one by one.
    const member = keyOf(i % 70);
    net.step(member, { type: "members", live: i < 100 ? 60 : 70 });
  }

  net.run(10_000);

  const missed = bundles.reduce((sum, bundle) => sum + net.reach(bundle).missed, 0);
  assertEquals([missed, net.penalties], [0, []]);
});
