/** Addresses that are handed out anew, to one another: hosts on a bridge, in rooms and among friends. */

import { assert, assertEquals } from "@std/assert";
import { BridgedHosts } from "./bridged_hosts.ts";
import { canMakeHosts } from "./hosts.ts";
import { BUSY_MS, holds, Node, Nodes, type ShownEvent } from "./node.ts";

const NAMES = ["Ann", "Bob", "Cem"] as const;
const ready = ({ event }: ShownEvent) => event === "ready";
const isText = (text: string) => (shown: ShownEvent) =>
  shown.event === "message" && shown.text === text;

class World implements AsyncDisposable {
  readonly #owned = new AsyncDisposableStack();
  readonly #nodes = new Nodes();
  readonly folder = Deno.makeTempDirSync({ prefix: "p2pchat-e2e-" });

  private constructor(readonly hosts: BridgedHosts) {
    this.#owned.use(hosts);
    this.#owned.defer(() => Deno.remove(this.folder, { recursive: true }));
    this.#owned.use(this.#nodes);
  }

  static async open(): Promise<World> {
    return new World(await BridgedHosts.open(...NAMES));
  }

  async start(name: string, ...args: readonly string[]): Promise<Node> {
    const [within, data] = [this.hosts.within(name), `${this.folder}/${name}`];
    const node = this.#nodes.add(Node.start(args, { within, data }));
    await node.until(ready);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}

for (const isPrivate of [false, true]) {
  const kind = isPrivate ? "a private" : "an open";
  Deno.test({
    name: `mesh: members of ${kind} room whose addresses are handed out anew are together again`,
    ignore: !canMakeHosts(),
    async fn() {
      await using world = await World.open();
      const { hosts } = world;
      const ann = await world.start("Ann", "mesh", "Ann", ...(isPrivate ? ["--private"] : []));
      await ann.type("/invite");
      const { invite } = await ann.until(({ event }) => event === "invite");
      const words = isPrivate ? ["--invite", invite] : [];
      const others = ["Bob", "Cem"].map((name) =>
        world.start(name, "mesh", name, hosts.address("Ann"), String(ann.port), ...words)
      );
      const nodes = [ann, ...await Promise.all(others)];
      await ann.say("all here");
      await Promise.all(nodes.map((node) => node.until(isText("all here"))));

      await Promise.all(nodes.map((node) => node.kill()));
      await hosts.handOut();
      const beganMs = Date.now();
      const again = await Promise.all(NAMES.map((name) => world.start(name, "mesh", name)));
      await holds("all are linked", async () => {
        const asked = await Promise.all(again.map((node) => node.ask("peers")));
        return asked.every(({ peers }) => peers.length === NAMES.length);
      });

      // 10 s, as tests/sim/mesh_splits_test.ts shows; a busy machine takes longer to start three programs.
      const tookMs = Date.now() - beganMs;
      assert(tookMs < BUSY_MS, `${tookMs} ms`);
      await hosts.handOut();
      // A dead link is noticed after 3 s, and what was said meanwhile comes with the next one.
      await again[1]!.say("all here again");
      await Promise.all(again.map((node) => node.until(isText("all here again"))));
    },
  });
}

Deno.test({
  name: "friends: each finds the others by their keys once addresses were handed out anew",
  ignore: !canMakeHosts(),
  async fn() {
    await using world = await World.open();
    const users = `${world.folder}/users.txt`;
    const rows = NAMES.map((name) => `${name} ${world.hosts.address(name)} 5001\n`);
    Deno.writeTextFileSync(users, rows.join(""));
    const start = () =>
      Promise.all(NAMES.map((name) => world.start(name, "peer", name, "--users", users)));
    const nodes = await start();
    const sayAll = async (nodes: readonly Node[], text: string) => {
      for (const [from, node] of nodes.entries()) {
        for (const to of NAMES.toSpliced(from, 1)) await node.type(`${to}/${text} ${NAMES[from]}`);
      }
      await Promise.all(
        nodes.flatMap((node, at) =>
          NAMES.toSpliced(at, 1).map((from) => node.until(isText(`${text} ${from}`)))
        ),
      );
    };
    await sayAll(nodes, "met by");

    await Promise.all(nodes.map((node) => node.kill()));
    await world.hosts.handOut();
    const again = await start();
    await sayAll(again, "found by");

    assertEquals(
      again.flatMap(({ events }) => events.filter(({ event }) => event === "error")),
      [],
    );
  },
});
