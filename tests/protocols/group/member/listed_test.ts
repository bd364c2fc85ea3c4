// Who is sent what was said: see also `tests/sim/group_liars_test.ts`.

import { assertEquals } from "@std/assert";
import { HistoryEnd } from "../../../../lib/protocols/group/schema/history.ts";
import { JOINED_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { GROUP, GroupNet, type Node } from "../group_net.ts";

interface Scene {
  readonly net: GroupNet;
  readonly ann: Node;
  readonly eve: Node;
  /** Whether Ann answers when Eve asks for the log. */
  readonly serves: () => boolean;
}

/** Ann and Bob are in; Eve is known to them, and is no member. */
function scene(): Scene {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes as [Node, Node];
  ann.say("secret");
  net.settle();
  const eve = net.add("eve");
  eve.start();
  net.settle();
  const serves = (): boolean => {
    ann.effects.length = 0;
    const after = eve.machine!.membership!.held.end;
    ann.feed({
      type: "peer-message",
      peer: eve.key,
      message: { type: "fetch", after, through: 9 },
    });
    net.settle();
    return ann.effects.some((effect) =>
      effect.type === "tell" && effect.message.type === "history" && effect.peers.includes(eve.key)
    );
  };
  return { net, ann, eve, serves };
}

function shownOfEve(...nodes: readonly Node[]): readonly string[] {
  return nodes.map((node) =>
    node.events.flatMap((event) =>
      (event.event === "joining" || event.event === "left") && event.name === "eve"
        ? [event.event]
        : []
    ).join(" ")
  );
}

Deno.test("who asks for the log is sent nothing before the coordinator says to all that it is joining", () => {
  const { net, ann, eve, serves } = scene();
  const bob = net.nodes[1]!;

  assertEquals(serves(), false);
  assertEquals(shownOfEve(ann, bob), ["", ""]);

  net.coordinator.tellPeers(eve);
  net.settle();
  assertEquals(shownOfEve(ann, bob), ["joining", "joining"]);
  assertEquals(serves(), true);
});

Deno.test("a member without the coordinator sends newcomers nothing, as others may be shown that they have gone", () => {
  const { net, ann, eve, serves } = scene();
  net.coordinator.tellPeers(eve);
  net.settle();
  assertEquals(serves(), true);

  net.coordinator.vanish();
  net.pass(JOINED_MS + 5_000);

  assertEquals(shownOfEve(ann), ["joining left"]);
  assertEquals(serves(), false);
});

Deno.test("what was sent to a newcomer, and still waits, goes out no more once it is shown to have gone", () => {
  const { net, ann, eve, serves } = scene();
  const bob = net.nodes[1]!;
  net.coordinator.tellPeers(eve);
  net.settle();
  assertEquals(serves(), true);
  const channelsWithEve = (node: Node) =>
    node.effects.flatMap((effect) =>
      (effect.type === "part" || effect.type === "meet") && effect.peer === eve.key
        ? [effect.type]
        : []
    );
  for (const node of [ann, bob]) node.effects.length = 0;

  net.coordinator.tellPeers();
  net.pass(JOINED_MS);
  assertEquals(shownOfEve(ann, bob), ["joining left", "joining left"]);
  assertEquals([ann, bob].map(channelsWithEve), [["part"], []]);

  net.pass(5_000);
  assertEquals([ann, bob].map(channelsWithEve), [["part", "meet"], []]);
  net.coordinator.tellPeers(eve);
  net.settle();
  assertEquals(serves(), true);
});

/** What Ann sends Eve who asks for all that there is. */
function servedTo(eve: Node, ann: Node, net: GroupNet): readonly string[] {
  ann.effects.length = 0;
  const after = new HistoryEnd(fakeCrypto, GROUP).point;
  ann.feed({ type: "peer-message", peer: eve.key, message: { type: "fetch", after, through: 9 } });
  net.settle();
  return ann.effects.flatMap((effect) =>
    effect.type === "tell" && effect.message.type === "history" && effect.peers.includes(eve.key)
      ? effect.message.batches.flatMap(({ batch }) => batch.value.texts)
      : []
  );
}

/** Ann, Bob and Eve were in; Ann has crashed, and Eve has left and come back, and isn't shown as joining. */
function annCrashed() {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes as [Node, Node, Node];
  ann.say("said to Eve");
  net.settle();
  const goesOn = (...members: readonly Node[]) => {
    ann.kill();
    eve.kill();
    net.coordinator.change(...members);
    net.settle();
    eve.start();
  };
  return { net, ann, bob, eve, goesOn };
}

Deno.test("a returning member sends those who have left meanwhile nothing of what it fetches", () => {
  const { net, ann, bob, eve, goesOn } = annCrashed();
  goesOn(bob);
  bob.say("after Eve left");
  net.settle();
  ann.start();
  net.settle();
  net.coordinator.catchUp(ann, bob);
  net.settle();

  assertEquals(ann.logged, ["said to Eve", "after Eve left"]);
  assertEquals(servedTo(eve, ann, net), []);
});

Deno.test("a member that was started again sends the members of its last view what was said until then", () => {
  const { net, ann, bob, eve, goesOn } = annCrashed();
  goesOn(ann, bob, eve); // never ends, as two of them are gone
  ann.start();
  net.settle();

  assertEquals(servedTo(eve, ann, net), ["said to Eve"]);
});

Deno.test("a member that is brought to the level of a later view sends those of its last view nothing more", () => {
  const { net, ann, bob, eve } = annCrashed();
  const { coordinator } = net;
  eve.kill();
  coordinator.holdsBegin = true;
  coordinator.change(bob, ann); // Bob, the first, puts in order
  net.settle();
  ann.kill();
  coordinator.send(bob, coordinator.decided!);
  net.settle();
  bob.say("after Eve left");
  net.settle();
  ann.start();
  eve.start();
  net.settle();
  coordinator.change(bob, ann);
  net.settle();

  assertEquals([ann.machine!.epoch, ann.machine!.membership!.held.seq], [null, 2]);
  assertEquals(servedTo(eve, ann, net), []);
});
