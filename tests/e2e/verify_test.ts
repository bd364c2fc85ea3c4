/** Who is verified: `/verify NAME`, `yes` and `no`, in each mode, by people whose programs are the built one. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import { RealDisk } from "../../lib/store/disk/real_disk.ts";
import { KnownPeers } from "../../lib/store/profile/known_peers.ts";
import { call, connect, DirectoryWorld, failure } from "./directory_world.ts";
import { FriendsGroup } from "./friends_group.ts";
import { Group } from "./group_world.ts";
import { newIdentity } from "./hostile_peer.ts";
import { holds, type Node, Nodes, type ShownEvent } from "./node.ts";

/** Compares digits, as two people do who are really those two. */
async function verify(node: Node, name: string): Promise<void> {
  assertEquals((await node.ask("verify", { name })).verified, false);
  const { answer, verified } = await node.ask("verify", { name, answer: "yes" });
  assertEquals([answer, verified], ["yes", true]);
}

Deno.test("mesh: /verify changes nothing; after no the key is a changed one, sent no file for it alone, until /trust", async () => {
  await using nodes = new Nodes();
  const ann = await nodes.ready("Ann", null);
  const bob = await nodes.ready("Bob", ann);
  const verified = async (node: Node) =>
    Object.fromEntries(
      (await node.ask("peers")).peers.map(({ name, verified }: ShownEvent) => [name, verified]),
    );
  assertEquals((await ann.until(({ event }) => event === "joined")).verified, false);
  await ann.command({ command: "verify", name: "Bob", answer: "yes", ref: "early" });
  const refused = await ann.until(({ event, ref }) => event === "error" && ref === "early");
  assertEquals(refused.code, "not-allowed");
  assertEquals(await verified(ann), { Ann: false, Bob: false });

  await verify(ann, "Bob");
  assertEquals(await verified(ann), { Ann: false, Bob: true });

  // After no, that key is shown under another name, said to be changed, until /trust.
  assertEquals((await ann.ask("verify", { name: "Bob", answer: "no" })).verified, false);
  const { name } = await ann.until(({ event }) => event === "renamed");
  assertMatch(name, /^Bob~/);
  assertEquals((await ann.ask("msg", { name: "Bob", text: "psst" })).code, "key-changed");
  await ann.ask("trust", { name: "Bob" });
  await holds("Bob has his name", async () => "Bob" in await verified(ann));
  assertEquals(await verified(ann), { Ann: false, Bob: false });
  await ann.tell("Bob", "hello");
  await bob.until(({ event, text }) => event === "message" && text === "hello");

  await bob.type(":q");
  await bob.ended();
  await ann.ask("send", { name: "Bob", file: "README.md" });
  await ann.ask("verify", { name: "Bob", answer: "no" });
  const back = await nodes.ready("Bob", ann, { data: bob.data });
  await ann.ask("send", { file: "CHANGELOG.md" });
  assertEquals((await back.until(({ event }) => event === "offer")).name, "CHANGELOG.md");
});

