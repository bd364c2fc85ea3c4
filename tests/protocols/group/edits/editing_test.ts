// A requester's part in edits: what its user is told, and what it asks of a coordinator that a test speaks for.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type EditPolicy,
  type SignedEditRequest,
} from "../../../../lib/protocols/group/schema/edit.ts";
import type { MemberEvent } from "../../../../lib/protocols/group/schema/events.ts";
import { EDITS_QUEUED_MAX, TEXT_BYTES_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { because, Decider, editOf, idOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP, GroupNet, type Node } from "../group_net.ts";
import { groupIdOf } from "../../../../lib/protocols/group/schema/founding.ts";
import { foundedBy } from "../founded.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { fingerprintOf } from "../../../../lib/base/text/fingerprint.ts";

/** Ann and Bob, who have said entries 1 and 2. */
function started(): { readonly net: GroupNet; readonly ann: Node; readonly bob: Node } {
  const net = GroupNet.started(["ann", "bob"]);
  const [ann, bob] = net.nodes as [Node, Node];
  ann.say("one");
  net.settle();
  bob.say("two");
  net.settle();
  net.coordinator.got.length = 0;
  forget(ann);
  return { net, ann, bob };
}

function forget(node: Node): void {
  node.events = [];
  node.effects = [];
}

function edit(net: GroupNet, node: Node, seq: number, text: string, ref = "r"): void {
  node.command({ command: "edit", seq, text }, ref);
  net.settle();
}

/** What it has asked the coordinator for, each time. */
function asked(net: GroupNet, node: Node): readonly SignedEditRequest[] {
  return net.coordinator.gotFrom(node, "edit").map(({ signed }) => signed);
}

function accept(
  net: GroupNet,
  node: Node,
  signed: SignedEditRequest,
  number: number,
  policy: EditPolicy = "auto",
): void {
  const id = idOf(signed);
  net.ruleIs(policy);
  net.coordinator.send(node, { type: "edit-accepted", id, edit: number, voteMs: 30_000 });
  net.settle();
}

/** Asked for, and accepted as edit 1. */
function running(net: GroupNet, node: Node): SignedEditRequest {
  edit(net, node, 1, "uno");
  const signed = asked(net, node).at(-1)!;
  accept(net, node, signed, 1);
  return signed;
}

function abort(
  net: GroupNet,
  node: Node,
  signed: SignedEditRequest,
  reason = because("no", ["bob"]),
): void {
  net.coordinator.send(node, { type: "aborted", id: idOf(signed), edit: 1, reason });
  net.settle();
}

function commit(net: GroupNet, signed: SignedEditRequest, number = 1): void {
  const decided = new Decider(COORDINATOR, GROUP).decides([editOf(number, signed)]);
  for (const node of net.nodes) net.coordinator.send(node, { type: "committed", signed: decided });
  net.settle();
}

function vanish(net: GroupNet): void {
  net.coordinator.vanish();
  net.settle();
}

function comeBack(net: GroupNet): void {
  net.coordinator.comeBack();
  net.pass(10_000);
}

/** What its user was told of edits, in words, with the ref. */
function told(node: Node): readonly string[] {
  return node.effects.flatMap((effect) => {
    if (effect.type !== "show") return [];
    const words = wordsOf(effect.event);
    return words === null ? [] : [`${effect.ref ?? "-"}: ${words}`];
  });
}

function wordsOf(event: MemberEvent): string | null {
  switch (event.event) {
    case "edit-started": {
      const awaited = event.awaited === undefined ? "" : `, waits for ${event.awaited.join(" ")}`;
      return `${event.edit} of ${event.seq} started${awaited}`;
    }
    case "edit":
      return `${event.edit} ${event.outcome}: ${event.reason}`;
    case "error":
      return `${event.code}: ${event.text}`;
    case "notice":
      return event.text.includes("edit") ? event.text : null;
    default:
      return null;
  }
}

const IN_DOUBT = "in-doubt: the coordinator doesn't answer; the outcome follows";

Deno.test("an edit is asked for, signed, and told by its number when that is on disk", () => {
  const { net, ann } = started();
  edit(net, ann, 2, "due");
  const [signed] = asked(net, ann);
  assertEquals(signed?.request.value.seq, 2);
  assertEquals(signed?.request.value.text, "due");
  assertEquals(signed?.request.value.requester, ann.key);
  assertEquals(told(ann), []);

  const id = idOf(signed!);
  net.ruleIs("auto");
  net.coordinator.send(ann, { type: "edit-accepted", id, edit: 7, voteMs: 1 });
  const isStored = () => ann.disk.records.some(({ kind }) => kind === "asked");
  while (net.next()) assert(told(ann).length === 0 || isStored(), "told before it was stored");
  assertEquals(told(ann), ["r: 7 of 2 started"]);
});

Deno.test("/status has one's edits until they are over", () => {
  const { net, ann } = started();
  const edits = () => {
    ann.command({ command: "status" });
    net.settle();
    return ann.told("status").at(-1)!.edits;
  };
  const view = { seq: 1, by: "ann", text: "uno", deadline: null };
  edit(net, ann, 1, "uno");
  assertEquals(edits(), [{ ...view, edit: null, state: "queued" }]);
  const [signed] = asked(net, ann);
  accept(net, ann, signed!, 1);
  assertEquals(edits(), [{ ...view, edit: 1, state: "under-way" }]);
  abort(net, ann, signed!);
  assertEquals(edits(), []);
});

Deno.test("whoever asks is told whose agreement it waits for", () => {
  const awaited = (policy: EditPolicy, seq: number) => {
    const { net, ann } = started();
    edit(net, ann, seq, "x");
    accept(net, ann, asked(net, ann)[0]!, 1, policy);
    return told(ann);
  };
  assertEquals(awaited("auto", 2), ["r: 1 of 2 started"]);
  assertEquals(awaited("own", 1), ["r: 1 of 1 started"]);
  assertEquals(awaited("own", 2), ["r: 1 of 2 started, waits for bob"]);
  assertEquals(awaited("ask", 1), ["r: 1 of 1 started, waits for bob"]);
});

Deno.test("a text that looks like a command is a text; an empty or too long one isn't asked for", () => {
  const { net, ann } = started();
  edit(net, ann, 1, "/abort 1");
  edit(net, ann, 1, "");
  edit(net, ann, 1, "x".repeat(TEXT_BYTES_MAX + 1));

  assertEquals(asked(net, ann).map(({ request }) => request.value.text), ["/abort 1"]);
  assertEquals(told(ann).map((text) => text.split(":")[1]?.trim()), ["usage", "too-long"]);
});

Deno.test("an edit that is refused is told with its number, whatever is wrong", () => {
  const { net, ann } = started();
  edit(net, ann, 1, "");
  edit(net, ann, 1, "x".repeat(TEXT_BYTES_MAX + 1));
  ann.command({ command: "quit" });
  edit(net, ann, 1, "uno");
  assertEquals(ann.told("error").map(({ code, seq }) => [code, seq]), [
    ["usage", 1],
    ["too-long", 1],
    ["not-allowed", 1],
  ]);
});

Deno.test("an entry that isn't there is told at once, with its number and ref; nothing is asked for", () => {
  const { net, ann } = started();
  edit(net, ann, 3, "tre", "mine");

  assertEquals(asked(net, ann), []);
  assertEquals(ann.effects.filter(({ type }) => type === "show"), [{
    type: "show",
    event: {
      event: "error",
      code: "no-such-entry",
      text: "There is no entry 3: the last one is 2",
      seq: 3,
    },
    ref: "mine",
  }]);
  const alone = GroupNet.started(["cem"]);
  const cem = alone.nodes[0]!;
  forget(cem);
  edit(alone, cem, 1, "x");
  assertEquals(told(cem), ["r: no-such-entry: There is no entry 1: there are none yet"]);
});

Deno.test("who is alone may edit what was just said before it is an entry, and what wasn't said may not", () => {
  const net = GroupNet.started(["ann"]);
  const ann = net.nodes[0]!;
  ann.say("one");
  ann.command({ command: "edit", seq: 1, text: "uno" }, "mine");
  ann.command({ command: "edit", seq: 2, text: "due" }, "none");
  const before = asked(net, ann).length;
  net.settle();

  assertEquals(told(ann), ["none: no-such-entry: There is no entry 2: there are none yet"]);
  assertEquals([before, asked(net, ann).map(({ request }) => request.value.seq)], [0, [1]]);

  // Where others talk, too, the number may be another one's by then.
  const { net: two, ann: other } = started();
  other.say("three");
  other.command({ command: "edit", seq: 3, text: "tre" }, "r");
  two.settle();
  assertEquals(told(other), ["r: no-such-entry: There is no entry 3: the last one is 2"]);
});

Deno.test("what the coordinator refuses is an error, with its words between quotation marks", () => {
  const { net, ann } = started();
  edit(net, ann, 1, "uno");
  const id = idOf(asked(net, ann)[0]!);
  const text = "Entry 1 is being edited by bob (edit 3): try again when that is over";
  net.coordinator.send(ann, { type: "edit-refused", id, code: "entry-locked", text });
  net.coordinator.send(ann, { type: "edit-refused", id, code: "entry-locked", text });
  net.settle();

  assertEquals(told(ann), [
    `r: entry-locked: Entry 1 is locked by another edit. The coordinator says: "${text}"`,
  ]);
  assertEquals(ann.machine!.editing.size, 0);
});

Deno.test("while the coordinator is away edits wait, with a notice; then they are asked for, once", () => {
  const { net, ann } = started();
  vanish(net);
  edit(net, ann, 1, "uno", "a");
  edit(net, ann, 2, "due", "b");
  assertEquals(told(ann), [
    "a: Your edit of entry 1 waits for the coordinator; it is lost if this program ends before",
    "b: Your edit of entry 2 waits for the coordinator; it is lost if this program ends before",
  ]);
  const shown = ann.effects.flatMap((effect) => effect.type === "show" ? [effect.event] : []);
  assertEquals(
    shown.flatMap((event) => event.event === "notice" && "seq" in event ? event.seq : []),
    [1, 2],
  );
  net.pass(10_000);
  assertEquals(asked(net, ann), []);
  forget(ann);
  comeBack(net);

  assertEquals(asked(net, ann).map(({ request }) => request.value.text), ["uno", "due"]);
  accept(net, ann, asked(net, ann)[1]!, 1);
  assertEquals(told(ann), ["b: 1 of 2 started"]);
});

Deno.test("several edits of one entry that have waited for the coordinator are asked for one after the other", () => {
  const { net, ann } = started();
  vanish(net);
  edit(net, ann, 1, "uno");
  edit(net, ann, 1, "eins");
  edit(net, ann, 2, "due");
  edit(net, ann, 1, "un");
  comeBack(net);
  const texts = () => asked(net, ann).map(({ request: { value } }) => value.text);
  assertEquals(texts(), ["uno", "due"]);

  accept(net, ann, asked(net, ann)[0]!, 1);
  assertEquals(texts(), ["uno", "due"], "it isn't over yet");
  commit(net, asked(net, ann)[0]!);
  assertEquals(texts(), ["uno", "due", "eins"]);
  accept(net, ann, asked(net, ann)[2]!, 2);
  net.coordinator.send(ann, {
    type: "aborted",
    id: idOf(asked(net, ann)[2]!),
    edit: 2,
    reason: because("no", ["bob"]),
  });
  net.settle();
  assertEquals(texts().at(-1), "un");
  accept(net, ann, asked(net, ann).at(-1)!, 3);
  edit(net, ann, 1, "at once");
  assertEquals(texts().at(-1), "at once", "with the coordinator there it answers at once");
});

Deno.test("while the coordinator is away an entry that isn't there is told at once, too", () => {
  const { net, ann } = started();
  vanish(net);
  edit(net, ann, 3, "tre");

  assertEquals(told(ann), ["r: no-such-entry: There is no entry 3: the last one is 2"]);
});

Deno.test(`at most ${EDITS_QUEUED_MAX} wait`, () => {
  const { net, ann } = started();
  vanish(net);
  for (let count = 0; count < EDITS_QUEUED_MAX; count++) edit(net, ann, 1, "x");
  forget(ann);
  edit(net, ann, 1, "x");

  assertEquals(told(ann), [
    `r: full: ${EDITS_QUEUED_MAX} of your edits wait for the coordinator: try later`,
  ]);
});

Deno.test("an edit before one is in the group waits until then, and for an entry that there is", () => {
  const net = GroupNet.started(["ann"]);
  net.nodes[0]!.say("one");
  net.settle();
  const bob = net.add("bob");
  bob.start();
  net.settle();
  edit(net, bob, 1, "uno", "a");
  edit(net, bob, 9, "nove", "b");
  assertEquals(told(bob).slice(0, 2), [
    "a: Your edit of entry 1 waits until you are in the group; it is lost if this program ends before",
    "b: Your edit of entry 9 waits until you are in the group; it is lost if this program ends before",
  ]);
  net.coordinator.catchUp(bob, net.nodes[0]!);
  net.settle();
  net.coordinator.change(...net.nodes);
  net.settle();

  assertEquals(asked(net, bob).map(({ request }) => request.value.seq), [1]);
  assertEquals(told(bob).slice(2), ["b: no-such-entry: There is no entry 9: the last one is 1"]);
});

Deno.test("an edit that is aborted before its number is on disk is told after its number", () => {
  const { net, ann } = started();
  edit(net, ann, 2, "due");
  const signed = asked(net, ann)[0]!;
  const id = idOf(signed);
  net.coordinator.send(ann, { type: "edit-accepted", id, edit: 1, voteMs: 1 });
  const reason = because("author-absent", ["bob"]);
  net.coordinator.send(ann, { type: "aborted", id, edit: 1, reason });
  net.settle();

  assertEquals(told(ann), [
    "r: 1 of 2 started, waits for bob",
    "r: 1 aborted: its author, bob, isn't in the group and can't be asked",
  ]);
  assertEquals(ann.machine!.editing.size, 0);
});

Deno.test("who said no to an edit, or is asked, is named as shown here", () => {
  const { net, ann, bob } = started();
  edit(net, ann, 2, "due");
  const signed = asked(net, ann)[0]!;
  ann.command({ command: "verify", name: "bob" });
  ann.command({ command: "verify", name: "bob", answer: "no" });
  accept(net, ann, signed, 1, "own");
  abort(net, ann, signed);

  const shown = `bob~${fingerprintOf(bob.key).slice(0, 4)}`;
  assertEquals(told(ann), [
    `r: 1 of 2 started, waits for ${shown}`,
    `r: 1 aborted: ${shown} said no`,
  ]);
});

Deno.test("an edit that is in the log before it was told by its number is told so first, once", () => {
  const { net, ann } = started();
  edit(net, ann, 1, "uno");
  const signed = asked(net, ann)[0]!;
  const { link } = ann;
  const message = {
    type: "edit-accepted",
    id: idOf(signed),
    edit: 1,
    voteMs: 1,
  } as const;
  ann.feed({ type: "message", link: link!, message });
  while (!ann.effects.some(({ type }) => type === "look")) net.next();
  const look = ann.effects.find((effect) => effect.type === "look")!;
  // The log is slow to answer.
  net.forget(ann);
  net.coordinator.lost(ann);
  ann.link = link;
  const membership = ann.machine!.membership!;
  const decided = new Decider(COORDINATOR, GROUP).decides([editOf(1, signed)]);
  const held = membership.held.append(decided);
  ann.machine!.out.begin(net.nowMs);
  membership.held.shift();
  membership.logged([held]);
  const shown = ann.machine!.out.take().flatMap((effect) => effect.type === "show" ? [effect] : []);
  assertEquals(shown.map(({ event, ref }) => `${ref}: ${wordsOf(event)}`), [
    "r: 1 of 1 started",
    "r: 1 committed: nobody had to be asked",
  ]);
  forget(ann);
  assert(look.type === "look");
  ann.feed({ type: "looked", token: look.token, entry: null });
  assertEquals(told(ann), []);
});

Deno.test("what was asked for is asked for again on another link, and told with its ref when it is done", () => {
  const { net, ann } = started();
  edit(net, ann, 1, "uno");
  const { link } = ann;
  ann.link = null;
  ann.feed({ type: "link-down", link: link!, closed: false, reason: "lost" });
  net.pass(3_000);
  const [first, again] = asked(net, ann);
  assertEquals(again?.request.bytes, first?.request.bytes);

  // The acceptance never comes.
  commit(net, first!);
  assertEquals(told(ann), ["r: 1 of 1 started", "r: 1 committed: nobody had to be asked"]);
  assertEquals(ann.machine!.editing.size, 0);
});

Deno.test("whoever asks is told once of each member that joins and is asked as well, where all are", () => {
  for (const policy of ["ask", "own"] as const) {
    const net = GroupNet.started(["ann", "bob"]);
    const [ann, bob] = net.nodes as [Node, Node];
    bob.say("one");
    net.settle();
    net.coordinator.got.length = 0;
    edit(net, ann, 1, "uno");
    const signed = asked(net, ann)[0]!;
    accept(net, ann, signed, 1, policy);
    const prepare = () => {
      const view = net.coordinator.number;
      net.coordinator.send(ann, { type: "prepare", edit: 1, view, signed, voteMs: 30_000 });
      net.settle();
    };
    prepare();
    forget(ann);
    const cem = net.add("cem");
    cem.start();
    net.settle();
    net.coordinator.change(ann, bob, cem);
    net.settle();
    for (const _ of [1, 2]) prepare();
    net.coordinator.change(ann, bob, cem);
    net.settle();
    prepare();
    const more = policy === "ask" ? ["Edit 1 waits for cem to agree, too"] : [];
    const notices = ann.told("notice").map(({ text }) => text);
    assertEquals(notices.filter((text) => text.startsWith("Edit 1")), more);
  }
});

Deno.test("an answer that comes twice, or about what wasn't asked for, says nothing", () => {
  const { net, ann, bob } = started();
  const signed = running(net, ann);
  forget(ann);
  accept(net, ann, signed, 1);
  accept(net, bob, signed, 1);
  abort(net, bob, signed);

  assertEquals([told(ann), told(bob)], [[], []]);
});

Deno.test("a running edit is in doubt while the coordinator is away: told once each time, then how it ended", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  forget(ann);
  vanish(net);
  net.pass(20_000);
  assertEquals(told(ann), [`r: 1 ${IN_DOUBT}`]);
  comeBack(net);
  vanish(net);
  net.pass(20_000);
  assertEquals(told(ann), [`r: 1 ${IN_DOUBT}`, `r: 1 ${IN_DOUBT}`]);
  forget(ann);
  comeBack(net);
  const inquiry = net.coordinator.gotFrom(ann, "inquire").at(-1);
  assertEquals(inquiry?.edits.map(({ id }) => id), [idOf(signed)]);
  abort(net, ann, signed);

  assertEquals(told(ann), ["r: 1 aborted: bob said no"]);
});

