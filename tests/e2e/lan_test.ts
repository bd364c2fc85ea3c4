/** Rooms that are announced on one network: hosts on a bridge, and one more that listens, or lies. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { announcingMessage } from "../../lib/transport/discovery/dns_messages.ts";
import { CHANNEL_VERSION } from "../../lib/protocols/noise/preface.ts";
import { BridgedHosts } from "./bridged_hosts.ts";
import { canMakeHomes } from "./homes.ts";
import { canMakeHosts } from "./hosts.ts";
import { BUSY_MS, holds, Node, type NodeOptions, Nodes, PROGRAM, type ShownEvent } from "./node.ts";
import { residentBytes } from "./proc.ts";
import { hasScript, openTerminal } from "./pty.ts";
import { SLOW } from "../given.ts";
import { TemporaryFolder } from "../temporary_folder.ts";

const is = (event: string) => (shown: ShownEvent) => shown.event === event;
const joined = (name: string) => (event: ShownEvent) =>
  event.event === "joined" && event.name === name;
const ready = is("ready");
const heard = is("heard");
const MIB = 1_024 * 1_024;

/** Hosts on one network, the programs on them, and an ear at a host of its own. */
class World implements AsyncDisposable {
  readonly #owned = new AsyncDisposableStack();
  readonly nodes = new Nodes();
  ear!: Node;

  private constructor(readonly hosts: BridgedHosts) {
    this.#owned.use(hosts);
    this.#owned.use(this.nodes);
  }

  static async open(...names: readonly string[]): Promise<World> {
    const world = new World(await BridgedHosts.open(...names, "ear"));
    const within = world.hosts.within("ear");
    world.ear = world.nodes.add(Node.start([], { within, module: "lan_ear.ts" }));
    await world.ear.until(ready);
    return world;
  }

  start(name: string, args: readonly string[], options: NodeOptions = {}): Node {
    const within = this.hosts.within(name);
    return this.nodes.add(Node.start(["mesh", name, ...args], { within, ...options }));
  }

  async ready(name: string, args: readonly string[], options: NodeOptions = {}): Promise<Node> {
    const node = this.start(name, args, options);
    await node.until(ready);
    return node;
  }

  /** Answers of `p2pchat rooms` on this host. */
  async rooms(name: string, forMs = "1500ms"): Promise<readonly ShownEvent[]> {
    const within = this.hosts.within(name);
    await using node = Node.start(["rooms", "--for", forMs], { within });
    assertEquals((await node.ended()).code, 0);
    return node.events;
  }

  /** Messages of multicast DNS that this host has sent, and which aren't questions. */
  announced(name: string): readonly ShownEvent[] {
    const from = this.hosts.address(name);
    return this.ear.events.filter((event) =>
      heard(event) && event.from === from && (parseInt(event.hex.slice(4, 6), 16) & 0x80) !== 0
    );
  }

  /** The ear says what a liar would: the room is at its own address. */
  async lie(room: string, more: readonly string[] = [], times = 1): Promise<void> {
    const service = {
      instance: "instance",
      port: 1,
      texts: [`v=${CHANNEL_VERSION}`, `room=${room}`, ...more],
    };
    await this.say(announcingMessage(service, this.hosts.address("ear")), times);
  }

