// What a coordinator does whose disk is lost, or is an old copy: it asks the members what there was.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { isLost, proofsIn } from "../../../lib/protocols/group/coordinator/coordinator_log.ts";
import { NO_BALLOT, signEpoch } from "../../../lib/protocols/group/schema/epoch.ts";
import { groupIdOf } from "../../../lib/protocols/group/schema/founding.ts";
import {
  NUMBER_GAP,
  NUMBER_JUMP_MAX,
  RETURN_HEARD_MS,
  RETURN_MS,
  UNKNOWN_MESSAGES_MAX,
} from "../../../lib/protocols/group/schema/limits.ts";
import { fakeCrypto, fakeSigner } from "../../sim/fake_crypto.ts";
import { foundedBy } from "./founded.ts";
import { requestOf } from "./edit_fixtures.ts";
import { GROUP, type Name, OWN, Program, type Words } from "./coordinator_program.ts";

const LEAVE = { type: "leave" } as const;
const GAP = NUMBER_GAP;

function changes(words: Words): Words {
  return words.filter((word) => /^(view|joined|left|disk|warning)/.test(word));
}

/** What it told its operator last. */
function told(program: Program): string {
  return program.told.at(-1) ?? "";
}

Deno.test("Without its disk a coordinator with an older key founds nothing, and lets nobody in", () => {
  const program = Program.started({ mayFound: false });

  assertMatch(told(program), /its files are lost.*--new/);
  assertEquals(program.disk, [{ kind: "lost" }]);
  assertEquals(program.comes("ann"), ["ann: recount"]);
  assertEquals(changes(program.pass(60_000)), []);
  // Nor does it after another start.
  const again = program.restarted({ mayFound: false });
  assertEquals(again.comes("ann"), ["ann: recount"]);
});

Deno.test("Without its disk, too, a coordinator bans who sends too many messages of unknown types", () => {
  const program = Program.started({ mayFound: false });
  program.comes("eve");
  const link = program.somebody("eve").link!;
  const unknown = () => program.feed({ type: "unknown-message", link, code: 99 });

  for (let number = 0; number < UNKNOWN_MESSAGES_MAX; number++) {
    assertEquals(unknown(), ["eve: unknown"]);
  }
  assertEquals(unknown(), ["bans eve: too many messages of unknown types"]);
  assertEquals(unknown(), []);

  program.links("dan"); // says no hello
  const answer = { type: "unknown", code: 6_000 } as const;
  for (let number = 0; number < UNKNOWN_MESSAGES_MAX; number++) {
    assertEquals(program.says("dan", answer), []);
  }
  assertEquals(program.says("dan", answer), ["bans dan: too many messages of unknown types"]);
});

Deno.test("A fresh key founds a group, also where the first start ended before that", () => {
  const records = [{ kind: "fresh" as const }];
  const program = Program.started({ mayFound: false, records });
  assertEquals(program.joins("ann").includes("view 1: ann"), true);
});

Deno.test("After a lost disk the operator founds another group: later starts know it", () => {
  const lost = Program.of("ann").withoutDisk();
  lost.members.length = 0;
  const founded = lost.restarted({ mayFound: true });

  // Also where it ends before anybody has come.
  const again = founded.restarted({ mayFound: false });
  assertEquals(again.joins("bob").includes("view 1: bob"), true);
  const later = again.restarted({ mayFound: false });
  assertEquals(later.comes("bob").includes("bob: recount"), false);

  // Or before all of that is on disk.
  for (const end of founded.disk.keys()) {
    const torn = new Program({ mayFound: end === 0, records: founded.disk.slice(0, end + 1) });
    torn.feed({ type: "start" });
    assertEquals(torn.joins("bob").includes("view 1: bob"), true, `${end}`);
  }
});

Deno.test("All of the last view have told: the group goes on, under numbers far above", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  assertEquals(program.comes("ann"), [
    "ann: recount",
    "disk: lost, view 2 is told of",
    "ann: recount waits for bob",
  ]);
  // Whoever comes by himself by then needn't be removed.
  assertEquals(program.pass(RETURN_MS - 100).includes("warning"), false);
  assertEquals(changes(program.pass(20_000)), ["warning"]);
  assertMatch(told(program), /View 2 is the last one.*waiting for bob.*\/remove bob/);

  const words = program.comes("bob");
  assertEquals(words[0], "bob: recount");
  assertEquals(changes(words), [
    `disk: group, key, number ${2 + GAP}, recounted 2, rules, edits to ${2 + GAP}`,
    "warning",
    "disk: rules, committed ",
    `disk: number ${3 + GAP}`,
    `disk: decided ${3 + GAP}`,
    `view ${3 + GAP}: ann bob`,
    `disk: confirmed ${3 + GAP}`,
  ]);
  assertMatch(
    told(program),
    /from what ann and bob told: view 2 .*Lost: who was kept out/,
  );
});

