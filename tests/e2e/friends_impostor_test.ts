/**
 * Somebody with another key who claims to be a friend, or who is none: refused on both sides, and none of its
 * messages shown.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { connection, delivery, failure, FriendsGroup, type Row, shows } from "./friends_group.ts";
import { fingerprintOf } from "../../lib/base/text/fingerprint.ts";
import type { PeerKey } from "../../lib/base/ids.ts";
import { friendsCodec, newIdentity, Peer } from "./hostile_peer.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const keyOf = (node: Node): string => node.events[0]!.key;

/** Somebody with a different key and table who claims to be `name`. */
async function impostor(
  group: FriendsGroup,
  name: string,
  rows: Readonly<Record<string, Row>> = { [name]: { port: freePort() }, alice: group.row("alice") },
): Promise<Node> {
  const users = group.otherTable("others.txt", rows);
  const node = group.launch(name, { users, data: `${group.folder}/data-of-the-other` });
  await node.until(({ event }) => event === "ready");
  return node;
}

/** The texts of others that `node` has shown. */
const heard = (node: Node) =>
  node.events.filter(({ event, self }) => event === "message" && !self).map(({ text }) => text);

Deno.test("friends: a name claimed with another key than was met before is refused, loudly", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const bob = await group.start("bob");
  const alice = await group.start("alice");
  await bob.tell("alice", "it's me");
  await alice.until(shows("it's me"));

  const other = await impostor(group, "bob");
  await other.tell("alice", "it's me, believe me");
  const refused = await other.until(failure("key-changed"));
  const told = await alice.until(failure("key-changed"));
  await bob.tell("alice", "still me");
  await alice.until(shows("still me"));
  const outbox = await other.ask("outbox");

  assertEquals(
    refused.text,
    `Refused: alice has another key for you; ask to accept ${keyOf(other)}`,
  );
  assertEquals(told.text.includes(keyOf(bob)) && told.text.includes(keyOf(other)), true);
  assertMatch(told.text, /^Refused key .* for bob from a caller: bob's is .*; ask bob, then /);
  assertEquals(heard(alice), ["it's me", "still me"]);
  assertEquals(outbox.messages.map(({ text }: ShownEvent) => text), ["it's me, believe me"]);
});

Deno.test("friends: who isn't in the table is refused, and the one who isn't greeted says nothing", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  const eve = await impostor(group, "eve");

  await eve.tell("alice", "let me in");
  const refused = await eve.until(failure("unknown-user"));
  const told = await alice.until(({ event, text }) =>
    event === "notice" && /^Refused eve, key /.test(text)
  );
  // One who has shaken hands, and speaks without saying who it is.
  using stranger = await Peer.dial(alice.port, { mode: "friends" });
  const said = { number: 1, id: new Uint8Array(16), sentAt: 0, text: "psst" };
  stranger.sendBody(friendsCodec.encode({ type: "texts", epoch: 1, entries: [said] }));
  await stranger.dropped;
  await bob.tell("alice", "hello");
  await alice.until(shows("hello"));

  assertMatch(refused.text, /^Refused: not in alice's table; /);
  assertEquals(told.text.includes(keyOf(eve)), true);
  assertEquals(heard(alice), ["hello"]);
  assertEquals(group.stored("alice").length, 1);
});

Deno.test("friends: who dials in first doesn't become the friend whose key nobody knows yet", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const alice = await group.start("alice");
  const other = await impostor(group, "bob");
  await other.tell("alice", "I was here first");
  const refused = await other.until(failure("unreachable"));
  const pinned = await pins(group, "alice");

  const bob = await group.start("bob");
  await bob.tell("alice", "I'm bob");
  await alice.until(shows("I'm bob"));
  await other.tell("alice", "no, I am");
  await other.until(failure("key-changed"));

  assertMatch(refused.text, /^Refused: alice doesn't know your key; /);
  assertEquals(pinned, "");
  await holds("bob's key is pinned", async () => (await pins(group, "alice")).includes(keyOf(bob)));
  assertEquals(heard(alice), ["I'm bob"]);
  assertEquals(heard(other), []);
});

