// What the operator asks and sees, and who breaks the rules.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  UNGREETED_LINKS_MAX,
  UNKNOWN_MESSAGES_MAX,
} from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessage } from "../../../lib/protocols/group/schema/messages.ts";
import { ELSEWHERE, keyOf, Program } from "./coordinator_program.ts";
import type { LinkId } from "../../../lib/base/ids.ts";

Deno.test("A removed member is out, told so, and stays out until it is allowed", () => {
  const program = Program.of("ann", "bob");

  const words = program.command({ command: "remove", name: "BOB" }, "r1");
  assertEquals(words.filter((word) => /^disk: kicked|notice/.test(word)), [
    "disk: kicked bob",
    "notice",
  ]);
  assertEquals(words.filter((word) => /left|bob:|view/.test(word)), [
    "left bob: removed",
    "bob: parted kicked",
    "view 3: ann",
  ]);
  assertEquals(program.comes("bob"), ["bob: refuse kicked", "closes bob"]);
  assertEquals(program.restarted().comes("bob"), ["bob: refuse kicked", "closes bob"]);

  assertEquals(program.command({ command: "allow", name: "bob" }), ["disk: allowed bob", "notice"]);
  assertEquals(program.comes("bob")[0], "bob: welcome");
});

Deno.test("Who is allowed again before it is out stays", () => {
  const program = Program.of("ann", "bob");
  const ann = program.somebody("ann");
  ann.answers.delete("flush");
  program.command({ command: "remove", name: "bob" });
  ann.answers.add("flush");

  const words = program.command({ command: "allow", name: "bob" });

  assertEquals(words.filter((word) => /left|view|parted/.test(word)), ["view 4: ann bob"]);
});

Deno.test("The last one that is removed gives its log first", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");

  const words = program.command({ command: "remove", name: "ann" });

  assertEquals(words.slice(-6), [
    "disk: log",
    "disk: decided 2",
    "left ann: removed",
    "view 2: ",
    "ann: parted kicked",
    "disk: confirmed 2",
  ]);
});

Deno.test("The last one that is removed and does nothing for it is given up after 10 s, with its log", () => {
  for (const silentOf of ["flush", "level", "fetch"]) {
    const program = Program.of("ann");
    program.somebody("ann").says("one");
    program.somebody("ann").answers.delete(silentOf);
    program.command({ command: "remove", name: "ann" });
    program.comes("bob");

    assertEquals(program.pass(9_900).includes("ann: parted kicked"), false, silentOf);
    const words = program.pass(200);

    assertEquals(words[0], "ann: parted kicked", silentOf);
    assertEquals(words.includes("disk: given-up 1"), true, silentOf);
    assertEquals(words.includes("bob: catch-up from coordinator"), true, silentOf);
  }
});

Deno.test("The last one that is removed isn't given up for our own disk, which keeps it waiting", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");
  program.diskMode = "holds-log";
  program.command({ command: "remove", name: "ann" });
  assertEquals(program.pass(30_000).includes("ann: parted kicked"), false);
});

Deno.test("Where all of a view are gone, newcomers wait until the operator gives up what only they had", () => {
  const program = Program.of("ann", "bob").restarted();
  program.comes("cem");
  assertEquals(program.pass(10_000).includes("cem: welcome, waits for ann bob"), true);
  program.hears("cem", [], true);
  assertStringIncludes(program.told[0]!, "waiting for ann or bob");
  assertStringIncludes(program.status().problems[0]!, "waiting for ann or bob");

  program.command({ command: "remove", name: "ann" });
  const words = program.command({ command: "remove", name: "bob" });

  assertEquals(words.filter((word) => !word.startsWith("cem")), [
    "disk: kicked bob",
    "disk: given-up 2",
    "disk: number 3",
    "notice",
    "warning",
    "left ann: removed",
    "left bob: removed",
    "disk: decided 3",
    "pins cem as cem",
    "joined cem",
    "view 3: cem",
    "disk: confirmed 3",
  ]);
  assertStringIncludes(program.told.at(-1)!, "ann and bob");
});

Deno.test("Whoever says that it was in the group, and wasn't, doesn't take its history over", () => {
  const program = Program.of("ann");
  program.goesDown("ann");
  program.comes("mal", { begun: { number: 1, round: 0 }, group: program.group });

  const words = program.command({ command: "remove", name: "ann" });

  assertEquals(words.includes("mal: catch-up from coordinator"), true);
});