Deno.test("Until the group is known, nobody is listed whose program says that it has left", () => {
  const program = Program.of("ann", "bob", "cem").withoutDisk();
  const list = () => {
    program.command({ command: "list" }, "r");
    const at = program.refs.map((ref, index) => ref === "r" ? index : -1).filter((at) => at >= 0);
    return at.slice(-2).map((index) => program.events[index]!);
  };
  const notice = {
    event: "notice" as const,
    text:
      "Who is in the group isn't certain yet: this coordinator asks its members; /status says " +
      "whom it waits for",
  };
  assertEquals(list(), [{ event: "members", members: [], keys: [] }, notice]);
  program.comes("ann");
  assertEquals(list()[0], {
    event: "members",
    members: ["ann", "bob", "cem"],
    keys: ["ann", "bob", "cem"].map((name) => fingerprintOf(fakeSigner(name).key)),
  });
  program.somebody("ann").isOut = true;
  program.goesDown("ann");
  program.comes("ann");
  assertEquals(list()[0], { event: "members", members: [], keys: [] });
});

Deno.test("Of several that are awaited, all have to be removed, and the operator is told so", () => {
  const program = Program.of("ann", "bob", "cem").withoutDisk();
  program.comes("ann");
  program.pass(RETURN_MS);
  assertMatch(
    told(program),
    /waiting for bob and cem, .*; \/remove each of them to go on without$/,
  );
  program.comes("bob");
  assertMatch(told(program), /waiting for cem, .*; \/remove cem goes on without$/);
});

Deno.test("Edits are numbered on, whatever number somebody tells of", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  program.somebody("bob").answers.delete("recount");
  program.comes("ann");
  program.comes("bob");
  const { MAX_SAFE_INTEGER: edit } = Number;
  program.says("bob", program.somebody("bob").account({ edit }));
  program.pass(RETURN_MS);
  program.allHear();

  const ann = program.somebody("ann");
  const words = [1, 2].flatMap((seq) =>
    program.says("ann", { type: "edit", signed: requestOf(ann, GROUP, seq, "other") })
  );

  const accepted = words.filter((word) => word.includes("edit-accepted"));
  assertEquals(new Set(accepted).size, 2);
  const numbers = accepted.map((word) => Number(word.split(" ").at(-1)));
  assert(numbers.every(Number.isSafeInteger));
});

Deno.test("Edits that were all aborted between two losses have numbers that aren't given again", () => {
  const EDIT = 5 * GAP; // the last committed one: far above the numbers of views
  const above = (program: Program) => {
    program.somebody("bob").answers.delete("recount");
    program.comes("ann");
    program.comes("bob");
    program.says("bob", program.somebody("bob").account({ edit: EDIT }));
    program.pass(RETURN_MS);
    program.allHear();
    const record = program.disk.find(({ kind }) => kind === "edits");
    return record?.kind === "edits" ? record.number : 0;
  };
  const program = Program.of("ann", "bob").withoutDisk();
  const first = above(program);
  assert(first >= EDIT + GAP);
  assert(above(program.withoutDisk()) >= first + GAP);
});

Deno.test("A stranger's word for numbers counts for nothing, also while all are asked", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  program.comes("ann");
  program.somebody("eve").answers.delete("recount");
  program.comes("eve");
  const promised = { number: 900_000, round: 0 };
  program.says("eve", program.somebody("eve").account({ group: GROUP, promised, edit: 2 ** 50 }));
  program.comes("bob");

  assertEquals(
    program.pass(RETURN_MS)[0],
    `disk: group, key, number ${2 + GAP}, recounted 2, rules, edits to ${2 + GAP}`,
  );
});

