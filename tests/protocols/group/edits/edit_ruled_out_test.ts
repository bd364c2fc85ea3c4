/** Decisions that no log can have, as a whole view lied about an entry: who finds that out, and how all go on. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { entryId, type SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import { fakeCrypto } from "../../../sim/fake_crypto.ts";
import { Program, type Words } from "../coordinator_program.ts";
import { because, Decider, editOf, idOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, GROUP } from "../group_net.ts";
import { applied, committed, decisionAt, edit, request, vote } from "./coordinator_cases.ts";
import {
  ask,
  commit,
  errors,
  forgetTold,
  locks,
  notices,
  outcomes,
  started,
  three,
} from "./participant_cases.ts";

// The coordinator.

function rulesOut(program: Program, name: string, { batch: { value } }: SignedBatch): Words {
  const through = value.counter + value.edits.length - 1;
  return program.says(name, { type: "impossible", incarnation: value.incarnation, through });
}

/** The edits that a member was told are decided, without repetitions. */
function told(program: Program, name: string): readonly (readonly number[])[] {
  const all = program.somebody(name).all.filter((message) => message.type === "committed");
  const edits = all.map(({ signed }) => signed.batch.value.edits.map(({ edit }) => edit));
  return edits.filter((one, at) => one.join() !== edits[at - 1]?.join());
}

Deno.test("a voter who says that somebody else's entry is its own isn't believed, and is named", () => {
  const program = Program.of("bob");
  const signed = request(program, "bob", 1, "I owe Bob 1,000", "ann");
  edit(program, "bob", signed);

  assertEquals(
    vote(program, "bob", signed, "bob", { consent: null }).at(-1),
    "edit 1 aborted: bob has another entry there than the others",
  );
  assertEquals(told(program, "bob"), []);
});

Deno.test("of entries that were handed over the coordinator knows the author, whoever votes", () => {
  const program = Program.of("ann");
  const ann = program.somebody("ann");
  ann.says("I owe nobody anything");
  program.says("ann", { type: "leave" });
  const bob = program.somebody("bob");
  for (const batch of ann.batches) bob.has(batch);
  program.joins("bob");

  const own = { author: bob.key, incarnation: bob.incarnationBytes, counter: 1 };
  const other = { entry: entryId(fakeCrypto, own, 0) };
  const lies = requestOf(bob, program.group, 1, "I, Ann, owe Bob 1,000", other);
  const words = edit(program, "bob", lies);
  assertStringIncludes(words.join(), "edit 1 aborted: bob has another entry there than the others");

  const true_ = requestOf(bob, program.group, 1, "I, Ann, owe Bob 1,000");
  assertStringIncludes(
    edit(program, "bob", true_).join(),
    "edit 2 aborted: its author, ann, isn't in the group and can't be asked",
  );
  assertEquals(told(program, "bob"), []);
});

Deno.test("what the logs of all members rule out is given up, with what was decided after it", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  const first = decisionAt(program, "ann");
  committed(program, "bob", 2, "ann", "bob");
  assertEquals(told(program, "ann"), [[1], [2]]);
  rulesOut(program, "ann", first);
  const warning = program.events.findLast(({ event }) => event === "notice");
  assertStringIncludes(JSON.stringify(warning), "The log of ann rules out edit 1");
  assertEquals(rulesOut(program, "ann", first), [], "once is enough");

  // Others aren't held up.
  committed(program, "ann", 3, "ann", "bob");
  const third = decisionAt(program, "bob");
  assertEquals([third.batch.value.counter, third.batch.value.edits[0]!.edit], [1, 3]);
  for (const name of ["ann", "bob"]) applied(program, name, third);

  const words = rulesOut(program, "bob", first);
  const why = "it, or an edit decided before it, can't be in the log of ann and bob";
  for (const number of [1, 2]) {
    for (const name of ["ann", "bob"]) {
      assert(words.includes(`${name}: aborted ${number}: ${why}`), words.join("\n"));
    }
    assert(words.includes(`edit ${number} aborted: ${why}`), words.join("\n"));
  }
  // Not after a restart either.
  const again = program.restarted();
  for (const name of ["ann", "bob"]) again.somebody(name).all.length = 0;
  for (const name of ["ann", "bob"]) again.comes(name);
  assertEquals(told(again, "ann"), [[]], "rules alone, which are set again");
});

