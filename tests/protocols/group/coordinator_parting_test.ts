// Of members that don't hear each other the one goes that is at fault, even where it is so towards one at a time, or
// only now and then; who lies takes out itself.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Name, Program, whyLost, type Words } from "./coordinator_program.ts";

const ALL: readonly Name[] = ["ann", "bob", "cem", "dan"];

/** A group of four, whom each of them hears, and what becomes of them. */
class Group {
  readonly program = Program.of(...ALL);
  /** Pairs of which the first doesn't hear the second. */
  readonly #deaf = new Set<string>();
  /** Who is out, and when it may say hello again. */
  readonly #back = new Map<string, number>();
  readonly views: string[] = [];

  constructor() {
    this.pass(10_000);
  }

  get present(): readonly string[] {
    return this.views.at(-1)?.split(" ") ?? ALL;
  }

  hears(one: string, other: string, isHeard: boolean): void {
    if (isHeard) this.#deaf.delete(`${one} ${other}`);
    else this.#deaf.add(`${one} ${other}`);
    this.#tell(one);
  }

  #tell(one: string): void {
    if (this.program.somebody(one).link === null) return;
    const heard = ALL.filter((other) => other !== one && !this.#deaf.has(`${one} ${other}`));
    this.took(this.program.hears(one, heard, true));
  }

  /** Whoever is out says hello again as soon as it may. */
  pass(ms: number): void {
    const { program } = this;
    for (let passed = 0; passed < ms; passed += 50) {
      this.took(program.pass(50));
      for (const name of ALL) {
        const member = program.somebody(name);
        const parted = member.got.get("parted");
        if (parted?.type !== "parted" || member.link === null) continue;
        member.got.delete("parted");
        this.#back.set(name, program.nowMs + parted.pauseMs);
      }
      for (const [name, atMs] of this.#back) {
        if (program.nowMs < atMs) continue;
        this.#back.delete(name);
        program.goesDown(name);
        this.took(program.comes(name));
        this.#tell(name);
      }
    }
  }

  took(words: Words): void {
    for (const word of words) {
      const members = /^view \d+: (.*)/.exec(word)?.[1];
      if (members !== undefined) this.views.push(members);
    }
  }

  /** Who was out of a view. */
  get out(): ReadonlySet<string> {
    return new Set(this.views.flatMap((view) => ALL.filter((name) => !view.includes(name))));
  }

  /** How many but this one were out at once, at most. */
  outAtOnce(culprit: string): number {
    const counts = this.views.map((view) =>
      ALL.filter((name) => name !== culprit && !view.includes(name)).length
    );
    return Math.max(0, ...counts);
  }
}

for (const culprit of ALL) {
  Deno.test(`Who falls silent towards one after the other drives out one at most: ${culprit}`, () => {
    const group = new Group();
    const others = ALL.filter((name) => name !== culprit);
    for (const other of others) {
      group.hears(other, culprit, false);
      group.pass(10_000);
      assert(group.outAtOnce(culprit) <= 1, group.views.join(", "));
    }
    assertEquals([...group.present].sort(), others);
  });

  Deno.test(`Others wait for whom it falls silent to, and say so, and still it drives out one at most: ${culprit}`, () => {
    const group = new Group();
    const others = ALL.filter((name) => name !== culprit);
    for (const other of others) {
      group.hears(other, culprit, false);
      group.hears(culprit, other, false);
      group.pass(500);
      const waiting = others.filter((name) => name !== other && group.present.includes(name));
      for (const name of waiting) group.hears(name, other, false);
      group.pass(4_000);
      for (const name of waiting) group.hears(name, other, true);
      group.pass(6_000);
      assert(group.outAtOnce(culprit) <= 1, group.views.join(", "));
    }
    assertEquals([...group.present].sort(), others);
  });

  Deno.test(`For whom the others wait goes, whomever it says for a moment it doesn't hear: ${culprit}`, () => {
    const group = new Group();
    const others = ALL.filter((name) => name !== culprit);
    for (const other of others) group.hears(other, culprit, false);
    for (let time = 0; time < 10; time++) {
      const third = others[time % others.length]!;
      group.hears(culprit, third, false);
      group.pass(500);
      group.hears(culprit, third, true);
    }
    assertEquals([...group.out], [culprit]);
  });

  Deno.test(`Who says of one after the other that it doesn't hear it is out itself: ${culprit}`, () => {
    const group = new Group();
    for (const other of ALL) {
      if (other === culprit) continue;
      group.hears(culprit, other, false);
      group.pass(6_000);
      group.hears(culprit, other, true);
      group.pass(30_000);
    }
    assertEquals([...group.out], [culprit]);
  });
}

Deno.test("Who takes back that it hears nobody before that counts gains nothing by it, and goes later", () => {
  const group = new Group();
  for (const other of ["ann", "cem", "dan"]) {
    group.hears("bob", other, false);
    group.pass(500);
    group.hears("bob", other, true);
  }
  assertEquals(group.views, []);
  group.hears("dan", "bob", false);
  group.pass(5_000);

  assertEquals(group.views, ["ann cem dan"]);
});

