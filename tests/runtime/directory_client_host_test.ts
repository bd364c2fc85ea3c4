import { assert, assertEquals } from "@std/assert";
import { type ClientProgram, DirectoryWorld } from "./directory_world.ts";

/** A directory, and clients that are in. */
async function worldOf<Name extends string>(
  ...names: readonly Name[]
): Promise<{ readonly world: DirectoryWorld } & Readonly<Record<Name, ClientProgram>>> {
  const world = new DirectoryWorld();
  world.serve();
  const programs = names.map((name) => [name, world.start(name)]);
  await world.pass(500);
  return { world, ...Object.fromEntries(programs) };
}

Deno.test("DirectoryClientHost: two come in, see each other, talk directly, and part", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  assertEquals([ann.sessions, bob.sessions], [["up"], ["up"]]);
  ann.do({ command: "list", part: undefined });
  assertEquals(ann.of("users").at(-1)!.users.map(({ name }) => name), ["ann", "bob"]);

  await world.call(ann, bob);
  ann.say("hello");
  bob.say("hi");
  await world.pass(100);
  bob.do({ command: "hang-up" });
  await world.pass(200);

  assertEquals(ann.calls, ["bob ringing", "bob connected direct", "bob ended hung-up"]);
  assertEquals(bob.calls, ["ann connected direct", "ann ended"]);
  assertEquals([ann.heard, bob.heard], [["hi"], ["hello"]]);
  assertEquals([ann.errors, bob.errors], [[], []]);
});

Deno.test("DirectoryClientHost: where neither reaches the other, their words go through the directory", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  world.separate(ann, bob);

  await world.call(ann, bob, 6_000);
  ann.say("hello");
  bob.say("hi");
  await world.pass(200);
  ann.say("bye");
  ann.do({ command: "hang-up" });
  await world.pass(500);

  assertEquals(ann.calls, ["bob ringing", "bob connected relay", "bob ended"]);
  assertEquals(bob.calls, ["ann connected relay", "ann ended hung-up"]);
  assertEquals([ann.heard, bob.heard], [["hi"], ["hello", "bye"]]);
  assertEquals([ann.errors, bob.errors], [[], []]);
});

Deno.test("DirectoryClientHost: who can be reached from one side alone is talked to directly", async () => {
  for (const caller of ["ann", "bob"] as const) {
    const { world, ann, bob } = await worldOf("ann", "bob");
    // Streams to Bob come about, but only he can begin one.
    const { join } = world.network;
    world.network.join = (from, to) =>
      to.host === bob.address ? null : join.call(world.network, from, to);

    await (caller === "ann" ? world.call(ann, bob, 3_000) : world.call(bob, ann, 3_000));

    const connected = [...ann.calls, ...bob.calls].filter((call) => call.includes("connected"));
    assertEquals(connected, ["bob connected direct", "ann connected direct"], caller);
  }
});

Deno.test("DirectoryClientHost: without a relay, who can't be reached is unreachable", async () => {
  const world = new DirectoryWorld();
  world.serve({ relays: false });
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  await world.pass(500);
  world.separate(ann, bob);

  await world.call(ann, bob, 6_000);

  assertEquals([ann.calls, bob.calls], [["bob ringing", "bob unreachable"], [
    "ann ended cancelled",
  ]]);
});

Deno.test("DirectoryClientHost: 10,000 lines go through the directory in their order, while input waits for them", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  world.separate(ann, bob);
  await world.call(ann, bob, 6_000);
  const lines = Array.from({ length: 10_000 }, (_, at) => `line ${at} ${"x".repeat(at % 200)}`);
  let waited = 0;

  for (let at = 0, turns = 0; at < lines.length; turns++) {
    assert(turns < 100_000, "the input comes to its end");
    if (ann.paused.at(-1)) {
      waited++;
      await world.pass(10);
    } else ann.say(lines[at++]!);
  }
  ann.do({ command: "hang-up" });
  await world.pass(10_000);

  assertEquals(bob.heard.length, lines.length);
  assertEquals(bob.heard, lines);
  assert(waited > 10, "the user was held back");
  assertEquals(ann.calls.at(-1), "bob ended");
  assertEquals([ann.errors, bob.errors], [[], []]);
});
