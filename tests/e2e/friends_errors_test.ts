/** Errors that keep `peer --users` from starting: code, exit status, and a sentence that says what to do. */

import { assertEquals, assertMatch } from "@std/assert";
import { inTemporaryFolder, jsonFailureOf, outputOf } from "./failures.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Node } from "./node.ts";
import { freePort } from "./ports.ts";

const ALICE = "alice 127.0.0.1 25001\n";
const BOB = "bob 127.0.0.1 25002\n";
const KEY = "xsazfbd3ockoqe46yrkpuxern4x";

Deno.test("friends: a fault of the table ends the program with its line, before anything starts", async (test) => {
  const tables: readonly (readonly [name: string, table: string, line: number, found: RegExp])[] = [
    ["a bad port", `# ours\n\n${ALICE}bob 127.0.0.1 70000\n`, 4, /port must be .* "70000"/],
    ["a name twice", `${ALICE}${BOB}ALICE 127.0.0.1 25003\n`, 3, /"ALICE" is that of line 1/],
  ];
  await inTemporaryFolder(async (folder) => {
    const file = `${folder}/users.txt`;
    for (const [name, table, line, found] of tables) {
      await test.step(name, async () => {
        await Deno.writeTextFile(file, table);
        const failure = await jsonFailureOf(["peer", "alice", "--users", file], `${folder}/data`);
        assertEquals([failure.code, failure.status], ["bad-file", 5]);
        assertMatch(failure.text, found);
        assertEquals(failure.text.startsWith(`Cannot read ${file}, line ${line}: `), true);
      });
    }
    assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), ["users.txt"]);
  });
});

Deno.test("friends: without a table, or a row of one's own, nothing starts either", async () => {
  await inTemporaryFolder(async (folder) => {
    const file = `${folder}/users.txt`;
    const fails = (...words: readonly string[]) =>
      jsonFailureOf(["peer", ...words], `${folder}/data`);
    const none = await fails("alice", "--users", file);
    await Deno.writeTextFile(file, ALICE + BOB + "bobs-twin 127.0.0.2 25002\n");
    const byName = await fails("carol", "--users", file);
    const byPort = await fails("--users", file, "--port", "25009");
    const several = await fails("--users", file, "--port", "25002");

    for (const failure of [none, byName, byPort, several]) {
      assertEquals([failure.code, failure.status], ["bad-file", 5]);
      assertEquals(failure.text.includes(file), true, failure.text);
    }
    assertMatch(none.text, /there is no such file; .* p2pchat users add/);
    assertMatch(byName.text, /^Cannot be carol: .* has no row of that name; .* users add/);
    assertMatch(byPort.text, /^Cannot tell who you are: no row of .* has port 25009; add your row/);
    assertMatch(
      several.text,
      /2 rows of .* have port 25002, .*line 2 \(bob\).*line 3 \(bobs-twin\)/,
    );
    assertEquals([...Deno.readDirSync(folder)].map((entry) => entry.name), ["users.txt"]);
  });
});

Deno.test("friends: a row with the key of another profile isn't oneself", async () => {
  await using group = new FriendsGroup("bob", "alice");
  const row = group.row("alice");
  group.edit({ alice: { ...row, fingerprint: KEY } });

  const words = ["peer", "alice", "--users", group.file, "--host", "127.0.0.1"];
  const { code, status, text } = await jsonFailureOf(words, group.data("alice"));
  const own = await outputOf(["users", "key", "alice", "--data", group.data("alice")]);
  const fingerprint = own.stdout.trimEnd().split(" ")[3]!;
  group.edit({ alice: { ...row, fingerprint } });
  const alice = await group.start("alice");

  assertEquals([code, status], ["bad-file", 5]);
  assertMatch(text, /^Cannot be alice: .*users\.txt, line 3, says that alice's key is xsazfbd3/);
  assertEquals(text.includes(fingerprint), true);
  assertEquals(alice.events[0]!.key, fingerprint);
});

Deno.test("friends: a lost identity is told: after the first line, or where the table has the old key", async () => {
  await using group = new FriendsGroup("alice", "bob");
  await Deno.mkdir(`${group.data("alice")}/users/alice`, { recursive: true });
  const alice = await group.start("alice", "--log-file", `${group.data("alice")}/users/alice/mine`);
  await alice.ask("status");
  const { key } = alice.events[0]!;
  await alice.kill();
  const identity = `${group.data("alice")}/users/alice/identity`;

  await Deno.remove(identity);
  const again = await group.start("alice");
  const told = await again.until(({ event }) => event === "notice");
  await again.kill();
  await Deno.remove(identity);
  const row = await outputOf(["users", "key", "alice", "--data", group.data("alice")]);
  group.edit({ alice: { ...group.row("alice"), fingerprint: key } });
  await Deno.remove(identity);
  const words = ["peer", "alice", "--users", group.file, "--host", "127.0.0.1"];
  const stopped = await outputOf([...words, "--data", group.data("alice")]);

  assertEquals(alice.events.filter(({ event }) => event === "notice"), [], "a new profile");
  assertEquals(again.events[0]!.event, "ready");
  const text = /Your key is new, \S+: \S+\/identity was missing/;
  for (const sentence of [told.text, row.stderr, stopped.stdout]) assertMatch(sentence, text);
  assertEquals(row.stdout.split("\n").length, 2, "the row alone");
  assertMatch(stopped.stderr, /^error: Cannot be alice: /);
});

Deno.test("friends: the profile and the port are one program's at a time", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const alice = await group.start("alice");
  const words = (name: string) => ["peer", name, "--users", group.file, "--host", "127.0.0.1"];

  const second = await jsonFailureOf(words("alice"), group.data("alice"));
  const taken = await jsonFailureOf(
    [...words("bob"), "--port", String(alice.port)],
    group.data("bob"),
  );
  const twice = await jsonFailureOf(words("alice"), `${group.folder}/elsewhere`);
  await alice.kill();
  const again = await group.start("alice");

  assertEquals([second.code, second.status], ["in-use", 4]);
  assertMatch(
    twice.text,
    /^Cannot listen at port \d+: another program has it; end that program, or change the port of your row in \S+$/,
  );
  assertMatch(second.text, new RegExp(`process ${alice.pid} uses it already; end that one`));
  assertEquals([taken.code, taken.status], ["port-in-use", 3]);
  assertMatch(taken.text, new RegExp(`\\b${alice.port}\\b`));
  assertEquals(again.port, alice.port);
});

Deno.test("friends: without a name, the row with one's port is oneself; a name goes with any port", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const byPort = group.nodes.add(
    Node.friend(null, group.file, {
      data: group.data("alice"),
      args: ["--port", String(group.row("alice").port)],
    }),
  );
  const ready = await byPort.until(({ event }) => event === "ready");
  const elsewhere = freePort();
  const bob = await group.start("bob", "--port", String(elsewhere));
  const { text } = await bob.until(({ event }) => event === "notice");

  assertEquals([ready.name, ready.port, ready.host], [
    "alice",
    group.row("alice").port,
    "127.0.0.1",
  ]);
  assertEquals([ready.command, ready.users, ready.names], ["peer", group.file, ["bob"]]);
  assertMatch(ready.key, /^[a-z2-7]{27}$/);
  const profiles = [...Deno.readDirSync(`${group.data("alice")}/users`)];
  assertEquals(profiles.filter((one) => one.isDirectory).map(({ name }) => name), ["alice"]);
  assertEquals(bob.port, elsewhere);
  assertMatch(text, new RegExp(`port ${elsewhere}, .* friends dial ${group.row("bob").port}, `));
});
