/** Faults: users are killed, cut off, kicked or can't be dialled, the directory dies; and what takes its time. */

import { assert, assertEquals } from "@std/assert";
import {
  broadcast,
  call,
  callStates,
  connect,
  DirectoryWorld,
  endOf,
  heard,
  hears,
  incoming,
  is,
  logout,
  message,
  presence,
  seesAll,
  session,
  sleep,
  tell,
  untilListed,
} from "./directory_world.ts";
import { BUSY_MS, Node, type ShownEvent } from "./node.ts";
import { sideBySide } from "./side_by_side.ts";

/**
 * For clients that can't be dialled: they listen at this address only, and are dialled at the one that the directory
 * sees.
 */
const UNREACHABLE = { host: "127.0.0.2" };

/** Far longer than until somebody is told that a line was shown. */
const SHOWN_TOLD_MS = 6_000;

const elapsed = (from: ShownEvent, to: ShownEvent) => Date.parse(to.at) - Date.parse(from.at);

Deno.test("while a directory waits for its engine, its operator can leave, and is told of what can't be done", async () => {
  const engine = ["--engine", "etcd://127.0.0.1:1", "--host", "127.0.0.1", "--port", "0"];
  await using asked = Node.start(["regserver", ...engine]);
  await using over = Node.start(["regserver", ...engine]);
  const waits = is("notice");
  await asked.until(waits);
  const refused = await asked.ask("list");
  assertEquals([refused.event, refused.code], ["error", "unreachable"]);
  await asked.type("/exit");
  assertEquals(await endOf(asked), [0, "bye", "quit"]);

  await over.until(waits);
  await over.end();
  assertEquals(await endOf(over), [0, "bye", "quit"]);
});

