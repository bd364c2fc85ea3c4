import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../../../lib/base/ids.ts";
import { type Program, RelayWorld } from "../relay_world.ts";

function pair() {
  const { world, all } = RelayWorld.of("Ann", "Bob");
  const [ann, bob] = all as [Program, Program];
  return { world, ann, bob };
}

Deno.test("where datagrams pass, they go directly, and the coordinator relays none", () => {
  const { world, ann, bob } = pair();
  world.meetAll();
  const before = world.relayed.length;
  world.run(10_000);
  ann.send(bob, "hi");
  world.run(100);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann), bob.texts], ["direct", "direct", ["hi"]]);
  assertEquals(world.relayed.length, before);
});

Deno.test("where nothing passes directly for 3 s, the relay is used, until something does", () => {
  const { world, ann, bob } = pair();
  world.cut();
  world.meetAll();
  world.run(2_990);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann)], [null, null]);
  world.run(100);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann)], ["relay", "relay"]);
  ann.send(bob, "through it");
  bob.send(ann, "and back");
  world.run(200);
  assertEquals([bob.texts, ann.texts], [["through it"], ["and back"]]);

  world.run(30_000);
  world.heal();
  world.run(60_000 + 2_000);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann)], ["direct", "direct"]);
  const before = world.relayed.length;
  ann.send(bob, "directly");
  world.run(5_000);
  assertEquals([bob.texts.at(-1), world.relayed.length], ["directly", before]);
  assert(ann.told.every(({ type }) => !["reset", "silent", "failed", "ended"].includes(type)));
});

Deno.test("what comes late through the relay doesn't move a session back to it", () => {
  const { world, ann, bob } = pair();
  world.relayDelayMs = 300;
  world.cut();
  world.meetAll();
  world.run(6_000);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann)], ["relay", "relay"]);
  world.heal();
  for (let at = 0; at < 70_000; at += 20) {
    ann.send(bob, `${at}`);
    bob.send(ann, `${at}`);
    world.run(20);
  }
  const moves = [ann, bob].map(({ told }) => told.filter(({ type }) => type === "moved").length);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann), ...moves], ["direct", "direct", 1, 1]);
});

Deno.test("a path that fails is replaced by the relay before anybody has to go, and comes back", () => {
  const { world, ann, bob } = pair();
  world.meetAll();
  world.run(5_000);
  world.cut();
  world.run(4_500);
  ann.send(bob, "still here");
  world.run(200);
  assertEquals([ann.pathTo(bob), bob.texts], ["relay", ["still here"]]);
  world.heal();
  world.run(10_000);
  assertEquals(ann.pathTo(bob), "direct");
});

Deno.test("a path that fails in one direction alone is no direct path", () => {
  const { world, ann, bob } = pair();
  world.meetAll();
  world.run(5_000);
  world.passes = (from, to) => !(from.host === ann.endpoint.host && to.host === bob.endpoint.host);
  world.run(130_000);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann)], ["relay", "relay"]);
  ann.send(bob, "around it");
  world.run(200);
  assertEquals(bob.texts, ["around it"]);
});

Deno.test("attempts at a direct path are made ever less often, 60 s apart in the end", () => {
  const { world, ann, bob } = pair();
  const tries: number[] = [];
  world.passes = (from, to) => {
    const isDirect = from.host === ann.endpoint.host && to.host === bob.endpoint.host;
    if (isDirect) tries.push(world.time.nowMs);
    return !isDirect && !(from.host === bob.endpoint.host && to.host === ann.endpoint.host);
  };
  world.meetAll();
  world.run(4_000);
  tries.length = 0;
  world.run(600_000);
  const rounds = tries.filter((ms, at) => at === 0 || ms - tries[at - 1]! > 900);
  const pauses = rounds.slice(1).map((ms, at) => Math.round((ms - rounds[at]!) / 1_000));
  assert(rounds.length < 40, `${rounds.length} rounds`);
  assert(pauses.slice(-3).every((pause) => pause <= 61), pauses.join());
  assert(tries.length < 200, `${tries.length} datagrams`);
});

Deno.test("through routers that let in whom we have sent to, both sides get by sending at once", () => {
  const { world, ann, bob } = pair();
  const outside = { host: "203.0.113.2", port: 40_000 };
  bob.endpoint = outside; // as seen from outside
  bob.keyed();
  const sent = new Set<string>();
  world.passes = (from: Endpoint, to: Endpoint) => {
    sent.add(`${from.host} ${to.host}`);
    return from.host === "192.0.2.1" || to.host === "192.0.2.1" ||
      sent.has(`${to.host} ${from.host}`);
  };
  world.run(16_000); // it says again where it is
  assertEquals(world.pathOf(bob)?.seen, outside);
  world.meetAll();
  world.run(1_500);
  assertEquals([ann.pathTo(bob), bob.pathTo(ann)], ["direct", "direct"]);
});

Deno.test("a coordinator that was started anew relays as soon as it introduces the two again", () => {
  const { world, ann, bob } = pair();
  world.cut();
  world.meetAll();
  world.run(4_000);
  const { passes } = world;
  world.passes = () => false;
  ann.send(bob, "kept");
  world.run(20_000);
  for (const { link } of [ann, bob]) world.relay.linkDown(link);
  world.passes = passes;
  for (const one of [ann, bob]) one.keyed();
  world.run(100);
  world.meetAll();
  world.run(4_000);
  assertEquals([bob.texts, ann.pathTo(bob)], [["kept"], "relay"]);
});

Deno.test("a coordinator that was started anew may give each the number that another one had before", () => {
  const world = new RelayWorld(3);
  const [ann, bob, cem] = ["Ann", "Bob", "Cem"].map((name) => world.add(name)) as [
    Program,
    Program,
    Program,
  ];
  world.run(100);
  world.cut();
  world.meetAll();
  world.run(4_000);
  for (const { link } of world.programs) world.relay.linkDown(link);
  for (const one of [bob, ann, cem]) one.keyed();
  world.run(100);
  world.meetAll();

  for (const one of world.programs) {
    for (const other of world.programs) if (one !== other) one.send(other, one.name);
  }
  world.run(500);
  assertEquals(world.programs.map(({ texts }) => texts.toSorted()), [
    ["Bob", "Cem"],
    ["Ann", "Cem"],
    ["Ann", "Bob"],
  ]);
});
