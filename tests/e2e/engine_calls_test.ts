/**
 * Calls between two instances of a directory over a real etcd: Alice is in at one, Bob at the other. They talk directly,
 * and where neither can be dialled through Bob's instance; and Alice's instance is killed meanwhile.
 */

import { assert, assertEquals } from "@std/assert";
import { HAS_ETCD } from "../engine/etcd_nodes.ts";
import {
  call,
  callStates,
  connect,
  directoryCall,
  incoming,
  message,
  session,
} from "./directory_world.ts";
import { InstancesWorld } from "./instances_world.ts";
import type { Node } from "./node.ts";

/** Calls are taken at an address that nobody reaches: the directory sees them come from 127.0.0.1. */
const UNREACHABLE = { host: "127.0.0.2" };

let opened: Promise<InstancesWorld> | null = null;
// Its programs outlive each test of the file.
Deno.test.sanitizer({ ops: false, resources: false });
Deno.test.afterAll(async () => await (await opened)?.[Symbol.asyncDispose]());

async function open(): Promise<InstancesWorld> {
  const world = await InstancesWorld.open2();
  world.copyKey();
  await world.direct(1);
  return world;
}

const people = new Map<string, Node>();
const person = (name: string) => people.get(name)!;

const trial = (name: string, run: (world: InstancesWorld) => Promise<void>) =>
  Deno.test({
    name: `calls between instances: ${name}${HAS_ETCD ? "" : ": etcd isn't installed"}`,
    ignore: !HAS_ETCD,
    fn: async () => await run(await (opened ??= open())),
  });

/** Each says something, and the other is shown it. */
async function saySomething(one: Node, other: Node, text: string): Promise<void> {
  await one.say(`${text} there`);
  await other.until(message(`${text} there`));
  await other.say(`${text} back`);
  await one.until(message(`${text} back`));
}

async function hangUp(one: Node, other: Node): Promise<void> {
  const [from, there] = [one.events.length, other.events.length];
  await one.type("/hang-up");
  const ends = [
    await one.until(call("ended"), undefined, from),
    await other.until(call("ended"), undefined, there),
  ];
  assertEquals(ends.map(({ reason }) => reason), ["", "hung-up"]);
}

trial("two talk directly, and all see them busy until one hangs up", async (world) => {
  const alice = await world.guest("alice", world.at(0));
  const bob = await world.guest("bob", world.at(1));
  for (const [name, node] of [["alice", alice], ["bob", bob]] as const) people.set(name, node);
  await world.see([alice, bob], "alice free", "bob free");
  await connect(alice, bob, "bob");
  for (const node of [alice, bob]) {
    assertEquals((await node.until(call("connected"))).route, "direct");
  }
  await saySomething(alice, bob, "direct");
  await world.see([alice, bob], "alice busy", "bob busy");
  await world.instance(1).until(directoryCall("alice", "bob", "connected")); // the callee's
  const carol = await world.guest("carol", world.at(0));
  people.set("carol", carol);
  await carol.type("/call bob");
  await carol.until(call("busy", "bob"));
  await hangUp(alice, bob);
  await world.see([alice, bob, carol], "alice free", "bob free", "carol free");
  await connect(bob, alice, "alice");
  await saySomething(bob, alice, "again");
  await hangUp(alice, bob);
});

trial("a call is declined, withdrawn, or missed, and both know", async () => {
  const [alice, bob] = ["alice", "bob"].map(person) as [Node, Node];
  const [from, there] = [alice.events.length, bob.events.length];
  await alice.type("/call bob");
  await bob.until(incoming("alice"), undefined, there);
  await bob.type("/decline not now");
  assertEquals((await alice.until(call("declined"), undefined, from)).reason, "not now");
  const again = bob.events.length;
  await alice.type("/call bob");
  await bob.until(incoming("alice"), undefined, again);
  await alice.type("/cancel");
  assertEquals((await bob.until(call("ended"), undefined, again)).reason, "cancelled");
  await alice.type("/call nobody");
  await alice.until(call("offline", "nobody"), undefined, from);
});

