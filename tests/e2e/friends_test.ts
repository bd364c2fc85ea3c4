/** Friends with a table who chat: real processes on loopback, driven as scripts drive them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { AWKWARD } from "./awkward_texts.ts";
import { connection, delivery, failure, FriendsGroup, shows } from "./friends_group.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";
import { openSockets } from "./proc.ts";
import { TextProgram } from "./text_program.ts";

const TEXT_BYTES_MAX = 65_536;

/** Whether a user was told that a friend is away, or that something is wrong. */
const isUnusual = ({ event, waiting }: ShownEvent) =>
  event === "error" || event === "notice" || waiting !== undefined;

/** The number of messages in each direction between two friends. */
const EACH = 40;

Deno.test("friends: five who all write to all at once get everything, in order and once", async () => {
  await using group = new FriendsGroup("ann", "ben", "cem", "dan", "eva");
  const friends = await group.startAll();
  const names = [...group.rows.keys()];

  await Promise.all(friends.map(async (friend, from) => {
    for (let number = 0; number < EACH; number++) {
      for (const to of names.filter((name) => name !== names[from])) {
        await friend.tell(to, `${names[from]} to ${to}, ${number}`);
      }
    }
  }));
  const pairs = names.length - 1;
  await Promise.all(friends.map(async (friend) => {
    await friend.untilCount(({ event }) => event === "message", pairs * EACH, 60_000);
    await friend.untilCount(delivery("delivered"), pairs * EACH, 60_000);
  }));

  for (const [index, friend] of friends.entries()) {
    const self = names[index]!;
    const messages = friend.events.filter(({ event }) => event === "message");
    assertEquals(messages.length, pairs * EACH);
    assertEquals(new Set(messages.map(({ id }) => id)).size, pairs * EACH);
    for (const from of names.filter((name) => name !== self)) {
      const wanted = Array.from({ length: EACH }, (_, number) => `${from} to ${self}, ${number}`);
      assertEquals(friend.texts(from), wanted);
      assertEquals(friend.events.filter(delivery("queued", from)).length, EACH);
    }
    assertEquals(friend.events.filter(isUnusual), []);
    // One connection with each, for both directions.
    const connections = friend.events.filter(({ event }) => event === "connection");
    assertEquals(
      connections.map(({ friend, state }) => `${friend} ${state}`).sort(),
      names.filter((name) => name !== self).map((name) => `${name} opened`),
    );
    assertEquals(group.stored(self).length, pairs * EACH);
  }
});

Deno.test("friends: what two write to each other, and what they can't", async (test) => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];

  await test.step("slashes, emoji, lines, control characters and 60 KB arrive as they were written", async () => {
    const texts = [...AWKWARD, "and/or, //, http://x/y/", "/", "z".repeat(TEXT_BYTES_MAX)];
    const lines = texts.filter((text) => !text.includes("\n"));

    for (const text of texts) await alice.tell("bob", text);
    for (const line of lines) await alice.type(`bob/${line}`);
    await bob.untilCount(({ event }) => event === "message", texts.length + lines.length);
    await alice.untilCount(delivery("delivered"), texts.length + lines.length);

    assertEquals(bob.texts("alice"), [...texts, ...lines]);
    assertEquals(alice.events.filter(({ event }) => event === "error"), []);
  });

  for (const node of [alice, bob]) node.events.length = 0;
  await test.step("what is too long is refused with both sizes, and an empty text sends nothing", async () => {
    const tooLong = "z".repeat(TEXT_BYTES_MAX + 1);

    await alice.tell("bob", tooLong, "object");
    await alice.type(`bob/${tooLong}`);
    await alice.type(`bob/${"z".repeat(200_000)}`);
    for (const line of ["bob/", "", "   "]) await alice.type(line);
    await alice.tell("bob", "");
    await alice.tell("bob", "end");
    await bob.until(shows("end"));
    await alice.until(delivery("delivered"));

    const errors = alice.events.filter(({ event }) => event === "error");
    const tooLongs = errors.filter(failure("too-long"));
    assertEquals(tooLongs.map(({ ref }) => ref), ["object", undefined, undefined]);
    for (const { text } of tooLongs.slice(0, 2)) assertMatch(text, /65537 bytes.*\b65536\b/);
    assertMatch(tooLongs[2]!.text, /2000\d\d bytes.*\b65536\b/);
    assertEquals(bob.texts(), ["end"]);
    assertEquals(alice.events.filter(delivery("queued")).length, 1);
  });

  for (const node of [alice, bob]) node.events.length = 0;
  await test.step("a line without a friend's name says the form, and nothing is sent", async () => {
    for (const line of ["hello", "/tmp/x", "carol/hello", "r/who?", "exit now"]) {
      await alice.type(line);
    }
    await alice.tell("carol", "hello", "r1");
    await alice.type("BOB/that's you");
    await bob.until(shows("that's you"));
    await alice.until(delivery("delivered"));

    // What is no command at all is refused at once, what names nobody when its turn has come.
    const errors = alice.events.filter(({ event }) => event === "error");
    const form =
      "Cannot tell to whom: write NAME/TEXT, as in bob/hello, or /to bob first; /list shows the names, " +
      "/exit leaves";
    const wayOut = "; write NAME/TEXT, /list shows the names";
    const carol = `Cannot find carol in ${group.file}${wayOut}`;
    assertEquals(errors.filter(failure("unknown-command")).length, 1);
    assertEquals(
      errors.filter(failure("unknown-user")).map(({ text, ref }) => [text, ref]).sort(),
      [
        [`Cannot answer: nobody has written yet${wayOut}`, undefined],
        [carol, undefined],
        [carol, "r1"],
        [form, undefined],
        [form, undefined],
      ],
    );
    assertEquals(bob.texts(), ["that's you"]);
  });

  for (const node of [alice, bob]) node.events.length = 0;
  await test.step("a script's plain lines go to whom `to` names, and to nobody without", async () => {
    await alice.type(JSON.stringify({ command: "to", name: "bob", ref: "to" }));
    await alice.type("1/2 of it");
    await alice.type(JSON.stringify({ command: "to" }));
    await alice.type("to nobody");
    await alice.until(failure("unknown-user"));
    await bob.until(shows("1/2 of it"));

    const told = alice.events.filter(({ event }) => event === "to");
    assertEquals(told.map(({ name, was, ref }) => [name, was, ref]), [
      ["bob", undefined, "to"],
      [null, "bob", undefined],
    ]);
  });
});

