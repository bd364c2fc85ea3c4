/** What docs/mesh.md and docs/operations.md recommend to those who are at home behind routers works as printed. */

import { assert, assertEquals } from "@std/assert";
import { canMakeHomes, Homes } from "./homes.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { SLOW } from "../given.ts";

const is = (event: string) => (shown: ShownEvent) => shown.event === event;
const said = (text: string) => (shown: ShownEvent) =>
  shown.event === "message" && shown.text === text;
const named = (event: string, name: string) => (shown: ShownEvent) =>
  shown.event === event && shown.name === name;

/** The words behind `p2pchat` of each line of the page's section that begins with it. */
async function commandsIn(page: string, section: string): Promise<readonly string[][]> {
  const text = await Deno.readTextFile(new URL(`../../docs/${page}`, import.meta.url));
  const [, part = ""] = text.split(`# ${section}\n`);
  const block = part.split(/\n##+ /)[0]!;
  return [...block.matchAll(/^p2pchat ([^#\n]*)/gm)].map(([, line]) => line!.trim().split(/ +/));
}

/** The words of the unit's command but for the folder, which is the test's. */
async function commandOfUnit(): Promise<readonly string[]> {
  const unit = new URL("../../systemd/p2pchat-mesh.service", import.meta.url);
  const [, line] = /^ExecStart=\S+ (.*)$/m.exec(await Deno.readTextFile(unit))!;
  const words = line!.split(" ");
  const data = words.indexOf("--data");
  assert(data > 0);
  return words.toSpliced(data, 2);
}

/** Runs a command with a FIFO as its input, which stays open, as the unit's socket has it. */
function reading(fifo: string, within: readonly string[]): readonly string[] {
  return ["sh", "-c", 'exec 3<>"$0"; exec "$@" <&3', fifo, ...within];
}

Deno.test({
  name:
    "a seed: those whose routers let nobody in talk through it, find there what was said and sent, and it comes back",
  ignore: SLOW.ignore || !canMakeHomes(),
  async fn() {
    await using homes = await Homes.open();
    await homes.furnish("random");
    await using nodes = new Nodes();
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-seed-" });
    const fifo = `${folder}/p2pchat-mesh`;
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    const within = reading(fifo, homes.hosts.within("server"));
    const unit = await commandOfUnit();
    const args = ["--save", `${folder}/files`, "--files-max", "20GB"];
    const startSeed = () => nodes.add(Node.start(unit, { within, data: `${folder}/data`, args }));
    const tell = (line: string) => Deno.writeTextFile(fifo, `${line}\n`, { create: false });
    const start = (name: string, home: "home1" | "home2", more: readonly string[] = []) =>
      nodes.add(Node.start(["mesh", name, ...more], { within: homes.within(home) }));

    let seed = startSeed();
    const { port } = await seed.until(is("ready"));
    assertEquals(port, 55_107);
    await tell("/invite");
    const { invite } = await seed.until(is("invite"));
    const alice = start("Alice", "home1", ["--invite", invite]);
    const bob = start("Bob", "home2", ["--invite", invite]);
    await alice.until(named("joined", "Bob"));
    await bob.until(named("joined", "Alice"));
    await bob.say("from the other home");
    await alice.until(said("from the other home"));

    const file = `${folder}/report.txt`;
    await Deno.writeTextFile(file, "what was found");
    await alice.ask("send", { file });
    await seed.until((shown) => shown.event === "transfer" && shown.state === "done");
    assertEquals(await Deno.readTextFile(`${folder}/files/report.txt`), "what was found");
    await tell("/deputy Alice");
    await holds("Alice is a deputy", async () => {
      const { peers } = await alice.ask("peers");
      return peers[0].role === "deputy";
    });
    for (const node of [alice, bob]) {
      await node.quit();
    }

    await seed.kill();
    seed = startSeed();
    await seed.until(is("ready"));
    const carol = start("Carol", "home2", ["--invite", invite, "--save", `${folder}/carol`]);
    await carol.until(said("from the other home"));
    await carol.until((shown) => shown.event === "transfer" && shown.state === "done");
    assertEquals(await Deno.readTextFile(`${folder}/carol/report.txt`), "what was found");

    // Another room, which was there before.
    const other = nodes.add(
      Node.start(["mesh", "Dan", "--private"], { within: homes.hosts.within("server") }),
    );
    await other.until(is("ready"));
    const { invite: word } = await other.ask("invite");
    await tell(`/join --invite ${word}`);
    await other.until(named("joined", "Seed"));
    seed.signal("SIGTERM");
    await seed.ended();
    const from = other.events.length;
    seed = startSeed();
    const { port: again, room } = await seed.until(is("ready"));
    await other.until(named("joined", "Seed"), undefined, from);
    const { room: expected } = await other.until(is("ready"));
    assertEquals([again, room], [55_107, expected]);
    await Deno.remove(folder, { recursive: true });
  },
});

Deno.test({
  name:
    "on a VPN: members dial each other at its addresses, come back there, and --lan finds nothing across it",
  ignore: SLOW.ignore || !canMakeHomes(),
  async fn() {
    await using homes = await Homes.open();
    await homes.furnish("random");
    await join(homes.within("home1").at(-1)!, homes.within("home2").at(-1)!);
    await using nodes = new Nodes();
    const [found, come, back] = await commandsIn("mesh.md", "On a VPN");
    const folders = { home1: await Deno.makeTempDir(), home2: await Deno.makeTempDir() };
    const start = (
      words: readonly string[],
      home: "home1" | "home2",
      more: readonly string[] = [],
    ) =>
      nodes.add(
        Node.start([...words, ...more], { within: homes.within(home), data: folders[home] }),
      );

    let alice = start(found!, "home1", ["--lan"]);
    await alice.until(is("ready"));
    const { invite } = await alice.ask("invite");
    await using rooms = Node.start(["rooms", "--for", "1500ms"], {
      within: homes.within("home2"),
    });
    assertEquals((await rooms.ended()).code, 0);
    assertEquals(rooms.events.flatMap(({ rooms = [] }) => rooms), []);

    const at = come!.indexOf("--invite") + 1;
    let bob = start(come!.toSpliced(at, 0, invite), "home2");
    await alice.until(named("joined", "Bob"));
    await bob.until(named("joined", "Alice"));
    assertEquals(await addressesAt(bob), AT_VPN.toReversed());
    await bob.quit();
    bob = start(back!, "home2");
    await bob.until(named("joined", "Alice"));

    // Bob is dialled, too: by Alice, who comes back.
    await alice.kill();
    alice = start(["mesh", "Alice", "--host", "100.64.0.1"], "home1");
    await alice.until(named("joined", "Bob"));
    assertEquals(await addressesAt(alice), AT_VPN);
    for (const node of [alice, bob]) await node.kill();
    for (const folder of Object.values(folders)) await Deno.remove(folder, { recursive: true });
  },
});

const AT_VPN = [["Alice", "100.64.0.1", 55_107], ["Bob", "100.64.0.2", 55_107]];

async function addressesAt(node: Node): Promise<unknown> {
  const { peers } = await node.ask("peers");
  return peers.map(({ name, host, port }: ShownEvent) => [name, host, port]);
}

/** A tunnel between two namespaces, at whose ends are an address alone and a route, as of a tailnet. */
async function join(one: string, other: string): Promise<void> {
  const ip = async (...args: readonly string[]) => {
    const { success, stderr } = await new Deno.Command("ip", { args: [...args] }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  const far = ["peer", "name", "vpn", "netns", other];
  await ip("-n", one, "link", "add", "name", "vpn", "type", "veth", ...far);
  for (const [at, namespace] of [one, other].entries()) {
    await ip("-n", namespace, "address", "add", `100.64.0.${at + 1}/32`, "dev", "vpn");
    await ip("-n", namespace, "link", "set", "vpn", "up");
    await ip("-n", namespace, "route", "add", "100.64.0.0/10", "dev", "vpn");
  }
}
