/** `/away` and `/back` in each mode, by people whose programs are the built one; in a room: `whois_test.ts`. */

import { assertEquals } from "@std/assert";
import { DirectoryWorld } from "./directory_world.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Group } from "./group_world.ts";
import type { Node, ShownEvent } from "./node.ts";

const isPresence = ({ event, self }: ShownEvent) => event === "presence" && self !== true;

/** What is shown of `name`, in a list of `event`, and by whois. */
async function isAway(node: Node, list: string, name: string): Promise<readonly unknown[]> {
  const listed = (await node.ask("list"))[list] as readonly ShownEvent[];
  const { away } = await node.ask("whois", { name });
  return [listed.find((one) => one.name === name)?.away, away];
}

Deno.test("friends: who is away is shown so to who is connected, and to who connects later; an ignored one's words aren't", async () => {
  await using friends = new FriendsGroup("alice", "bob", "cem");
  const [alice, bob, cem] = await friends.startAll() as [Node, Node, Node];
  await alice.tell("bob", "hello");
  await bob.until(({ event }) => event === "message");

  const own = await bob.ask("away", { text: "lunch" });
  assertEquals([own.event, own.self, own.away], ["presence", true, "lunch"]);
  assertEquals((await bob.ask("status")).away, "lunch");
  const { key, away } = await alice.until(isPresence);
  assertEquals([key, away], [own.key, "lunch"]);
  assertEquals(await isAway(alice, "friends", "bob"), ["lunch", "lunch"]);

  await cem.tell("bob", "hello");
  await cem.until(isPresence);
  assertEquals(await isAway(cem, "friends", "bob"), ["lunch", "lunch"]);
  await cem.ask("ignore", { name: "bob" });
  assertEquals(await isAway(cem, "friends", "bob"), ["", ""]);

  await bob.ask("back");
  await alice.until((event) => isPresence(event) && event.away === undefined);
  assertEquals(await isAway(alice, "friends", "bob"), [undefined, undefined]);
  assertEquals((await bob.ask("status")).away, undefined);
});

Deno.test("group: who is away is shown so to all members, and to who joins; an ignored one's words aren't", async () => {
  await using group = new Group();
  await group.serve();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  const own = await bob.ask("away", { text: "lunch" });
  assertEquals([own.event, own.self, own.away], ["presence", true, "lunch"]);
  assertEquals((await bob.ask("status")).away, "lunch");
  const cem = await group.start("Cem");
  for (const node of [alice, cem]) {
    const { key, away } = await node.until(isPresence);
    assertEquals([key, away], [own.key, "lunch"]);
    assertEquals((await node.ask("list")).away, [{ name: "Bob", away: "lunch" }]);
    assertEquals((await node.ask("whois", { name: "Bob" })).away, "lunch");
  }
  await cem.ask("ignore", { name: "Bob" });
  assertEquals((await cem.ask("list")).away, [{ name: "Bob", away: "" }]);
  await bob.ask("back");
  await alice.until((event) => isPresence(event) && event.away === undefined);
  assertEquals((await alice.ask("list")).away, undefined);
});

Deno.test("directory: who is away is listed so, also to who logs in later; an ignored one's words aren't", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob] = [await world.guest("alice"), await world.guest("bob")];
  await alice.until(({ event, name }) => event === "presence" && name === "bob");
  const own = await bob.ask("away", { text: "lunch" });
  assertEquals([own.event, own.self, own.away], ["presence", true, "lunch"]);
  assertEquals((await bob.ask("status")).away, "lunch");
  await alice.until((event) => isPresence(event) && event.away === "lunch");
  assertEquals(await isAway(alice, "users", "bob"), ["lunch", "lunch"]);
  const cem = await world.guest("cem");
  await cem.until(({ event, users }) => event === "users" && users.length === 3);
  assertEquals(await isAway(cem, "users", "bob"), ["lunch", "lunch"]);
  await cem.ask("ignore", { name: "bob" });
  assertEquals(await isAway(cem, "users", "bob"), ["", ""]);
  const { users } = await directory.ask("list");
  assertEquals(users.map(({ name, away }: ShownEvent) => [name, away]), [
    ["alice", undefined],
    ["bob", "lunch"],
    ["cem", undefined],
  ]);
  await bob.ask("back");
  // The first is that of who came in.
  const isHere = ({ event, name, away }: ShownEvent) =>
    event === "presence" && name === "bob" && away === undefined;
  await alice.untilCount(isHere, 2);
  assertEquals(await isAway(alice, "users", "bob"), [undefined, undefined]);
});
