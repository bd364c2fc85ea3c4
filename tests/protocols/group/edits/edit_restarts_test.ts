/** Edits across restarts and views. */

import { assertEquals } from "@std/assert";
import { textDigest } from "../../../../lib/protocols/group/schema/edit.ts";
import { signBatch } from "../../../../lib/protocols/group/schema/history.ts";
import { EDITS_MAX, EDITS_PENDING_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { SLOW } from "../../../given.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { because, Decider, editOf, idOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, type Node } from "../group_net.ts";
import {
  ask,
  commit,
  decisionOn,
  inquire,
  locks,
  outcomes,
  prepareOf,
  restartedInDoubt,
  started,
  three,
  vanish,
  votes,
} from "./participant_cases.ts";

// A member's part in edits: what it says to a coordinator that a test speaks for, and what it has on disk by then.

/** Somebody's next texts, after so many of its own. */
function saysAs(
  { signer, name, incarnationBytes: incarnation }: Node,
  counter: number,
  texts: readonly string[],
) {
  return signBatch(signer, {
    kind: "texts",
    signedIn: { number: 1, round: 0 },
    rules: null,
    group: GROUP,
    author: signer.key,
    name,
    incarnation,
    counter,
    sentAt: 0,
    texts,
    edits: [],
  });
}

// Restarts and views.

Deno.test("what was refused unheard in one view is voted on in the next one, but by its requester", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed, {}, [bob]);
  vanish(net);
  net.pass(5_000);
  inquire(net, [signed]);
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: net.coordinator.number });

  const gone = "no: the coordinator went away";
  assertEquals(votes(net), ["yes", gone, "yes"]);
  // Accepted anew, it is another edit.
  ask(net, signed, { edit: 2, view: net.coordinator.number });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
});

Deno.test("what is in the log isn't voted on once more, however long ago", SLOW, () => {
  const net = started();
  const [ann, bob] = three(net);
  const old = requestOf(ann, GROUP, 1, "uno");
  const decider = new Decider(COORDINATOR, GROUP);
  net.ruleIs("auto");
  commit(net, decider.decides([editOf(1, old)]));
  for (let edit = 2; edit < 2 + EDITS_PENDING_MAX;) {
    const edits = Array.from({ length: EDITS_MAX }, () => {
      const old = textDigest(fakeCrypto, edit === 2 ? "two" : "due");
      return editOf(edit++, requestOf(ann, GROUP, 2, "due", { old }));
    });
    commit(net, decider.decides(edits));
  }
  net.coordinator.got.length = 0;
  ask(net, old, { edit: 999 });
  assertEquals(votes(net), ["nothing", "nothing", "nothing"]);
  assertEquals(locks(net), [[], [], []]);

  // What is asked for now is agreed to as ever, in whatever order it comes.
  const [earlier, later] = [requestOf(ann, GROUP, 1, "un"), requestOf(ann, GROUP, 2, "deux")];
  ask(net, later, { edit: 1_001, policy: "auto" });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
  commit(net, decider.decides([editOf(1_001, later)]));
  net.coordinator.got.length = 0;
  ask(net, earlier, { edit: 1_002 });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
  assertEquals(bob.machine!.membership!.voting.locks, [1]);
});

Deno.test("after a restart what was agreed to is locked, and the coordinator is asked what became of it", () => {
  const { net, signed, bob } = restartedInDoubt();

  const [inquiry] = net.coordinator.gotFrom(bob, "inquire");
  assertEquals(inquiry?.edits.map(({ id, seq }) => ({ id, seq })), [{ id: idOf(signed), seq: 1 }]);
  net.coordinator.send(bob, {
    type: "aborted",
    id: idOf(signed),
    edit: 0,
    reason: because("forgotten"),
  });
  net.settle();
  assertEquals(bob.machine!.membership!.voting.locks, []);

  bob.kill();
  bob.start();
  net.settle();
  assertEquals(bob.machine!.membership!.voting.locks, []);
});

Deno.test("after a restart what an earlier process agreed to is agreed to, and nobody is asked again", () => {
  const { net, signed, bob } = restartedInDoubt();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2 }, [bob]);

  const votes = net.coordinator.gotFrom(bob, "vote");
  assertEquals(votes.map(({ agrees, origin }) => [agrees, origin?.author]), [[
    true,
    net.nodes[0]!.key,
  ]]);
  assertEquals(bob.told("vote-wanted"), []);
});

Deno.test("after a restart nothing is left of a yes to an edit that was accepted anew and then refused", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed, { policy: "ask" });
  bob.command({ command: "go", edit: 1 });
  net.settle();
  // The coordinator was started again, and had forgotten it.
  ask(net, signed, { policy: "ask", edit: 2 });
  bob.command({ command: "abort", edit: 2 });
  net.settle();
  bob.kill();
  bob.start();
  net.settle();

  assertEquals(bob.machine!.membership!.voting.locks, []);
});

// Consents.

Deno.test("what was asked for by a process that is gone is agreed to no more, by nobody", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  commit(net, decisionOn(signed));
  for (const node of [ann, bob, cem]) {
    node.kill();
    node.start();
  }
  net.settle();
  net.coordinator.change(ann, bob, cem);
  net.settle();

  ask(net, signed, { edit: 2, view: 2 });

  const why = "no: the member that asked for it was restarted, or is gone";
  assertEquals(votes(net), [why, why, why]);
  assertEquals(locks(net), [[], [], []]);
  ask(net, requestOf(ann, GROUP, 1, "one"), { edit: 3, view: 2 });
  assertEquals(votes(net), ["yes", "yes", "yes"]);
});