Deno.test("Numbers go on above what was promised, so far as that can be; nobody is blamed for more", () => {
  const most = 2 + NUMBER_JUMP_MAX;
  for (const [promised, used] of [[most - 5, most - 5], [most + 5, most]] as const) {
    const program = Program.of("ann", "bob").withoutDisk();
    program.somebody("ann").promised = { number: promised, round: 0 };
    const words = [...program.comes("ann"), ...program.comes("bob")];
    words.push(...program.pass(RETURN_MS), ...program.allHear());

    assertEquals(words.filter((word) => /^(bans|view)/.test(word)), [
      `view ${used + GAP + 1}: ann bob`,
    ]);
  }
});

Deno.test("Whoever knows of something later has the time to come first", () => {
  const program = Program.of("ann");
  const alone = program.somebody("ann").epoch!;
  program.joins("bob");
  const later = program.withoutDisk();
  const ann = later.somebody("ann");
  const [epoch, promised] = [ann.epoch, ann.promised];

  // As from an old disk of ann's.
  Object.assign(ann, { epoch: alone, promised: { number: 1, round: 0 } });
  later.comes("ann");
  assertEquals(changes(later.pass(RETURN_MS - 100)), []);
  later.comes("bob");
  assertEquals(changes(later.pass(20_000)), ["warning"]);
  assertMatch(told(later), /View 2 .*waiting for ann/);

  Object.assign(ann, { epoch, promised });
  later.goesDown("ann");
  assertEquals(changes(later.comes("ann")).includes(`view ${3 + GAP}: ann bob`), true);
});

Deno.test("Whoever is here may tell of something later first, but nobody waits for long", () => {
  const program = Program.of("ann");
  const alone = program.somebody("ann").epoch!;
  program.joins("bob");
  const later = program.withoutDisk();
  Object.assign(later.somebody("ann"), { epoch: alone, promised: { number: 1, round: 0 } });
  const { answers } = later.somebody("bob");
  answers.delete("recount");
  later.pass(RETURN_MS);

  later.comes("bob");
  assertEquals(changes(later.comes("ann")), ["disk: lost, view 1 is told of"]);
  assertEquals(changes(later.says("bob", later.somebody("bob").account())), [
    "disk: lost, view 2 is told of",
    "warning",
  ]);
  assertMatch(told(later), /View 2 .*waiting for ann/);

  // One that says nothing at all.
  const silent = program.withoutDisk();
  Object.assign(silent.somebody("ann"), { epoch: alone, promised: { number: 1, round: 0 } });
  silent.pass(RETURN_MS);
  silent.somebody("eve").answers.delete("recount");
  silent.comes("eve");
  assertEquals(changes(silent.comes("ann")), ["disk: lost, view 1 is told of"]);
  const words = silent.pass(3_000);
  assertEquals(words.some((word) => word.includes("recounted 1")), true);
});

Deno.test("What somebody told stays told when it is gone, after another start, too", () => {
  const program = Program.of("ann");
  const old = [...program.disk];
  const alone = program.somebody("ann").epoch!;
  program.joins("bob");
  const asksAnn = (later: Program) => {
    Object.assign(later.somebody("ann"), { epoch: alone, promised: { number: 1, round: 0 } });
    later.comes("ann");
    assertEquals(changes(later.pass(20_000)), ["warning"]);
    assertMatch(told(later), /waiting for ann and bob/);
  };

  const later = program.withoutDisk();
  later.comes("bob");
  later.goesDown("bob");
  asksAnn(later);
  asksAnn(later.restarted({ mayFound: false }));

  // What made it ask stays told as well.
  const outdated = program.restarted({ mayFound: false, records: old });
  outdated.disk.splice(0, Infinity, ...old);
  outdated.comes("bob");
  asksAnn(outdated.restarted({ mayFound: false }));
});

Deno.test("What was told counts no more once the group is known: a disk that is lost again asks anew", () => {
  const program = Program.of("ann").withoutDisk();
  program.comes("ann");
  program.pass(RETURN_MS);
  assertEquals(isLost(program.disk), false);
  assertEquals(proofsIn(program.disk), []);
  assertEquals(proofsIn([...program.disk, { kind: "lost" }]), []);
});

