// A member's ways in, out and back, step by step.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";
import type { Hash, LinkId } from "../../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../../lib/base/machine/mode_limits.ts";
import { type Ballot, NO_BALLOT } from "../../../../lib/protocols/group/schema/ballot.ts";
import {
  FETCH_BYTES,
  INCARNATION_BYTES,
  JOINERS_MAX,
  MEMBERS_MAX,
  PROMISE_JUMP_MAX,
  ROUND_MAX,
  TEXT_BYTES_MAX,
} from "../../../../lib/protocols/group/schema/limits.ts";
import { signEpoch } from "../../../../lib/protocols/group/schema/epoch.ts";
import type {
  MemberConfig,
  MemberEffect,
} from "../../../../lib/protocols/group/schema/member_io.ts";
import { restoreMember } from "../../../../lib/protocols/group/log/member_log.ts";
import {
  COORDINATOR_GOODBYE,
  type GroupMessage,
  MEMBER_GOODBYE,
} from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, requestOf } from "../edit_fixtures.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { COORDINATOR, FOUNDING, GROUP, GroupNet, type Node } from "../group_net.ts";
import { groupIdOf } from "../../../../lib/protocols/group/schema/founding.ts";
import { foundedBy } from "../founded.ts";

function messagesOf(node: Node) {
  return node.events.flatMap((event) => event.event === "message" ? [event] : []);
}

function noticesOf(node: Node): string {
  return node.events.flatMap((event) => event.event === "notice" ? [event.text] : []).join("\n");
}

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
      "Nothing was sent: a group has no private messages, and all would read this; to say it to all, " +
      "write it without /msg",
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

/** Ann is in a view, and Bob has been in another history, where some was said. */
function twoHistories(): { readonly net: GroupNet; readonly ann: Node; readonly bob: Node } {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.say("ours");
  net.settle();
  const bob = net.add("bob");
  bob.start();
  net.settle();
  const other = GroupNet.started(["bob"]);
  other.nodes[0]!.say("theirs");
  other.settle();
  bob.kill();
  bob.disk = other.nodes[0]!.disk;
  bob.start();
  net.settle();
  return { net, ann, bob };
}

Deno.test("Member sets a log aside that isn't the beginning of the others'", () => {
  const { net, ann, bob } = twoHistories();

  net.coordinator.catchUp(bob, ann);
  net.settle();

  assertEquals(bob.logged, ["ours"]);
  assertStringIncludes(noticesOf(bob), "set aside");
});

Deno.test("Member asks for no edit of an entry that was given up with its log: another one has its number", () => {
  const { net, ann, bob } = twoHistories();
  bob.command({ command: "edit", seq: 1, text: "theirs, mended" }, "r");
  net.settle();

  net.coordinator.catchUp(bob, ann);
  net.settle();
  net.coordinator.change(ann, bob);
  net.settle();

  assertEquals(net.coordinator.gotFrom(bob, "edit"), []);
  const [error] = bob.told("error");
  assertEquals([error?.code, error?.text], [
    "edit-aborted",
    "Your edit of entry 1 is dropped: it was for the log that is set aside",
  ]);
});

for (const happens of ["goes on", "is killed", "is killed after a compaction"]) {
  Deno.test(`Member that ${happens} doesn't say again what was given up with its log`, () => {
    const { net, ann, bob } = twoHistories();
    bob.say("later");
    net.settle();
    net.coordinator.catchUp(bob, ann);
    net.settle();
    if (happens !== "goes on") {
      if (happens !== "is killed") bob.disk.records = [...bob.machine!.snapshot()!];
      bob.kill();
      bob.start();
      net.settle();
      net.coordinator.catchUp(bob, ann);
      net.settle();
    }

    net.coordinator.change(ann, bob);
    net.settle();

    assertEquals([ann.logged, bob.logged], [["ours", "later"], ["ours", "later"]]);
  });
}

