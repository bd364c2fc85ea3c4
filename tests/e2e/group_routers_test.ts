/** Groups whose members are at home, behind routers that translate addresses. */

import { assert, assertEquals } from "@std/assert";
import { coordinatorIs, Group, isIn, isView, linesOf, shows } from "./group_world.ts";
import { canMakeHomes, Homes, type Mapping } from "./homes.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { SLOW } from "../given.ts";

const PORT = 24_600;
const MEMBER_PORT = "9100";

class World implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #nodes: Nodes;

  private constructor(
    readonly homes: Homes,
    readonly folder: string,
    stack: AsyncDisposableStack,
  ) {
    this.#stack = stack;
    this.#nodes = stack.use(new Nodes());
  }

  static async open(mapping: Mapping): Promise<World> {
    await using made = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-homes-" });
    made.defer(() => Deno.remove(folder, { recursive: true }));
    const homes = made.use(await Homes.open());
    await homes.furnish(mapping);
    return new World(homes, folder, made.move());
  }

  async serve(): Promise<Node> {
    const within = this.homes.hosts.within("server");
    const words = ["serve", "--port", String(PORT)];
    const node = this.#nodes.add(Node.start(words, { within, data: `${this.folder}/serve` }));
    await node.until(({ event }) => event === "ready");
    return node;
  }

  async start(
    name: string,
    home: "home1" | "home2",
    number: 2 | 3 = 2,
    ...args: readonly string[]
  ): Promise<Node> {
    const within = this.homes.within(home, number);
    const server = `${this.homes.server}:${PORT}`;
    const words = ["peer", name, "--server", server, "--port", MEMBER_PORT];
    const data = `${this.folder}/${name}`;
    const node = this.#nodes.add(Node.start(words, { within, data, args }));
    await node.until(isIn(name));
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

/** The paths of a member's datagrams to the others. */
async function pathsOf(node: Node): Promise<readonly string[]> {
  const { name, members } = await node.ask("status");
  return members.filter((one: ShownEvent) => one.name !== name).map(({ path }: ShownEvent) => path);
}

async function sendBy(path: "direct" | "relay", ...nodes: readonly Node[]): Promise<void> {
  await holds(`datagrams go by ${path}`, async () => {
    const all = (await Promise.all(nodes.map(pathsOf))).flat();
    return all.length > 0 && all.every((one) => one === path);
  });
}

/** Chat, an edit, a snapshot, and a member that restarts. @returns The programs of Ann and Bob. */
async function livesOn(world: World, server: Node, path: "direct" | "relay") {
  const ann = await world.start("Ann", "home1");
  const first = await world.start("Bob", "home2");
  await ann.until(isView("Ann", "Bob"));
  await ann.say("from home");
  await first.until(shows("from home"));
  await first.say("x".repeat(20_000));
  await ann.until(shows("x".repeat(20_000)));
  await sendBy(path, ann, first);

  await ann.type("/edit from my home - 1");
  await first.until(({ event, outcome, text }) =>
    event === "edit" && outcome === "committed" && text === "from my home"
  );
  const snapshot = await server.ask("snapshot");
  assertEquals([snapshot.event, snapshot.consistent], ["snapshot", true], snapshot.text);

  await first.kill();
  const bob = await world.start("Bob", "home2");
  await bob.say("back again");
  await ann.until(shows("back again"));
  await sendBy(path, ann, bob);
  return { ann, bob };
}

Deno.test({
  name: "group: members at home, whose routers keep their ports, send each other datagrams",
  ignore: !canMakeHomes(),
  async fn() {
    await using world = await World.open("keeps");
    const server = await world.serve();
    const { ann, bob } = await livesOn(world, server, "direct");
    // One router doesn't send its own back to each other.
    const cem = await world.start("Cem", "home1", 3, "--advertise", "192.168.1.3");
    await sendBy("direct", ann, bob, cem);
    await server.kill();
    await ann.until(coordinatorIs("down"));
    await ann.say("without it");
    await ann.until(shows("without it"));
  },
});

Deno.test({
  name:
    "group: where routers let nothing pass directly, the coordinator relays, and chat waits for it",
  ignore: SLOW.ignore || !canMakeHomes(),
  async fn() {
    await using world = await World.open("random");
    const server = await world.serve();
    const { ann, bob } = await livesOn(world, server, "relay");

    await server.kill();
    await ann.until(coordinatorIs("down"));
    await ann.say("kept meanwhile");
    await holds("Ann is told for whom it waits", async () => {
      const { unsent, awaited } = await ann.ask("status");
      return unsent === 1 && awaited.join() === "Bob";
    });
    await world.serve();
    await Promise.all([ann, bob].map((node) => node.until(shows("kept meanwhile"))));
    await sendBy("relay", ann, bob);
    assertEquals(linesOf(ann).at(-1), linesOf(bob).at(-1));
    assert(![...ann.events, ...bob.events].some(({ event }) => event === "error"));
  },
});

Deno.test("group: a coordinator whose port another program has for datagrams says so, and serves all the same", async () => {
  await using group = new Group();
  const taken = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.1",
    port: group.port,
  });
  try {
    const server = await group.serve();
    const { text } = await server.until(({ event, text }) =>
      event === "notice" && /home routers/.test(text)
    );
    assert(text.includes(String(group.port)), text);
    const [ann, bob] = await group.startAll("Ann", "Bob") as [Node, Node];
    await ann.say("hi");
    await bob.until(shows("hi"));
    await sendBy("direct", ann, bob);
  } finally {
    taken.close();
  }
});
