// Nobody but the coordinator decides edits: under its key, or under one that it had before, and names.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerKey } from "../../../../lib/base/ids.ts";
import { isFormerOf, signFormerKeys } from "../../../../lib/protocols/group/schema/former_keys.ts";
import type { SignedBatch } from "../../../../lib/protocols/group/schema/history.ts";
import { FORMER_KEYS_MAX, RETURN_MS } from "../../../../lib/protocols/group/schema/limits.ts";
import type { CoordinatorRecord } from "../../../../lib/protocols/group/schema/records.ts";
import { fakeCrypto, fakeSigner } from "../../../sim/fake_crypto.ts";
import {
  FOUNDING as PROGRAM_FOUNDING,
  GROUP as PROGRAM_GROUP,
  keyOf,
  OWN,
  Program,
} from "../coordinator_program.ts";
import { Decider, editOf, requestOf } from "../edit_fixtures.ts";
import { COORDINATOR, FOUNDING, GROUP, GroupNet, type Node } from "../group_net.ts";

const OTHER = fakeSigner("the coordinator's other key");
const EVE = fakeSigner("eve");

function keyRecords(...keys: readonly PeerKey[]): readonly CoordinatorRecord[] {
  return keys.map((key) => ({ kind: "key", key }));
}

function keysOn(program: Program): readonly PeerKey[] {
  return program.disk.flatMap((record) => record.kind === "key" ? [record.key] : []);
}

/** What a member is told by `welcome`, if the coordinator has signed it. */
function formerTold(program: Program, name: string): readonly PeerKey[] {
  const signed = program.somebody(name).former;
  if (signed === null) return [];
  assert(isFormerOf(fakeCrypto, program.signer.key, PROGRAM_GROUP, signed));
  return signed.former.value.keys;
}

// At the coordinator.

Deno.test("An older disk says nothing of keys: the present one is written before anybody is told", () => {
  const program = Program.of("ann");
  const older = program.disk.filter(({ kind }) => kind !== "key");
  const again = new Program({ records: older });
  const words = again.feed({ type: "start" });

  assertEquals(words, ["disk: key", "ready"]);
  assertEquals(keysOn(again), [OWN.key]);
});

Deno.test("A coordinator with another key beside its old disk names the former one, also later", () => {
  const other = Program.of("ann").restarted({}, OTHER);
  other.joins("ann");
  assertEquals(keysOn(other), [OWN.key, OWN.key, OTHER.key]);
  assertEquals(formerTold(other, "ann"), [OWN.key]);

  const compacted = new Program({ records: [...other.machine.snapshot()!] }, [], OTHER);
  assertEquals(compacted.feed({ type: "start" }), ["ready"]);
  compacted.joins("ann");
  assertEquals(formerTold(compacted, "ann"), [OWN.key]);

  // The old key is found again.
  const back = other.restarted({}, OWN);
  back.joins("ann");
  assertEquals(formerTold(back, "ann"), [OTHER.key]);
});

Deno.test("Of more former keys than are named the first ones go, and the operator is told", () => {
  const keys = Array.from({ length: FORMER_KEYS_MAX + 1 }, (_, at) => keyOf(`key ${at}`));
  const records = [
    { kind: "group", group: PROGRAM_GROUP, founding: PROGRAM_FOUNDING } as const,
    ...keyRecords(...keys),
  ];
  const program = Program.started({ records });
  program.joins("ann");

  assertEquals(formerTold(program, "ann"), keys.slice(1));
  assertMatch(program.told[0] ?? "", /more than 8 other keys/);
  const few = Program.started({ records: records.slice(0, -1) });
  assertEquals(few.told, []);
});

/** The group of ann, whose log has an edit that somebody decided; she leaves. */
function leavesWith(decider: Decider): { readonly program: Program; readonly words: string[] } {
  const program = Program.of("ann").restarted({}, OTHER);
  const ann = program.somebody("ann");
  program.joins("ann");
  ann.says("hello");
  ann.has(decider.decides([editOf(1, requestOf(ann, PROGRAM_GROUP, 1, "other"))]));
  const words = [...program.says("ann", { type: "leave" })];
  return { program, words };
}

