// Who is silent, doesn't hear the others, or doesn't do its part goes; nobody else does.

import { assertEquals } from "@std/assert";
import type { Hash } from "../../../lib/base/ids.ts";
import { NO_BALLOT } from "../../../lib/protocols/group/schema/epoch.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { Program, whyLost, type Words } from "./coordinator_program.ts";

function views(words: Words): Words {
  return words.filter((word) => word.startsWith("view"));
}

Deno.test("A silent member is asked once more, and is out after --fail-after", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(1_000);
  program.somebody("bob").answers.delete("probe");
  const heardAtMs = program.nowMs;

  assertEquals(program.pass(2_900), []);
  const words = program.pass(600);

  assertEquals(words[0], "closes bob");
  assertEquals(views(words), ["view 4: ann cem"]);
  assertEquals(words.includes("left bob: lost"), true);
  assertEquals(whyLost(program), ["no answer"]);
  assertEquals(program.nowMs - heardAtMs <= 3_600, true);
});

/** The coordinator is cut off from all of them for so long; then they may come back. */
function cutOff(program: Program, ms: number, ...names: readonly string[]): Words {
  for (const name of names) program.somebody(name).answers.delete("probe");
  const words = program.pass(ms);
  for (const name of names) program.somebody(name).answers.add("probe");
  return words;
}

Deno.test("Where all fall silent it is the coordinator that was cut off: who is back first doesn't go on without the others", () => {
  for (const ms of [5_000, 60_000]) {
    const program = Program.of("ann", "bob", "cem");
    program.pass(1_000);
    const words = [
      ...cutOff(program, ms, "ann", "bob", "cem"),
      ...program.comes("bob"),
      ...program.pass(3_000),
      ...program.comes("ann"),
      ...program.pass(2_000),
      ...program.comes("cem"),
      ...program.pass(10_000),
    ];

    assertEquals(views(words), [], `after ${ms} ms`);
  }
});

Deno.test("Where all fall silent, who isn't back 6 s after the first one is out", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(1_000);
  cutOff(program, 30_000, "ann", "bob", "cem");
  program.comes("ann");
  program.comes("cem");

  assertEquals(views(program.pass(5_900)), []);
  assertEquals(views(program.pass(200)), ["view 4: ann cem"]);
  assertEquals(whyLost(program), ["no answer since nobody answered the coordinator"]);
});

Deno.test("A member that says goodbye because its disk refuses is out at once", () => {
  const program = Program.of("ann", "bob");
  program.pass(1_000);
  program.goesDown("bob", "disk");

  assertEquals(views(program.pass(10)), ["view 3: ann"]);
});

Deno.test("A lost link alone removes nobody: its member may dial again", () => {
  const program = Program.of("ann", "bob");
  program.pass(1_000);
  assertEquals(program.goesDown("bob"), []);
  assertEquals(program.pass(2_000), []);

  assertEquals(views(program.comes("bob")), []);
  assertEquals(views(program.pass(10_000)), []);
});

Deno.test("A coordinator that stood still removes nobody, however short or long that was", () => {
  for (const ms of [900, 1_500, 4_000, 60_000]) {
    const program = Program.of("ann", "bob", "cem");
    program.pass(10_000);

    program.nowMs += ms;
    const words = [...program.feed({ type: "tick" }), ...program.pass(10_000)];

    assertEquals(views(words), [], `after ${ms} ms`);
  }
});

Deno.test("A coordinator whose disk is slow removes nobody: what it asks waits for that", () => {
  for (const ms of [500, 3_500, 9_000, 60_000]) {
    const program = Program.of("ann", "bob", "cem");
    program.pass(10_000);
    program.diskMode = "holds";
    program.joins("dan");

    const words = [...program.pass(ms), ...program.diskAnswers(), ...program.pass(10_000)];

    assertEquals(views(words), ["view 4: ann bob cem dan"], `after ${ms} ms`);
  }
});

