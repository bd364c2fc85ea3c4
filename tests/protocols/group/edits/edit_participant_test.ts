/** A member's vote on an edit: what is on its disk, and what its user is asked. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { RequestId } from "../../../../lib/base/ids.ts";
import { type SignedEditRequest, textDigest } from "../../../../lib/protocols/group/schema/edit.ts";
import { EDITS_PENDING_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { SLOW } from "../../../given.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import { because, forged, idOf, requestOf } from "../edit_fixtures.ts";
import { GROUP, GroupNet, type Node } from "../group_net.ts";
import {
  ask,
  commit,
  decisionOn,
  errors,
  forgetTold,
  kinds,
  locks,
  outcomes,
  prepareOf,
  started,
  three,
  vanish,
  votes,
} from "./participant_cases.ts";

// A member's part in edits: what it says to a coordinator that a test speaks for, and what it has on disk by then.

/** The coordinator says that it is aborted. */
function abort(net: GroupNet, id: RequestId, who: string): void {
  const reason = because("no", [who]);
  for (const node of net.nodes) {
    net.coordinator.send(node, { type: "aborted", id, edit: 1, reason });
  }
  net.settle();
}

/** What this one voted on last. */
function requestOfVote(net: GroupNet, node: Node): RequestId {
  return net.coordinator.gotFrom(node, "vote").at(-1)!.id;
}

// The vote.

Deno.test("a member that needn't ask agrees by itself, and names the author as its log has it", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(ann, GROUP, 1, "uno");
  ask(net, signed);

  assertEquals(net.coordinator.gotFrom(bob, "vote"), [{
    type: "vote",
    id: idOf(signed),
    edit: 1,
    view: 1,
    agrees: true,
    origin: { author: ann.key, incarnation: ann.incarnationBytes, counter: 1 },
    consent: null,
    reason: "",
  }]);
  assertEquals(votes(net), ["yes", "yes", "yes"]);
  assertEquals(net.nodes.flatMap((node) => node.told("vote-wanted")), []);
});

Deno.test("a member agrees when that is on its disk, with the entry locked", () => {
  const net = started();
  const [ann, bob] = three(net);
  net.coordinator.send(bob, prepareOf(requestOf(ann, GROUP, 1, "uno")));
  const hasVoted = () => net.coordinator.gotFrom(bob, "vote").length > 0;

  while (net.next()) assert(!hasVoted() || kinds(bob).includes("prepared"), "said before stored");

  assert(hasVoted());
  assertEquals(bob.disk.syncedRecords, bob.disk.records.length);
  assertEquals(bob.machine!.membership!.voting.locks, [1]);
});

Deno.test("two edits with one number: the coordinator offends, and a yes is for the one that was read", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const first = requestOf(cem, GROUP, 1, "uno");
  const shown = requestOf(bob, GROUP, 1, "eins");
  ask(net, first, { edit: 6 }, [ann]);
  ask(net, shown, { edit: 7 }, [ann]); // waits for the lock
  ask(net, requestOf(bob, GROUP, 2, "zwei"), { edit: 7 }, [ann]);

  assertEquals(errors(ann), [
    "protocol: The coordinator sent invalid data: connecting to it again: edit 7 is another one, too",
  ]);
  assertEquals(net.coordinator.gotFrom(ann, "vote"), []);
});

Deno.test("a number about which a user was asked means no other request afterwards", () => {
  const net = started();
  const [ann, bob] = three(net);
  const harmless = requestOf(bob, GROUP, 1, "uno");
  ask(net, harmless, { edit: 7 }, [ann]);
  abort(net, idOf(harmless), "cem");
  forgetTold(net);
  ask(net, requestOf(bob, GROUP, 1, "I owe Bob 1,000"), { edit: 7 }, [ann]);

  assertEquals(ann.told("vote-wanted"), []);
  assertEquals(votes(net), [
    "no: its number is that of another edit, about which its user was asked before",
    "nothing",
    "nothing",
  ]);
  ask(net, harmless, { edit: 7 }, [ann]);
  assertEquals(ann.told("vote-wanted").length, 1);
});

Deno.test("a number about which a user was asked means no other text under the same id afterwards", () => {
  const net = started();
  const [ann, bob] = three(net);
  const harmless = requestOf(bob, GROUP, 1, "uno");
  ask(net, harmless, { edit: 7 }, [ann]);
  abort(net, idOf(harmless), "cem");
  forgetTold(net);
  const { number } = harmless.request.value;
  const other = requestOf(bob, GROUP, 1, "I owe Bob 1,000", { number });
  assertEquals(idOf(other), idOf(harmless));
  ask(net, other, { edit: 7 }, [ann]);

  assertEquals(ann.told("vote-wanted"), []);
});