  async say(bytes: Uint8Array, times = 1): Promise<void> {
    const from = this.ear.events.length;
    await this.ear.type(JSON.stringify({ send: bytes.toHex(), times }));
    await this.ear.until(is("sent"), undefined, from);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

function test(name: string, fn: () => Promise<void>, ignore = false): void {
  Deno.test({ name: `lan: ${name}`, ignore: ignore || !canMakeHosts(), fn });
}

const slow = {
  test(name: string, fn: () => Promise<void>, ignore = false): void {
    test(name, fn, ignore || SLOW.ignore);
  },
};

test("three that start at once are in one room within 3 s; no name, and no word, goes over the network", async () => {
  await using world = await World.open("Zoraida", "Ottokar", "Wilfried");
  const names = ["Zoraida", "Ottokar", "Wilfried"] as const;
  const beganMs = Date.now();
  const all = names.map((name) => world.start(name, ["--lan", "--title", "Stand-up"]));
  const others = (own: string) => names.filter((name) => name !== own);
  await Promise.all(
    all.flatMap((node, at) => others(names[at]!).map((name) => node.until(joined(name)))),
  );
  const readies = await Promise.all(all.map((node) => node.until(ready)));

  assertEquals(new Set(readies.map(({ room }) => room)).size, 1);
  assertEquals(all.map(({ events }) => events.filter(ready).length), [1, 1, 1]);
  const tookMs = readies.map(({ at }) => Date.parse(at) - beganMs);
  assert(tookMs.every((ms) => ms < 3_000 + BUSY_MS), `${tookMs} ms`);
  // Founders give up empty rooms: no trace of them is left.
  for (const [at, node] of all.entries()) {
    const folder = `${node.data}/users/${names[at]}/mesh`;
    await holds(`one room is left at ${names[at]}`, () => {
      const kept = Array.from(Deno.readDirSync(folder)).filter(({ isDirectory }) => isDirectory);
      return kept.length === 1 && kept[0]!.name === readies[0]!.room;
    });
  }
  await all[0]!.say("Parmesan at noon");
  await all[2]!.until((event) => event.text === "Parmesan at noon");
  const ended = await Promise.all(all.map((node) => node.quit()));
  for (const { code } of ended) assertEquals(code, 0);

  for (const name of names) {
    // PTR, IN, 0 s
    const isGoodbye = () => /000c000100000000/.test(world.announced(name).at(-1)?.hex ?? "");
    await holds(`the last of ${name} is a goodbye`, isGoodbye);
    const texts = world.announced(name).map(({ text }) => text);
    assert(texts.length > 0, `${name} announces`);
    assert(texts.some((text) => text.includes("title=Stand-up")), texts.join("\n"));
  }
  const everything = world.ear.events.filter(heard).map(({ text }) => text).join().toLowerCase();
  for (const secret of [...names, "Parmesan", Deno.hostname()]) {
    assert(!everything.includes(secret.toLowerCase()), `${secret} was announced`);
  }
});

test("who comes later joins; rooms lists it, and forgets it when all have left", async () => {
  await using world = await World.open("ann", "bob");
  const ann = await world.ready("ann", ["--lan", "--title", "Größe"]);
  const [room] = ann.events.filter(ready).map((event) => event.room);
  const bob = await world.ready("bob", ["--lan"]);
  await ann.until(joined("bob"));
  const [{ rooms }] = (await world.rooms("bob")).filter(is("rooms")) as [ShownEvent];

  assertEquals(bob.events.find(ready)!.room, room);
  assertEquals(rooms.length, 1);
  const { host, port, ...told } = rooms[0];
  assertEquals(told, { title: "Größe", room, private: false });
  assert(["ann", "bob"].some((name) => world.hosts.address(name) === host) && port === 55_107);
  // He has its title from there, and goes on announcing it.
  await ann.quit();
  const [{ rooms: left }] = (await world.rooms("ann")).filter(is("rooms")) as [ShownEvent];
  assertEquals(left.map((each: ShownEvent) => [each.title, each.host]), [
    ["Größe", world.hosts.address("bob")],
  ]);
  await bob.quit();
  const events = await world.rooms("ann");
  assertEquals(events.find(is("rooms"))!.rooms, []);
  assertMatch(events.find(is("notice"))!.text, /^No room is announced on this network/);
});

test("of several rooms a script gets the list, a terminal is asked; --new founds another", async () => {
  await using world = await World.open("ann", "bob", "cem");
  const ann = await world.ready("ann", ["--new", "--lan", "--title", "Tea"]);
  const bob = await world.ready("bob", ["--new", "--lan", "--title", "Coffee"]);
  const cem = world.start("cem", ["--lan"]);
  const { code, last } = await cem.ended();

  assertEquals([code, last?.event, last?.code], [2, "fatal", "usage"]);
  for (const [name, title] of [["ann", "Tea"], ["bob", "Coffee"]] as const) {
    assert(last!.text.includes(`"${title}" at ${world.hosts.address(name)}:55107`), last!.text);
  }
  assertEquals(cem.events.find(is("rooms"))!.rooms.length, 2);
  assert(ann.events.find(ready)!.room !== bob.events.find(ready)!.room);
  if (!hasScript()) return;
  await using temporary = new TemporaryFolder({ prefix: "p2pchat-lan-" });
  const home = temporary.path;
  await using terminal = await openTerminal({
    command: [...world.hosts.within("cem"), PROGRAM, "mesh", "cem", "--lan"],
    env: { P2PCHAT_HOME: home },
  });
  await terminal.until("the question", ({ text }) => text.includes("Which one (1 to 2"));
  const { text } = terminal.screen;
  assertMatch(text, /^1\).*Coffee$/m);
  assertMatch(text, /^2\).*Tea$/m);
  await terminal.press("7\r");
  // What is entered before the room is there waits for it.
  await terminal.press("tea\rhello\r");
  await ann.until((event) => event.event === "message" && event.text === "hello");
  await terminal.until("its title", (screen) => screen.text.includes('You joined the room "Tea".'));
  await terminal.press(":q\r");
  assertEquals(await terminal.ended(), 0);
});