Deno.test("All of the last view take part in the next one: who goes in between is awaited", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  program.somebody("bob").answers.delete("flush");
  program.comes("ann");
  program.comes("bob");
  program.pass(RETURN_MS);
  assertEquals(program.disk.at(-1), { kind: "number", number: 3 + GAP });

  program.goesDown("bob");
  const words = program.pass(30_000);
  assertEquals(changes(words), ["warning"]);
  assertMatch(told(program), /goes on once all members.*waiting for bob/);

  // After another start, too: that is on disk.
  const again = program.restarted({ mayFound: false });
  again.comes("ann");
  assertEquals(changes(again.pass(30_000)), ["warning"]);
  again.somebody("bob").answers.add("flush");
  assertEquals(changes(again.comes("bob")).at(-2), `view ${4 + GAP}: ann bob`);
});

/** What a member says that has lost its log since it promised all it did. */
const NOTHING = { begun: NO_BALLOT, promised: NO_BALLOT, group: GROUP };

Deno.test("Who has lost its log and was brought up again is needed, and awaited where it goes: it may begin what was decided", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  const { promised } = program.somebody("bob");
  program.somebody("bob").isLost = true;
  program.somebody("bob").answers.delete("flush");
  program.comes("ann");
  program.comes("bob", { ...NOTHING, promised });
  program.pass(RETURN_MS);
  assertEquals(program.somebody("bob").got.get("flush")?.type, "flush");
  program.goesDown("bob");
  assertEquals(changes(program.pass(30_000)), ["warning"]);
  assertMatch(told(program), /waiting for bob; \/remove bob gives up/);

  // Its log is lost again: then it has no part in that any more.
  assertEquals(program.comes("bob", NOTHING).includes(`view ${4 + GAP}: ann`), true);
});

/** Bob has lost its log, and comes to a coordinator that has been killed since the group was known again. */
function killedKnowing(...names: readonly Name[]): Program {
  const program = Program.of(...names).withoutDisk();
  program.somebody("bob").isLost = true;
  program.comes("bob", NOTHING);
  for (const name of names) if (name !== "bob") program.comes(name);
  const others = names.map((name) => program.somebody(name).answers);
  for (const answers of others) answers.delete("flush"); // no view begins
  program.pass(RETURN_MS);
  for (const answers of others) answers.add("flush");
  const again = program.restarted({ mayFound: false });
  assertEquals(again.comes("bob", NOTHING)[0], "bob: recount");
  return again;
}

Deno.test("Who has lost its log, and has told so, isn't awaited by a coordinator that is started again, either", () => {
  const program = killedKnowing("ann", "bob");
  assertEquals(changes(program.pass(30_000)), ["warning"]);
  assertMatch(told(program), /waiting for ann;/);

  assertEquals(program.comes("ann").includes(`view ${4 + GAP}: ann`), true);
  assertEquals(program.allHear().includes(`view ${5 + GAP}: ann bob`), true);
});

Deno.test("Who says that it has lost its log, and nothing else that counts, is awaited on", () => {
  const older = { epoch: null, view: null, promised: { number: 1, round: 0 } };
  const empty = { ...older, group: null, founding: null };
  for (const changed of [{ isLost: false }, older, empty]) {
    const program = killedKnowing("ann", "bob", "cem");
    program.goesDown("bob");
    const again = program.restarted({ mayFound: false });
    again.somebody("bob").answers.delete("recount");
    again.comes("bob", NOTHING);
    again.says("bob", again.somebody("bob").account(changed));
    again.comes("ann");
    again.comes("cem");
    again.pass(30_000);
    assertMatch(told(again), /waiting for bob;/);
  }
});

Deno.test("Who tells without its log of a later view makes a coordinator that is started again ask all", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  for (const name of ["ann", "bob"]) program.comes(name);
  program.pass(RETURN_MS);
  const old = program.disk.slice(0, program.disk.findIndex(({ kind }) => kind === "decided"));
  program.allHear();
  program.somebody("bob").isLost = true;
  program.disk.splice(0, Infinity, ...old);

  const again = program.restarted({ mayFound: false });
  again.comes("bob", NOTHING);

  assertMatch(
    told(again),
    /^bob knows of view .*the disk of this coordinator is lost, or an old copy/,
  );
});

