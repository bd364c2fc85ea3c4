import { assert, assertEquals, assertMatch } from "@std/assert";
import { EXIT_STATUS_BY_CODE } from "../../../lib/base/errors.ts";
import type { LinkId } from "../../../lib/base/ids.ts";
import type { ModeOutcome } from "../../../lib/base/machine/mode_machine.ts";
import type { ClientRecord } from "../../../lib/protocols/directory/schema/client_records.ts";
import {
  BROADCASTS_MAX,
  CALLS_BURST,
  DIRECTORY_CHANNEL,
  TEXT_BYTES_MAX,
} from "../../../lib/protocols/directory/schema/limits.ts";
import type { ClientEvent } from "../../../lib/protocols/directory/schema/events.ts";
import type { KeptWords } from "../../../lib/runtime/hosts/mode_host.ts";
import type { DirectoryHost } from "../../../lib/runtime/hosts/directory_host.ts";
import {
  type ClientProgram,
  DIRECTORY,
  DIRECTORY_SEED,
  DirectoryWorld,
  guest,
  PASSWORD,
} from "../directory_world.ts";
import { MemoryStore, Reader } from "../host_world.ts";
import { SLOW } from "../../given.ts";

/** The first byte of `relay`. */
const RELAY_CODE = 23;

/** Counts the pieces that go through the directory, by the link of who sends them. */
function relayedPieces(host: DirectoryHost): ReadonlyMap<LinkId, number> {
  const pieces = new Map<LinkId, number>();
  const frame = host.frame.bind(host);
  host.frame = (link, body) => {
    if (body[0] === RELAY_CODE) pieces.set(link, (pieces.get(link) ?? 0) + 1);
    frame(link, body);
  };
  return pieces;
}

/** How a program ended; null where it hasn't. */
function ended({ outcome }: ClientProgram): Promise<ModeOutcome | null> {
  return Promise.race([outcome, Promise.resolve().then(() => null)]);
}

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