Deno.test("friends: a friend's new key is refused with both fingerprints, until it is trusted", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  await alice.tell("bob", "hello");
  await bob.until(shows("hello"));
  await alice.until(delivery("delivered"));
  await bob.kill();
  await alice.until(connection("closed", "bob"));
  // Another machine with bob's address: bob's new one, or somebody who got hold of the address.
  await Deno.remove(group.data("bob"), { recursive: true });
  const newBob = await group.start("bob");

  await alice.tell("bob", "a secret");
  const told = await alice.until(failure("key-changed"));
  await newBob.tell("alice", "it's me, on a new machine");
  const refused = await newBob.until(failure("key-changed"));
  const { problems } = await alice.ask("status");
  const [heardBefore, heardHere] = [heard(newBob), heard(alice)];
  const trusted = await alice.ask("trust", { name: "bob" });
  await newBob.until(shows("a secret"));
  await alice.until(shows("it's me, on a new machine"));
  await alice.kill();
  const again = await group.start("alice");
  await again.tell("bob", "still you?");
  await newBob.until(shows("still you?"));

  assertEquals(told.text.includes(keyOf(bob)) && told.text.includes(keyOf(newBob)), true);
  assertMatch(told.text, /; ask bob, then \/trust bob\. You had not verified bob's earlier key$/);
  assertMatch(refused.text, /^Refused: alice has another key for you; /);
  assertMatch(problems[0], /^bob: /);
  assertEquals([heardBefore, heardHere], [[], []]);
  assertEquals(trusted.text, `bob's key is ${keyOf(newBob)} from now on`);
  assertEquals(again.events.filter(({ event }) => event === "error"), []);
});

Deno.test("friends: an edit of the table replaces no key that was verified, nor hands on its mark", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  await alice.tell("bob", "hello");
  await bob.until(shows("hello"));
  await alice.until(delivery("delivered"));
  await alice.ask("verify", { name: "bob" });
  await alice.ask("verify", { name: "bob", answer: "yes" });
  await bob.kill();
  await Deno.remove(group.data("bob"), { recursive: true });
  const other = await group.start("bob");

  group.edit({ bob: { ...group.row("bob"), fingerprint: keyOf(other) } });
  await other.tell("alice", "it's me");
  await other.until(failure("key-changed"));
  await alice.kill();
  const again = await group.start("alice");
  await again.tell("bob", "a secret");
  const told = await again.until(failure("key-changed"));
  const [listed] = (await again.ask("list")).friends;
  const heardBefore = [...heard(other), ...heard(again)];
  await again.ask("trust", { name: "bob" });
  await other.until(shows("a secret"));
  const [trusted] = (await again.ask("list")).friends;

  assertMatch(told.text, /^BE CAREFUL: you had verified bob's key, and this one is ANOTHER/);
  assert(told.text.includes(keyOf(bob)) && told.text.includes(keyOf(other)), told.text);
  assertEquals(listed.changed, {
    name: "bob",
    key: keyOf(other),
    before: keyOf(bob),
    verified: true,
  });
  assertEquals(heardBefore, []);
  assertEquals([listed.verified, trusted.verified], [false, false]);
});

Deno.test("friends: a key in the table is the friend's from the first time on", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const key = fingerprintOf(newIdentity().signer.key as PeerKey);
  group.edit({ bob: { ...group.row("bob"), fingerprint: key } });
  const users = group.otherTable("others.txt", {
    alice: group.row("alice"),
    bob: { port: group.row("bob").port },
  });
  const other = group.launch("bob", { users });
  await other.until(({ event }) => event === "ready");
  const alice = await group.start("alice");

  await alice.tell("bob", "for bob alone");
  const told = await alice.until(failure("key-changed"));
  await other.tell("alice", "hello");
  await other.until(failure("key-changed"));

  assert(told.text.includes(key) && told.text.includes(keyOf(other)), told.text);
  assertMatch(
    told.text,
    / for bob at 127\.0\.0\.1:\d+: bob's is .*; ask, then fix .*\. You had not verified the key in the table$/,
  );
  assertEquals([heard(alice), heard(other)], [[], []]);
});

function pins(group: FriendsGroup, name: string): Promise<string> {
  return Deno.readTextFile(`${group.data(name)}/users/${name}/known_peers`).catch(() => "");
}