Deno.test("Where all who are left have lost their logs, the operator is told who else may have one, and what helps", () => {
  const program = killedKnowing("ann", "bob", "cem", "dan");
  const lose = (name: Name) => {
    program.somebody(name).isLost = true;
    program.comes(name, NOTHING);
  };
  const said = () => {
    program.pass(30_000);
    assertEquals(program.status().problems[0], told(program));
    return told(program);
  };
  const none = "Nobody here has the group's last entries: ";
  program.command({ command: "remove", name: "ann" });
  program.command({ command: "remove", name: "cem" });
  assertMatch(said(), /goes on once all members.*waiting for dan; \/remove dan gives up/);
  lose("dan");
  assertEquals(
    said(),
    `${none}bob and dan have lost their logs; ann or cem, who were removed, may have them: ` +
      "/allow ann lets ann come back; /remove bob gives up those entries, once all are removed",
  );
  program.command({ command: "remove", name: "dan" });
  assertEquals(
    said(),
    `${none}bob has lost its log; ann or cem, who were removed, may have them: ` +
      "/allow ann lets ann come back; /remove bob gives up those entries",
  );
  program.command({ command: "allow", name: "ann" });
  assertMatch(said(), /goes on once all members.*waiting for ann; \/remove ann gives up/);
  lose("ann");
  assertMatch(said(), /ann and bob have lost their logs; cem, who was removed, may have them/);
});

Deno.test("Where all have lost their logs since the group was known again, only a copy of their files helps", () => {
  const program = killedKnowing("ann", "bob");
  program.somebody("ann").isLost = true;
  program.comes("ann", NOTHING);
  program.pass(30_000);
  assertEquals(
    told(program),
    "Nobody here has the group's last entries: ann and bob have lost their logs; put back a copy of " +
      "the files of ann or bob; /remove ann gives up what only they had, once all are removed",
  );
  program.command({ command: "remove", name: "ann" });
  program.pass(30_000);
  assertEquals(
    told(program),
    "Nobody here has the group's last entries: bob has lost its log; put back a copy of the files " +
      "of bob; /remove bob gives up what only this one had",
  );
});

Deno.test("The operator goes on without who doesn't come, and is told what isn't known then", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  program.comes("ann");
  program.command({ command: "remove", name: "bob" });
  const words = program.pass(RETURN_MS);
  assertMatch(told(program), /from what ann told.*what only bob knew/);
  assertEquals(changes(words).includes(`view ${3 + GAP}: ann`), true);
  assertEquals(program.comes("bob")[0], "bob: refuse kicked");
});

Deno.test("Who is removed while it is written that the group is known is told so, and the operator, too", () => {
  const program = Program.of("ann", "bob", "cem").withoutDisk();
  for (const name of ["ann", "cem"]) program.comes(name);
  program.pass(RETURN_MS);
  program.diskMode = "holds";
  for (const name of ["bob", "cem"]) program.command({ command: "remove", name });

  const words = program.diskAnswers();

  assertEquals(words.includes("cem: refuse kicked"), true);
  assertEquals(words.includes("closes cem"), true);
  assert(program.told.includes("cem stays out until /allow cem"));
  assertEquals(words.includes(`view ${4 + GAP}: ann`), true);
});

Deno.test("Where all of the last view are removed one by one, what they had is given up at once, too", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  program.comes("ann");
  program.pass(RETURN_MS);
  program.diskMode = "holds";
  for (const name of ["bob", "ann"]) program.command({ command: "remove", name });
  program.diskAnswers();
  assertMatch(told(program), /What only ann and bob had is given up/);

  // Who is let in again then is a newcomer.
  program.command({ command: "allow", name: "ann" });
  program.somebody("ann").isOut = true;
  assertEquals(program.comes("ann").includes("ann: welcome"), true);
});

Deno.test("Where all of the last view are removed, what they had is given up", () => {
  const program = Program.of("ann").withoutDisk();
  program.somebody("ann").isLost = true;
  program.comes("ann");
  program.pass(RETURN_MS);
  assertMatch(told(program), /Nobody who has come has the log of view 1/);
  program.command({ command: "remove", name: "ann" });
  program.pass(RETURN_MS);
  assertMatch(told(program), /What only ann had is given up/);
  assertEquals(program.joins("bob").some((word) => word.startsWith("view")), true);
});

Deno.test("/exit ends it, also while what was found out is written", () => {
  const program = Program.of("ann").withoutDisk();
  program.comes("ann");
  program.diskMode = "holds-recounted";
  program.pass(RETURN_MS);

  program.command({ command: "quit" });

  assertEquals(program.diskAnswers(), ["warning", "closes ann", "stops: bye"]);
});