Deno.test("Member takes no answer from the log of the group that it was in before for one of the present", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  const founding = foundedBy(COORDINATOR.key, 2);
  const group = groupIdOf(fakeCrypto, founding);
  const answered: string[] = [];
  const asks = (of: string) => {
    const { membership, out } = ann.machine!;
    membership!.reads.read(0, 1, () => answered.push(`read of ${of}`));
    membership!.looks.look(1, null, () => answered.push(`look of ${of}`));
    const asked = out.take().slice(-2);
    return asked.flatMap((effect) =>
      effect.type === "read" || effect.type === "look" ? effect.token : []
    );
  };

  const first = asks("the first");
  const standing = { isMember: false, told: 0, awaited: [], former: null };
  ann.feed({
    type: "message",
    link: ann.link!,
    message: { type: "welcome", group, founding, ...standing },
  });
  const second = asks("the second");
  for (const token of [...first, ...second]) {
    ann.feed({ type: "read", token, read: { batches: [], digest: null, seq: 0 } });
    ann.feed({ type: "looked", token, entry: null });
  }

  assertEquals([first, second], [[1, 1], [2, 2]]);
  assertEquals(answered, ["read of the second", "look of the second"]);
});

/** Bob, whose next epoch, or what he holds before it, is on its way to his disk. */
function writing(what: "begun" | "levelled"): { readonly net: GroupNet; readonly bob: Node } {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.say("one");
  net.settle();
  net.coordinator.change(ann!, bob!);
  bob!.effects = [];
  const isWriting = () =>
    bob!.effects.some((effect) =>
      effect.type === "persist" && effect.records.some(({ kind }) => kind === what)
    );
  while (!isWriting()) assert(net.next());
  return { net, bob: bob! };
}

function restoredOf({ disk, key }: Node) {
  const { standing, held } = restoreMember(disk.records, disk.history(), key, fakeCrypto);
  const { isOut, isLost, isRecovering, begunBallot, levelled } = standing;
  return { isOut, isLost, isRecovering, begunBallot, levelled, held: held!.synced };
}

function standingOf({ machine }: Node) {
  const { standing, membership } = machine!;
  const { isOut, isLost, isRecovering, begunBallot, levelled } = standing;
  return { isOut, isLost, isRecovering, begunBallot, levelled, held: membership!.held.synced };
}

/** The coordinator knows it no longer. */
function isToldOut(net: GroupNet, node: Node, founding = FOUNDING): void {
  const group = groupIdOf(fakeCrypto, founding);
  const welcome = { group, founding, isMember: false, told: 0, awaited: [], former: null };
  node.feed({ type: "message", link: node.link!, message: { type: "welcome", ...welcome } });
  net.settle();
}

Deno.test("Member tells what isn't said as the coordinator has another group than it was written in", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.kill(); // who puts it in order
  const founding = foundedBy(COORDINATOR.key, 2);
  const errors = () =>
    bob!.effects.flatMap((effect) =>
      effect.type === "show" && effect.event.event === "error"
        ? [[effect.ref, effect.event.code]]
        : []
    );
  const isToldOf = (what: string) =>
    noticesOf(bob!).includes(`\n${what} that you wrote in the former group`);
  bob!.say("one", "r1");
  bob!.say("two");
  net.pass(1_500);

  isToldOut(net, bob!, founding);

  assertEquals(errors(), [["r1", "not-allowed"]]);
  assert(isToldOf("2 messages"));
  assertEquals(bob!.machine!.saying.unsent, 0);

  isToldOut(net, bob!, founding);
  isToldOut(net, bob!);
  assertEquals(errors().length, 1);
  assertEquals(noticesOf(bob!).match(/weren't sent in this one/g)?.length, 1);
});

Deno.test("Member says nothing in another group that waited in the one before", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  ann!.kill(); // who puts it in order
  for (const text of ["one", "two", "three"]) bob!.say(text, text);
  assertEquals(bob!.machine!.saying.unsent, 3);

  isToldOut(net, bob!, foundedBy(COORDINATOR.key, 2));

  const errors = bob!.effects.flatMap((effect) =>
    effect.type === "show" && effect.event.event === "error" ? [effect.ref] : []
  );
  assertEquals(errors, ["one", "two", "three"]);
  assertEquals(bob!.machine!.saying.unsent, 0);
});

Deno.test("Member begins nothing in another group that it was about to begin in the one before", () => {
  const { net, bob } = writing("begun");
  const founding = foundedBy(COORDINATOR.key, 2);
  const group = groupIdOf(fakeCrypto, founding);
  const { standing } = bob.machine!;

  isToldOut(net, bob, founding);

  assertEquals([standing.group, standing.begun, bob.machine!.epoch], [group, null, null]);
});

