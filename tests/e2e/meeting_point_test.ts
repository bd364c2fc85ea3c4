/**
 * Two homes whose routers translate addresses and let nobody in, and a meeting point that both reach: members of both
 * are in one room through it, also once it was killed and is back; members of one home are linked directly all the time.
 */

import { assert, assertEquals } from "@std/assert";
import { canMakeHomes, Homes } from "./homes.ts";
import { BUSY_MS, Node, Nodes, type ShownEvent } from "./node.ts";

const POINT_PORT = 24_400;

const is = (event: string) => (shown: ShownEvent) => shown.event === event;
const said = (text: string) => (shown: ShownEvent) =>
  shown.event === "message" && shown.text === text;
const named = (event: string, name: string) => (shown: ShownEvent) =>
  shown.event === event && shown.name === name;
const meeting = (state: string) => (shown: ShownEvent) =>
  shown.event === "meeting-point" && shown.state === state;

Deno.test({
  name:
    "meeting point: members of two homes that nobody can dial are in one room, its end and return included",
  ignore: !canMakeHomes(),
  async fn() {
    await using homes = await Homes.open();
    await homes.furnish("random");
    const places: Readonly<Record<string, readonly string[]>> = {
      Alice: homes.within("home1", 2),
      Ann: homes.within("home1", 3),
      Bob: homes.within("home2", 2), // with the same address as Alice has at home
      Cem: homes.within("home2", 3),
    };
    await using nodes = new Nodes();
    const data = await Deno.makeTempDir();
    const startPoint = () => {
      const words = ["regserver", "--meeting-point", "--port", String(POINT_PORT)];
      return nodes.add(Node.start(words, { within: homes.hosts.within("server"), data }));
    };
    let point = startPoint();
    await point.until(is("ready"));
    const at = `${homes.server}:${POINT_PORT}`;
    const start = (name: string, ...args: readonly string[]) => {
      const within = places[name]!;
      return nodes.add(Node.start(["mesh", name], { within, args: ["--meet", at, ...args] }));
    };
    const alice = start("Alice");
    await alice.until(meeting("registered"));
    const { invite } = await alice.ask("invite");
    const ann = start("Ann", "--invite", invite);
    await ann.until(meeting("registered"));
    const bob = start("Bob", "--invite", invite);
    for (
      const [node, others] of [[alice, ["Ann", "Bob"]], [ann, ["Alice", "Bob"]], [bob, [
        "Alice",
        "Ann",
      ]]] as const
    ) {
      for (const other of others) await node.until(named("joined", other));
    }

    await bob.say("from the other home");
    await alice.until(said("from the other home"));
    await ann.until(said("from the other home"));
    await ann.say("and back");
    await bob.until(said("and back"));
    await bob.until(meeting("registered"));
    const { peers } = await bob.ask("peers");
    const linked = peers.filter(({ direct }: ShownEvent) => direct).slice(1);
    assert(linked.length > 0 && linked.every(({ relayed }: ShownEvent) => relayed === true));
    const { meeting: counts } = await point.ask("status");
    assertEquals(counts.registered, 3);
    assert(counts.links > 0 && counts.relayedBytes > 1_000);
    const { peers: ofAnn } = await ann.ask("peers");
    const toAlice = ofAnn.find(({ name }: ShownEvent) => name === "Alice");
    assert(toAlice.direct && toAlice.relayed === undefined, "within a home links are direct");

    // The meeting point is killed: each home goes on by itself.
    await point.kill();
    await bob.until(meeting("away"));
    await alice.until(named("left", "Bob"), 35_000 + BUSY_MS);
    await alice.say("while it was away");
    await ann.until(said("while it was away"));
    const [seen, heard, before] = [alice, bob, ann].map(({ events }) => events.length);
    point = startPoint();
    await bob.until(meeting("registered"), 45_000 + BUSY_MS, heard);
    await alice.until(named("joined", "Bob"), 45_000 + BUSY_MS, seen);
    await bob.until(said("while it was away"));
    await bob.say("here again");
    await ann.until(said("here again"));
    assertEquals(ann.events.filter(named("left", "Alice")), []);
    await ann.until(meeting("registered"), 45_000 + BUSY_MS, before);

    // Her invite is good when she is gone, too: Ann, whom nobody elsewhere can dial either, is found by it.
    const shown = alice.events.length;
    await bob.end();
    await alice.until(named("left", "Bob"), undefined, shown);
    const { invite: later } = await alice.ask("invite");
    await alice.quit();
    const cem = start("Cem", "--invite", later);
    await cem.until(named("joined", "Ann"));
  },
});

