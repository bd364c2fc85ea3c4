/** Rooms whose members lose each other, sleep and move, each on its own host. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseInvite } from "../../lib/protocols/mesh/schema/rotations.ts";
import { sleep } from "./directory_world.ts";
import { Hosts } from "./hosts.ts";
import { BUSY_MS, holds, Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { sideBySideOnHosts } from "./side_by_side.ts";

/** Each host has a network of its own, so that the ports may be the same. */
const PORT = 25_107;
/** A lost member is shown as lost within 5 s if its neighbours remain. */
const LOST_MS = 5_000 + BUSY_MS;
/** Each member dials a lost one every 22 to 37 s. */
const HEALED_MS = 60_000;

const isMessage = ({ event }: ShownEvent) => event === "message";
const joined = ({ event }: ShownEvent) => event === "joined";
const left = (name?: string) => (event: ShownEvent) =>
  event.event === "left" && (name === undefined || event.name === name);
const saying = (text: string) => (event: ShownEvent) => isMessage(event) && event.text === text;

interface World extends AsyncDisposable {
  readonly hosts: Hosts;
  /** Starts a member on this host, which joins through `contact`, or returns to its room. */
  start(host: string, contact: string | null, options?: NodeOptions): Promise<Node>;
  /** The member that was last started on this host. */
  on(host: string): Node;
  readonly room: readonly Node[];
}

interface Layout {
  /**
   * The hosts with a member, which has the host's name; the first one founds the room, through which the others
   * join.
   */
  readonly members: readonly string[];
  readonly others?: readonly string[];
  /** Called before any member starts. */
  readonly prepare?: (hosts: Hosts) => Promise<void>;
  /** By member: the member through which it joins, if it isn't the first one. */
  readonly through?: Readonly<Record<string, string>>;
  readonly args?: Readonly<Record<string, readonly string[]>>;
}