/** Ann, and Bob whose output somebody reads; a call between them will take that route. */
async function twoBy(route: string) {
  const world = new DirectoryWorld();
  world.serve();
  const reader = new Reader();
  const ann = world.start("ann");
  const bob = world.start("bob", { ready: () => reader.ready() });
  await world.pass(500);
  if (route === "relay") world.separate(ann, bob);
  return { world, reader, ann, bob };
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

Deno.test("DirectoryClientHost: what was said earlier is asked for before a line that waited for the call is kept", async () => {
  const world = new DirectoryWorld();
  world.serve();
  const asked: string[] = [];
  const words: KeptWords<ClientEvent> = {
    keep: ({ words: { text } }) => Promise.resolve(void asked.push(`keep ${text}`)),
    recalled: ({ event }) => Promise.resolve((asked.push("recall"), event)),
  };
  const ann = world.start("ann", { words }, { shownAgain: 20 });
  const bob = world.start("bob");
  await world.pass(500);

  ann.do({ command: "call", name: "bob" });
  for (const text of ["one", "two"]) ann.say(text);
  await world.pass(100);
  bob.do({ command: "accept" });
  await world.pass(1_000);

  assertEquals(bob.heard, ["one", "two"]);
  assertEquals(asked, ["recall", "keep one", "keep two"]);
});

Deno.test("DirectoryClientHost: why a call is declined is shown, and in nobody's log", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");

  ann.do({ command: "call", name: "bob" });
  await world.pass(100);
  bob.do({ command: "decline", reason: "my doctor is here" });
  await world.pass(100);

  assertEquals(ann.calls, ["bob ringing", "bob declined my doctor is here"]);
  for (const { name, logged, loggedFields } of [ann, bob]) {
    assert(logged.includes("call"), name);
    assert(!JSON.stringify(loggedFields).includes("doctor"), name);
    assert(JSON.stringify(loggedFields).includes('"declined"'), name);
  }
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

Deno.test("DirectoryClientHost: what the directory passes on comes whole, however little its links queue", async () => {
  const world = new DirectoryWorld();
  const text = "x".repeat(TEXT_BYTES_MAX);
  world.serve({}, DIRECTORY_SEED, { ...DIRECTORY_CHANNEL, dataBytesMax: 1_024 });
  const [ann, bob] = [world.start("ann"), world.start("bob")];
  await world.pass(500);
  world.separate(ann, bob);

  await world.call(ann, bob, 6_000);
  for (let count = 0; count < 4; count++) ann.say(text);
  await world.pass(5_000);

  assertEquals(bob.heard.map(({ length }) => length), Array(4).fill(text.length));
  assertEquals(ann.calls, ["bob ringing", "bob connected relay"]);
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

  assertEquals([ann.calls, bob.calls], [["bob ringing", "bob unreachable not-relayed"], [
    "ann unreachable not-relayed",
  ]]);
});

Deno.test("DirectoryClientHost: 10,000 lines go through the directory in their order, while input waits for them", async () => {
  const world = new DirectoryWorld();
  const pieces = relayedPieces(world.serve().host);
  const ann = world.start("ann");
  await world.pass(500);
  const bob = world.start("bob");
  await world.pass(500);
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
  // Of what was shown he says so little that it shares a few pieces.
  const fromBob = [...pieces.values()][1]!;
  assert(fromBob > 10 && fromBob < 150, `${fromBob} pieces from who says nothing`);
  assertEquals(ann.calls.at(-1), "bob ended");
  assertEquals([ann.errors, bob.errors], [[], []]);
});

Deno.test("DirectoryClientHost: lines wait for whoever takes nothing in, and none is lost", async () => {
  for (const route of ["direct", "relay"]) {
    const { world, reader, ann, bob } = await twoBy(route);
    await world.call(ann, bob, 6_000);
    reader.stop();
    const lines = Array.from({ length: 2_000 }, (_, at) => `${at} ${"x".repeat(1_000)}`);

    let said = 0;
    for (; said < lines.length && !ann.paused.at(-1); said++) {
      ann.say(lines[said]!);
      await world.pass(10);
    }
    // Long enough for whoever is taken for dead to be let go.
    await world.pass(12_000);
    assert(said < 1_500, `${said} were taken from the user`);
    assert(bob.heard.length < 100, `${bob.heard.length} were shown while nobody took them`);
    reader.goOn();
    while (said < lines.length) {
      await world.pass(10);
      while (said < lines.length && !ann.paused.at(-1)) ann.say(lines[said++]!);
    }
    await world.pass(10_000);

    assertEquals(bob.heard, lines, route);
    assertEquals(bob.calls, [`ann connected ${route}`]);
  }
});

Deno.test("DirectoryClientHost: a call that is ended while the other takes nothing in is over within some seconds", async () => {
  for (const route of ["direct", "relay"]) {
    const { world, reader, ann, bob } = await twoBy(route);
    await world.call(ann, bob, 6_000);
    reader.stop();
    for (let at = 0; at < 400; at++) ann.say("x".repeat(10_000));
    await world.pass(100);
    ann.do({ command: "quit" });
    await world.pass(25_000);

    assertEquals((await ended(ann))?.kind, "bye", route);
    const said = ann.of("message").length;
    const [lost = "", ...others] = ann.of("notice").map(({ text }) => text);
    const unheard = Number(/^bob may not have got your last (\d+) lines$/.exec(lost)?.[1]);
    assert(unheard >= said - bob.heard.length && unheard <= said, `${lost}, of ${said}`);
    assertEquals(others, [`${400 - said} lines weren't sent, as there is no call with bob`]);
    assert(said < 60, `${said} are called said`);
    reader.goOn();
    await world.pass(10_000);
    assertEquals(bob.calls.length, 2, `${route}: ${bob.calls}`);
  }
});

/** Lines, how many of how many bytes, that make a link's queue full, or nearly, at each place where it matters. */
const SAID = [
  { count: 1, bytes: 60_000 },
  { count: 2, bytes: 60_000 },
  { count: 4, bytes: 60_000 },
  { count: 5, bytes: 60_000 },
  { count: 8, bytes: 30_000 },
  { count: 9, bytes: 30_000 },
  { count: 14, bytes: 20_000 },
  { count: 16, bytes: 20_000 },
];

Deno.test("DirectoryClientHost: a key is kept before anything relies on it, and lines wait until that is shown", async () => {
  const world = new DirectoryWorld();
  world.serve();
  const kept = Promise.withResolvers<void>();
  let pins = 0;
  // The first one is the directory's.
  const ann = world.start("ann", { pinned: () => ++pins === 1 ? Promise.resolve() : kept.promise });
  const bob = world.start("bob");
  await world.pass(500);
  ann.do({ command: "call", name: "bob" });
  ann.say("hello");
  ann.do({ command: "hang-up" });
  await world.pass(100);
  bob.do({ command: "accept" });
  await world.pass(400);
  const before = [ann.calls, bob.heard, ann.paused.at(-1)];
  kept.resolve();
  await world.pass(500);

  assertEquals(before, [["bob ringing"], [], "waiting for the end of the call with bob"]);
  assertEquals(ann.calls, ["bob ringing", "bob connected direct", "bob ended"]);
  assertEquals(bob.heard, ["hello"]);
  assertEquals(ann.paused.at(-1), null);
});

/** Ann says so much while it rings, and hangs up; Bob accepts, and takes nothing in. */
async function saidAndHungUp(route: string, count: number, bytes: number) {
  const { world, reader, ann, bob } = await twoBy(route);
  ann.do({ command: "call", name: "bob" });
  const lines = Array.from({ length: count }, (_, at) => `${at} ${"x".repeat(bytes)}`);
  for (const line of lines) ann.say(line);
  ann.do({ command: "hang-up" });
  await world.pass(100);
  reader.stop();
  bob.do({ command: "accept" });
  return { world, reader, ann, bob, lines };
}

Deno.test(
  "DirectoryClientHost: what was said before the end goes out, also to whoever takes it in some seconds later",
  SLOW,
  async () => {
    for (const route of ["direct", "relay"]) {
      for (const { count, bytes } of SAID) {
        const { world, reader, ann, bob, lines } = await saidAndHungUp(route, count, bytes);
        await world.pass(8_000);
        reader.goOn();
        await world.pass(5_000);

        const short = (texts: readonly string[]) => texts.map((text) => text.split(" ")[0]);
        assertEquals(
          short(bob.heard),
          short(lines),
          `${route}, ${count}: ${ann.calls}; ${bob.calls}`,
        );
        assertEquals([ann.calls.at(-1), bob.calls.at(-1)], ["bob ended", "ann ended hung-up"]);
      }
    }
  },
);

Deno.test(
  "DirectoryClientHost: whoever never takes in what was said before the end is let go of",
  SLOW,
  async () => {
    for (const route of ["direct", "relay"]) {
      for (const { count, bytes } of SAID) {
        const { world, ann } = await saidAndHungUp(route, count, bytes);
        await world.pass(30_000);
        ann.do({ command: "quit" });
        await world.pass(25_000);

        assertEquals((await ended(ann))?.kind, "bye", `${route}, ${count} lines`);
        assertEquals(ann.links.size, 0, `${route}, ${count} lines`);
      }
    }
  },
);

Deno.test("DirectoryClientHost: lines that come one by one are no more pieces than the directory takes", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  world.separate(ann, bob);
  await world.call(ann, bob, 6_000);

  for (let at = 0; at < 6_000; at++) {
    ann.say(`${at}`);
    world.network.clock.advance(1);
    for (let turn = 0; turn < 3; turn++) await Promise.resolve();
  }
  await world.pass(1_000);

  assertEquals(bob.heard.length, 6_000);
  assertEquals(ann.sessions, ["up"]);
});

Deno.test("DirectoryClientHost: a dial that nobody waits for any more is given up at once", async () => {
  const { world, ann, bob, eve } = await worldOf("ann", "bob", "eve");
  const { join } = world.network;
  // Whoever dials Bob gets Eve, whose answers are lost.
  world.network.join = (from, to) =>
    join.call(world.network, from, to.host === bob.address ? { ...to, host: eve.address } : to);
  world.network.cut(eve.address, ann.address);

  await world.call(ann, bob, 500);

  assertEquals(ann.calls.at(-1), "bob connected direct");
  assertEquals(ann.logged.includes("dial failed"), true);
});

Deno.test("DirectoryClientHost: a link through the directory that isn't up yet ends with it at once", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  world.separate(ann, bob);
  await world.call(ann, bob, 3_000);
  const dials = () => ann.logged.filter((text) => text === "dial failed").length;
  assertEquals(dials(), 1, "that of Bob himself");
  // The relay begins 4 s after the answer, and no handshake is over within 20 ms.
  await world.pass(1_020);
  assertEquals(ann.calls, ["bob ringing"]);
  world.killDirectory();
  await world.pass(30);

  assertEquals(dials(), 2);
});