Deno.test("while the coordinator is there it is asked every 2 s what became of a running edit", () => {
  const { net, ann } = started();
  running(net, ann);
  net.pass(10_000);

  const count = net.coordinator.gotFrom(ann, "inquire").length;
  assert(count >= 4 && count <= 6, `${count} times`);
});

Deno.test("what isn't 2 s old isn't asked about with what is", () => {
  const { net, ann } = started();
  const first = running(net, ann);
  net.pass(1_500);
  edit(net, ann, 2, "due");
  const second = asked(net, ann).at(-1)!;
  accept(net, ann, second, 2);
  net.pass(1_000);
  const inquired = () =>
    net.coordinator.gotFrom(ann, "inquire").map(({ edits }) => edits.map(({ id }) => id));
  assertEquals(inquired(), [[idOf(first)]]);

  net.pass(2_000);
  assertEquals(inquired().at(-1), [first, second].map(idOf));
});

Deno.test("after a restart the requester is told how it ended, without a ref", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  ann.kill({ power: true });
  ann.start();
  net.settle();
  forget(ann);
  net.coordinator.change(...net.nodes);
  net.settle();
  net.pass(100);
  assertEquals(net.coordinator.gotFrom(ann, "inquire")[0]?.edits.map(({ id }) => id), [
    idOf(signed),
  ]);
  abort(net, ann, signed, because("forgotten"));
  assertEquals(told(ann), [
    "-: 1 aborted: the coordinator was restarted before it was decided, or has forgotten why",
  ]);

  // It is told once.
  ann.kill();
  ann.start();
  net.settle();
  assertEquals(ann.machine!.editing.size, 0);
});