Deno.test("Whom all stop hearing goes, however far apart they notice it", () => {
  for (const apartMs of [0, 300, 1_000, 1_700]) {
    const group = new Group();
    group.hears("ann", "bob", false);
    group.pass(apartMs);
    group.hears("cem", "bob", false);
    group.hears("dan", "bob", false);
    group.pass(5_000);

    assertEquals(group.views, ["ann cem dan"], `${apartMs} ms apart`);
    assertMatch(whyLost(group.program).join(), /^ann.* and (cem|dan) didn't hear it$/);
  }
});

Deno.test("Two that were out for one come in together without it", () => {
  const group = new Group();
  // Whom ann and dan, too, didn't hear for a moment.
  for (const other of ["ann", "dan"]) {
    group.hears(other, "cem", false);
    group.pass(500);
    group.hears(other, "cem", true);
  }
  group.hears("cem", "bob", false);
  group.pass(6_000);
  assertEquals(group.present, ["ann", "bob", "dan"]);
  group.hears("ann", "bob", false);
  group.pass(10_000);

  assertEquals([...group.present].sort(), ["ann", "cem", "dan"]);
});

Deno.test("Who was dead is no burden to those who didn't hear it", () => {
  const group = new Group();
  const { program } = group;
  program.somebody("dan").answers.delete("probe");
  group.pass(2_000);
  group.hears("ann", "dan", false);
  group.hears("bob", "dan", false);
  group.pass(3_000);
  assertEquals(group.views, ["ann bob cem"]);
  // Of two that are as good as each other the one goes that complains of who hears it.
  group.hears("cem", "ann", false);
  group.pass(5_000);

  assertEquals(group.present, ["ann", "bob"]);
});

Deno.test("Whom the operator has removed burdens nobody any more", () => {
  const group = new Group();
  const { program } = group;
  group.hears("bob", "dan", false);
  group.pass(500);
  program.command({ command: "remove", name: "dan" });
  group.pass(5_000);
  group.hears("cem", "bob", false);
  group.pass(5_000);

  assertEquals(group.present, ["ann", "bob"]);
});

/** That it is alive. */
function says(program: Program, name: string): void {
  const { end: { point: end, seq } } = program.somebody(name);
  program.says(name, { type: "alive", end, seq });
}

/** It stands still and goes on, again and again; whoever waits for it for so long says so. */
function flaps(group: Group, name: Name, stillMs: number, runsMs: number, times: number): void {
  const { program } = group;
  const flapping = program.somebody(name);
  const others = ALL.filter((other) => other !== name);
  for (let time = 0; time < times && group.present.includes(name); time++) {
    flapping.answers.delete("probe");
    for (let ms = 0; ms < stillMs; ms += 50) {
      group.pass(50);
      // The pairs notice it one after the other.
      others.forEach((other, at) => {
        if (ms === 2_000 + 200 * at) group.hears(other, name, false);
      });
    }
    flapping.answers.add("probe");
    says(program, name);
    // What the first of them says goes through at once.
    for (const other of others.toReversed()) group.hears(other, name, true);
    group.pass(runsMs);
  }
}

Deno.test("Who stands still again and again is out, and none of the others ever is", () => {
  for (const [stillMs, runsMs] of [[2_500, 250], [2_050, 600], [1_500, 600]] as const) {
    for (const name of ALL) {
      const group = new Group();
      flaps(group, name, stillMs, runsMs, 30);
      assertEquals([...group.out], [name], `${name}: ${stillMs} ms still, ${runsMs} ms not`);
      const why = whyLost(group.program).at(-1)!;
      assertMatch(
        why,
        stillMs > 2_000 ? /didn't hear it|again/ : /^it fell silent again and again$/,
      );
    }
  }
});

Deno.test("Who is slow now and then stays", () => {
  const group = new Group();
  for (let minute = 0; minute < 3; minute++) {
    flaps(group, "bob", 1_500, 600, 8);
    group.pass(60_000);
  }
  assertEquals(group.views, []);
});

Deno.test("Where most are silent again and again the coordinator's own network fails: nobody goes", () => {
  const group = new Group();
  const { program } = group;
  for (let time = 0; time < 30; time++) {
    for (const name of ALL.slice(1)) program.somebody(name).answers.delete("probe");
    group.pass(1_600);
    for (const name of ALL) program.somebody(name).answers.add("probe");
    group.pass(900);
  }
  assertEquals(group.views, []);
});

Deno.test("A slow disk of the coordinator's is held against nobody, though some say something by themselves", () => {
  const group = new Group();
  const { program } = group;
  for (let time = 0; time < 30; time++) {
    program.diskMode = "holds";
    group.took(program.joins("eve"));
    for (let ms = 0; ms < 1_700; ms += 100) {
      group.pass(100);
      for (const name of ["ann", "bob", "cem"]) says(program, name);
    }
    group.took(program.diskAnswers());
    group.took(program.says("eve", { type: "leave" }));
    group.pass(500);
  }
  assert(ALL.every((name) => !group.out.has(name)), group.views.join(", "));
});

Deno.test("Who doesn't hear one that the coordinator didn't hear either stays, even if it alone says so", () => {
  const group = new Group();
  const { program } = group;
  program.somebody("bob").answers.delete("probe");
  group.pass(900);
  group.hears("dan", "bob", false);
  group.pass(1_600);
  program.somebody("bob").answers.add("probe");
  says(program, "bob");
  group.pass(2_000);

  assertEquals(group.views, ["ann cem dan"]);
});
