/** What the coordinator's answers do: refused, full, another key. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { LinkId } from "../../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import { COORDINATOR, GroupNet, type Node } from "../group_net.ts";

Deno.test("Member that is asked what there was says so, and not that the coordinator is away", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes;
  net.coordinator.isUp = false;
  ann!.kill();
  ann!.start();
  const link = 77 as LinkId;
  ann!.feed({ type: "link-up", link, peer: COORDINATOR.key });
  const asks = (...awaited: readonly string[]) => {
    ann!.feed({ type: "message", link, message: { type: "recount", isLost: true, awaited } });
    net.settle();
  };
  asks();
  asks("bob", "cem");
  ann!.command({ command: "status" });
  net.settle();
  const status = () => ann!.told("status").at(-1)!;

  const lost =
    "The coordinator lost what it knew of the group, and asks all members what there was";
  assertEquals(ann!.told("notice").map(({ text }) => text), [
    `${lost}: joining and editing wait for that`,
    "The coordinator, which asks all members what there was, waits for bob and cem",
  ]);
  assertEquals(status().coordinator, "up");
  assertEquals(status().problems, [
    `${lost}; it waits for bob and cem: joining and editing wait for that`,
    "Not in the group yet: what you write is kept until then",
  ]);

  ann!.feed({ type: "link-down", link, closed: false, reason: "lost" });
  ann!.command({ command: "status" });
  net.settle();
  assertEquals(status().coordinator, "down");
  assertMatch(status().problems[0]!, /^The coordinator doesn't answer/);
});

Deno.test("Member is refused for good, and ends", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  net.coordinator.isUp = false;
  ann.start();
  ann.feed({ type: "link-up", link: 9 as never, peer: COORDINATOR.key });

  const message = { type: "refuse", code: "name-taken", text: "ann is here already" } as const;
  ann.feed({ type: "message", link: 9 as never, message });
  net.settle();

  assertEquals(ann.stopped, {
    kind: "fatal",
    code: "name-taken",
    text: "Somebody in the group has that name, or one that counts as the same; take another",
  });
});

Deno.test("Member that another process of its key has come before ends", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes as [Node, Node];
  const message = { type: "refuse", code: "replaced", text: "" } as const;
  ann.feed({ type: "message", link: ann.link!, message });
  net.settle();

  assertEquals(ann.stopped, {
    kind: "fatal",
    code: "replaced",
    text:
      "This profile is in the group by another program now, which was started later; if that wasn't you, " +
      "somebody has a copy of your profile: tell the others, and use a new one",
  });
});

Deno.test("Member's status names the key of a stranger in the coordinator's place, until that is back", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const problems = () => {
    ann.command({ command: "status" });
    net.settle();
    return ann.told("status").at(-1)!.problems;
  };
  const AWAY = "The coordinator doesn't answer: chat goes on, joining and editing wait";
  net.coordinator.vanish();
  net.pass(1_000);
  assertEquals(problems(), [AWAY]);

  net.coordinator.stranger = bob.key;
  net.pass(30_000);
  const key = fingerprintOf(bob.key);
  assertEquals(problems(), [
    AWAY,
    `The coordinator at 10.0.0.100:6000 answers with another key, ${key}; if this key really is the coordinator's: /trust *coordinator*`,
  ]);

  net.coordinator.comeBack();
  net.pass(30_000);
  net.coordinator.stranger = null;
  net.coordinator.vanish();
  net.pass(1_000);
  assertEquals(problems(), [AWAY]);
});

Deno.test("Member accepts the coordinator's key that was told, whoever answers while the user asks about it", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann, bob, cem] = net.nodes as [Node, Node, Node];
  const errors = () => ann.told("error").filter(({ code }) => code === "key-changed").length;
  net.coordinator.vanish();
  net.coordinator.stranger = bob.key;
  net.pass(30_000);
  assertEquals(errors(), 1);

  net.coordinator.stranger = cem.key;
  net.pass(STRANGE_KEPT_MS / 2);
  ann.command({ command: "trust", name: "*coordinator*" });
  net.settle();
  assertEquals(errors(), 1);
  assertStringIncludes(ann.told("notice").at(-1)!.text, `is ${fingerprintOf(bob.key)} from now on`);

  net.pass(30_000);
  assertEquals(errors(), 2);
});

Deno.test("Member ends where the coordinator's digits were different", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes as [Node, Node];
  ann.command({ command: "verify", name: "*coordinator*" });
  net.settle();
  assertEquals(ann.stopped, null);

  ann.command({ command: "verify", name: "*coordinator*", answer: "no" });
  net.settle();

  assertEquals(ann.told("verify").map(({ answer }) => answer), [undefined, "no"]);
  assert(ann.stopped?.kind === "fatal" && ann.stopped.code === "key-changed");
  assertStringIncludes(ann.stopped.text, "whose digits you found to be different");
});

Deno.test("Member tells at once of another key than the one just accepted", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann, bob, cem] = net.nodes as [Node, Node, Node];
  const errors = () => ann.told("error").filter(({ code }) => code === "key-changed").length;
  net.coordinator.vanish();
  net.coordinator.stranger = bob.key;
  while (errors() === 0) net.pass(100);
  net.coordinator.stranger = cem.key;
  ann.command({ command: "trust", name: "*coordinator*" });
  net.pass(30_000);

  assertEquals(errors(), 2);
});