Deno.test("meeting point: another key than the one that was met is told, and nothing goes there", async () => {
  await using nodes = new Nodes();
  const startPoint = (port: string) =>
    nodes.add(Node.start(["regserver", "--meeting-point", "--host", "127.0.0.1", "--port", port]));
  const point = startPoint("0");
  const { port } = await point.until(is("ready"));
  const data = await Deno.makeTempDir();
  const words = ["mesh", "Alice", "--passive", "--meet", `127.0.0.1:${port}`];
  const alice = nodes.add(Node.start(words, { data }));
  await alice.until(meeting("registered"));
  await point.kill();
  const other = startPoint(String(port));
  const { key } = await other.until(is("ready"));
  const told = await alice.until((shown) =>
    shown.event === "error" && shown.code === "key-changed"
  );
  assertEquals(told.changed.key, key);
  const { meeting: before } = await other.ask("status");
  assertEquals(before.registered, 0);
  const from = alice.events.length;
  await alice.type("/trust *meeting*");
  await alice.until(meeting("registered"), undefined, from);
  const { meeting: after } = await other.ask("status");
  assertEquals(after.registered, 1);
});

Deno.test("meeting point: a directory that is none says so, and the room goes on", async () => {
  await using nodes = new Nodes();
  const directory = nodes.add(Node.start(["regserver", "--host", "127.0.0.1", "--port", "0"]));
  const { port } = await directory.until(is("ready"));
  const alice = nodes.add(
    Node.start([
      "mesh",
      "Alice",
      "--host",
      "127.0.0.1",
      "--port",
      "0",
      "--meet",
      `127.0.0.1:${port}`,
    ]),
  );
  const { reason } = await alice.until(meeting("away"));
  assert(reason.includes("--meeting-point"), reason);
  await alice.say("alone");
  await alice.until(said("alone"));
});

Deno.test("meeting point: that of one room isn't taken into another one, which an address leads to", async () => {
  await using nodes = new Nodes();
  const start = (words: readonly string[], data: string) =>
    nodes.add(Node.start([...words, "--host", "127.0.0.1"], { data }));
  const [alices, bobs] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
  const point = start(["regserver", "--meeting-point", "--port", "0"], await Deno.makeTempDir());
  const { port } = await point.until(is("ready"));
  const founding = ["mesh", "Alice", "--port", "0", "--private", "--meet", `127.0.0.1:${port}`];
  const founder = start(founding, alices);
  await founder.until(meeting("registered"));
  await founder.command({ command: "quit" });
  await founder.ended();

  const bob = start(["mesh", "Bob", "--port", "0"], bobs);
  const { port: open } = await bob.until(is("ready"));
  const alice = start(["mesh", "Alice", "127.0.0.1", String(open), "--port", "0"], alices);
  await bob.until(named("joined", "Alice"));
  await bob.say("hello");
  await alice.until(said("hello"));
  const { meeting: met } = await point.ask("status");
  assertEquals(met.registered, 0);
  assertEquals(alice.events.filter(is("meeting-point")), []);
  await alice.command({ command: "quit" });
  await alice.ended();

  const [room] = founder.events.filter(is("ready")).map(({ room }) => String(room));
  const again = start(["mesh", "Alice", "--room", room!, "--port", "0"], alices);
  await again.until(meeting("registered"));
});