Deno.test("DirectoryClientHost: two who call each other at once get one call, without a question", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");

  ann.do({ command: "call", name: "bob" });
  bob.do({ command: "call", name: "ann" });
  await world.pass(1_000);
  ann.say("hello");
  bob.say("hi");
  await world.pass(100);

  assertEquals([ann.calls, bob.calls], [
    ["bob ringing", "bob connected direct"],
    ["ann ringing", "ann connected direct"],
  ]);
  assertEquals([ann.heard, bob.heard], [["hi"], ["hello"]]);
  assertEquals([ann.of("incoming"), bob.of("incoming")], [[], []]);
});

Deno.test("DirectoryClientHost: who talks to oneself needs no link", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");

  ann.do({ command: "call", name: "ann" });
  ann.say("hello");
  await world.pass(100);

  assertEquals(ann.calls, ["ann ringing", "ann connected direct"]);
  assertEquals(ann.of("message").map(({ self }) => self), [true, false]);
  const told = bob.of("presence").at(-1)!;
  assertEquals([told.name, told.state, told.guest], ["ann", "busy", false]);
});

Deno.test("DirectoryClientHost: a direct call goes on when the directory dies, and comes in with it again", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  await world.call(ann, bob);
  world.killDirectory();
  await world.pass(3_000);
  assertEquals([ann.sessions, bob.sessions], [["up", "down"], ["up", "down"]]);
  ann.say("still there?");
  await world.pass(3_000);

  world.serve();
  await world.pass(45_000);
  bob.say("yes");
  await world.pass(100);

  assertEquals([ann.sessions.at(-1), bob.sessions.at(-1)], ["up", "up"]);
  assertEquals([ann.heard, bob.heard], [["yes"], ["still there?"]]);
  assertEquals(ann.calls, ["bob ringing", "bob connected direct"]);
  assertEquals([ann.asked, bob.asked], [1, 1], "nobody is asked again");
  ann.do({ command: "list", part: undefined });
  assertEquals(ann.of("users").at(-1)!.users.map(({ state }) => state), ["busy", "busy"]);
});

