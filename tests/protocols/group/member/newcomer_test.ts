/** A newcomer on its way in: the log first, and what holds it up. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FETCH_BYTES, TEXT_BYTES_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { MemberConfig } from "../../../../lib/protocols/group/schema/member_io.ts";
import { FOUNDING, GROUP, GroupNet, type Node } from "../group_net.ts";
import {
  comesBesideTooMany,
  isToldOut,
  messagesOf,
  noticesOf,
  restoredOf,
  standingOf,
} from "./member_cases.ts";

Deno.test("Member joins with the history first, which it shows as such", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  for (let count = 1; count <= 20; count++) ann!.say(`text ${count}`);
  net.settle();
  const carol = net.add("carol");
  carol.start();
  net.settle();

  net.coordinator.catchUp(carol, bob!);
  net.settle();
  assertEquals(net.coordinator.heard.get(carol)?.isCaughtUp, true);
  assertEquals(carol.logged, ann!.logged);
  net.coordinator.change(ann!, bob!, carol);
  net.settle();
  carol.say("here I am");
  net.settle();

  assertEquals(carol.shown, [...ann!.shown]);
  assertEquals(messagesOf(carol).map(({ history }) => history), [
    ...Array(20).fill(true),
    false,
  ]);
});

/** Ann and Bob have a hundred entries, and Carol is to fetch them. */
function longLog(): { readonly net: GroupNet; readonly bob: Node; readonly carol: Node } {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  for (let count = 1; count <= 100; count++) {
    ann!.say(`text ${count}`);
    net.settle();
  }
  const carol = net.add("carol");
  carol.start();
  net.settle();
  return { net, bob: bob!, carol };
}

Deno.test("Newcomer asks for more when what came is on its disk", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  const text = "x".repeat(TEXT_BYTES_MAX - 100);
  for (let bytes = 0; bytes < 1.5 * FETCH_BYTES; bytes += text.length) {
    ann.say(text);
    net.settle();
  }
  const carol = net.add("carol");
  carol.start();
  net.settle();
  let asked = 0;
  carol.lies = (_, message) => {
    if (message.type === "fetch") asked++;
    return [message];
  };
  const writes: (() => void)[] = [];
  const later = net.later.bind(net);
  net.later = (node, of, action) => {
    if (node === carol && of === "disk") writes.push(action);
    else later(node, of, action);
  };

  net.coordinator.catchUp(carol, ann);
  net.settle();
  assertEquals(asked, 1);

  while (writes.length > 0) {
    writes.shift()!();
    net.settle();
  }
  assertEquals(asked, 2);
  assertEquals(carol.logged, ann.logged);
});

const ENDS: Readonly<Record<string, (net: GroupNet, carol: Node) => void>> = {
  "from somebody else": (net, carol) => {
    const [ann, bob] = net.nodes;
    net.coordinator.catchUp(carol, ann!, bob!);
  },
  "as a view begins": (net, carol) => {
    const [ann, bob] = net.nodes;
    net.coordinator.change(ann!, bob!, carol);
    bob!.lies = (_, message) => [message];
  },
};

for (const [how, ends] of Object.entries(ENDS)) {
  Deno.test(`Newcomer that was told how far it is is told when the rest has come ${how}`, () => {
    const { net, bob, carol } = longLog();
    const [ann] = net.nodes;
    let parts = 5;
    bob.lies = (_, message) => {
      if (message.type !== "history") return [message];
      net.nowMs += 300;
      return parts-- > 0 ? [message] : [];
    };
    net.coordinator.catchUp(carol, bob, ann!);
    net.settle();
    const before = carol.told("catching-up").length;
    assertEquals(carol.told("catching-up").map(({ done, of }) => done < of), [true, true]);

    ends(net, carol);
    net.settle();

    assertEquals(carol.logged.length, 100);
    assertEquals(carol.told("catching-up").slice(before), [
      { event: "catching-up", done: 100, of: 100 },
    ]);
  });
}

