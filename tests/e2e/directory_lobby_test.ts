/** The lobby: who is online, what a line means, and how users leave. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  call,
  callStates,
  connect,
  DirectoryWorld,
  endOf,
  failure,
  heard,
  incoming,
  is,
  listed,
  message,
  presence,
  untilListed,
} from "./directory_world.ts";
import type { Node } from "./node.ts";

Deno.test("directory: the list has all by name, and updates itself", async () => {
  const { world } = await DirectoryWorld.open(["bob"]);
  await using _ = world;
  const zoe = await world.guest("Zoë");
  const bob = await world.logIn("bob");
  await zoe.until(presence("bob", "free"));
  const alice = await world.guest("Alice");
  await zoe.until(presence("Alice", "free"));
  await zoe.type("1");
  const { users } = await zoe.until(({ event, users }) => event === "users" && users.length === 3);
  const at = { host: "127.0.0.1" };
  assertEquals(users, [
    {
      name: "Alice",
      state: "free",
      ...at,
      port: world.callPort("Alice"),
      key: alice.events[0]!.key,
      guest: true,
      verified: false,
    },
    {
      name: "bob",
      state: "free",
      ...at,
      port: world.callPort("bob"),
      key: bob.events[0]!.key,
      guest: false,
      verified: false,
    },
    {
      name: "Zoë",
      state: "free",
      ...at,
      port: world.callPort("Zoë"),
      key: zoe.events[0]!.key,
      guest: true,
      verified: false,
    },
  ]);
  assertEquals(await listed(zoe, "B"), ["bob free"]);
  await zoe.type("/list O");
  await zoe.until(({ event, users }) => event === "users" && users.length === 2);

  await connect(alice, bob, "bob");
  await Promise.all([
    zoe.until(presence("Alice", "busy")),
    zoe.until(presence("bob", "busy")),
    untilListed(zoe, "Alice busy", "bob busy", "Zoë free"),
  ]);
  const from = zoe.events.length;
  await alice.type("q");
  for (const name of ["Alice", "bob"]) await zoe.until(presence(name, "free"), undefined, from);
  await bob.until(call("ended")); // before that, q hangs up
  await bob.type("q");
  await zoe.until(presence("bob", "offline"));
  assertEquals(await endOf(bob), [0, "bye", "quit"]);
  assertEquals(await listed(zoe), ["Alice free", "Zoë free"]);
});

Deno.test("directory: what a line means in the lobby, step by step until all have left", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob, q, one] = await world.guests("alice", "bob", "q", "1") as [
    Node,
    Node,
    Node,
    Node,
  ];

  // A line is a name, a word of the menu, or no valid name.
  let from = alice.events.length;
  await alice.type("are you there?");
  const unclear = await alice.until(failure("unknown-user"), undefined, from);
  assertMatch(unclear.text, /\/call NAME/);
  await alice.type("1");
  await alice.until(is("users"), undefined, from);
  await alice.type("2 to all");
  assertEquals((await alice.until(is("broadcast-sent"))).reached, 3);
  assertEquals(callStates(alice), []);
  for (const name of ["q", "1"]) {
    from = alice.events.length;
    await alice.type(`/call ${name}`);
    await alice.until(call("ringing", name), undefined, from);
    await alice.type("/cancel");
    await alice.until(call("ended", name), undefined, from);
  }
  from = alice.events.length;
  await alice.type("nobody");
  await alice.until(call("offline", "nobody"), undefined, from);
  await alice.type("/nothing");
  await alice.until(failure("unknown-command"), undefined, from);
  from = alice.events.length;
  await alice.type("/call a b");
  await alice.until(({ event }) => event === "error", undefined, from);

  // An address is called only where somebody in the list takes calls there.
  from = alice.events.length;
  await alice.type(`/call 127.0.0.1:${world.callPort("bob")}`);
  await bob.until(incoming("alice"));
  await alice.until(call("ringing", "bob"), undefined, from);
  await bob.type("n");
  await alice.until(call("declined", "bob"));
  for (const address of [`127.0.0.1:${world.port}`, `[::1]:${world.callPort("bob")}`]) {
    from = alice.events.length;
    await alice.type(`/call ${address}`);
    await alice.until(failure("unknown-user"), undefined, from);
    assertEquals(alice.events.slice(from).filter(is("call")), []);
  }

  // In no call nothing is said, and nobody can be accepted.
  for (const line of ["/accept", "/decline", "/cancel", "/msg hello"]) {
    from = alice.events.length;
    await alice.type(line);
    await alice.until(({ event }) => event === "error", undefined, from);
  }
  await alice.say("hello");
  await alice.until(failure("not-allowed"));
  assertEquals(alice.events.filter(message("hello", true)), []);

  // Commands as objects: a call, those missed, the status, help.
  const there = bob.events.length;
  await alice.command({ command: "call", name: "bob", ref: "ring" });
  assertEquals((await alice.until(({ ref }) => ref === "ring")).state, "ringing");
  await bob.until(is("incoming"), undefined, there);
  const ringing = await alice.ask("status");
  assertEquals([ringing.call.peer, ringing.call.state], ["bob", "ringing"]);
  from = alice.events.length;
  await alice.command({ command: "cancel" });
  const cancelled = await alice.until(call("ended", "bob"), undefined, from);
  assertEquals(cancelled.reason, "cancelled");
  await bob.until(call("ended", "alice"), undefined, there);
  const { calls } = await bob.ask("missed");
  assertEquals(calls.map(({ from }: { from: string }) => from), ["alice"]);
  assertMatch(calls[0].at, /^\d{4}-.*Z$/);
  assertEquals((await alice.ask("missed")).calls, []);
  const status = await bob.ask("status");
  assertEquals(
    [status.name, status.session, status.guest, status.call, status.online, status.unsent],
    ["bob", "up", true, null, 4, 0],
  );
  assertEquals(status.problems, []);
  const help = JSON.stringify(await bob.ask("help"));
  for (const word of ["call", "accept", "decline", "broadcast", "missed", "passwd", "forget-me"]) {
    assert(help.includes(word), `${word}: ${help}`);
  }
  await bob.command({ command: "broadcast", text: "/two\nlines" });
  await alice.until(is("broadcast"));
  assertEquals(heard(alice), ["bob: /two\nlines"]);
  await bob.command({ command: "nothing" });
  await bob.until(failure("unknown-command"));

  // Each leaves in another way.
  for (const [node, name, line] of [[q, "q", "/logout"], [one, "1", "/exit"]] as const) {
    await node.type(line);
    assertEquals(await endOf(node), [0, "bye", "quit"]);
    await alice.until(presence(name, "offline"));
  }
  bob.signal("SIGTERM");
  assertEquals(await endOf(bob), [0, "bye", "quit"]);
  await alice.until(presence("bob", "offline"));
  await alice.type("q");
  assertEquals(await endOf(alice), [0, "bye", "quit"]);
});
