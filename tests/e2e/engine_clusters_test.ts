/** An `--engine` whose nodes are of two clusters of etcd: half of what is written would be in each. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { EtcdNodes, HAS_ETCD } from "../engine/etcd_nodes.ts";
import { DirectoryWorld, endOf, is, session } from "./directory_world.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";

const hostOf = (nodes: EtcdNodes) => new URL(nodes.urls[0]!).host;

const trial = (name: string, run: (one: EtcdNodes, other: EtcdNodes) => Promise<void>) =>
  Deno.test({
    name: `an engine of two clusters: ${name}${HAS_ETCD ? "" : ": etcd isn't installed"}`,
    ignore: !HAS_ETCD,
    sanitizeOps: false, // what was asked of a node that is killed
    sanitizeResources: false,
    fn: async () => {
      await using one = await EtcdNodes.open(1);
      await using other = await EtcdNodes.open(1);
      await run(one, other);
    },
  });

trial(
  "no program starts with it, and each says which nodes don't belong together",
  async (one, other) => {
    const hosts = [hostOf(one), hostOf(other)];
    const engine = ["--engine", `etcd://${hosts.join()}/test`];
    await using nodes = new Nodes();
    const place = ["--host", "127.0.0.1", "--port", "0"];
    for (const words of [["accounts", "list"], ["regserver", ...place], ["serve", ...place]]) {
      const args = words[0] === "serve" ? [...engine, "--group", "team"] : engine;
      const node = nodes.add(Node.start(words, { args }));
      assertEquals(await endOf(node), [2, "fatal", "usage"]);
      const { text } = node.events.at(-1)!;
      assert(hosts.every((host) => text.includes(host)), text);
      assertMatch(
        text,
        /is a node of another cluster of etcd than .*; name the nodes of one in --engine$/,
      );
    }
  },
);

trial("a node of another one that comes up later is left alone", async (one, other) => {
  await other.kill(0);
  await using world = new DirectoryWorld();
  const directory = await world.serve(
    "--engine",
    `etcd://${hostOf(one)},${hostOf(other)}/test`,
  );
  other.start(0);
  const isToldOf = ({ event, text }: ShownEvent) =>
    event === "notice" &&
    text.includes(`${hostOf(other)} is away: it is a node of another cluster of etcd`);
  await directory.until(isToldOf);

  // Nobody of its own cluster answers: it asks the other node, too, and writes nothing there.
  one.signal(0, "SIGSTOP");
  const ann = world.launch("--guest", "ann");
  await ann.until(is("error"));
  one.signal(0, "SIGCONT");
  await ann.until(session("up"), 40_000);
  await holds("it is well", async () => {
    const { engine } = await directory.ask("status");
    return engine.answers === true;
  });
  assert(await one.store().count("test/") > 0);
  assertEquals(await other.store().count("test/"), 0);
});