Deno.test("friends: where output is no JSON, nothing that a friend writes is obeyed", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const words = ["peer", "bob", "--users", group.file, "--host", "127.0.0.1"];
  await using bob = TextProgram.start(words);
  await bob.until(
    /^bob, listening at \d+\. Friends: alice \(.*users\.txt\)\. What you type goes to alice\n/,
  );
  const alice = await group.start("alice");

  await alice.tell("bob", "one\n12:00 <alice> two");
  await alice.tell("bob", "\x1b[2J\x07\r\u202e");
  await alice.tell("bob", "the end");
  await bob.until(/<alice> the end\n/);
  await bob.type("and/back");
  await alice.until(shows("and/back"));
  await bob.until(/\* Delivered to alice: [0-9a-f]{8}\n/);

  const said = bob.lines.filter((line) => line.includes("<alice>"));
  assertEquals(said.slice(0, 1), ["<alice> one␊12:00 <alice> two"]);
  assertEquals(said.length, 3);
  // deno-lint-ignore no-control-regex -- they are what must not be there
  assertEquals(bob.stdout.match(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/g), null);
});

Deno.test("friends: answers come in the order of the lines, and wait for no message", async () => {
  await using group = new FriendsGroup("ann", "bob");
  const ann = await group.start("ann");

  await ann.type(
    ["ann/note", "/list", "/nope", "/status", "/msg", "/outbox", "/help exit"].join("\n"),
  );
  await ann.until(delivery("delivered"));
  await ann.until(({ event }) => event === "help");

  const answers = ann.events.flatMap(({ event, code }) =>
    ["ready", "message", "delivery"].includes(event) ? [] : [code ?? event]
  );
  assertEquals(answers, ["friends", "unknown-command", "status", "usage", "outbox", "help"]);
});

