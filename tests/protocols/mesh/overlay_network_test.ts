import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { PeerKey } from "../../../lib/base/ids.ts";
import { WALKS_BURST } from "../../../lib/protocols/mesh/schema/limits.ts";
import { contactOf, keyOf, OverlayNetwork, type OverlayNetworkOptions } from "./overlay_network.ts";
import { SLOW } from "../../given.ts";

/** A room of `members` who came in one after the other, each through some member, and a quiet minute. */
function room(
  members: number,
  options: OverlayNetworkOptions,
  via: (network: OverlayNetwork, index: number) => PeerKey = (network, index) =>
    keyOf(network.random.below(index)),
): OverlayNetwork {
  const network = new OverlayNetwork(options);
  network.add(keyOf(0));
  for (let index = 1; index < members; index++) {
    network.at(index * 20, () => network.join(keyOf(index), via(network, index)));
  }
  network.run(members * 20 + 60_000);
  return network;
}

/** Counts how often members became and ceased to be neighbours. */
function counting() {
  const seen = { up: 0, down: 0, isolated: 0 };
  const neighbours = new Map<PeerKey, number>();
  const onEffect: OverlayNetworkOptions["onEffect"] = (self, { type }) => {
    const before = neighbours.get(self) ?? 0;
    if (type === "neighbour-up") neighbours.set(self, before + 1), seen.up++;
    if (type !== "neighbour-down") return;
    neighbours.set(self, before - 1);
    seen.down++;
    if (before === 1) seen.isolated++;
  };
  return { seen, onEffect };
}

for (const members of [2, 6, 7, 40, 200]) {
  Deno.test(`a room of ${members} is connected, its views symmetric and nearly full`, SLOW, () => {
    const network = room(members, { seed: members });

    assertEquals(network.parts(), [members]);
    assertEquals(network.asymmetries(), []);
    const placesMax = Math.min(5, members - 1);
    const links = network.degrees().reduce((sum, degree) => sum + degree, 0);
    assert(network.degrees().every((degree) => degree <= placesMax));
    assert(links >= members * placesMax * 0.95, `${links} link ends`);
  });
}

for (const members of [9, 12]) {
  Deno.test(
    `a newcomer to a room of ${members} whose views are full has two neighbours in 20 s`,
    SLOW,
    () => {
      const left: number[] = [];
      for (let seed = 1; seed <= 50; seed++) {
        const network = new OverlayNetwork({ seed });
        network.add(keyOf(0));
        for (let index = 1; index < members; index++) {
          network.at(
            index * 300,
            () => network.join(keyOf(index), keyOf(network.random.below(index))),
          );
        }
        network.run(members * 300);
        const newcomer = keyOf(members);
        network.join(newcomer, keyOf(members - 1));
        network.run(20_000);
        if (network.nodes.get(newcomer)!.overlay.activeView().length < 2) left.push(seed);
      }

      assertEquals(left, []);
    },
  );
}

Deno.test(
  "five hundred that come in through one member within 5 s don't lose each other",
  SLOW,
  () => {
    const { seen, onEffect: count } = counting();
    const walks = new Map<string, number>();
    const onEffect: OverlayNetworkOptions["onEffect"] = (self, effect, nowMs) => {
      count(self, effect, nowMs);
      if (effect.type !== "send" || effect.message.type !== "forward-join") return;
      const link = self + effect.to;
      walks.set(link, 1 + (walks.get(link) ?? 0));
    };
    const network = new OverlayNetwork({ seed: 3, onEffect });
    network.add(keyOf(0));
    for (let index = 1; index < 500; index++) {
      network.at(index * 10, () => network.join(keyOf(index), keyOf(0)));
    }

    network.run(6_000);

    assertEquals(network.parts(), [500]);
    assert(seen.isolated < 25, `${seen.isolated} were alone for a moment`);
    // What a link may carry at once is far more.
    assert(Math.max(...walks.values()) <= WALKS_BURST / 4, `${Math.max(...walks.values())} walks`);
  },
);

