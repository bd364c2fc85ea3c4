/** `--metrics` of several instances over a real etcd: which one is ready, and when none is. */

import { assertEquals, assertMatch } from "@std/assert";
import { EtcdNodes, HAS_ETCD } from "../engine/etcd_nodes.ts";
import { readOpenMetrics, valueOf } from "../cli/metrics/openmetrics.ts";
import { holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const SPACE = /^Cannot .* the engine: .*database space exceeded/;
const LISTEN = ["--host", "127.0.0.1", "--port", "0"] as const;

/** Instances of one server, each with a folder of its own and the key of the first. */
class World implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "p2pchat-engine-metrics-" });
  readonly #nodes = new Nodes();

  private constructor(readonly etcd: EtcdNodes, readonly command: "serve" | "regserver") {}

  static async open(command: "serve" | "regserver"): Promise<World> {
    return new World(await EtcdNodes.open(1), command);
  }

  /** Starts an instance, and waits until it says where its figures are. */
  async start(n: number): Promise<{ readonly node: Node; readonly place: string }> {
    const node = this.begin(n, "127.0.0.1:0");
    const { text } = await node.until(({ event, text }) =>
      event === "notice" && /^Metrics are at /.test(text)
    );
    return { node, place: /http:\/\/\S+(?=\/metrics)/.exec(text)![0] };
  }

  /** Starts an instance with its figures there. */
  begin(n: number, metrics: string): Node {
    const [own, first] = [n, 0].map((one) => `${this.#folder}/${one}/${this.command}`);
    if (n > 0) {
      Deno.mkdirSync(own!, { recursive: true });
      Deno.copyFileSync(`${first}/identity`, `${own}/identity`);
    }
    const at = new URL(this.etcd.urls[0]!).host;
    const engine = ["--engine", `etcd://${at}/test`, "--metrics", metrics];
    const args = this.command === "serve" ? [...engine, "--group", "team"] : engine;
    const data = `${this.#folder}/${n}`;
    return this.#nodes.add(Node.start([this.command, ...LISTEN], { data, args }));
  }

  /** Starts a member of the group whose coordinator listens at that port. */
  member(name: string, port: number): Node {
    const words = ["peer", name, "--server", `127.0.0.1:${port}`, ...LISTEN];
    return Node.start(words, { data: `${this.#folder}/${name}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nodes[Symbol.asyncDispose]();
    await this.etcd[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Waits until `/ready` says this. */
async function says(place: string, status: number, line: string | RegExp): Promise<void> {
  let found: readonly [number, string] = [0, ""];
  await holds(`${place} says ${status} ${line}`, async () => {
    const answer = await fetch(`${place}/ready`);
    found = [answer.status, (await answer.text()).trimEnd()];
    const [code, text] = found;
    return code === status && (typeof line === "string" ? text === line : line.test(text));
  }).catch((error) => {
    throw new Error(`${error.message}, not ${found}`);
  });
}

async function figure(place: string, name: string): Promise<number | undefined> {
  return valueOf(readOpenMetrics(await (await fetch(`${place}/metrics`)).text()), name);
}

function trial(name: string, fn: () => Promise<void>): void {
  const why = HAS_ETCD ? "" : ": etcd isn't installed";
  Deno.test({ name: `metrics with an engine: ${name}${why}`, ignore: !HAS_ETCD, fn });
}

trial("of a coordinator's instances the one that leads is ready", async () => {
  await using world = await World.open("serve");
  const first = await world.start(0);
  await says(first.place, 200, "People can come in");
  const second = await world.start(1);
  await says(
    second.place,
    503,
    "This instance stands by: members are sent to the one that leads",
  );
  assertEquals(await figure(first.place, "p2pchat_leader"), 1);
  assertEquals(await figure(second.place, "p2pchat_leader"), 0);
  assertEquals(await figure(second.place, "p2pchat_engine_up"), 1);

  await first.node.kill();
  await says(second.place, 200, "People can come in");
  await holds("it leads", async () => await figure(second.place, "p2pchat_leader") === 1);
});

trial("without it nobody comes in, and with it again they do", async () => {
  await using world = await World.open("regserver");
  const { place } = await world.start(0);
  await says(place, 200, "People can come in");

  await world.etcd.kill(0);
  await says(place, 503, "The engine doesn't answer");
  assertEquals(await figure(place, "p2pchat_engine_up"), 0);
  world.etcd.start(0);
  await says(place, 200, "People can come in");
});

trial("of a directory whose engine has no space nobody is ready, and /ready says why", async () => {
  await using world = await World.open("regserver");
  const { node, place } = await world.start(0);
  await says(place, 200, "People can come in");
  assertEquals(await figure(place, "p2pchat_engine_up"), 1);

  await world.etcd.full(true);
  await says(place, 503, /^The engine makes no changes: .*database space exceeded/);
  await holds("it isn't up", async () => await figure(place, "p2pchat_engine_up") === 0);
  const { problems } = await node.ask("status");
  assertMatch(problems.join("\n"), /database space exceeded/);
  await world.etcd.full(false);
  await says(place, 200, "People can come in");
});

trial("a group's engine has no space: none leads, and each instance says why", async () => {
  await using world = await World.open("serve");
  const first = await world.start(0);
  await says(first.place, 200, "People can come in");
  const both = [first, await world.start(1)];
  await says(both[1]!.place, 503, /^This instance stands by/);

  await world.etcd.full(true);
  await using ann = world.member("ann", first.node.port); // which is to be written down
  for (const { node, place } of both) {
    await says(place, 503, SPACE);
    await holds("it isn't up", async () => await figure(place, "p2pchat_engine_up") === 0);
    const isTold = ({ event, warning, text }: ShownEvent) =>
      event === "notice" && warning && SPACE.test(text);
    await node.until(isTold);
    assertMatch((await node.ask("status")).problems.join("\n"), SPACE);
    assertEquals(node.events.filter(isTold).length, 1);
    await holds("it is a problem", async () => await figure(place, "p2pchat_problems") === 1);
  }
  await world.etcd.full(false);
  await ann.until(({ event, members }) => event === "view" && members.includes("ann"));
  for (const { node } of both) {
    await holds("nothing is wrong any more", async () => {
      const { problems, engine } = await node.ask("status");
      return problems.length === 0 && engine.trouble === undefined;
    });
  }
});

for (const command of ["regserver", "serve"] as const) {
  trial(`${command}, started while it is away, says that it is away`, async () => {
    await using world = await World.open(command);
    await world.etcd.kill(0);
    const at = `127.0.0.1:${freePort()}`;
    const place = `http://${at}`;
    const node = world.begin(0, at);
    await node.until(({ event, text }) => event === "notice" && /waiting for/i.test(text));

    await says(place, 503, "The engine doesn't answer");
    assertEquals(await figure(place, "p2pchat_engine_up"), 0);
    world.etcd.start(0);
    await says(place, 200, "People can come in");
    await holds("it says so", async () => await figure(place, "p2pchat_engine_up") === 1);
  });
}
