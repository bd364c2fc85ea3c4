/** Calls between two users: how they begin, what is said in them, and how they end. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  call,
  callStates,
  connect,
  directoryCall,
  DirectoryWorld,
  endOf,
  failure,
  incoming,
  is,
  listed,
  message,
  notice,
  PASSWORD,
  seesAll,
  tell,
  untilListed,
} from "./directory_world.ts";
import { Node, type ShownEvent } from "./node.ts";
import { slow } from "../given.ts";

const lines = (node: Node) =>
  node.events.filter(is("message")).map(({ from, text, self }) =>
    `${self ? "> " : ""}${from}: ${text}`
  );

slow.test("directory: two talk, directly and under the keys that the directory named", async () => {
  const { world, directory } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob] = await world.guests("alice", "bob") as [Node, Node];
  await alice.type("bob");
  const asked = await bob.until(incoming("alice"));
  assertEquals(asked.key, alice.events[0]!.key);
  await bob.type("/accept");
  const [at, there] = await Promise.all([
    alice.until(call("connected", "bob")),
    bob.until(call("connected", "alice")),
  ]);
  assertEquals([at.route, there.route], ["direct", "direct"]);
  assertEquals([at.verified, there.verified], [false, false]);
  assertEquals(there.call, asked.call);

  await alice.type("hello");
  await bob.until(message("hello"));
  await bob.type(" q");
  await alice.until(message("q"));
  await bob.type("/msg yes, you");
  await alice.until(message("yes, you"));
  await bob.type("//x");
  await alice.until(message("/x"));
  for (const line of ["1", "2 for all", "y", "alice"]) {
    await bob.type(line);
    await alice.until(message(line));
  }
  await alice.command({ command: "msg", text: "q\nand /list", ref: "two" });
  await bob.until(message("q\nand /list"));
  assertEquals((await alice.until(({ ref }) => ref === "two")).self, true);
  await alice.say("x".repeat(65_537));
  await alice.until(failure("too-long"));
  await alice.type("");
  await alice.say("x".repeat(65_536));
  await bob.until(({ event, text }) => event === "message" && text.length === 65_536);
  await untilListed(alice, "alice busy", "bob busy");

  const [before, beforeThere] = [alice.events.length, bob.events.length];
  await alice.type("q");
  for (const [node, from] of [[alice, before], [bob, beforeThere]] as const) {
    const ended = await node.until(call("ended"), undefined, from);
    const connected = node.events.find(call("connected"))!;
    const talkedMs = Date.parse(ended.at) - Date.parse(connected.at);
    assert(ended.durationMs > 0 && ended.durationMs < talkedMs + 1_000, `${ended.durationMs}`);
    await node.until(is("users"), undefined, from);
  }
  assertEquals(lines(alice).slice(0, 4), [
    "> alice: hello",
    "bob: q",
    "bob: yes, you",
    "bob: /x",
  ]);
  assertEquals(lines(bob).filter((line) => !line.startsWith("> bob: ")).slice(0, 2), [
    "alice: hello",
    "alice: q\nand /list",
  ]);
  assertEquals(lines(bob).slice(0, 4), [
    "alice: hello",
    "> bob: q",
    "> bob: yes, you",
    "> bob: /x",
  ]);
  await directory.until(directoryCall("alice", "bob", "ended"));
  assertEquals(directory.events.filter(is("call")).map(({ state }) => state), [
    "ringing",
    "connected",
    "ended",
  ]);
  await untilListed(alice, "alice free", "bob free");

  // The keys of both are compared, and stay compared.
  await connect(bob, alice, "alice");
  const mine = await alice.ask("verify", { name: "bob" });
  const his = await bob.ask("verify", { name: "alice" });
  assertEquals(mine.digits, his.digits);
  assertEquals([mine.event, mine.verified], ["verify", false]);
  assertEquals((await alice.ask("verify", { name: "bob", answer: "yes" })).verified, true);
  const last = bob.events.length;
  await alice.type("q");
  await bob.until(call("ended"), undefined, last);
  const [from, bobs] = [alice.events.length, bob.events.length];
  await connect(alice, bob, "bob");
  const { verified } = await alice.until(call("connected"), undefined, from);
  assertEquals(verified, true);
  assertEquals(
    (await bob.until(call("connected"), undefined, bobs)).verified,
    false,
    "bob didn't compare",
  );
  const known = await alice.ask("verify", { name: "*directory*" });
  assertEquals(known.key, alice.events.find(is("directory"))!.key);
});

/** Drops what they have shown so far, once they are all free, so that a part of a test finds only its own events. */
async function begin(...nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) await untilListed(node, "alice free", "bob free", "carol free");
  for (const node of nodes) node.events.length = 0;
}

