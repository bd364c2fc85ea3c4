/** Who has a place: full groups, crowds of strangers, and where members are. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import { NO_BALLOT } from "../../../lib/protocols/group/schema/epoch.ts";
import {
  CONTROL_BURST,
  ELSEWHERE_BURST,
  ELSEWHERE_MS,
  ELSEWHERE_PER_S,
  JOINERS_MAX,
  LOOK_PAUSE_MS,
  LOOKS_BURST,
  PEERS_BURST,
  PEERS_PER_S,
  STRANGER_MS_MIN,
  STRANGERS_PER_ADDRESS_MAX,
} from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { SLOW } from "../../given.ts";
import { GROUP, keyOf, Program } from "./coordinator_program.ts";

Deno.test("A full group takes nobody more, but its own members back", () => {
  const program = Program.started({ membersMax: 2 });
  program.joins("ann");
  program.joins("bob");

  assertEquals(program.comes("cem"), ["cem: refuse full", "closes cem"]);
  program.somebody("bob").incarnation = 2;
  assertEquals(program.comes("bob").includes("bob: welcome member"), true);
});

Deno.test("Whoever is ready when the last place is taken is told that there is none", () => {
  const program = Program.with({ membersMax: 3 }, "ann", "bob");
  program.comes("cem");
  program.comes("dan");

  const words = program.allHear("dan");

  assertEquals(words.filter((word) => /^view|dan: refuse|closes/.test(word)), [
    "view 3: ann bob cem",
    "dan: refuse full",
    "closes dan",
  ]);
  assertEquals(refusalOf(program, "dan"), "The group is full, it has 3 members; come back later");
});

/** Of ann, bob and eve, then of ann, cem, dan and fay: that one is decided, and ann is gone before it began. */
function fullWithoutAnn(): Program {
  const program = Program.with({ membersMax: 4 }, "ann", "bob", "eve");
  const old = ["bob", "eve"].map((name) => program.somebody(name));
  for (const { answers } of old) answers.clear();
  for (const name of ["cem", "dan", "fay"]) program.joins(name);
  program.somebody("ann").answers.delete("begin");
  program.pass(5_000);
  program.goesDown("ann");
  program.pass(5_000);
  for (const one of old) one.answers = new Set(program.somebody("cem").answers);
  assertEquals(program.status().members.map(({ name }) => name), ["ann", "cem", "dan", "fay"]);
  assertMatch(program.told.at(-1)!, /waiting for ann, bob or eve/);
  return program;
}

/** What those say of whom that view has, and for whom it didn't begin. */
const PROMISED = { group: GROUP, promised: { number: 5, round: 0 } };

Deno.test("A full group takes who was in an earlier view back, where nobody else speaks for that", () => {
  const program = fullWithoutAnn();

  const words = program.comes("bob");

  assertEquals(words[0], "bob: welcome member");
  assertEquals(words.filter((word) => /^view|disk: conf/.test(word)), [
    "view 6: cem dan fay bob",
    "disk: confirmed 6",
  ]);
  for (const name of ["eve", "ann"]) {
    assertEquals(program.comes(name), [`${name}: refuse full`, `closes ${name}`]);
  }
});

Deno.test("Who was let into a full group for its voice has no place there when another one spoke", () => {
  const program = fullWithoutAnn();
  const dan = program.somebody("dan");
  dan.answers.delete("flush");
  assertEquals(program.comes("bob")[0], "bob: welcome member");
  program.somebody("ann").answers.add("begin");
  program.comes("ann");
  dan.answers.add("flush");

  const words = program.comes("dan", PROMISED); // on another link: the change begins anew

  assertEquals(words.filter((word) => /^view|bob: refuse|closes bob/.test(word)), [
    "view 7: ann cem dan fay",
    "bob: refuse full",
    "closes bob",
  ]);
});

Deno.test("A full group takes nobody back who has lost what an earlier view had", () => {
  const program = fullWithoutAnn();
  Object.assign(program.somebody("bob"), { begun: NO_BALLOT, promised: NO_BALLOT });

  assertEquals(program.comes("bob"), ["bob: refuse full", "closes bob"]);
  assertEquals(program.comes("eve")[0], "eve: welcome member");
});

Deno.test("Where fewer fit than before, somebody of each view that may have shown something stays", () => {
  const program = fullWithoutAnn().restarted({ membersMax: 2 });

  const words = ["cem", "dan", "fay"].flatMap((name) => program.comes(name, PROMISED));
  words.push(...program.comes("bob"));
  words.push(...program.pass(10_000));

  assertEquals(words.filter((word) => /^view/.test(word)), ["view 6: cem bob"]);
});

/** They say hello, answer probes, and exchange datagrams with nobody. */
function strangersCome(program: Program, from: number, through: number, address: string | null) {
  for (let at = from; at <= through; at++) program.comes(`stranger${at}`, {}, address);
}

function refusalOf(program: Program, name: string): string {
  return (program.somebody(name).got.get("refuse") as GroupMessageOf<"refuse">).text;
}

