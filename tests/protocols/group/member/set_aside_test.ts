/** A log that isn't the beginning of the others' is set aside, on nobody's word but those in the view. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { NO_BALLOT } from "../../../../lib/protocols/group/schema/epoch.ts";
import { groupIdOf } from "../../../../lib/protocols/group/schema/founding.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Decider, editOf, requestOf } from "../edit_fixtures.ts";
import { foundedBy } from "../founded.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "../group_net.ts";
import { isToldOut, noticesOf, restoredOf, standingOf } from "./member_cases.ts";

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
    const { reads, looks, out } = ann.machine!;
    reads.read(0, 1, () => answered.push(`read of ${of}`));
    looks.look(1, null, () => answered.push(`look of ${of}`));
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