slow.test("a private room is found by its tag at new addresses, and says to others only that it is there", async () => {
  await using world = await World.open("ann", "bob", "cem");
  const ann = await world.ready("ann", ["--private", "--lan", "--title", "Ours"]);
  const { invite } = await ann.ask("invite");
  const bob = await world.ready("bob", ["--invite", invite, "--lan"]);
  await ann.until(joined("bob"));
  const { room } = ann.events.find(ready)!;
  const rooms = (await world.rooms("cem")).find(is("rooms"))!.rooms as readonly Readonly<
    Record<string, unknown>
  >[];
  assertEquals(rooms.map(({ host: _, ...rest }) => rest), [{ port: 55_107, private: true }]);
  for (const node of [ann, bob]) await node.quit();
  const [annsData, bobsData] = [ann, bob].map(({ data }) => data);
  await world.hosts.move("ann", 101);
  await world.hosts.move("bob", 102);

  const back = await world.ready("ann", ["--lan"], { data: annsData! });
  const also = await world.ready("bob", ["--private", "--lan"], { data: bobsData! });
  await Promise.all([back.until(joined("bob")), also.until(joined("ann"))]);
  assertEquals([back, also].map(({ events }) => events.find(ready)!.room), [room, room]);

  // An invite without an address leads there, too; without one nobody comes in.
  const cem = world.start("cem", ["--lan"]);
  await cem.until(ready);
  assert(cem.events.find(ready)!.room !== room);
  const said = world.ear.events.filter(heard).map(({ text }) => text).join();
  assert(said.includes("tag=") && !said.includes(room) && !said.includes("Ours"));
});

slow.test("two that go back to their room, each alone, meet in it at new addresses", async () => {
  await using world = await World.open("ann", "bob");
  const ann = await world.ready("ann", ["--lan"]);
  const bob = await world.ready("bob", ["--lan"]);
  await ann.until(joined("bob"));
  const { room } = ann.events.find(ready)!;
  for (const node of [ann, bob]) await node.kill();
  await world.hosts.move("ann", 101);
  await world.hosts.move("bob", 102);

  const again = [
    world.start("ann", ["--lan"], { data: ann.data }),
    world.start("bob", ["--lan"], { data: bob.data }),
  ] as const;
  await Promise.all([again[0].until(joined("bob")), again[1].until(joined("ann"))]);

  assertEquals(again.map(({ events }) => events.find(ready)!.room), [room, room]);
});

slow.test("who is alone when its machine gets another address is told, and invites to that one", async () => {
  await using world = await World.open("ann");
  const ann = await world.ready("ann", ["--lan", "--new"]);
  const before = world.hosts.address("ann");
  const inviting = (await ann.ask("invite")).line;
  assertEquals(inviting, `p2pchat mesh NAME ${before} 55107`);
  await world.hosts.move("ann", 101);
  const { text } = await ann.until((event) =>
    event.event === "notice" && /it was/.test(event.text)
  );

  const after = before.replace(/\d+$/, "101");
  assertEquals(text, `This machine's address is now ${after} (it was ${before})`);
  assertEquals((await ann.ask("invite")).line, inviting.replace(before, after));
});