Deno.test("Who left last is enough, once others had more time to come", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");
  program.says("ann", LEAVE);
  const later = program.withoutDisk();
  later.somebody("ann").isOut = true;
  later.comes("ann");

  assertEquals(changes(later.pass(RETURN_HEARD_MS - 100)), []);
  const words = later.pass(200);
  assertEquals(changes(words).includes(`view ${3 + GAP}: ann`), true);
  assert(later.told.some((text) => text.includes("who joined after these members had left")));
});

Deno.test("A round counts by the view that this key has signed, and by nobody else's word", () => {
  const program = Program.of("ann", "bob");
  const [ann, bob] = ["ann", "bob"].map((name) => program.somebody(name));
  const view = ann!.epoch!;
  const round = { ...view.epoch.value, ballot: { number: 2, round: 1 } };
  const later = program.withoutDisk();
  const asRound = (signer: string, changed: object) => ({
    epoch: signEpoch(fakeSigner(signer), { ...round, ...changed }),
    view,
    promised: round.ballot,
  });

  later.somebody("eve").answers.delete("recount");
  later.comes("eve");
  const claims = [
    asRound("bob", {}),
    asRound("ann", { members: [view.epoch.value.members[0]!] }),
  ];
  for (const claim of claims) {
    const said = later.says("eve", later.somebody("eve").account({ group: GROUP, ...claim }));
    assertMatch(said.join(), /bans eve/);
    later.comes("eve");
  }
  // What another coordinator has signed is nothing here.
  const foreign = { epoch: signEpoch(fakeSigner("eve"), view.epoch.value), view: null };
  later.says("eve", later.somebody("eve").account({ group: GROUP, ...foreign }));
  assertEquals(later.status().view, 0);

  for (const member of [ann!, bob!]) {
    Object.assign(member, asRound("ann", {}), { begun: round.ballot });
    later.comes(member.name);
  }
  const words = later.pass(RETURN_MS);
  assertEquals(words.includes("ann: level 2.1 at 0 from ann"), true);
  assertEquals(changes(words).at(-2), `view ${3 + GAP}: ann bob`);
});

Deno.test("An old disk is noticed by a later view, and by the number that a member has promised", () => {
  const program = Program.of("ann");
  const old = [...program.disk];
  program.joins("bob");
  const later = program.restarted({ mayFound: false, records: old });
  later.disk.splice(0, Infinity, ...old);

  assertEquals(later.comes("bob"), [
    "bob: recount",
    "disk: lost",
    "disk: lost, view 2 is told of",
    "warning",
    "closes bob",
  ]);
  assertMatch(later.told[0]!, /bob knows of view 2, but the last one on this disk is 1/);
  for (const name of ["ann", "bob"]) later.comes(name);
  assertEquals(changes(later.pass(RETURN_MS)).at(-2), `view ${3 + GAP}: ann bob`);

  const promised = Program.of("ann").restarted({ mayFound: false });
  promised.somebody("ann").promised = { number: 7, round: 0 };
  assertEquals(promised.comes("ann").includes("disk: lost"), true);
  assertMatch(promised.told[0]!, /ann knows of view 7, but the last one on this disk is 1/);
  promised.comes("ann");
  assertEquals(changes(promised.pass(RETURN_MS)).includes(`view ${8 + GAP}: ann`), true);
});

Deno.test("Where its disk is found to be old, whoever waits for a snapshot or for its end is answered", () => {
  const asked = () => {
    const program = Program.of("ann").restarted({ mayFound: false });
    program.somebody("ann").promised = { number: 7, round: 0 };
    assertEquals(program.command({ command: "snapshot" }), []);
    return program;
  };

  const words = asked().comes("ann");
  assertEquals(words.filter((word) => word.startsWith("error")), ["error timeout"]);
  assertEquals(words.includes("disk: lost"), true);

  const leaving = asked();
  leaving.command({ command: "quit" });
  assertEquals(leaving.comes("ann").slice(-3), ["error timeout", "closes ann", "stops: bye"]);
});

Deno.test("A name is whose it was before the disk was found to be old", () => {
  const program = Program.started({ mayFound: true });
  for (const name of ["ann", "bob"]) program.joins(name);
  program.says("bob", LEAVE);
  program.goesDown("ann");
  program.somebody("ann").promised = { number: 9, round: 0 };
  assertEquals(program.comes("ann").includes("disk: lost"), true);
  program.comes("ann");
  assertEquals(changes(program.pass(RETURN_MS)).at(-2)?.endsWith(": ann"), true);

  assertEquals(program.comes("eve", { name: "bob" })[0], "error key-changed");
});

