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
  shows,
} from "./group_world.ts";
import type { Node } from "./node.ts";
import { TextProgram } from "./text_program.ts";

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
  const joined = server.events.filter(({ event }) => event === "joined").map(({ name }) => name);
  assertEquals(joined, ["Alice", "Bob", "Carol"]);
  await server.untilCount(({ event }) => event === "entry", 3);
  const ready = alice.events.find(({ event }) => event === "ready")!;
  assertEquals(
    [ready.command, ready.name, ready.port, ready.server, ready.entries, ready.last],
    ["peer", "Alice", group.datagramPort("Alice"), group.server, 0, null],
  );
  assertCalm(server, ...members);
});

Deno.test("group: a script's text is sent as it is, though at a terminal it would look private", async () => {
  await using group = await Group.open();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];

  await alice.type("/msg Bob hi");
  await alice.command({ command: "msg", text: "Bob hello" });
  await bob.until(shows("Bob hi"));
  await bob.until(shows("Bob hello"));
  await alice.command({ command: "msg", name: "Bob", text: "hi" });
  await alice.until(isError("usage"));
  assertEquals(linesOf(bob), ["1 Alice: Bob hi", "2 Alice: Bob hello"]);
});

Deno.test("group: three write 200 each at once: 600 entries, the same everywhere, at any time a prefix", async () => {
  await using group = await Group.open();
  const names = ["Alice", "Bob", "Carol"];
  const members = await group.startAll(...names) as [Node, Node, Node];

  const isAll = () => members.every((node) => node.events.filter(isMessage).length === 600);
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
    for (let number = 0; number < 200; number++) await node.say(`${names[index]} ${number}`);
    await node.untilCount(isMessage, 600, 60_000);
  }));

  assert(await looking > 0);
  const lines = linesOf(members[0]);
  assertEquals(lines.length, 600);
  for (const node of members) assertEquals(linesOf(node), lines);
  for (const name of names) {
    const wanted = Array.from({ length: 200 }, (_, number) => `${name} ${number}`);
    assertEquals(members[0].texts(name), wanted);
  }
  await group.sameLogs(...names);
  assertCalm(...members);
});

Deno.test("group: slashes, emoji, lines, control characters and 64 KiB are entries as they were written", async () => {
  await using group = await Group.open();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  const texts = [...AWKWARD, "/exit", ":q", "//", "z".repeat(TEXT_BYTES_MAX)];

  for (const text of texts) await alice.say(text);
  await alice.say("z".repeat(TEXT_BYTES_MAX + 1));
  await alice.say("");
  await alice.type("   ");
  await alice.say("end");
  await bob.until(shows("end"));

  assertEquals(bob.texts("Alice"), [...texts, "end"]);
  const tooLong = alice.events.filter(isError("too-long"));
  assertEquals(tooLong.length, 1);
  assertMatch(tooLong[0]!.text, /65537 bytes.*\b65536\b/);
  await group.sameLogs("Alice", "Bob");
});

Deno.test("group: who comes late gets the log first, as history, each entry once", async () => {
  await using group = await Group.open();
  const alice = await group.start("Alice");
  for (let number = 0; number < 500; number++) await alice.say(`early ${number}`);
  await alice.untilCount(isMessage, 500);

  const bob = await group.start("Bob");
  await bob.untilCount(isMessage, 500);
  await alice.say("now you are here");
  await Promise.all([alice, bob].map((node) => node.until(shows("now you are here"))));

  const entries = entriesOf(bob);
  assertEquals(entries.map(({ text }) => text), [...alice.texts()]);
  assertEquals(entries.map(({ history }) => history), [...Array(500).fill(true), false]);
  await group.sameLogs("Alice", "Bob");
});

Deno.test("group: who was away gets what came meanwhile, and shows nothing twice", async () => {
  await using group = await Group.open();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  await bob.say("one");
  await alice.until(shows("one"));
  await bob.type("/exit");
  assertEquals((await bob.ended()).code, 0);
  await alice.until(isView("Alice"));
  await alice.say("two");
  await alice.until(shows("two"));

  const again = await group.start("Bob");
  await again.until(shows("two"));
  await alice.say("three");
  await again.until(shows("three"));

  const shown = entriesOf(again).map(({ text, history, self }) => [text, history, self]);
  assertEquals(shown, [["one", true, true], ["two", true, false], ["three", false, false]]);
  assertCalm(alice, bob, again);
});