Deno.test("DirectoryClientHost: a call goes on for longer than a day, and only who talks through it keeps the directory's link", async () => {
  for (const route of ["direct", "relay"]) {
    const { world, ann, bob } = await worldOf("ann", "bob");
    if (route === "relay") world.separate(ann, bob);
    await world.call(ann, bob, 6_000);

    // Both sides of each link are told that it is old.
    for (const host of [world.directory, ann.host, bob.host]) {
      for (let link = 1; link < 10; link++) host.aged(link as LinkId);
    }
    await world.pass(3_000);
    ann.say("still there?");
    await world.pass(200);

    assertEquals(bob.heard, ["still there?"], route);
    assertEquals(ann.sessions, route === "relay" ? ["up"] : ["up", "down", "up"]);
  }
});

Deno.test("DirectoryClientHost: a relayed call ends with the directory, and both are told why", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  world.separate(ann, bob);
  await world.call(ann, bob, 6_000);

  world.killDirectory();
  await world.pass(1_000);

  assertEquals(ann.calls.slice(2), ["bob ended directory-down"]);
  assertEquals(bob.calls.slice(1), ["ann ended directory-down"]);
});

Deno.test("DirectoryClientHost: whoever is cut off from the other is told within 10 s, whichever way they talk", async () => {
  for (const route of ["direct", "relay"]) {
    const { world, ann, bob } = await worldOf("ann", "bob");
    if (route === "relay") world.separate(ann, bob);
    await world.call(ann, bob, 6_000);

    const cut = () => {
      world.cut(bob.address, ann.address);
      world.cut(bob.address, DIRECTORY.host);
    };
    cut();
    await world.pass(4_000);
    for (const host of [ann.address, DIRECTORY.host]) {
      world.network.heal(bob.address, host);
      world.network.heal(host, bob.address);
    }
    await world.pass(4_000);
    assertEquals(ann.calls.at(-1), `bob connected ${route}`, "a short cut ends nothing");
    cut();
    await world.pass(10_000);

    assertEquals([ann.calls.at(-1), bob.calls.at(-1)], ["bob ended lost", "ann ended lost"], route);
  }
});

