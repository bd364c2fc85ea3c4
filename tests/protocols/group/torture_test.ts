// Crashes, losses of power and of the coordinator, at drawn moments: one order, nothing lost, nothing twice.

import { assert, assertEquals } from "@std/assert";
import { GroupNet, type Node } from "./group_net.ts";
import { NUMBERS } from "../../given.ts";

function drawFrom(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}

/** One log is the beginning of the other, at any time; what was shown is in the log. */
function checkPrefixes(nodes: readonly Node[]): void {
  let longest: readonly string[] = [];
  for (const { logged } of nodes) if (logged.length > longest.length) longest = logged;
  for (const { logged, name } of nodes) {
    assertEquals(logged, longest.slice(0, logged.length), `${name} has another order`);
  }
}

function run(seed: number): void {
  const draw = drawFrom(seed);
  const net = GroupNet.started(["ann", "bob", "carol"], draw);
  const { nodes, coordinator } = net;
  let texts = 0;
  const everShown = new Set<string>();
  const saidBy = new Map<string, string[]>(nodes.map(({ name }) => [name, []]));
  for (let turn = 0; turn < 60; turn++) {
    const node = nodes[draw(nodes.length)]!;
    switch (draw(12)) {
      case 0:
        if (node.machine !== null) node.kill({ power: draw(2) === 0 });
        break;
      case 1:
      case 2:
        if (node.machine === null) node.start();
        break;
      case 3:
        if (coordinator.isUp) coordinator.vanish();
        else coordinator.isUp = true;
        break;
      case 4:
        if (coordinator.isUp) coordinator.reconcile();
        break;
      case 5:
        net.nowMs += draw(1_500);
        for (const one of nodes) one.feed({ type: "tick" });
        break;
      default:
        if (node.machine === null) break;
        for (let count = draw(4); count >= 0; count--) {
          const text = `${node.name} ${++texts}`;
          saidBy.get(node.name)!.push(text);
          node.say(text);
        }
    }
    for (let count = draw(60); count > 0 && net.next(); count--);
    for (const one of nodes) for (const text of one.shown) everShown.add(text);
    checkPrefixes(nodes);
  }
  coordinator.isUp = true;
  for (const node of nodes) if (node.machine === null) node.start();
  for (let attempt = 0; attempt < 6; attempt++) {
    net.pass(6_000);
    coordinator.reconcile();
  }
  net.pass(3_000);
  for (const node of nodes) {
    assertEquals(node.stopped, null);
    assertEquals(node.logged, nodes[0]!.logged);
    assert(node.machine?.epoch !== null, `${node.name} is in no epoch`);
    const once = new Set(node.logged);
    assertEquals(once.size, node.logged.length, "a text is there twice");
    for (const text of everShown) assert(once.has(text), `${text} was shown and is lost`);
    const own = saidBy.get(node.name)!.filter((text) => once.has(text));
    assertEquals(nodes[0]!.logged.filter((text) => text.startsWith(`${node.name} `)), own);
  }
}

// More: deno test tests/protocols/group/torture_test.ts -- FROM COUNT
const [from = 1, count = 40] = NUMBERS;

for (let seed = from; seed < from + count; seed++) {
  Deno.test(`Member: all agree through crashes, seed ${seed}`, () => run(seed));
}
