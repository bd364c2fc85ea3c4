/** What friends said to each other is found again, and shown again to who comes back. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delivery, FriendsGroup, shows } from "./friends_group.ts";
import { type Node, PROGRAM, type ShownEvent } from "./node.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { TextProgram } from "./text_program.ts";

const is = (name: string) => (event: ShownEvent) => event.event === name;

async function asked(
  node: Node,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<readonly string[]> {
  const { messages } = await node.ask("history", fields);
  return messages.map(({ self, to, shown, text }: ShownEvent) =>
    self ? `to ${to}: ${text}` : `${shown}: ${text}`
  );
}

/** Alice has written to Bob, who has answered, and to Carol, who wasn't there yet. */
async function said(group: FriendsGroup): Promise<readonly [Node, Node]> {
  const [alice, bob] = [await group.start("alice"), await group.start("bob")];
  await alice.tell("bob", "where is the key?");
  await bob.until(shows("where is the key?"));
  await bob.tell("alice", "under the mat");
  await alice.until(shows("under the mat"));
  await alice.tell("carol", "no key here");
  await alice.until((event) => delivery("queued")(event) && event.to === "carol");
  return [alice, bob];
}

/** The files with what a friend said and heard. */
function files(group: FriendsGroup, name: string): readonly string[] {
  const folder = `${group.data(name)}/users/${name}/friends`;
  const [table] = [...Deno.readDirSync(folder)].filter(({ isDirectory }) => isDirectory);
  return [...Deno.readDirSync(`${folder}/${table!.name}`)].map((file) => file.name)
    .filter((file) => file.startsWith("private-")).map((file) =>
      `${folder}/${table!.name}/${file}`
    );
}

Deno.test("friends: what was said is found by both, at once, and after a kill, whoever is there", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  const [alice, bob] = await said(group);
  const conversation = ["to bob: where is the key?", "bob: under the mat"];
  await alice.command({ command: "msg", name: "bob", text: "thanks" });
  assertEquals(await asked(alice, { name: "BOB" }), [...conversation, "to bob: thanks"]);
  await bob.until(shows("thanks"));
  for (const node of [alice, bob]) await node.kill();

  const again = await group.start("alice");
  assertEquals(await asked(again, { name: "bob", n: 2 }), ["bob: under the mat", "to bob: thanks"]);
  assertEquals(await asked(again, { name: "bob", text: "KEY" }), conversation.slice(0, 1));
  assertEquals(await asked(again, { text: "key" }), [conversation[0]!, "to carol: no key here"]);
  assertEquals((await asked(again)).length, 4);
  const search = await again.ask("search", { text: "mat" });
  assertEquals(search.messages.map(({ text }: ShownEvent) => text), ["under the mat"]);
  const unknown = await again.ask("history", { name: "bbo" });
  assertEquals([unknown.event, unknown.code], ["error", "unknown-user"]);
  assertStringIncludes(unknown.text, "did you mean /history bob?");
  const bobAgain = await group.start("bob");
  assertEquals(await asked(bobAgain, { name: "alice" }), [
    "alice: where is the key?",
    "to alice: under the mat",
    "alice: thanks",
  ]);
  for (const name of ["alice", "bob"]) {
    const [file, ...others] = files(group, name);
    assertEquals([others, Deno.statSync(file!).mode! & 0o777], [[], 0o600]);
  }
  assertEquals(again.events.filter(is("message")), [], "scripts are shown nothing again unasked");
});

Deno.test("friends: what was taken back isn't in the history, and what waits is", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const alice = await group.start("alice");
  for (const text of ["one", "two"]) await alice.tell("bob", text, text);
  const queued = await alice.untilCount(delivery("queued"), 2);
  await alice.command({ command: "unsend", id: queued[0]!.id });
  await alice.until(delivery("failed"));
  assertEquals(await asked(alice, { name: "bob" }), ["to bob: two"]);
  await alice.kill();
  // As if the kill had come between the two files.
  for (const file of files(group, "alice")) Deno.removeSync(file);
  const again = await group.start("alice");
  await group.start("bob");
  await again.until(delivery("delivered"));
  assertEquals(await asked(again, { name: "bob" }), ["to bob: two"]);
});