Deno.test("policy own: the author is asked, sees what and until when, and its yes counts", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));

  assertEquals(votes(net), ["nothing", "yes", "yes"]);
  assertEquals(ann.told("vote-wanted"), [{
    event: "vote-wanted",
    edit: 1,
    seq: 1,
    by: "bob",
    old: "one",
    new: "uno",
    deadline: new Date(1_700_000_000_000 + 30_000).toISOString(),
  }]);
  assertEquals(kinds(ann).includes("prepared"), false);

  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertEquals(votes(net), ["yes", "yes", "yes"]);
});

Deno.test("/status has the edits that wait for one's vote, and those agreed to, until they are decided", () => {
  const wantedAfter = (act: (net: GroupNet, ann: Node, request: SignedEditRequest) => void) => {
    const net = started();
    const [ann, bob] = three(net);
    const request = requestOf(bob, GROUP, 1, "uno");
    ask(net, request);
    act(net, ann, request);
    ann.command({ command: "status" });
    net.settle();
    return ann.told("status").at(-1)!.edits;
  };
  const deadline = new Date(1_700_000_000_000 + 30_000).toISOString();
  assertEquals(wantedAfter(() => {}), [
    { edit: 1, seq: 1, by: "bob", text: "uno", state: "vote-wanted", deadline },
  ]);
  const agreed = {
    edit: 1,
    seq: 1,
    by: "bob",
    text: "uno",
    state: "agreed",
    deadline: null,
  } as const;
  const agree = (ann: Node) => ann.command({ command: "go", edit: 1 });
  assertEquals(wantedAfter((_, ann) => agree(ann)), [agreed]);
  assertEquals(
    wantedAfter((net, ann, request) => {
      agree(ann);
      net.settle();
      abort(net, idOf(request), "cem");
    }),
    [],
  );
  assertEquals(wantedAfter((net) => net.pass(30_000)), []);
  // Who wasn't asked holds the entry locked as well, and is told why.
  const net = started();
  const [, bob, cem] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));
  cem.command({ command: "status" });
  net.settle();
  assertEquals(cem.told("status").at(-1)!.edits, [agreed]);
});

Deno.test("policy ask: all but the requester are asked; auto: nobody is", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  ask(net, requestOf(ann, GROUP, 1, "uno"), { policy: "ask" });
  ask(net, requestOf(cem, GROUP, 2, "due"), { policy: "auto", edit: 2 });

  const asked = net.nodes.map((node) => node.told("vote-wanted").map(({ edit }) => edit));
  assertEquals(asked, [[], [1], [1]]);
  assertEquals(
    net.nodes.map((node) => net.coordinator.gotFrom(node, "vote").length),
    [2, 1, 1],
  );
  assertEquals(bob.told("vote-wanted")[0]?.by, "ann");
});

Deno.test("a user's no is the vote: nothing is stored, and the entry is free again", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));
  ann.command({ command: "abort", edit: 1 });
  net.settle();

  assertEquals(votes(net)[0], "no: ");
  assertEquals(kinds(ann).includes("prepared"), false);
  assertEquals(locks(net), [[], [1], [1]]);
  // A no that the coordinator doesn't hear may count for nothing: it says how the edit ended.
  assertEquals(outcomes(ann), []);
  abort(net, requestOfVote(net, ann), "ann");
  assertEquals(outcomes(ann), ["1 aborted: you said no"]);
});

/** What carries this `ref`, in words. */
function answers(node: Node, ref: string): readonly string[] {
  return node.effects.flatMap((effect) => {
    if (effect.type !== "show" || effect.ref !== ref) return [];
    const { event } = effect;
    if (event.event === "edit") return [`${event.outcome}: ${event.reason}`];
    return [event.event === "notice" ? event.text : event.event];
  });
}