for (const share of [0.5, 0.9]) {
  Deno.test(
    `a room of 200 is one again when ${share * 100} % vanish, their addresses silent`,
    SLOW,
    () => {
      const gone = new Set<PeerKey>();
      const passes = (_from: PeerKey, to: PeerKey) => !gone.has(to);
      const network = room(200, { seed: 11, lostAfterMs: 15_000, passes });
      for (const key of [...network.nodes.keys()]) {
        if (!network.random.chance(share)) continue;
        gone.add(key);
        network.crash(key);
      }

      network.run(share > 0.8 ? 60_000 : 30_000);

      assertEquals(network.parts(), [network.nodes.size]);
      assertEquals(network.asymmetries(), []);
    },
  );
}

Deno.test("a quiet room stays as it is: no neighbour goes, and almost nobody dials", () => {
  const { seen, onEffect } = counting();
  const network = room(100, { seed: 5, onEffect });
  network.run(120_000);
  const [downBefore, dialsBefore] = [seen.down, network.dials];

  network.run(120_000);

  assert(seen.down - downBefore <= 4, `${seen.down - downBefore} neighbours went`);
  // Fewer than one of a member in a minute, though two places may be left over that nobody can fill.
  assert(network.dials - dialsBefore < 120, `${network.dials - dialsBefore} dials`);
});

Deno.test("a room grows over six members and shrinks back without losing a link needlessly", () => {
  const { seen, onEffect } = counting();
  const network = room(6, { seed: 2, onEffect, lostAfterMs: 10 });
  const downAt6 = seen.down;
  network.join(keyOf(6), keyOf(2));
  network.run(1_000);
  const downAt7 = seen.down;
  network.run(60_000);
  network.crash(keyOf(6));
  network.run(60_000);

  assertEquals(downAt6, 0);
  assert(downAt7 <= 4, `${downAt7} link ends were split for the seventh`); // two links
  assertEquals(network.degrees(), [5, 5, 5, 5, 5, 5]);
});

Deno.test("links that pass one way only are given up, and others found", () => {
  const half = (key: PeerKey) => Number.parseInt(key.slice(-4), 16) % 2;
  let cut = false;
  const { onEffect } = counting();
  const network = room(40, {
    seed: 9,
    onEffect,
    passes: (from, to) => !cut || half(from) === half(to) || half(from) === 0,
  });
  cut = true;

  for (const [key, node] of network.nodes) {
    for (const peer of [...node.links.keys()]) {
      // The link's own watch finds that nothing comes any more.
      if (half(key) === 0 && half(peer) === 1) network.cutLink(key, peer);
    }
  }
  network.run(60_000);

  assertEquals(network.parts(), [20, 20]);
  assertEquals(network.asymmetries(), []);
});

Deno.test("two healthy halves of a room find each other again", () => {
  const half = (key: PeerKey) => Number.parseInt(key.slice(-4), 16) % 2;
  let cut = false;
  const network = room(60, { seed: 14, passes: (a, b) => !cut || half(a) === half(b) });
  cut = true;
  for (const [key, node] of network.nodes) {
    for (const peer of [...node.links.keys()]) {
      if (half(key) !== half(peer)) network.cutLink(key, peer);
    }
  }
  network.run(60_000);
  const apart = network.parts();
  // Each half has given the other up by now.
  network.rosterOf = (key, other) => half(key) === half(other);

  cut = false;
  network.run(60_000);

  assertEquals(apart, [30, 30]);
  assertEquals(network.parts(), [60]);
  assertEquals(network.asymmetries(), []);
});

Deno.test("a member whose addresses are all dead is found by those that remember it", () => {
  const network = room(30, { seed: 17, lostAfterMs: 100 });
  const lonely = keyOf(7);
  for (const peer of [...network.nodes.get(lonely)!.links.keys()]) network.crash(peer);
  network.run(1_000);
  network.crash(lonely);
  network.run(1_000);
  network.add(lonely); // it starts again, and knows only members that are dead
  network.rosterOf = (key, other) => key !== lonely && other !== lonely;
  network.rememberedOf = (key, other) =>
    key === lonely ? !network.nodes.has(other) : other === lonely;

  network.run(120_000);

  assertEquals(network.parts(), [network.nodes.size]);
});

