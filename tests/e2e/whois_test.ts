/** `/whois` and `/whoami` in each mode, by people whose programs are the built one. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DirectoryWorld } from "./directory_world.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Group } from "./group_world.ts";
import { holds, type Node, Nodes, type ShownEvent } from "./node.ts";

/** What is told of `name`, without what each run has anew. */
async function who(node: Node, name?: string): Promise<readonly unknown[]> {
  const found = name === undefined ? await node.ask("whoami") : await node.ask("whois", { name });
  const { event, name: shown, self, route, verified, since, key } = found;
  if (event === "error") return [event, found.code];
  assertMatch(key, /^[a-z2-7]{26,}$/);
  return [event, shown, self, route, verified, /^\d{4}-\d\d-\d\d$/.test(since ?? "")];
}

/** Of oneself, and of somebody who isn't there. */
async function knowsItself(node: Node, name: string): Promise<void> {
  assertEquals(await who(node), ["whois", name, true, null, false, false]);
  assertEquals(await who(node, name), ["whois", name, true, null, false, false]);
  assertEquals(await who(node, "Nobody"), ["error", "unknown-user"]);
}

Deno.test("mesh: /whois says whose key, where, since when, by which way and whether verified, also of who left", async () => {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);
  const bob = await nodes.ready("Bob", ann);
  await ann.until(({ event, name }) => event === "joined" && name === "Bob");
  await knowsItself(ann, "Ann");
  const { key, host, port } = await bob.until(({ event }) => event === "ready");
  const found = await ann.ask("whois", { name: "bob" });
  assertEquals([found.key, found.host, found.port], [key, host, port]);
  assertEquals(await who(ann, "Bob"), ["whois", "Bob", false, "direct", false, true]);

  await bob.command({ command: "away", text: "lunch" });
  await ann.until(({ event }) => event === "presence");
  assertEquals((await ann.ask("whois", { name: "Bob" })).away, "lunch");
  await ann.ask("verify", { name: "Bob" });
  await ann.ask("verify", { name: "Bob", answer: "yes" });
  assertEquals(await who(ann, "Bob"), ["whois", "Bob", false, "direct", true, true]);

  await bob.command({ command: "quit" });
  await ann.until(({ event }) => event === "left");
  assertEquals(await who(ann, "Bob"), ["whois", "Bob", false, null, true, true]);
});

Deno.test("group: /whois asks for members and the coordinator; the coordinator's own line is what --server takes", async () => {
  await using group = new Group();
  const server = await group.serve();
  const [alice] = await group.startAll("Alice", "Bob") as [Node, Node];
  await knowsItself(alice, "Alice");
  const route = async () => (await alice.ask("whois", { name: "Bob" })).route;
  await holds("they have met", async () => await route() !== null);
  assertEquals(await who(alice, "Bob"), ["whois", "Bob", false, "direct", false, true]);
  assertEquals((await who(alice, "*coordinator*")).slice(0, 4), [
    "whois",
    "*coordinator*",
    false,
    "direct",
  ]);
  assertEquals((await who(server, "Bob")).slice(0, 4), ["whois", "Bob", false, "direct"]);
  const { key, host, port } = server.events.find(({ event }) => event === "ready")!;
  assertEquals((await server.ask("whoami")).line, `${host}:${port}#${key}`);
});

Deno.test("friends: /whoami shows the card to pass on, /whois a friend that is connected or not", async () => {
  await using friends = new FriendsGroup("alice", "bob");
  const [alice, bob] = await friends.startAll() as [Node, Node];
  await alice.tell("bob", "hello");
  await bob.until(({ event }) => event === "message");
  await knowsItself(bob, "bob");
  assertEquals(await who(alice, "bob"), ["whois", "bob", false, "direct", false, true]);
  const { key } = alice.events.find(({ event }) => event === "ready")!;
  const { line, host, port } = await alice.ask("whoami");
  assert(line.startsWith(`p2pchat-card:alice@${host}:${port}#${key}.`), line);
  await bob.command({ command: "exit" });
  await bob.ended();
  await alice.until(({ event, state }: ShownEvent) => event === "connection" && state === "closed");
  assertEquals((await alice.ask("whois", { name: "bob" })).route, null);
});

Deno.test("directory: /whois asks for somebody online, connected while there is a call", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice] = await world.talking("alice", "bob");
  await knowsItself(alice, "alice");
  assertEquals((await who(alice, "bob")).slice(0, 5), ["whois", "bob", false, "direct", false]);
  assertEquals((await who(directory, "bob")).slice(0, 4), ["whois", "bob", false, "direct"]);
  assertEquals((await who(directory)).slice(0, 3), ["whois", "*directory*", true]);
  assertMatch((await directory.ask("whoami")).line, /^\S+:\d+#[a-z2-7]{26,}$/);
});
