import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Fingerprint, fingerprintOf } from "../../../lib/base/text/fingerprint.ts";
import type { LinkId, PeerKey } from "../../../lib/base/ids.ts";
import { foldName } from "../../../lib/base/text/names.ts";
import type { FriendsEvent } from "../../../lib/protocols/friends/events.ts";
import type { FriendRow, FriendsConfig } from "../../../lib/protocols/friends/friends_io.ts";
import type { FriendsRecord } from "../../../lib/protocols/friends/records.ts";
import type { ModeOutcome } from "../../../lib/base/machine/mode_machine.ts";
import { FriendsHost } from "../../../lib/runtime/hosts/friends_host.ts";
import { HostWorld, MemoryStore, signerOf } from "../host_world.ts";

class Store extends MemoryStore<FriendsRecord> {
  kinds(): readonly string[] {
    return this.records.map(({ kind }) => kind);
  }
}

interface Program {
  readonly host: FriendsHost;
  readonly events: readonly FriendsEvent[];
  readonly logged: readonly string[];
  readonly pins: readonly (readonly [name: string, key: PeerKey, again: boolean])[];
  readonly paused: readonly (string | null)[];
  readonly outcome: Promise<ModeOutcome>;
}

/** What the output and the disk do. */
interface Output {
  /** Resolves when all that was shown is before the user's eyes. */
  readonly written?: () => Promise<void>;
  readonly ready?: () => Promise<void> | null;
  /** Resolves when a key is remembered. */
  readonly pinned?: Promise<void>;
  /** Resolves when what the user found by comparing digits is remembered. */
  readonly answerKept?: Promise<void>;
}

const PORT = 5_001;
/** Profiles by name; each one's program listens at the host of that number. */
const SEEDS = { ann: 1, bob: 2, cem: 3 } as const;
type Name = keyof typeof SEEDS;

function fingerprint(name: Name): Fingerprint {
  return fingerprintOf(signerOf(SEEDS[name]).key);
}

function rowOf(name: Name, known = true): FriendRow {
  const endpoint = { host: `127.0.0.${SEEDS[name]}`, port: PORT };
  return { name, endpoint, fingerprint: known ? fingerprint(name) : null };
}

class World extends HostWorld {
  readonly #lives = new Map<Name, number>();

  start(
    name: Name,
    store: Store,
    config: Partial<FriendsConfig> = {},
    output: Output = {},
  ): Program {
    const { address, signer, environment, logged, open } = this.place(
      SEEDS[name],
      PORT,
      this.#hostOf(name),
    );
    const { clock } = this.network;
    const events: FriendsEvent[] = [];
    const pins: [string, PeerKey, boolean][] = [];
    const paused: (string | null)[] = [];
    const late: { host: FriendsHost | null } = { host: null };
    const access = { mode: "friends", room: null, secrets: null, admit: () => null } as const;
    const links = open(access, () => late.host);
    const others = (["ann", "bob", "cem"] as const).filter((other) => other !== name);
    const host = new FriendsHost({
      name,
      listening: address,
      users: "users.txt",
      friends: others.map((other) => rowOf(other)),
      pins: new Map(),
      idleMs: 60_000,
      queue: true,
      ...config,
    }, {
      clock,
      environment,
      signer,
      links,
      store,
      show: (event) => events.push(event),
      pauseInput: (reason) => paused.push(reason),
      pin: ({ name, key, again }) => {
        pins.push([name, key, again]);
        return output.pinned ?? Promise.resolve();
      },
      flushed: () => Promise.resolve(),
      written: output.written ?? (() => Promise.resolve()),
      keepAnswer: () => output.answerKept ?? Promise.resolve(),
      outputReady: output.ready ?? (() => null),
    });
    late.host = host;
    return { host, events, logged, pins, paused, outcome: host.run() };
  }

  /**
   * For the others it is dead: nothing of it arrives any more, and what it goes on writing is another disk's.
   * @returns What is on its disk.
   */
  kill(name: Name, store: Store): Store {
    const dead = this.#hostOf(name);
    for (let host = 1; host < 100; host++) this.cut(dead, `127.0.0.${host}`);
    this.#lives.set(name, (this.#lives.get(name) ?? 0) + 1);
    const disk = new Store();
    disk.records = [...store.records];
    return disk;
  }

