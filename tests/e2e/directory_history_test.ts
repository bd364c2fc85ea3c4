/** What was said in calls is found again by both sides, and shown again to who calls once more. */

import { assertEquals } from "@std/assert";
import {
  broadcast,
  call,
  connect,
  DirectoryWorld,
  endOf,
  failure,
  incoming,
  is,
  message,
  notice,
  seesAll,
  tell,
} from "./directory_world.ts";
import { holds, type Node, type ShownEvent } from "./node.ts";
import { hasScript } from "./pty.ts";
import { found } from "./texts_on_disk.ts";

async function asked(node: Node, fields: Readonly<Record<string, unknown>> = {}) {
  return linesIn(await node.ask("history", fields));
}

function linesIn({ messages }: ShownEvent): readonly string[] {
  return messages.map(({ self, to, shown, text }: ShownEvent) =>
    self ? `to ${to}: ${text}` : `${shown}: ${text}`
  );
}

/** Alice and Bob say something to each other, and Bob hangs up. */
async function talk(alice: Node, bob: Node, ...texts: readonly string[]): Promise<void> {
  await connect(alice, bob, "bob");
  for (const [n, text] of texts.entries()) {
    const [from, to] = n % 2 === 0 ? [alice, bob] : [bob, alice];
    await from.say(text);
    await from.until(message(text, true));
    await to.until(message(text));
  }
  const [before, beforeThere] = [alice.events.length, bob.events.length];
  await bob.type("/hangup");
  await alice.until(call("ended", "bob"), undefined, before);
  await bob.until(call("ended", "alice"), undefined, beforeThere);
}

async function leave(...nodes: readonly Node[]): Promise<void> {
  for (const node of nodes) {
    await node.type("/logout");
    assertEquals(await endOf(node), [0, "bye", "quit"]);
  }
}

const SAID = ["where is the key?", "under the mat", "thanks"];

Deno.test("directory: what was said in calls is found by both, at once, and after a kill", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob, carol] = await world.guests("alice", "bob", "carol") as [Node, Node, Node];
  await connect(alice, carol, "carol");
  await alice.say("no key here");
  await carol.until(message("no key here"));
  await alice.type("/hangup");
  await carol.until(call("ended", "alice"));
  await connect(alice, bob, "bob");
  await alice.say(SAID[0]!);
  await bob.until(message(SAID[0]!));
  await bob.say(SAID[1]!);
  await alice.until(message(SAID[1]!));
  await alice.type("/me thinks");
  await bob.until(message("/me thinks"));
  const conversation = ["to bob: where is the key?", "bob: under the mat", "to bob: /me thinks"];
  // In the call about its other side, and what was searched for in all.
  assertEquals(await asked(alice), conversation);
  assertEquals(await asked(alice, { text: "KEY" }), conversation.slice(0, 1));
  const all = ["to carol: no key here", conversation[0]!];
  assertEquals(linesIn(await alice.ask("search", { text: "key" })), all);
  for (const node of [alice, bob]) await node.kill();

  const [again, bobAgain] = await world.guests("alice", "bob") as [Node, Node];
  assertEquals(await asked(again, { name: "BOB" }), conversation);
  assertEquals(await asked(again, { name: "bob", n: 2 }), conversation.slice(1));
  assertEquals(await asked(again), ["to carol: no key here", ...conversation]);
  assertEquals(linesIn(await again.ask("search", { text: "mat" })), ["bob: under the mat"]);
  assertEquals(await asked(again, { name: "nobody" }), []);
  await again.type("/history a/b");
  await again.until(failure("unknown-user"));
  const there = ["alice: where is the key?", "to alice: under the mat", "alice: /me thinks"];
  assertEquals(await asked(bobAgain, { name: "alice" }), there);
  await bobAgain.ask("broadcast", { text: "a key for all" });
  await again.until(broadcast("a key for all"));
  assertEquals(linesIn(await again.ask("search", { text: "for all" })), []);
  assertEquals(again.events.filter(is("message")), [], "scripts are shown nothing again unasked");
});

