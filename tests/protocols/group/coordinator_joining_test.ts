// Founding a group, joining and leaving it.

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { Hash } from "../../../lib/base/ids.ts";
import { STRANGE_KEPT_MS } from "../../../lib/base/machine/mode_limits.ts";
import { NO_BALLOT } from "../../../lib/protocols/group/schema/ballot.ts";
import {
  ELSEWHERE_BURST,
  ELSEWHERE_MS,
  ELSEWHERE_PER_S,
  JOINERS_MAX,
  NUMBER_JUMP_MAX,
  PEERS_BURST,
  PEERS_PER_S,
  PROMISE_JUMP_MAX,
  STRANGER_MS_MIN,
  STRANGERS_PER_ADDRESS_MAX,
} from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { GROUP, keyOf, Program, type Words } from "./coordinator_program.ts";
import { SLOW } from "../../given.ts";

Deno.test("The first one founds the group, each step on disk before it is said", () => {
  const program = new Program();

  assertEquals(program.feed({ type: "start" }), ["disk: group, key", "ready"]);
  assertEquals(program.comes("ann"), [
    "ann: welcome",
    "ann: peers ann",
    "joining ann",
    "ann: catch-up from coordinator",
    "ann: peers ann?",
  ]);
  assertEquals(program.hears("ann", [], true), [
    "disk: number 1",
    "ann: flush 1",
    "ann: level 0 at 0 from coordinator",
    "disk: decided 1",
    "ann: begin 1",
    "pins ann as ann",
    "joined ann",
    "view 1: ann",
    "ann: peers ann",
    "disk: confirmed 1",
  ]);
});

Deno.test("A newcomer waits until it has the log and all hear each other", () => {
  const program = Program.of("ann", "bob");

  assertEquals(program.comes("cem"), [
    "cem: welcome",
    "ann: peers ann bob cem",
    "bob: peers ann bob cem",
    "cem: peers ann bob cem",
  ]);
  assertEquals(program.hears("cem", ["ann", "bob"]), [
    "joining cem",
    "ann: peers ann bob cem?",
    "bob: peers ann bob cem?",
    "cem: peers ann bob cem?",
    "cem: catch-up from bob",
  ]);
  assertEquals(program.hears("cem", ["ann", "bob"], true), []);
  assertEquals(program.hears("ann", ["bob", "cem"]), []);
  assertEquals(program.hears("bob", ["ann", "cem"]).at(0), "disk: number 3");
  assertEquals(program.status().members.map(({ name, state }) => `${name} ${state}`), [
    "ann member",
    "bob member",
    "cem member",
  ]);
});

Deno.test("Newcomers fetch the log from several members, the sequencer only where there is no other", () => {
  const program = Program.of("ann", "bob", "cem");

  for (const name of ["dan", "eve"]) program.comes(name);
  assertEquals(program.hears("dan", ["ann", "bob", "cem"]).at(-1), "dan: catch-up from bob");
  assertEquals(program.hears("eve", ["ann", "bob", "cem"]).at(-1), "eve: catch-up from cem");
});

Deno.test("A newcomer whose source goes, or is heard no more, or sends nothing, is sent to another", () => {
  const catchUps = (words: Words) => words.filter((word) => word.includes("catch-up"));
  const program = Program.of("ann", "bob");
  program.comes("cem");
  program.hears("cem", ["ann", "bob"]);
  program.somebody("bob").answers.delete("probe");
  assertEquals(catchUps(program.pass(4_000)), ["cem: catch-up from ann"]);

  assertEquals(program.hears("cem", []), []);
  assertEquals(program.hears("cem", ["ann"]), ["cem: catch-up from ann"]);
  program.somebody("cem").says("fetched");
  assertEquals(catchUps(program.pass(10_000)), []);
  assertEquals(catchUps(program.pass(1_000)), ["cem: catch-up from ann"]);
});