Deno.test("Whose link is lost while the coordinator's disk is slow has the time to come back", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(10_000);
  program.diskMode = "holds";
  program.joins("dan");
  program.pass(2_600);
  for (const name of ["ann", "bob", "cem", "dan"]) program.goesDown(name);
  program.pass(5_000);

  const words = [...program.diskAnswers(), ...program.comes("ann"), ...program.pass(1_000)];
  words.push(...program.comes("cem"), ...program.comes("bob"), ...program.pass(10_000));

  assertEquals(views(words), ["view 5: ann bob cem"]);
});

Deno.test("Whose link was lost as the coordinator's disk was slow has that time, too, where the disk answers then", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(10_000);
  program.diskMode = "holds";
  program.joins("dan");
  program.pass(2_550);
  for (const name of ["ann", "bob", "cem", "dan"]) program.goesDown(name);
  program.pass(300);

  const words = [...program.diskAnswers(), ...program.pass(1_000)];
  for (const name of ["ann", "bob", "cem"]) words.push(...program.comes(name));
  words.push(...program.pass(10_000));

  assertEquals(views(words), ["view 5: ann bob cem"]);
});

Deno.test("Who is asked for its part at last, as the coordinator's slow disk answers, has the time to do it", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(10_000);
  const members = ["ann", "bob", "cem"].map((name) => program.somebody(name));
  for (const { answers } of members) answers.delete("flush");
  program.diskMode = "holds";
  program.joins("dan");
  program.pass(9_950);
  const words = [...program.diskAnswers(), ...program.pass(200)];
  for (const { name, got } of members) {
    const flush = got.get("flush");
    if (flush?.type === "flush") {
      words.push(...program.says(name, program.somebody(name).report(flush)));
    }
  }

  assertEquals(views([...words, ...program.pass(10_000)]), ["view 4: ann bob cem dan"]);
});

Deno.test("Who links anew, again and again, while the coordinator's disk is slow stays in", () => {
  for (const ms of [2_000, 10_000, 60_000]) {
    const program = Program.of("ann", "bob", "cem");
    program.pass(10_000);
    program.diskMode = "holds";
    program.joins("dan");
    for (let at = 0; at < ms; at += 2_600) {
      program.pass(2_500);
      for (const name of ["ann", "bob", "cem", "dan"]) {
        program.goesDown(name);
        program.pass(25);
        program.comes(name);
      }
    }
    const words = [...program.diskAnswers(), ...program.allHear(), ...program.pass(10_000)];

    assertEquals(whyLost(program), [], `after ${ms} ms`);
    assertEquals(
      views(words).at(-1)?.replace(/ \d+/, ""),
      "view: ann bob cem dan",
      `after ${ms} ms`,
    );
  }
});

Deno.test("Who is gone while the coordinator's disk is slow is out soon after", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(10_000);
  program.diskMode = "holds";
  program.joins("dan");
  program.somebody("cem").answers.delete("probe");
  program.somebody("cem").answers.delete("flush");
  program.pass(9_000);

  const words = [...program.diskAnswers(), ...program.pass(4_000)];

  assertEquals(views(words), ["view 5: ann bob dan"]);
});

Deno.test("A coordinator that stood still removes who is gone all the same, later", () => {
  const program = Program.of("ann", "bob");
  program.somebody("bob").answers.delete("probe");
  program.nowMs += 60_000;

  assertEquals(views([...program.feed({ type: "tick" }), ...program.pass(6_000)]), ["view 3: ann"]);
});

Deno.test("Of two who don't hear each other the one with more complaints goes, and stays out for a while", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(5_000);
  program.hears("bob", ["cem"]);
  program.hears("cem", ["bob"]);
  program.hears("ann", []);

  const words = program.pass(1_000);

  assertEquals(words.filter((word) => /parted|view/.test(word)), [
    "ann: parted silent for 1000 ms",
    "view 4: bob cem",
  ]);
});

Deno.test("Who says that it hears nobody drives nobody out but itself", () => {
  const program = Program.of("ann", "bob", "cem", "dan");
  program.pass(5_000);
  program.hears("ann", []);

  assertEquals(views(program.pass(10_000)), ["view 5: bob cem dan"]);
});

