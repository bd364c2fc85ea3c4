/** Broadcasts: who receives them, once and in order, and who may send them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  broadcast,
  DirectoryProxy,
  DirectoryWorld,
  failure,
  heard,
  hears,
  is,
  session,
  tell,
} from "./directory_world.ts";
import { BUSY_MS, holds, type Node } from "./node.ts";
import { People } from "./people.ts";
import { sideBySide } from "./side_by_side.ts";

sideBySide("directory", {
  "whose words they are: signed, over a restart, too; another key under the name is told apart":
    async () => {
      const { world, directory } = await DirectoryWorld.open(["bob"]);
      await using _ = world;
      const [alice, bob] = await Promise.all([world.guest("alice"), world.logIn("bob")]);
      const keyOf = ({ events }: Node) => events.find(is("ready"))!.key;
      assertEquals(await tell(alice, "mine"), 1);
      assertEquals((await bob.until(broadcast("mine"))).key, keyOf(alice));
      await directory.type("/broadcast closing soon");
      const closing = await bob.until(broadcast("closing soon"));
      assertEquals([closing.from, closing.key], ["*directory*", keyOf(directory)]);
      await bob.quit();
      await tell(alice, "kept");
      await directory.kill();
      await world.serve();
      const later = await world.logIn("bob");
      assertEquals((await later.until(broadcast("kept"))).key, keyOf(alice));

      await alice.type("q");
      await alice.ended();
      const phone = await world.guest("alice", { device: "phone" });
      await tell(phone, "from my phone");
      const apart = await later.until(broadcast("from my phone"));
      const key = keyOf(phone);
      assertEquals([apart.from, apart.key], [`alice~${key.slice(0, 4)}`, key]);
      const { text } = await later.until(failure("key-changed"));
      assert([key, keyOf(alice), apart.from].every((part) => text.includes(part)), text);
      await later.ask("trust", { name: "alice" });
      await tell(phone, "trusted");
      assertEquals((await later.until(broadcast("trusted"))).from, "alice");
    },

  "all who are there are told, once, in order, by whom; the sender isn't": async () => {
    const { world, directory } = await DirectoryWorld.open([]);
    await using _ = world;
    const names = ["alice", "bob", "guest"];
    const [alice, bob, guest] = await world.guests(...names) as [Node, Node, Node];
    await using people = new People(world.port);
    const stranger = people.somebody("bob").enters({ how: "resume" });
    await people.said(stranger, "refused");
    await alice.type("2 dinner at eight\u001b[2J");
    assertEquals((await alice.until(is("broadcast-sent"))).reached, 2);
    const [told] = await Promise.all([
      bob.until(is("broadcast")),
      guest.until(is("broadcast")),
    ]);
    assertEquals([told.from, told.text, told.history], [
      "alice",
      "dinner at eight\u001b[2J",
      false,
    ]);
    assertMatch(told.sentAt, /^\d{4}-.*Z$/);
    const noted = await directory.until(is("broadcast"));
    assertEquals(noted.from, "alice");
    const { id } = await alice.until(is("broadcast-sent"));
    assertEquals([told.id, noted.id], [id, id]);

    assertEquals([stranger.told, stranger.list.size], [[], 0]);

    const many = Array.from({ length: 40 }, (_, at) => `number ${at}`);
    for (const text of many) await guest.command({ command: "broadcast", text });
    // Long ones, which no datagram holds, keep the order.
    await guest.command({ command: "broadcast", text: "x".repeat(5_000) });
    await guest.command({ command: "broadcast", text: "two\nlines" });
    await guest.untilCount(is("broadcast-sent"), 42);
    for (const node of [alice, bob]) await node.until(broadcast("two\nlines"));
    const expected = [...many, "x".repeat(5_000), "two\nlines"].map((text) => `guest: ${text}`);
    assertEquals(heard(alice), expected);
    assertEquals(heard(bob).slice(1), expected);
    assertEquals(heard(guest).length, 1);

    const { reached } = await directory.ask("broadcast", { text: "the house speaks" }).then(
      () => directory.until(is("broadcast-sent")),
    );
    assertEquals(reached, 3);
    await guest.until(broadcast("the house speaks"));
    assertEquals(heard(guest).at(-1), "*directory*: the house speaks");
    await guest.say("x");
    await guest.command({ command: "broadcast", text: "x".repeat(65_537) });
    await guest.until(failure("too-long"));
  },

  "datagrams that get lost are repeated, and then it goes over TCP": async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    await using proxy = new DirectoryProxy(world.port);
    const alice = await world.guest("alice");
    const bob = await world.guest("bob", { registry: proxy.registry });
    assertEquals(await tell(alice, "by datagram"), 1);
    await holds("the way for datagrams is known", async () => {
      const before = proxy.datagrams;
      assertEquals(await tell(alice, "by datagram"), 1);
      return proxy.datagrams > before;
    });
    const before = proxy.datagrams;
    proxy.losesDatagrams = true;
    assertEquals(await tell(alice, "over TCP"), 1);
    await holds("it was repeated", () => proxy.datagrams - before > 1);
    await bob.until(broadcast("over TCP"));
    assertEquals(heard(bob).at(-1), "alice: over TCP");
    assertEquals(heard(bob).filter((text) => text === "alice: over TCP").length, 1);
  },

  "a restart of the directory in between takes nothing away, and repeats nothing": async () => {
    const { world, directory } = await DirectoryWorld.open(["bob", "carol"]);
    await using _ = world;
    const [alice, bob] = await Promise.all([world.guest("alice"), world.logIn("bob")]);
    assertEquals(await tell(alice, "before"), 1);
    await directory.kill();
    const from = bob.events.length;
    await alice.until(session("down"));
    const down = alice.events.findIndex(session("down"));
    await alice.command({ command: "broadcast", text: "meanwhile" });
    await world.serve();
    await Promise.all([
      bob.until(session("up"), 45_000 + BUSY_MS, from),
      alice.until(session("up"), 45_000 + BUSY_MS, down),
    ]);
    await alice.until(is("broadcast-sent"), undefined, down);
    const carol = await world.logIn("carol");
    await carol.until(broadcast("meanwhile"));
    await bob.until(broadcast("meanwhile"));
    assertEquals(heard(carol), ["alice: before", "alice: meanwhile"]);
    assertEquals(heard(bob), ["alice: before", "alice: meanwhile"]);
    assertEquals(heard(alice), []);
  },

  "who is killed before it has shown something is told of it at the next start": async () => {
    const { world } = await DirectoryWorld.open(["bob"]);
    await using _ = world;
    const [alice, bob] = await Promise.all([world.guest("alice"), world.logIn("bob")]);
    const texts = Array.from({ length: 50 }, (_, at) => `number ${at}`);
    await Promise.all([
      ...texts.map((text) => alice.command({ command: "broadcast", text })),
      bob.until(is("broadcast")).then(() => bob.kill()),
    ]);
    await alice.untilCount(is("broadcast-sent"), 50);
    const again = await world.logIn("bob");
    // All may have been shown already.
    assertEquals(await tell(alice, "after them"), 1);
    await again.until(broadcast("after them"));
    // What was printed may have been lost with the pipe's reader, never more than that, and nothing comes later.
    const all = [...heard(bob), ...heard(again)];
    texts.push("after them");
    assertEquals([...new Set(all)], texts.map((text) => `alice: ${text}`));
    const numbers = heard(again).map((text) => texts.indexOf(text.slice("alice: ".length)));
    assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  },

  "with --broadcast accounts a guest may not, an account and the operator may": async () => {
    const { world, directory } = await DirectoryWorld.open(["alice"], "--broadcast", "accounts");
    await using _ = world;
    const alice = await world.logIn("alice");
    const guest = await world.guest("guest");
    await guest.type("2 hello");
    await guest.until(failure("not-allowed"));
    await alice.type("/broadcast hello");
    assertEquals((await alice.until(is("broadcast-sent"))).reached, 1);
    await directory.type("/broadcast news");
    await guest.until(broadcast("news"));
    await alice.until(broadcast("news"));
    assertEquals(heard(alice), ["*directory*: news"]);
  },

  "the end of input waits for whom it reached": async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    const bob = await world.guest("bob");
    const alice = world.launch("--guest", "alice");
    await alice.command({ command: "broadcast", text: "one", ref: "1" });
    await alice.end();
    const { reached, ref } = await alice.until(is("broadcast-sent"));
    assertEquals([reached, ref], [1, "1"]);
    await alice.until(is("bye"));
    assertEquals(await hears(bob, 1), ["alice: one"]);
  },
});