Deno.test("directory: with --history, the first call with somebody shows what was said before, and the next ones nothing again", async () => {
  const { world } = await DirectoryWorld.open([]);
  await using _ = world;
  const [alice, bob] = await world.guests("alice", "bob") as [Node, Node];
  await talk(alice, bob, ...SAID);
  await leave(alice, bob);
  const back = await world.guest("alice", { args: ["--history", "2"] });
  const bobBack = await world.guest("bob");
  await seesAll(back, "bob");
  await talk(back, bobBack, "here again");
  await talk(back, bobBack, "and again");
  const said = back.events.filter((event) => is("message")(event) || call("connected")(event));
  assertEquals(said.map(({ event, from, text, history }) => [event, from, text, history]), [
    ["call", undefined, undefined, undefined],
    ["message", "bob", "under the mat", true],
    ["message", "alice", "thanks", true],
    ["message", "alice", "here again", undefined],
    ["call", undefined, undefined, undefined],
    ["message", "alice", "and again", undefined],
  ]);
});

for (const end of ["leaves", "is killed"] as const) {
  Deno.test(`--no-history at a directory: nothing said is on the disk when the program ${end}`, async () => {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    const flag = { args: ["--no-history"] };
    const alice = await world.guest("alice", flag);
    await alice.until(notice(/^Nothing that is said is kept on this disk \(--no-history\)/));
    const bob = await world.guest("bob");
    await seesAll(alice, "bob");
    await talk(alice, bob, ...SAID);
    await tell(bob, "told to all");
    await alice.until(broadcast("told to all"));
    await tell(alice, "told by alice");
    assertEquals((await asked(alice, { name: "bob" })).length, 3, "in memory, while it runs");
    const texts = [...SAID, "told to all", "told by alice"];
    const [data, other] = [world.data("alice"), world.data("bob")];
    assertEquals(found(data, ...texts), []);
    await holds("the search finds what is there", () => found(other, ...SAID).length === 3);
    if (end === "leaves") await leave(alice);
    else await alice.kill();
    assertEquals(found(data, ...texts), []);

    const again = await world.guest("alice", flag);
    assertEquals(await asked(again, { name: "bob" }), []);
    await tell(bob, "told again");
    await again.until(broadcast("told again"));
    assertEquals(again.events.filter(is("broadcast")).length, 1, "what was heard comes only once");
    assertEquals(found(data, "told again"), []);
  });
}

Deno.test({
  name:
    "directory at a terminal: a call begins below what was said before; /history tells who said what",
  ignore: !hasScript(),
  async fn() {
    const { world } = await DirectoryWorld.open([]);
    await using _ = world;
    const [alice, bob] = await world.guests("alice", "bob") as [Node, Node];
    await talk(alice, bob, ...SAID);
    await leave(alice);
    await using terminal = await world.guestTerminal("alice");
    await terminal.press("/history\r");
    await terminal.until("all calls", ({ text }) => text.includes("<alice -> bob> thanks"));
    await terminal.press("/history carol\r");
    await terminal.until("nothing", ({ text }) => text.includes("No private message with carol."));
    const before = bob.events.length;
    await terminal.press("bob\r");
    await bob.until(incoming("alice"), undefined, before);
    await bob.type("/accept");
    await terminal.untilCursorLine("alice (with bob)> |");
    await terminal.until("what was said", ({ text }) => text.includes("<alice> thanks"));
    await bob.say("welcome back");
    await terminal.until("what is new", ({ text }) => text.includes("<bob> welcome back"));
    const { text } = terminal.screen;
    const order = ["Connected with bob", "<alice> thanks", "<bob> welcome back"];
    const places = order.map((part) => text.indexOf(part));
    assertEquals(places.toSorted((a, b) => a - b), places);
  },
});