Deno.test("On a tie the later one in the view goes", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(5_000);
  program.hears("ann", ["cem"]);
  program.hears("bob", ["cem"]);

  assertEquals(views(program.pass(1_800)), [], "cem may be about to complain, too");
  assertEquals(views(program.pass(100)), ["view 4: ann cem"]);
});

Deno.test("A complaint that is taken back in time costs nobody the view", () => {
  const program = Program.of("ann", "bob");
  program.pass(5_000);
  program.hears("ann", []);
  program.pass(900);
  program.hears("ann", ["bob"]);

  assertEquals(views(program.pass(5_000)), []);
});

Deno.test("Who was out for want of datagrams comes back when all hear it, after pauses that grow", () => {
  const program = Program.of("ann", "bob");
  const bob = program.somebody("bob");
  const pauses: string[] = [];
  for (let time = 0; time < 7; time++) {
    program.pass(5_000);
    program.hears("ann", []);
    program.hears("bob", []);
    const words = program.pass(1_000);
    pauses.push(...words.filter((word) => word.includes("parted")));
    program.goesDown("bob");
    program.comes("bob");
    assertEquals(views(program.allHear()), [], "it waits for the pause to end");
    assertEquals(views(program.pass(30_000)).length, 1);
    assertEquals(bob.begun, program.somebody("ann").begun);
  }
  assertEquals(
    pauses.map((word) => Number(/for (\d+) ms/.exec(word)?.[1])),
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000],
  );
});

Deno.test("A process that has just come has time to meet the others", () => {
  const program = Program.of("ann", "bob");
  program.pass(5_000);
  program.somebody("bob").incarnation = 2;
  program.comes("bob");
  program.hears("bob", []);
  program.hears("ann", []);

  assertEquals(program.pass(2_900), []);
  assertEquals(views(program.pass(200)), ["view 4: ann"]);
});

Deno.test("A newcomer that loses the others while the view changes is left out", () => {
  const program = Program.of("ann");
  program.comes("bob");
  program.somebody("bob").answers.delete("level");
  program.allHear();
  program.pass(4_000);
  program.hears("bob", [], true);

  const words = program.pass(1_000);

  assertEquals(words.filter((word) => /parted|view/.test(word)), [
    "bob: parted silent for 1000 ms",
    "view 3: ann",
  ]);
});

Deno.test("When a participant goes, the others begin anew under another number, with it gone", () => {
  const program = Program.of("ann", "bob", "cem");
  program.somebody("cem").answers.clear();
  program.says("bob", { type: "leave" });

  const words = program.pass(4_000);

  assertEquals(words.filter((word) => /disk|view/.test(word)), [
    "disk: number 5",
    "disk: decided 5",
    "view 5: ann",
    "disk: confirmed 5",
  ]);
});

Deno.test("Who answers probes and does nothing else holds up the others for 10 s", () => {
  for (const silentOf of ["flush", "level", "begin"]) {
    const program = Program.of("ann", "bob", "cem");
    program.somebody("cem").answers.delete(silentOf);
    program.says("bob", { type: "leave" });

    const words = program.pass(11_000);

    assertEquals(views(words).at(-1)?.endsWith(": ann"), true, `no answer to ${silentOf}`);
    assertEquals(words.includes("cem: parted silent for 1000 ms"), true, silentOf);
  }
});

Deno.test("The only one of a view that is slow isn't sent out of it", () => {
  const program = Program.of("ann");
  program.goesDown("ann");
  const ann = program.somebody("ann");
  ann.answers.delete("flush");
  ann.incarnation = 2;
  program.comes("ann");
  assertEquals(views(program.pass(25_000)), []);
  ann.answers.add("flush");

  assertEquals(views(program.pass(10_000)).at(-1)?.endsWith(": ann"), true);
});