/** Bob is awaited, and cem, whose key the operator has accepted for that name, waits for him. */
function twoBobs(): Program {
  const pins = new Map([["bob", fingerprintOf(keyOf("bob"))]]);
  const program = Program.of("bob").restarted({ pins });
  program.comes("cem", { name: "bob" });
  program.command({ command: "trust", name: "bob" });
  assertEquals(program.comes("cem", { name: "bob" })[0], "cem: welcome");
  return program;
}

const apartOf = (name: string, as: string) => `${as}~${fingerprintOf(keyOf(name)).slice(0, 4)}`;

Deno.test("Of two with one name nobody is removed by a guess; /allow lets both in", () => {
  const program = twoBobs();
  program.pass(10_000);
  const kicked = (command: "remove" | "allow", name = "bob") =>
    program.command({ command, name }).filter((word) => /kicked|allowed|given|error/.test(word));

  assertEquals(kicked("remove"), ["error unknown-user"]);
  const [bob, cem] = [apartOf("bob", "bob"), apartOf("cem", "bob")];
  assertEquals(
    program.told.at(-1),
    `Several are called bob: /remove ${cem} (here) or /remove ${bob} (awaited)`,
  );
  assertEquals(kicked("remove", bob), ["disk: kicked bob", "disk: given-up 1"]);
  assertEquals(kicked("remove"), ["disk: kicked cem", "cem: parted kicked"]);
  assertEquals(kicked("allow"), ["disk: allowed bob, allowed cem"]);
  assertEquals(kicked("allow"), ["error unknown-user"]);
});

Deno.test("Who has left is removed all the same, and stays out after a restart until allowed", () => {
  const program = Program.of("ann", "bob");
  program.says("bob", { type: "leave" });
  program.goesDown("bob");

  assertEquals(program.command({ command: "remove", name: "Bob" }), ["disk: kicked bob", "notice"]);
  for (const late of [program, program.restarted()]) {
    assertEquals(late.comes("bob"), ["bob: refuse kicked", "closes bob"]);
  }
  assertEquals(program.command({ command: "allow", name: "bob" }), ["disk: allowed bob", "notice"]);
  assertEquals(program.comes("bob")[0], "bob: welcome");
});

Deno.test("Whoever left and is back under another name is removed under that one", () => {
  const program = Program.of("ann", "bob");
  program.says("bob", { type: "leave" });
  program.goesDown("bob");
  program.comes("bob", { name: "robert" });

  assertEquals(program.command({ command: "remove", name: "bob" }), ["error unknown-user"]);
  assertEquals(program.told.at(-1), "bob is robert now: /remove robert");
});

Deno.test("Of two with one name the one who is here is to recover", () => {
  const program = twoBobs();

  const words = program.command({ command: "recover", name: "bob" });

  assertEquals(words, ["cem: recover", "notice"]);
});

Deno.test("Of two with one name /verify means the one whose key was accepted", () => {
  const program = twoBobs();

  program.command({ command: "verify", name: "bob" });

  const event = program.events.at(-1)!;
  assertEquals(event.event === "verify" && event.peerKey, keyOf("cem"));
});

Deno.test("Of two with one name that are kept out for two reasons /allow lets both in", () => {
  const program = Program.of("ann").restarted({
    records: [
      { kind: "kicked", key: fingerprintOf(keyOf("bob")), name: "bob", because: "equivocated" },
      { kind: "kicked", key: fingerprintOf(keyOf("cem")), name: "BOB" },
      { kind: "kicked", key: fingerprintOf(keyOf("dan")), name: "dan" },
    ],
  });

  const words = program.command({ command: "allow", name: "Bob" });

  assertEquals(words, ["disk: allowed bob, allowed cem", "notice"]);
});

Deno.test("Commands that name nobody say who is there", () => {
  const program = Program.of("ann");

  for (const command of ["remove", "allow", "verify", "trust"] as const) {
    assertEquals(program.command({ command, name: "an" }), ["error unknown-user"]);
  }
  assertEquals(
    program.told[0],
    "Cannot find an among those who are, or were, in the group; there is ann",
  );
  assertStringIncludes(program.told[2]!, "did you mean /verify ann?");
  assertEquals(program.command({ command: "trust", name: "ann" }), ["notice"]);
  const pinned = Program.started({ pins: new Map([["zoe", fingerprintOf(keyOf("zoe"))]]) });
  assertEquals(pinned.command({ command: "trust", name: "Zoe" }), ["notice"]);
  assertEquals(pinned.told, ["There is no new key of Zoe to accept"]);
  // A no is taken of who isn't here, too: that key isn't let in.
  assertEquals(pinned.command({ command: "verify", name: "Zoe", answer: "no" }), ["verify"]);
  assertEquals(pinned.comes("zoe").at(-1), "closes zoe");
});