  /** Each life of a program has a host of its own. */
  #hostOf(name: Name): string {
    return `127.0.0.${SEEDS[name] + 10 * (this.#lives.get(name) ?? 0)}`;
  }
}

function say({ host }: Program, name: string, text: string, ref?: string): void {
  host.command({ command: "msg", name, text }, ref);
}

const texts = ({ events }: Program) =>
  events.flatMap((event) => event.event === "message" ? [event.text] : []);
const deliveries = ({ events }: Program) =>
  events.flatMap((event) => event.event === "delivery" ? [event.state] : []);
const told = ({ events }: Program) =>
  events.flatMap((event) =>
    event.event === "notice" || event.event === "error" ? [event.text] : []
  );

/** Ann's program and Bob's, each of which has said nothing yet. */
async function annAndBob(config: Partial<FriendsConfig> = {}, output: Output = {}) {
  const world = new World();
  const stores = { ann: new Store(), bob: new Store() };
  const ann = world.start("ann", stores.ann, config);
  const bob = world.start("bob", stores.bob, config, output);
  await world.pass(50);
  return { world, ann, bob, stores };
}

Deno.test("FriendsHost: two programs talk over a sealed link, with everything on disk, and part", async () => {
  const { world, ann, bob, stores } = await annAndBob();

  say(ann, "bob", "hello");
  await world.pass(100);
  say(bob, "ann", "hi");
  await world.pass(100);
  bob.host.command({ command: "quit" }, "q");
  await world.pass(100);

  assertEquals([texts(ann), texts(bob)], [["hi"], ["hello"]]);
  assertEquals([deliveries(ann), deliveries(bob)], [["queued", "delivered"], [
    "queued",
    "delivered",
  ]]);
  assertEquals(await bob.outcome, { kind: "bye", reason: "quit", ref: "q" });
  assertEquals(stores.ann.kinds(), [
    "queued",
    "released",
    "delivered",
    "received",
    "shown",
  ]);
  assertEquals(
    ann.events.flatMap((event) => event.event === "connection" ? [event.state] : []),
    ["opened", "closed"],
  );
});

/** Ann has said hello to Bob, whose key the table doesn't name; the disk has a key of his once `pinned` resolves. */
async function saysHelloToNewFriend(config: Partial<FriendsConfig> = {}) {
  const world = new World();
  const pinned = Promise.withResolvers<void>();
  const friends = [rowOf("bob", false)];
  const ann = world.start("ann", new Store(), { friends, ...config }, { pinned: pinned.promise });
  const bob = world.start("bob", new Store());
  await world.pass(50);
  say(ann, "bob", "hello");
  return { world, pinned, ann, bob };
}

Deno.test("FriendsHost: nothing is said to a friend before the friend's key is on disk", async () => {
  const { world, pinned, ann, bob } = await saysHelloToNewFriend();
  await world.pass(100);
  const before = [ann.pins.length, texts(bob).length, deliveries(ann).length];
  pinned.resolve();
  await world.pass(100);

  assertEquals(before, [1, 0, 1]);
  assertEquals(texts(bob), ["hello"]);
  assertEquals(deliveries(ann), ["queued", "delivered"]);
});

Deno.test("FriendsHost: a disk that takes long for a friend's key holds nobody up for longer than half a second", async () => {
  const { world, pinned, bob } = await saysHelloToNewFriend();
  await world.pass(700);

  assertEquals(texts(bob), ["hello"]);
  pinned.resolve();
});

Deno.test("FriendsHost: /trust is answered when it is on disk, however long that takes", async () => {
  const pins = new Map([[foldName("bob"), fingerprint("cem")]]);
  const { world, pinned, ann, bob } = await saysHelloToNewFriend({ pins });
  await world.pass(100);
  const accepted = () =>
    ann.events.filter((event) => event.event === "notice" && /from now on$/.test(event.text))
      .length;
  ann.host.command({ command: "trust", name: "bob" }, "t");
  await world.pass(10_000);
  const meanwhile = [accepted(), texts(bob).length];
  pinned.resolve();
  await world.pass(5_000);

  assertEquals(ann.pins, [["bob", signerOf(SEEDS.bob).key, true]]);
  assertEquals(meanwhile, [0, 0]);
  assertEquals(accepted(), 1);
  assertEquals(texts(bob), ["hello"]);
});

