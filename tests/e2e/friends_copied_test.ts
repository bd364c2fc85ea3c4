/** A copy of a friend's profile runs beside the friend's own program. */

import { assert, assertEquals } from "@std/assert";
import { failure } from "./directory_world.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Node, type ShownEvent } from "./node.ts";

function isMessage(wanted: string): (event: ShownEvent) => boolean {
  return ({ event, text }) => event === "message" && text === wanted;
}

const isDelivered = ({ event, state }: ShownEvent) => event === "delivery" && state === "delivered";

Deno.test("friends: a copy of a friend's profile gets nothing while the friend is there, and both are told", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  await alice.tell("bob", "one");
  await bob.until(isMessage("one"));
  await alice.until(isDelivered);

  const data = `${group.folder}/data-copy`;
  await new Deno.Command("cp", { args: ["-a", group.data("bob"), data] }).output();
  const { port } = group.row("bob");
  const table = Deno.readTextFileSync(group.file).replace(String(port), String(port + 1_000));
  Deno.writeTextFileSync(`${group.folder}/copy.txt`, table);
  const copy = group.nodes.add(Node.friend("bob", `${group.folder}/copy.txt`, { data }));
  await copy.until(({ event }) => event === "ready");
  await copy.tell("alice", "hello");
  await alice.until(isMessage("hello"));

  const warned = await alice.until(({ warning }) => warning === true);
  assert(warned.text.startsWith("Two programs use bob's key; "), warned.text);
  await bob.until(failure("replaced"));
  const from = alice.events.length;
  await alice.tell("bob", "secret");
  await alice.until(
    ({ event, state }) => event === "delivery" && state === "queued",
    undefined,
    from,
  );
  await bob.tell("alice", "are you there?");
  await alice.until(isMessage("are you there?"), undefined, from);
  await copy.until(failure("replaced"));
  assertEquals(alice.events.slice(from).filter(isDelivered), []);

  await alice.ask("trust", { name: "bob" });
  await bob.until(isMessage("secret"));
  await alice.until(isDelivered, undefined, from);
  assertEquals(copy.texts("alice"), []);
});