Deno.test("what was accepted anew after it was voted on is known after a restart", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  const prepare = (edit: number) => {
    const view = { view: 1, signed, voteMs: 30_000 } as const;
    net.coordinator.send(ann, { type: "prepare", edit, ...view });
    net.settle();
  };
  prepare(1);
  ann.machine!.editing.resume();
  // The coordinator was started again, and had forgotten it.
  accept(net, ann, signed, 65);
  prepare(65);
  ann.kill({ power: true });
  ann.start();
  net.settle();
  forget(ann);
  net.coordinator.change(...net.nodes);
  net.settle();
  net.coordinator.send(ann, {
    type: "aborted",
    id: idOf(signed),
    edit: 0,
    reason: because("no", ["bob"]),
  });
  net.settle();

  assertEquals(told(ann).length, 1);
  assertStringIncludes(told(ann)[0]!, "aborted: bob said no");
});

Deno.test("after a restart without the coordinator it is in doubt", () => {
  const { net, ann } = started();
  running(net, ann);
  vanish(net);
  ann.kill();
  ann.start();
  forget(ann);
  net.pass(5_000);

  assertEquals(told(ann), [`-: 1 ${IN_DOUBT}`]);
});

Deno.test("after a restart an edit that is in the log needs no answer", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  commit(net, signed);
  // What was only noted is lost; the log isn't.
  ann.disk.records = ann.disk.records.filter(({ kind }) => kind !== "settled");
  ann.kill();
  ann.start();
  net.settle();
  assertEquals(ann.machine!.editing.size, 1);
  net.coordinator.got.length = 0;
  net.coordinator.change(...net.nodes);
  net.settle();
  net.pass(100);

  assertEquals(ann.machine!.editing.size, 0);
  assertEquals(net.coordinator.gotFrom(ann, "inquire"), []);
});