Deno.test("Newcomer whose first epoch is on its way to its disk when it is told that it is out stays so", () => {
  const net = GroupNet.started(["ann"]);
  const bob = net.add("bob");
  bob.start();
  net.settle();
  net.coordinator.change(...net.nodes);
  while (!bob.machine!.membership?.participating.isBeginning) assert(net.next());

  isToldOut(net, bob);

  assertEquals([bob.machine!.standing.isOut, bob.machine!.epoch], [true, null]);
  assertEquals(standingOf(bob), restoredOf(bob));
});

for (const names of [["ann"], ["ann", "bob"]]) {
  const who = names.length === 1 ? "Newcomer" : "Member";
  Deno.test(`${who} that is told that it is out begins nothing that it was ready for, however late a member says so`, () => {
    const net = GroupNet.started(names);
    const bob = net.nodes[1] ?? net.add("bob");
    if (bob.machine === null) bob.start();
    net.settle();
    const [ann] = net.nodes;
    net.coordinator.holdsBegin = true;
    net.coordinator.change(ann!, bob);
    net.settle();
    net.coordinator.epoch = null;

    net.coordinator.dropLink(bob);
    net.pass(2_000);
    net.tell(ann!, bob.key, net.coordinator.decided!);
    net.settle();

    assertEquals(net.coordinator.gotFrom(bob, "hello").length, 2);
    assertEquals(bob.machine!.epoch?.epoch.value.view, undefined);
    net.coordinator.holdsBegin = false;
    net.coordinator.change(ann!, bob);
    net.settle();
    assertEquals(bob.machine!.epoch?.epoch.value.view, 3);
  });
}

Deno.test("Member says whose entries it waits for, and what to do: no alarm, as most come by themselves", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  ann.start();
  net.settle();
  const waitsFor = (...awaited: string[]) => {
    const standing = { isMember: false, told: 0, awaited, former: null };
    net.coordinator.send(ann, { type: "welcome", group: GROUP, founding: FOUNDING, ...standing });
    net.settle();
    ann.command({ command: "status" });
    net.settle();
    return [ann.told("notice").at(-1), ann.told("status").at(-1)!.problems[0]];
  };

  const one = "Waiting for bob: only bob has the group's last entries";
  assertEquals(waitsFor("bob"), [
    {
      event: "notice",
      text: `${one}; they come when bob is back; /status at the coordinator says what else helps`,
    },
    one,
  ]);
  const both = "Waiting for bob and cem: only they have the group's last entries";
  assertEquals(waitsFor("bob", "cem"), [
    {
      event: "notice",
      text:
        `${both}; they come when one of them is back; /status at the coordinator says what else helps`,
    },
    both,
  ]);
});

Deno.test("Newcomer that no datagrams reach says so, once for each member", () => {
  const net = GroupNet.started(["ann"]);
  net.cut.add("ann ben").add("ann dora").add("ben dora");
  const ben = net.add("ben");
  ben.start();
  const text =
    "No datagrams pass between you and ann: UDP port 9000 must be open here, and 9000 at " +
    "10.0.0.3";
  const told = () => ben.told("notice");
  const problems = () => {
    ben.command({ command: "status" });
    net.settle();
    return ben.told("status").at(-1)!.problems;
  };
  net.pass(6_800);
  assertEquals(told(), []);
  assertEquals(problems().length, 1);

  net.pass(400);
  assertEquals(told(), [{ event: "notice", text, warning: true }]);
  assertEquals(problems(), [text, "Not in the group yet: what you write is kept until then"]);

  net.coordinator.dropLink(ben);
  net.pass(30_000);
  assertEquals(told().length, 1);
  net.add("dora").start();
  net.pass(7_200);
  assertEquals(
    told().at(-1)!.text,
    "No datagrams pass between you and ann or dora: UDP port 9000 must be open here, and theirs there",
  );
  assertEquals(told().length, 2);
});

Deno.test("Newcomer that hears everybody, or has no coordinator, says nothing of datagrams", () => {
  const net = GroupNet.started(["ann"]);
  const ben = net.add("ben");
  ben.start();
  net.pass(10_000);
  assertEquals(ben.told("notice"), []);

  const cem = net.add("cem");
  net.cut.add("ann cem").add("ben cem");
  cem.start();
  net.pass(3_000);
  net.coordinator.vanish();
  net.pass(20_000);
  assertEquals(cem.told("notice"), []);
});