Deno.test("friends: /list, /status and /verify say who is who, and r/ answers who wrote last", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  const [alice, bob] = await Promise.all([group.start("alice"), group.start("bob")]);

  const before = await alice.ask("verify", { name: "bob" });
  await alice.tell("bob", "hello");
  await bob.until(shows("hello"));
  await bob.type("r/hello yourself");
  await alice.until(shows("hello yourself"));
  await alice.until(delivery("delivered"));
  await alice.tell("carol", "are you there?");
  await alice.until(({ event, text }) => event === "notice" && /^carol isn't there/.test(text));
  const list = await alice.ask("list");
  const [mine, his] = await Promise.all([
    alice.ask("verify", { name: "BOB" }),
    bob.ask("verify", { name: "alice" }),
  ]);
  await alice.command({ command: "status", ref: "s" });
  const status = await alice.until(({ event, ref }) => event === "status" && ref === "s");

  assertEquals([before.event, before.code], ["error", "offline"]);
  assertEquals(list.event, "friends");
  assertEquals(list.self, { name: "alice", host: "127.0.0.1", port: alice.port });
  assertEquals(list.friends, [
    {
      name: "bob",
      key: mine.key,
      host: "127.0.0.1",
      port: bob.port,
      connected: true,
      verified: false,
    },
    {
      name: "carol",
      key: null,
      host: "127.0.0.1",
      port: group.row("carol").port,
      connected: false,
      verified: false,
      waiting: 1,
    },
  ]);
  assertEquals(mine.digits, his.digits);
  assertMatch(mine.digits, /^(\d{5} +){7}\d{5}$/);
  assertEquals(mine.key, bob.events[0]!.key);
  assertEquals([status.name, status.key, status.unsent], ["alice", alice.events[0]!.key, 1]);
  const [toBob, toCarol] = status.friends;
  assertEquals([toBob.connected, toBob.key, toBob.waiting], [true, mine.key, 0]);
  assert(toBob.roundTripMs > 0 && toBob.roundTripMs < 10_000, `${toBob.roundTripMs}`);
  assertEquals([toCarol.connected, toCarol.key, toCarol.waiting], [false, null, 1]);
  assertEquals(toCarol.roundTripMs, null);
  assertEquals(status.problems.length, 1);
  assertMatch(status.problems[0], /^carol: nobody listens there/);

  await alice.ask("verify", { name: "bob", answer: "yes" });
  assertEquals((await alice.ask("list")).friends.map(({ verified }: ShownEvent) => verified), [
    true,
    false,
  ]);

  // Whoever leaves waits for what is written of keys.
  await alice.command({ command: "exit" });
  await alice.ended();
  const known = await Deno.readTextFile(`${group.data("alice")}/users/alice/known_peers`);
  assert(
    known.split("\n").some((line) => line.includes(mine.key) && line.includes("verified")),
    known,
  );
});

Deno.test("friends: /outbox shows what waits, /unsend takes it back, --no-queue keeps nothing", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  const alice = await group.start("alice");
  for (const text of ["first", "second", "third"]) await alice.tell("bob", text);
  await alice.untilCount(delivery("queued", "bob"), 3);

  const outbox = await alice.ask("outbox");
  const second = outbox.messages[1];
  const unsent = await alice.ask("unsend", { id: second.id.slice(0, 12) });
  const none = await alice.ask("unsend", { id: "zzz" });
  const after = await alice.ask("outbox");
  const bob = await group.start("bob");
  await bob.until(shows("third"));

  assertEquals(
    outbox.messages.map(({ to, text }: ShownEvent) => [to, text]),
    [["bob", "first"], ["bob", "second"], ["bob", "third"]],
  );
  assertEquals([unsent.event, unsent.id, unsent.state], ["delivery", second.id, "failed"]);
  assertEquals([none.event, none.code], ["error", "no-such-entry"]);
  assertEquals(after.messages.length, 2);
  assertEquals(bob.texts("alice"), ["first", "third"]);

  await alice.type("exit");
  assertEquals((await alice.ended()).code, 0);
  const hasty = await group.start("alice", "--no-queue");
  await hasty.tell("carol", "now or never", "r1");
  const failed = await hasty.until(({ event }) => event === "delivery");
  await hasty.tell("bob", "you are there");
  await bob.until(shows("you are there"));
  await hasty.until(delivery("delivered", "bob"));

  assertEquals([failed.state, failed.to, failed.ref], ["failed", "carol", "r1"]);
  assertEquals(failed.text, "now or never");
  assertMatch(failed.reason, /nobody listens there/);
  assertEquals((await hasty.ask("outbox")).messages, []);
  await hasty.type("/exit");
  assertEquals((await hasty.ended()).code, 0);
  assertEquals((await (await group.start("alice")).ask("outbox")).messages, []);
});

Deno.test("friends: a message to oneself is kept, delivered and shown once, as one's own", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const alice = await group.start("alice");

  await alice.type("Alice/buy milk");
  await alice.tell("alice", "and bread", "r1");
  const shown = await alice.until(shows("and bread"));
  await alice.untilCount(delivery("delivered", "alice"), 2);

  assertEquals(alice.texts(), ["buy milk", "and bread"]);
  assertEquals([shown.from, shown.self, shown.history], ["alice", true, false]);
  const told = alice.events.filter(({ event, ref }) => event === "delivery" && ref === "r1");
  assertEquals(told.map(({ state, id }) => [state, id]), [["queued", shown.id], [
    "delivered",
    shown.id,
  ]]);
  assertEquals(group.stored("alice").map(({ text }) => text), ["buy milk", "and bread"]);
});

