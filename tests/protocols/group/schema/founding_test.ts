// How a group was founded, and the rules in force at each place of its history.

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { EditPolicy } from "../../../../lib/protocols/group/schema/edit.ts";
import {
  type Founding,
  foundingFault,
  groupIdOf,
  rulesAt,
} from "../../../../lib/protocols/group/schema/founding.ts";
import {
  batchFault,
  COORDINATOR_NAME,
  HistoryEnd,
  placesIn,
  signBatch,
  type SignedBatch,
} from "../../../../lib/protocols/group/schema/history.ts";
import { FORMER_KEYS_MAX } from "../../../../lib/protocols/group/schema/limits.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  FOUNDING as PROGRAM_FOUNDING,
  GROUP as PROGRAM_GROUP,
  keyOf,
  OWN,
  Program,
} from "../coordinator_program.ts";
import { requestOf } from "../edit_fixtures.ts";
import { foundedBy } from "../founded.ts";
import { COORDINATOR, FOUNDING, GROUP, GroupNet } from "../group_net.ts";

const EVE = fakeSigner("eve");

Deno.test("Another key, nonce, rule or access is another group", () => {
  const others: readonly Founding[] = [
    foundedBy(EVE.key),
    foundedBy(COORDINATOR.key, 2),
    { ...FOUNDING, edits: "auto" },
    { ...FOUNDING, private: true },
  ];
  for (const other of others) assertNotEquals(groupIdOf(fakeCrypto, other), GROUP);
  assertEquals(groupIdOf(fakeCrypto, foundedBy(COORDINATOR.key)), GROUP);
});