Deno.test("FriendsHost: what was found by comparing digits is shown when it is on disk", async () => {
  const world = new World();
  const { promise: answerKept, resolve } = Promise.withResolvers<void>();
  const ann = world.start("ann", new Store(), {}, { answerKept });
  world.start("bob", new Store());
  say(ann, "bob", "hello");
  await world.pass(100);
  const answers = () => ann.events.map((event) => event.event === "verify" ? event.answer : null);

  ann.host.command({ command: "verify", name: "bob" }, undefined);
  ann.host.command({ command: "verify", name: "bob", answer: "yes" }, undefined);
  await world.pass(1_000);
  const [digits, meanwhile] = [answers().includes(undefined), answers().includes("yes")];
  resolve();
  await world.pass(100);

  assertEquals([digits, meanwhile, answers().includes("yes")], [true, false, true]);
});

Deno.test("FriendsHost: a key is learnt by dialling, and remembered; another one there is refused", async () => {
  const world = new World();
  const ann = world.start("ann", new Store(), { friends: [rowOf("bob", false)] });
  world.start("bob", new Store());
  await world.pass(50);
  say(ann, "bob", "hello");
  await world.pass(100);
  assertEquals(ann.pins, [["bob", signerOf(SEEDS.bob).key, false]]);

  const wrong = { ...rowOf("bob"), fingerprint: fingerprint("cem") };
  const later = new World();
  const stern = later.start("ann", new Store(), { friends: [wrong] });
  const bob = later.start("bob", new Store());
  say(stern, "bob", "hello");
  await later.pass(100);

  assertEquals(stern.events.some((event) => event.event === "error"), true);
  assertStringIncludes(told(stern)[0]!, fingerprint("bob"));
  assertEquals([texts(bob), deliveries(stern)], [[], ["queued"]]);
});

Deno.test("FriendsHost: a status tells what is wrong around it, as long as it is", () => {
  const world = new World();
  const ann = world.start("ann", new Store());
  const problems = () => {
    ann.host.command({ command: "status" }, undefined);
    const status = ann.events.at(-1);
    return status?.event === "status" && status.problems;
  };

  ann.host.trouble("table", "the table is broken");
  ann.host.trouble("port", "the port is taken");
  ann.host.trouble("table", "the table is gone");
  const both = problems();
  ann.host.trouble("table", null);
  const one = problems();
  ann.host.trouble("port", null);

  assertEquals(both, ["the table is gone", "the port is taken"]);
  assertEquals([one, problems()], [["the port is taken"], []]);
});

Deno.test("FriendsHost: a status tells the round trip to who is linked, and to nobody else", async () => {
  const { world, ann } = await annAndBob();
  say(ann, "bob", "hello");
  await world.pass(3_000);

  ann.host.command({ command: "status" }, undefined);
  await world.pass(20);

  const status = ann.events.at(-1);
  const roundTrips = status?.event === "status" &&
    status.friends.map(({ roundTripMs }) => roundTripMs);
  assertEquals(roundTrips, [10, null]);
});

Deno.test("FriendsHost: a program that was killed sends what waits when it is back, once", async () => {
  const { world, ann, bob, stores } = await annAndBob();
  world.cut("127.0.0.1", "127.0.0.2");
  say(ann, "bob", "kept");
  await world.pass(100);

  const again = world.start("ann", world.kill("ann", stores.ann));
  await world.pass(5_000);

  assertEquals([texts(bob), deliveries(ann), deliveries(again)], [["kept"], ["queued"], [
    "delivered",
  ]]);
});

Deno.test("FriendsHost: what was stored and not seen is shown at the next start, as history", async () => {
  const never = new Promise<void>(() => {});
  const { world, ann, bob, stores } = await annAndBob({}, { written: () => never });
  say(ann, "bob", "hello");
  await world.pass(100);
  assertEquals([deliveries(ann), stores.bob.kinds().includes("shown")], [
    ["queued", "delivered"],
    false,
  ]);

  const disk = world.kill("bob", stores.bob);
  const again = world.start("bob", disk);
  await world.pass(100);

  const [message] = again.events.filter((event) => event.event === "message");
  assert(message?.event === "message" && message.history);
  assertEquals([texts(bob), texts(again)], [["hello"], ["hello"]]);
  assertEquals(disk.kinds().includes("shown"), true);
});