/** A room whose members all see each other. */
async function openRoom({ members, others = [], prepare, through, args }: Layout): Promise<World> {
  await using made = new AsyncDisposableStack();
  const hosts = made.use(await Hosts.open(...members, ...others));
  await prepare?.(hosts);
  const nodes = made.use(new Nodes());
  const running = new Map<string, Node>();
  const folders = new Map<string, string>();
  const start = async (host: string, contact: string | null, options: NodeOptions = {}) => {
    const data = folders.get(host) ?? Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });
    if (!folders.has(host)) nodes.defer(() => Deno.remove(data, { recursive: true }));
    folders.set(host, data);
    const name = host.replace(/\d$/, "");
    const address = contact === null ? [] : [hosts.address(contact), String(PORT)];
    const words = ["mesh", name, ...address, "--port", String(PORT)];
    const node = nodes.add(Node.start(words, { within: hosts.within(host), data, ...options }));
    running.set(host, node);
    await node.until(({ event }) => event === "ready");
    return node;
  };
  const [first] = members;
  for (const host of members) {
    const contact = through?.[host] ?? (host === first ? null : first!);
    await start(host, contact, { args: args?.[host] ?? [] });
  }
  const room = members.map((host) => running.get(host)!);
  for (const node of room) await node.untilCount(joined, members.length - 1);
  const owned = made.move();
  return {
    hosts,
    start,
    on: (host) => running.get(host)!,
    room,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Cuts the room into parts that can't hear each other. */
async function split(hosts: Hosts, ...parts: readonly (readonly string[])[]): Promise<void> {
  for (const [at, part] of parts.entries()) {
    for (const host of part) await hosts.cut(host, ...parts.slice(at + 1).flat());
  }
}

async function heal(hosts: Hosts, ...parts: readonly (readonly string[])[]): Promise<void> {
  for (const [at, part] of parts.entries()) {
    for (const host of part) await hosts.heal(host, ...parts.slice(at + 1).flat());
  }
}

/** Waits until the node shows that these members are lost. */
async function loses(node: Node, ...names: readonly string[]): Promise<void> {
  for (const name of names) assertEquals((await node.until(left(name), LOST_MS)).reason, "lost");
}

/** `author` sends a text; waits until all have shown it. */
async function say(text: string, author: Node, ...hearers: readonly Node[]): Promise<void> {
  await author.say(text);
  for (const node of [author, ...hearers]) await node.until(saying(text));
}

async function names(node: Node): Promise<readonly string[]> {
  const { peers } = await node.ask("peers");
  return peers.map(({ name }: ShownEvent) => name).toSorted();
}

/** Checks that all have shown exactly these texts, each once, and have the same history. */
async function haveAll(nodes: readonly Node[], texts: readonly string[]): Promise<void> {
  for (const node of nodes) await node.untilCount(isMessage, texts.length, HEALED_MS);
  const histories = await Promise.all(nodes.map((node) => node.history()));
  for (const [at, node] of nodes.entries()) {
    assertEquals(node.texts().toSorted(), texts.toSorted());
    assertEquals(histories[at], histories[0]);
  }
  assertEquals(histories[0].length, texts.length);
}

const SCENES: Readonly<Record<string, () => Promise<void>>> = {
  async "a room that was cut in two has one of two Bobs, nobody who quit, and all that was said"() {
    const members = ["Ann", "Ben", "Cem", "Dan"];
    await using world = await openRoom({ members, others: ["Bob1", "Bob2"] });
    const { hosts, on, start } = world;
    const [ann, ben, cem, dan] = world.room as [Node, Node, Node, Node];
    await say("before", ann, ben, cem, dan);
    const halves = [["Ann", "Ben", "Bob1"], ["Cem", "Dan", "Bob2"]];
    const cutMs = performance.now();
    await split(hosts, ...halves);
    for (const node of [ann, ben]) await loses(node, "Cem", "Dan");
    for (const node of [cem, dan]) await loses(node, "Ann", "Ben");
    await say("cut off, one", ann, ben);
    await say("cut off, other", dan, cem);

    const first = await start("Bob1", "Ann");
    const second = await start("Bob2", "Cem");
    await say("the first Bob", first, ann, ben);
    await say("the second Bob", second, cem, dan);
    await dan.type(":q");
    await cem.until(left("Dan"));
    // Long enough for pauses between dials to grow.
    await sleep(Math.max(0, cutMs + 20_000 - performance.now()));
    await heal(hosts, ...halves);

    const { text } = await second.until(
      ({ event, code }) => event === "error" && code === "name-taken",
      HEALED_MS,
    );
    const shown = /you are shown as (Bob~\w{4})/.exec(text)?.[1];
    assert(shown !== undefined, text);
    const all = [ann, ben, cem, first, second];
    const said = [
      "before",
      "cut off, one",
      "cut off, other",
      "the first Bob",
      "the second Bob",
    ];
    await haveAll(all, said);
    for (const node of all) {
      await holds(
        "all are there, nobody else",
        async () => (await names(node)).join() === `Ann,Ben,Bob,${shown},Cem`,
      );
      await holds(
        "Dan isn't lost, he has quit",
        async () => (await node.ask("status")).problems.length === 0,
      );
    }

    await second.type("/name Robert");
    for (const node of all) {
      await node.until(({ event, from, name }) =>
        event === "renamed" && from === shown && name === "Robert"
      );
    }
    await say("still me", second, ann, ben, cem, first);
    await haveAll(all, [...said, "still me"]);
    assertEquals(on("Ann").events.filter(left("Cem")).length, 1);
  },

  async "where one can't be heard by another, nobody is lost, and both hear all"() {
    await using world = await openRoom({ members: ["Ann", "Ben", "Cem"] });
    const { hosts, room } = world;
    const [ann, ben, cem] = room as [Node, Node, Node];
    await hosts.drop("Ann", "Ben");
    // A link on which nothing comes is given up after 3 s, and an accusation is believed after 2 s.
    await sleep(8_000);
    const texts = ["one", "two", "three", "four"];
    for (const text of texts) {
      await say(text, ann, ben, cem);
      await say(`${text}, answered`, ben, ann, cem);
    }

    await haveAll(room, texts.flatMap((text) => [text, `${text}, answered`]));
    assertEquals(room.flatMap(({ events }) => events.filter(left())), []);
    const { peers } = await ann.ask("peers");
    assertEquals(peers.map(({ direct }: ShownEvent) => direct), [true, false, true]);
  },

  async "whose address changes goes on chatting, and is found at the new one by who moves next"() {
    await using world = await openRoom({ members: ["Ann", "Ben", "Cem"] });
    const { hosts, room } = world;
    const [ann, ben, cem] = room as [Node, Node, Node];
    await say("before", ann, ben, cem);
    await hosts.move("Ben", 9);
    await say("nobody waits", ann, cem);
    assert(!ben.events.some(saying("nobody waits")), "it is shown before he is there again");
    await ben.until(saying("nobody waits"));
    await say("from elsewhere", ben, ann, cem);
    const hostOf = async (node: Node, name: string) => {
      const { peers } = await node.ask("peers");
      return peers.find((peer: ShownEvent) => peer.name === name)?.host ?? "";
    };
    await holds("Ann knows Ben's address", async () => (await hostOf(ann, "Ben")).endsWith(".9"));

    await cem.type(":q");
    await ann.until(left("Cem"));
    await hosts.move("Ann", 9);
    await holds("Ben knows Ann's address", async () => (await hostOf(ben, "Ann")).endsWith(".9"));
    await say("both moved", ann, ben);

    await haveAll([ann, ben], ["before", "nobody waits", "from elsewhere", "both moved"]);
    assertMatch((await ben.ask("peers")).peers[0].host, /\.9$/);
  },

  async "who is behind a firewall finds it out, says so once, and is announced as one who takes no calls"() {
    const members = ["Ann", "Ben", "Fay"];
    await using world = await openRoom({
      members,
      others: ["Zoe"],
      prepare: async (hosts) => {
        for (const from of ["Ann", "Ben", "Zoe"]) {
          await hosts.drop(from, "Fay", { protocol: "tcp", port: PORT });
        }
      },
    });
    const { hosts, room, start } = world;
    const [ann, ben, fay] = room as [Node, Node, Node];
    const addressOf = async (node: Node, name: string) => {
      const { peers } = await node.ask("peers");
      const { host, port } = peers.find((peer: ShownEvent) => peer.name === name);
      return `${host}:${port}`;
    };
    assertEquals(await addressOf(ann, "Fay"), `${hosts.address("Fay")}:${PORT}`);

    const unreachable = ({ event, text }: ShownEvent) =>
      event === "notice" && text.startsWith("Nobody can dial you at");
    const { text } = await fay.until(unreachable);
    assertStringIncludes(text, `${hosts.address("Fay")}:${PORT}`);
    for (const node of room) {
      await holds("Fay has no address", async () => await addressOf(node, "Fay") === ":0");
    }
    const { invite } = await fay.ask("invite");
    const told = parseInvite(invite).endpoints.map(({ host }) => host).toSorted();
    assertEquals(told, [hosts.address("Ann"), hosts.address("Ben")]);
    assertEquals((await fay.ask("status")).problems, [
      `nobody can dial you at ${hosts.address("Fay")}:${PORT}, or come in through you`,
    ]);

    const zoe = await start("Zoe", "Ben");
    await say("from behind a wall", fay, ann, ben, zoe);
    await say("over it", zoe, ann, ben, fay);
    assertEquals(fay.events.filter(unreachable).length, 1);
    assertEquals([ann, ben, zoe].flatMap(({ events }) => events.filter(unreachable)), []);
  },

  async "a member with two networks names that of its default route, and listens on IPv4 and IPv6 however they are bound"() {
    await using hosts = await Hosts.open("Ann", "Bob");
    await hosts.addNetwork("Ann", "10.78.0.2");
    await hosts.partFamilies("Ann");
    await using nodes = new Nodes();
    const start = async (name: string, ...args: string[]) => {
      const words = ["mesh", name, ...args, "--port", String(PORT)];
      const node = nodes.add(Node.start(words, { within: hosts.within(name) }));
      return { node, ready: await node.until(({ event }) => event === "ready") };
    };
    const ann = await start("Ann");
    const bob = await start("Bob", hosts.address("Ann"), String(PORT));
    assertEquals([ann.ready.host, bob.ready.room], ["10.78.0.2", ann.ready.room]);
  },

  async "long messages come through a network that drops large packets without a word, once that is found out"() {
    await using world = await openRoom({
      members: ["Ann", "Bob"],
      prepare: (hosts) => hosts.narrow(1_280),
    });
    const [ann, bob] = world.room as [Node, Node];
    const told = ({ event, text }: ShownEvent) =>
      event === "notice" && text.startsWith("Long messages never came through to");
    const long = "long ".repeat(2_000);
    await ann.say(long);
    await bob.until(saying(long), HEALED_MS);
    await ann.until(told, HEALED_MS);
    await say(`${long}!`, ann, bob);
    await say(`${long}?`, bob, ann);
    assertEquals(ann.events.filter(told).length, 1);
  },

  async "who takes no calls, and who can't be called, chat on when who let them in is gone"() {
    const members = ["Ann", "Ben", "Pat", "Fay"];
    await using world = await openRoom({
      members,
      prepare: async (hosts) => {
        for (const from of ["Ann", "Ben", "Pat"]) {
          await hosts.drop(from, "Fay", { protocol: "tcp", port: PORT });
        }
      },
      args: { Pat: ["--passive"] },
    });
    const [ann, ben, pat, fay] = world.room as [Node, Node, Node, Node];
    await say("from nowhere", pat, ann, ben, fay);
    await say("from behind a wall", fay, ann, ben, pat);
    await ann.kill();
    for (const node of [ben, pat, fay]) await loses(node, "Ann");
    await say("still here", pat, ben, fay);
    await say("so am I", fay, ben, pat);

    await haveAll([ben, pat, fay], ["from nowhere", "from behind a wall", "still here", "so am I"]);
  },
};

sideBySideOnHosts("mesh", SCENES);
