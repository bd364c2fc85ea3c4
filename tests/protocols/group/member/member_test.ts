/** A member of a view, step by step: what it shows, says, acknowledges and promises. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { signEpoch } from "../../../../lib/protocols/group/schema/epoch.ts";
import { JOINERS_MAX, MEMBERS_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { MemberEffect } from "../../../../lib/protocols/group/schema/member_io.ts";
import type { GroupMessage } from "../../../../lib/protocols/group/schema/messages.ts";
import { COORDINATOR, GroupNet, type Node } from "../group_net.ts";
import { messagesOf, noticesOf } from "./member_cases.ts";

Deno.test("Member is ready when its first epoch begins, and tells the view", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes;

  assertEquals(ann!.events.map(({ event }) => event), ["coordinator", "ready", "view"]);
  assertEquals(ann!.told("view"), [
    {
      event: "view",
      view: 1,
      members: ["ann", "bob"],
      keys: net.nodes.map(({ key }) => fingerprintOf(key)),
      joined: ["ann"],
      left: [],
      entries: 0,
      last: null,
    },
  ]);
});

Deno.test("Member carries the command's ref on its own entry, and marks it as its own", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;

  ann!.say("hello", "r1");
  net.settle();

  const shows = ann!.effects.flatMap((effect) =>
    effect.type === "show" && effect.event.event === "message" ? [effect] : []
  );
  assertEquals(shows.map(({ ref, event }) => [ref, event]), [["r1", messagesOf(ann!)[0]]]);
  assertEquals(messagesOf(ann!)[0]!.self, true);
  assertEquals(messagesOf(bob!)[0]!.self, false);
  assertEquals(messagesOf(bob!)[0]!.id, messagesOf(ann!)[0]!.id);
});

Deno.test("Member sends nobody what was typed as a private message", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.kill();
  const pins = new Map([["carol", fingerprintOf(COORDINATOR.key)]]);
  ann!.start({ pins });
  net.settle();
  const typed = (text: string) =>
    ann!.command({ command: "msg", text, isTyped: true }, `of ${text}`);

  const refused = ["bob my salary", "BOB  my salary", "carol my salary", "bob a\nb"];
  for (const text of refused) typed(text);
  net.settle();

  const errors = ann!.effects.flatMap((effect) =>
    effect.type === "show" && effect.event.event === "error" ? [effect] : []
  );
  assertEquals(errors.map(({ ref }) => ref), refused.map((text) => `of ${text}`));
  for (const { event } of errors) {
    assert(event.event === "error");
    assertEquals([event.code, event.text], [
      "usage",
      "Not sent: a group has no private messages; without /msg it goes to all",
    ]);
  }
  assertEquals(bob!.shown, []);
});

Deno.test("Member says what only looks like a private message", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;

  const said = ["ann is my name", "bob", "bobby is here", "dave is here"];
  for (const text of said) ann!.command({ command: "msg", text, isTyped: true });
  ann!.say("bob is here");
  net.settle();

  assertEquals(bob!.shown, [...said, "bob is here"]);
});

Deno.test("Member acknowledges nothing before it is on its disk", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const bob = net.nodes[1]!;
  net.nodes[0]!.say("hello");
  const tells = (effects: readonly MemberEffect[]) =>
    effects.some((effect) => effect.type === "tell" && effect.message.type === "ack");
  const isOnDisk = () => bob.disk.records.some(({ kind }) => kind === "held");
  bob.effects = [];

  while (net.next()) assert(!tells(bob.effects) || isOnDisk(), "acknowledged before it was synced");

  assert(tells(bob.effects));
  assertEquals(bob.disk.syncedRecords >= 1, true);
});

Deno.test("Member reports only what it promised on disk, and holds in it", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const bob = net.nodes[1]!;
  net.coordinator.got.length = 0;
  net.coordinator.change(...net.nodes);

  const promised = () =>
    bob.disk.records.some((record) => record.kind === "promised" && record.ballot.number === 2);
  while (net.next()) {
    const hasReported = net.coordinator.got.some(({ from, message }) =>
      from === bob && message.type === "report"
    );
    assert(!hasReported || promised());
  }
  assertEquals(bob.machine!.epoch?.epoch.value.view, 2);
});

Deno.test("Member begins no view after it has promised a later one", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  net.coordinator.holdsBegin = true;
  net.coordinator.change(ann!, bob!);
  net.settle();
  const second = net.coordinator.decided!;
  net.coordinator.change(ann!, bob!);
  net.settle();

  net.coordinator.send(ann!, second);
  bob!.net.tell(bob!, ann!.key, second);
  net.settle();

  assertEquals(ann!.machine!.epoch?.epoch.value.view, 1);
  net.coordinator.send(ann!, net.coordinator.decided!);
  net.settle();
  assertEquals(ann!.machine!.epoch?.epoch.value.view, 3);
});

Deno.test("Member begins nothing that it isn't ready for, whoever signed it", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  const { members, start, group } = bob!.machine!.epoch!.epoch.value;
  ann!.say("one");
  const { held } = bob!.machine!.membership!;
  while (held.position === held.synced.position) net.next(); // it is being written

  const ballot = { number: 2, round: 0 };
  const signed = signEpoch(COORDINATOR, { group, view: 2, ballot, members, start });
  const flush = { type: "flush", ballot, view: 2, isLeaving: false } as const;
  for (const message of [flush, { type: "begin", signed } as const]) {
    bob!.feed({ type: "message", link: bob!.link!, message });
  }

  assertEquals(bob!.machine!.standing.begunBallot, { number: 1, round: 0 });
});

Deno.test("Member answers an older flush with what it promised", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  net.coordinator.got.length = 0;

  net.coordinator.send(ann, {
    type: "flush",
    ballot: { number: 1, round: 0 },
    view: 1,
    isLeaving: false,
  });
  net.settle();

  assertEquals(net.coordinator.got.map(({ message }) => message), [{
    type: "outdone",
    ballot: { number: 1, round: 0 },
    promised: { number: 1, round: 0 },
  }]);
});

Deno.test("Member tells whom its texts wait for, and pauses the input when too many do", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, , carol] = net.nodes;
  carol!.kill();
  ann!.say("first");
  net.settle();

  for (let count = 0; count < 7_000; count++) ann!.say(`${count}`);
  net.pass(1_500);

  assertStringIncludes(noticesOf(ann!), "Waiting for carol: what you write is kept");
  const paused = ann!.effects.flatMap((effect) => effect.type === "input" ? [effect] : []);
  assertEquals(paused, [{ type: "input", pausedBecause: "waiting for carol" }]);
  const full = ann!.events.filter((event) => event.event === "error" && event.code === "full");
  assert(full.length > 0);
});

Deno.test("Member's snapshot restores what its records do", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.say("one");
  net.settle();
  bob!.kill();
  ann!.say("two");
  net.pass(1_500);
  const snapshot = ann!.machine!.snapshot();
  assert(snapshot !== null);
  ann!.disk.records = [...snapshot];
  ann!.kill();
  ann!.start();
  bob!.start();
  net.settle();

  net.coordinator.change(ann!, bob!);
  net.settle();

  assertEquals(bob!.logged, ["one", "two"]);
});

Deno.test("Member tells who came and who left, and why where the coordinator said so", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann, bob, cem] = net.nodes as [Node, Node, Node];
  const dan = net.add("dan");
  dan.start();
  net.settle();
  net.coordinator.catchUp(dan, ann);
  net.settle();
  const last = (node: Node) => {
    const view = node.told("view").at(-1);
    assert(view?.event === "view");
    return { joined: view.joined, left: view.left };
  };

  net.coordinator.send(ann, { type: "departed", left: [{ key: bob.key, reason: "quit" }] });
  net.coordinator.change(ann, cem, dan);
  net.settle();
  assertEquals(last(ann), { joined: ["dan"], left: [{ name: "bob", reason: "quit" }] });
  assertEquals(last(cem), { joined: ["dan"], left: [{ name: "bob" }] });
  assertEquals(last(dan), { joined: ["dan"], left: [] });

  net.coordinator.send(cem, { type: "parted", why: "silent", pauseMs: 1_000 });
  net.settle();
  net.coordinator.lost(cem);
  net.coordinator.change(ann, dan);
  net.settle();
  assertEquals(last(ann), { joined: [], left: [{ name: "cem" }] });
  net.pass(2_000);
  net.coordinator.catchUp(cem, ann);
  net.settle();
  net.coordinator.change(ann, dan, cem);
  net.settle();
  assertEquals(last(cem), { joined: ["cem"], left: [] });
});

Deno.test("Member that hears more than can be told tells of those whom the coordinator named", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const ann = net.nodes[0]!;
  const members = Array.from({ length: MEMBERS_MAX + JOINERS_MAX }, (_, number) => {
    const { key, name } = net.add(`stranger-${number}`);
    return { key, name, incarnation: new Uint8Array(8), host: "10.0.9.9", port: 9_000 };
  });

  net.coordinator.send(ann, { type: "peers", members, joining: [], paths: [] });
  net.settle();
  for (const { key } of members) ann.feed({ type: "peer-up", peer: key });
  net.settle();

  assertEquals(net.coordinator.heard.get(ann)?.peers, members.map(({ key }) => key));
});

Deno.test("Member hears one no more that sends without end", () => {
  const after = GroupNet.started(["ann"]).nodes[0]!.disk.history().point;
  const floods: readonly (readonly [GroupMessage, number])[] = [
    [{ type: "fetch", after, through: 9 }, 201],
    [{ type: "returned", begun: { number: 1, round: 0 } }, 1_001],
    [{ type: "ack", ballot: { number: 1, round: 0 }, held: after }, 100_001],
  ];
  for (const [message, count] of floods) {
    const net = GroupNet.started(["ann", "bob", "eve"]);
    const [ann, bob, eve] = net.nodes;
    const flood = (times: number) => {
      for (let time = 0; time < times; time++) {
        ann!.feed({ type: "peer-message", peer: eve!.key, message });
      }
    };
    net.pass(60_000);

    flood(count - 1);
    net.settle();
    assertEquals(net.coordinator.heard.get(ann!)?.peers.length, 2);
    flood(1);
    net.settle();

    assertEquals(net.coordinator.heard.get(ann!)?.peers, [bob!.key], message.type);
  }
});

Deno.test("Members read what was said before somebody went, then who went, then what was said after, as in the log", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann, bob, cem] = net.nodes;
  // It is ordered and held by all, and not shown yet: nobody knows that the others have it.
  ann!.lies = cem!.lies = bob!.lies = (_, message) => message.type === "ack" ? [] : [message];
  bob!.say("last words");
  net.settle();
  assertEquals(ann!.shown, []);
  bob!.kill();
  ann!.lies = cem!.lies = (_, message) => [message];
  net.coordinator.send(ann!, { type: "departed", left: [{ key: bob!.key, reason: "lost" }] });
  net.coordinator.change(ann!, cem!);
  net.settle();
  cem!.say("where is bob?");
  net.settle();

  const read = ann!.events.flatMap((event) => {
    if (event.event === "message") return [event.text];
    if (event.event !== "view") return [];
    return event.left.map(({ name, reason }) => `${name}: ${reason}`);
  });
  assertEquals(read.filter((line) => /bob|words/.test(line)).slice(-3), [
    "last words",
    "bob: lost",
    "where is bob?",
  ]);
});