Deno.test("that an edit was aborted is told before it is noted as told", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  const prepare = {
    type: "prepare",
    edit: 1,
    view: 1,
    signed,
    voteMs: 30_000,
  } as const;
  net.coordinator.send(ann, prepare);
  net.settle();
  forget(ann);
  abort(net, ann, signed);

  const order = ann.effects.flatMap((effect) => {
    if (effect.type === "show") return [effect.event.event];
    if (effect.type !== "persist") return [];
    // Nothing is written: its answer says that all before it is done.
    return effect.records.length === 0 ? ["done"] : effect.records.map(({ kind }) => kind);
  });
  assertEquals(order, ["edit", "done", "done", "settled", "settled"]);
});

Deno.test("leaving waits for a running edit, 10 s at most; nothing more is edited", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  ann.command({ command: "quit" });
  net.pass(5_000);
  const left = () => net.coordinator.gotFrom(ann, "leave").length;
  assertEquals(left(), 0);
  edit(net, ann, 1, "more", "late");
  assertEquals(told(ann).at(-1), "late: not-allowed: Nothing was edited: the program is leaving");
  abort(net, ann, signed);
  assertEquals(left(), 1);

  const other = started();
  running(other.net, other.ann);
  other.ann.command({ command: "quit" });
  other.net.pass(10_200);
  assertEquals(other.net.coordinator.gotFrom(other.ann, "leave").length, 1);
});