Deno.test("A record that isn't the group's, or of another coordinator's group, has a fault", () => {
  const faultOf = (founding: Founding, group = GROUP) =>
    foundingFault(fakeCrypto, group, founding, (key) => key === COORDINATOR.key);
  assertEquals(faultOf(FOUNDING), null);
  assertMatch(faultOf({ ...FOUNDING, edits: "auto" })!, /isn't that of how it was founded/);
  const eves = foundedBy(EVE.key);
  assertMatch(faultOf(eves, groupIdOf(fakeCrypto, eves))!, /founded under another key/);
});

Deno.test("A member shows who can join and who is asked, once, and enters no group that isn't proven", () => {
  const wrong: readonly (readonly [Founding, RegExp])[] = [
    [{ ...FOUNDING, edits: "auto" }, /the id of the group, .* isn't that of how it was founded/],
    [{ ...FOUNDING, private: true }, /isn't that of how it was founded/],
  ];
  for (const [founding, sentence] of wrong) {
    const net = new GroupNet();
    const ann = net.add("ann");
    net.coordinator.founding = founding;
    ann.start();
    net.settle();
    const [error] = ann.told("error");
    assertEquals(error?.code, "protocol");
    assertMatch(error!.text, /The coordinator at .* can't prove which group it has/);
    assertMatch(error!.text, sentence);
    assertEquals([ann.machine!.standing.group, ann.shownAtJoining], [null, []]);
  }
  const ann = GroupNet.started(["ann", "bob"]).nodes[0]!;
  assertEquals(ann.machine!.standing.founding, FOUNDING);
  assertEquals(ann.shownAtJoining, [
    "Open group (whoever reaches the coordinator); " +
    "edits need the author's consent",
  ]);
});

Deno.test("A coordinator under another key has to name the one that the group was founded under", () => {
  const net = new GroupNet();
  net.coordinator.signer = EVE;
  net.coordinator.namesFounder = false;
  const ann = net.add("ann");
  ann.start();
  net.settle();
  assertMatch(ann.told("error")[0]!.text, /the group was founded under another key/);

  net.coordinator.namesFounder = true;
  net.pass(10_000);
  assertEquals(ann.machine!.standing.group, GROUP);
});

Deno.test("The key that a group was founded under stays named, however many came after it", () => {
  const keys = Array.from({ length: FORMER_KEYS_MAX + 2 }, (_, at) => keyOf(`key ${at}`));
  const records = [
    { kind: "group", group: PROGRAM_GROUP, founding: PROGRAM_FOUNDING } as const,
    ...[OWN.key, ...keys].map((key) => ({ kind: "key", key }) as const),
  ];
  const program = new Program({ records }, [], EVE);
  program.feed({ type: "start" });
  program.joins("ann");
  const { former } = program.somebody("ann");
  assertEquals(former?.former.value.keys, [OWN.key, ...keys.slice(1 - FORMER_KEYS_MAX)]);
});

function rules(edits: EditPolicy, counter = 1): SignedBatch {
  return signBatch(COORDINATOR, {
    kind: "rules",
    signedIn: { number: 0, round: 0 },
    rules: { edits },
    group: GROUP,
    author: COORDINATOR.key,
    name: COORDINATOR_NAME,
    incarnation: new Uint8Array(8),
    counter,
    sentAt: 0,
    texts: [],
    edits: [],
  });
}

Deno.test("Rules take a position and no number, and are in force from there on", () => {
  const end = new HistoryEnd(fakeCrypto, GROUP);
  assertEquals(rulesAt(FOUNDING, end), { edits: "own" });
  const mark = end.mark(COORDINATOR.key);
  const placed = end.append(rules("ask"));
  assertEquals(placesIn(placed).map(({ position }) => position), [1]);
  assertEquals([end.position, end.seq, rulesAt(FOUNDING, end)], [1, 0, { edits: "ask" }]);
  assertEquals(rulesAt(FOUNDING, end.copy()), { edits: "ask" });

  const other = new HistoryEnd(fakeCrypto, GROUP);
  other.append(rules("auto"));
  assertNotEquals(other.digest, end.digest);
  end.takeBack(mark);
  assertEquals([end.position, rulesAt(FOUNDING, end)], [0, { edits: "own" }]);
});

Deno.test("Rules among anything else, or of a member, are none", () => {
  const signed = rules("ask");
  const { value } = signed.batch;
  const faultOf = (changes: Partial<typeof value>) =>
    batchFault(signBatch(COORDINATOR, { ...value, ...changes }), GROUP);
  assertEquals(faultOf({}), null);
  assertMatch(faultOf({ rules: null })!, /it is empty/);
  assertMatch(faultOf({ name: "ann" })!, /decided by somebody else/);
  assertMatch(faultOf({ texts: ["x"] })!, /texts among rules/);
  assertMatch(faultOf({ kind: "texts", name: "ann", texts: ["x"] })!, /rules among texts/);
  assertMatch(faultOf({ kind: "edits" })!, /rules aren't what they should be/);
});

Deno.test("Another --edits is decided at the next start; nobody votes before all have it", () => {
  const program = Program.of("ann").restarted({ edits: "auto" });
  program.joins("ann");
  const decided = program.somebody("ann").got.get("committed");
  assert(decided?.type === "committed");
  const { kind, rules, incarnation, counter: through } = decided.signed.batch.value;
  assertEquals([kind, rules], ["rules", { edits: "auto" }]);
  const signed = requestOf(program.somebody("ann"), PROGRAM_GROUP, 1, "new");
  assertEquals(
    program.says("ann", { type: "edit", signed }).filter((word) => /prepare/.test(word)),
    [],
  );

  const words = program.says("ann", { type: "applied", incarnation, through });
  assertEquals(words.filter((word) => /prepare/.test(word)).length, 1);

  // A later start with the same rules says nothing; one with the first rules sets them again.
  const same = program.restarted({ edits: "auto" });
  assertEquals(same.joins("ann").filter((word) => /committed|rules/.test(word)), []);
  const back = same.restarted({ edits: "own" });
  back.joins("ann");
  const again = back.somebody("ann").got.get("committed");
  assertEquals(again?.type === "committed" && again.signed.batch.value.rules, { edits: "own" });
});

Deno.test("Members show new rules, have them in force, and still do when started again", () => {
  const net = GroupNet.started(["ann", "bob"]);
  for (const node of net.nodes) {
    net.coordinator.send(node, { type: "committed", signed: rules("ask") });
  }
  net.settle();
  for (const node of net.nodes) {
    assertEquals(node.told("notice").map(({ text }) => text), [
      "The coordinator's operator has set the group's rules: edits need the consent of all who are here",
    ]);
    assertEquals(node.machine!.membership!.rules, { edits: "ask" });
  }
  // After a loss of its files a coordinator sets the same ones again.
  for (const node of net.nodes) {
    net.coordinator.send(node, { type: "committed", signed: rules("ask", 2) });
  }
  net.settle();
  for (const node of net.nodes) assertEquals(node.told("notice").length, 1);
  const [ann] = net.nodes;
  ann!.kill();
  ann!.start();
  net.settle();
  assertEquals(ann!.machine!.membership!.rules, { edits: "ask" });
});