Deno.test("group: every way out sends what was typed first, and is seen as leaving", async (test) => {
  await using group = new Group();
  const server = await group.serve();
  const alice = await group.start("Alice");
  const ways: readonly (readonly [string, (node: Node) => unknown, overtakes?: true])[] = [
    ["/exit", (node) => node.type("/exit")],
    ["/q", (node) => node.type("/q")],
    ["the object", (node) => node.command({ command: "exit" })],
    ["end of input", (node) => node.end()],
    ["SIGTERM", (node) => node.signal("SIGTERM"), true],
    ["Ctrl+C", (node) => node.signal("SIGINT"), true],
  ];
  for (const [way, leave, overtakes] of ways) {
    await test.step(way, async () => {
      const bob = group.launch("Bob");
      const from = server.events.length;
      for (let number = 0; number < 50; number++) await bob.say(`${way} ${number}`);
      if (overtakes) await bob.until(shows(`${way} 49`));
      await leave(bob);
      const { code, last } = await bob.ended();
      const isLeft = ({ event, name }: { event: string; name?: string }) =>
        event === "left" && name === "Bob";
      const left = await server.until(isLeft, undefined, from);

      assertEquals([code, last?.event, left.reason], [0, "bye", "quit"]);
      assertEquals(alice.texts().slice(-50), Array.from({ length: 50 }, (_, at) => `${way} ${at}`));
    });
  }
  assertEquals(alice.texts().length, 50 * ways.length);
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
  await using group = new Group();
  const server = await group.serve();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
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
  const nobody = await alice.ask("verify", { name: "Dave" });
  const self = await alice.ask("verify", { name: "alice" });

  assertEquals([list.event, list.members], ["members", ["Alice", "Bob"]]);
  assertEquals(log.event, "log");
  assertEquals(
    log.entries.map((
      { seq, from, text, edits }: Record<string, unknown>,
    ) => [seq, from, text, edits]),
    [[2, "Alice", "two", 0], [3, "Alice", "three", 0]],
  );
  assertEquals(log.entries[1].id, alice.events.findLast(isMessage)!.id);
  assertEquals(all.entries.length, 3);
  assertEquals(digests.map(({ event, seq }) => [event, seq]), [["digest", 3], ["digest", 3]]);
  assertEquals(digests[0]!.digest, digests[1]!.digest);
  assertEquals([status.name, status.coordinator, status.seq, status.unsent], ["Alice", "up", 3, 0]);
  assertEquals([status.sequencer, status.digest, status.problems], [
    "Alice",
    digests[0]!.digest,
    [],
  ]);
  assertEquals(status.log, group.logPath("Alice"));
  assertEquals([self.code, /is you/.test(self.text)], ["unknown-user", true]);
  assertEquals(status.members.map(({ name }: { name: string }) => name), ["Alice", "Bob"]);
  assertEquals(status.members[1].port, group.datagramPort("Bob"));
  assertEquals(mine.digits, hers.digits);
  assertEquals([operator.name, operator.key], ["Alice", status.key]);
  assertEquals(there.members, ["Alice", "Bob"]);
  assertEquals(
    served.members.map(({ name, state }: Record<string, unknown>) => [name, state]),
    [["Alice", "member"], ["Bob", "member"]],
  );
  assertEquals([nobody.event, nobody.code], ["error", "unknown-user"]);
});

Deno.test("group: piped, each event is a line, and nothing that a member writes is obeyed", async () => {
  await using group = await Group.open();
  const alice = await group.start("Alice");
  await alice.say("before");
  await alice.until(shows("before"));
  await using bob = TextProgram.start([...group.words("Bob"), "--stay"]);
  await bob.until(/In the group of 127\.0\.0\.1:\d+ as Bob, with Alice; 1 entry/);

  await alice.say("one\n2 12:00 <Alice> two");
  await alice.say("\x1b[2J\x07\r\u202e");
  await bob.until(/<Alice> .*\n(.*\n)*3 .*<Alice> /);
  await bob.type("and back");
  await alice.until(shows("and back"));
  await bob.until(/4 \d\d:\d\d <Bob> and back\n/);

  const said = bob.stdout.split("\n").filter((line) => line.includes("<Alice>"));
  assertMatch(said[0]!, /^1 \d\d:\d\d \(earlier\) <Alice> before$/);
  assertMatch(said[1]!, /^2 \d\d:\d\d <Alice> one␊2 12:00 <Alice> two$/);
  assertEquals(said.length, 3);
  // deno-lint-ignore no-control-regex -- they are what must not be there
  assertEquals(bob.stdout.match(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/g), null);
});

Deno.test("group: a profile is in several groups, and each has its own log and place", async () => {
  await using one = await Group.open();
  await using other = await Group.open();
  const data = one.data("Alice");
  for (const group of [one, other]) {
    const alice = group.launch("Alice", { data });
    await alice.until(isIn("Alice"));
    await alice.say(`for ${group.port}`);
    await alice.until(shows(`for ${group.port}`));
    await alice.type("/exit");
    await alice.ended();
  }

  const alice = one.launch("Alice", { data });
  await alice.until(isIn("Alice"));
  assertEquals(alice.texts(), [`for ${one.port}`]);
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
  const texts = Array.from({ length: 3_000 }, (_, number) => `${number} ${"x".repeat(2_000)}`);

  for (const text of texts) await alice.say(text);
  await alice.untilCount(isMessage, texts.length, 60_000);
  const views = alice.events.filter(({ event }) => event === "view").length;
  bob.startReading();
  await alice.say("the end");
  await bob.until(/the end/);

  const shown = bob.stdout.split("\n").filter((line) => line.includes('"message"'))
    .map((line) => JSON.parse(line));
  assertEquals(shown.map(({ text }) => text), [...texts, "the end"]);
  assertEquals(shown.map(({ seq }) => seq), shown.map((_, at) => at + 1));
  assertEquals(shown.filter(({ history }) => history), []);
  assertEquals(alice.events.filter(({ event }) => event === "view").length, views);
  assertEquals(server.events.filter(({ event }) => event === "left"), []);
});
