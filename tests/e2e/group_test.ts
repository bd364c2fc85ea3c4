/** A group of built programs: members join, talk, leave and return. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { TEXT_BYTES_MAX } from "../../lib/protocols/group/schema/limits.ts";
import { AWKWARD } from "./awkward_texts.ts";
import {
  assertCalm,
  assertPrefix,
  entriesOf,
  Group,
  isError,
  isIn,
  isMessage,
  isView,
  linesOf,
  sharedGroup,
  shows,
} from "./group_world.ts";
import { type Node } from "./node.ts";
import { TextProgram } from "./text_program.ts";

const NAMES = ["Alice", "Bob", "Carol"] as const;
const shared = sharedGroup(NAMES);

Deno.test("group: three come in, talk, and have the same log, byte for byte", async () => {
  await using group = new Group();
  const server = await group.serve();
  const members = await group.startAll("Alice", "Bob", "Carol") as [Node, Node, Node];
  const [alice, bob, carol] = members;

  await alice.say("hello");
  await bob.until(shows("hello"));
  await bob.say("hello yourself");
  await carol.until(shows("hello yourself"));
  await carol.type("all three");
  await Promise.all(members.map((node) => node.until(shows("all three"))));

  assertEquals(linesOf(alice), ["1 Alice: hello", "2 Bob: hello yourself", "3 Carol: all three"]);
  for (const node of members) {
    assertEquals(linesOf(node).slice(-1), ["3 Carol: all three"]);
    const own = entriesOf(node).filter(({ self }) => self);
    assertEquals(own.length, 1);
    assertEquals(entriesOf(node).filter(({ history }) => history), []);
  }
  await group.sameLogs("Alice", "Bob", "Carol");
  await server.untilCount(({ event }) => event === "entry", 3);
  const joined = server.events.filter(({ event }) => event === "joined").map(({ name }) => name);
  assertEquals(joined, ["Alice", "Bob", "Carol"]);
  const ready = alice.events.find(({ event }) => event === "ready")!;
  assertEquals(
    [ready.command, ready.name, ready.port, ready.server, ready.entries, ready.last],
    ["peer", "Alice", group.datagramPort("Alice"), group.server, 0, null],
  );
  assertCalm(server, ...members);
});

Deno.test("group: a script's text is sent as it is, though at a terminal it would look private", async () => {
  const { members, seq } = await shared();
  const [alice, bob] = members;

  await alice.type("/msg Bob hi");
  await alice.command({ command: "msg", text: "Bob hello" });
  await bob.until(shows("Bob hi"));
  await bob.until(shows("Bob hello"));
  await alice.command({ command: "msg", name: "Bob", text: "hi" });
  await alice.until(isError("usage"));
  assertEquals(linesOf(bob), [`${seq + 1} Alice: Bob hi`, `${seq + 2} Alice: Bob hello`]);
});

Deno.test("group: three write 100 each at once: 300 entries, the same everywhere, at any time a prefix", async () => {
  const { group, members } = await shared();

  const isAll = () => members.every((node) => node.events.filter(isMessage).length === 300);
  const looking = (async () => {
    let looks = 0;
    while (!isAll()) {
      const [one, two, three] = members.map(linesOf) as [string[], string[], string[]];
      assertPrefix(one, two);
      assertPrefix(two, three);
      looks++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return looks;
  })();
  await Promise.all(members.map(async (node, index) => {
    for (let number = 0; number < 100; number++) await node.say(`${NAMES[index]} ${number}`);
    await node.untilCount(isMessage, 300, 60_000);
  }));

  assert(await looking > 0);
  const lines = linesOf(members[0]);
  assertEquals(lines.length, 300);
  for (const node of members) assertEquals(linesOf(node), lines);
  for (const name of NAMES) {
    const wanted = Array.from({ length: 100 }, (_, number) => `${name} ${number}`);
    assertEquals(members[0].texts(name), wanted);
  }
  await group.sameLogs(...NAMES);
  assertCalm(...members);
});

Deno.test("group: slashes, emoji, lines, control characters and 64 KiB are entries as they were written", async () => {
  const { group, members } = await shared();
  const [alice, bob] = members;
  const texts = [...AWKWARD, "/exit", ":q", "//", "z".repeat(TEXT_BYTES_MAX)];

  for (const text of texts) await alice.say(text);
  await alice.say("z".repeat(TEXT_BYTES_MAX + 1));
  await alice.say("");
  await alice.type("   ");
  await alice.say("end");
  await Promise.all([alice, bob].map((node) => node.until(shows("end"))));

  assertEquals(bob.texts("Alice"), [...texts, "end"]);
  const tooLong = alice.events.filter(isError("too-long"));
  assertEquals(tooLong.length, 1);
  assertMatch(tooLong[0]!.text, /65537 bytes.*\b65536\b/);
  await group.sameLogs(...NAMES);
});

Deno.test("group: who comes late gets the log first, as history, each entry once", async () => {
  const { group, members, seq } = await shared();
  const [alice] = members;
  for (let number = 0; number < 100; number++) await alice.say(`early ${number}`);
  await alice.untilCount(isMessage, 100);

  const dave = await group.start("Dave");
  await dave.untilCount(isMessage, seq + 100);
  await alice.say("now you are here");
  await Promise.all([alice, dave].map((node) => node.until(shows("now you are here"))));

  const entries = entriesOf(dave).slice(seq);
  assertEquals(entries.map(({ text }) => text), [...alice.texts()]);
  assertEquals(entries.map(({ history }) => history), [...Array(100).fill(true), false]);
  await group.sameLogs("Alice", "Dave");
});

Deno.test("group: who was away gets what came meanwhile, and shows nothing twice", async () => {
  const { group, members, seq } = await shared();
  const [alice, bob] = members;
  await bob.say("one");
  await alice.until(shows("one"));
  await bob.type("/exit");
  assertEquals((await bob.ended()).code, 0);
  await alice.until(isView("Alice", "Carol"));
  await alice.say("two");
  await alice.until(shows("two"));

  const again = await group.start("Bob");
  await again.until(shows("two"));
  await alice.say("three");
  await again.until(shows("three"));

  const shown = entriesOf(again).slice(seq).map((
    { text, history, self },
  ) => [text, history, self]);
  assertEquals(shown, [["one", true, true], ["two", true, false], ["three", false, false]]);
  assertCalm(alice, bob, again);
});

Deno.test("group: every way out sends what was typed first, and is seen as leaving", async (test) => {
  const { group, server, members } = await shared();
  const [alice] = members;
  const ways: readonly (readonly [string, (node: Node) => unknown, overtakes?: true])[] = [
    ["/exit", (node) => node.type("/exit")],
    ["end of input", (node) => node.end()],
    ["SIGTERM", (node) => node.signal("SIGTERM"), true],
    ["Ctrl+C", (node) => node.signal("SIGINT"), true],
  ];
  for (const [way, leave, overtakes] of ways) {
    await test.step(way, async () => {
      const dave = group.launch("Dave");
      const from = server.events.length;
      for (let number = 0; number < 10; number++) await dave.say(`${way} ${number}`);
      if (overtakes) await dave.until(shows(`${way} 9`));
      await leave(dave);
      const { code, last } = await dave.ended();
      const isLeft = ({ event, name }: { event: string; name?: string }) =>
        event === "left" && name === "Dave";
      const left = await server.until(isLeft, undefined, from);
      await alice.until(shows(`${way} 9`));

      assertEquals([code, last?.event, left.reason], [0, "bye", "quit"]);
      assertEquals(
        alice.texts().slice(-10),
        Array.from({ length: 10 }, (_, at) => `${way} ${at}`),
      );
    });
  }
  assertEquals(alice.texts().length, 10 * ways.length);
});

Deno.test("group: the last one leaves, and a newcomer gets the log all the same", async () => {
  await using group = await Group.open();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  for (let number = 0; number < 20; number++) await alice.say(`kept ${number}`);
  await bob.untilCount(isMessage, 20);
  for (const node of [alice, bob]) {
    await node.type("/exit");
    assertEquals((await node.ended()).code, 0);
  }

  const carol = await group.start("Carol");
  await carol.untilCount(isMessage, 20);
  await carol.say("anybody?");
  await carol.until(shows("anybody?"));

  assertEquals(linesOf(carol).at(-1), "21 Carol: anybody?");
  assertEquals(entriesOf(carol).filter(({ history }) => history).length, 20);
  const again = await group.start("Alice");
  await again.until(shows("anybody?"));
  await group.sameLogs("Alice", "Carol");
});

Deno.test("group: /list, /log, /status, /digest and /verify answer, each with its ref", async () => {
  const { group, server, members, seq } = await shared();
  const [alice, bob] = members;
  for (const text of ["one", "two", "three"]) await alice.say(text);
  await bob.untilCount(isMessage, 3);
  await alice.untilCount(isMessage, 3);

  const list = await alice.ask("list");
  const log = await alice.ask("log", { n: 2 });
  const all = await bob.ask("log");
  const digests = [
    await alice.ask("log", { digest: true }),
    await bob.ask("log", { digest: true }),
  ];
  const status = await alice.ask("status");
  const [mine, hers] = [
    await alice.ask("verify", { name: "bob" }),
    await bob.ask("verify", { name: "Alice" }),
  ];
  const served = await server.ask("status");
  const there = await server.ask("list");
  const operator = await server.ask("verify", { name: "Alice" });
  const nobody = await alice.ask("verify", { name: "Zed" });
  const self = await alice.ask("verify", { name: "alice" });

  assertEquals([list.event, list.members.sort()], ["members", NAMES]);
  assertEquals(log.event, "log");
  assertEquals(
    log.entries.map((
      { seq, from, text, edits }: Record<string, unknown>,
    ) => [seq, from, text, edits]),
    [[seq + 2, "Alice", "two", 0], [seq + 3, "Alice", "three", 0]],
  );
  assertEquals(log.entries[1].id, alice.events.findLast(isMessage)!.id);
  assertEquals(all.entries.at(-1).seq, seq + 3);
  assertEquals(digests.map(({ event, seq }) => [event, seq]), [["digest", seq + 3], [
    "digest",
    seq + 3,
  ]]);
  assertEquals(digests[0]!.digest, digests[1]!.digest);
  assertEquals([status.name, status.coordinator, status.seq, status.unsent], [
    "Alice",
    "up",
    seq + 3,
    0,
  ]);
  assert(NAMES.includes(status.sequencer));
  assertEquals([status.digest, status.problems], [digests[0]!.digest, []]);
  assertEquals(status.log, group.logPath("Alice"));
  assertEquals([self.code, /is you/.test(self.text)], ["unknown-user", true]);
  assertEquals(status.members.map(({ name }: { name: string }) => name).sort(), NAMES);
  const shownBob = status.members.find(({ name }: { name: string }) => name === "Bob");
  assertEquals(shownBob.port, group.datagramPort("Bob"));
  assertEquals(mine.digits, hers.digits);
  assertEquals([operator.name, operator.key], ["Alice", status.key]);
  assertEquals(there.members.sort(), NAMES);
  assertEquals(
    served.members.map(({ name, state }: Record<string, unknown>) => `${name} ${state}`).sort(),
    NAMES.map((name) => `${name} member`),
  );
  assertEquals([nobody.event, nobody.code], ["error", "unknown-user"]);
});

Deno.test("group: piped, each event is a line, and nothing that a member writes is obeyed", async () => {
  const { group, members, seq } = await shared();
  const [alice] = members;
  await alice.say("before");
  await alice.until(shows("before"));
  await using pat = TextProgram.start([...group.words("Pat"), "--stay"]);
  await pat.until(/In the group of 127\.0\.0\.1:\d+ as Pat, with (Alice|Bob|Carol)/);

  await alice.say("one\n2 12:00 <Alice> two");
  await alice.say("\x1b[2J\x07\r\u202e");
  await pat.until(new RegExp(`\n${seq + 3} .*<Alice> `));
  await pat.type("and back");
  await alice.until(shows("and back"));
  await pat.until(new RegExp(`\n${seq + 4} \\d\\d:\\d\\d <Pat> and back\n`));

  const lines = pat.stdout.split("\n");
  const said = lines.slice(lines.findIndex((line) => line.startsWith(`${seq + 1} `)))
    .filter((line) => line.includes("<Alice>"));
  assertMatch(said[0]!, /^\d+ \d\d:\d\d \(earlier\) <Alice> before$/);
  assertMatch(said[1]!, /^\d+ \d\d:\d\d <Alice> one␊2 12:00 <Alice> two$/);
  assertEquals(said.length, 3);
  // deno-lint-ignore no-control-regex -- they are what must not be there
  assertEquals(pat.stdout.match(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/g), null);
  await pat.type("/exit");
  assertEquals(await pat.ended(), 0);
});

Deno.test("group: a profile is in several groups, and each has its own log and place", async () => {
  const { group: one } = await shared();
  await using other = await Group.open();
  const data = one.data("Ann");
  for (const group of [one, other]) {
    const ann = group.launch("Ann", { data });
    await ann.until(isIn("Ann"));
    await ann.say(`for ${group.port}`);
    await ann.until(shows(`for ${group.port}`));
    await ann.type("/exit");
    await ann.ended();
  }

  const ann = one.launch("Ann", { data });
  await ann.until(isIn("Ann"));
  assertEquals(ann.texts("Ann"), [`for ${one.port}`]);
});

Deno.test("group: a member whose output nobody reads delays nobody, and shows everything once later", async () => {
  await using group = new Group();
  // A busy machine is no failed member.
  const server = await group.serve("--fail-after", "20s");
  const alice = await group.start("Alice");
  await using bob = TextProgram.start([...group.words("Bob"), "--stay", "--json"], {
    reads: false,
  });
  await alice.until(isView("Alice", "Bob"));
  const texts = Array.from({ length: 300 }, (_, number) => `${number} ${"x".repeat(10_000)}`);

  for (const text of texts) await alice.say(text);
  await alice.untilCount(isMessage, texts.length, 60_000);
  const views = alice.events.filter(({ event }) => event === "view").length;
  bob.startReading();
  await alice.say("the end");
  await bob.until(/the end.*\n/);

  const shown = bob.stdout.split("\n").filter((line) => line.includes('"message"'))
    .map((line) => JSON.parse(line));
  assertEquals(shown.map(({ text }) => text), [...texts, "the end"]);
  assertEquals(shown.map(({ seq }) => seq), shown.map((_, at) => at + 1));
  assertEquals(shown.filter(({ history }) => history), []);
  assertEquals(alice.events.filter(({ event }) => event === "view").length, views);
  assertEquals(server.events.filter(({ event }) => event === "left"), []);
});
