/** Friends who are away, killed, or restored from a backup: messages that wait for them arrive in order, once. */

import { assert, assertEquals } from "@std/assert";
import { copy } from "@std/fs";
import { connection, delivery, FriendsGroup, shows } from "./friends_group.ts";
import type { Node, ShownEvent } from "./node.ts";
import { TextProgram } from "./text_program.ts";

Deno.test("friends: what is written to one who is away is kept, and delivered when they come", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const alice = await group.start("alice");
  const texts = Array.from({ length: 20 }, (_, number) => `while you were out ${number}`);
  for (const [number, text] of texts.entries()) await alice.tell("bob", text, `r${number}`);
  await alice.untilCount(delivery("queued", "bob"), texts.length);
  await alice.until(({ event, warning }) => event === "notice" && warning === true);
  await alice.tell("bob", "one more");
  const kept = await alice.untilCount(delivery("queued", "bob"), texts.length + 1);

  const bob = await group.start("bob");
  await bob.until(shows("one more"));
  await alice.untilCount(delivery("delivered", "bob"), texts.length + 1);
  const back = await alice.until(({ event, text }) =>
    event === "notice" && /^bob is back/.test(text)
  );

  assertEquals(bob.texts("alice"), [...texts, "one more"]);
  assertEquals(kept.at(-1)?.waiting, texts.length + 1);
  assertEquals(back.text, `bob is back; ${texts.length + 1} messages delivered`);
  for (const number of texts.keys()) {
    const told = alice.events.filter(({ ref }) => ref === `r${number}`);
    assertEquals(told.map(({ state }) => state), ["queued", "delivered"]);
    assertEquals(new Set(told.map(({ id }) => id)).size, 1);
  }
});

Deno.test("friends: sender and receiver may each be killed between writing and delivery", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  await alice.tell("bob", "one");
  await bob.until(shows("one"));
  await alice.until(delivery("delivered"));

  await bob.kill();
  await alice.until(connection("closed", "bob"));
  for (const text of ["two", "three"]) await alice.tell("bob", text);
  const ids = (await alice.untilCount(delivery("queued"), 3)).map(({ id }) => id);
  await alice.kill();
  const [again, bobAgain] = [await group.start("alice"), await group.start("bob")];
  await bobAgain.until(shows("three"));
  const delivered = await again.untilCount(delivery("delivered", "bob"), 2);
  await bobAgain.tell("alice", "got them");
  await again.until(shows("got them"));

  assertEquals(bobAgain.texts("alice").filter((text) => text !== "one"), ["two", "three"]);
  assertEquals(delivered.map(({ id }) => id), ids.slice(1));
  assertEquals(group.stored("bob").map(({ id }) => id), ids);
});

Deno.test("friends: a program whose data was put back from a backup is heard by its friends", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const bob = await group.start("bob");
  const exchange = async (texts: readonly string[]) => {
    const alice = await group.start("alice");
    const from = bob.events.length;
    for (const text of texts) await alice.tell("bob", text);
    await bob.until(shows(texts.at(-1)!), undefined, from);
    await bob.tell("alice", `${texts.at(-1)}, thanks`);
    await alice.until(shows(`${texts.at(-1)}, thanks`));
    await alice.untilCount(delivery("delivered", "bob"), texts.length);
    await alice.kill();
    return alice;
  };
  const backup = `${group.folder}/backup`;

  await exchange(["1", "2", "3"]);
  await copy(group.data("alice"), backup);
  await exchange(["4", "5", "6"]);
  await Deno.remove(group.data("alice"), { recursive: true });
  await copy(backup, group.data("alice"));
  const restored = await exchange(["7", "8"]);

  const numbers = Array.from({ length: 8 }, (_, at) => `${at + 1}`);
  assertEquals(bob.texts("alice"), numbers);
  assertEquals(group.stored("bob").map(({ text }) => text), numbers);
  assertEquals(restored.texts("bob").filter((text) => text === "8, thanks").length, 1);
  assertEquals([...bob.events, ...restored.events].filter(({ event }) => event === "error"), []);
});

Deno.test("friends: what was stored and not shown when the receiver was killed is shown at its next start", async () => {
  await using group = new FriendsGroup("alice", "bob");
  // Nobody reads what bob's program shows: most of what it stores stays unshown.
  await using bob = TextProgram.start(
    ["peer", "bob", "--users", group.file, "--host", "127.0.0.1", "--json"],
    { data: group.data("bob"), reads: false },
  );
  const alice = await group.start("alice");
  const text = (number: number) => `${number} ${"long ".repeat(400)}`;
  const count = 200;
  for (let number = 0; number < count; number++) await alice.tell("bob", text(number));
  await alice.untilCount(delivery("delivered", "bob"), count);
  bob.signal("SIGKILL");
  await bob.status;

  const again = await group.start("bob");
  const shown = (event: ShownEvent) => event.event === "message" && event.history === true;
  await again.until((event) => shown(event) && event.text === text(count - 1));
  const stored = group.stored("bob");
  const history = again.events.filter(shown);
  await again.type("exit");
  await again.ended();
  const third = await group.start("bob");
  await alice.tell("bob", "the end");
  await third.until(shows("the end"));

  assertEquals(stored.map(({ text }) => text), Array.from({ length: count }, (_, at) => text(at)));
  // A pipe holds 64 KiB, and what is in it counts as shown.
  assert(history.length > count / 2, `${history.length} of ${count} are shown`);
  assertEquals(history.map(({ id }) => id), stored.slice(-history.length).map(({ id }) => id));
  assertEquals(third.texts("alice"), ["the end"]);
});

Deno.test("friends: one whose program hangs gets everything once when it goes on", async () => {
  await using group = new FriendsGroup("alice", "bob");
  const [alice, bob] = await group.startAll() as [Node, Node];
  await alice.tell("bob", "before");
  await bob.until(shows("before"));
  await alice.until(delivery("delivered"));

  bob.signal("SIGSTOP");
  const texts = Array.from({ length: 100 }, (_, number) => `hello? ${number}`);
  for (const text of texts) await alice.tell("bob", text);
  await alice.untilCount(delivery("queued"), texts.length + 1);
  const { reason } = await alice.until(connection("closed", "bob"));
  await alice.until(({ event, text }) => event === "notice" && /^bob isn't there/.test(text));
  bob.signal("SIGCONT");
  await bob.until(shows(texts.at(-1)!));
  await alice.untilCount(delivery("delivered"), texts.length + 1);

  assertEquals(reason, "no answer for 3 s");
  assertEquals(bob.texts(), ["before", ...texts]);
  assertEquals(group.stored("bob").length, texts.length + 1);
});