Deno.test("/verify has both keys, /list the members, /status each one's end", () => {
  const program = Program.of("ann");
  program.comes("bob");
  program.says("ann", { type: "alive", end: ELSEWHERE, seq: 7 });

  program.command({ command: "verify", name: "ann" });
  const verify = program.events.at(-1)!;
  assertEquals(verify.event === "verify" && verify.peerKey, keyOf("ann"));
  program.command({ command: "list" });
  assertEquals(program.events.at(-1), {
    event: "members",
    members: ["ann"],
    keys: [fingerprintOf(keyOf("ann"))],
  });
  const status = program.status();
  assertEquals(
    status.members.map(({ name, seq, state, host, heard }) => ({ name, seq, state, host, heard })),
    [
      { name: "ann", seq: 7, state: "member", host: "10.0.0.1", heard: false },
      { name: "bob", seq: null, state: "joining", host: "10.0.0.2", heard: false },
    ],
  );
  assertEquals(status.problems, ["bob isn't in: no datagrams between bob and ann"]);
});

Deno.test("What nobody who is here knows is said to be unknown, and who is awaited for it", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");
  const after = program.restarted();
  after.comes("cem");
  after.hears("cem", [], true);
  after.says("cem", { type: "alive", end: ELSEWHERE, seq: 7 });

  const { seq, members, problems } = after.status();

  assertEquals(
    [seq, ...members.map(({ name, seq, digest, state }) => [name, seq, digest, state])],
    [
      null,
      ["ann", null, null, "awaited"],
      ["cem", 7, ELSEWHERE.digest, "joining"],
    ],
  );
  assertEquals(problems.at(-1), "cem isn't in: waiting for ann");
  after.command({ command: "list" });
  const list = after.events.at(-1)!;
  assertEquals(list.event === "members" && [list.members, list.awaited], [["ann"], ["ann"]]);
  after.command({ command: "states", seq: 1 });
  const states = after.events.at(-1)!;
  if (states.event !== "states") throw new Error("no states");
  assertEquals(states.members.map(({ seq, digest, lagMs }) => [seq, digest, lagMs]), [
    [null, null, null],
  ]);
  assertEquals(states.arrivals?.members.map(({ has }) => has), [null]);
});

/** Somebody tells of entries by these, from a number on, after a position. */
function tell(
  program: Program,
  from: string,
  after: number,
  seq: number,
  names: readonly string[],
) {
  const entries = names.map((name) => ({ id: new Uint8Array(32), author: keyOf(name), name }));
  return program.says(from, {
    type: "entries",
    after,
    through: after + names.length,
    seq,
    entries,
  });
}

Deno.test("How many entries there are only members say", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");
  program.comes("mal");
  for (let n = 0; n < 3; n++) program.somebody("mal").says("made up");
  program.pass(1_000);
  assertEquals(program.status().seq, 1);
});

Deno.test("How many entries there are is known while nobody is there, too", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");
  program.says("ann", { type: "leave" });
  const after = program.restarted();
  after.comes("bob");
  after.somebody("bob").says("made up");
  after.somebody("bob").says("and more");
  after.pass(1_000);
  assertEquals([program.status().seq, after.status().seq], [1, 1]);
});

Deno.test("Entries are told once, though the next sequencer tells them again", () => {
  const program = Program.of("ann", "bob", "cem");
  const all = ["ann", "bob", "cem"].map((name) => program.somebody(name));
  for (const author of all.slice(0, 2)) {
    const batch = author.says("one");
    for (const member of all) if (member !== author) member.has(batch);
  }

  const first = tell(program, "ann", 0, 1, ["ann", "bob"]);
  assertEquals(first, ["entry 1 of ann", "entry 2 of bob"]);
  program.says("ann", { type: "leave" });
  assertEquals(program.status().members.map(({ name }) => name), ["bob", "cem"]);
  assertEquals(tell(program, "bob", 0, 1, ["ann", "bob", "bob"]), ["entry 3 of bob"]);
  assertEquals(tell(program, "bob", 8, 9, ["ann"]), []);
});