Deno.test("directory: calls of three users, one after the other", async (test) => {
  const { world, directory } = await DirectoryWorld.open(["dora"]);
  await using _ = world;
  const [alice, bob, carol] = await world.guests("alice", "bob", "carol") as [Node, Node, Node];
  const step = (name: string, run: () => Promise<void>) =>
    test.step(name, async () => {
      await begin(alice, bob, carol);
      await run();
    });

  await step(
    "whoever rings, is rung, or talks is busy for others; lists say so while they talk",
    async () => {
      await alice.type("bob");
      await bob.until(incoming("alice"));
      for (const name of ["alice", "bob"]) {
        await carol.type(name);
        await carol.until(call("busy", name));
      }
      assertEquals(await listed(carol), ["alice free", "bob free", "carol free"]);
      await bob.type("/accept");
      await alice.until(call("connected"));
      await untilListed(carol, "alice busy", "bob busy", "carol free");
      for (const name of ["alice", "bob"]) {
        const from = carol.events.length;
        await carol.type(name);
        await carol.until(call("busy", name), undefined, from);
      }
      // Those who were called are told so once, in each call.
      for (const node of [alice, bob]) {
        await node.until(notice(/^carol called, and was told that you are busy$/));
        const { calls } = await node.ask("missed");
        assertEquals(calls.map(({ from }: ShownEvent) => from), ["carol"]);
      }
      await alice.type("/call carol");
      await alice.until(failure("busy"));
      assertEquals(bob.events.filter(is("incoming")).length, 1);
      assertEquals(carol.events.filter(is("incoming")).length, 0);
      await alice.type("q");
    },
  );

  await step("declined, with a reason; withdrawn; offline; nobody of that name", async () => {
    await alice.type("bob");
    await bob.until(incoming("alice"));
    await bob.command({ command: "decline", reason: "x".repeat(1_025), ref: "long" });
    const refused = await bob.until(failure("too-long"));
    assertEquals(refused.ref, "long");
    for (const bytes of ["1025", "1024"]) assert(refused.text.includes(bytes), refused.text);
    await bob.command({ command: "decline", reason: "I'm eating\n\u001b[2J\u202e" });
    assertEquals((await alice.until(call("declined"))).reason, "I'm eating\n\u001b[2J\u202e");

    const [before, asked] = [alice.events.length, bob.events.length];
    await alice.type("bob");
    await bob.until(incoming("alice"), undefined, asked);
    await bob.type("/decline busy");
    assertEquals((await alice.until(call("declined"), undefined, before)).reason, '"busy"');

    for (const line of ["q", "/cancel"]) {
      const [from, there] = [alice.events.length, bob.events.length];
      await alice.type("/call BOB");
      await bob.until(incoming("alice"), undefined, there);
      await alice.type(line);
      assertEquals((await alice.until(call("ended"), undefined, from)).reason, "cancelled");
      await bob.until(call("ended"), undefined, there);
    }
    const from = alice.events.length;
    for (const name of ["dora", "nobody"]) {
      await alice.type(name);
      await alice.until(call("offline", name), undefined, from);
    }
    // The program goes on.
    await untilListed(alice, "alice free", "bob free", "carol free");
    assertEquals(bob.events.filter(is("incoming")).length, 4);
  });

  await step(
    "of two who call a third at the same instant one rings, the other is told busy",
    async () => {
      await Promise.all([alice.type("carol"), bob.type("carol")]);
      await carol.until(is("incoming"));
      const [busy] = await Promise.all([
        Promise.race([alice.until(call("busy")), bob.until(call("busy"))].map((each) =>
          // The other one of the two is never told so.
          each.catch(() => new Promise<never>(() => {}))
        )),
        carol.type("/accept"),
      ]);
      assertEquals(busy.peer, "carol");
      const { peer } = await carol.until(call("connected"));
      const [winner, loser] = peer === "alice" ? [alice, bob] : [bob, alice];
      await winner.until(call("connected", "carol"));
      assertEquals(callStates(loser), ["ringing", "busy"]);
      assertEquals(carol.events.filter(is("incoming")).length, 1);
      await winner.type("q");
    },
  );

  await step("whoever calls oneself is connected at once, and hears each line once", async () => {
    await alice.type("alice");
    await alice.until(call("connected", "alice"));
    await alice.type("note");
    await alice.until(message("note", true));
    await alice.until(message("note"));
    await untilListed(bob, "alice busy", "bob free", "carol free");
    await bob.type("alice");
    await bob.until(call("busy"));
    await alice.type("q");
    await alice.until(call("ended"));
    await untilListed(bob, "alice free", "bob free", "carol free");
    assertEquals(lines(alice), ["> alice: note", "alice: note"]);
    assertEquals(alice.events.filter(is("incoming")), []);
  });

  await step(
    "piped lines wait for the answer, and are dropped with one notice where it is no",
    async () => {
      await alice.type("bob\none\ntwo");
      await bob.until(incoming("alice"));
      await bob.type("/accept");
      await bob.until(message("two"));
      assertEquals(lines(bob), ["alice: one", "alice: two"]);
      await bob.type("q");
      await alice.until(call("ended"));

      const [from, there] = [alice.events.length, bob.events.length];
      await alice.type("bob\nthree\nfour\nfive");
      await bob.until(incoming("alice"), undefined, there);
      await bob.type("/decline");
      await alice.until(call("declined"), undefined, from);
      await alice.until(notice(/3 lines/), undefined, from);
      await listed(alice);
      assertEquals(alice.events.slice(from).filter(is("notice")).length, 1);
      assertEquals(lines(alice), ["> alice: one", "> alice: two"]);
    },
  );

  await step("each object with a ref for a call that is refused is answered with it", async () => {
    // Of those, some are kept for the call, and the others still being read when it is refused.
    const refs = Array.from({ length: 1_500 }, (_, at) => `line ${at}`);
    const objects = [
      { command: "call", name: "bob", ref: "call" },
      ...refs.map((ref) => ({ command: "msg", text: "hello", ref })),
      { command: "hangup", ref: "hangup" },
    ];
    const from = alice.events.length;
    await alice.type(objects.map((object) => JSON.stringify(object)).join("\n"));
    await bob.until(incoming("alice"));
    await bob.type("/decline");
    await alice.until(({ ref }) => ref === "hangup");

    const answers = alice.events.slice(from).filter(({ ref }) => ref !== undefined);
    assertEquals(answers.map(({ ref }) => ref), ["call", "call", ...refs, "hangup"]);
    assertEquals(answers.slice(0, 2).map(({ event, state }) => `${event} ${state}`), [
      "call ringing",
      "call declined",
    ]);
    const codes = new Set(answers.slice(2, -1).map(({ event, code }) => `${event} ${code}`));
    assertEquals([...codes], ["error declined"]);
    assertEquals(answers.at(-1)?.event, "notice");
    assertEquals(alice.events.filter(notice(/sent/)), []);
  });

  await step("two who call each other at once have one call, and neither is asked", async () => {
    for (let round = 0; round < 3; round++) {
      const [from, there] = [alice.events.length, bob.events.length];
      // Stopped, the directory has both calls waiting when it wakes.
      directory.signal("SIGSTOP");
      await Promise.all([alice.type("bob"), bob.type("alice")]);
      await alice.until(call("ringing", "bob"), undefined, from);
      await bob.until(call("ringing", "alice"), undefined, there);
      directory.signal("SIGCONT");
      await Promise.all([
        alice.until(call("connected", "bob"), undefined, from),
        bob.until(call("connected", "alice"), undefined, there),
      ]);
      await alice.type(`round ${round}`);
      await bob.until(message(`round ${round}`));
      await bob.type("q");
      await Promise.all([
        alice.until(call("ended"), undefined, from),
        bob.until(call("ended"), undefined, there),
      ]);
      await untilListed(alice, "alice free", "bob free", "carol free");
    }
    for (const node of [alice, bob]) {
      assertEquals(node.events.filter(is("incoming")), []);
      assertEquals(callStates(node).filter((state) => state === "ringing").length, 3);
    }
  });

  await step("at the end of input a call that is declined is the end", async () => {
    const dave = world.launch("--guest", "dave");
    await dave.type("/call bob\none\ntwo");
    await dave.end();
    await bob.until(incoming("dave"));
    await bob.type("n");
    assertEquals(await endOf(dave), [0, "bye", "quit"]);
    assertEquals(callStates(dave), ["ringing", "declined"]);
    assertEquals(dave.events.filter(is("notice")).length, 1);
  });

  await step(
    "q in a file of lines ends the call after them, and comes back to the lobby",
    async () => {
      const eve = world.launch("--guest", "eve");
      await eve.type("/call bob\none\nq\n/call carol\ntwo\nq\nq");
      for (const [node, line] of [[bob, "one"], [carol, "two"]] as const) {
        await node.until(incoming("eve"));
        await node.type("/accept");
        await node.until(call("ended"));
        assertEquals(lines(node), [`eve: ${line}`]);
      }
      assertEquals(await endOf(eve), [0, "bye", "quit"]);
    },
  );
});

