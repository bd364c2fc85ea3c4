/** The table while the program runs: edits of it, and many rows. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { outputOf } from "./failures.ts";
import { connection, delivery, failure, FriendsGroup, shows } from "./friends_group.ts";
import { type Node, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";
import { processorMs } from "./proc.ts";
import { slow } from "../given.ts";

const notice = (text: RegExp) => (event: ShownEvent) =>
  event.event === "notice" && text.test(event.text);

Deno.test("friends: a friend's port may change while both programs run; one's own counts from the next start on", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll("--idle", "300ms") as [Node, Node];
  await alice.tell("bob", "before");
  await bob.until(shows("before"));
  await alice.until(connection("closed", "bob"));

  group.edit({ bob: { port: freePort() } });
  const { port } = group.row("bob");
  await Promise.all([
    bob.until(notice(new RegExp(`friends dial ${port}, .*start again to listen there$`))),
    alice.until(
      notice(new RegExp(`users\\.txt was edited: bob is at 127\\.0\\.0\\.1:${port} now$`)),
    ),
  ]);
  await bob.kill();
  const again = await group.start("bob");
  const from = alice.events.length;
  await alice.tell("bob", "after");
  await again.until(shows("after"));
  await alice.until(delivery("delivered", "bob"), undefined, from);
  const { friends: [seen] } = await alice.ask("list");

  assertEquals([seen.name, seen.port], ["bob", port]);
});

Deno.test("friends: a table is the same one through a link", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const link = `${group.folder}/link.txt`;
  await Deno.symlink("users.txt", link);
  const first = await group.start("alice");
  await first.tell("bob", "for you");
  await first.until(delivery("queued", "bob"));
  await first.kill();

  const alice = group.launch("alice", { users: link });
  const { messages } = await alice.ask("outbox");

  assertEquals(messages.map(({ text }: ShownEvent) => text), ["for you"]);
});

slow.test("friends: an edit that breaks the table is told, and the old one goes on", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const { port } = group.row("alice");
  const users = group.otherTable("bobs.txt", Object.fromEntries(group.rows));
  const [alice, bob] = [await group.start("alice"), group.launch("bob", { users })];
  const edits: readonly (readonly [table: string, text: RegExp])[] = [
    [
      "alice 127.0.0.1\n",
      /^Cannot read .*users\.txt, line 1: .*Until then the table is as it was$/,
    ],
    [`bob 127.0.0.1 ${group.row("bob").port}\n`, /alice: .*no row of that name.*Until then/],
    [
      `alice 127.0.0.1 ${port} xsazfbd3ockoqe46yrkpuxern4x\n`,
      /^Cannot be alice: .*, line 1, .*Until/,
    ],
  ];

  for (const [table, text] of edits) {
    const from = alice.events.length;
    group.writeTable(table);
    const told = await alice.until(failure("bad-file"), undefined, from);
    assertMatch(told.text, text);
    assertEquals((await alice.ask("status")).problems, [told.text]);
    await alice.tell("bob", table);
    await bob.until(shows(table));
  }
  const from = alice.events.length;
  await Deno.remove(group.file);
  const gone = await alice.until(failure("bad-file"), undefined, from);
  assertMatch(gone.text, /there is no such file.*Until then/);

  group.edit({ carol: { port: freePort() } });
  await alice.until(notice(/users\.txt is in order again: added carol$/));
  assertEquals((await alice.ask("status")).problems, []);
  const { friends } = await alice.ask("list");
  assertEquals(friends.map(({ name }: ShownEvent) => name), ["bob", "carol"]);
  assertEquals(alice.events.filter(failure("bad-file")).length, edits.length + 1);
});

Deno.test("friends: who is added to the table can be written to, and who is removed cannot", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  await alice.tell("bob", "hello");
  await bob.until(shows("hello"));
  await alice.tell("carol", "who?");
  await alice.until(failure("unknown-user"));

  group.rows.delete("bob");
  group.edit({ carol: { port: freePort() } });
  const edited = await alice.until(notice(/was edited/));
  const closed = await alice.until(connection("closed", "bob"));
  const carol = await group.start("carol");
  await alice.tell("carol", "welcome");
  await carol.until(shows("welcome"));
  await carol.tell("alice", "thanks");
  await alice.until(shows("thanks"));
  const from = alice.events.length;
  await alice.tell("bob", "are you there?");
  await alice.until(failure("unknown-user"), undefined, from);

  assertMatch(edited.text, /: added carol; removed bob$/);
  assertEquals(closed.reason, "no longer in the table");
  assertEquals(bob.texts(), ["hello"]);
});

/** The promise; on an idle machine a start takes a fifth of that. */
const START_MS_MAX = 1_000;