Deno.test("Member that said goodbye while the coordinator was away has left, whatever that believes", () => {
  for (const text of ["left", "not in the group"]) {
    const net = GroupNet.started(["ann", "bob", "cem"]);
    const [ann, bob, cem] = net.nodes;
    net.coordinator.vanish();
    net.settle();
    ann!.kill();
    for (const other of [bob!, cem!]) other.feed({ type: "peer-ended", peer: ann!.key, text });
    net.coordinator.comeBack();
    net.pass(5_000);
    for (const other of [bob!, cem!]) {
      assertEquals(net.coordinator.heard.get(other)!.left, text === "left" ? [ann!.key] : []);
    }
    const reason = "lost";
    net.coordinator.send(bob!, { type: "departed", left: [{ key: ann!.key, reason }] });
    net.coordinator.change(bob!, cem!);
    net.settle();

    const expected = text === "left" ? "quit" : "lost";
    assertEquals(bob!.told("view").at(-1)!.left, [{ name: "ann", reason: expected }]);
  }
});

Deno.test("Member that is back before another one says for whom it waits", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  const { members } = net.coordinator.epoch!;
  ann!.kill();
  bob!.kill();
  ann!.start();
  net.settle();
  net.coordinator.send(ann!, { type: "peers", members, joining: [], paths: [] });
  const problems = () => {
    ann!.command({ command: "status" });
    net.settle();
    return ann!.told("status").at(-1)!.problems;
  };
  net.pass(900);
  assertEquals(ann!.told("notice"), []);

  net.pass(200);
  const text = "Waiting for bob, who was in the group last and hasn't answered yet";
  assertEquals(ann!.told("notice"), [{ event: "notice", text }]);
  assertEquals(
    ann!.events.findLastIndex(({ event }) => event === "ready") + 1,
    ann!.events.length - 1,
  );
  assertEquals(problems()[0], text);

  bob!.start();
  net.settle();
  assertEquals(problems(), ["Not in the group yet: what you write is kept until then"]);
});

Deno.test("Newcomer whom its secret doesn't let in is told of the likely cause, by whose invite that is", () => {
  const secrets = [{ epoch: 1, secret: new Uint8Array(16) }];
  const refused = (config: Partial<MemberConfig>) => {
    const net = new GroupNet(null);
    Object.assign(net.coordinator, { isUp: false, dialFault: "bad-credentials" });
    const ann = net.add("ann");
    ann.start(config);
    net.settle();
    const { stopped } = ann;
    return stopped?.kind === "fatal" ? `${stopped.code}: ${stopped.text}` : "goes on";
  };
  assertMatch(refused({}), /^bad-credentials: .*the group there is private; ask its operator/);
  const invited = { secrets, isInvited: true };
  assertMatch(refused(invited), /this invite has been revoked/);
  const kept = refused({ secrets });
  assertMatch(kept, /kept from the private group that it met there before/);
  assertMatch(
    kept,
    /another coordinator or an open group is there.*an open one with --invite none$/,
  );
  // Another instance of the coordinator may know of the invite.
  assertEquals(refused({ instances: [{ host: "two.example", port: 6_000 }] }), "goes on");
});

/** There is a place again, for one of two. */
function assertComesIn(net: GroupNet, { machine }: Node): void {
  net.coordinator.refusal = null;
  net.pass(5_000);
  net.coordinator.reconcile();
  net.pass(1_000);
  assertEquals(machine!.membership?.epoch?.epoch.value.members.length, 2);
}

Deno.test("Newcomer is told that the group is full, and ends; who was in says so once, and comes back", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const eve = net.add("eve");
  net.coordinator.refusal = { code: "full", text: "It is full; come back later" };
  eve.start();
  net.pass(1_000);
  assertEquals(eve.stopped, {
    kind: "fatal",
    code: "full",
    text: "The group is full",
  });

  bob.kill();
  bob.start();
  net.coordinator.dropLink(ann);
  net.pass(20_000);
  const told = "The group is full; trying again until there is a place";
  for (const node of [ann, bob]) {
    assertEquals(node.stopped, null);
    assertEquals(noticesOf(node).split(told).length, 2, node.name);
  }
  const dials = bob.effects.filter(({ type }) => type === "dial").length;
  assert(dials > 5 && dials < 20, `${dials} dials`);

  assertComesIn(net, ann);
  assertEquals(bob.stopped, null);
});