Deno.test("The log that the coordinator takes over has edits of its own keys alone", () => {
  for (const signer of [OWN, OTHER]) {
    const { program, words } = leavesWith(new Decider(signer, PROGRAM_GROUP));
    assertEquals(words.filter((word) => word.startsWith("bans")), []);
    assertEquals(program.log.length, 2);
  }
  const { program, words } = leavesWith(new Decider(fakeSigner("ann"), PROGRAM_GROUP));
  const blamed = "bans ann: history after 1: somebody else has decided on an edit";
  assertEquals(words.filter((word) => word.startsWith("bans")), [blamed]);
  assertEquals(program.log.length, 1, "her entry stays");
});

/** Ann knows a decision that isn't in her log. */
function tells(program: Program, decider: Decider): readonly string[] {
  program.joins("ann");
  const request = requestOf(program.somebody("ann"), PROGRAM_GROUP, 1, "other");
  return program.says("ann", { type: "committed", signed: decider.decides([editOf(1, request)]) });
}

Deno.test("What the coordinator decided under a former key it takes back, nobody else's", () => {
  const decider = new Decider(OWN, PROGRAM_GROUP, 200);
  assertEquals(tells(Program.of("ann").restarted({}, OTHER), decider), [
    "disk: committed 1",
    "ann: committed 1",
  ]);
  const words = tells(Program.of("ann").restarted({}, EVE), new Decider(OTHER, PROGRAM_GROUP));
  assertEquals(words.includes("bans ann: it was never decided"), true);
});

Deno.test("After a loss of its disk a coordinator takes former keys from what it has signed alone", () => {
  const program = Program.of("ann").restarted({}, OTHER);
  program.joins("ann");
  program.joins("bob"); // a view under the present key
  const lost = program.withoutDisk();
  const bob = lost.somebody("bob");
  bob.former = signFormerKeys(bob.signer, { group: PROGRAM_GROUP, keys: [bob.key] });
  lost.comes("ann");
  lost.comes("bob");
  lost.pass(RETURN_MS);

  lost.joins("cem");
  assertEquals(formerTold(lost, "cem"), [OWN.key]);
  assertEquals(keysOn(lost), [OWN.key, OTHER.key]);
});

// At members.

/** Ann, alone in the group, has an edit in her log; bob comes. */
function comesTo(ann: Node, decided: SignedBatch, catchesUp: boolean): Node {
  const { net } = ann;
  ann.kill();
  ann.disk.log.push(decided);
  ann.start();
  net.settle();
  const bob = net.add("bob");
  bob.start();
  net.settle();
  if (catchesUp) net.coordinator.catchUp(bob, ann);
  else net.coordinator.change(ann, bob);
  net.settle();
  return bob;
}

function alone(former: readonly PeerKey[] = []): Node {
  const net = new GroupNet();
  Object.assign(net.coordinator, { former, signer: OTHER });
  const ann = net.add("ann");
  ann.start();
  net.settle();
  net.coordinator.change(ann);
  net.settle();
  ann.say("I owe you 5");
  net.settle();
  return ann;
}

function decidedBy(decider: Decider, ann: Node): SignedBatch {
  return decider.decides([editOf(1, requestOf(ann, GROUP, 1, "I owe you 5000"))]);
}

for (const [how, catchesUp] of [["catches up", true], ["is levelled", false]] as const) {
  Deno.test(`Who ${how} takes over no edit that a member has decided, and blames it`, () => {
    const ann = alone();
    const bob = comesTo(ann, decidedBy(new Decider(ann.signer, GROUP), ann), catchesUp);

    assertEquals(bob.disk.log.length, 1, "the entry stays");
    assertEquals(bob.told("error").map(({ detail }) => detail), [
      "history: somebody else has decided on an edit",
    ]);
  });

  Deno.test(`Who ${how} takes over no edit without its author's consent, and blames whose log has it`, () => {
    const ann = alone([COORDINATOR.key]);
    const eve = { name: "eve", signer: EVE, entryNow: (seq: number) => ann.entryNow(seq) };
    const asked = requestOf(eve, GROUP, 1, "I owe Eve 5000");
    const bob = comesTo(
      ann,
      new Decider(COORDINATOR, GROUP).decides([editOf(1, asked)]),
      catchesUp,
    );

    assertEquals(bob.disk.log.length, 1);
    assertEquals(bob.told("error").map(({ detail }) => detail), [
      "history: edit 1: a consent is missing that the rules need: that of the entry's author",
    ]);
  });

  Deno.test(`Who ${how} takes over what was decided under a key that the coordinator names`, () => {
    const ann = alone([COORDINATOR.key]);
    const bob = comesTo(ann, decidedBy(new Decider(COORDINATOR, GROUP), ann), catchesUp);

    assertEquals(bob.disk.log.length, 2);
    assertEquals(bob.told("error"), []);
  });

  Deno.test(`Who ${how} takes over nothing that was decided under a key of which nobody knows`, () => {
    const ann = alone();
    const bob = comesTo(ann, decidedBy(new Decider(EVE, GROUP), ann), catchesUp);

    assertEquals(bob.disk.log.length, 1, "the entry stays");
  });
}

