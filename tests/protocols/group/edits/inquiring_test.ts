/** An edit in doubt while the coordinator is away: asked about, passed on, never decided alone. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { textDigest } from "../../../../lib/protocols/group/schema/edit.ts";
import { REMEMBERED_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../../lib/protocols/group/schema/messages.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { because, Decider, editOf, idOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, type Node } from "../group_net.ts";
import {
  ask,
  commit,
  decisionOn,
  errors,
  inquire,
  kinds,
  locks,
  notices,
  outcomes,
  started,
  tells,
  three,
  vanish,
  votes,
} from "./participant_cases.ts";

// A member's part in edits: what it says to a coordinator that a test speaks for, and what it has on disk by then.

const MINUTE_MS = 60_000;

// While the coordinator is away.

Deno.test("who has agreed never decides alone: it tells its user, asks the others, and waits", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  vanish(net);
  net.pass(MINUTE_MS);

  assertEquals(outcomes(ann), [
    "1 in-doubt: the coordinator doesn't answer; the outcome follows",
  ]);
  assertEquals(notices(ann).includes("Entry 1"), false);
  assertStringIncludes(notices(cem), "Entry 1 stays locked until the coordinator is back");
  assertEquals(locks(net), [[1], [1], [1]]);
  const asked = ({ id, edit, seq, view }: GroupMessageOf<"inquire">["edits"][number]) => ({
    id,
    edit,
    seq,
    view,
  });
  const expected = { id: idOf(signed), edit: 1, seq: 1, view: 1 };
  assertEquals(tells(bob, "inquire")[0]?.edits.map(asked), [expected]);
  // Only who has asked for the edit may rely on another one's no.
  assertEquals(tells(cem, "inquire")[0]?.edits.map(asked), [{ ...expected, view: 0 }]);
  assert(tells(cem, "inquire").length >= 20, "every 2 s");
  assertEquals(net.nodes.flatMap((node) => tells(node, "aborted")), []);
});

Deno.test("who hasn't voted refuses by itself when the requester asks: it is over for all, and stays so", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  vanish(net);
  net.pass(10_000);

  const gone = "the coordinator went away";
  assertEquals(outcomes(ann), [
    `1 in-doubt: ${gone}; the outcome follows`,
    `1 aborted: ${gone}`,
  ]);
  assertEquals(locks(net), [[], [], []]);
  assertEquals(outcomes(cem), [`1 aborted: ${gone}; entry 1 isn't locked by it any more`]);
  assert(kinds(cem).includes("settled"));
  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertStringIncludes(errors(ann).at(-1)!, "doesn't wait for your vote");

  // The same coordinator is back, in whichever view it asks: the requester has given its edit up for good.
  net.coordinator.comeBack();
  net.pass(10_000);
  for (const isNext of [false, true]) {
    if (isNext) net.coordinator.change(ann, bob, cem);
    net.settle();
    net.coordinator.got.length = 0;
    ask(net, signed, { view: net.coordinator.number });
    assertEquals(votes(net)[1], `no: ${gone}`);
  }
});

Deno.test("whoever was told of a lock is told its end once, whoever says it; who wasn't, isn't", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "go", edit: 1 });
  net.settle();
  vanish(net);
  net.pass(10_000);
  assertStringIncludes(notices(cem), "Entry 1 stays locked");
  net.coordinator.comeBack();
  net.pass(10_000);
  const aborted = {
    type: "aborted" as const,
    id: idOf(signed),
    edit: 0,
    reason: because("asker-restarted"),
  };
  for (const again of [1, 2]) {
    for (const node of net.nodes) net.coordinator.send(node, aborted);
    net.settle();
    assertEquals(outcomes(ann).slice(1), [
      "1 aborted: the program that asked for it was started again",
    ], `${again}`);
    assertEquals(outcomes(cem), [
      "1 aborted: the program that asked for it was started again; entry 1 isn't locked by it any more",
    ]);
  }
  assertEquals(locks(net), [[], [], []]);

  const other = started();
  const [, eve, dan] = three(other);
  const unlocked = requestOf(eve, GROUP, 1, "uno");
  ask(other, unlocked);
  other.coordinator.send(dan, { ...aborted, id: idOf(unlocked) });
  other.settle();
  assertEquals(outcomes(dan), []);
});

Deno.test("a member that isn't the requester gives nothing up because of another one's no", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  vanish(net);
  const aborted = {
    type: "aborted" as const,
    id: idOf(signed),
    edit: 1,
    reason: because("abandoned"),
  };
  cem.feed({ type: "peer-message", peer: ann.key, message: aborted });
  assertEquals(cem.machine!.membership!.voting.locks, [1]);
  cem.feed({ type: "peer-message", peer: bob.key, message: aborted });
  assertEquals(cem.machine!.membership!.voting.locks, []);
});

Deno.test("who never heard of the edit refuses it too, where it had a vote; and never agrees to it later", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed, {}, [bob, cem]);
  vanish(net);
  net.pass(10_000);

  assertEquals(locks(net), [[], [], []]);
  assertEquals(tells(ann, "aborted").length >= 1, true);
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.got.length = 0;
  ask(net, signed, {}, [ann]);
  assertEquals(votes(net)[0], "no: the coordinator went away");
});

Deno.test("asked about an edit of a view that it wasn't in, or that is in its log, a member says nothing", () => {
  const net = started();
  const [ann] = three(net);
  const logged = requestOf(ann, GROUP, 1, "uno");
  ask(net, logged);
  commit(net, decisionOn(logged));
  vanish(net);
  net.pass(5_000);
  ann.effects = [];
  inquire(net, [requestOf(ann, GROUP, 2, "due")], { view: 2 });
  inquire(net, [logged]);

  assertEquals([tells(ann, "aborted"), tells(ann, "committed")], [[], []]);
});

Deno.test("while the coordinator is there, members answer no questions and believe no answers", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed);
  inquire(net, [requestOf(bob, GROUP, 1, "uno")]);
  const aborted = {
    type: "aborted" as const,
    id: idOf(signed),
    edit: 1,
    reason: because("abandoned"),
  };
  net.tell(bob, ann.key, aborted);
  net.settle();

  assertEquals(tells(ann, "aborted"), []);
  assertEquals(locks(net)[0], [2]);
});

Deno.test("of an edit that it isn't in doubt of a member believes nobody but who asked for it", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  vanish(net);
  const aborted = {
    type: "aborted" as const,
    id: idOf(signed),
    edit: 1,
    reason: because("abandoned"),
  };
  net.tell(cem, ann.key, aborted);
  while (outcomes(ann).length === 0 && net.next());

  // What it says in the end is its own.
  assertEquals(outcomes(ann).some((text) => text.includes("went away before all")), false);
});

Deno.test("who knows the decision believes nobody who says that there is none", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  cem.command({ command: "edit", seq: 1, text: "uno" });
  net.settle();
  const { signed } = net.coordinator.gotFrom(cem, "edit")[0]!;
  const id = idOf(signed);
  const accepted = { type: "edit-accepted", id, edit: 1, voteMs: 1 } as const;
  net.coordinator.send(cem, accepted);
  ask(net, signed, { policy: "auto" });
  vanish(net);

  const decided = { type: "committed", signed: decisionOn(signed, []) } as const;
  cem.feed({ type: "peer-message", peer: bob.key, message: decided });
  const lie = { type: "aborted", id, edit: 1, reason: because("abandoned") } as const;
  cem.feed({ type: "peer-message", peer: ann.key, message: lie });
  net.settle();

  assertEquals(outcomes(cem).at(-1), "1 committed");
  assertEquals(outcomes(cem).filter((outcome) => outcome.includes("aborted")), []);
});

Deno.test("who wasn't in the view that voted is believed nothing", () => {
  const net = started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);
  const cem = net.add("cem");
  cem.start();
  net.settle();
  vanish(net);
  const aborted = {
    type: "aborted" as const,
    id: idOf(signed),
    edit: 1,
    reason: because("abandoned"),
  };
  bob.feed({ type: "peer-message", peer: cem.key, message: aborted });
  net.settle();

  assertEquals(bob.machine!.membership!.voting.locks, [1]);
});

Deno.test("who knows the decision passes it on: to who asks, and to the sequencer, which puts it in order", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed);
  commit(net, decisionOn(signed), [cem]);
  assertEquals(net.nodes.map(outcomes), [[], [], []]);
  vanish(net);
  net.pass(5_000);

  assertEquals(
    net.nodes.map(outcomes),
    [["1 committed"], [
      "1 committed",
    ], ["1 committed"]].map((told, index) => [
      ...net.nodes[index]!.told("edit").filter(({ outcome }) => outcome === "in-doubt")
        .map(({ reason }) => `1 in-doubt: ${reason}`),
      ...told,
    ]),
  );
  assertEquals([ann, bob, cem].map(({ disk }) => disk.log.length), [3, 3, 3]);
});

Deno.test("who has the decision in order alone, and not from the coordinator, passes it on, too", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(cem, GROUP, 2, "due");
  ask(net, signed);
  // The sequencer has it and tells Bob; Cem's acknowledgement is awaited.
  net.coordinator.send(ann, { type: "committed", signed: decisionOn(signed) });
  const held = () => [...bob.machine!.membership!.held.batches];
  while (held().length === 0) net.next();
  net.coordinator.vanish();
  bob.effects = [];
  const edits = [{ id: idOf(signed), edit: 1, seq: 2, view: 1 }];
  bob.feed({ type: "peer-message", peer: cem.key, message: { type: "inquire", edits } });

  assertEquals(tells(bob, "committed").length, 1);
});

Deno.test("asked about many edits that were decided together, a member passes the decision on once", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const requests = Array.from({ length: 20 }, (_, n) => {
    const old = textDigest(fakeCrypto, n === 0 ? "two" : `${n - 1}`);
    return requestOf(bob, GROUP, 2, `${n}`, { old });
  });
  const decided = new Decider(COORDINATOR, GROUP)
    .decides(requests.map((signed, n) => editOf(n + 1, signed)));
  // The sequencer's part is left out: it stays undelivered.
  commit(net, decided, [cem]);
  net.coordinator.vanish();
  cem.effects = [];
  const edits = requests.map((one) => ({ id: idOf(one), edit: 1, seq: 2, view: 1 }));
  cem.feed({ type: "peer-message", peer: bob.key, message: { type: "inquire", edits } });

  assertEquals(tells(cem, "committed").length, 1);
  assertEquals(ann.told("error"), []);
});

Deno.test("who asks about more than there can be is answered so much, and nothing of that is forgotten", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(bob, GROUP, 1, "uno");
  vanish(net);
  net.pass(5_000);
  const is = ann.machine!.session.isUp;
  assertEquals(is, false);
  const all = [
    first,
    ...Array.from({ length: 2 * REMEMBERED_MAX }, () => requestOf(bob, GROUP, 1, "x")),
  ];
  for (const signed of all) inquire(net, [signed]);
  assertEquals(tells(ann, "aborted").length, REMEMBERED_MAX);

  net.coordinator.comeBack();
  net.pass(10_000);
  ask(net, first, {}, [ann]);
  assertStringIncludes(votes(net)[0]!, "no: the coordinator went away");
});

Deno.test("nobody but the requester has a member refuse an edit for its user, or one that it hasn't heard of", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const asked = requestOf(bob, GROUP, 1, "uno");
  const unheard = requestOf(bob, GROUP, 2, "due");
  ask(net, asked);
  vanish(net);
  while (ann.machine!.session.isUp) net.pass(100);
  inquire(net, [asked, unheard], { by: cem });
  net.coordinator.comeBack();
  net.pass(1_000);
  assertEquals(outcomes(ann), []);
  ask(net, unheard, { edit: 2 }, [ann]);
  assertEquals(votes(net)[0], "yes");
  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertEquals(votes(net)[0], "yes");
  assertEquals(errors(ann), []);
});

Deno.test("a member that makes up edits keeps no other one from being answered", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 2, "due");
  ask(net, signed, {}, [bob, cem]);
  vanish(net);
  while (ann.machine!.session.isUp) net.pass(100);
  for (let n = 0; n <= REMEMBERED_MAX; n++) {
    inquire(net, [requestOf(cem, GROUP, 1, `${n}`)], { by: cem });
  }
  assertEquals(tells(ann, "aborted").length, REMEMBERED_MAX);
  net.pass(20_000);
  assertEquals(locks(net), [[], [], []]);
});