for (const what of ["levelled", "begun"] as const) {
  Deno.test(`Member that is out stays out though what it has ${what} is only on disk then`, () => {
    const { net, bob } = writing(what);
    const views = bob.told("view").length;

    isToldOut(net, bob);

    assertEquals([bob.machine!.standing.isOut, bob.machine!.epoch], [true, null]);
    assertEquals(standingOf(bob), restoredOf(bob));
    assertEquals(bob.told("view").length, views);
  });

  Deno.test(`Member that fetches its log anew has none though what it has ${what} is only on disk then`, () => {
    const { net, bob } = writing(what);

    bob.feed({ type: "message", link: bob.link!, message: { type: "recover" } });
    net.settle();

    const { isRecovering, levelled, held } = standingOf(bob);
    assertEquals([isRecovering, levelled, held.position], [true, NO_BALLOT, 0]);
    assertEquals(standingOf(bob), restoredOf(bob));
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
      text: `${one}; they come when bob is back; /remove bob at the coordinator would lose them`,
    },
    one,
  ]);
  const both = "Waiting for bob and cem: only they have the group's last entries";
  assertEquals(waitsFor("bob", "cem"), [
    {
      event: "notice",
      text:
        `${both}; they come when one of them is back; /remove of all of them at the coordinator would lose them`,
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
  net.coordinator.send(ann!, { type: "peers", members, joining: [] });
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

Deno.test("Member that asks twice sets its log aside once, and blames nobody", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.say("ours");
  const bob = net.add("bob");
  const other = GroupNet.started(["bob"]);
  other.nodes[0]!.say("theirs");
  other.settle();
  bob.disk = other.nodes[0]!.disk;
  bob.start();
  net.settle();

  net.coordinator.catchUp(bob, ann);
  net.coordinator.catchUp(bob, ann);
  net.settle();

  assertEquals(bob.logged, ["ours"]);
  assertEquals(bob.told("error"), []);
});

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

Deno.test("Members go on by themselves while the coordinator is away, and say so", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob, carol] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);

  bob!.say("still here");
  net.pass(500);

  assertEquals(carol!.shown, ["still here"]);
  const down = { event: "coordinator", state: "down", reason: "refused" } as const;
  assertEquals(ann!.told("coordinator").at(-1), down);
});

Deno.test("Members know a coordinator that was ended from one that was killed, until it is back", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes;
  const toldOf = (goodbye: string | null) => {
    net.coordinator.vanish(goodbye);
    net.pass(3_000);
    ann!.command({ command: "status" });
    net.settle();
    return [ann!.told("coordinator").at(-1)!.ended, ann!.told("status").at(-1)!.problems[0]];
  };
  const waiting = "chat goes on, joining and editing wait";

  assertEquals(toldOf(COORDINATOR_GOODBYE), [true, `The coordinator was ended: ${waiting}`]);
  for (const goodbye of [null, "ended"]) {
    net.coordinator.comeBack();
    net.pass(10_000);
    assertEquals(ann!.told("coordinator").at(-1), { event: "coordinator", state: "up" });
    assertEquals(toldOf(goodbye), [undefined, `The coordinator doesn't answer: ${waiting}`]);
  }
});

Deno.test("Members begin a round when one was started again and the coordinator is away", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob, carol] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);
  for (const restarted of [bob!, ann!]) {
    restarted.kill({ power: true });
    restarted.start();
    net.pass(5_000);

    restarted.say(`${restarted.name} is back`);
    net.pass(500);
  }

  assertEquals(carol!.shown, ["bob is back", "ann is back"]);
  assertEquals(ann!.logged, carol!.logged);
  assertEquals(carol!.told("view").length, 1);
});

/** Ann leads a round that waits for Eve, while the coordinator is away. */
function waitingRound(): { readonly net: GroupNet; readonly ballot: Ballot } {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);
  bob!.kill();
  eve!.kill();
  bob!.start();
  net.pass(5_000);
  const flushes = ann!.effects.flatMap((effect) =>
    effect.type === "tell" && effect.message.type === "flush" ? [effect.message] : []
  );
  return { net, ballot: flushes.at(-1)!.ballot };
}

