/** `--map-port` behind a real router (miniupnpd), in all modes that have it; ignored where there is none. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HAS_ROUTER, Home, ROUTER } from "./home.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";

const PORT = 55_107;

function is(event: string) {
  return (shown: ShownEvent) => shown.event === event;
}

function tells(text: string) {
  return ({ event, text: shown }: ShownEvent) => event === "notice" && shown.includes(text);
}

type Where = Parameters<Home["within"]>[0];

/** A home, and programs there and elsewhere. */
class World implements AsyncDisposable {
  private constructor(readonly home: Home, readonly nodes: Nodes) {}

  static async open(protocols: Parameters<typeof Home.open>[0]): Promise<World> {
    return new World(await Home.open(protocols), new Nodes());
  }

  start(where: Where, ...words: readonly string[]): Node {
    return this.nodes.add(Node.start(words, { within: this.home.within(where) }));
  }

  async ready(where: Where, ...words: readonly string[]): Promise<Node> {
    const node = this.start(where, ...words);
    await node.until(is("ready"));
    return node;
  }

  /** Waits until the router passes on these, and nothing else. */
  async passesOn(...expected: readonly string[]): Promise<void> {
    let found: readonly string[] = [];
    const look = async () => String(found = await this.home.passedOn()) === String(expected);
    await holds(`the router passes on ${expected}`, look).catch((error) => {
      throw new Error(`${error.message}, not ${found}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes.disposeAsync();
    await this.home[Symbol.asyncDispose]();
  }
}

async function addressIn(node: Node, name: string): Promise<string> {
  const { peers } = await node.ask("peers");
  return peers.find((peer: ShownEvent) => peer.name === name)?.host;
}

async function leave(node: Node): Promise<void> {
  await node.type(":q");
  assertEquals((await node.ended()).code, 0);
}

const BEHIND_ROUTER = { ignore: !HAS_ROUTER };

for (const protocol of ["natpmp", "upnp"] as const) {
  Deno.test(
    `--map-port: a founder at home is reached from elsewhere, and the port given back (${protocol})`,
    BEHIND_ROUTER,
    async () => {
      await using world = await World.open([protocol]);
      const ann = await world.ready("inside", "mesh", "Ann", "--map-port");
      await ann.until(tells(`passes ${ROUTER}:${PORT} on to you`));
      await world.passesOn(`tcp ${PORT}`);
      assertEquals(await addressIn(ann, "Ann"), "192.168.177.2"); // nobody has come by it yet

      const bob = await world.ready("bob", "mesh", "Bob", ROUTER, String(PORT));
      await ann.until(tells(`others find you at ${ROUTER}:${PORT} now`));
      assertEquals(await addressIn(ann, "Ann"), ROUTER);
      await bob.say("hello from elsewhere");
      await ann.until(({ event, text }) => event === "message" && text === "hello from elsewhere");
      const { line } = await ann.ask("invite");
      assertMatch(line, /11\.77\.0\.1 55107/);

      await leave(ann);
      await world.passesOn();
    },
  );
}

Deno.test(
  "--map-port: who has come in from home is dialled back, and then found by others",
  BEHIND_ROUTER,
  async () => {
    await using world = await World.open(["upnp", "natpmp"]);
    const bob = await world.ready("bob", "mesh", "Bob");
    const there = world.home.address("bob");
    const ann = await world.ready("inside", "mesh", "Ann", there, String(bob.port), "--map-port");
    await ann.until(tells(`others find you at ${ROUTER}:${PORT} now`));
    await holds("Bob knows", async () => await addressIn(bob, "Ann") === ROUTER);

    const cem = await world.ready("cem", "mesh", "Cem", there, String(bob.port));
    await cem.until(({ event, name }) => event === "joined" && name === "Ann");
    await holds("Cem knows", async () => await addressIn(cem, "Ann") === ROUTER);
  },
);

Deno.test(
  "--map-port: without a router that gives ports this is said, and the program goes on",
  BEHIND_ROUTER,
  async () => {
    await using world = await World.open(null);
    const ann = await world.ready("inside", "mesh", "Ann", "--map-port");
    const { text, warning } = await ann.until(tells("No router on this network gives ports"));
    assert(warning);
    assertMatch(text, /forward port 55107 in its settings by hand, and start with --advertise/);
    await ann.say("alone");
    await ann.until(({ event, text }) => event === "message" && text === "alone");
    await leave(ann);
  },
);

const SERVERS = [
  { name: "serve", port: 6_000, joins: ["--server"], key: "server" },
  {
    name: "regserver",
    port: 4_400,
    joins: ["--guest", "--trust-first", "--registry"],
    key: "registry",
  },
];

for (const { name, port, joins } of SERVERS) {
  Deno.test(
    `--map-port: ${name} has TCP and UDP passed on, and says where it is once somebody has come in`,
    BEHIND_ROUTER,
    async () => {
      await using world = await World.open(["natpmp"]);
      const server = await world.ready("inside", name, "--map-port");
      await server.until(tells(`passes ${ROUTER}:${port} on to you`));
      await world.passesOn(`tcp ${port}`, `udp ${port}`);
      assertEquals((await server.ask("whoami")).host, "192.168.177.2");

      await world.ready("bob", "peer", "bob", ...joins, `${ROUTER}:${port}`);
      await server.until(tells(`Others reach you at ${ROUTER}:${port} from the internet`));
      assertEquals((await server.ask("whoami")).host, ROUTER);

      await server.type("/exit");
      assertEquals((await server.ended()).code, 0);
      await world.passesOn();
    },
  );
}

Deno.test(
  "--map-port: a friend who comes in from elsewhere shows where one is",
  BEHIND_ROUTER,
  async () => {
    await using world = await World.open(["upnp"]);
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-friends-" });
    try {
      const [atHome, elsewhere] = [`${folder}/home.txt`, `${folder}/elsewhere.txt`];
      await Deno.writeTextFile(atHome, "ann 192.168.177.2 5001\nbob 11.77.0.2 5002\n");
      await Deno.writeTextFile(elsewhere, `ann ${ROUTER} 5001\nbob 11.77.0.2 5002\n`);
      const ann = await world.ready("inside", "peer", "ann", "--users", atHome, "--map-port");
      await ann.until(tells(`passes ${ROUTER}:5001 on to you`));
      const bob = await world.ready("bob", "peer", "bob", "--users", elsewhere);
      await bob.tell("ann", "hi");
      await ann.until(tells(`Others reach you at ${ROUTER}:5001 from the internet`));
      const { line } = await ann.ask("whoami");
      assertMatch(line, /@11\.77\.0\.1:5001#/);
      await leave(ann);
      await world.passesOn();
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