Deno.test("What is pending under a former key is put in order, and the coordinator's link stays", () => {
  const ann = alone([COORDINATOR.key]);
  const { link, net } = ann;
  net.coordinator.send(ann, {
    type: "committed",
    signed: decidedBy(new Decider(COORDINATOR, GROUP), ann),
  });
  net.settle();

  assertEquals([ann.link, ann.told("error")], [link, []]);
  assertEquals(ann.told("edit").map(({ outcome, text }) => [outcome, text]), [
    ["committed", "I owe you 5000"],
  ]);
});

Deno.test("What a former key decided is passed on by the sequencer", () => {
  const ann = alone([COORDINATOR.key]);
  const { net } = ann;
  const bob = net.add("bob");
  bob.start();
  net.settle();
  net.coordinator.change(ann, bob);
  net.settle();
  const signed = decidedBy(new Decider(COORDINATOR, GROUP), ann);
  for (const node of [ann, bob]) net.coordinator.send(node, { type: "committed", signed });
  net.settle();

  assertEquals([ann, bob].map((node) => node.told("edit").length), [1, 1]);
  assertEquals([ann, bob].map((node) => node.told("error")), [[], []]);
});

Deno.test("A member keeps the former keys on disk, also over a compaction", () => {
  const ann = alone([COORDINATOR.key]);
  const { net } = ann;
  ann.disk.records = [...ann.machine!.snapshot()!];
  ann.kill();
  net.coordinator.vanish();
  ann.start();
  net.settle();

  const { standing } = ann.machine!;
  assertEquals([COORDINATOR, OTHER, EVE].map(({ key }) => standing.mayDecide(key)), [
    true,
    true,
    false,
  ]);
});

Deno.test("Of one coordinator what it named last holds, also where it names none any more", () => {
  const ann = alone([EVE.key]);
  const { net } = ann;
  net.coordinator.former = [COORDINATOR.key];
  net.coordinator.vanish();
  net.coordinator.comeBack();
  net.pass(5_000);
  const decides = () =>
    [COORDINATOR, OTHER, EVE].map(({ key }) => ann.machine!.standing.mayDecide(key));
  assertEquals(decides(), [true, true, false]);
  net.coordinator.former = [];
  net.coordinator.vanish();
  net.coordinator.comeBack();
  net.pass(5_000);
  assertEquals(decides(), [true, true, false]);

  // Another one, whose key the user accepts, names its own.
  Object.assign(net.coordinator, { signer: EVE, stranger: EVE.key });
  net.coordinator.vanish();
  net.pass(5_000);
  ann.command({ command: "trust", name: "*coordinator*" });
  net.coordinator.comeBack();
  net.pass(5_000);
  assertEquals(decides(), [true, false, true]);
});

Deno.test("Former keys that the coordinator hasn't signed for this group are refused", () => {
  for (
    const former of [
      signFormerKeys(EVE, { group: GROUP, keys: [EVE.key] }),
      signFormerKeys(OTHER, { group: PROGRAM_GROUP, keys: [EVE.key] }),
    ]
  ) {
    const ann = alone();
    const told = {
      type: "welcome",
      group: GROUP,
      founding: FOUNDING,
      isMember: true,
      told: 0,
      awaited: [],
    } as const;
    ann.net.coordinator.send(ann, { ...told, former });
    ann.net.settle();

    assertEquals(ann.machine!.standing.mayDecide(EVE.key), false);
    assertMatch(ann.told("error")[0]?.detail ?? "", /it hasn't signed its former keys/);
  }
});
