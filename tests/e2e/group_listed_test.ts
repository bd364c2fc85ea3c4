/**
 * Who reads a group's log: its members, and newcomers that all are shown, whatever their programs do. Whose words are in
 * it: those of keys, which have one name each.
 */

import { assert, assertEquals } from "@std/assert";
import { Group, isIn, isView, sharedGroup, verifiedLog } from "./group_world.ts";
import { type Node, type ShownEvent } from "./node.ts";

const shared = sharedGroup(["Alice", "Bob"]);

const joining = (name: string) => (event: ShownEvent) =>
  event.event === "joining" && event.name === name;
const left = (name: string) => (event: ShownEvent) => event.event === "left" && event.name === name;
const says = (text: string) => (event: ShownEvent) =>
  event.event === "message" && event.text === text;

/** The time of an event by the clock of this machine, ms. */
function timeOf(node: Node, match: (event: ShownEvent) => boolean): number {
  const found = node.events.find(match);
  assert(found !== undefined, `${match}`);
  return Date.parse(found.at);
}

Deno.test("group: a newcomer is shown as joining to everybody before it has the log", async () => {
  const { group, server, members } = await shared();
  const [alice, bob] = members;
  await alice.say("before");
  await bob.until(says("before"));

  const carol = await group.start("Carol");

  await carol.until(isView("Alice", "Bob", "Carol"));
  const readAt = timeOf(carol, says("before"));
  for (const node of [server, alice, bob]) {
    const { key } = await node.until(joining("Carol"));
    assertEquals(typeof key, "string");
    assert(timeOf(node, joining("Carol")) <= readAt);
    assertEquals(node.events.filter(left("Carol")), []);
  }
});

Deno.test("group: who is sent the log and never comes in is shown, parted in time, and reads no more", async () => {
  const { group, server, members } = await shared();
  const [alice, bob] = members;
  await alice.say("before");
  await bob.until(says("before"));

  const eve = group.launch("Eve", { module: "liars/lurking_member.ts" });
  await eve.until(says("before"));

  const honest = [server, alice, bob];
  for (const node of honest) await node.until(joining("Eve"));
  for (const node of honest) assert(timeOf(node, joining("Eve")) <= timeOf(eve, says("before")));
  for (const node of honest) assertEquals((await node.ask("list")).joining, ["Eve"]);
  for (const node of honest) await node.until(left("Eve"), 45_000);
  await alice.say("after");
  await bob.until(says("after"));
  for (const node of honest) assertEquals((await node.ask("list")).joining, undefined);
  assertEquals(eve.events.filter(says("after")), []);
});

Deno.test("group: two keys of one name are told apart in what is shown and in the log, by name and by key", async () => {
  await using group = new Group();
  const server = await group.serve();
  const [alice, bob] = await group.startAll("Alice", "Bob") as [Node, Node];
  await alice.say("I never agreed to pay");
  await bob.until(says("I never agreed to pay"));
  await alice.type("/exit");
  await alice.ended();
  await bob.until(isView("Bob"));

  // The coordinator keeps a name for its key, until its operator accepts another.
  const mallory = { data: group.data("Mallory") };
  assertEquals((await group.launch("Alice", mallory).ended()).last?.code, "key-changed");
  assertEquals((await server.ask("trust", { name: "Alice" })).event, "notice");
  const other = group.launch("Alice", mallory);
  await other.until(isIn("Alice"));
  await other.say("on reflection I agree");
  await bob.until(says("on reflection I agree"));
  const carol = await group.start("Carol");
  await carol.until(says("on reflection I agree"));

  const keys = [alice, other].map((node) =>
    node.events.find(({ event }) => event === "ready")?.key
  );
  const starts = keys.map((key) => `Alice~${key.slice(0, 4)}`);
  const messages = (node: Node) => node.events.filter(({ event }) => event === "message");
  const log = async (node: Node) => (await node.ask("log")).entries;
  const by = (said: readonly ShownEvent[]) =>
    said.map(({ from, shown, key }) => [from, shown, key]);
  const told = await server.untilCount(({ event }) => event === "entry", 2);
  assertEquals(told.map(({ from, key }) => [from, key]), keys.map((key) => ["Alice", key]));
  // Bob has met the first before: her name stays hers.
  for (const said of [messages(bob), await log(bob)]) {
    assertEquals(by(said), [["Alice", "Alice", keys[0]], ["Alice", starts[1], keys[1]]]);
  }
  const shownToCarol: readonly (readonly ShownEvent[])[] = [messages(carol), await log(carol)];
  for (const said of shownToCarol) {
    assertEquals(said.map(({ from, key }) => [from, key]), keys.map((key) => ["Alice", key]));
    assertEquals(new Set(said.map(({ shown }) => shown)).size, 2);
  }
  const { status, text } = await verifiedLog(group.logPath("Carol"));
  assertEquals(status, 0);
  assert(text.includes("warning: 2 keys had the name Alice"), text);
});
