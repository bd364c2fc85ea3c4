// Chat within an epoch, and what a member tells its user of it.

import { assertEquals } from "@std/assert";
import { GroupNet } from "./group_net.ts";

Deno.test("Member shows what anybody says at all members, in one order", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob, carol] = net.nodes;

  ann!.say("one");
  bob!.say("two");
  carol!.say("three");
  ann!.say("four");
  net.settle();

  assertEquals([...ann!.shown].sort(), ["four", "one", "three", "two"]);
  assertEquals(bob!.shown, ann!.shown);
  assertEquals(carol!.shown, ann!.shown);
  assertEquals(bob!.logged, ann!.shown);
});
