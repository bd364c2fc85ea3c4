/** Who is ignored isn't seen, in any mode, and what they say is stored all the same. */

import { assertEquals } from "@std/assert";
import { DirectoryWorld } from "./directory_world.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Group } from "./group_world.ts";
import { Node } from "./node.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const texts = (node: Node) =>
  node.events.filter(({ event, self }) => event === "message" && !self).map(({ text }) => text);

Deno.test("ignoring: in a room, by key, at the next start too, and the history stays whole", async () => {
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-ignore-" });
  const data = temporary.path;
  await using bob = await Node.ready("Bob", null);
  await using eve = await Node.ready("Eve", bob);
  {
    await using alice = await Node.ready("Alice", bob, { data });
    await eve.say("first");
    await alice.until(({ text }) => text === "first");
    await alice.ask("ignore", { name: "eve" });
    await eve.say("unseen");
    await eve.tell("Alice", "unseen, too");
    await eve.until(({ event, state }) => event === "delivery" && state === "delivered");
    await bob.until(({ text }) => text === "unseen");
    await bob.say("last");
    await alice.until(({ text }) => text === "last");
    assertEquals(texts(alice), ["first", "last"]);
    await alice.command({ command: "quit" });
    await alice.status;
  }
  await using alice = await Node.ready("Alice", bob, { data });
  await eve.say("unseen again");
  await bob.until(({ text }) => text === "unseen again");
  await bob.say("done");
  await alice.until(({ text }) => text === "done");
  assertEquals(texts(alice).filter((text) => text.startsWith("unseen")), []);
  const { messages } = await alice.ask("history");
  const marked = messages.filter((message: { ignored?: true }) => message.ignored === true);
  assertEquals(marked.map(({ text }: { text: string }) => text), [
    "first",
    "unseen",
    "unseen again",
  ]);
  const { ignored } = await alice.ask("ignored");
  assertEquals(ignored.map(({ name }: { name: string }) => name), ["Eve"]);
  await alice.ask("unignore", { name: "Eve" });
  await eve.say("seen");
  await alice.until(({ text }) => text === "seen");
});

Deno.test("ignoring: a friend", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const alice = await group.start("alice");
  const bob = await group.start("bob");
  await bob.tell("alice", "one");
  await alice.until(({ text }) => text === "one");
  await alice.ask("ignore", { name: "bob" });
  await bob.tell("alice", "two");
  await bob.untilCount(({ event, state }) => event === "delivery" && state === "delivered", 2);
  await alice.ask("unignore", { name: "bob" });
  await bob.tell("alice", "three");
  await alice.until(({ text }) => text === "three");
  assertEquals(texts(alice), ["one", "three"]);
});

Deno.test("ignoring: in a directory calls are declined unseen, and broadcasts aren't shown", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const alice = await world.guest("alice");
  const eve = await world.guest("eve");
  await alice.until(({ event, name }) => event === "presence" && name === "eve");
  assertEquals((await alice.ask("ignore", { name: "eve" })).event, "notice");
  await eve.ask("broadcast", { text: "unseen" });
  await eve.command({ command: "call", name: "alice" });
  await eve.until(({ event, state }) => event === "call" && state === "declined");
  assertEquals((await alice.ask("call", { name: "eve" })).code, "not-allowed");
  await alice.ask("unignore", { name: "eve" });
  await eve.command({ command: "call", name: "alice" });
  await alice.until(({ event }) => event === "incoming");
  const seen = alice.events.filter(({ event }) =>
    ["broadcast", "incoming", "call"].includes(event)
  );
  assertEquals(seen.map(({ event }) => event), ["incoming"]);
});

Deno.test("ignoring: in a group what the ignored one asks for is refused unseen, and the user is told so once", async () => {
  await using group = new Group();
  await group.serve();
  const [alice, eve] = await group.startAll("Alice", "Eve") as [Node, Node];
  await alice.say("mine");
  const { seq } = await eve.until(({ text }) => text === "mine");
  await alice.ask("ignore", { name: "Eve" });
  const isOver = ({ event, outcome }: { event: string; outcome?: string }) =>
    event === "edit" && outcome !== undefined;
  for (const [n, text] of ["theirs", "theirs again"].entries()) {
    await eve.command({ command: "edit", text, n: seq });
    await eve.untilCount(isOver, n + 1);
  }
  const outcomes = eve.events.filter(isOver).map(({ outcome, reason }) => [outcome, reason]);
  assertEquals(outcomes, Array(2).fill(["aborted", "Alice said no"]));
  assertEquals((await alice.ask("log", { n: 1 })).entries[0].text, "mine");
  const told = alice.events.filter(({ event, text }) =>
    event === "notice" && text.includes("Eve, whom you ignore")
  );
  assertEquals(told.length, 1);
  assertEquals(alice.events.filter(({ event }) => event === "vote-wanted"), []);
});