Deno.test("Members promise no number because of one who says that it has promised more", () => {
  const { number, round } = { number: Number.MAX_SAFE_INTEGER, round: ROUND_MAX };
  for (const promised of [{ number, round: 0 }, { number: 1, round }]) {
    const { net, ballot } = waitingRound();
    const [ann, bob, eve] = net.nodes;
    const message = { type: "outdone", ballot, promised } as const;
    ann!.feed({ type: "peer-message", peer: eve!.key, message });
    net.pass(5_000);
    eve!.start();
    net.pass(5_000);

    const numbers = net.nodes.map(({ machine }) => machine!.standing.promised.number);
    assertEquals(numbers, [1, 1, 1]);
    net.coordinator.comeBack();
    net.pass(10_000);
    net.coordinator.change(ann!, bob!);
    net.settle();
    ann!.say("the group goes on");
    net.settle();
    assertEquals(bob!.shown, ["the group goes on"]);
  }
});

Deno.test("A sequencer leads rounds of later views, whatever somebody said that it has promised", () => {
  const { net, ballot } = waitingRound();
  const [ann, bob, eve] = net.nodes;
  const promised = { number: PROMISE_JUMP_MAX, round: ROUND_MAX };
  const message = { type: "outdone", ballot, promised } as const;
  ann!.feed({ type: "peer-message", peer: eve!.key, message });
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.change(ann!, bob!);
  net.settle();

  net.coordinator.vanish();
  net.pass(3_000);
  bob!.kill();
  bob!.start();
  net.pass(5_000);
  ann!.say("the group goes on");
  net.settle();

  assertEquals(bob!.shown, ["the group goes on"]);
});

Deno.test("A sequencer takes no report of what can't have begun", () => {
  const { net, ballot } = waitingRound();
  const [ann, , eve] = net.nodes;
  const { standing: { begunBallot: begun }, membership } = ann!.machine!;
  const { end: held, log } = membership!.held;
  const incarnation = new Uint8Array(INCARNATION_BYTES);

  const holding = { begun, levelled: ballot, incarnation, held, log };
  const message = { type: "report", ballot, ...holding } as const;
  ann!.feed({ type: "peer-message", peer: eve!.key, message });
  net.settle();

  assertEquals(ann!.told("error").at(-1), {
    event: "error",
    code: "protocol",
    text: "eve sent invalid data: nothing more from eve is accepted for a minute",
    detail: "it reports what never began",
  });
});

Deno.test("Members promise nothing to a sequencer under a number that never was", () => {
  const net = GroupNet.started(["ann", "bob", "carol"]);
  const [ann, bob] = net.nodes;
  net.coordinator.vanish();
  net.pass(3_000);
  const number = 2 + PROMISE_JUMP_MAX;

  const ballot = { number, round: 1 };
  const message = { type: "flush", ballot, view: 1, isLeaving: false } as const;
  bob!.feed({ type: "peer-message", peer: ann!.key, message });
  net.settle();

  assertEquals(bob!.machine!.standing.promised.number, 1);
  assertStringIncludes(bob!.told("error").at(-1)?.text ?? "", "ann sent invalid data");
});

Deno.test("Member waits for one who is gone while the coordinator is away, and keeps what is typed", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes;
  net.coordinator.vanish();
  bob!.kill();
  net.pass(3_000);
  ann!.say("waiting");
  net.pass(2_000);
  assertEquals(ann!.shown, []);
  assertStringIncludes(noticesOf(ann!), "Chat pauses until bob or the coordinator is back");

  bob!.start();
  net.pass(5_000);

  assertEquals(bob!.logged, ["waiting"]);
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
    return noticesOf(ann!).includes("The others' chat pauses until you or the coordinator is back");
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
  assertStringIncludes(noticesOf(bob!), "The others' chat pauses");
  assert(!noticesOf(ann!).includes("The others' chat pauses"), noticesOf(ann!));
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
  assertMatch(refused(invited), /your invite isn't the group's present one/);
  const kept = refused({ secrets });
  assertMatch(kept, /kept from the private group that it met there before/);
  assertMatch(
    kept,
    /another coordinator or an open group is there.*another NAME or with another --data$/,
  );
});

Deno.test("Member ends when its disk refuses to write", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;

  ann.feed({ type: "persist-failed", token: null, text: "Cannot write: the disk is full" });
  net.settle();

  assertEquals(ann.stopped?.kind === "fatal" && ann.stopped.code, "disk");
});