Deno.test("friends: who comes back with --history is shown the last messages, since when they were away, and what is new", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  const [alice, bob] = await said(group);
  await alice.type("/exit");
  assertEquals((await alice.ended()).code, 0);
  await bob.tell("alice", "still there?");
  await bob.until(({ event, text }) => event === "notice" && text.includes("(1 waiting)"));

  const again = await group.start("alice", "--history", "2");
  await again.until(shows("still there?"));
  const events = again.events.filter(({ event }) => event === "message" || event === "returned");
  assertEquals(
    events.map(({ event, text, history, self, to }) => [event, text, history, self, to]),
    [
      ["message", "under the mat", true, false, undefined],
      ["message", "no key here", true, true, "carol"],
      ["returned", undefined, undefined, undefined, undefined],
      ["message", "still there?", false, false, undefined],
    ],
  );
});

Deno.test("friends in a pipe: one's own lines and those of friends are told apart", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  const [alice] = await said(group);
  await alice.kill();
  const args = ["peer", "alice", "--users", group.file, "--host", "127.0.0.1"];
  await using program = TextProgram.start(args, { data: group.data("alice") });
  await program.type("/history bob", "/history carol /key/ 5", "/history bob /nothing/");
  await program.type("/history bbo", "/exit");
  assertEquals(await program.ended(), 0);
  assertEquals(program.lines.filter((line) => /^(<|No )/.test(line)), [
    "<alice -> bob> where is the key?",
    "<bob> under the mat",
    "<alice -> carol> no key here",
    'No private message with bob has "nothing".',
  ]);
  assertMatch(program.stderr, /Cannot find bbo/);
});

Deno.test({
  name: "friends at a terminal: the last lines are shown again, and since when one was away",
  ignore: !hasScript(),
  async fn() {
    await using group = new FriendsGroup("alice", "bob", "carol");
    const [alice, bob] = await said(group);
    await alice.type("/exit");
    assertEquals((await alice.ended()).code, 0);
    const command = `cd "${group.folder}" && exec "${PROGRAM}" peer alice --users users.txt ` +
      `--host 127.0.0.1 --data "${group.data("alice")}" --no-color`;
    await using terminal = await openTerminal({ command: ["sh", "-c", command], columns: 120 });
    await terminal.untilCursorLine("alice> |");
    await bob.tell("alice", "welcome back");
    await terminal.until("what is new", ({ text }) => text.includes("<bob> welcome back"));
    const lines = terminal.screen.lines.map((line) => line.replace(/^\d\d:\d\d /, ""))
      .filter((line) => !line.startsWith("! carol isn't there"));
    const from = lines.findIndex((line) => line.includes("where is the key?"));
    assertEquals(
      lines.slice(from, from + 5).map((line) => line.replace(/since \S+/, "since then")),
      [
        "<alice -> bob> where is the key?",
        "<bob> under the mat",
        "<alice -> carol> no key here",
        "-- missed since then --",
        "<bob> welcome back",
      ],
    );
    assertEquals(terminal.screen.unexpected, []);
  },
});

Deno.test("friends: whoever changes the name, in the table and of the profile, keeps key, words and what waits", async () => {
  await using group = new FriendsGroup("alice", "bob", "carol");
  const [alice, bob] = await said(group);
  await alice.kill();
  await bob.tell("alice", "it isn't there");
  await bob.untilCount(delivery("queued"), 2);
  await bob.kill();
  const row = group.row("bob");
  group.rows.delete("bob");
  group.edit({ bobby: row });
  const users = `${group.data("bob")}/users`;
  await Deno.rename(`${users}/bob`, `${users}/bobby`);

  const again = await group.start("alice");
  const bobby = group.launch("bobby", { data: group.data("bob") });
  const { key } = await bobby.until(is("ready"));
  const { from } = await again.until(shows("it isn't there"));
  assertEquals([from, (await again.ask("whois", { name: "bobby" })).key], ["bobby", key]);
  assertEquals(await asked(again, { name: "bobby" }), [
    "bob: under the mat",
    "bobby: it isn't there",
  ]);
  assertEquals((await asked(bobby, { name: "alice" })).length, 3);
});