Deno.test("The next sequencer hears up to where entries were told, and needn't tell those again", () => {
  const program = Program.of("ann", "bob");
  program.somebody("bob").has(program.somebody("ann").says("one"));
  const one = { id: new Uint8Array(32), author: keyOf("ann"), name: "ann" };
  const place = { after: 0, through: 1, seq: 1 };
  program.says("ann", { type: "entries", ...place, entries: [one] });
  const isWelcome = (word: string) => word.includes("welcome");

  // The sequencer stays the same.
  assertEquals(program.joins("cem").filter(isWelcome), ["cem: welcome"]);
  const left = program.says("ann", { type: "leave" });
  assertEquals(left.filter(isWelcome), ["bob: welcome member"]);
  const told = program.somebody("bob").got.get("welcome");
  assertEquals(told?.type === "welcome" && told.told, 1);
  assertEquals(program.says("cem", { type: "leave" }).filter(isWelcome), []);
});

/** Ann's three entries are told, and given up, once she is gone for good. */
function givenUp(restarts: (program: Program) => Program): Program {
  const program = Program.of("ann");
  for (const text of ["one", "two", "three"]) program.somebody("ann").says(text);
  assertEquals(tell(program, "ann", 0, 1, ["ann", "ann", "ann"]).length, 3);
  program.goesDown("ann");
  program.pass(10_000);
  program.comes("bob");
  const words = program.command({ command: "remove", name: "ann" });
  assertEquals(words.includes("disk: given-up 1"), true);
  const later = restarts(program);
  if (later !== program) later.comes("bob");
  assertEquals(later.allHear().includes("view 2: bob"), true);
  return later;
}

for (
  const [what, restarts] of [
    ["goes on", (program: Program) => program],
    ["was started again in between", (program: Program) => program.restarted()],
  ] as const
) {
  Deno.test(`What comes in place of a history that was given up is told, where the coordinator ${what}`, () => {
    const program = givenUp(restarts);
    assertEquals(program.status().seq, 0);
    const welcome = program.somebody("bob").got.get("welcome");
    assertEquals(welcome?.type === "welcome" && welcome.told, 0);

    assertEquals(tell(program, "bob", 0, 1, ["bob"]), ["entry 1 of bob"]);
    const edit = { type: "entries", after: 1, through: 2, seq: 2, entries: [] } as const;
    assertEquals(program.says("bob", edit), []);
    assertEquals(tell(program, "bob", 2, 2, ["bob"]), ["entry 2 of bob"]);
    assertEquals(program.status().seq, 2);
  });
}

Deno.test("Nobody but the sequencer tells of entries, nor keeps others from being told", () => {
  const program = Program.of("ann", "bob");
  const one = { id: new Uint8Array(32), author: keyOf("ann"), name: "ann" };
  const { MAX_SAFE_INTEGER: through } = Number;
  program.comes("cem");

  for (const name of ["bob", "cem"]) {
    const words = program.says(name, {
      type: "entries",
      after: 0,
      through,
      seq: 1,
      entries: [one],
    });
    assertEquals(words, []);
  }

  const truth = { after: 0, through: 1, seq: 1, entries: [one] };
  const words = program.says("ann", { type: "entries", ...truth });
  assertEquals(words, ["entry 1 of ann"]);
});

Deno.test("/exit closes all links and says nothing of leaving", () => {
  const program = Program.of("ann", "bob");

  assertEquals(program.command({ command: "quit" }), ["closes ann", "closes bob", "stops: bye"]);
});

Deno.test("A disk that refuses ends the coordinator before anything follows from it", () => {
  const program = Program.started();
  program.comes("ann");
  program.diskMode = "refuses";

  assertEquals(program.hears("ann", [], true).at(-1), "stops: fatal");
});

const FLOODS: readonly GroupMessage[] = [
  { type: "alive", end: ELSEWHERE, seq: 0 },
  { type: "history", after: 0, batches: [], isLast: false, stable: 0 },
];