Deno.test("leaving without the coordinator: what nobody answered is told, with its ref", () => {
  const { net, ann } = started();
  vanish(net);
  edit(net, ann, 1, "uno", "mine");
  forget(ann);
  ann.command({ command: "quit" });
  net.pass(9_000);
  assertEquals(ann.stopped, null);
  net.pass(2_000);

  assertEquals(told(ann), [
    "-: Leaving when your edit is decided, or in 9 s",
    "mine: coordinator-down: Your edit of entry 1 wasn't asked for: the coordinator didn't answer",
  ]);
  assertEquals(ann.stopped?.kind, "bye");
});

Deno.test("leaving tells the outcome of a running edit, or that it is in doubt, before the goodbye; once", () => {
  const leaves = (meanwhile: (net: GroupNet, ann: Node, signed: SignedEditRequest) => void) => {
    const { net, ann } = started();
    const signed = running(net, ann);
    forget(ann);
    ann.command({ command: "quit" });
    net.pass(10_200);
    meanwhile(net, ann, signed);
    net.coordinator.send(ann, { type: "parted", why: "left", pauseMs: 0 });
    net.pass(20_000);
    assertEquals(ann.stopped?.kind, "bye");
    return told(ann).filter((text) => text.startsWith("r: 1 "));
  };
  const doubt =
    "r: 1 in-doubt: you leave before it is known; you are told the outcome when you start again";
  assertEquals(leaves(() => {}), [doubt]);
  const left = "r: 1 aborted: you left the group";
  assertEquals(leaves((net, ann, signed) => abort(net, ann, signed, because("asker-left"))), [
    left,
  ]);
  assertEquals(leaves((net) => vanish(net)), [`r: 1 ${IN_DOUBT}`]);
});