Deno.test("a decision that came into the log meanwhile settles what was agreed to", () => {
  const { net, signed, bob } = restartedInDoubt();
  commit(net, decisionOn(signed));

  assertEquals(bob.machine!.membership!.voting.locks, []);
  assertEquals(outcomes(bob), ["1 committed"]);
});

Deno.test("what was asked or agreed to before another view is so in that one, and its outcome is asked about", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.pass(5_000);

  assertEquals(outcomes(ann), []);
  assertEquals(locks(net), [[1], [1], [1]]);
  for (const node of net.nodes) {
    assertEquals(net.coordinator.gotFrom(node, "inquire")[0]?.edits.length, 1);
  }
  net.coordinator.got.length = 0;
  ask(net, signed, { view: 2 });
  assertEquals(votes(net), ["nothing", "yes", "yes"]);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertEquals(net.coordinator.gotFrom(ann, "vote").map(({ view }) => view), [2]);
  assertEquals(ann.told("vote-wanted").length, 1);
});

Deno.test("an entry that a decision changes that isn't in the log yet is voted on after that", () => {
  const net = started();
  const [ann, bob] = three(net);
  const decider = new Decider(COORDINATOR, GROUP);
  // The first decision hasn't come to anybody else: so it isn't put in order.
  const [first, second] = ["uno", "due"].map((text) => requestOf(bob, GROUP, 2, text));
  const [, decided] = [decider.decides([editOf(1, first!)]), decider.decides([editOf(2, second!)])];
  commit(net, decided, [ann]);
  ask(net, requestOf(bob, GROUP, 2, "tre"), { edit: 3 }, [ann]);
  assertEquals(net.coordinator.gotFrom(ann, "vote"), []);
});

Deno.test("edits of entries that a view change takes back are refused, each once", () => {
  const net = started(["eve", "bob", "cem"]);
  const [eve, bob, cem] = three(net);
  const { ballot } = bob.machine!.epoch!.epoch.value;
  let after = 2;
  const says = (...texts: readonly string[]) => {
    const signed = saysAs(eve, after, texts);
    const runs = [{ member: 0, batches: 1 }];
    bob.feed({ type: "peer-message", peer: eve.key, message: { type: "data", signed } });
    const message = { type: "order", ballot, after, runs } as const;
    bob.feed({ type: "peer-message", peer: eve.key, message });
    after += texts.length;
  };
  says("three");
  says("four", "five"); // while that is written

  // Who asks has no such entries in its log, and the coordinator can't know.
  for (const [edit, seq] of [[1, 4], [2, 5]] as const) {
    const message = prepareOf(requestOf(eve, GROUP, seq, "other"), { edit });
    bob.feed({ type: "message", link: bob.link!, message });
  }
  net.coordinator.change(bob, cem);
  net.settle();

  assertEquals(bob.machine!.epoch!.epoch.value.start.position, 3);
  assertEquals(locks(net), [[], [], []]);
  const votes = net.coordinator.gotFrom(bob, "vote").map(({ edit, agrees }) => [edit, agrees]);
  assertEquals(votes.toSorted(), [[1, false], [2, false]]);
});

Deno.test("a decision that wasn't delivered goes on in the next view, and to a coordinator that is back", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed);
  const decided = decisionOn(signed);
  commit(net, decided, [bob]);
  net.coordinator.got.length = 0;
  // The second is the sequencer of the next one.
  net.coordinator.change(bob, cem, ann);
  net.settle();

  assertEquals(net.nodes.map(outcomes), [["1 committed"], ["1 committed"], ["1 committed"]]);
});

Deno.test("a coordinator that is back is brought what it decided and isn't in the log", () => {
  const net = started();
  const [, bob] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  commit(net, decisionOn(signed), [bob]);
  const { link } = bob;
  net.coordinator.got.length = 0;
  bob.link = null;
  bob.feed({ type: "link-down", link: link!, closed: false, reason: "lost" });
  net.pass(2_000);

  const brought = net.coordinator.gotFrom(bob, "committed");
  assertEquals(brought[0]?.signed.batch.bytes, decisionOn(signed).batch.bytes);
});

Deno.test("a newcomer gets the log while an edit of one of its entries is decided, and the edit after it", () => {
  const net = started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  const cem = net.add("cem");
  cem.start();
  net.settle();
  net.coordinator.catchUp(cem, bob);
  net.settle();
  commit(net, decisionOn(signed), [ann, bob]);
  net.coordinator.change(ann, bob, cem);
  net.settle();

  assertEquals(cem.shown, ["one", "two"]);
  assertEquals(outcomes(cem), ["1 committed"]);
  assertEquals(cem.told("edit")[0]?.history, true);
});

Deno.test("a group of one decides by itself", () => {
  const net = started(["ann"]);
  const ann = net.nodes[0]!;
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed, { policy: "ask" });
  assertEquals(votes(net), ["yes"]);
  commit(net, decisionOn(signed));

  assertEquals(outcomes(ann), ["1 committed"]);
});