const CROWD = Array.from({ length: 1_000 }, (_, index) => keyOf(10_000 + index));

/** How long a member that loses all links is alone, and how long until its view is nearly full again, ms. */
function recovery(seed: number, crowd: readonly PeerKey[]): { alone: number; full: number } {
  const madeUp = new Set(crowd);
  const passes = (_from: PeerKey, to: PeerKey) => !madeUp.has(to); // nobody says anything there
  const network = room(30, { seed, passes });
  const unlucky = keyOf(3 + seed);
  for (const key of crowd) network.live.add(key);
  network.announceMembers();
  for (const key of network.nodes.keys()) {
    // Somebody's neighbour has seen to it that nothing else is left in the passive views.
    const [liar] = network.nodes.get(key)!.overlay.activeView();
    for (let at = 0; at < 16 * 16; at += 16) {
      const contacts = crowd.slice(at, at + 16).map(contactOf);
      const message = { type: "shuffle-reply", contacts } as const;
      network.step(key, { type: "message", from: liar!, message });
    }
  }
  network.run(10_000);
  const { overlay, links } = network.nodes.get(unlucky)!;
  for (const peer of [...links.keys()]) network.cutLink(unlucky, peer);
  network.run(6);
  assertEquals(overlay.activeView(), []);
  const passed = { alone: 0, full: 0 };
  for (let ms = 0; ms < 60_000; ms += 50) {
    if (overlay.activeView().length === 0) passed.alone = ms + 50;
    if (overlay.activeView().length < 4) passed.full = ms + 50;
    network.run(50);
  }
  return passed;
}

Deno.test("who loses all links finds the room as soon among a thousand who don't exist as without them", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const alone = recovery(seed, []);
    const crowded = recovery(seed, CROWD);

    assert(alone.alone <= 200 && crowded.alone <= 200, `${alone.alone}, ${crowded.alone} ms alone`);
    assert(crowded.full <= alone.full + 200, `${alone.full}, ${crowded.full} ms until four`);
  }
});

Deno.test("passive members keep three links and are in nobody's view", () => {
  const network = new OverlayNetwork({ seed: 23 });
  network.add(keyOf(0));
  for (let index = 1; index < 40; index++) {
    const passive = index % 4 === 3;
    const via = keyOf(4 * network.random.below(Math.ceil(index / 4)));
    network.at(index * 50, () => network.join(keyOf(index), via, { passive }, !passive));
  }
  network.run(90_000);

  const passives = [...network.nodes.values()].filter(({ dialable }) => !dialable);
  assertEquals(network.parts(), [40]);
  assertEquals(passives.map(({ overlay }) => overlay.activeView().length), passives.map(() => 3));
});

Deno.test("whatever joins and crashes there are, views are symmetric and connected after quiet", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.array(
        fc.record({
          join: fc.boolean(),
          which: fc.nat(30),
          afterMs: fc.integer({ max: 400, min: 0 }),
        }),
        { minLength: 5, maxLength: 60 },
      ),
      (seed, events) => {
        const network = new OverlayNetwork({ seed, lostAfterMs: 1_000 });
        network.add(keyOf(0));
        let next = 1;
        for (const { join, which, afterMs } of events) {
          network.run(afterMs);
          const alive = [...network.nodes.keys()];
          const member = alive[which % alive.length]!;
          if (join || alive.length < 3) network.join(keyOf(next++), member);
          else network.crash(member);
        }
        network.run(120_000);
        assertEquals(network.asymmetries(), []);
        assertEquals(network.parts(), [network.nodes.size]);
      },
    ),
    { numRuns: 25 },
  );
});
