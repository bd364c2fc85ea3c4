// Leaving a group, and what becomes of its log when the last one leaves.

import { assertEquals } from "@std/assert";
import { UNGREETED_LINKS_MAX } from "../../../lib/protocols/group/schema/limits.ts";
import { signEpoch } from "../../../lib/protocols/group/schema/epoch.ts";
import { GROUP, OWN, Program } from "./coordinator_program.ts";

const LEAVE = { type: "leave" } as const;

Deno.test("Who leaves has its say, and is let go when the view without it has begun everywhere", () => {
  const program = Program.of("ann", "bob");
  program.somebody("ann").answers.delete("begin");

  assertEquals(program.says("bob", LEAVE), [
    "disk: number 3",
    "ann: flush 3",
    "bob: flush 3",
    "ann: level 2 at 0 from ann",
    "bob: level 2 at 0 from ann",
    "disk: decided 3",
    "ann: bob is gone: quit",
    "ann: begin 3",
    "left bob: quit",
    "view 3: ann",
    "ann: peers ann",
    "bob: peers ann",
  ]);
  assertEquals(program.says("ann", { type: "begun", ballot: { number: 3, round: 0 } }), [
    "disk: confirmed 3",
    "bob: parted left",
    "closes bob",
  ]);
});

Deno.test("A newcomer that leaves is let go at once", () => {
  const program = Program.of("ann");
  program.comes("bob");

  assertEquals(program.says("bob", LEAVE), ["bob: parted left", "closes bob", "ann: peers ann"]);
});

Deno.test("The log of the last one is on the coordinator's disk before it is let go; the next one has it", () => {
  const program = Program.of("ann");
  const ann = program.somebody("ann");
  ann.says("one");
  ann.says("two");

  assertEquals(program.says("ann", LEAVE), [
    "disk: number 2",
    "ann: flush 2",
    "ann: level 1 at 2 from ann",
    "ann: fetch 0 to 2",
    "disk: new-log",
    "disk: log, log",
    "disk: decided 2",
    "left ann: quit",
    "view 2: ",
    "ann: parted left",
    "disk: confirmed 2",
  ]);

  const later = program.restarted();
  assertEquals(later.comes("bob").includes("bob: catch-up from coordinator"), true);
  const { point: after } = later.somebody("bob").end;
  assertEquals(later.says("bob", { type: "fetch", after, through: 99 }), [
    "bob: history of 2 after 0",
  ]);
  for (const batch of ann.batches) later.somebody("bob").has(batch);
  const words = later.hears("bob", [], true);
  assertEquals(words.filter((word) => /level|view|warning/.test(word)), [
    "bob: level 2 at 2 from coordinator",
    "view 3: bob",
  ]);
});

Deno.test("The log goes on where the coordinator's ends, and is set aside where it isn't its beginning", () => {
  const program = Program.of("ann");
  const ann = program.somebody("ann");
  ann.says("one");
  program.says("ann", LEAVE);
  program.joins("ann");
  ann.says("two");
  const words = program.says("ann", LEAVE);
  assertEquals(words.filter((word) => /fetch|log/.test(word)), ["ann: fetch 1 to 2", "disk: log"]);

  const other = Program.started();
  const bob = other.somebody("bob");
  other.log.push(...ann.batches);
  const again = new Program({ records: other.disk }, ann.batches);
  again.members.push(bob);
  again.feed({ type: "start" });
  const place = { key: bob.key, name: "bob", incarnation: bob.incarnationBytes };
  bob.epoch = signEpoch(OWN, {
    group: GROUP,
    view: 1,
    ballot: { number: 1, round: 0 },
    members: [{ ...place, host: null, port: 9_000 }],
    start: bob.end.point,
  });
  bob.says("another one");
  bob.says("and two");
  bob.says("and three");
  again.joins("bob");
  const unlike = again.says("bob", LEAVE);
  assertEquals(unlike.filter((word) => /fetch|log/.test(word)), [
    "bob: fetch 2 to 3",
    "disk: new-log",
    "bob: fetch 0 to 3",
    "disk: log, log, log",
  ]);
});

Deno.test("The view with nobody in it waits for the log to be on disk", () => {
  const program = Program.of("ann");
  program.somebody("ann").says("one");
  program.diskMode = "holds-log";
  assertEquals(program.says("ann", LEAVE).at(-1), "disk: log");

  const words = program.diskAnswers();

  assertEquals(words[0], "disk: decided 2");
});