test("who founds without --lan is told of announced rooms, once, and announces nothing", async () => {
  await using world = await World.open("ann", "bob");
  await world.ready("ann", ["--lan", "--title", "Tea"]);
  const bob = await world.ready("bob", []);
  const notice = await bob.until((event) => event.event === "notice" && /Tea/.test(event.text));

  assertEquals(
    notice.text,
    `A room is announced on this network: "Tea" at ${world.hosts.address("ann")}:55107; ` +
      `p2pchat mesh bob ${world.hosts.address("ann")} 55107 --data ${bob.data} joins it`,
  );
  assertEquals(bob.events.filter(({ text }) => /announced/.test(text ?? "")).length, 1);
  assertEquals(world.announced("bob"), []);
  assertEquals((await bob.quit()).code, 0);
  assertEquals(world.announced("bob"), []);
});

slow.test("a flood of made-up rooms, questions and garbage disturbs nobody, and memory stays bounded", async () => {
  await using world = await World.open("ann", "bob");
  const ann = await world.ready("ann", ["--lan"]);
  const bob = await world.ready("bob", ["--lan"]);
  await ann.until(joined("bob"));
  const shown = ann.events.length;
  const garbage = crypto.getRandomValues(new Uint8Array(600));
  const claims = Uint8Array.fromHex("0000840000ff00ff00ff00ff085f70327063686174");
  const flood = async () => {
    await world.lie("00".repeat(32), ["title=come here"], 500);
    await world.lie(ann.events.find(ready)!.room, [], 250);
    await world.say(garbage, 125);
    await world.say(claims, 125);
  };
  // The runtime takes memory as it needs it, and keeps it.
  for (let round = 0; round < 5; round++) await flood();
  const before = await residentBytes(ann.pid);
  for (let round = 0; round < 10; round++) await flood();
  await bob.say("still here");
  await ann.until((event) => event.text === "still here");
  const after = await residentBytes(ann.pid);

  assertEquals(ann.events.slice(shown).filter(({ event }) => event !== "message"), []);
  assert(after - before < 64 * MIB, `${Math.round((after - before) / MIB)} MiB more`);
});