Deno.test("An answer under a higher promise makes the next number higher still", () => {
  const program = Program.of("ann", "bob");
  program.goesDown("bob");
  program.somebody("bob").answers.delete("flush");
  program.somebody("bob").incarnation = 2;
  program.comes("bob");
  program.somebody("bob").answers.add("flush");

  const words = program.says("bob", {
    type: "outdone",
    ballot: { number: 3, round: 0 },
    promised: { number: 40, round: 2 },
  });

  assertEquals(words.filter((word) => /disk: number|view/.test(word)), [
    "disk: number 41",
    "view 41: ann bob",
  ]);
});

Deno.test("A newcomer whose link is lost while the view changes holds up nobody", () => {
  const program = Program.of("ann");
  program.comes("bob");
  program.somebody("bob").answers.delete("level");
  program.allHear();

  assertEquals(views(program.goesDown("bob")), ["view 3: ann"]);
});

Deno.test("Who was to go for want of datagrams stays where those who go on without it are gone", () => {
  const program = Program.of("ann", "bob");
  program.pass(5_000);
  const ann = program.somebody("ann");
  ann.answers.delete("flush");
  program.hears("ann", []);
  program.hears("bob", []);
  program.pass(1_000);
  ann.answers.delete("probe");

  const words = program.pass(5_000);

  assertEquals(words.filter((word) => /view|left|parted/.test(word)), [
    "left ann: lost",
    "view 4: bob",
  ]);
});

Deno.test("Of two the one goes that complains of who hears it: it is deaf, or it lies", () => {
  const program = Program.of("ann", "bob");
  program.pass(5_000);
  program.hears("ann", []);

  assertEquals(views(program.pass(2_000)), ["view 3: bob"]);
  assertEquals(whyLost(program), ["it didn't hear bob"]);
});

Deno.test("Whom several don't hear goes, though the first to say so could wait no longer", () => {
  for (const apartMs of [3, 300, 900]) {
    const program = Program.of("ann", "bob", "cem", "dan");
    program.pass(5_000);
    const without = (name: string) =>
      program.hears(name, ["ann", "bob", "cem"].filter((other) => other !== name));
    without("bob");
    program.pass(apartMs);
    without("ann");
    without("cem");

    const words = program.pass(5_000);

    assertEquals(views(words), ["view 5: ann bob cem"], `${apartMs} ms apart`);
  }
});

Deno.test("Nobody goes for not hearing somebody who is dead", () => {
  const program = Program.of("ann", "bob");
  program.pass(5_000);
  program.somebody("ann").answers.clear();
  program.pass(1_900);
  program.hears("bob", []);

  assertEquals(views(program.pass(5_000)), ["view 3: bob"]);
});

Deno.test("Who was asked once more, and whose answer waits behind a late tick, isn't removed", () => {
  const program = Program.of("ann", "bob");
  const bob = program.somebody("bob");
  program.pass(1_000);
  bob.answers.delete("probe");
  program.pass(2_700);
  bob.answers.add("probe");

  program.nowMs += 1_500;
  const words = [...program.feed({ type: "tick" }), ...program.pass(5_000)];

  assertEquals(views(words), []);
});

Deno.test("Who had no time to answer, as the coordinator stood still, has it after that", () => {
  const program = Program.of("ann", "bob", "cem");
  const bob = program.somebody("bob");
  bob.answers.delete("flush");
  program.says("cem", { type: "leave" });

  program.nowMs += 60_000;
  program.feed({ type: "tick" });
  const words = program.says("bob", bob.report(bob.got.get("flush") as GroupMessageOf<"flush">));

  assertEquals(views(words), ["view 4: ann bob"]);
});

Deno.test("Newcomers drive no member out, however many don't hear it", () => {
  const program = Program.of("ann", "bob");
  for (const name of ["cem", "dan"]) {
    program.comes(name);
    program.somebody(name).answers.delete("level");
  }
  program.allHear("ann", "dan");
  program.hears("dan", ["ann", "bob", "cem"], true);
  program.hears("cem", ["ann", "bob", "dan"], true);
  program.hears("bob", ["ann", "cem", "dan"]);
  program.hears("ann", ["bob", "cem", "dan"]);
  program.pass(4_000);
  program.hears("cem", ["bob", "dan"], true);
  program.hears("dan", ["bob", "cem"], true);

  assertEquals(views(program.pass(2_000)), ["view 4: ann bob"]);
});