Deno.test("Newcomer comes again where too many come at once, and ends there only without --wait", () => {
  const { net, eve } = comesBesideTooMany();
  const dan = net.add("dan");
  dan.start({ wait: false });
  net.pass(10_000);
  assertEquals(dan.stopped, {
    kind: "fatal",
    code: "too-fast",
    text: "Too many are coming into the group",
  });
  assertEquals(eve.stopped, null);
  assertEquals(
    noticesOf(eve).split("Too many are coming into the group; trying again until").length,
    2,
  );
  const dials = eve.effects.filter(({ type }) => type === "dial").length;
  assert(dials > 3 && dials < 20, `${dials} dials`);

  assertComesIn(net, eve);
});

function problemsOf(node: Node): readonly string[] {
  node.command({ command: "status" });
  node.net.settle();
  return node.told("status").at(-1)!.problems;
}

Deno.test("A coordinator that answers that there is no place isn't down, however long, until it is away", () => {
  const { net, eve } = comesBesideTooMany();
  net.pass(60_000);
  assertEquals(eve.events.map(({ event }) => event), ["notice", "ready"]);
  const NO_PLACE = "Too many are coming into the group; trying again until there is a place";
  assertEquals([eve.told("status").length, problemsOf(eve)[0]], [0, NO_PLACE]);
  assertEquals(eve.told("status").at(-1)!.coordinator, "up");

  net.coordinator.vanish();
  net.pass(10_000);
  assertEquals(eve.told("coordinator").map(({ state }) => state), ["down"]);
  assert(problemsOf(eve)[0]!.startsWith("The coordinator doesn't answer"));
  assertEquals(eve.told("status").at(-1)!.coordinator, "down");

  net.coordinator.comeBack();
  net.pass(10_000);
  assertEquals(noticesOf(eve).split(NO_PLACE).length, 3);
  assertEquals(problemsOf(eve)[0], NO_PLACE);

  assertComesIn(net, eve);
  assertEquals(problemsOf(eve), []);
});

Deno.test("Who is refused for another reason than before is told so", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [, bob] = net.nodes as [Node, Node];
  bob.kill();
  const refused = (code: "full" | "too-fast", text: string) => {
    net.coordinator.refusal = { code, text };
    net.pass(20_000);
  };
  refused("too-fast", "Too many");
  bob.start();
  refused("too-fast", "Too many");
  refused("full", "It is full");
  refused("full", "It is full");
  refused("too-fast", "Too many");

  const told = [
    "Too many are coming into the group",
    "The group is full",
    "Too many are coming into the group",
  ];
  assertEquals(
    noticesOf(bob).split("\n"),
    told.map((text) => `${text}; trying again until there is a place`),
  );
});

Deno.test("Member without --wait that was in before ends where the group is full at its start", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const bob = net.nodes[1]!;
  bob.kill();
  net.coordinator.refusal = { code: "full", text: "It is full" };

  bob.start({ wait: false });
  net.pass(1_000);

  assertEquals(bob.stopped, {
    kind: "fatal",
    code: "full",
    text: "The group is full",
  });
});

Deno.test("Member without --wait ends where nobody answers", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  net.coordinator.isUp = false;

  ann.start({ wait: false });
  net.settle();

  assertEquals(ann.stopped?.kind === "fatal" && ann.stopped.code, "unreachable");
  assert(ann.stopped?.kind === "fatal" && /, or leave out --no-wait/.test(ann.stopped.text));
});

Deno.test("Member without --wait isn't told to wait where another command of p2pchat runs", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  net.coordinator.isUp = false;
  net.coordinator.dialFault = "wrong-mode";

  ann.start({ wait: false });
  net.settle();

  assert(ann.stopped?.kind === "fatal" && ann.stopped.text.endsWith("; check the address"));
});