test("a liar that announces a room where there is none costs a moment, and nobody their room", async () => {
  await using world = await World.open("ann");
  let isOver = false;
  const lying = (async () => {
    while (!isOver) {
      await world.lie("00".repeat(32), ["title=come here"]);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  try {
    const ann = await world.ready("ann", ["--lan"]);
    await ann.say("hello");
    await ann.until((event) => event.event === "message" && event.self);
    assertEquals(ann.events.filter(ready).length, 1);
    assert(ann.events.find(ready)!.room !== "00".repeat(32));
    assertEquals((await ann.quit()).code, 0);
  } finally {
    isOver = true;
    await lying;
  }
});

test("why nothing is heard is said: separated clients, no network", async () => {
  await using world = await World.open("ann", "bob");
  await world.hosts.separate();
  await world.hosts.unplug("bob");
  const [ann, bob] = [world.start("ann", ["--lan"]), world.start("bob", ["--lan"])];
  const why = (node: Node) =>
    node.until((event) => event.event === "notice" && /No room|You are the first/.test(event.text));

  assertMatch((await why(ann)).text, /the access point may separate its clients/);
  assertMatch((await why(bob)).text, /this machine has no network that leads to others/);
});

test("an interface that is down is no firewall, and --new tells of that, too", async () => {
  await using world = await World.open("ann", "bob", "cem");
  await world.hosts.down("ann");
  await world.hosts.deafen("cem");
  const why = async (name: string, args: readonly string[]) =>
    (await world.start(name, args).until((event) =>
      event.event === "notice" && /No room can be heard/.test(event.text)
    )).text;

  const texts = await Promise.all([
    why("ann", ["--lan"]),
    why("ann", ["--lan", "--new", "--port", "0"]),
    why("cem", ["--lan", "--new"]),
  ]);
  assertMatch(texts[0], /this machine has no network that leads to others/);
  assertEquals(texts[1], texts[0]);
  assertMatch(texts[2], /a firewall on this machine drops what comes/);
}, !canMakeHomes());

slow.test(
  "--title chooses a room, and renames none; a room of no use is said to be there",
  async () => {
    await using world = await World.open("ann", "bob", "cem", "dee");
    const ann = await world.ready("ann", ["--lan", "--new", "--title", "Tea"]);
    const bob = await world.ready("bob", ["--lan", "--new", "--title", "Dinner"]);
    const [tea, dinner] = [ann, bob].map(({ events }) => events.find(ready)!.room);
    const cem = await world.ready("cem", ["--lan", "--title", "dinner"]);
    assertEquals(cem.events.find(ready)!.room, dinner);
    await bob.quit();
    const listed = async () =>
      (await world.rooms("dee")).find(is("rooms"))!.rooms.map((each: ShownEvent) => each.title);
    assertEquals(await listed(), ["Dinner", "Tea"]);
    await cem.quit();

    // The only one: a script joins it, and its title stays.
    const dee = await world.ready("dee", ["--lan", "--title", "Lunch"]);
    assertEquals(dee.events.find(ready)!.room, tea);
    await ann.quit();
    assertEquals(await listed(), ["Tea"]);
    await dee.ask("rooms").then(({ rooms }) =>
      assertEquals(rooms.map((each: ShownEvent) => each.title), ["Tea"])
    );

    await world.hosts.refuse("dee");
    const eve = world.start("bob", ["--lan"]);
    const notice = await eve.until((event) =>
      event.event === "notice" && /is announced, but/.test(event.text)
    );
    assertMatch(
      notice.text,
      /^The room "Tea" at 10\.78\.0\.4:55107 is announced, but can't be reached \(.*\): perhaps a firewall there$/,
    );
    assert(![tea, dinner].includes(eve.events.find(ready)!.room));
    assert(!eve.events.some(({ text }) => /No room is announced/.test(text ?? "")));
  },
  !canMakeHomes(),
);

test("words alone lead into a private room; a code that nobody announces is unreachable", async () => {
  await using world = await World.open("ann", "bob");
  const ann = await world.ready("ann", ["--private", "--lan"]);
  await ann.type("/invite --words");
  const { words } = await ann.until(is("words"));
  const bob = await world.ready("bob", ["--words", words]);
  await ann.until(joined("bob"));
  assertEquals(bob.events.find(ready)!.room, ann.events.find(ready)!.room);

  // It is used up, and announced for a while, so that whoever comes late is told so.
  const late = async (words: string) => {
    const { code, last } = await world.start("bob", ["--words", words], { args: ["--port", "0"] })
      .ended();
    return [code, last?.event, last?.code];
  };
  assertEquals(await late(words), [4, "fatal", "bad-credentials"]);
  const other = (Number(words.split("-")[0]) % 99) + 1;
  assertEquals(await late(`${other}-cross-clock`), [3, "fatal", "unreachable"]);
  const said = world.ear.events.filter(heard).map(({ text }) => text).join();
  assert(said.includes(`words=${words.split("-")[0]}`) && !said.includes(words.slice(-5)));
});

test("a network behind those of containers, that comes after the start and is made anew, is heard and announced at within 5 s", async () => {
  await using world = await World.open("ann", "bob");
  await world.hosts.unplug("ann");
  await world.hosts.addContainers("ann", 22);
  await world.ready("bob", ["--lan", "--new"]);
  const ann = await world.ready("ann", ["--lan", "--new"]);
  const connected = async () => {
    const [before, beganMs] = [world.announced("ann").length, Date.now()];
    await world.hosts.plug("ann");
    await holds("ann is announced", () => world.announced("ann").length > before);
    const tookMs = Date.now() - beganMs;
    assert(tookMs < 5_000 + BUSY_MS, `${tookMs} ms`);
  };
  await connected();
  await ann.until(({ text }) => /^Another room is announced/.test(text));
  await world.hosts.unplug("ann");
  await connected();

  assertEquals((await world.rooms("bob")).find(is("rooms"))!.rooms.length, 2);
});

test("of IPv6 addresses alone the stable one is told to others, none that is deprecated or temporary", async () => {
  await using world = await World.open("ann");
  const [command, ...args] = world.hosts.within("ann");
  const script = "ip address flush dev out scope global; " +
    "echo 2 > /proc/sys/net/ipv6/conf/out/use_tempaddr; " +
    "ip address add fd00::7:2/64 dev out mngtmpaddr nodad; " +
    "ip address add fd00:1::3/64 dev out preferred_lft 0 nodad; ip -6 route add default via fd00::9; " +
    "until ip address show dev out temporary -tentative | grep -q inet6; do sleep 0.1; done";
  await new Deno.Command(command!, { args: [...args, "sh", "-c", script] }).output();

  assertEquals((await world.ready("ann", [])).events.find(ready)?.host, "fd00::7:2");
});