Deno.test("friends: with a thousand rows the program is ready within a second, and reaches the last", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const others = Object.fromEntries(
    Array.from({ length: 998 }, (_, at) => [`friend${at}`, { port: 40_000 + at }]),
  );
  const { alice, bob } = { alice: group.row("alice"), bob: group.row("bob") };
  group.rows.clear();
  group.edit({ alice, ...others, bob });

  const first = await group.start("alice");
  const usedMs = await processorMs(first.pid); // other programs of this machine don't count
  const last = await group.start("bob");
  await first.tell("bob", "hello over there");
  await last.until(shows("hello over there"));
  const { friends } = await last.ask("list");

  assert(usedMs < START_MS_MAX, `ready after ${usedMs} ms of a processor`);
  assertEquals(friends.length, 999);
  assertEquals(first.events[0]!.names.at(-1), "bob");
});

Deno.test("friends: two who pass on their contact cards add each other while they run, and talk", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const cardOf = async (name: string) => {
    const words = ["users", "card", name, "127.0.0.1", String(group.row(name).port)];
    return (await outputOf([...words, "--data", group.data(name)])).stdout.trimEnd();
  };
  const own = (name: string) => group.otherTable(`${name}.txt`, { [name]: group.row(name) });
  const tables = { alice: own("alice"), bob: own("bob") };
  const start = async (name: "alice" | "bob") => {
    const node = group.launch(name, { users: tables[name] });
    await node.until(({ event }) => event === "ready");
    return node;
  };
  const alice = await start("alice"); // whose data folder is made now
  const bob = await start("bob");
  const [cardA, cardB] = [await cardOf("alice"), await cardOf("bob")];

  await alice.command({ command: "add", line: cardB, ref: "add" });
  await alice.type("bob/you are in my table"); // runs once he is
  const added = await alice.until(({ event }) => event === "added");
  await bob.type(`/add ${cardA}`);
  await bob.until(shows("you are in my table"));
  await bob.tell("alice", "and you in mine");
  await alice.until(shows("and you in mine"));

  const { port } = group.row("bob");
  assertEquals([added.name, added.host, added.port, added.line, added.ref], [
    "bob",
    "127.0.0.1",
    port,
    3,
    "add",
  ]);
  const rows = Deno.readTextFileSync(tables.alice).split("\n");
  assertEquals(rows[2], `bob 127.0.0.1 ${port} ${added.key}`);
  await alice.until(notice(/alice\.txt was edited: added bob$/));

  const before = Deno.readTextFileSync(tables.alice);
  const from = alice.events.length;
  await alice.type(`/add ${cardA}`);
  await alice.type(`/add ${cardB}`);
  await alice.type(`/add ${cardB.slice(0, -2)}`);
  await alice.untilCount(({ event }) => event === "error", 3, undefined, from);
  Deno.writeTextFileSync(tables.alice, `${rows.slice(0, 2).join("\n")}\nbad row\n`);
  await alice.type(`/add ${cardB}`);
  // The table's own fault is told, too.
  const isOfAdd = ({ event, text }: ShownEvent) =>
    event === "error" && !text.includes("Until then");
  const ofAdd = await alice.untilCount(isOfAdd, 4, undefined, from);
  assertEquals(ofAdd.map(({ code }) => code), ["usage", "name-taken", "usage", "bad-file"]);
  assertMatch(ofAdd[0]!.text, /^That is your own contact card/);
  assertEquals(before.split("\n").slice(0, 3), rows.slice(0, 3));
  assertEquals(Deno.readTextFileSync(tables.alice).includes("bad row"), true, "nothing is mended");
});