Deno.test(
  "A crowd that exchanges datagrams with nobody keeps out neither newcomers nor members",
  SLOW,
  () => {
    // From the coordinator's own machine no bound of an address holds.
    for (const addresses of [1, 8, null]) {
      const program = Program.of("ann", "bob", "cem");
      const address = (at: number) => addresses === null ? null : `10.1.0.${at % addresses}`;
      for (let at = 1; at <= 61; at++) strangersCome(program, at, at, address(at));
      let strangers = 61;
      // One more takes any place that comes free.
      const passes = (ms: number) => {
        for (let passed = 0; passed < ms; passed += 250) {
          program.pass(250);
          strangersCome(program, ++strangers, strangers, address(strangers));
        }
      };
      passes(1_000);
      program.somebody("cem").answers.delete("probe");
      passes(5_000);
      const members = program.status().members.filter(({ state }) => state === "member");
      assertEquals(members.map(({ name }) => name), ["ann", "bob"], "cem is out");
      program.somebody("cem").answers.add("probe");

      const told = program.comes("cem");
      assertEquals(told.includes("cem: welcome"), true, "a member that was out");
      passes(1_000);
      program.comes("dan");
      passes(1_000);
      const words = ["ann", "bob", "cem", "dan"].flatMap((name) =>
        program.hears(name, ["ann", "bob", "cem", "dan"].filter((other) => other !== name), true)
      );

      assertEquals(
        words.filter((word) => word.startsWith("view")).at(-1)!.slice(8),
        "ann bob cem dan",
      );
    }
  },
);

Deno.test("Of one address few strangers join at once; who is heard, or was a member, counts no more", () => {
  const program = Program.of("ann");
  strangersCome(program, 1, STRANGERS_PER_ADDRESS_MAX, "10.1.0.1");
  const here = (name: string) => program.somebody(name).link !== null;

  program.pass(STRANGER_MS_MIN);
  strangersCome(program, 9, 9, "10.1.0.1");
  assertEquals(["stranger1", "stranger2", "stranger9"].map(here), [false, true, true]);
  assertEquals(
    refusalOf(program, "stranger1"),
    "Too many are coming into the group at once; come back later",
  );

  program.hears("ann", ["stranger2", "stranger3"]);
  program.pass(STRANGER_MS_MIN);
  strangersCome(program, 10, 12, "10.1.0.1");
  const left = ["stranger2", "stranger3", "stranger4", "stranger5"];
  assertEquals(left.map(here), [true, true, false, true]);

  strangersCome(program, 13, 13, "10.1.0.2");
  assertEquals(here("stranger5"), true);
});

Deno.test("However fast strangers come, members are told of it a few times a second", SLOW, () => {
  const program = Program.of("ann");
  program.pass(60_000);
  const told = () => program.somebody("ann").all.filter(({ type }) => type === "peers").length;
  const before = told();
  strangersCome(program, 1, PEERS_BURST, null);
  assertEquals(told() - before, PEERS_BURST);

  for (let at = 1; at <= 200; at++) {
    strangersCome(program, PEERS_BURST + at, PEERS_BURST + at, null);
    program.pass(50);
  }
  const count = told() - before - PEERS_BURST;
  assertEquals(count >= 9 * PEERS_PER_S && count <= 10 * PEERS_PER_S, true, `${count} times`);

  program.pass(250);
  strangersCome(program, 999, 1_001, null);
  assertEquals(lastPeers(program, "ann").includes("stranger1001"), false);
  program.pass(250);
  assertEquals(lastPeers(program, "ann").includes("stranger1001"), true);
});

function lastPeers(program: Program, name: string): readonly string[] {
  const { members } = program.somebody(name).got.get("peers") as GroupMessageOf<"peers">;
  return members.map(({ name }) => name);
}

/** Where it was last said to be. */
function toldHost(program: Program, of: string, to = "ann"): string | null {
  const { members } = program.somebody(to).got.get("peers") as GroupMessageOf<"peers">;
  return members.find(({ name }) => name === of)!.host;
}

Deno.test("An address that isn't one other machine's is none: the one that a link comes from counts", () => {
  const program = Program.of("ann");
  for (const host of ["127.0.0.1", "localhost", "::1", "224.0.0.1", "255.255.255.255", "::"]) {
    program.comes("bob", { host }, "10.2.0.1");
    assertEquals(toldHost(program, "bob"), "10.2.0.1", host);
    program.goesDown("bob");
  }
  for (const host of ["224.0.0.1", "255.255.255.255", "::"]) {
    program.comes("bob", { host }, null);
    assertEquals(toldHost(program, "bob"), null, host);
    program.goesDown("bob");
  }
});

Deno.test("On the coordinator's machine a member may have a loopback address of its own", () => {
  const program = Program.of("ann");
  for (let at = 1; at <= 9; at++) program.comes(`one${at}`, { host: "127.0.0.5" }, null);
  assertEquals(toldHost(program, "one9"), "127.0.0.5");
});

