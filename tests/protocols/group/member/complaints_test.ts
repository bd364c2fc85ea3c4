/** Members complain of one that is there and does nothing, and of nobody else. */

import { assertEquals } from "@std/assert";
import { GroupNet, type Node } from "../group_net.ts";

/** Nothing of these kinds that the node says arrives. */
function keepsBack(node: Node, ...types: readonly string[]): void {
  const machine = node.machine!;
  const step = machine.step.bind(machine);
  machine.step = (input, nowMs) =>
    step(input, nowMs).filter((effect) =>
      effect.type !== "tell" || !types.includes(effect.message.type)
    );
}

Deno.test("Members complain of one that is there and acknowledges nothing", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes;
  net.pass(5_000);
  keepsBack(eve!, "ack");
  ann!.say("one");

  net.pass(2_500);
  assertEquals(net.coordinator.heard.get(ann!)?.peers.length, 2);
  net.pass(1_000);

  assertEquals(net.coordinator.heard.get(ann!)?.peers, [bob!.key]);
  assertEquals(net.coordinator.heard.get(bob!)?.peers, [ann!.key]);
  net.coordinator.change(ann!, bob!);
  net.settle();
  assertEquals(bob!.logged, ["one"]);
});

Deno.test("Members don't complain any more of one that goes on", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, , eve] = net.nodes;
  const machine = eve!.machine!;
  const { step } = machine;
  keepsBack(eve!, "ack");
  ann!.say("one");
  net.pass(3_500);
  assertEquals(net.coordinator.heard.get(ann!)?.peers.includes(eve!.key), false);

  machine.step = step;
  eve!.say("two");
  net.pass(500);

  assertEquals(net.coordinator.heard.get(ann!)?.peers.includes(eve!.key), true);
});

Deno.test("Members complain of one that does nothing, though it is silent as that is looked at", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, , eve] = net.nodes;
  net.pass(5_000);
  keepsBack(eve!, "ack");
  ann!.say("one");
  net.pass(2_500);
  ann!.feed({ type: "peer-silent", peer: eve!.key });
  net.pass(1_000);
  ann!.feed({ type: "peer-heard", peer: eve!.key });
  net.pass(3_000);

  assertEquals(net.coordinator.heard.get(ann!)!.peers.includes(eve!.key), false);
});

Deno.test("Members don't complain of what was before the coordinator was away", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, , eve] = net.nodes;
  const heardByAnn = () => net.coordinator.heard.get(ann!)?.peers.includes(eve!.key);
  keepsBack(eve!, "ack");
  ann!.say("one");
  net.pass(3_500);
  assertEquals(heardByAnn(), false);

  net.coordinator.vanish();
  net.pass(3_000);
  net.coordinator.heard.clear();
  net.coordinator.comeBack();
  while (!net.coordinator.heard.has(ann!)) net.pass(100);

  assertEquals(heardByAnn(), true);
  net.pass(3_500);
  assertEquals(heardByAnn(), false);
});

Deno.test("Members complain of a sequencer that orders nothing, and of who sends nothing that is ordered", () => {
  for (const [kind, of] of [["order", 0], ["data", 2]] as const) {
    const net = GroupNet.started(["ann", "bob", "eve"]);
    const bob = net.nodes[1]!;
    const evil = net.nodes[of]!;
    // The sequencer gets it from itself.
    const say = evil.machine!.step.bind(evil.machine);
    if (kind === "order") keepsBack(evil, "order");
    else {
      evil.machine!.step = (input, nowMs) =>
        say(input, nowMs).map((effect) =>
          effect.type === "tell" && effect.message.type === "data"
            ? { ...effect, peers: effect.peers.filter((key) => key !== bob.key) }
            : effect
        );
    }
    (kind === "order" ? bob : evil).say("one");

    net.pass(3_500);

    assertEquals(net.coordinator.heard.get(bob)?.peers.includes(evil.key), false, kind);
  }
});

Deno.test("Members don't complain of one that goes on slowly, nor after they stood still themselves", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  for (let count = 0; count < 10; count++) {
    ann!.say(`${count}`);
    net.pass(2_000);
  }
  ann!.say("last");
  net.nowMs += 20_000;
  net.pass(1_000);

  assertEquals(net.coordinator.heard.get(ann!)?.peers, [bob!.key]);
});
