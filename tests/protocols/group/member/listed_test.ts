// Who is sent what was said: see also `tests/sim/group_liars_test.ts`.

import { assertEquals } from "@std/assert";
import { JOINED_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import { GroupNet, type Node } from "../group_net.ts";

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