Deno.test("DirectoryClientHost: somebody else who answers where the other should be is no part of the call", async () => {
  const { world, ann, bob, eve } = await worldOf("ann", "bob", "eve");
  const { join } = world.network;
  // Whoever dials Bob gets Eve, and Bob reaches nobody but the directory.
  world.network.join = (from, to) => {
    if (from.host === bob.address) return null;
    const other = to.host === bob.address ? { ...to, host: eve.address } : to;
    return join.call(world.network, from, other);
  };

  await world.call(ann, bob, 6_000);
  ann.say("hello");
  await world.pass(100);

  assertEquals(ann.calls, ["bob ringing", "bob connected relay"]);
  assertEquals([bob.heard, eve.heard, eve.calls], [["hello"], [], []]);
});

Deno.test("DirectoryClientHost: what is told to all comes by datagrams, and over the link where they are lost", async () => {
  for (const lost of [false, true]) {
    const { world, ann, bob } = await worldOf("ann", "bob");
    await world.pass(1_000);
    let datagrams = 0;
    world.datagrams.fate = () => {
      datagrams++;
      return lost ? [] : [5];
    };

    for (const text of ["one", "two", "x".repeat(5_000)]) {
      ann.do({ command: "broadcast", text });
    }
    await world.pass(3_000);

    assertEquals(bob.of("broadcast").map(({ text }) => text), ["one", "two", "x".repeat(5_000)]);
    assertEquals(ann.of("broadcast"), [], "the sender gets no copy");
    assertEquals(ann.of("broadcast-sent").map(({ reached }) => reached), [1, 1, 1]);
    assert(lost ? datagrams > 4 : datagrams >= 4, `${datagrams} datagrams`);
  }
});

Deno.test("DirectoryClientHost: what was told is on disk, and shown once, also by another process", async () => {
  const world = new DirectoryWorld();
  world.serve();
  const store = new MemoryStore<ClientRecord>();
  const ann = world.start("ann");
  const bob = world.start("bob", {}, {}, store);
  await world.pass(1_000);
  ann.do({ command: "broadcast", text: "one" });
  await world.pass(500);
  assertEquals(store.records.map(({ kind }) => kind), ["heard", "shown"]);

  const disk = new MemoryStore<ClientRecord>();
  disk.records = store.records.filter(({ kind }) => kind === "heard");
  bob.do({ command: "quit" });
  await world.pass(2_000);
  const entry = { how: "log-in", name: "bob", password: PASSWORD, newPassword: "" } as const;
  const again = world.start("bob", { entry }, {}, disk);
  await world.pass(2_000);

  assertEquals(bob.of("broadcast").map(({ history }) => history), [false]);
  assertEquals(again.of("broadcast").map(({ text, history }) => [text, history]), [["one", true]]);
  assertEquals(disk.records.map(({ kind }) => kind), ["heard", "shown"]);
});

Deno.test("DirectoryClientHost: what the disk refuses is told again, and shown when it can be stored", async () => {
  const world = new DirectoryWorld();
  world.serve();
  const store = new MemoryStore<ClientRecord>();
  const ann = world.start("ann");
  const bob = world.start("bob", {}, {}, store);
  await world.pass(1_000);
  store.refuses = true;
  ann.do({ command: "broadcast", text: "one" });
  await world.pass(3_000);
  assertEquals([bob.of("broadcast"), bob.errors], [[], ["disk"]]);

  store.refuses = false;
  await world.pass(40_000);

  assertEquals(bob.of("broadcast").map(({ text }) => text), ["one"]);
  assertEquals(bob.of("notice").map(({ text }) => text), [
    "Writing to the disk works again: broadcasts are shown again",
  ]);
});

Deno.test("DirectoryClientHost: a status tells how far the directory is, and whoever one talks with", async () => {
  for (const route of ["direct", "relay"]) {
    const { world, ann, bob } = await worldOf("ann", "bob");
    if (route === "relay") world.separate(ann, bob);
    const status = () => {
      ann.do({ command: "status" });
      const { roundTripMs, call } = ann.of("status").at(-1)!;
      return [roundTripMs, call && call.roundTripMs];
    };
    assertEquals(status(), [10, null]);
    ann.do({ command: "call", name: "bob" });
    await world.pass(100);
    assertEquals(status(), [10, null]);
    bob.do({ command: "accept" });
    await world.pass(9_000);
    assertEquals(status(), [10, route === "direct" ? 10 : 20]);

    world.killDirectory();
    await world.pass(100);
    assertEquals(status(), [null, route === "direct" ? 10 : null]);
  }
});

