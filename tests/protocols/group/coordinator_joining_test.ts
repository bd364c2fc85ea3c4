/** Founding a group and joining it: names, keys, and views that were promised. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Endpoint, Hash } from "../../../lib/base/ids.ts";
import { fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import {
  NUMBER_JUMP_MAX,
  PROMISE_JUMP_MAX,
  STRANGER_MS_MIN,
} from "../../../lib/protocols/group/schema/limits.ts";
import type { GroupMessageOf } from "../../../lib/protocols/group/schema/messages.ts";
import { GROUP, keyOf, Program, type Words } from "./coordinator_program.ts";

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

Deno.test("Who says to be the process that is there, and isn't, is refused, and the operator warned once", () => {
  const program = Program.of("ann", "bob");
  const bob = program.somebody("bob");
  const { link: own } = bob;
  bob.process = "copy";

  assertEquals(program.comes("bob"), ["warning", "bob: refuse replaced", "closes bob"]);
  assertEquals(program.comes("bob"), ["bob: refuse replaced", "closes bob"]);
  assertEquals(program.told, [
    "Two programs with bob's key say that they are one: refused the one that came later. Somebody " +
    "has a copy of bob's profile, and nobody can tell which of the two is bob",
  ]);
  assertEquals(program.status().members.map(({ name }) => name), ["ann", "bob"]);

  // Also while bob's own link is down, which comes back.
  bob.link = own;
  program.goesDown("bob");
  assertEquals(program.comes("bob"), ["bob: refuse replaced", "closes bob"]);
  bob.process = null;
  assertEquals(program.comes("bob").slice(0, 1), ["bob: welcome member"]);
});

Deno.test("After a restart, of two processes that say they are one, the first to come is the member", () => {
  const program = Program.of("ann", "bob").restarted();
  program.comes("ann");
  const bob = program.somebody("bob");
  bob.process = "first";
  assertEquals(program.comes("bob").slice(0, 1), ["bob: welcome member"]);
  bob.process = "second";
  assertEquals(program.comes("bob"), ["warning", "bob: refuse replaced", "closes bob"]);
});

Deno.test("Of two processes of one incarnation that are welcomed beside an earlier one, one comes in", () => {
  const program = Program.of("ann", "bob");
  const bob = program.somebody("bob");
  bob.incarnation = 2;
  program.comes("bob");
  const { link: first } = bob;
  bob.process = "other";
  program.comes("bob");
  const { link: second } = bob;

  bob.link = first;
  program.hears("bob", ["ann"]);
  bob.link = second;
  const words = program.hears("bob", ["ann"]);
  assertEquals(words, ["warning", "bob: refuse replaced", "closes bob"]);
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
  program.command({ command: "verify", name: "ann" });
  program.command({ command: "verify", name: "ann", answer: "no" });
  assertEquals(
    program.told.at(-1),
    "ann stays in the group until its program ends; /remove ann puts it out now",
  );
  program.goesDown("ann");

  // The operator was told of the key, and not yet that it is kept out.
  const refused = ["ann: refuse key-changed", "closes ann"];
  assertEquals(program.comes("ann"), ["error key-changed", ...refused]);
  assertEquals(program.comes("ann"), refused);
  program.command({ command: "trust", name: "ann" });
  assertEquals(program.comes("ann").includes("ann: refuse key-changed"), false);

  const later = Program.started({
    refused: [{ name: "ann", fingerprint: fingerprintOf(keyOf("ann")) }],
  });
  assertEquals(later.comes("ann"), ["error key-changed", ...refused]);
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

  program.command({ command: "unrefuse", name: "bob", key: fingerprintOf(keyOf("bob")) });
  assertEquals(program.comes("bob").includes("closes bob"), false);
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

Deno.test("Members are told where an instance listens that has begun since they were welcomed, once", () => {
  const at = (port: number): Endpoint => ({ host: "10.0.0.9", port });
  let instances: readonly Endpoint[] = [at(1)];
  const program = Program.with({ instances: () => instances }, "ann", "bob");
  program.pass(2_000);
  const told = () => program.pass(2_000).filter((word) => word.includes("instances"));
  assertEquals(told(), []);
  instances = [at(1), at(2)];
  assertEquals(told(), ["ann: instances", "bob: instances"]);
  instances = [at(1)];
  assertEquals(told(), [], "whom they know is dialled in vain, at worst");
  instances = [at(2), at(1)];
  assertEquals(told(), []);
});
