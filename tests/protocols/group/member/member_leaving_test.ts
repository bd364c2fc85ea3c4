/** Leaving: what has to be an entry, or on another disk, before. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Hash } from "../../../../lib/base/ids.ts";
import { MEMBER_GOODBYE } from "../../../../lib/protocols/group/schema/messages.ts";
import { GroupNet, type Node } from "../group_net.ts";
import { comesBesideTooMany, noticesOf } from "./member_cases.ts";

Deno.test("Member that leaves says that something is kept when it is, and not where its disk refuses it", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.kill();
  net.coordinator.vanish();
  bob!.say("nobody hears this");
  net.pass(1_500);
  bob!.command({ command: "quit" });
  net.pass(9_500);
  assertEquals(bob!.stopped, null);
  bob!.effects = [];
  const later = net.later.bind(net);
  net.later = (node, of, action) => of === "disk" ? undefined : later(node, of, action);
  net.pass(1_500);

  const [persist, ...rest] = bob!.effects.filter(({ type }) =>
    type === "persist" || type === "show" || type === "stop"
  );
  assertEquals([persist?.type, rest], ["persist", []]);
  net.later = later;
  const token = persist?.type === "persist" ? persist.token : null;
  bob!.feed({ type: "persist-failed", token, text: "Cannot write: the disk is full" });
  net.settle();

  assertEquals(bob!.stopped?.kind === "fatal" && bob!.stopped.code, "disk");
  assert(!noticesOf(bob!).includes("sent when you start again"));
});

Deno.test("Member leaves when all it said is an entry, and keeps what isn't", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  net.coordinator.got.length = 0;
  ann!.say("bye");
  ann!.command({ command: "quit" }, "q");
  net.settle();
  const [leave] = net.coordinator.got.filter(({ message }) => message.type === "leave");
  assertEquals(leave?.from, ann);
  assertEquals(bob!.logged, ["bye"]);

  net.coordinator.send(ann!, { type: "parted", why: "left", pauseMs: 0 });
  net.settle();
  assertEquals(ann!.stopped, { kind: "bye", reason: "quit", ref: "q" });

  net.coordinator.vanish();
  bob!.say("nobody hears this");
  bob!.command({ command: "quit" });
  net.pass(11_000);
  assertEquals(bob!.stopped, { kind: "bye", reason: "quit", ref: undefined });
  assertStringIncludes(noticesOf(bob!), "sent when you start again");
  assert(bob!.disk.records.some(({ kind }) => kind === "said"));
});

Deno.test("Member that leaves last hands over its log for as long as that gets on", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.say("one");
  ann.say("two");
  net.settle();
  ann.command({ command: "quit" }, "q");
  net.settle();
  const fetch = (position: number) => {
    const digest = ann.machine!.membership!.held.digestAt(position) ?? "0".repeat(64) as Hash;
    net.coordinator.send(ann, { type: "fetch", after: { position, digest }, through: 2 });
  };

  fetch(0);
  net.pass(30_000);
  assertEquals(ann.stopped, null);
  assertEquals(
    noticesOf(ann),
    "Leaving when the coordinator has the group's log: nobody else is left",
  );
  fetch(1);
  net.pass(50_000);
  fetch(1); // again, so that nothing has got on
  assertEquals(ann.stopped, null);
  fetch(0); // what it had was another log: it begins with this one
  net.pass(50_000);
  assertEquals(ann.stopped, null);

  net.pass(11_000);
  assertEquals(ann.stopped, { kind: "bye", reason: "quit", ref: "q" });
  assertStringIncludes(
    noticesOf(ann),
    "last entries, as the coordinator doesn't have them all yet",
  );
});

Deno.test("Member that leaves asks a coordinator again that was restarted meanwhile", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.command({ command: "quit" }, "q");
  net.settle();
  const asked = () => net.coordinator.got.filter(({ message }) => message.type === "leave").length;
  assertEquals(asked(), 1);

  net.coordinator.vanish();
  net.coordinator.isUp = true;
  net.pass(1_000);

  assertEquals(ann.stopped, null);
  assertEquals(asked(), 2);
});

Deno.test("Member that leaves last, and whose log the coordinator has, tells of nothing that waits for it", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.say("one");
  net.settle();
  ann.command({ command: "quit" });
  net.settle();
  const { digest } = ann.machine!.membership!.held.log;
  net.coordinator.send(ann, { type: "fetch", after: { position: 1, digest }, through: 1 });
  net.coordinator.send(ann, { type: "parted", why: "left", pauseMs: 0 });
  net.settle();
  assertEquals([ann.stopped?.kind, noticesOf(ann)], ["bye", ""]);
});

Deno.test("Member that leaves last while the coordinator is away says that the group waits for it", () => {
  const only =
    "Only you have the group's last entries, as the coordinator is away: the group waits";
  const told = (names: readonly string[]) => {
    const net = GroupNet.started(names);
    const [ann] = net.nodes;
    ann!.say("one");
    net.settle();
    net.coordinator.vanish();
    ann!.command({ command: "quit" });
    net.pass(11_000);
    assertEquals(ann!.stopped?.kind, "bye");
    return noticesOf(ann!).includes(only);
  };
  assertEquals([told(["ann"]), told(["ann", "bob"])], [true, false]);
});

Deno.test("Member that leaves last while the coordinator is away, after others left, says whom the group waits for", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann, bob, cem] = net.nodes as [Node, Node, Node];
  ann.say("one");
  net.settle();
  net.coordinator.vanish();
  const leaves = (node: Node) => {
    node.command({ command: "quit" });
    net.pass(11_000);
    assertEquals(node.stopped?.kind, "bye");
    for (const other of net.nodes.filter(({ stopped }) => stopped === null)) {
      other.feed({ type: "peer-ended", peer: node.key, text: MEMBER_GOODBYE });
    }
    return node.told("notice").at(-1)?.text;
  };

  const pauses = "The coordinator is away: the others can't chat until you or it returns";
  assertStringIncludes(leaves(cem)!, pauses);
  assertStringIncludes(leaves(bob)!, pauses);
  assertEquals(
    leaves(ann),
    "Only members have the group's last entries, as the coordinator is away: the group waits " +
      "until you, bob or cem is back",
  );
});

Deno.test("Member that leaves doesn't wait for a coordinator that goes down meanwhile", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const ann = net.nodes[0]!;
  ann.command({ command: "quit" }, "q");
  net.settle();
  assertEquals(ann.stopped, null);

  net.coordinator.vanish();
  net.pass(1_000);

  assertEquals(ann.stopped, { kind: "bye", reason: "quit", ref: "q" });
});

Deno.test("Member that leaves while the coordinator is away says that the others' chat pauses", () => {
  const leaves = (names: readonly string[], isAway: boolean) => {
    const net = GroupNet.started(names);
    const [ann] = net.nodes;
    if (isAway) net.coordinator.vanish();
    net.pass(6_000);
    ann!.command({ command: "quit" });
    net.settle();
    if (!isAway) net.coordinator.send(ann!, { type: "parted", why: "left", pauseMs: 0 });
    net.settle();
    assertEquals(ann!.stopped?.kind, "bye");
    return noticesOf(ann!).includes(
      "The coordinator is away: the others can't chat until you or it returns",
    );
  };
  assertEquals(leaves(["ann", "bob"], true), true);
  assertEquals(leaves(["ann", "bob"], false), false);
  assertEquals(leaves(["ann"], true), false);
});

Deno.test("Member that leaves after all others have left tells of no pause", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  net.coordinator.vanish();
  net.pass(6_000);
  bob!.command({ command: "quit" });
  net.pass(6_000);
  ann!.feed({ type: "peer-ended", peer: bob!.key, text: MEMBER_GOODBYE });
  ann!.command({ command: "quit" });
  net.pass(6_000);
  assertEquals([ann!, bob!].map((node) => node.stopped?.kind), ["bye", "bye"]);
  assertStringIncludes(noticesOf(bob!), "The coordinator is away");
  assert(!noticesOf(ann!).includes("The coordinator is away"), noticesOf(ann!));
});

Deno.test("Member that leaves waits for a coordinator that isn't there yet, and says what was typed", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  net.coordinator.isUp = false;
  ann.start();
  net.settle();
  ann.say("early", "r1");
  ann.command({ command: "quit" }, "q");
  net.pass(3_000);
  assertEquals(ann.stopped, null);

  net.coordinator.isUp = true;
  net.pass(5_000);
  net.coordinator.change(ann);
  net.settle();
  assertEquals(ann.logged, ["early"]);
  net.coordinator.send(ann, { type: "parted", why: "left", pauseMs: 0 });
  net.settle();
  assertEquals(ann.stopped, { kind: "bye", reason: "quit", ref: "q" });
});

Deno.test("Member says which messages are lost where there never was a group, and doesn't end well", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  net.coordinator.isUp = false;
  ann.start();
  net.settle();
  ann.say("one", "r1");
  ann.say("two");
  ann.command({ command: "quit" }, "q");
  net.pass(9_500);
  assertEquals(ann.stopped, null);

  net.pass(1_000);
  assert(ann.stopped?.kind === "fatal");
  assertEquals(ann.stopped.code, "coordinator-down");
  assertMatch(
    ann.stopped.text,
    /^2 messages weren't said and aren't kept, as .* didn't answer; start it, then say them again$/,
  );
  const errors = ann.effects.flatMap((effect) =>
    effect.type === "show" && effect.event.event === "error"
      ? [[effect.event.code, effect.ref]]
      : []
  );
  assertEquals(errors, [["coordinator-down", "r1"]]);
  assertStringIncludes(noticesOf(ann), "Leaving when your 2 messages are said");
});

Deno.test("Member ends at once when lines have waited for too long, and says how many", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  net.coordinator.isUp = false;
  ann.start();
  net.settle();
  ann.say("one");
  ann.command({ command: "give-up", lines: 4_000, areAll: false });
  net.settle();

  assert(ann.stopped?.kind === "fatal");
  assertEquals(ann.stopped.code, "coordinator-down");
  assertMatch(
    ann.stopped.text,
    /^4,001 messages weren't said and aren't kept, and what follows them wasn't read, as .* didn't answer/,
  );
});

Deno.test("Member of a group that takes nothing keeps what was run, and says how much wasn't", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  net.coordinator.vanish();
  bob.kill();
  net.pass(20_000);
  ann.say("one");
  ann.command({ command: "give-up", lines: 4_000, areAll: true });
  net.pass(1_000);

  assert(ann.stopped?.kind === "fatal");
  assertEquals(ann.stopped.code, "timeout");
  assertMatch(ann.stopped.text, /^4,000 lines that waited aren't said and not kept, as the group /);
  assertStringIncludes(noticesOf(ann), "1 message isn't in the log yet; it is kept");
});

Deno.test("Member that leaves before there was a place for it says that, and not that nobody answered", () => {
  const { net, eve } = comesBesideTooMany();
  net.pass(5_000);
  eve.say("one");
  eve.command({ command: "quit" }, "q");
  net.pass(11_000);

  assert(eve.stopped?.kind === "fatal");
  assertMatch(
    eve.stopped.text,
    /^1 message wasn't said .*, as .* had no place yet; come back later, then say it again$/,
  );
});