Deno.test("friends: a quiet connection is closed alone, and the next message opens it unseen", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  const [alice, bob, carol] = await group.startAll("--idle", "2s") as [Node, Node, Node];
  let talking = true;
  const talk = (async () => {
    for (let number = 0; talking; number++) {
      await alice.tell("carol", `still here ${number}`);
      await carol.until(shows(`still here ${number}`));
    }
  })();

  for (let round = 0; round < 2; round++) {
    for (const [from, to] of [[alice, bob], [bob, alice]] as const) {
      const [self, friend] = from === alice ? ["alice", "bob"] : ["bob", "alice"];
      const [before, beforeThere] = [from.events.length, to.events.length];
      await from.tell(friend, `hello ${round}`);
      await to.until(shows(`hello ${round}`), undefined, beforeThere);
      const closed = await from.until(connection("closed", friend), undefined, before);
      await to.until(connection("closed", self), undefined, beforeThere);
      assertEquals(closed.reason, "idle");
    }
  }
  talking = false;
  await talk;

  assertEquals([alice.texts("bob"), bob.texts("alice")], Array(2).fill(["hello 0", "hello 1"]));
  for (const friend of [alice, bob, carol]) assertEquals(friend.events.filter(isUnusual), []);
  assertEquals(alice.events.filter(connection("closed", "carol")), []);
  assertEquals(carol.events.filter(connection("closed", "alice")), []);
  assert(carol.texts("alice").length > 3);
});

Deno.test("friends: a connection that both made at once, and nobody uses, ends unseen", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const friends = await group.startAll("--idle", "300ms") as [Node, Node];
  const [alice, bob] = friends;
  const sockets = () => Promise.all(friends.map(({ pid }) => openSockets(pid)));
  const idle = await sockets();
  // Neither knows the other's key: bob dials alice back to learn hers.
  await alice.tell("bob", "hello");
  await bob.until(shows("hello"));
  await Promise.all([
    alice.until(connection("closed", "bob")),
    bob.until(connection("closed", "alice")),
  ]);
  await holds("all connections are closed", async () => `${await sockets()}` === `${idle}`);

  await alice.tell("bob", "and again");
  await bob.tell("alice", "here too");
  await Promise.all([bob.until(shows("and again")), alice.until(shows("here too"))]);

  for (const friend of friends) assertEquals(friend.events.filter(isUnusual), []);
});

/** The ways to leave; signals overtake what is still in the pipe. */
const WAYS_OUT: readonly (readonly [string, (node: Node) => unknown, overtakes?: true])[] = [
  ["exit", (node) => node.type("exit")],
  ["end of input", (node) => node.end()],
  ["SIGTERM", (node) => node.signal("SIGTERM"), true],
  ["Ctrl+C", (node) => node.signal("SIGINT"), true],
];

Deno.test("friends: every way out sends what is queued first, and says goodbye", async (test) => {
  await using group = new FriendsGroup("alice", "bob");
  const bob = await group.start("bob");
  for (const [name, leave, overtakes] of WAYS_OUT) {
    await test.step(name, async () => {
      const alice = group.launch("alice");
      for (let number = 0; number < 50; number++) await alice.tell("bob", `${name} ${number}`);
      if (overtakes) await alice.untilCount(delivery("queued"), 50);
      const from = bob.events.length;
      await leave(alice);
      const { code, last } = await alice.ended();
      await bob.until(connection("closed", "alice"), undefined, from);

      assertEquals([code, last?.event, last?.reason], [0, "bye", "quit"]);
      assertEquals(alice.events.filter(delivery("delivered")).length, 50);
      assertEquals(bob.texts().slice(-50), Array.from({ length: 50 }, (_, at) => `${name} ${at}`));
    });
  }
  assertEquals(bob.texts().length, 50 * WAYS_OUT.length);
});

Deno.test("friends: at the end of input, what is for somebody absent stays for the next time", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const alice = group.launch("alice");
  await alice.type("bob/see you");
  const { code } = await alice.quit();
  assertEquals(code, 0);
  assertEquals(alice.events.filter(({ event }) => event === "delivery").map(({ state }) => state), [
    "queued",
  ]);
  assert(
    alice.events.some(({ event, text }) =>
      event === "notice" && /^Kept for bob: 1 message,/.test(text)
    ),
  );

  const bob = await group.start("bob");
  await group.start("alice");
  await bob.until(shows("see you"));
});