Deno.test("FriendsHost: what wasn't seen is shown at the next start, although the log was written anew meanwhile", async () => {
  const never = new Promise<void>(() => {});
  for (const reason of ["refused", "grown"]) {
    const { world, ann, bob, stores } = await annAndBob({}, { written: () => never });
    say(ann, "bob", "hello");
    await world.pass(100);
    if (reason === "refused") {
      stores.bob.refuses = true;
      say(bob, "ann", "lost");
      await world.pass(100);
      stores.bob.refuses = false;
    } else stores.bob.extraBytes = 64 * 1_024 * 1_024;
    say(bob, "ann", "kept");
    await world.pass(200);
    assertEquals([stores.bob.rewrites, texts(ann)], [1, ["kept"]]);

    const again = world.start("bob", world.kill("bob", stores.bob));
    await world.pass(100);

    assertEquals([texts(bob), texts(again)], [["hello"], ["hello"]], reason);
  }
});

Deno.test("FriendsHost: a line that the disk refuses isn't sent, and the next one is", async () => {
  const { world, ann, bob, stores } = await annAndBob();
  stores.ann.refuses = true;
  say(ann, "bob", "lost", "r1");
  await world.pass(100);
  stores.ann.refuses = false;
  say(ann, "bob", "kept");
  await world.pass(2_000);

  assertEquals([texts(bob), deliveries(ann)], [["kept"], ["queued", "delivered"]]);
  assertEquals(ann.events.filter((event) => event.event === "error"), [{
    event: "error",
    code: "disk",
    text: "Your message to bob wasn't sent: Cannot write: it is full",
    friend: "bob",
    unsent: true,
  }]);
  assertEquals(stores.ann.rewrites, 1);
});

Deno.test("FriendsHost: what the receiver's disk refuses is sent again, and shown once, when it writes", async () => {
  const { world, ann, bob, stores } = await annAndBob();
  stores.bob.refuses = true;
  say(ann, "bob", "hello");
  await world.pass(5_000);
  assertEquals([texts(bob), deliveries(ann)], [[], ["queued"]]);
  assertEquals(told(bob).length, 1, told(bob).join("\n"));

  stores.bob.refuses = false;
  await world.pass(40_000);

  assertEquals([texts(bob), deliveries(ann)], [["hello"], ["queued", "delivered"]]);
  assertEquals(
    told(bob).at(-1),
    "Writing to the disk works again: messages that friends keep for you come now",
  );
  assertEquals(stores.bob.kinds().filter((kind) => kind === "received").length, 1);
});

Deno.test("FriendsHost: compaction keeps what waits and what is being said just then", async () => {
  const { world, ann, bob, stores } = await annAndBob();
  world.cut("127.0.0.1", "127.0.0.2");
  for (const text of ["one", "two", "three"]) {
    stores.ann.extraBytes = 64 * 1_024 * 1_024;
    say(ann, "bob", text);
    say(ann, "bob", `${text} more`);
    await world.pass(200);
  }
  assertEquals(stores.ann.rewrites, 3);

  world.start("ann", world.kill("ann", stores.ann));
  await world.pass(5_000);

  assertEquals(texts(bob), ["one", "one more", "two", "two more", "three", "three more"]);
});

Deno.test("FriendsHost: a link without traffic is closed, and opened by the next message", async () => {
  const { world, ann, bob } = await annAndBob({ idleMs: 1_000 });
  const states = () =>
    ann.events.flatMap((event) => event.event === "connection" ? [event.state] : []);
  say(ann, "bob", "one");
  await world.pass(3_000);
  assertEquals(states(), ["opened", "closed"]);

  say(ann, "bob", "two");
  await world.pass(200);

  assertEquals([texts(bob), states()], [["one", "two"], ["opened", "closed", "opened"]]);
});

Deno.test("FriendsHost: a link that is a day old is left, and the next message makes another", async () => {
  const { world, ann, bob } = await annAndBob({ idleMs: 48 * 3_600_000 });
  say(ann, "bob", "one");
  await world.pass(100);

  ann.host.aged(1 as LinkId);
  await world.pass(1_500);
  say(ann, "bob", "two");
  await world.pass(500);

  assertEquals(texts(bob), ["one", "two"]);
  const opened = ann.events.filter((event) => event.event === "connection");
  assertEquals(opened.length, 3);
});