Deno.test("a vote is answered at once, and the edit's outcome carries its ref", () => {
  const voted = (
    policy: "own" | "ask",
    then: (net: GroupNet, signed: SignedEditRequest) => void,
  ) => {
    const net = started();
    const [ann, bob] = three(net);
    const signed = requestOf(bob, GROUP, 1, "uno");
    ask(net, signed, { policy });
    ann.command({ command: "go", edit: null }, "v");
    assertEquals(answers(ann, "v").length, 1);
    net.settle();
    then(net, signed);
    return answers(ann, "v");
  };
  const commits = (net: GroupNet, signed: SignedEditRequest) => commit(net, decisionOn(signed));
  assertEquals(voted("own", commits), [
    "You agreed to the change of entry 1",
    "committed: agreed by ann",
  ]);
  assertEquals(
    voted("ask", commits)[0],
    "You agreed to the change of entry 1; it also needs the agreement of cem, who may have given it already",
  );
  const aborts = (net: GroupNet, signed: SignedEditRequest) => abort(net, idOf(signed), "cem");
  assertEquals(voted("ask", aborts)[1], "aborted: cem said no");
  const goesAway = (net: GroupNet, signed: SignedEditRequest) => {
    vanish(net);
    net.pass(10_000);
    net.coordinator.comeBack();
    net.pass(10_000);
    aborts(net, signed);
  };
  assertEquals(voted("own", goesAway).slice(1).map((one) => one.split(":")[0]), [
    "in-doubt",
    "aborted",
  ]);
});

Deno.test("what answers a vote names its edit: whoever else was asked about it needn't decide any more", () => {
  const voted = (command: "go" | "abort") => {
    const net = started();
    const [ann, bob, cem] = three(net);
    ask(net, requestOf(bob, GROUP, 1, "uno"), {}, [ann, cem]);
    if (command === "abort") vanish(net);
    ann.command({ command, edit: null }, "v");
    const answer = ann.effects.find((effect) => effect.type === "show" && effect.ref === "v");
    assert(answer?.type === "show" && answer.event.event === "notice" && "edit" in answer.event);
    return answer.event.edit;
  };
  assertEquals([voted("go"), voted("abort")], [1, 1]);
});

Deno.test("a no is answered by the edit that it aborts", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));
  ann.command({ command: "abort", edit: 1 }, "v");
  net.settle();
  abort(net, requestOfVote(net, ann), "ann");
  assertEquals(answers(ann, "v"), ["aborted: you said no"]);
});

Deno.test("a no while the coordinator is away is answered by what is awaited, and said when it is back", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed, {}, [ann, cem]);
  vanish(net);
  ann.command({ command: "abort", edit: 1 }, "v");
  net.settle();
  assertEquals(answers(ann, "v"), [
    "You said no to the change of entry 1; waiting for the coordinator, which doesn't answer",
  ]);
  net.pass(10_000);
  net.coordinator.comeBack();
  net.pass(10_000);
  net.coordinator.change(ann, bob, cem);
  net.settle();
  net.coordinator.got.length = 0;
  ask(net, signed, { view: net.coordinator.number });
  assertEquals(votes(net)[0], "no: ");
  assertEquals(ann.told("vote-wanted").length, 1);
});

Deno.test("an edit whose text looks like a command is asked about, and nothing else happens", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "/go 1"));

  assertEquals(ann.told("vote-wanted").map((event) => event.new), ["/go 1"]);
  assertEquals(votes(net)[0], "nothing");
});

Deno.test("/go and /abort without a number mean the only open one; otherwise they say which there are", () => {
  const net = started();
  const [ann, bob] = three(net);
  ann.command({ command: "go", edit: null }, "none");
  ask(net, requestOf(bob, GROUP, 1, "uno"), { policy: "ask" });
  ask(net, requestOf(bob, GROUP, 2, "due"), { policy: "ask", edit: 2 });
  ann.command({ command: "abort", edit: null }, "several");
  ann.command({ command: "go", edit: 7 }, "wrong");
  net.settle();

  assertEquals(errors(ann), [
    "not-allowed: No edit waits for your vote",
    "usage: 2 edits wait for your vote: /abort 1, /abort 2",
    "not-allowed: Edit 7 doesn't wait for your vote; those that do: 1, 2",
  ]);
  assertEquals(net.coordinator.gotFrom(ann, "vote"), []);

  ann.command({ command: "go", edit: 2 });
  net.settle();
  ann.command({ command: "go", edit: null });
  net.settle();
  assertEquals(net.coordinator.gotFrom(ann, "vote").map(({ agrees }) => agrees), [true, true]);
  ann.command({ command: "go", edit: 1 }, "twice");
  net.settle();
  assertEquals(errors(ann).at(-1), "not-allowed: Edit 1 doesn't wait for your vote");
});

Deno.test("who isn't in the group yet has nothing to vote on", () => {
  const net = new GroupNet();
  net.coordinator.isUp = false;
  const ann = net.add("ann");
  ann.start();
  net.settle();
  ann.command({ command: "go", edit: null });
  net.settle();

  assertEquals(errors(ann), [
    "not-allowed: No edit waits for your vote: you aren't in the group yet",
  ]);
});