Deno.test("A newcomer to whom its source sends nothing is sent to all others before it is sent there again", () => {
  const program = Program.of("ann", "bob", "cem");
  program.comes("dan");
  program.hears("dan", ["ann", "bob", "cem"]);
  const sources = (times: number) =>
    Array.from({ length: times }, () => program.pass(11_000)).flat()
      .flatMap((word) => /catch-up from (\w+)/.exec(word)?.[1] ?? []);

  assertEquals(sources(2), ["cem", "ann"]);

  program.hears("dan", []); // for a moment
  program.pass(1_000);
  assertEquals(program.hears("dan", ["ann", "bob", "cem"]), ["dan: catch-up from ann"]);
});

Deno.test("Those who are ready while a view begins come together in the next", () => {
  const program = Program.of("ann");
  program.somebody("ann").answers.delete("begin");
  for (const name of ["bob", "cem", "dan"]) program.comes(name);
  program.hears("bob", ["ann"], true);
  program.hears("ann", ["bob"]);
  assertEquals(program.allHear(), [], "view 2 has begun at bob alone");

  const ballot = program.somebody("ann").begun = { number: 2, round: 0 };
  const words = program.says("ann", { type: "begun", ballot });

  assertEquals(words.filter((word) => /view|disk/.test(word)), [
    "disk: confirmed 2",
    "disk: number 3",
    "disk: decided 3",
    "view 3: ann bob cem dan",
  ]);
});

Deno.test("A member that was started again is in a view anew, in its place, and has its say meanwhile", () => {
  const program = Program.of("ann", "bob");
  program.goesDown("ann");
  program.somebody("ann").incarnation = 2;

  const words = program.comes("ann");

  assertEquals(words.slice(0, 6), [
    "ann: welcome member",
    "ann: peers ann bob",
    "bob: peers ann bob",
    "disk: number 3",
    "ann: flush 3",
    "bob: flush 3",
  ]);
  assertEquals(words.slice(-2), ["view 3: ann bob", "disk: confirmed 3"]);
});

Deno.test("The same key from a second process: the first one is told and goes", () => {
  const program = Program.of("ann", "bob");
  const first = program.somebody("bob").link;
  program.somebody("bob").incarnation = 2;

  assertEquals(program.comes("bob"), ["bob: welcome member"]);
  const words = program.hears("bob", ["ann"]);

  assertEquals(words.slice(0, 2), [`${first}: parted replaced`, `closes ${first}`]);
  assertEquals(words.at(-2), "view 3: ann bob");
});

Deno.test("Who comes back with the view begun is welcomed before it is told anything", () => {
  const program = Program.of("ann");
  program.somebody("ann").answers.delete("begin");
  const words = program.joins("bob");
  assertEquals(words.filter((word) => word.includes("begin")), ["ann: begin 2"]);
  // Others pass it on.
  const bob = program.somebody("bob");
  bob.begun = bob.promised = { number: 2, round: 0 };
  program.goesDown("bob");

  assertEquals(program.comes("bob").slice(0, 2), ["bob: welcome member", "bob: begin 2"]);
});

Deno.test("A hello that comes late, from a process that is gone, takes nobody's place", () => {
  const program = Program.of("ann", "bob");
  const first = program.somebody("bob").link;
  program.somebody("bob").incarnation = 2;

  program.comes("bob");
  const words = [...program.goesDown("bob"), ...program.pass(1_000)];
  program.somebody("bob").link = first;

  assertEquals(words.filter((word) => word !== `${first}: probe`), []);
  assertEquals(program.hears("bob", ["ann"]), []);
  assertEquals(program.status().members.map(({ name }) => name), ["ann", "bob"]);
});

Deno.test("An answer that comes late, from a process before the present one, takes nobody's place", () => {
  const program = Program.of("ann", "bob");
  const bob = program.somebody("bob");
  bob.incarnation = 2;
  program.comes("bob");
  const before = bob.link;
  bob.incarnation = 3;
  program.comes("bob");
  const present = bob.link;
  program.hears("bob", ["ann"]);

  bob.link = before;
  const words = program.hears("bob", ["ann"]);
  bob.link = present;

  assertEquals(words.filter((word) => word.includes("replaced")), []);
  assertEquals(program.hears("bob", []).includes("closes bob"), false);
});