Deno.test("what all rule out may lack what rules ask for that this disk doesn't know: its own are set again, and voted under", () => {
  const program = Program.of("ann");
  committed(program, "ann", 1, "ann");
  const decision = decisionAt(program, "ann");
  const next = request(program, "ann", 2);
  edit(program, "ann", next);
  rulesOut(program, "ann", decision);
  const rules = decisionAt(program, "ann").batch.value;
  assertEquals([rules.kind, rules.rules], ["rules", { edits: "own" }]);
  assertEquals(vote(program, "ann", next, "ann"), []);

  const { incarnation, counter: through } = rules;
  program.says("ann", { type: "applied", incarnation, through });
  assertStringIncludes(vote(program, "ann", next, "ann").join(), "ann: committed 2");
});

Deno.test("what one member has in its log isn't given up, whatever the others say", () => {
  const program = Program.of("ann", "bob");
  committed(program, "ann", 1, "ann", "bob");
  const decision = decisionAt(program, "ann");
  applied(program, "ann", decision);
  const words = [rulesOut(program, "ann", decision), rulesOut(program, "bob", decision)].flat();
  assertEquals(words.filter((word) => word.includes("aborted")), []);
  assertEquals(told(program.restarted(), "ann"), [[1]]);
});

Deno.test("who isn't in the view rules nothing out, and a view without the liar is enough", () => {
  const program = Program.of("ann", "bob");
  committed(program, "bob", 1, "ann", "bob");
  const decision = decisionAt(program, "ann");
  program.comes("cem");
  assertEquals(rulesOut(program, "cem", decision), []);
  rulesOut(program, "ann", decision);
  program.goesDown("bob");
  program.pass(10_000);
  const words = rulesOut(program, "ann", decision);
  assertStringIncludes(words.join(), "edit 1 aborted: it, or an edit decided before it");
});

// A member.

Deno.test("a decision that its log rules out costs a member nothing but a warning, and it tells the coordinator", () => {
  const net = started();
  const [, bob, cem] = three(net);
  const lies = requestOf(cem, GROUP, 1, "I owe cem 1,000");
  const decision = new Decider(COORDINATOR, GROUP).decides([editOf(1, lies)]);
  for (let time = 1; time <= 3; time++) {
    net.coordinator.send(bob, { type: "committed", signed: decision });
    net.settle();
    net.pass(20_000);
  }
  assertEquals(errors(bob), []);
  assertEquals(notices(bob).match(/can't be/g)?.length, 1);
  assertEquals(net.coordinator.gotFrom(bob, "impossible").map(({ through }) => through), [1, 1, 1]);
});

Deno.test("what follows a decision that was ruled out locks nothing once the coordinator gives it up", () => {
  const net = started();
  const [ann, bob, cem] = three(net);
  const decider = new Decider(COORDINATOR, GROUP);
  const lies = decider.decides([editOf(1, requestOf(cem, GROUP, 1, "I owe cem 1,000"))]);
  const good = requestOf(bob, GROUP, 2, "due");
  ask(net, good, { edit: 2 });
  const next = decider.decides([editOf(2, good)]);
  commit(net, lies);
  commit(net, next);
  assertEquals(locks(net), [[2], [2], [2]]);
  const reason = because("given-up", ["ann", "bob", "cem"]);
  for (const node of net.nodes) {
    net.coordinator.send(node, { type: "aborted", id: idOf(good), edit: 2, reason });
  }
  net.settle();
  assertEquals(locks(net), [[], [], []]);
  assertEquals([ann, bob, cem].map(errors), [[], [], []]);

  // Another process of the coordinator's, or this one in another incarnation, goes on.
  forgetTold(net);
  const again = requestOf(bob, GROUP, 2, "zwei");
  ask(net, again, { edit: 3 });
  commit(net, new Decider(COORDINATOR, GROUP, 2).decides([editOf(3, again)]));
  assertEquals(outcomes(ann), ["3 committed"]);
});