sideBySide("directory", {
  "accounts that come within the time to live are told then, guests nothing from before":
    async () => {
      const { world } = await DirectoryWorld.open(["bob"], "--broadcast-ttl", "40s");
      await using _ = world;
      const alice = await world.guest("alice");
      assertEquals(await tell(alice, "one"), 0);
      const guest = await world.guest("guest");
      assertEquals(await tell(alice, "two"), 1);
      const bob = await world.logIn("bob");
      await bob.until(broadcast("two"));
      assertEquals(heard(bob), ["alice: one", "alice: two"]);
      assertEquals(await tell(alice, "three"), 2);
      assertEquals(await hears(bob, 3), ["alice: one", "alice: two", "alice: three"]);
      assertEquals(await hears(guest, 2), ["alice: two", "alice: three"]);
      await sleep(41_000);
      const late = await world.signUp("dora");
      assertEquals(await tell(alice, "four"), 3);
      assertEquals(await hears(late, 1), ["alice: four"]);
    },

  "a callee killed while it rings, and one killed while they talk, is told to the caller":
    async () => {
      const { world } = await DirectoryWorld.open([]);
      await using _ = world;
      const [alice, bob, carol] = await world.guests("alice", "bob", "carol") as [Node, Node, Node];
      await alice.type("bob");
      await bob.until(incoming("alice"));
      let killed = Date.now();
      await bob.kill();
      const offline = await alice.until(call("offline", "bob"));
      assert(Date.parse(offline.at) - killed < 10_000 + BUSY_MS);
      await connect(alice, carol, "carol");
      killed = Date.now();
      await carol.kill();
      const ended = await alice.until(call("ended", "carol"));
      assertEquals(ended.reason, "lost");
      assert(Date.parse(ended.at) - killed < 10_000 + BUSY_MS);
      await untilListed(alice, "alice free");
    },

  "a caller killed or thrown out while it rings hasn't withdrawn the call, one that leaves has":
    async () => {
      const { world, directory } = await DirectoryWorld.open([]);
      await using _ = world;
      const names = ["alice", "bob", "carol", "dora", "eve"];
      const [alice, bob, carol, dora, eve] = await world.guests(
        ...names,
      ) as [Node, Node, Node, Node, Node];
      const callsUntil = async (caller: Node, name: string, ends: () => Promise<unknown>) => {
        await caller.type("/call alice");
        await alice.until(incoming(name));
        await ends();
        const { reason, by } = await alice.until(call("ended", name));
        return [reason, by];
      };

      assertEquals(await callsUntil(bob, "bob", () => bob.kill()), ["lost", undefined]);
      const leaves = () => Promise.resolve(carol.signal("SIGTERM"));
      assertEquals(await callsUntil(carol, "carol", leaves), ["cancelled", "carol"]);
      const kicks = () => directory.type("/kick dora");
      assertEquals(await callsUntil(dora, "dora", kicks), ["peer-kicked", undefined]);
      const { calls } = await alice.ask("missed");
      assertEquals(calls.map(({ from }: ShownEvent) => from), ["bob", "carol", "dora"]);

      // Whoever is thrown out while it talks has hung up, and is offline.
      await connect(eve, alice, "alice");
      await eve.type("last");
      await eve.until(message("last", true));
      await directory.type("/kick eve");
      assertEquals(await endOf(eve), [4, "fatal", "kicked"]);
      assertEquals(callStates(eve), ["ringing", "connected", "ended kicked"]);
      await alice.until(call("ended", "eve"));
      assertEquals(alice.texts("eve"), ["last"]);
      await untilListed(alice, "alice free");
      await alice.type("eve");
      await alice.until(call("offline", "eve"));
    },

  "what is written to somebody who hangs and is killed may be lost, and its author is told":
    async () => {
      const { world } = await DirectoryWorld.open([]);
      await using _ = world;
      const [one, other] = await world.talking("alice", "bob", UNREACHABLE);
      await one.type("shown");
      await other.until(message("shown"));
      await other.type("and heard");
      await one.until(message("and heard"));
      // Longer than until one is told that it was shown.
      await sleep(SHOWN_TOLD_MS);
      other.signal("SIGSTOP");
      await one.type("never shown\nnor is this");
      await one.until(message("nor is this", true));
      await sleep(500);
      await other.kill();
      await one.until(call("ended"));
      const { text, warning } = await one.until(({ event, warning }) =>
        event === "notice" && warning === true
      );
      assertEquals([text, warning], ["bob may not have got your last 2 lines", true]);
      const order = one.events.filter(({ event, warning, state }) =>
        warning === true || (event === "call" && state === "ended")
      );
      assertEquals(order.map(({ event }) => event), ["call", "notice"]);
      await one.type("q");
      await endOf(one);
    },

  "whoever hangs up on somebody who hangs is told what may be lost, which is shown all the same":
    async () => {
      const { world } = await DirectoryWorld.open([]);
      await using _ = world;
      const [one, other] = await world.talking("alice", "bob");
      await one.type("shown");
      await other.until(message("shown"));
      await sleep(SHOWN_TOLD_MS);
      other.signal("SIGSTOP");
      await one.type("one\ntwo\nthree\nq");
      const ended = await one.until(call("ended"));
      await one.type("q");
      const told = await one.until(({ event, warning }) => event === "notice" && warning);
      assertEquals(told.text, "bob may not have got your last 3 lines");
      assert(elapsed(ended, told) < 10_000 + BUSY_MS, `${elapsed(ended, told)} ms later`);
      assertEquals(await endOf(one), [0, "bye", "quit"]);
      other.signal("SIGCONT");
      await other.until(call("ended"));
      const seen = other.events.filter(is("message")).map(({ text }) => text);
      assertEquals(seen, ["shown", "one", "two", "three"]);
    },

  "a caller that hangs is told to the callee within 10 s, and leaves the list within 15":
    async () => {
      const { world, directory } = await DirectoryWorld.open([]);
      await using _ = world;
      const [alice, bob, carol] = await world.guests("alice", "bob", "carol") as [Node, Node, Node];
      await connect(alice, bob, "bob");
      const stopped = Date.now();
      alice.signal("SIGSTOP");
      const ended = await bob.until(call("ended", "alice"));
      assertEquals(ended.reason, "lost");
      assert(
        Date.parse(ended.at) - stopped < 10_000 + BUSY_MS,
        `${Date.parse(ended.at) - stopped}`,
      );
      const gone = await carol.until(presence("alice", "offline"));
      assert(Date.parse(gone.at) - stopped < 15_000 + BUSY_MS, `${Date.parse(gone.at) - stopped}`);
      assertEquals((await directory.until(logout("alice"))).reason, "lost");
      await sleep(10_000);
      // It wakes, and comes back without anything being typed.
      const from = carol.events.length;
      alice.signal("SIGCONT");
      await carol.until(presence("alice", "free"), undefined, from);
      const late = await alice.until(call("ended", "bob"));
      // It doesn't count that it hung: bob had given the call up by then.
      assert(
        Math.abs(Number(late.durationMs) - Number(ended.durationMs)) < 10_000,
        `${late.durationMs}`,
      );
      await untilListed(alice, "alice free", "bob free", "carol free");
      await connect(alice, bob, "bob");
    },

  "a direct call goes on when the directory dies, and all are back without typing": async () => {
    const { world, directory } = await DirectoryWorld.open([]);
    await using _ = world;
    const names = ["alice", "bob", "carol", "dora"];
    const [alice, bob, carol, dora] = await world.guests(...names) as [Node, Node, Node, Node];
    await connect(alice, bob, "bob");
    await carol.type("dora");
    await dora.until(incoming("carol"));
    const [before] = await Promise.all([
      carol.until(session("up")),
      directory.kill(),
    ]);
    assert(before !== undefined);
    // A call that rings ends with the directory.
    assertEquals((await carol.until(call("ended"))).reason, "directory-down");
    assertEquals((await dora.until(call("ended"))).reason, "directory-down");
    assertEquals((await dora.ask("missed")).calls.length, 1);
    const nodes = [alice, bob, carol, dora];
    for (const node of nodes) await node.until(session("down"));
    await alice.type("the directory is gone");
    await bob.until(message("the directory is gone"));
    await carol.type("alice");
    await carol.until(({ event, code }) => event === "error" && code === "not-logged-in");
    const status = await carol.ask("status");
    assertEquals(status.session, "down");
    assert(status.problems.length > 0);

    const restarted = Date.now();
    const froms = nodes.map((node) => node.events.length);
    await world.serve();
    for (const [at, node] of nodes.entries()) {
      const up = await node.until(session("up"), 45_000 + BUSY_MS, froms[at]);
      assert(Date.parse(up.at) - restarted < 45_000 + BUSY_MS);
    }
    await untilListed(carol, "alice busy", "bob busy", "carol free", "dora free");
    await carol.type("bob");
    await carol.until(call("busy", "bob"));
    await bob.type("so it is back");
    await alice.until(message("so it is back"));
    assertEquals(callStates(alice), ["ringing", "connected"]);
    await bob.type("q");
    await alice.until(call("ended"));
    await untilListed(carol, "alice free", "bob free", "carol free", "dora free");
  },

  "where neither can dial the other, the directory relays sealed bytes; the call ends with it":
    async () => {
      const { world, directory } = await DirectoryWorld.open([]);
      await using _ = world;
      const [alice, bob] = await world.talking("alice", "bob", UNREACHABLE);
      for (const node of [alice, bob]) {
        assertEquals((await node.until(call("connected"))).route, "relay");
      }
      const long = "a line for the other ".repeat(3_000);
      await alice.say(long);
      await bob.until(message(long));
      await bob.type("short");
      await alice.until(message("short"));
      const { users } = await directory.ask("list");
      assert(users.every(({ relayedBytes }: ShownEvent) => relayedBytes > long.length));
      // The last line isn't lost when the first one hangs up behind it.
      await alice.type("last\nq");
      await bob.until(message("last"));
      await bob.until(call("ended"));
      await untilListed(alice, "alice free", "bob free");

      const [from, there] = [alice.events.length, bob.events.length];
      await bob.type("alice");
      await alice.until(is("incoming"), undefined, from);
      await alice.type("/accept");
      await alice.until(call("connected"), undefined, from);
      await bob.until(call("connected"), undefined, there);
      await directory.kill();
      const ends = [
        await alice.until(call("ended"), undefined, from),
        await bob.until(call("ended"), undefined, there),
      ];
      assertEquals(ends.map(({ reason }) => reason), ["directory-down", "directory-down"]);
    },

  "with --no-relay such a call is unreachable, and direct where one side can be dialled":
    async () => {
      const { world } = await DirectoryWorld.open([], "--no-relay");
      await using _ = world;
      const both = ["alice", "bob"].map((name) => world.guest(name, UNREACHABLE));
      const [alice, bob] = await Promise.all(both) as [Node, Node];
      await seesAll(alice, "bob");
      await alice.type("bob\nnever said");
      const asked = await bob.until(incoming("alice"));
      await bob.type("/accept");
      const [end, there] = await Promise.all([
        alice.until(call("unreachable")),
        bob.until(call("unreachable")),
      ]);
      assert(elapsed(asked, end) < 12_000 + BUSY_MS && elapsed(asked, there) < 12_000 + BUSY_MS);
      await alice.until(({ event, text }) => event === "notice" && /1 line/.test(text));
      await untilListed(alice, "alice free", "bob free");

      // One side that can be dialled is enough for a direct call, whoever calls.
      const carol = await world.guest("carol");
      await seesAll(carol, "bob");
      await seesAll(bob, "carol");
      await connect(carol, bob, "bob");
      assertEquals((await carol.until(call("connected"))).route, "direct");
      const from = bob.events.length;
      await carol.type("q");
      await bob.until(call("ended"), undefined, from);
      await connect(bob, carol, "carol");
      assertEquals(bob.events.filter(call("connected")).map(({ route }) => route), [
        "direct",
        "direct",
      ]);
    },

  "at the end of input a ringing call is waited for until its answer": async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    const bob = await world.guest("bob");
    const alice = world.launch("--guest", "alice");
    // Nothing is waited for, as `p2pchat ... < FILE` does.
    await alice.type("/call bob\none\ntwo\nthree");
    await alice.end();
    await bob.until(incoming("alice"));
    await sleep(12_000);
    await bob.type("/accept");
    await bob.until(call("ended"));
    assertEquals(bob.texts(), ["one", "two", "three"]);
    assertEquals(await endOf(alice), [0, "bye", "quit"]);
    assertEquals(callStates(alice), ["ringing", "connected", "ended"]);
  },
});