Deno.test("Who is welcomed beside another process of its own and never answers is let go", () => {
  const program = Program.of("ann", "bob");
  program.somebody("bob").incarnation = 2;
  program.comes("bob");
  program.somebody("bob").answers.clear();

  const words = program.pass(11_000);

  assertEquals(words.filter((word) => word === "closes bob"), ["closes bob"]);
});

Deno.test("Another link of the same process takes the place of the first, and no view changes", () => {
  const program = Program.of("ann", "bob");
  const first = program.somebody("bob").link;

  const words = program.comes("bob");

  assertEquals(words, [
    `closes ${first}`,
    "bob: welcome member",
    "ann: peers ann bob",
    "bob: peers ann bob",
  ]);
});

Deno.test("Who has lost its disk has no say in its own view, and comes in as a newcomer", () => {
  const program = Program.of("ann", "bob");
  program.goesDown("ann");
  const ann = program.somebody("ann");
  ann.incarnation = 2;
  ann.begun = ann.promised = { number: 0, round: 0 };

  const words = program.comes("ann");

  assertEquals(words.filter((word) => word.startsWith("view")), ["view 3: bob"]);
  assertEquals(words.filter((word) => word.startsWith("ann")), [
    "ann: welcome",
    "ann: peers ann bob",
    "ann: peers bob ann",
  ]);
});

Deno.test("Who reports less than it said it had counts for nothing until it has fetched the log", () => {
  const program = Program.of("ann", "bob");
  program.goesDown("bob");
  const bob = program.somebody("bob");
  bob.incarnation = 2;
  bob.answers.delete("flush");
  program.comes("bob");
  const flush = bob.got.get("flush") as GroupMessageOf<"flush">;
  bob.begun = { number: 0, round: 0 };

  const words = program.says("bob", bob.report(flush));

  assertEquals(words.filter((word) => word.startsWith("view")), ["view 4: ann"]);
});

Deno.test("A name is refused that is in use, pinned to another key, or impossible", () => {
  const eve = fingerprintOf(keyOf("eve"));
  const program = Program.started({ pins: new Map([["zoe", eve]]) });
  program.joins("ann");

  assertEquals(program.comes("bob", { name: "ANN" }), ["bob: refuse name-taken", "closes bob"]);
  assertEquals(program.comes("bob", { name: "Zoe" }), [
    "error key-changed",
    "bob: refuse key-changed",
    "closes bob",
  ]);
  assertStringIncludes(program.told[0]!, eve);
  assertStringIncludes(program.told[0]!, fingerprintOf(keyOf("bob")));
  assertEquals(program.comes("bob", { name: "Zoe" }), ["bob: refuse key-changed", "closes bob"]);
  assertEquals(program.comes("bob", { name: "*coordinator*" }), [
    "bob: refuse bad-name",
    "closes bob",
  ]);

  assertEquals(program.command({ command: "trust", name: "zoe" }), [
    "pins bob as zoe again",
    "notice",
  ]);
  assertEquals(program.comes("bob", { name: "Zoe" })[0], "bob: welcome");
});

Deno.test("A newcomer whom no member hears keeps its name for a moment, and gives it up to whoever comes then", () => {
  const program = Program.of("ann");
  program.comes("eve", { name: "bob" });

  program.pass(STRANGER_MS_MIN - 1);
  assertEquals(program.comes("bob"), ["bob: refuse too-fast", "closes bob"]);
  program.pass(1);
  assertEquals(program.comes("bob").slice(0, 3), [
    "eve: refuse too-fast",
    "closes eve",
    "bob: welcome",
  ]);

  // It has as much time itself.
  assertEquals(program.comes("eve", { name: "bob" }), ["eve: refuse too-fast", "closes eve"]);
  program.allHear();
  program.pass(STRANGER_MS_MIN);
  assertEquals(program.comes("eve", { name: "bob" }), ["eve: refuse name-taken", "closes eve"]);
  assertEquals(program.status().members.map(({ name }) => name), ["ann", "bob"]);
});