Deno.test("Members take no decision on an edit from another member's history that isn't the coordinator's", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes;
  ann!.say("as ann said it");
  net.settle();
  const lie = new Decider(eve!.signer, GROUP).decides([
    editOf(1, requestOf(eve!, GROUP, 1, "lie")),
  ]);
  const { held } = eve!.machine!.membership!;
  held.append(lie);
  held.setSynced(held.end);

  net.coordinator.change(ann!, bob!, eve!);
  net.settle();

  for (const node of [ann!, bob!]) {
    assertEquals(node.told("edit"), []);
    assertEquals(node.disk.log.length, 1);
    assertStringIncludes(node.told("error").at(-1)?.text ?? "", "eve sent invalid data");
  }
});

Deno.test("Member of a view doesn't set its log aside on another one's word", () => {
  const net = GroupNet.started(["ann", "bob", "eve"]);
  const [ann, bob, eve] = net.nodes;
  ann!.say("one");
  net.settle();
  const ballot = { number: 2, round: 0 };
  for (const node of [ann!, bob!]) {
    net.coordinator.send(node, { type: "flush", ballot, view: 2, isLeaving: false });
    net.settle();
    const best = { number: 1, round: 5 };
    const start = { position: 3, digest: node.disk.history().digest };
    net.coordinator.send(node, { type: "level", ballot, best, start, source: eve!.key });
    net.settle();
    const after = node.disk.history().point;
    node.feed({ type: "peer-message", peer: eve!.key, message: { type: "unlike", after } });
    net.settle();
  }

  assertEquals([ann!.logged, bob!.logged], [["one"], ["one"]]);
  assert(!noticesOf(ann!).includes("set aside"));
  assertEquals(net.coordinator.heard.get(ann!)?.peers, [bob!.key]);
});

/** Bob, a newcomer with a log, is told by Eve that it isn't the group's; the coordinator names others beside her. */
function toldUnlike(others: (net: GroupNet) => readonly Node[]): Node {
  const net = GroupNet.started(["ann", "eve"]);
  const [ann, eve] = net.nodes;
  const bob = net.add("bob");
  bob.start();
  net.settle();
  net.coordinator.change(...net.nodes);
  net.settle();
  ann!.say("one");
  net.settle();
  bob.kill();
  bob.start();
  net.settle();
  bob.effects = [];
  net.coordinator.catchUp(bob, eve!, ...others(net));
  const after = bob.disk.history().point;
  while (!bob.effects.some((effect) => effect.type === "tell" && effect.message.type === "fetch")) {
    assert(net.next());
  }
  bob.feed({ type: "peer-message", peer: eve!.key, message: { type: "unlike", after } });
  net.settle();
  return bob;
}

Deno.test("Newcomer asks the others of the view before it sets its log aside", () => {
  const bob = toldUnlike(({ nodes: [ann] }) => [ann!]);

  assertEquals(bob.logged, ["one"]);
  assert(!noticesOf(bob).includes("set aside"));
});

Deno.test("Newcomer doesn't ask those who aren't in the view, who may have the same wrong log", () => {
  const bob = toldUnlike(() => []);

  assert(noticesOf(bob).includes("set aside"));
});

Deno.test("Member that set its log aside speaks for the view that it was ready to begin since, after a crash, too", () => {
  const bob = toldUnlike(() => []);
  const { net: { coordinator }, net } = bob;
  const said = () => {
    const { begun, promised } = coordinator.gotFrom(bob, "hello").at(-1)!;
    return [begun.number, promised.number];
  };
  bob.kill();
  bob.start();
  net.settle();
  assertEquals(said(), [0, 0]);

  coordinator.holdsBegin = true;
  coordinator.change(...net.nodes);
  net.settle();
  bob.kill();
  bob.start();
  net.settle();

  assertEquals(said(), [0, coordinator.decided!.signed.epoch.value.ballot.number]);
});

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

Deno.test("Member is refused for good, and ends with the coordinator's words as such", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  net.coordinator.isUp = false;
  ann.start();
  net.settle();
  ann.feed({ type: "link-up", link: 9 as never, peer: COORDINATOR.key });

  const message = { type: "refuse", code: "name-taken", text: "ann is here already" } as const;
  ann.feed({ type: "message", link: 9 as never, message });
  net.settle();

  assertEquals(ann.stopped, {
    kind: "fatal",
    code: "name-taken",
    text:
      'Somebody in the group has that name; take another. The coordinator says: "ann is here already"',
  });
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
    text: 'The group is full. The coordinator says: "It is full; come back later"',
  });

  bob.kill();
  bob.start();
  net.coordinator.dropLink(ann);
  net.pass(20_000);
  const told =
    'The group is full. The coordinator says: "It is full; come back later"; trying again until there is a place';
  for (const node of [ann, bob]) {
    assertEquals(node.stopped, null);
    assertEquals(noticesOf(node).split(told).length, 2, node.name);
  }
  const dials = bob.effects.filter(({ type }) => type === "dial").length;
  assert(dials > 5 && dials < 20, `${dials} dials`);

  assertComesIn(net, ann);
  assertEquals(bob.stopped, null);
});

