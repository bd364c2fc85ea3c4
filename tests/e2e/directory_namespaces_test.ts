/** Calls between hosts that can reach each other only in part, or no longer. */

import { assert, assertEquals } from "@std/assert";
import {
  call,
  connect,
  hears,
  is,
  message,
  presence,
  seesAll,
  session,
  sleep,
  tell,
  untilListed,
} from "./directory_world.ts";
import { Hosts } from "./hosts.ts";
import { BUSY_MS, holds, Node, type NodeOptions, Nodes, type ShownEvent } from "./node.ts";
import { sideBySideOnHosts } from "./side_by_side.ts";

/** Each host has a network of its own, so that the ports may be the same. */
const DIRECTORY_PORT = 24_400;
const CALL_PORT = 25_000;

interface World extends AsyncDisposable {
  readonly hosts: Hosts;
  readonly directory: Node;
  readonly ann: Node;
  readonly bob: Node;
}

/** How Bob's program differs from Ann's, besides its host. */
interface Bob extends NodeOptions {
  readonly how?: string;
  /** Called before any program is started. */
  readonly prepare?: (hosts: Hosts) => Promise<void>;
}

/** A directory, Ann and Bob (guests), each on a host; these hosts and a fourth one can all reach each other. */
function openWorld(...args: readonly string[]): Promise<World> {
  return openWorldWith({}, ...args);
}

