/** What was decided takes its place in the log, by whoever's word it may. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import { STATE_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import { fakeSigner } from "../../../sim/fake_crypto.ts";
import { because, Decider, editOf, forged, idOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet } from "../group_net.ts";
import {
  ask,
  commit,
  decisionOn,
  errors,
  kinds,
  locks,
  outcomes,
  started,
  tells,
  three,
  vanish,
} from "./participant_cases.ts";

Deno.test("what is committed is put in order, shown where it stands, and said to be applied", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  const decided = decisionOn(signed);
  commit(net, decided);
  net.pass(STATE_MS); // with the next report of the state

  const event = {
    event: "edit",
    edit: 1,
    seq: 1,
    by: "bob",
    text: "uno",
    outcome: "committed",
    reason: "agreed by ann",
    agreed: ["ann"],
    committedAt: "1970-01-01T00:00:01.000Z",
    history: false,
    position: 3,
  } as const;
  for (const node of net.nodes) {
    assertEquals(node.told("edit"), [event]);
    assertEquals(node.disk.log.at(-1)?.batch.bytes, decided.batch.bytes);
    const { incarnation } = decided.batch.value;
    const applied = [{ type: "applied" as const, incarnation, through: 1 }];
    assertEquals(net.coordinator.gotFrom(node, "applied"), applied);
    assertEquals(kinds(node).at(-1), "settled");
  }
  assertEquals(locks(net), [[], [], []]);
});

Deno.test("a decision that comes again is in order once, and said to be applied again", () => {
  const net = started();
  const signed = requestOf(net.nodes[0]!, GROUP, 1, "uno");
  ask(net, signed);
  const decided = decisionOn(signed);
  commit(net, decided);
  net.pass(STATE_MS);
  commit(net, decided);

  for (const node of net.nodes) {
    assertEquals(node.disk.log.length, 3);
    assertEquals(net.coordinator.gotFrom(node, "applied").length, 2);
  }
});

Deno.test("who claims that more was decided together isn't told that it was applied", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(ann, GROUP, 1, "uno");
  commit(net, decisionOn(first));
  const { incarnation } = decisionOn(first).batch.value;
  const edits = [1, 2, 3].map((edit) => editOf(edit, requestOf(ann, GROUP, 1, `${edit}`)));
  const longer = forged(
    new Decider(COORDINATOR, GROUP).decides(edits, { incarnation, counter: 1 }),
  );
  net.coordinator.got.length = 0;
  net.tell(ann, bob.key, { type: "committed", signed: longer });
  net.settle();

  assertEquals(net.coordinator.gotFrom(bob, "applied"), []);
});

Deno.test("decisions of two of the coordinator's processes are applied both, also at once", () => {
  const net = started();
  const [ann, bob] = three(net);
  const { held, voting } = bob.machine!.membership!;
  const batches = [1, 2].map((process) => {
    const signed = requestOf(ann, GROUP, process, "uno");
    held.append(new Decider(COORDINATOR, GROUP, process).decides([editOf(process, signed)]));
    return held.shift();
  });
  bob.machine!.out.begin(net.nowMs);
  voting.logged(batches);
  voting.undelivered.sayAllApplied();
  const applied = bob.machine!.out.take().flatMap((effect) =>
    effect.type === "send" && effect.message.type === "applied"
      ? [effect.message.incarnation[0]]
      : []
  );

  assertEquals(applied, [1, 2]);
});

Deno.test("what is aborted is unlocked; who was asked is told why, others aren't", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  for (const node of net.nodes) {
    net.coordinator.send(node, {
      type: "aborted",
      id: idOf(signed),
      edit: 1,
      reason: because("asker-restarted"),
    });
  }
  net.settle();

  assertEquals(net.nodes.map(outcomes), [
    ["1 aborted: the program that asked for it was started again"],
    [],
    [],
  ]);
  assertEquals(locks(net), [[], [], []]);
  assertEquals([kinds(ann), kinds(bob), kinds(cem)].map((all) => all.includes("settled")), [
    false,
    true,
    true,
  ]);
});

Deno.test("a decision that the coordinator hasn't signed: whoever sends it is blamed", () => {
  const signedBy = (name: string) => (net: GroupNet) =>
    new Decider(fakeSigner(name), GROUP).decides([
      editOf(1, requestOf(net.nodes[0]!, GROUP, 1, "x")),
    ]);
  const wrong: readonly ((net: GroupNet) => SignedBatch)[] = [
    signedBy("eve"),
    (net) => forged(signedBy("coordinator")(net)),
    (net) =>
      new Decider(COORDINATOR, GROUP).decides([editOf(0, requestOf(net.nodes[0]!, GROUP, 1, "x"))]),
    (net) => decisionOn(forged(requestOf(net.nodes[0]!, GROUP, 1, "x"))),
  ];
  for (const decision of wrong) {
    const fromMember = started();
    const [ann, bob] = three(fromMember);
    vanish(fromMember);
    fromMember.tell(bob, ann.key, { type: "committed", signed: decision(fromMember) });
    fromMember.settle();
    assertStringIncludes(errors(ann)[0] ?? "nobody", "bob sent invalid data");

    // The first is the sequencer.
    const fromCoordinator = started();
    commit(fromCoordinator, decision(fromCoordinator), [fromCoordinator.nodes[0]!]);
    assertStringIncludes(
      errors(fromCoordinator.nodes[0]!)[0] ?? "nobody",
      "The coordinator sent invalid data",
    );
    assertEquals(fromCoordinator.nodes.map(({ disk }) => disk.log.length), [2, 2, 2]);
  }
});

Deno.test("what the coordinator hasn't signed isn't passed on: others would blame who does", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  commit(net, forged(decisionOn(signed)), [bob]);
  assertEquals(errors(bob), []);
  bob.effects = [];
  vanish(net);
  net.pass(5_000);

  assertEquals(errors(ann), []);
  assertEquals(tells(bob, "committed"), []);
  assertEquals(errors(bob).length, 1);
});
