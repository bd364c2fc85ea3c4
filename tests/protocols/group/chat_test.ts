// Chat within an epoch, and what a member tells its user of it.

import { assertEquals } from "@std/assert";
import { GroupNet } from "./group_net.ts";
import { SLOW } from "../../given.ts";

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

Deno.test(
  "Member sends much at once where that is soon an entry, and little where it takes long",
  SLOW,
  () => {
    const net = GroupNet.started(["ann", "bob"]);
    const ann = net.nodes[0]!;
    /** How many batches of as many long texts are sent before the first of them is an entry. */
    const sentOf = (texts: number, tookMs: number) => {
      ann.effects = [];
      for (let text = 0; text < texts; text++) ann.say("x".repeat(60_000));
      const sent = ann.effects.filter((effect) =>
        effect.type === "tell" && effect.message.type === "data"
      );
      net.nowMs += tookMs;
      net.settle();
      return sent.length;
    };

    for (let line = 0; line < 8; line++) {
      ann.say("a little");
      net.settle();
    }
    assertEquals(sentOf(8, 100), 1);
    assertEquals(sentOf(8, 1_100), 8);
    assertEquals(sentOf(8, 700), 1);
    assertEquals(ann.shown.length, 32);
  },
);