Deno.test("A member's word for a number has all asked once; what is proven does each time", () => {
  const program = Program.started({ mayFound: true });
  for (const name of ["ann", "bob", "eve"]) program.joins(name);
  const eve = program.somebody("eve");
  const promises = () => {
    program.goesDown("eve");
    eve.promised = { number: eve.promised.number + 5_000, round: 0 };
    return program.comes("eve");
  };

  assertEquals(promises().includes("disk: lost"), true);
  for (const name of ["ann", "bob", "eve"]) program.comes(name);
  assertEquals(changes(program.pass(RETURN_MS)).at(-2)?.endsWith(": ann bob eve"), true);

  for (const _ of [2, 3]) {
    const words = [...promises(), ...program.allHear()];
    assertEquals(words.includes("disk: lost"), false);
    assertEquals(words.includes("eve: welcome member"), true);
    assertEquals(program.status().view > eve.promised.number - 5_000, true);
  }

  const ballot = { number: program.status().view + 9_000, round: 0 };
  const later = { ...eve.epoch!.epoch.value, ballot, view: ballot.number };
  Object.assign(eve, { epoch: signEpoch(OWN, later), begun: ballot, promised: ballot });
  program.goesDown("eve");
  assertEquals(program.comes("eve").includes("disk: lost"), true);
});

Deno.test("A stranger's word for a number makes nobody wait", () => {
  const program = Program.of("ann").restarted({ mayFound: false });
  program.comes("ann");
  Object.assign(program.somebody("eve"), { promised: { number: 7, round: 0 } });

  const words = program.comes("eve", { group: GROUP });

  assertEquals(words.slice(0, 2), ["eve: recount", "eve: welcome"]);
  assertEquals(changes(program.pass(20_000)).includes("disk: lost"), false);
});

Deno.test("Members of two groups of this key: the operator says which", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  const founding = foundedBy(OWN.key, 2);
  const group = groupIdOf(fakeCrypto, founding);
  const other = { ...program.somebody("bob").epoch!.epoch.value, group };
  program.comes("ann");
  program.somebody("bob").answers.delete("recount");
  program.comes("bob");
  const epoch = signEpoch(fakeSigner("coordinator"), other);
  program.says("bob", program.somebody("bob").account({ group, founding, epoch }));

  assertEquals(changes(program.pass(20_000)), ["warning"]);
  assertMatch(told(program), /Members of several groups.*ann; bob/);
  const words = program.command({ command: "remove", name: "bob" });
  assertEquals(changes(words).includes(`view ${3 + GAP}: ann`), true);
});

Deno.test("Until the group is known only who is there is told and changed", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  program.comes("ann");
  const { view, problems, members } = program.status();
  assertEquals(view, 2);
  assertMatch(problems.join("\n"), /doesn't know its group.*\n.*waiting for bob/);
  assertEquals(members.map(({ name, state }) => `${name} ${state}`), ["ann joining", "bob silent"]);
  assertEquals(program.command({ command: "recover", name: "ann" }), ["error not-allowed"]);
  assertEquals(program.command({ command: "remove", name: "eve" }), ["error unknown-user"]);
  assertEquals(program.command({ command: "list" }), ["members", "notice"]);
  program.command({ command: "remove", name: "bob" });
  program.command({ command: "allow", name: "bob" });
  assertEquals(changes(program.pass(RETURN_MS)), ["warning"]);
  assertEquals(program.command({ command: "quit" }).at(-1), "stops: bye");
});

Deno.test("A compacted log says the same as the one before, also of a disk that was lost", () => {
  const program = Program.of("ann", "bob").withoutDisk();
  program.comes("ann");
  const kinds = () => [...program.machine.snapshot()!].map(({ kind }) => kind);
  assertEquals(kinds(), ["lost", "lost"]);
  program.somebody("bob").answers.delete("flush");
  program.comes("bob");
  program.pass(RETURN_MS);
  assertEquals(kinds(), ["group", "key", "number", "recounted", "edits", "rules", "committed"]);
  const again = new Program({ mayFound: false, records: [...program.machine.snapshot()!] });
  assertEquals([...again.machine.snapshot()!], [...program.machine.snapshot()!]);
});