Deno.test("History that isn't what was agreed on is refused, and its sender shut out for a while", () => {
  const program = Program.of("ann");
  const ann = program.somebody("ann");
  ann.answers.delete("fetch");
  const batch = ann.says("one");
  program.says("ann", LEAVE);
  const forged = { ...batch, signature: new Uint8Array(64) };

  const words = program.says("ann", {
    type: "history",
    after: 0,
    batches: [forged],
    isLast: true,
    stable: 1,
  });

  assertEquals(words.filter((word) => /bans|log|view|error/.test(word)), [
    "error protocol",
    "bans ann: history after 0: its author hasn't signed it",
  ]);
  assertEquals(program.log, []);
});

Deno.test("What comes before the first batch at fault is kept, for those who come next", () => {
  const program = Program.of("ann");
  const ann = program.somebody("ann");
  ann.answers.delete("fetch");
  const batches = [ann.says("one"), ann.says("two")];
  program.says("ann", LEAVE);
  const forged = { ...batches[1]!, signature: new Uint8Array(64) };

  const words = program.says("ann", {
    type: "history",
    after: 0,
    batches: [batches[0]!, forged],
    isLast: true,
    stable: 2,
  });

  assertEquals(words.filter((word) => /bans|log/.test(word)), [
    "disk: new-log",
    "disk: log",
    "bans ann: history after 1: its author hasn't signed it",
  ]);
  assertEquals(program.log, [batches[0]]);
});

Deno.test("The last one stays for a view more where newcomers are ready: somebody of each view goes on", () => {
  const program = Program.started();
  const ann = program.somebody("ann");
  ann.answers.delete("begin");
  program.joins("ann");
  program.says("ann", LEAVE);
  assertEquals(program.joins("bob").includes("disk: number 2"), false, "view 1 begins");
  ann.answers.add("begin");
  ann.begun = { number: 1, round: 0 };

  const words = program.says("ann", { type: "begun", ballot: ann.begun });

  assertEquals(words.filter((word) => /^(view|left|joined)/.test(word)), [
    "joined bob",
    "view 2: ann bob",
    "left ann: quit",
    "view 3: bob",
  ]);
});

Deno.test("The last one may go on where it didn't say goodbye: newcomers wait for it, and its say counts", () => {
  const program = Program.of("ann");
  const ann = program.somebody("ann");
  ann.answers.delete("parted");
  ann.says("one");
  program.says("ann", LEAVE);
  assertEquals(program.goesDown("ann"), ["warning"]);
  assertEquals(program.joins("bob")[0], "bob: welcome, waits for ann");

  ann.begun = ann.promised = { number: 2, round: 1 };
  ann.says("two, said alone");
  const words = program.joins("ann");

  assertEquals(words.filter((word) => /^(ann: level|view)/.test(word)), [
    "ann: level 2.1 at 2 from ann",
    "view 3: ann",
    "ann: level 3 at 2 from ann",
    "view 4: ann bob",
  ]);
});

Deno.test("A goodbye that never comes isn't waited for longer than 10 s", () => {
  const program = Program.of("ann");
  program.somebody("ann").answers.delete("parted");
  program.says("ann", LEAVE);

  assertEquals(program.pass(11_000), ["closes ann", "warning"]);
  assertEquals(
    program.disk.some((record) => record.kind === "confirmed" && record.ballot.number === 2),
    false,
  );
});

Deno.test("A crowd that says no hello doesn't cut off the last one before its goodbye", () => {
  const program = Program.of("ann");
  program.somebody("ann").answers.delete("parted");
  program.says("ann", LEAVE);

  for (let at = 0; at <= UNGREETED_LINKS_MAX; at++) program.links(`stranger${at}`);

  assertEquals(program.somebody("stranger0").link, null, "who waited longest to say hello");
  assertEquals(program.goesDown("ann", "out"), ["disk: confirmed 2"]);
});

Deno.test("The last one to leave is out also where the coordinator's disk is slow to take that", () => {
  for (const ms of [5_000, 12_000, 60_000]) {
    const program = Program.of("ann");
    program.diskMode = "holds-decided";
    program.says("ann", LEAVE);
    const words = [...program.pass(ms), ...program.diskAnswers()];
    assertEquals(words.slice(-2), ["ann: parted left", "disk: confirmed 2"], `after ${ms} ms`);
  }
});

Deno.test("The last one to leave has the time to say so after the coordinator's slow disk took that", () => {
  const program = Program.of("ann");
  program.somebody("ann").answers.delete("parted");
  program.diskMode = "holds-decided";
  program.says("ann", LEAVE);
  program.pass(9_950);

  const words = [...program.diskAnswers(), ...program.pass(200)];

  assertEquals(words.slice(-1), ["ann: parted left"]);
  assertEquals(program.goesDown("ann", "out"), ["disk: confirmed 2"]);
});