/** Eve has been started, and the coordinator has no time for her. */
function comesBesideTooMany() {
  const net = GroupNet.started(["ann"]);
  const eve = net.add("eve");
  net.coordinator.refusal = { code: "too-fast", text: "Too many are coming" };
  eve.start();
  return { net, eve };
}

Deno.test("Newcomer comes again where too many come at once, and ends there only without --wait", () => {
  const { net, eve } = comesBesideTooMany();
  const dan = net.add("dan");
  dan.start({ wait: false });
  net.pass(10_000);
  assertEquals(dan.stopped, {
    kind: "fatal",
    code: "too-fast",
    text: 'Too many are coming into the group. The coordinator says: "Too many are coming"',
  });
  assertEquals(eve.stopped, null);
  assertEquals(noticesOf(eve).split('"Too many are coming"; trying again until').length, 2);
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
  const NO_PLACE =
    'Too many are coming into the group. The coordinator says: "Too many are coming"; trying again until there is a place';
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
    'Too many are coming into the group. The coordinator says: "Too many"',
    'The group is full. The coordinator says: "It is full"',
    'Too many are coming into the group. The coordinator says: "Too many"',
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
    text: 'The group is full. The coordinator says: "It is full"',
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

Deno.test("Member shows a name with the fingerprint's start where another key is pinned", () => {
  const net = new GroupNet();
  const ann = net.add("ann");
  const bob = net.add("bob");
  const eve = net.add("eve");
  const pins = new Map([["bob", "aaaaaaaaaaaaaaaaaaaaaaaaaaa" as never]]);
  ann.start({ pins });
  bob.start();
  net.settle();
  net.coordinator.change(ann, bob);
  net.settle();

  bob.say("it's me");
  net.settle();

  const [said] = messagesOf(ann);
  assert(/^bob~[a-z2-7]{4}$/.test(said!.shown));
  assertEquals([said!.from, said!.key], ["bob", fingerprintOf(bob.key)]);
  const errors = ann.events.filter((event) => event.event === "error");
  assertEquals(errors.map((event) => "code" in event && event.code), ["key-changed"]);
  ann.command({ command: "trust", name: "bob" });
  bob.say("again");
  net.settle();
  assertEquals(messagesOf(ann)[1]!.from, "bob");
  assertEquals(eve.machine, null);
});

Deno.test("Member that comes back remembers and tells whose keys were in its last view", () => {
  const net = GroupNet.started(["ann", "bob", "cem"]);
  const [ann] = net.nodes;
  ann!.kill();
  ann!.effects = [];

  const pins = new Map([["bob", "aaaaaaaaaaaaaaaaaaaaaaaaaaa" as never]]);
  ann!.start({ pins });
  net.settle();

  assertEquals(ann!.told("error").map(({ code }) => code), ["key-changed"]);
  const pinned = ann!.effects.flatMap((effect) => effect.type === "pin" ? effect.name : []);
  assertEquals(pinned, ["cem", "*coordinator*"]);
});

function pinnedBy(node: Node): readonly string[] {
  return node.effects.flatMap((effect) => effect.type === "pin" ? effect.name : []);
}

Deno.test("Strangers who only ask to come in take no name, and nobody is told of their keys", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const at = { incarnation: new Uint8Array(INCARNATION_BYTES), host: "10.0.9.9", port: 9_000 };
  const members = [ann, bob].map(({ key, name }) => ({ ...at, key, name }));
  for (let number = 0; number < 10; number++) {
    const strangers = ["dan", "bob"].map((name) => {
      return { ...at, key: net.add(`${name} ${number}`).key, name };
    });
    net.coordinator.send(ann, { type: "peers", members: [...members, ...strangers], joining: [] });
    net.settle();
  }
  assertEquals(pinnedBy(ann), ["*coordinator*", "bob"]);

  const dan = net.add("dan");
  dan.start();
  net.settle();
  net.coordinator.catchUp(dan, ann, bob);
  net.settle();
  assertEquals(pinnedBy(ann), ["*coordinator*", "bob"]);
  net.coordinator.change(ann, bob, dan);
  net.settle();
  dan.say("here I am");
  net.settle();

  assertEquals(pinnedBy(ann), ["*coordinator*", "bob", "dan"]);
  assertEquals(messagesOf(ann).map(({ from }) => from), ["dan"]);
  assertEquals(ann.told("error"), []);
});

Deno.test("Newcomer remembers whose keys the group's members have before it shows what was said", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  bob.say("one");
  net.settle();
  const [carol, eve] = [net.add("carol"), net.add("eve")];
  eve.start();
  carol.start({ pins: new Map([["bob", fingerprintOf(eve.key)]]) });
  net.settle();
  assertEquals(pinnedBy(carol), ["*coordinator*"]);

  net.coordinator.catchUp(carol, ann, bob);
  net.settle();

  assertEquals(pinnedBy(carol), ["*coordinator*", "ann"]);
  const shown = carol.events.filter(({ event }) => event === "error" || event === "message");
  assertEquals(shown.map(({ event }) => event), ["error", "message"]);
  assert(/^bob~[a-z2-7]{4}$/.test(messagesOf(carol)[0]!.shown));
});