Deno.test("DirectoryClientHost: keys are remembered for the directory that they were met at", async () => {
  const { world, ann, bob } = await worldOf("ann", "bob");
  await world.call(ann, bob);

  const own = ann.of("directory")[0]!.key;
  assertEquals(ann.of("directory").map(({ known }) => known), [false]);
  assertEquals([...ann.pins.keys()], [" *directory*", `${own} bob`]);
  assertEquals(ann.pins.get(" *directory*"), own);
  assertEquals(ann.pins.get(`${own} bob`), bob.of("ready")[0]!.key);
});

Deno.test("DirectoryClientHost: whoever is refused is asked again, and may wait with the answer", async () => {
  const world = new DirectoryWorld();
  world.serve();
  world.start("ann");
  await world.pass(500);
  const wrong = { how: "log-in", name: "ann", password: "wrong horse", newPassword: "" } as const;
  const other = world.start("ann", { entry: wrong }, { isInteractive: true, asksAgain: true });

  await world.pass(50);

  assert(other.asked > 1, `asked ${other.asked} times`);
  assertEquals(other.errors[0], "bad-credentials");
});

Deno.test("DirectoryClientHost: a full directory is tried for 10 min, each time told, and the program ends with exit 4", async () => {
  const world = new DirectoryWorld();
  world.serve({ clientsMax: 1 });
  const { clock } = world.network;
  world.start("ann");
  await world.pass(500);
  const bob = world.start("bob", { entry: guest("bob") });
  const tried: number[] = [];
  let outcome: ModeOutcome | null = null;
  const fromMs = clock.nowMs();

  while (outcome === null && clock.nowMs() - fromMs < 1_000_000) {
    const before = bob.of("error").length;
    await world.pass(100);
    if (bob.of("error").length > before) tried.push(clock.nowMs());
    outcome = await ended(bob);
  }

  const lastedMs = clock.nowMs() - tried[0]!;
  assert(lastedMs >= 600_000 && lastedMs <= 660_000, `${lastedMs} ms`);
  const pausesMs = tried.slice(1).map((ms, at) => ms - tried[at]!);
  assert(Math.max(...pausesMs) <= 60_000, `${pausesMs}`);
  for (const { text } of bob.of("error")) assertMatch(text, /full.*; trying again in \d+ s$/);
  assertEquals(bob.sessions, ["down"]);
  assert(outcome?.kind === "fatal");
  assertEquals([outcome.code, EXIT_STATUS_BY_CODE[outcome.code]], ["full", 4]);
  assertMatch(outcome.text, /full for 10 minutes/);
});

Deno.test("DirectoryClientHost: whoever waits for a full directory comes in when somebody leaves", async () => {
  const world = new DirectoryWorld();
  world.serve({ clientsMax: 1 });
  const ann = world.start("ann");
  await world.pass(500);
  const bob = world.start("bob", { entry: guest("bob") });
  await world.pass(590_000);
  ann.do({ command: "quit" });
  await world.pass(61_000);

  assertEquals([bob.sessions, await ended(bob)], [["down", "up"], null]);
  const told = bob.of("error").length;
  assert(told >= 10, `told ${told} times`);
});

Deno.test("DirectoryClientHost: as many calls and broadcasts in a row as are taken are no flood", async () => {
  const world = new DirectoryWorld();
  world.serve();
  const ann = world.start("ann");
  world.start("bob");
  await world.pass(500);
  for (let n = 0; n < BROADCASTS_MAX; n++) ann.do({ command: "broadcast", text: `text ${n}` });
  for (let n = 0; n < CALLS_BURST; n++) {
    ann.do({ command: "call", name: "ann" });
    ann.do({ command: "hang-up" });
  }
  await world.pass(5_000);

  assertEquals([ann.sessions, ann.errors], [["up"], []]);
  assertEquals(ann.of("broadcast-sent").length, BROADCASTS_MAX);
});

Deno.test("DirectoryClientHost: a disk that is full once more is told to the operator once more", async () => {
  const world = new DirectoryWorld();
  const { events } = world.serve();
  const ann = world.start("ann");
  await world.pass(500);
  const errors = () => events.filter(({ event }) => event === "error").length;
  const told: number[] = [];
  for (let outage = 0; outage < 2; outage++) {
    world.store.refuses = true;
    for (let n = 0; n < 3; n++) {
      ann.do({ command: "broadcast", text: `text ${n}` });
      await world.pass(200);
    }
    told.push(errors());
    world.store.refuses = false;
    await world.pass(60_000);
  }

  assertEquals(told, [1, 2]);
});