async function openWorldWith(
  { how = "--guest", prepare, ...options }: Bob,
  ...args: readonly string[]
): Promise<World> {
  await using made = new AsyncDisposableStack();
  const hosts = made.use(await Hosts.open("directory", "ann", "bob", "other"));
  await prepare?.(hosts);
  const nodes = made.use(new Nodes());
  const launch = (name: string, words: readonly string[], options: NodeOptions) =>
    nodes.add(Node.start(words, { within: hosts.within(name), ...options }));
  const directory = launch("directory", ["regserver", "--port", String(DIRECTORY_PORT)], { args });
  await directory.until(is("ready"));
  const start = (name: string, how: string, options: NodeOptions = {}) => {
    const registry = `${hosts.address("directory")}:${DIRECTORY_PORT}`;
    const first = ["--trust-first", "--port", String(CALL_PORT)];
    const words = ["peer", name, "--registry", registry, ...first];
    return launch(name, words, { ...options, args: [how] });
  };
  const [ann, bob] = [start("ann", "--guest"), start("bob", how, options)];
  await Promise.all([seesAll(ann, "ann", "bob"), seesAll(bob, "ann", "bob")]);
  const owned = made.move();
  return { hosts, directory, ann, bob, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Each sends a message, and waits for that of the other. */
async function talk(one: Node, other: Node, text: string): Promise<void> {
  await Promise.all([one.say(`${text}, one`), other.say(`${text}, other`)]);
  await Promise.all([one.until(message(`${text}, other`)), other.until(message(`${text}, one`))]);
}

function routes(...nodes: readonly Node[]): readonly string[] {
  return nodes.map(({ events }) => events.find(call("connected"))!.route);
}

/** The time until all promises have resolved, ms. */
async function took(...waits: readonly Promise<unknown>[]): Promise<number> {
  const beganMs = performance.now();
  await Promise.all(waits);
  return performance.now() - beganMs;
}

/** A world in which Ann and Bob are in a call. */
async function openCall(prepare: (hosts: Hosts) => Promise<void> = async () => {}): Promise<World> {
  const world = await openWorld();
  await prepare(world.hosts);
  await connect(world.ann, world.bob, "bob");
  return world;
}

const SCENES: Readonly<Record<string, () => Promise<void>>> = {
  async "who reach each other talk directly; whoever is cut off is told within 10 s, and stays in the directory"() {
    await using world = await openCall();
    const { ann, bob, directory } = world;
    await talk(ann, bob, "hello");
    assertEquals(routes(ann, bob), ["direct", "direct"]);
    const { users } = await directory.ask("list");
    assertEquals(users.map(({ name, host, port }: ShownEvent) => [name, host, port]), [
      ["ann", world.hosts.address("ann"), CALL_PORT],
      ["bob", world.hosts.address("bob"), CALL_PORT],
    ]);

    await world.hosts.cut("ann", "bob");
    const tookMs = await took(ann.until(call("ended")), bob.until(call("ended")));
    assert(tookMs < 10_000 + BUSY_MS, `${tookMs} ms`);
    assertEquals([ann, bob].map(({ events }) => events.find(call("ended"))!.reason), [
      "lost",
      "lost",
    ]);
    await untilListed(ann, "ann free", "bob free");
    assertEquals([ann, bob].flatMap(({ events }) => events.filter(session("down"))), []);
  },

  async "who don't reach each other talk through the directory, to the last line, or until one is cut off from it"() {
    await using world = await openCall((hosts) => hosts.cut("ann", "bob"));
    const { ann, bob } = world;
    await talk(ann, bob, "hello");
    const lines = Array.from({ length: 3_000 }, (_, at) => `line ${at} ${"x".repeat(100)}`);
    for (const line of lines) await ann.type(line);
    await ann.type("q");
    await bob.until(call("ended"));
    assertEquals(routes(ann, bob), ["relay", "relay"]);
    assertEquals(bob.texts("ann"), ["hello, one", ...lines]);
    await untilListed(bob, "ann free", "bob free");

    await connect(ann, bob, "bob");
    const [from, there] = [ann.events.length, bob.events.length];
    await world.hosts.cut("bob", "directory");
    const ended = ann.until(call("ended"), undefined, from);
    const tookMs = await took(ended, bob.until(call("ended"), undefined, there));
    assert(tookMs < 10_000 + BUSY_MS, `${tookMs} ms`);
    assertEquals((await ended).reason, "lost");
    await ann.until(presence("bob", "offline"), 15_000 + BUSY_MS, from);
    const offline = ann.events.length;
    await world.hosts.heal("bob", "directory");
    await ann.until(presence("bob", "free"), 45_000 + BUSY_MS, offline);
  },

  async "a direct call goes on without the directory, which has both back within 45 s"() {
    await using world = await openCall();
    const { hosts, ann, bob } = world;
    await hosts.cut("directory", "ann", "bob");
    await Promise.all([ann.until(session("down")), bob.until(session("down"))]);
    await talk(ann, bob, "still here");
    // Long enough for pauses to grow.
    await sleep(20_000);
    await hosts.heal("directory", "ann", "bob");
    const back = (node: Node) =>
      node.until(session("up"), undefined, node.events.findLastIndex(session("down")));
    const tookMs = await took(back(ann), back(bob));
    assert(tookMs < 45_000 + BUSY_MS, `${tookMs} ms`);
    await talk(ann, bob, "and now");
    await untilListed(ann, "ann busy", "bob busy");
    assertEquals([ann, bob].flatMap(({ events }) => events.filter(call("ended"))), []);
  },

  async "whose address changes comes back by itself, is told all, once, in order, by datagrams again, and called there"() {
    const env = { P2PCHAT_PASSWORD: "correct horse" };
    await using world = await openWorldWith({ how: "--signup", env });
    const { hosts, ann, bob } = world;
    let told = 0;
    const tellNext = () => tell(ann, `number ${told++}`);
    await holds("his first address is proved", async () => {
      assertEquals(await tellNext(), 1);
      return (await hosts.datagrams("bob")).come > 1;
    });
    await hosts.move("bob", 9);
    // He isn't gone for the directory yet.
    await ann.command({ command: "broadcast", text: `number ${told++}` });
    const downAt = await bob.until(session("down")).then((event) => bob.events.indexOf(event));
    await tellNext();
    await bob.until(session("up"), 45_000 + BUSY_MS, downAt);
    const { come } = await hosts.datagrams("bob");
    await holds("his other address is proved", async () => {
      assertEquals(await tellNext(), 1);
      return (await hosts.datagrams("bob")).come > come + 1;
    });
    const all = Array.from({ length: told }, (_, at) => `ann: number ${at}`);
    assertEquals(await hears(bob, told), all);
    const { users } = await ann.ask("list", { part: "bob" });
    assert(users[0]?.host.endsWith(".9"), JSON.stringify(users));
    await connect(ann, bob, "bob");
    await talk(ann, bob, "hello");
    assertEquals(routes(ann, bob), ["direct", "direct"]);
  },

  async "whose address is forged is sent no more datagrams than come from there"() {
    await using world = await openWorldWith({
      module: "forging_client.ts",
      env: { FORGED: Hosts.address(3) },
      prepare: (hosts) => hosts.forge("bob", "other"),
    });
    const { hosts, ann, bob } = world;
    const texts = Array.from({ length: 20 }, (_, at) => `number ${at}`);
    for (const text of texts) assertEquals(await tell(ann, text), 1);
    assertEquals(await hears(bob, texts.length), texts.map((text) => `ann: ${text}`));
    const { come } = await hosts.datagrams("other");
    const { sent } = await hosts.datagrams("bob");
    assert(come > 0 && come <= sent, `${come} for ${sent}`);
  },
};

sideBySideOnHosts("directory", SCENES);