Deno.test("Who dials again while a view changes may have missed what was said: another number begins", () => {
  const program = Program.of("ann", "bob", "cem");
  program.somebody("bob").answers.delete("flush");
  program.says("cem", { type: "leave" });
  program.somebody("bob").answers.add("flush");

  assertEquals(views(program.comes("bob")), ["view 5: ann bob"]);
});

/** What it reports isn't what it holds. */
function reportsOtherwise(
  program: Program,
  name: string,
  changes: Partial<GroupMessageOf<"report">>,
): void {
  const liar = program.somebody(name);
  const report = liar.report.bind(liar);
  liar.report = (flush) => {
    const truth = report(flush);
    return truth.type === "report" ? { ...truth, ...changes } : truth;
  };
}

Deno.test("Who reports a level below what others have in their logs goes, and stays out for a while", () => {
  const program = Program.of("ann", "bob", "cem");
  for (const text of ["one", "two"]) {
    const batch = program.somebody("ann").says(text);
    for (const name of ["bob", "cem"]) program.somebody(name).has(batch);
  }
  const nothing = program.somebody("dan").end.point;
  const levelled = { number: 3, round: 1_000_000 };
  reportsOtherwise(program, "cem", { levelled, held: nothing, log: nothing });
  program.somebody("dan").has(program.somebody("ann").batches[0]!);
  program.somebody("dan").has(program.somebody("ann").batches[1]!);

  const words = program.joins("dan");

  assertEquals(views(words), ["view 5: ann bob dan"]);
  assertEquals(words.filter((word) => word.startsWith("ann: level") || word.includes("parted")), [
    "ann: level 3 at 2 from ann",
    "cem: parted silent for 1000 ms",
  ]);
});

Deno.test("Who reports a log that isn't what it holds breaks the rules", () => {
  for (const position of [0, 1]) {
    const program = Program.of("ann", "bob", "cem");
    const digest = "9".repeat(64) as Hash;
    reportsOtherwise(program, "cem", { log: { position, digest } });

    const words = program.joins("dan");

    assertEquals(words.some((word) => word.startsWith("bans cem: its log")), true);
    assertEquals(views(words).at(-1)?.replace(/ \d+/, ""), "view: ann bob dan");
  }
});

Deno.test("Who says that it has what it can't supply goes, not those who can't get it from there", () => {
  for (const isReady of [true, false]) {
    const program = Program.of("ann", "bob", "cem");
    const { digest } = program.somebody("ann").end.point;
    reportsOtherwise(program, "cem", { held: { position: 9_000, digest } });
    const waiting = ["ann", "bob", "dan", ...isReady ? [] : ["cem"]];
    for (const name of waiting) program.somebody(name).answers.delete("level");

    program.joins("dan");
    program.pass(9_000);
    for (const name of waiting) program.somebody(name).answers.add("level");

    assertEquals(views(program.pass(2_000)), ["view 5: ann bob dan"]);
  }
});

Deno.test("Who says of each ballot that it promised a higher one goes, after a few", () => {
  for (const isMember of [true, false]) {
    const program = Program.of("ann", "bob", "cem");
    const liar = program.somebody(isMember ? "cem" : "dan");
    liar.report = ({ ballot }) => {
      const promised = { number: ballot.number + 1, round: 0 };
      return { type: "outdone", ballot, promised };
    };

    const words = program.joins("dan");

    const members = isMember ? "ann bob dan" : "ann bob cem";
    assertEquals(views(words).map((view) => view.replace(/ \d+/, "")), [`view: ${members}`]);
    assertEquals(words.includes(`${liar.name}: parted silent for 1000 ms`), true);
  }
});