Deno.test("who asked reads of itself that it wasn't in the group any more", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  forget(ann);
  abort(net, ann, signed, because("asker-gone"));
  assertEquals(told(ann), ["r: 1 aborted: you weren't in the group any more"]);
});

Deno.test("edits of another group end with it", () => {
  const { net, ann } = started();
  const signed = running(net, ann);
  edit(net, ann, 2, "due", "wanted");
  forget(ann);
  const founding = foundedBy(COORDINATOR.key, 2);
  net.coordinator.send(ann, {
    type: "welcome",
    group: groupIdOf(fakeCrypto, founding),
    founding,
    isMember: false,
    told: 0,
    awaited: [],
    former: null,
  });
  net.settle();

  assertEquals(told(ann), [
    "wanted: edit-aborted: Your edit of entry 2 is dropped: it was for another group",
    "r: 1 aborted: the coordinator has another group now",
  ]);
  assertStringIncludes(ann.told("notice").map(({ text }) => text).join(), "another group");
  assertEquals(idOf(signed).length, 64);
});

Deno.test("an edit to what the entry reads is refused at once, and nobody votes on it", () => {
  const { net, ann } = started();
  edit(net, ann, 2, "two");

  assertEquals(asked(net, ann), []);
  assertEquals(ann.events, [{
    event: "error",
    code: "usage",
    text: "Entry 2 already reads so: there is nothing to edit",
    seq: 2,
  }]);
  edit(net, ann, 2, "two!");
  assertEquals(asked(net, ann).length, 1);
});