Deno.test("a vote after the deadline doesn't count", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"), { voteMs: 1_000 });
  net.pass(1_000);
  ann.command({ command: "go", edit: 1 });
  net.settle();

  assertEquals(errors(ann), ["not-allowed: Edit 1 doesn't wait for your vote any more"]);
  assertEquals(votes(net)[0], "nothing");
});

Deno.test("until when a vote counts stays the same while this program stands still", () => {
  const net = started();
  const [ann, bob] = three(net);
  ask(net, requestOf(bob, GROUP, 1, "uno"));
  net.nowMs += 20_000;
  ann.feed({ type: "tick" });
  ann.command({ command: "status" });
  net.settle();

  // Of its 30 s 10 are left; the wall clock of this network stands.
  const deadline = new Date(1_700_000_000_000 + 10_000).toISOString();
  assertEquals(ann.told("status").at(-1)!.edits.map((edit) => edit.deadline), [deadline]);
  net.nowMs += 10_000;
  ann.command({ command: "go", edit: 1 });
  net.settle();
  assertEquals(errors(ann), ["not-allowed: Edit 1 doesn't wait for your vote any more"]);
});

Deno.test("asked again, a member says again what it has agreed to, and asks its user once", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ask(net, signed);

  assertEquals(ann.told("vote-wanted").length, 1);
  assertEquals(net.coordinator.gotFrom(bob, "vote").length, 2);
});

Deno.test("what was refused is refused again, and its user isn't asked again", () => {
  const net = started();
  const [ann, bob] = three(net);
  const signed = requestOf(bob, GROUP, 1, "uno");
  ask(net, signed);
  ann.command({ command: "abort", edit: null });
  ask(net, signed);

  assertEquals(ann.told("vote-wanted").length, 1);
  assertEquals(net.coordinator.gotFrom(ann, "vote").map(({ agrees }) => agrees), [false, false]);
});

Deno.test("a question of another view has no effect", () => {
  const net = started();
  ask(net, requestOf(net.nodes[0]!, GROUP, 1, "uno"), { view: 2 });

  assertEquals(votes(net), ["nothing", "nothing", "nothing"]);
  assertEquals(locks(net), [[], [], []]);
});

Deno.test("an entry that isn't there is refused, and nothing is locked", () => {
  const net = started();
  ask(net, requestOf(net.nodes[0]!, GROUP, 3, "tre"));

  const no = "no: there is no entry 3";
  assertEquals(votes(net), [no, no, no]);
  assertEquals(locks(net), [[], [], []]);
});

Deno.test("an entry that is held and not in the log yet is locked, and voted on when it is there", () => {
  const net = started();
  const [ann, bob] = three(net);
  ann.say("three");
  const { held } = bob.machine!.membership!;
  while (held.seq < 3) net.next();
  assertEquals(held.logSeq, 2);
  const { link } = bob;
  const third = held.batches[Symbol.iterator]().next().value!.entries[0]!;
  const read = { entry: third.id, old: textDigest(fakeCrypto, third.text) };
  const signed = requestOf(ann, GROUP, 3, "tre", read);
  bob.feed({ type: "message", link: link!, message: prepareOf(signed) });

  assertEquals(bob.machine!.membership!.voting.locks, [3]);
  assertEquals(votes(net)[1], "nothing");
  net.settle();
  assertEquals(votes(net)[1], "yes");
});

/** What an entry reads once it was changed to that. */
const UNO = { old: textDigest(fakeCrypto, "uno") };

Deno.test("an edit of another entry, or of what an entry doesn't read any more, is refused", () => {
  const net = started();
  const [ann, bob] = three(net);
  const { id } = ann.entryNow(2)!;
  ask(net, requestOf(bob, GROUP, 1, "uno", { entry: id }));
  assertEquals(votes(net), [
    "no: it was asked for another entry than entry 1",
    "no: it was asked for another entry than entry 1",
    "no: it was asked for another entry than entry 1",
  ]);
  const late = requestOf(bob, GROUP, 1, "ein");
  const first = requestOf(bob, GROUP, 1, "uno");
  ask(net, first, { edit: 2 });
  ann.command({ command: "go", edit: 2 });
  net.settle();
  commit(net, decisionOn(first));
  ask(net, late, { edit: 3 });
  assertEquals(
    votes(net)[0],
    "no: entry 1 has been changed since this edit was requested",
  );
});