/** A profile that has verified a Bob whom it met elsewhere. @returns His key. */
async function verifiedElsewhere(data: string, profile: string): Promise<string> {
  const folder = `${data}/users/${profile}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  const known = await KnownPeers.open(new RealDisk(), `${folder}/known_peers`);
  const { key } = newIdentity().signer;
  await known.verify("Bob", key, 0);
  return fingerprintOf(key);
}

/** The loud line came before everything of the other Bob's, which is marked. */
function saysOther(node: Node, key: string, first: (event: ShownEvent) => boolean): void {
  const loud = node.events.findIndex(({ event, warning, changed }) =>
    event === "notice" && warning === true && changed?.before === key
  );
  assertMatch(
    `${node.events[loud]?.text}`,
    /^BE CAREFUL: you had verified Bob's key, and this one is ANOTHER/i,
  );
  const at = node.events.findIndex(first);
  assert(loud < at, "before anything of theirs");
  const { changed, verified } = node.events[at]!;
  assert(changed === true && verified !== true, JSON.stringify(node.events[at]));
}

Deno.test("directory, group, friends: of another key under a verified name one is told loudly, before its first word", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const key = await verifiedElsewhere(world.data("alice"), "alice");
  // Somebody whom the directory calls Bob, as one that lies may call anybody.
  const [alice, bob] = await world.guests("alice", "Bob");
  await connect(alice!, bob!, "Bob");
  saysOther(alice!, key, call("connected"));

  await using group = new Group();
  const there = await verifiedElsewhere(group.data("Alice"), "Alice");
  await group.serve();
  const member = await group.start("Alice");
  await group.start("Bob");
  await member.until(({ event, members }) => event === "view" && members.includes("Bob"));
  saysOther(member, there, ({ event, name }) => event === "joining" && name === "Bob");
  saysOther(member, there, ({ event, members }) => event === "view" && members.includes("Bob"));

  // Also of a friend with whom one has talked before.
  await using friends = new FriendsGroup("alice", "bob");
  const [before, friend] = await friends.startAll() as [Node, Node];
  await before.tell("bob", "hello");
  await before.until(({ event, state }) => event === "delivery" && state === "delivered");
  await before.type("/exit");
  await before.ended();
  const elsewhere = await verifiedElsewhere(friends.data("alice"), "alice");
  const back = await friends.start("alice");
  await friend.tell("alice", "hello");
  await back.until(({ event }) => event === "message");
  saysOther(back, elsewhere, ({ event }) => event === "connection");
});

Deno.test("all modes: a no needs neither digits nor anybody there; friends: nothing waits for that key then", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  await using group = new Group();
  const server = await group.serve();
  await using nodes = new Nodes();
  const room = world.data("room");
  for (
    const [data, start] of [
      [world.data("alice"), () => world.guest("alice")],
      [group.data("alice"), () => group.start("alice")],
      [room, () => nodes.ready("alice", null, { data: room })],
    ] as const
  ) {
    const expected = await verifiedElsewhere(data, "alice");
    const node = await start();
    const no = () => node.ask("verify", { name: "Bob", answer: "no" });
    const { key, answer, verified } = await no();
    assertEquals([key, answer, verified], [expected, "no", false]);
    assertEquals((await no()).code, "unknown-user");
  }

  await verify(server, "alice");
  assertEquals((await server.ask("list")).verified, ["alice"]);
  assertEquals((await server.ask("verify", { name: "alice", answer: "no" })).verified, false);
  assertEquals((await server.ask("list")).verified, []);

  await using friends = new FriendsGroup("alice", "bob");
  const [before, bob] = await friends.startAll() as [Node, Node];
  await before.tell("bob", "hello");
  await bob.until(({ event }) => event === "message");
  await verify(before, "bob");
  for (const node of [before, bob]) {
    await node.type("/exit");
    await node.ended();
  }
  const alice = await friends.start("alice");
  assertEquals((await alice.ask("verify", { name: "bob", answer: "no" })).verified, false);
  assertEquals((await alice.ask("list")).friends[0].verified, false);
  await alice.tell("bob", "psst");
  const back = await friends.start("bob");
  await back.tell("alice", "it is me");
  assertEquals((await alice.until(failure("key-changed"))).changed.name, "bob");
  await alice.ask("trust", { name: "bob" });
  await back.until(({ event, text }) => event === "message" && text === "psst");
});

Deno.test("friends and mesh: what one program is told of a key, another one of the profile heeds", async () => {
  await using friends = new FriendsGroup("alice", "bob");
  const [alice, bob] = await friends.startAll() as [Node, Node];
  await alice.tell("bob", "hello");
  await bob.until(({ event }) => event === "message");
  await verify(alice, "bob");
  await using nodes = new Nodes();
  const inRoom = await nodes.ready("alice", null, { data: friends.data("alice") });
  await nodes.ready("bob", inRoom, { data: friends.data("bob") });
  assertEquals((await inRoom.until(({ event }) => event === "joined")).verified, true);

  await inRoom.ask("verify", { name: "bob" });
  const from = alice.events.length;
  await inRoom.ask("verify", { name: "bob", answer: "no" });
  await alice.until(({ event }) => event === "connection", undefined, from);
  const told = await alice.until(({ event }) => event === "notice", undefined, from);
  assertMatch(told.text, /^Another of your programs was told that \S+ isn't bob's key/);
  const { friends: listed } = await alice.ask("list");
  assertEquals(listed.map(({ verified }: ShownEvent) => verified), [false]);

  await inRoom.ask("trust", { name: "bob" });
  await alice.until(({ event, text }) => event === "notice" && /after all/.test(text!));
  await alice.tell("bob", "again");
  await bob.until(({ event, text }) => event === "message" && text === "again");
});