Deno.test("A newcomer keeps its name while members hear it, or none is there who could", () => {
  const program = Program.of("ann");
  program.comes("bob");
  program.hears("ann", ["bob"]); // it fetches the log
  program.pass(STRANGER_MS_MIN);
  assertEquals(program.comes("eve", { name: "Bob" })[0], "eve: refuse name-taken");

  const empty = Program.started();
  empty.comes("bob");
  empty.pass(STRANGER_MS_MIN);
  assertEquals(empty.comes("eve", { name: "Bob" })[0], "eve: refuse name-taken");
});

Deno.test("Nobody gives up its name to one who isn't let in", () => {
  const pins = new Map([["zoe", fingerprintOf(keyOf("zoe"))]]);
  const program = Program.with({ pins }, "ann");
  program.comes("zoe");
  program.pass(STRANGER_MS_MIN);

  const words = program.comes("bob", { name: "Zoe" });

  assertEquals(words, ["error key-changed", "bob: refuse key-changed", "closes bob"]);
});

Deno.test("Whoever comes with a key that the operator refused isn't let in under that name, until /trust", () => {
  const program = Program.of("ann");
  program.command({ command: "verify", name: "ann", answer: "no" });
  program.goesDown("ann");

  assertEquals(program.comes("ann"), ["ann: refuse key-changed", "closes ann"]);
  program.command({ command: "trust", name: "ann" });
  assertEquals(program.comes("ann").includes("ann: refuse key-changed"), false);

  const refused = [{ name: "ann", fingerprint: fingerprintOf(keyOf("ann")) }];
  const later = Program.started({ refused });
  assertEquals(later.comes("ann"), [
    "error key-changed",
    "ann: refuse key-changed",
    "closes ann",
  ]);
});

Deno.test("Whoever comes with a key that was refused in another program isn't let in under that name", () => {
  const program = Program.of("ann");
  for (const name of ["ann", "bob"]) {
    program.command({ command: "refuse", name, key: fingerprintOf(keyOf(name)) });
  }
  program.goesDown("ann");

  assertEquals(program.comes("ann").at(-1), "closes ann");
  assertEquals(program.comes("bob").at(-1), "closes bob");
  assertEquals(program.comes("cem").includes("closes cem"), false);
});

Deno.test("/trust accepts the key that was told, whoever comes while the operator asks about it", () => {
  const pins = new Map([["zoe", fingerprintOf(keyOf("zoe"))]]);
  const program = Program.started({ pins });
  program.joins("ann");
  const comes = (name: string) => program.comes(name, { name: "Zoe" })[0];

  assertEquals(comes("bob"), "error key-changed");
  for (const stranger of ["eve", "cem", "bob", "dan"]) {
    assertEquals(comes(stranger), `${stranger}: refuse key-changed`);
    program.pass(STRANGE_KEPT_MS / 5);
  }
  assertEquals(program.command({ command: "trust", name: "zoe" })[0], "pins bob as zoe again");

  const later = Program.started({ pins });
  later.joins("ann");
  later.comes("bob", { name: "Zoe" });
  later.pass(STRANGE_KEPT_MS);
  assertEquals(later.comes("eve", { name: "Zoe" })[0], "error key-changed");
  assertEquals(later.command({ command: "trust", name: "zoe" })[0], "pins eve as zoe again");
});

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