Deno.test("another edit of the entry waits until the first one is in the log; of other entries they cross", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(ann, GROUP, 1, "uno");
  ask(net, first);
  ask(net, requestOf(ann, GROUP, 1, "ein", UNO), { edit: 2 });
  ask(net, requestOf(bob, GROUP, 2, "due"), { edit: 3 });
  const count = () => net.coordinator.gotFrom(bob, "vote").length;
  assertEquals(count(), 2);

  commit(net, decisionOn(first));
  assertEquals(count(), 3);
  assertEquals(locks(net)[1], [1, 2]);
});

Deno.test("who is asked next sees what the entry reads by then", () => {
  const net = started();
  const [ann, bob] = three(net);
  const first = requestOf(ann, GROUP, 1, "uno");
  ask(net, first);
  ask(net, requestOf(bob, GROUP, 1, "ein", UNO), { edit: 2 });
  assertEquals(ann.told("vote-wanted"), []);
  commit(net, decisionOn(first));

  assertEquals(ann.told("vote-wanted").map(({ old, new: text }) => [old, text]), [["uno", "ein"]]);
});

Deno.test("the coordinator is blamed for what nobody asked for", () => {
  const wrong: readonly [string, (net: GroupNet) => SignedEditRequest][] = [
    ["isn't signed", ({ nodes: [ann] }) => forged(requestOf(ann!, GROUP, 1, "uno"))],
    [
      "another group",
      ({ nodes: [ann] }) => requestOf(ann!, "5".repeat(64) as typeof GROUP, 1, "x"),
    ],
    ["below 1", ({ nodes: [ann] }) => requestOf(ann!, GROUP, 0, "x")],
    ["can't be empty", ({ nodes: [ann] }) => requestOf(ann!, GROUP, 1, "")],
    ["requester's name", ({ nodes: [ann] }) => requestOf(ann!, GROUP, 1, "x", { name: "a b" })],
    [
      "isn't signed",
      ({ nodes: [ann] }) => requestOf(ann!, GROUP, 1, "x", { requester: fakeSigner("eve").key }),
    ],
  ];
  for (const [text, request] of wrong) {
    const net = started();
    const cem = net.nodes[2]!;
    ask(net, request(net), {}, [cem]);

    assertEquals(cem.told("error").map(({ code }) => code), ["protocol"]);
    assertStringIncludes(errors(cem)[0]!, text);
    assertEquals(net.coordinator.gotFrom(cem, "vote"), []);
    assertEquals(cem.link, null);
  }
});

Deno.test(
  "as many edits may be open as the coordinator may have pending; one that asks about more than can be is blamed",
  SLOW,
  () => {
    const net = GroupNet.started(["ann", "bob"]);
    const [ann, bob] = net.nodes as [Node, Node];
    const most = 2 * EDITS_PENDING_MAX + 1;
    for (let entry = 1; entry <= most; entry++) ann.say(`text ${entry}`);
    net.settle();
    forgetTold(net);
    const asks = (from: number, to: number) => {
      for (let edit = from; edit <= to; edit++) {
        ask(net, requestOf(ann, GROUP, edit, "x"), { edit }, [bob]);
      }
    };

    asks(1, EDITS_PENDING_MAX);
    assertEquals(errors(bob), []);
    assertEquals(net.coordinator.gotFrom(bob, "vote").length, EDITS_PENDING_MAX);
    asks(EDITS_PENDING_MAX + 1, most);
    assertEquals(errors(bob).length, 1);
    assertStringIncludes(errors(bob)[0]!, `more than ${EDITS_PENDING_MAX} edits at once`);
  },
);

Deno.test("a member that tells why another aborts an edit offends: nobody is told those words", () => {
  const net = started(["ann", "bob", "cem", "dan"]);
  const [, bob, cem] = three(net);
  bob.command({ command: "edit", seq: 2, text: "zwei" });
  net.settle();
  const { signed } = net.coordinator.gotFrom(bob, "edit").at(-1)!;
  const id = idOf(signed);
  net.coordinator.send(bob, { type: "edit-accepted", id, edit: 1, voteMs: 30_000 });
  net.settle();
  ask(net, signed);
  vanish(net);
  net.pass(1_000);
  for (const node of net.nodes) node.events = [];
  const reason = because("no", ["ann"], "I resign");
  net.tell(cem, bob.key, { type: "aborted", id, edit: 1, reason });
  net.settle();

  assertEquals(net.nodes.flatMap(outcomes), []);
  assertStringIncludes(errors(bob).join(), "cem sent invalid data");
});