Deno.test("FriendsHost: a friend who moved gets what waits at the new address", async () => {
  const world = new World();
  const elsewhere = { ...rowOf("bob"), endpoint: { host: "127.0.0.99", port: PORT } };
  const ann = world.start("ann", new Store(), { friends: [elsewhere] });
  const bob = world.start("bob", new Store());
  say(ann, "bob", "hello");
  await world.pass(1_000);
  assertEquals(texts(bob), []);

  ann.host.table([rowOf("bob")]);
  await world.pass(100);

  assertEquals(texts(bob), ["hello"]);
});

Deno.test("FriendsHost: takes nothing more from the network while nobody takes its output", async () => {
  const held = Promise.withResolvers<void>();
  let waiting = false;
  const ready = () => waiting ? held.promise : null;
  const { world, ann, bob } = await annAndBob({}, { ready });
  say(ann, "bob", "one");
  await world.pass(100);
  waiting = true;
  say(ann, "bob", "two");
  await world.pass(100);
  for (let n = 0; n < 100; n++) say(ann, "bob", "x".repeat(60_000));
  await world.pass(500);
  const shown = texts(bob).length;

  waiting = false;
  held.resolve();
  await world.pass(3_000);

  assert(shown < 20, `${shown} were shown while nobody took them`);
  assertEquals(texts(bob).length, 102);
});

Deno.test("FriendsHost: input pauses while much waits for one who is there", async () => {
  const { world, ann } = await annAndBob();
  for (let n = 0; n < 5_002; n++) say(ann, "bob", "short");
  await world.pass(2_000);

  assertEquals(ann.paused, ["waiting for bob", null]);
});

Deno.test("FriendsHost: garbage shuts out the key that sent it for a while, and no other", async () => {
  const { world, ann } = await annAndBob();
  const remote = { host: "203.0.113.9", port: 40_000 };
  const outcomes: string[] = [];
  const come = (link: number, key: string) => {
    const before = ann.logged.length;
    const peer = key.repeat(64) as PeerKey;
    const info = {
      peer,
      process: "1",
      remote,
      localHost: "",
      dialled: false,
      attempt: null,
      secret: null,
      roomNamed: false,
    };
    ann.host.linkUp(link as LinkId, info);
    outcomes.push(ann.logged.slice(before).find((text) => text.startsWith("link"))!);
  };

  come(1_001, "e");
  ann.host.frame(1_001 as LinkId, new Uint8Array(100).fill(0xff));
  ann.host.linkDown(1_001 as LinkId, { closed: true, reason: "garbage" });
  come(1_002, "e");
  come(1_003, "d");
  await world.pass(60_000);
  come(1_004, "e");

  assertEquals(outcomes, ["link up", "link refused", "link up", "link up"]);
});

Deno.test("FriendsHost: whoever proves a key and says nothing is let go of within 15 s", async () => {
  const { world, ann, bob } = await annAndBob();

  const end = await world.silentFor15s(rowOf("ann").endpoint, "friends");
  say(ann, "bob", "hello");
  await world.pass(1_000);

  assertEquals(end, { closed: true, reason: "no greeting within 10 s" });
  assert(ann.logged.includes("link down"));
  assertEquals(texts(bob), ["hello"]);
});

Deno.test("FriendsHost: a friend that sent garbage is dialled until it is let in again", async () => {
  const { world, ann, bob } = await annAndBob();
  say(ann, "bob", "one");
  await world.pass(1_000);

  ann.host.frame(1 as LinkId, new Uint8Array(100).fill(0xff));
  await world.pass(1_000);
  say(ann, "bob", "two");
  await world.pass(120_000);

  assertEquals(texts(bob), ["one", "two"]);
});

Deno.test("FriendsHost: the log has who and what happened, and never what was said", async () => {
  const fields: unknown[] = [];
  const { world, ann, bob } = await annAndBob();
  for (const { host } of [ann, bob]) {
    const { log } = host.ports.environment;
    for (const level of ["debug", "info", "warn"] as const) {
      log[level] = (message, more) => void fields.push(message, more);
    }
  }

  say(ann, "bob", "a secret");
  await world.pass(100);

  const text = JSON.stringify(fields);
  assertEquals(texts(bob), ["a secret"]);
  assertEquals([text.includes("link up"), text.includes("connection")], [true, true]);
  assertEquals(text.includes("secret"), false);
});
