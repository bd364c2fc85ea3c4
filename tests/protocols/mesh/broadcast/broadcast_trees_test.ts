/** Which neighbours are branches of a tree, and which trees there are. */

import { assertEquals } from "@std/assert";
import { BROADCAST_LAN } from "../../../../lib/protocols/mesh/broadcast/broadcast_io.ts";
import { Tree, Trees } from "../../../../lib/protocols/mesh/broadcast/broadcast_trees.ts";
import { keyOf } from "../overlay_network.ts";

const [ANN, BOB] = [keyOf(1), keyOf(2)];

Deno.test("Tree: a neighbour leaves after three duplicates within ten bundles, and once a second", () => {
  const duplicates = (...afterBundles: readonly number[]) => {
    const tree = new Tree(BROADCAST_LAN);
    return afterBundles.map((bundles) => {
      tree.bundles = bundles;
      return tree.duplicate(ANN, 5_000);
    });
  };
  assertEquals(duplicates(1, 5, 10), [false, false, true]);
  assertEquals(duplicates(1, 5, 11, 14), [false, false, false, true]);

  const tree = new Tree(BROADCAST_LAN);
  tree.prune(ANN, 0);
  const again = [1, 2, 3].map(() => tree.duplicate(ANN, 999));
  assertEquals([tree.lazy.has(ANN), again, tree.duplicate(ANN, 1_000)], [
    true,
    [false, false, false],
    true,
  ]);
});

Deno.test("Tree: with one branch less the others' duplicates are counted anew", () => {
  const tree = new Tree(BROADCAST_LAN);
  for (const peer of [ANN, BOB, ANN, BOB]) tree.duplicate(peer, 0);
  tree.prune(ANN, 0);
  assertEquals([1, 2, 3].map(() => tree.duplicate(BOB, 0)), [false, false, true]);
});

Deno.test("Tree: a grafted branch leaves at its first duplicate, unless it has brought something first since", () => {
  const grafted = (then: (tree: Tree) => void) => {
    const tree = new Tree(BROADCAST_LAN);
    tree.makeLazy(ANN);
    tree.graft(ANN);
    then(tree);
    return [tree.lazy.has(ANN), tree.duplicate(ANN, 0)];
  };
  assertEquals(grafted(() => {}), [false, true]);
  assertEquals(grafted((tree) => tree.first(ANN)), [false, false]);
  assertEquals(grafted((tree) => tree.adopt(ANN)), [false, false]);
  const tree = new Tree(BROADCAST_LAN);
  tree.graft(ANN); // it was none that had to prove itself
  assertEquals(tree.duplicate(ANN, 0), false);
});

Deno.test("Tree: a path counts as shorter by two hops, three times in a row", () => {
  const tree = new Tree(BROADCAST_LAN);
  assertEquals([2, 3, 1, 2, 2, 2].map((saved) => tree.compare(ANN, saved)), [
    false,
    false,
    false,
    false,
    false,
    true,
  ]);
});

Deno.test("Trees: each author has a tree in a room of 64, all share one in a larger room; a change begins anew", () => {
  const trees = new Trees(BROADCAST_LAN);
  trees.of(ANN).makeLazy(BOB);
  trees.setMembers(64);
  assertEquals([trees.of(ANN).lazy.has(BOB), trees.of(BOB).lazy.has(BOB)], [true, false]);
  assertEquals([trees.nameOf(ANN), trees.named(ANN).length, trees.named(null).length], [ANN, 1, 3]);

  trees.setMembers(65);
  assertEquals(trees.of(ANN), trees.of(BOB));
  assertEquals([trees.of(ANN).lazy.size, trees.nameOf(ANN), trees.named(ANN)], [0, null, []]);
  trees.of(ANN).makeLazy(BOB);
  for (const live of [64, 65]) trees.setMembers(live);
  assertEquals(trees.of(ANN).lazy.size, 0);
  trees.of(ANN).makeLazy(BOB);
  trees.forget(BOB);
  assertEquals(trees.of(ANN).lazy.size, 0);
});

Deno.test("Trees: of more authors than are remembered the one that spoke longest ago is forgotten", () => {
  const trees = new Trees({ ...BROADCAST_LAN, sourcesMax: 2 });
  const [first, second, third] = [keyOf(11), keyOf(12), keyOf(13)];
  trees.of(first).makeLazy(ANN);
  trees.of(second).makeLazy(ANN);
  trees.of(first);
  trees.of(third);
  assertEquals([trees.of(first).lazy.size, trees.of(second).lazy.size], [1, 0]);
});