Deno.test({
  name: "directory: over IPv6, and with who comes over IPv4",
  ignore: !hasIpv6(),
  fn: async () => {
    await using world = new DirectoryWorld();
    const words = ["regserver", "--port", String(world.port)];
    const directory = world.nodes.add(Node.start(words, { data: world.directoryData }));
    await directory.until(is("ready"));
    const alice = await world.guest("alice", { registry: `[::1]:${world.port}`, host: "::" });
    const bob = await world.guest("bob", { registry: `localhost:${world.port}`, host: "0.0.0.0" });
    await seesAll(alice, "bob");
    const { users } = await alice.ask("list");
    assertEquals(users[0].host, "::1");
    await connect(alice, bob, "bob");
    await bob.type("q");
    await alice.until(call("ended"));
    await untilListed(bob, "alice free", "bob free");
    const from = bob.events.length;
    await bob.type(`/call [::1]:${world.callPort("alice")}`);
    await alice.until(incoming("bob"));
    await alice.type("/accept");
    const { route } = await bob.until(call("connected"), undefined, from);
    assertEquals(route, "direct");
    assertEquals(await tell(bob, "over both"), 1);
  },
});

Deno.test("directory: neither logs nor files of a client have a password, nor all but one what was said", async () => {
  const { world } = await DirectoryWorld.open(["alice"]);
  await using _ = world;
  const log = `${world.folder}/alice.log`;
  const alice = await world.logIn("alice", { args: ["--log-file", log, "--verbose"] });
  const bob = await world.guest("bob");
  await seesAll(alice, "bob");
  await connect(alice, bob, "bob");
  await alice.say("nobody else's business");
  await bob.until(message("nobody else's business"));
  await alice.type("q");
  await bob.until(call("ended"));
  await alice.type("/logout");
  await endOf(alice);
  const files = filesBelow(world.data("alice"));
  assert(files.length > 1 && Deno.statSync(log).size > 0);
  for (const file of [log, ...files]) {
    const text = Deno.readTextFileSync(file);
    assert(!text.includes(PASSWORD), `${file}: ${text}`);
    assertEquals(text.includes("business"), /\/private-\d{6}$/.test(file), file);
    assertEquals(Deno.statSync(file).mode! & 0o077, 0, file);
  }
});