Deno.test("Those of one address who come at once don't displace each other: each has the time to be heard", () => {
  const program = Program.of("ann");
  strangersCome(program, 1, STRANGERS_PER_ADDRESS_MAX, "10.1.0.1");
  program.pass(STRANGER_MS_MIN - 1);
  strangersCome(program, 9, 9, "10.1.0.1");

  const first = Array.from({ length: STRANGERS_PER_ADDRESS_MAX }, (_, at) => `stranger${at + 1}`);
  assertEquals(first.filter((name) => program.somebody(name).link === null), []);
  assertEquals(program.somebody("stranger9").link, null);
  assertEquals(
    refusalOf(program, "stranger9"),
    "Too many are coming into the group at once; come back later",
  );

  program.hears("ann", ["stranger1"]);
  strangersCome(program, 9, 9, "10.1.0.1");
  assertEquals(program.somebody("stranger9").link !== null, true);
  assertEquals(program.somebody("stranger1").link !== null, true);
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

Deno.test("What is neither a host's name nor an address is refused as where a member is", () => {
  const program = Program.of("ann");
  const escape = "\x1b]0;evil\x07\nFAKE LINE\u202e";
  for (const host of ["a b;rm", escape, "[::1]", "", "-a", "x".repeat(254) + "é"]) {
    assertEquals(program.comes("bob", { host }), ["bob: refuse protocol", "closes bob"], host);
  }
  assertEquals(
    refusalOf(program, "bob"),
    "What you advertise is neither a host name nor an IP address; see --advertise",
  );
});

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

Deno.test("An IPv6 network counts as one address", () => {
  const program = Program.of("ann");
  for (let at = 1; at <= STRANGERS_PER_ADDRESS_MAX + 1; at++) {
    strangersCome(program, at, at, `2001:db8::${at}`);
  }

  assertEquals(program.somebody("stranger9").link, null);
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

Deno.test("Who says it promised a view that can't have been isn't let in, and drives no number up", () => {
  const program = Program.of("ann");
  const most = { number: program.status().view + PROMISE_JUMP_MAX, round: 0 };
  const promised = { number: most.number + 1, round: 0 };

  const comes = (name: string, changes: Partial<GroupMessageOf<"hello">>) =>
    program.comes(name, { group: GROUP, ...changes });
  assertEquals(comes("bob", { promised }), ["bob: refuse protocol", "closes bob"]);
  assertEquals(comes("cem", { promised: most })[0], "cem: welcome");
});

Deno.test("What was promised to another group keeps nobody out of this one, and drives no number up", () => {
  const program = Program.of("ann");
  const group = "7".repeat(64) as Hash;
  const promised = { number: program.status().view + PROMISE_JUMP_MAX + 1, round: 0 };

  assertEquals(program.comes("bob", { group, promised })[0], "bob: welcome");
  assertEquals(numbersOf(program.allHear())[0], "disk: number 2");
});

Deno.test("Strangers who name this group drive no number up, whatever they say they promised", () => {
  const program = Program.of("ann");
  for (const number of [900_000, 1_800_000]) {
    const promised = { number, round: 0 };
    program.comes(`stranger${number}`, { group: GROUP, promised });
  }

  assertEquals(numbersOf(program.joins("bob"))[0], "disk: number 2");
});

Deno.test("A member's word for a number counts so far and no further, however often it is said", () => {
  const program = Program.of("ann", "bob");
  program.somebody("ann").answers.delete("flush"); // so that no view begins meanwhile
  const words = [1, 2, 2].flatMap((times) =>
    program.comes("bob", { promised: { number: times * NUMBER_JUMP_MAX, round: 0 } })
  );

  // Above the view that may go on, 2; then higher by one for each change.
  assertEquals(
    numbersOf(words),
    [1, 3, 4].map((above) => `disk: number ${NUMBER_JUMP_MAX + above}`),
  );
});

Deno.test("Who was a member and has promised more than is known comes in by a higher number", () => {
  const program = Program.of("ann");
  const bob = program.somebody("bob");
  const promised = { number: 5_000, round: 0 };
  program.comes("bob", { group: GROUP, promised });
  bob.answers.delete("flush");
  program.allHear();
  const { ballot } = bob.got.get("flush") as GroupMessageOf<"flush">;
  bob.answers.add("flush");

  const words = program.says("bob", { type: "outdone", ballot, promised });

  assertEquals(numbersOf(words), ["disk: number 5001"]);
  assertEquals(program.status().view, 5_001);
});

function numbersOf(words: Words): Words {
  return words.filter((word) => word.startsWith("disk: number"));
}

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

Deno.test("Many strangers that hear nobody don't fill the operator's terminal", () => {
  const program = Program.of("ann");
  let warnings = 0;
  for (let round = 0; round < 10; round++) {
    for (let one = 0; one < 8; one++) program.comes(`m${round}-${one}`);
    warnings += program.pass(7_100).filter((word) => word === "warning").length;
    for (let one = 0; one < 8; one++) program.goesDown(`m${round}-${one}`);
  }
  assertEquals(warnings >= 8 && warnings <= 16, true, `${warnings}`);
});