Deno.test("Who says hello again whenever it is to report goes, after a few", () => {
  for (const isSameProcess of [true, false]) {
    const program = Program.of("ann", "bob", "cem");
    const cem = program.somebody("cem");
    cem.answers.delete("flush");
    const words = [...program.joins("dan")];
    for (let count = 0; count < 6 && views(words).length === 0; count++) {
      if (!isSameProcess) cem.incarnation++;
      words.push(...program.comes("cem"));
      words.push(...program.hears("cem", ["ann", "bob", "dan"]));
    }

    assertEquals(views(words).map((view) => view.replace(/ \d+/, "")), ["view: ann bob dan"]);
  }
});

Deno.test("Whom others don't hear goes in time, however often it links anew", () => {
  for (const everyMs of [700, 2_000]) {
    const program = Program.of("ann", "bob", "cem");
    program.pass(10_000);
    program.hears("ann", ["bob"], true);
    program.hears("bob", ["ann"], true);
    const words: string[] = [];
    for (let ms = 0; ms < 4_000; ms += everyMs) {
      words.push(...program.pass(everyMs - 100));
      program.goesDown("cem");
      words.push(...program.pass(100), ...program.comes("cem"));
      words.push(...program.hears("cem", ["ann", "bob"], true));
    }
    assertEquals(views(words), ["view 4: ann bob"], `each ${everyMs} ms`);
  }
});

Deno.test("Who doesn't hear one whose link was lost isn't blamed for it before that one has told whom it hears", () => {
  for (const name of ["ann", "bob"] as const) {
    const other = name === "ann" ? "bob" : "ann";
    const program = Program.of("ann", "bob");
    program.pass(10_000);
    program.hears(other, [], true);
    program.pass(450);
    program.goesDown(name);
    program.pass(500);

    const words = [...program.comes(name), ...program.pass(100)];
    words.push(...program.hears(other, [name], true), ...program.hears(name, [other], true));

    assertEquals(views([...words, ...program.pass(10_000)]), [], name);
  }
});

Deno.test("Who links anew, again and again, and never tells whom it hears goes, and no older one for it", () => {
  for (const everyMs of [300, 700]) {
    const program = Program.of("ann", "bob");
    program.pass(10_000);
    program.hears("ann", [], true);
    const words: string[] = [];
    for (let ms = 0; ms < 5_000 && views(words).length === 0; ms += everyMs) {
      words.push(...program.pass(everyMs - 100));
      program.goesDown("bob");
      words.push(...program.pass(100), ...program.comes("bob"));
    }
    assertEquals(views(words), ["view 3: ann"], `each ${everyMs} ms`);
  }
});

Deno.test("Who is heard again while its link is lost stays", () => {
  const program = Program.of("ann", "bob", "cem");
  program.pass(10_000);
  program.hears("ann", ["bob"], true);
  program.pass(700);
  program.goesDown("cem");
  program.hears("ann", ["bob", "cem"], true);
  program.pass(1_000);
  program.comes("cem");
  const words = program.hears("cem", ["ann", "bob"], true);
  assertEquals(views([...words, ...program.pass(10_000)]), []);
});

for (const kind of ["outdone", "report", "begun"] as const) {
  Deno.test(`Who isn't asked has no say in a change: ${kind} of a stranger changes nothing`, () => {
    const program = Program.of("ann", "bob");
    const stranger = program.somebody("eve");
    program.comes("eve");
    const [ann, bob] = [program.somebody("ann"), program.somebody("bob")];
    const silentOf = kind === "begun" ? "begin" : "level";
    for (const member of [ann, bob]) member.answers.delete(silentOf);
    program.comes("cem");
    program.allHear("eve");
    const ballot = bob.promised;
    const promised = { number: 1_500_000, round: 0 };
    const held = { position: 0, digest: "7".repeat(64) as Hash };
    const { incarnationBytes: incarnation } = stranger;
    const of = { begun: NO_BALLOT, levelled: { number: 2, round: 0 }, incarnation };

    const words = program.says(
      "eve",
      {
        outdone: { type: "outdone" as const, ballot, promised },
        report: { type: "report" as const, ballot, ...of, held, log: held },
        begun: { type: "begun" as const, ballot },
      }[kind],
    );

    assertEquals(words, []);
  });
}
