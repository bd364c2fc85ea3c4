// Snapshots as whole members take part in them, with a coordinator that says what a test wants.

import { assertEquals } from "@std/assert";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { FOUNDING, GroupNet, type Node } from "../group_net.ts";

const RUN = new Uint8Array(8).fill(0xaa);

function markerOf(net: GroupNet, number = 1): GroupMessageOf<"marker"> {
  const { ballot } = net.nodes[0]!.machine!.epoch!.epoch.value;
  return { type: "marker", attempt: { run: RUN, number }, ballot };
}

/** What the coordinator got of a snapshot, in words. */
function got(net: GroupNet): readonly string[] {
  return net.coordinator.got.splice(0).flatMap(({ from, message: { type } }) =>
    ["marker", "recorded", "snapshot-over"].includes(type) ? [`${from.name} ${type}`] : []
  );
}

function started(): { readonly net: GroupNet; readonly ann: Node; readonly bob: Node } {
  const net = GroupNet.started(["ann", "bob"]);
  net.coordinator.got.length = 0;
  return { net, ann: net.nodes[0]!, bob: net.nodes[1]! };
}

Deno.test("A marker at one member goes to all, and all record when they have all of them", () => {
  const { net, ann, bob } = started();

  net.coordinator.send(ann, markerOf(net));
  net.settle();
  assertEquals(got(net).toSorted(), ["ann marker", "ann recorded", "bob marker"]);
  net.coordinator.send(bob, markerOf(net));
  net.settle();

  assertEquals(got(net), ["bob recorded"]);
});

Deno.test("What was said before a snapshot is in all that is recorded", () => {
  const { net, ann, bob } = started();
  ann.say("one");
  ann.say("two");
  bob.say("three");
  net.settle();
  net.coordinator.got.length = 0;

  for (const node of net.nodes) net.coordinator.send(node, markerOf(net));
  net.settle();

  const states = net.coordinator.got.flatMap(({ from, message }) =>
    message.type === "recorded" ? [[from.name, message.state] as const] : []
  );
  for (const [name, { seq, log, sent, logged, peers, channels }] of states) {
    const own = name === "ann" ? 2 : 1;
    assertEquals([seq, log.position, sent, logged], [3, 3, own, own]);
    assertEquals(peers, [{ texts: 2, acked: 3 }, { texts: 1, acked: 3 }]);
    assertEquals(channels, [[], []]);
  }
  assertEquals(states.length, 2);
});

Deno.test("Messages that told of entries are counted on their link, also when they are told again", () => {
  const { net, ann } = started();
  const counts = () => {
    net.coordinator.send(ann, markerOf(net, ++attempts));
    net.coordinator.send(net.nodes[1]!, markerOf(net, attempts));
    net.settle();
    const messages = net.coordinator.got.filter(({ from }) => from === ann);
    const told = messages.filter(({ message }) => message.type === "entries").length;
    const recorded = messages.findLast(({ message }) => message.type === "recorded")?.message;
    return [told, recorded?.type === "recorded" ? recorded.state.tellings : null];
  };
  let attempts = 0;
  ann.say("one");
  net.settle();
  assertEquals(counts(), [1, 1]);

  const { group } = net.nodes[0]!.machine!.epoch!.epoch.value;
  net.coordinator.send(ann, {
    type: "welcome",
    group,
    founding: FOUNDING,
    isMember: true,
    told: 0,
    awaited: [],
    former: null,
  });
  net.settle();

  assertEquals(counts(), [2, 2]);
});

Deno.test("Another process of a member ends the snapshot at once", () => {
  const { net, ann, bob } = started();
  net.coordinator.send(ann, markerOf(net));
  net.settle();
  got(net);
  const open = markerOf(net, 2);
  net.coordinator.send(bob, open);
  ann.feed({ type: "peer-message", peer: bob.key, message: open });

  ann.feed({ type: "peer-reset", peer: bob.key });
  net.settle();

  assertEquals(got(net).filter((word) => word.startsWith("ann")), [
    "ann marker",
    "ann snapshot-over",
  ]);
});

Deno.test("A view that is to change ends the snapshot before anything is reported", () => {
  const { net, ann, bob } = started();
  ann.feed({ type: "peer-message", peer: bob.key, message: markerOf(net) });

  net.coordinator.change(ann, bob);
  net.settle();

  const words = net.coordinator.got.flatMap(({ from, message: { type } }) =>
    from === ann && ["snapshot-over", "report", "recorded"].includes(type) ? [type] : []
  );
  assertEquals(words, ["snapshot-over", "report"]);
});

Deno.test("A marker of a view that is over says nothing but that", () => {
  const { net, ann, bob } = started();
  const old = markerOf(net);
  net.coordinator.change(ann, bob);
  net.settle();
  net.coordinator.got.length = 0;

  net.coordinator.send(ann, old);
  net.settle();

  assertEquals(got(net), ["ann snapshot-over"]);
});

Deno.test("A member tells the coordinator where its log ends, when it grows", () => {
  const { net, ann } = started();
  net.pass(200);
  net.coordinator.got.length = 0;

  ann.say("one");
  net.settle();

  const states = net.coordinator.got.flatMap(({ from, message }) =>
    message.type === "state" ? [[from.name, message.end.seq, message.arrivals.length]] : []
  );
  assertEquals(states.toSorted(), [["ann", 1, 1], ["bob", 1, 1]]);
});

Deno.test("Who isn't in the view begins no snapshot, whatever epoch it says has begun for it", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const eve = net.add("eve");
  eve.start();
  net.settle();
  const ann = net.nodes[0]!;
  const signed = ann.machine!.epoch!;
  const { ballot } = signed.epoch.value;
  const attempt = { run: new Uint8Array(8), number: 1 };
  ann.effects = [];

  for (const message of [{ type: "begin", signed }, { type: "marker", attempt, ballot }] as const) {
    ann.feed({ type: "peer-message", peer: eve.key, message });
  }

  assertEquals(ann.effects, []);
});