Deno.test("Whoever speaks before hello, twice, or what is not for us is shut out for a while", () => {
  const cases: readonly (readonly [string, (program: Program) => readonly string[]])[] = [
    ["alive before hello", (program) => {
      program.links("eve");
      return program.says("eve", { type: "alive", end: ELSEWHERE, seq: 0 });
    }],
    ["hello twice", (program) => {
      program.comes("eve");
      return program.says("eve", hello("eve"));
    }],
    ["parted isn't for the coordinator", (program) => {
      program.comes("eve");
      return program.says("eve", { type: "parted", why: "left", pauseMs: 0 });
    }],
    ...FLOODS.map((message) =>
      ["too many messages", (program: Program) => {
        program.comes("eve");
        for (let number = 0; number < 998; number++) program.says("eve", message);
        assertEquals(program.says("eve", message), []);
        return program.says("eve", message);
      }] as const
    ),
    ...[
      { after: 0, through: 0, seq: 1 }, // one more than it takes
      { after: 2, through: 3, seq: 4 }, // numbered beyond its place
    ].map((place) =>
      ["entries that can't be", (program: Program) => {
        const entries = [{ id: new Uint8Array(32), author: keyOf("ann"), name: "ann" }];
        return program.says("ann", { type: "entries", ...place, entries });
      }] as const
    ),
    ["too many messages of unknown types", (program) => {
      program.links("eve"); // says no hello
      const answer = { type: "unknown", code: 6_000 } as const;
      for (let number = 0; number < UNKNOWN_MESSAGES_MAX; number++) {
        assertEquals(program.says("eve", answer), []);
      }
      return program.says("eve", answer);
    }],
    ["too many messages of unknown types", (program) => {
      program.comes("eve");
      const link = program.somebody("eve").link!;
      for (let number = 0; number < UNKNOWN_MESSAGES_MAX; number++) {
        program.feed({ type: "unknown-message", link, code: 99 });
      }
      return program.feed({ type: "unknown-message", link, code: 99 });
    }],
  ];
  for (const [text, run] of cases) {
    const words = run(Program.of("ann"));
    const ban = words.find((word) => word.startsWith("bans") && word.endsWith(text)) ?? "";
    assertEquals(/^bans (?:ann|eve): /.test(ban), true, text);
    // The operator is told of members; strangers come and go.
    assertEquals(words.includes("error protocol"), ban.startsWith("bans ann"), text);
  }
});

Deno.test("A link without hello is closed after 10 s, and the oldest where there are too many", () => {
  const program = Program.started();
  program.links("eve");
  assertEquals(program.pass(9_900), []);
  assertEquals(program.pass(200), ["closes eve"]);

  for (let link = 100; link < 100 + UNGREETED_LINKS_MAX; link++) {
    const from = { peer: keyOf(`x${link}`), process: "1", host: null };
    program.feed({ type: "link-up", link: link as LinkId, ...from });
  }
  const from = { peer: keyOf("y"), process: "1", host: null };
  const next = { type: "link-up", link: 999 as LinkId, ...from } as const;
  assertEquals(program.feed(next), ["closes 100"]);
});

function hello(name: string): GroupMessage {
  const none = { number: 0, round: 0 };
  const incarnation = new Uint8Array(8);
  return {
    type: "hello",
    name,
    incarnation,
    host: null,
    port: 1,
    group: null,
    begun: none,
    promised: none,
  };
}

Deno.test("Where nobody is kept out /allow says so", () => {
  const program = Program.of("ann");

  program.command({ command: "allow", name: "Nob" });

  assertEquals(program.told.at(-1), "Cannot allow Nob: nobody is kept out");
});

Deno.test("Whoever was never in the group isn't found to be removed, and who is here or awaited is named", () => {
  const program = Program.of("ann", "bob");

  program.command({ command: "remove", name: "zoe" });

  assertEquals(
    program.told.at(-1),
    "Cannot find zoe among those who are, or were, in the group; there are ann, bob",
  );
});

Deno.test("/status: an instance that leads and that no member reaches says so, and how another one leads", () => {
  const instances = () => [1, 2].map((port) => ({ host: "10.0.0.9", port }));
  const isTold = (program: Program) =>
    program.status().problems.some((text) => text.includes("end this one with /exit"));
  const [several, alone] = [Program.with({ instances }, "ann", "bob"), Program.of("ann", "bob")];
  assertEquals([several, alone].map(isTold), [false, false]);
  for (const program of [several, alone]) for (const name of ["ann", "bob"]) program.goesDown(name);
  assertEquals([several, alone].map(isTold), [true, false]);
  several.comes("ann");
  assertEquals(isTold(several), false);
});
