/** A member that was started again, from its own disk or from an old copy. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { GroupNet, type Node } from "../group_net.ts";
import { isToldOut, noticesOf } from "./member_cases.ts";

Deno.test("Member says what it was typed before it was in the group, when it is", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  ann.start();
  net.settle();
  ann.say("early");
  net.settle();
  assertEquals(ann.shown, []);

  net.coordinator.change(ann);
  net.settle();

  assertEquals(ann.logged, ["early"]);
});

Deno.test("Member says again what another process of it typed and nobody had, once and in order", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.say("one");
  net.settle();
  bob!.kill();
  ann!.say("two");
  ann!.say("three");
  net.pass(2_000);
  assertEquals(ann!.logged, ["one"]);
  ann!.kill();
  ann!.start();
  ann!.say("four");
  net.settle();
  ann!.kill();
  bob!.start();
  ann!.start();
  net.settle();

  net.coordinator.change(ann!, bob!);
  net.settle();

  assertEquals(bob!.logged, ["one", "two", "three", "four"]);
  assertEquals(ann!.logged, bob!.logged);
});

Deno.test("Member that was started again doesn't wait for what its log has, and leaves at once", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.say("one");
  net.settle();
  net.coordinator.vanish();
  ann.kill();
  ann.start();

  ann.command({ command: "status" });
  ann.command({ command: "quit" });
  net.settle();

  assertEquals(ann.told("status").map(({ unsent }) => unsent), [0]);
  assertEquals(ann.stopped, { kind: "bye", reason: "quit", ref: undefined });
});

Deno.test("Member that was started again says nothing of what was given up with its log", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.say("given up");
  net.settle();
  const other = GroupNet.started(["bob", "ann"]);
  const [bob, again] = other.nodes;
  bob!.say("new");
  other.settle();
  again!.kill();
  again!.disk = ann.disk;
  again!.start();
  again!.say("typed since");
  other.settle();

  other.coordinator.catchUp(again!, bob!);
  other.settle();
  other.coordinator.change(...other.nodes);
  other.settle();

  assertStringIncludes(noticesOf(again!), "set aside");
  assertEquals(bob!.logged, ["new", "typed since"]);
  assertEquals(again!.logged, bob!.logged);
});

/** The node's next process uses this disk; the group takes it in. */
function goOnWith(net: GroupNet, node: Node, disk: Node["disk"]): void {
  node.kill();
  node.disk = disk;
  node.start();
  net.settle();
  net.coordinator.catchUp(node, net.nodes.find((other) => other !== node)!);
  net.settle();
  net.coordinator.change(...net.nodes);
  net.settle();
}

Deno.test("Member says nothing twice when two copies of its disk are used in turn", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  bob!.say("one");
  net.settle();
  const copies = [bob!.disk, bob!.disk.copy()];

  for (let turn = 1; turn <= 6; turn++) {
    goOnWith(net, bob!, copies[turn % 2]!);
    bob!.say(`turn ${turn}`);
    net.settle();
  }

  assertEquals(ann!.logged, ["one", "turn 1", "turn 2", "turn 3", "turn 4", "turn 5", "turn 6"]);
  assertEquals(bob!.logged, ann!.logged);
});

Deno.test("Member doesn't say from an old copy of its disk what was said from the present one", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.kill();
  bob!.say("waits");
  net.settle();
  const present = bob!.disk;
  const old = present.copy();
  ann!.start();
  net.settle();
  goOnWith(net, bob!, present);
  assertEquals(ann!.logged, ["waits"]);

  goOnWith(net, bob!, old);

  assertEquals(ann!.logged, ["waits"]);
  assertStringIncludes(noticesOf(bob!), "1 unsent messages");
});

Deno.test("What a member is told to be kept outlives a loss of power", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.kill(); // who puts it in order
  bob!.say("one");
  net.pass(1_500);
  assertStringIncludes(noticesOf(bob!), "what you write is kept");
  bob!.say("two");
  net.settle();

  bob!.kill({ power: true });
  ann!.start();
  bob!.start();
  net.pass(5_000);
  net.coordinator.change(ann!, bob!);
  net.pass(5_000);

  assertEquals(ann!.logged, ["one", "two"]);
});

const OUT: Readonly<Record<string, (net: GroupNet, node: Node) => void>> = {
  "isn't heard": (net, node) => {
    net.coordinator.send(node, { type: "parted", why: "silent", pauseMs: 1_000 });
    net.settle();
  },
  "was gone": isToldOut,
};

for (const [why, isOut] of Object.entries(OUT)) {
  Deno.test(`What a member that ${why} is told to be kept outlives a loss of power at once`, () => {
    const net = GroupNet.started(["ann", "bob"]);
    const [ann, bob] = net.nodes;
    ann!.kill();
    bob!.say("one");
    bob!.say("two"); // waits for company
    net.settle();
    isOut(net, bob!);
    assertStringIncludes(noticesOf(bob!), "kept, and you come back");

    bob!.kill({ power: true });
    ann!.start();
    bob!.start();
    net.pass(5_000);
    net.coordinator.change(ann!, bob!);
    net.pass(5_000);

    assertEquals(ann!.logged, ["one", "two"]);
  });
}

Deno.test("Member comes back as a newcomer after the others went on without it", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  net.coordinator.change(ann!);
  net.settle();
  ann!.say("meanwhile");
  net.settle();
  net.coordinator.send(bob!, { type: "parted", why: "silent", pauseMs: 1_000 });
  net.pass(2_000);
  assertEquals(bob!.machine!.epoch, null);

  net.coordinator.catchUp(bob!, ann!);
  net.settle();
  net.coordinator.change(ann!, bob!);
  net.settle();

  assertEquals(bob!.shown, ["meanwhile"]);
  const { entries, last } = bob!.told("view").at(-1)!;
  assertEquals([entries, last?.from], [1, "ann"]);
  assertEquals(bob!.disk.records.some(({ kind }) => kind === "out"), true);
});

Deno.test("A coordinator that breaks the rules whenever it is met is met less and less often", () => {
  const net = new GroupNet();
  const { coordinator } = net;
  const send = coordinator.send.bind(coordinator);
  coordinator.send = (node, message) => {
    send(node, message);
    if (message.type === "welcome") send(node, { type: "leave" });
  };
  const ann = net.add("ann");
  ann.start();
  const offences = () => ann.told("error").filter(({ code }) => code === "protocol").length;
  net.pass(120_000);
  const atFirst = offences();
  net.pass(120_000);

  // The pauses grow to 30 s, of which at least a half counts.
  assert(atFirst >= 5 && atFirst < 30, `${atFirst}`);
  assert(offences() - atFirst <= 8, `${offences() - atFirst}`);
  assertEquals(ann.told("coordinator").at(-1)?.state, "down");
});