Deno.test("Few strangers have members send where they say to be found, and for a moment, until they are heard", () => {
  const program = Program.of("ann");
  program.pass(60_000);
  const victim = "203.0.113.7";
  const names = Array.from({ length: 20 }, (_, at) => `stranger${at}`);
  for (const name of names) program.comes(name, { host: victim }, null);
  const there = () => names.filter((name) => toldHost(program, name) === victim);
  assertEquals(there(), names.slice(0, ELSEWHERE_BURST));

  // Whoever can be reached there alone has had the time to be.
  program.pass(ELSEWHERE_MS + 500);
  assertEquals(there(), []);
  program.hears("ann", [names[9]!]);
  assertEquals(there(), [names[9]]);

  program.pass(1_000 / ELSEWHERE_PER_S);
  program.comes("bob", { host: victim }, null);
  assertEquals(toldHost(program, "bob"), victim);
  program.comes("cem", { host: "10.2.0.1" }, "10.2.0.1");
  assertEquals(toldHost(program, "cem"), "10.2.0.1");
});

Deno.test("A member is where it says", () => {
  const program = Program.of("ann");
  for (let at = 1; at <= 9; at++) program.comes(`stranger${at}`, { host: "203.0.113.7" }, null);
  program.comes("bob", { host: "bob.example" }, "10.2.0.1");
  assertEquals(toldHost(program, "bob"), "10.2.0.1");

  program.hears("bob", ["ann"], true);
  program.hears("ann", ["bob"], true);

  assertEquals(toldHost(program, "bob"), "bob.example");
  const { signed } = program.somebody("bob").got.get("begin") as GroupMessageOf<"begin">;
  assertEquals(signed.epoch.value.members[1]!.host, "bob.example");
});

Deno.test("Who was a member goes before strangers, also before those who are heard", () => {
  const program = Program.of("ann", "bob");
  program.says("bob", { type: "leave" });
  strangersCome(program, 1, JOINERS_MAX, null);
  program.hears("ann", program.members.map(({ name }) => name).filter((name) => name !== "ann"));

  assertEquals(program.comes("cem"), ["cem: refuse too-fast", "closes cem"]);
  assertEquals(program.comes("bob").slice(0, 3), [
    "stranger1: refuse too-fast",
    "closes stranger1",
    "bob: welcome",
  ]);
});

Deno.test("A stranger takes the place of no former member, also where all other joining ones are heard", () => {
  const program = Program.of("ann", "bob");
  program.says("bob", { type: "leave" });
  strangersCome(program, 2, JOINERS_MAX, null);
  program.hears("ann", program.members.map(({ name }) => name).filter((name) => name !== "bob"));
  program.comes("bob");

  assertEquals(program.comes("cem"), ["cem: refuse too-fast", "closes cem"]);
  assertEquals(program.somebody("bob").link !== null, true);
});

Deno.test("Another key under the name of a member that is away is a changed key, not a name in use", () => {
  const program = Program.of("ann", "bob");
  program.goesDown("bob");

  assertEquals(program.comes("eve", { name: "Bob" }), [
    "error key-changed",
    "eve: refuse key-changed",
    "closes eve",
  ]);
  assertStringIncludes(program.told.at(-1)!, fingerprintOf(keyOf("bob")));
  assertStringIncludes(program.told.at(-1)!, fingerprintOf(keyOf("eve")));
  const words = program.command({ command: "trust", name: "bob" });
  assertEquals(words[0], "pins eve as bob again");
});

Deno.test("The operator is told once who can't come in as no datagrams pass, also where it dials again", () => {
  const program = Program.of("ann", "bob");
  program.comes("cem");
  program.hears("cem", ["ann"]);
  assertEquals(program.pass(6_900).includes("warning"), false);

  assertEquals(program.pass(200).filter((word) => word === "warning").length, 1);
  assertEquals(
    program.told.at(-1),
    "cem isn't in: no datagrams between cem and ann and bob",
  );
  program.goesDown("cem");
  program.comes("cem");
  assertEquals(program.pass(20_000).includes("warning"), false);

  program.allHear();
  assertEquals(program.events.at(-1), {
    event: "view",
    view: 3,
    members: ["ann", "bob", "cem"],
    keys: ["ann", "bob", "cem"].map((name) => fingerprintOf(keyOf(name))),
  });
  assertEquals(program.pass(20_000).includes("warning"), false);
});

Deno.test("However often strangers say whom they hear, who is ready is in a moment later, and others aren't looked for each time", () => {
  const program = Program.of("ann");
  program.comes("bob");
  program.comes("cem");
  for (let time = 0; time < LOOKS_BURST; time++) {
    program.hears("cem", time % 2 === 0 ? ["ann"] : []);
  }

  assertEquals(program.allHear("cem").filter((word) => /^view/.test(word)), []);
  const words = program.pass(LOOK_PAUSE_MS);

  assertEquals(words.filter((word) => /^view/.test(word)), ["view 2: ann bob"]);
});

Deno.test("A stranger that goes on about edits is sent away like one that goes on about anything", () => {
  const program = Program.of("ann");
  program.comes("cem");
  const words: string[] = [];
  for (let time = 0; time <= CONTROL_BURST && words.length === 0; time++) {
    words.push(...program.says("cem", { type: "inquire", edits: [] }));
  }
  assertEquals([words[0], words[1]?.split(": ")[1]], ["closes cem", "too many messages"]);
});