Deno.test("Member's user needs no digits and no trust of their own", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes;
  ann!.say("one");
  net.settle();

  ann!.command({ command: "verify", name: "ann" });
  ann!.command({ command: "trust", name: "ann" });
  net.settle();

  const errors = ann!.events.filter((event) => event.event === "error");
  assertEquals(errors.map(({ code }) => code), ["unknown-user", "unknown-user"]);
  assertEquals(errors.every(({ text }) => text.startsWith("ann is you: ")), true);
});

Deno.test("Member's user says whom they mean where several had a name, and nobody is refused by guess", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann] = net.nodes as [Node, Node];
  const { names } = ann.machine!;
  const zoes = ["one", "two"].map((who) => fakeSigner(who).key);
  for (const key of zoes) names.shown(key, "zoe");
  const [first, second] = zoes.map((key) => names.of(key));

  ann.command({ command: "verify", name: "zoe", answer: "no" });
  ann.command({ command: "trust", name: "Zoe" });
  ann.command({ command: "verify", name: second! });
  net.settle();

  assertEquals(ann.told("error").map(({ code, text }) => `${code}: ${text}`), [
    `unknown-user: Several are called zoe: /verify ${first} or /verify ${second}`,
    `unknown-user: Several are called Zoe: /trust ${first} or /trust ${second}`,
  ]);
  assertEquals(ann.told("verify").map(({ name, peerKey }) => [name, peerKey]), [
    [second, zoes[1]],
  ]);
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

Deno.test("Member that hears more than can be told tells of those whom the coordinator named", () => {
  const net = GroupNet.started(["ann", "bob"]);
  const ann = net.nodes[0]!;
  const members = Array.from({ length: MEMBERS_MAX + JOINERS_MAX }, (_, number) => {
    const { key, name } = net.add(`stranger ${number}`);
    return { key, name, incarnation: new Uint8Array(8), host: "10.0.9.9", port: 9_000 };
  });

  net.coordinator.send(ann, { type: "peers", members, joining: [] });
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

Deno.test("Member whose program stood still blames itself, not the coordinator", () => {
  const net = GroupNet.started(["ann"]);
  const [ann] = net.nodes;
  net.pass(5_000);
  net.nowMs += 15_000;
  ann!.feed({ type: "tick" });
  const downs = () => ann!.told("coordinator").filter(({ state }) => state === "down").length;
  assertEquals(downs(), 0);

  // What waited is heard: the coordinator goes on without it.
  net.coordinator.vanish("no answer");
  net.coordinator.epoch = null;
  net.coordinator.comeBack();
  net.pass(2_000);
  const [warned] = ann!.told("notice").filter((notice) => "warning" in notice);
  assertMatch(
    warned!.text,
    /^This program stood still for 1[0-9] seconds .*the group went on without you/,
  );
  assertEquals(downs(), 0);

  // A coordinator that is gone is missed all the same, in time.
  net.nowMs += 15_000;
  net.coordinator.vanish();
  net.pass(5_000);
  assertEquals(downs(), 1);
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
