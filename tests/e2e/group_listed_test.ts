/** Who reads a group's log: its members, and newcomers that all are shown, whatever their programs do. */

import { assert, assertEquals } from "@std/assert";
import { Group, isView } from "./group_world.ts";
import type { Node, ShownEvent } from "./node.ts";

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
  await using group = new Group();
  const server = await group.serve();
  const [alice, bob] = await group.startAll("Alice", "Bob");
  await alice!.say("before");
  await bob!.until(says("before"));

  const carol = await group.start("Carol");

  await carol.until(isView("Alice", "Bob", "Carol"));
  const readAt = timeOf(carol, says("before"));
  for (const node of [server, alice!, bob!]) {
    const { key } = await node.until(joining("Carol"));
    assertEquals(typeof key, "string");
    assert(timeOf(node, joining("Carol")) <= readAt);
    assertEquals(node.events.filter(left("Carol")), []);
  }
});

Deno.test("group: who is sent the log and never comes in is shown, parted in time, and reads no more", async () => {
  await using group = new Group();
  const server = await group.serve();
  const [alice, bob] = await group.startAll("Alice", "Bob");
  await alice!.say("before");
  await bob!.until(says("before"));

  const eve = group.launch("Eve", { module: "liars/lurking_member.ts" });
  await eve.until(says("before"));

  const honest = [server, alice!, bob!];
  for (const node of honest) await node.until(joining("Eve"));
  for (const node of honest) assert(timeOf(node, joining("Eve")) <= timeOf(eve, says("before")));
  for (const node of honest) assertEquals((await node.ask("list")).joining, ["Eve"]);
  for (const node of honest) await node.until(left("Eve"), 45_000);
  const heard = eve.events.filter(({ event }) => event === "message").length;
  await alice!.say("after");
  await bob!.until(says("after"));
  for (const node of honest) assertEquals((await node.ask("list")).joining, undefined);
  // It comes back after a pause, and is shown again first.
  const again = ({ event, name }: ShownEvent) => event === "joining" && name === "Eve";
  await eve.until(says("after"), 60_000);
  for (const node of honest) {
    const shown = node.events.filter(again);
    assertEquals(shown.length >= 2, true, "shown as joining once more");
    assert(Date.parse(shown.at(-1)!.at) <= timeOf(eve, says("after")));
  }
  assert(heard >= 1);
});