function filesBelow(folder: string): readonly string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) assertEquals(Deno.statSync(path).mode! & 0o077, 0, path);
    return isDirectory ? filesBelow(path) : [path];
  });
}

function hasIpv6(): boolean {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("directory: a signal withdraws a ringing call, ends a call, and then leaves", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob, carol] = await world.guests("alice", "bob", "carol") as [Node, Node, Node];
  await alice.type("bob");
  await bob.until(incoming("alice"));
  alice.signal("SIGINT");
  assertEquals((await alice.until(call("ended"))).reason, "cancelled");
  await connect(alice, bob, "bob");
  const from = alice.events.length;
  alice.signal("SIGINT");
  await alice.until(call("ended"), undefined, from);
  await alice.until(is("users"), undefined, from);
  alice.signal("SIGINT");
  assertEquals(await endOf(alice), [0, "bye", "quit"]);

  // SIGTERM ends both at once.
  await untilListed(carol, "bob free", "carol free");
  const there = bob.events.length;
  await connect(carol, bob, "bob");
  carol.signal("SIGTERM");
  await carol.until(call("ended"));
  await bob.until(call("ended"), undefined, there);
  assertEquals(await endOf(carol), [0, "bye", "quit"]);
});

Deno.test("directory: another key under a name is told to who knew the earlier one, and talked to after /trust alone", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const first = await world.guest("alice");
  const bob = await world.guest("bob");
  await seesAll(first, "bob");
  await connect(first, bob, "bob");
  await first.type("q");
  await bob.until(call("ended"));
  await first.type("q");
  await first.ended();
  const second = await world.guest("alice", { device: "second" });
  const [old, fresh] = [first, second].map((node) => node.events[0]!.key);
  assertNotEquals(old, fresh);
  const told = () => bob.events.filter(failure("key-changed"));

  // The one who knew her calls, and is called.
  const from = bob.events.length;
  await bob.type("alice");
  await second.until(incoming("bob"));
  await bob.until(failure("key-changed"));
  const ended = await bob.until(call("ended", "alice"), undefined, from);
  assertEquals([ended.reason, ended.call !== ""], ["key-changed", true]);
  for (const key of [old, fresh]) assert(told()[0]!.text.includes(key), told()[0]!.text);
  await second.until(({ event, state }) => event === "call" && state === "ended");
  await untilListed(bob, "alice free", "bob free");
  await second.type("bob");
  await second.until(call("declined", "bob"));
  assertEquals(bob.events.filter(call("connected")).length, 1);

  await bob.type("/trust alice");
  await bob.until(notice(new RegExp(fresh!)));
  const there = second.events.length;
  await connect(bob, second, "alice");
  await bob.type("q");
  await second.until(call("ended", "bob"), undefined, there);
  // The next process of his knows it, too.
  await untilListed(second, "alice free", "bob free");
  await bob.type("q");
  await bob.ended();
  const again = await world.guest("bob");
  await connect(again, second, "alice");
});