trial("two who call each other at once get one call, without a question", async () => {
  const [alice, bob] = ["alice", "bob"].map(person) as [Node, Node];
  const [from, there] = [alice.events.length, bob.events.length];
  await Promise.all([alice.type("/call bob"), bob.type("/call alice")]);
  // Where one was told of the other's call before it had made its own, it is asked, and its own command is refused.
  await Promise.race([
    Promise.all([
      alice.until(call("connected"), undefined, from),
      bob.until(call("connected"), undefined, there),
    ]),
    alice.until(incoming("bob"), 60_000, from).then(() => alice.type("/accept")),
    bob.until(incoming("alice"), 60_000, there).then(() => bob.type("/accept")),
  ]);
  await alice.until(call("connected"), undefined, from);
  await bob.until(call("connected"), undefined, there);
  await saySomething(alice, bob, "at once");
  await hangUp(bob, alice);
});

trial("where neither can be dialled, the callee's instance relays", async (world) => {
  const dave = await world.guest("dave", { ...world.at(0), ...UNREACHABLE });
  const erin = await world.guest("erin", { ...world.at(1), ...UNREACHABLE });
  for (const [name, node] of [["dave", dave], ["erin", erin]] as const) people.set(name, node);
  await world.see([dave, erin], "alice free", "bob free", "carol free", "dave free", "erin free");
  await connect(dave, erin, "erin");
  for (const node of [dave, erin]) {
    assertEquals((await node.until(call("connected"))).route, "relay");
  }
  await saySomething(dave, erin, "relayed ".repeat(3_000));
  await world.see([dave], "alice free", "bob free", "carol free", "dave busy", "erin busy");
  // The last line isn't lost when the one who says it hangs up.
  const from = erin.events.length;
  await dave.type("last\n/hang-up");
  await erin.until(message("last"), undefined, from);
  await erin.until(call("ended"), undefined, from);
  await world.see([dave], "alice free", "bob free", "carol free", "dave free", "erin free");
  await connect(erin, dave, "dave");
  await saySomething(erin, dave, "the other way");
  await hangUp(erin, dave);
});

trial("the caller's instance is killed: both calls, direct and relayed, go on", async (world) => {
  const [alice, bob, dave, erin] = ["alice", "bob", "dave", "erin"].map(person) as [
    Node,
    Node,
    Node,
    Node,
  ];
  const both = [alice, dave];
  await connect(alice, bob, "bob");
  await connect(dave, erin, "erin");
  const from = both.map((node) => node.events.length);
  await world.instance(0).kill();
  await saySomething(alice, bob, "while it is gone");
  await saySomething(dave, erin, "while it is gone, too");
  for (const [at, node] of both.entries()) await node.until(session("up"), 30_000, from[at]);
  await saySomething(alice, bob, "at another one");
  await saySomething(dave, erin, "at another one, too");
  await world.see(
    [person("carol"), bob],
    "alice busy",
    "bob busy",
    "carol free",
    "dave busy",
    "erin busy",
  );
  for (const node of [alice, bob, dave, erin]) {
    assert(callStates(node).at(-1) === "connected", callStates(node).join());
  }
  await hangUp(alice, bob);
  await hangUp(erin, dave);
  await world.see([bob], "alice free", "bob free", "carol free", "dave free", "erin free");
});

trial("the instance that relays is killed: the call ends for both with it", async (world) => {
  await world.direct(0);
  const frank = await world.guest("frank", { ...world.at(0), ...UNREACHABLE });
  const erin = person("erin");
  await world.see(
    [erin, frank],
    ...["alice", "bob", "carol", "dave", "erin", "frank"].map((name) => `${name} free`),
  );
  await connect(frank, erin, "erin");
  const [from, there] = [frank.events.length, erin.events.length];
  await world.instance(1).kill();
  const ends = [
    await frank.until(call("ended"), 30_000, from),
    await erin.until(call("ended"), 30_000, there),
  ];
  assertEquals(ends.map(({ reason }) => reason), ["directory-down", "directory-down"]);
  await erin.until(session("up"), 30_000, there);
  await connect(erin, frank, "frank");
  await saySomething(erin, frank, "after all");
});
