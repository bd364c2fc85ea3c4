/** Who is away, and comes back: what members tell each other, and what is shown of it. */

import { assertEquals } from "@std/assert";
import type { MemberCommand, MemberEvent } from "../../../../lib/protocols/group/schema/events.ts";
import { GroupNet, type Node } from "../group_net.ts";

const LUNCH = { command: "presence", change: { away: "lunch" } } as const;
const BACK = { command: "presence", change: { away: null } } as const;

/** Of whom a member was shown that they are away, or back. */
function presences({ events }: Node): readonly string[] {
  return events.flatMap((event) =>
    event.event === "presence" ? [`${event.name} ${event.self} ${event.away ?? "back"}`] : []
  );
}

function answer(node: Node, command: MemberCommand): MemberEvent | undefined {
  node.command(command);
  node.net.settle();
  return node.events.at(-1);
}

/** Who is away, as `/list` says. */
function listed(node: Node): readonly unknown[] {
  const last = answer(node, { command: "list" });
  return last?.event === "members" ? last.away?.map(({ name, away }) => [name, away]) ?? [] : [];
}

Deno.test("Members: who goes away and comes back is shown so to all, once each, without the coordinator", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann, bob, cem] = net.nodes as [Node, Node, Node];
  net.coordinator.vanish();
  net.settle();
  bob.command(LUNCH);
  net.settle();
  for (const node of [ann, bob, cem]) assertEquals(listed(node), [["bob", "lunch"]]);
  const status = answer(bob, { command: "status" });
  assertEquals(status?.event === "status" && status.away, "lunch");
  const whois = answer(ann, { command: "whois", name: "bob" });
  assertEquals(whois?.event === "whois" && whois.away, "lunch");
  bob.command(BACK);
  net.settle();
  assertEquals(presences(bob), ["bob true lunch", "bob true back"]);
  for (const node of [ann, cem]) {
    assertEquals([presences(node), listed(node)], [["bob false lunch", "bob false back"], []]);
  }
});

Deno.test("Members: who joins is told who is away, after the view, and who comes in later hears nothing of who is back", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [, bob] = net.nodes as [Node, Node];
  bob.command(LUNCH);
  net.settle();
  const cem = net.add("cem");
  cem.start();
  net.settle();
  net.coordinator.change(...net.nodes);
  net.settle();
  assertEquals([presences(cem), listed(cem)], [["bob false lunch"], [["bob", "lunch"]]]);
  const order = cem.events.flatMap(({ event }) =>
    event === "view" || event === "presence" ? [event] : []
  );
  assertEquals(order, ["view", "presence"]);
});

Deno.test("Members: who starts again is back, and who has left is forgotten", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  bob.command(LUNCH);
  net.settle();
  bob.kill();
  bob.start();
  net.settle();
  net.coordinator.change(...net.nodes);
  net.settle();
  assertEquals(listed(ann), []);
});

Deno.test("Members: nobody is told anything of who never said anything", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const told = net.nodes.flatMap(({ effects }) =>
    effects.filter((effect) => effect.type === "tell" && effect.message.type === "presence")
  );
  assertEquals(told, []);
});

Deno.test("Members: who misses a view without it is known to be away when it is back, though it says nothing again", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann, bob, cem] = net.nodes as [Node, Node, Node];
  bob.command(LUNCH);
  net.settle();
  net.coordinator.change(ann, cem);
  net.settle();
  assertEquals(listed(ann), []);
  net.coordinator.change(ann, bob, cem);
  net.settle();
  assertEquals(listed(ann), [["bob", "lunch"]]);
});
