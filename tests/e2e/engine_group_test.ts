/**
 * A group that an engine keeps: two programs of its coordinator, three members, and three nodes of a real etcd, while who
 * leads is killed, stopped, or cut off. The times are those that docs/engine.md promises.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { EtcdNodes, HAS_ETCD, pass } from "../engine/etcd_nodes.ts";
import { CuttableWire } from "./cuttable_wire.ts";
import { shows } from "./group_world.ts";
import { BUSY_MS, holds, Node, Nodes, type ShownEvent } from "./node.ts";
import { freePort } from "./ports.ts";

const NAMES = ["ann", "bob", "cat"] as const;

/** The group, whole: both instances run, and the members are in it. */
class World implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-engine-" }));
  readonly nodes = new Nodes();
  readonly members: Node[] = [];
  readonly #serving: Node[] = [];
  readonly #ports = [freePort(), freePort()];
  #edits = 0;

  private constructor(readonly etcd: EtcdNodes, readonly wires: readonly CuttableWire[]) {}

  static async open(): Promise<World> {
    const etcd = await EtcdNodes.open(3);
    const ports = etcd.urls.map((url) => Number(new URL(url).port));
    const world = new World(etcd, ports.map((port) => new CuttableWire(port)));
    await world.serve(0);
    await world.leader();
    // As an operator does: the key of the first is that of all.
    Deno.mkdirSync(`${world.folder}/1/serve`, { recursive: true });
    Deno.copyFileSync(`${world.folder}/0/serve/identity`, `${world.folder}/1/serve/identity`);
    await world.serve(1);
    for (const name of NAMES) world.members.push(await world.join(name));
    await world.members[0]!.say("first");
    for (const member of world.members) await member.until(shows("first"));
    return world;
  }

  /** Starts an instance. The first one reaches the engine by wires that a test may cut. */
  async serve(n: number): Promise<void> {
    const direct = this.etcd.urls.map((url) => Number(new URL(url).port));
    const ports = n === 0 ? this.wires.map(({ port }) => port) : direct;
    const engine = `etcd://${ports.map((port) => `127.0.0.1:${port}`).join()}/test`;
    const words = [
      "serve",
      "--host",
      "127.0.0.1",
      "--port",
      String(this.#ports[n]),
      "--edits",
      "auto",
    ];
    const args = ["--engine", engine, "--group", "team"];
    const node = this.nodes.add(Node.start(words, { data: `${this.folder}/${n}`, args }));
    this.#serving[n] = node;
    await node.until(({ event }) => event === "role");
  }

  /** Another program of a coordinator. */
  launch(data: string, args: readonly string[]): Node {
    const words = ["serve", "--host", "127.0.0.1", "--port", "0"];
    return this.nodes.add(Node.start(words, { data: `${this.folder}/${data}`, args }));
  }

  /** The same, which is seen to be ready. */
  async other(data: string, args: readonly string[]): Promise<Node> {
    const node = this.launch(data, args);
    await node.until(({ event }) => event === "ready");
    return node;
  }

  /** The flag that names the engine. @param group The group in it. */
  engine(group: string): readonly string[] {
    const nodes = this.etcd.urls.map((url) => new URL(url).host).join();
    return ["--engine", `etcd://${nodes}/test`, "--group", group];
  }

  /** A member comes in. */
  async join(name: string): Promise<Node> {
    const server = this.#ports.toReversed().map((port) => `127.0.0.1:${port}`).join();
    const port = String(freePort());
    const words = ["peer", name, "--server", server, "--host", "127.0.0.1", "--port", port];
    const node = this.nodes.add(Node.start(words, { data: `${this.folder}/${name}` }));
    await node.until(({ event, members }) => event === "view" && members.includes(name));
    return node;
  }

  instance(n: number): Node {
    return this.#serving[n]!;
  }

  /** Which instance leads, as it says. */
  async leader(): Promise<number> {
    let found = -1;
    await holds("one instance leads", () => {
      found = this.#serving.findIndex((node) => !node.hasEnded && roleOf(node) === "leader");
      return found >= 0;
    });
    return found;
  }

  /** Has the first entry edited, and waits until all show that. @returns How long it took, ms. */
  async edit(): Promise<number> {
    const text = `edit ${++this.#edits}`;
    const beganMs = performance.now();
    await this.members[0]!.type(`/edit ${text} - 1`);
    for (const member of this.members) {
      await member.until((event) =>
        event.event === "edit" && event.text === text && event.outcome === "committed"
      );
    }
    return performance.now() - beganMs;
  }

  /**
   * Does something to who leads, while members chat, and has an entry edited.
   * @returns How long it took until that was done, and the longest time in which nothing of the chat came, ms.
   */
  async through(
    disturb: () => Promise<void> | void,
  ): Promise<{ readonly editMs: number; readonly silentMs: number }> {
    const [ann, bob] = this.members as [Node, Node];
    const from = bob.events.length;
    let isOver = false;
    const chatting = (async () => {
      for (let n = 0; !isOver; n++) {
        await ann.say(`${n}`);
        await pass(100);
      }
    })();
    await bob.until(({ event }) => event === "message", undefined, from);
    let editMs;
    try {
      await disturb();
      editMs = await this.edit();
    } finally {
      isOver = true;
      await chatting;
    }
    const cameMs = bob.events.slice(from).flatMap(({ event, at }) =>
      event === "message" ? [Date.parse(at)] : []
    );
    const gaps = cameMs.slice(1).map((ms, at) => ms - cameMs[at]!);
    return { editMs, silentMs: Math.max(...gaps) };
  }

  /** Both instances run, and one leads. Waits until all members have one log. @returns Who leads. */
  async whole(): Promise<number> {
    for (const n of [0, 1]) if (this.instance(n).hasEnded) await this.serve(n);
    const leader = await this.leader();
    await holds("the members have one log, and the coordinator knows it", async () => {
      const all = [this.instance(leader), ...this.members];
      const [told, ...answers] = await Promise.all(all.map((node) => node.ask("status")));
      const { seq, digest } = answers[0]!;
      return told!.seq === seq && told!.members.length === NAMES.length &&
        told!.members.every((member: ShownEvent) => member.digest === digest) &&
        answers.every((one) => one.digest === digest && one.coordinator === "up");
    });
    for (const node of [...this.#serving, ...this.members]) assertEquals(problemsOf(node), []);
    return leader;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes[Symbol.asyncDispose]();
    for (const wire of this.wires) wire.close();
    await this.etcd[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

function roleOf(node: Node): string | null {
  return node.events.findLast(({ event }) => event === "role")?.["role"] ?? null;
}

/** What no program should say in these tests. */
function problemsOf(node: Node): readonly unknown[] {
  return node.events.filter(({ event, code }) =>
    event === "fatal" || (event === "error" && code === "protocol")
  );
}

let opened: Promise<World> | null = null;
// Its programs outlive each test of the file.
Deno.test.sanitizer({ ops: false, resources: false });
Deno.test.afterAll(async () => await (await opened)?.[Symbol.asyncDispose]());

const trial = (name: string, run: (world: World) => Promise<void>) =>
  Deno.test({
    name: `a group in an engine: ${name}${HAS_ETCD ? "" : ": etcd isn't installed"}`,
    ignore: !HAS_ETCD,
    fn: async () => await run(await (opened ??= World.open())),
  });

trial("who leads is killed: another one leads, and the chat goes on", async (world) => {
  const before = await world.whole();
  const { editMs, silentMs } = await world.through(() => world.instance(before).kill());
  assertLess(editMs, 8_000 + BUSY_MS);
  assertLess(silentMs, 3_500 + BUSY_MS);
  assertEquals(await world.leader(), 1 - before);
  const dan = await world.join("dan");
  await dan.type("/exit");
  await dan.ended();
});

trial(
  "who leads stands still for 8 s: it finds that another one leads, and stands by",
  async (world) => {
    const before = await world.whole();
    const stopped = world.instance(before);
    const from = stopped.events.length;
    const { editMs, silentMs } = await world.through(() => stopped.signal("SIGSTOP"));
    assertLess(editMs, 8_000 + BUSY_MS);
    assertLess(silentMs, 3_500 + BUSY_MS);
    await pass(Math.max(0, 8_000 - editMs));
    stopped.signal("SIGCONT");
    await stopped.until(
      ({ event, role }) => event === "role" && role === "stand-by",
      undefined,
      from,
    );
    await world.edit();
    assertEquals(await world.whole(), 1 - before);
  },
);

trial("etcd's leader is killed: the same coordinator leads", async (world) => {
  const before = await world.whole();
  const node = await world.etcd.leader();
  const { editMs } = await world.through(() => world.etcd.kill(node));
  assertLess(editMs, 5_000 + BUSY_MS);
  await pass(4_000); // longer than a lease that isn't renewed is trusted
  world.etcd.start(node);
  assertEquals(await world.whole(), before);
  const isChange = ({ event }: ShownEvent) => event === "role";
  assertEquals(world.instance(before).events.filter(isChange).at(-1)!["role"], "leader");
});

trial("who leads and etcd's leader are killed at once", async (world) => {
  const before = await world.whole();
  const node = await world.etcd.leader();
  const { editMs, silentMs } = await world.through(async () => {
    await Promise.all([world.instance(before).kill(), world.etcd.kill(node)]);
  });
  assertLess(editMs, 13_000 + BUSY_MS);
  assertLess(silentMs, 3_500 + BUSY_MS);
  world.etcd.start(node);
  await world.whole();
});

trial(
  "who leads is cut off from the engine alone: it gives up, and the other one leads",
  async (world) => {
    if (await world.whole() !== 0) await world.instance(1).kill();
    await holds("the first instance leads", async () => await world.leader() === 0);
    assertEquals(await world.whole(), 0);
    const from = world.instance(0).events.length;
    const { editMs, silentMs } = await world.through(() => {
      for (const wire of world.wires) wire.cut();
    });
    assertLess(editMs, 8_000 + BUSY_MS);
    assertLess(silentMs, 3_500 + BUSY_MS);
    await world.instance(0).until(
      ({ event, role }) => event === "role" && role === "stand-by",
      10_000 + BUSY_MS,
      from,
    );
    const { engine } = await world.instance(0).ask("status");
    assert(!engine.answers, "it says so");
    for (const wire of world.wires) wire.mend();
    await holds("it is there again", async () => {
      const { engine } = await world.instance(0).ask("status");
      return engine.answers && engine.leader?.port === world.instance(1).port;
    });
  },
);

trial(
  "garbage in the place of who leads: who does puts its own again; else it is deleted, and one leads",
  async (world) => {
    const before = await world.whole();
    const store = world.etcd.store();
    const key = "test/group/team/leader";
    const says = (words: string) => ({ event, text, warning }: ShownEvent) =>
      event === "notice" && warning && text.includes(key) && text.endsWith(words);
    const { modified } = (await store.get(key))!;
    await store.commit({ when: [{ key, modified }], puts: [{ key, value: "garbage" }] });
    await world.instance(before).until(says("this instance, which leads, puts its own again"));
    await holds("it stands there again", async () => (await store.get(key))!.value !== "garbage");
    await world.edit();
    assertEquals(await world.whole(), before);

    // As where nobody leads: the key is another one than that by which it led.
    const from = [0, 1].map((n) => world.instance(n).events.length);
    await holds("garbage stands there before anybody leads", async () => {
      const led = await store.get(key);
      const when = led === null ? [] : [{ key, modified: led.modified }];
      if (led !== null) await store.commit({ when, puts: [], deletes: [key] });
      const puts = [{ key, value: "garbage" }];
      return (await store.commit({ when: [{ key, is: "absent" }], puts })).outcome === "done";
    });
    const { editMs } = await world.through(async () => {
      await Promise.all(
        [0, 1].map((n) => world.instance(n).until(says("in 5 s"), 10_000, from[n])),
      );
    });
    assertLess(editMs, 13_000 + BUSY_MS);
    await world.whole();
    const deleted = [0, 1].filter((n) =>
      world.instance(n).events.slice(from[n]).some(says("it was deleted"))
    );
    assertEquals(deleted.length, 1);
  },
);

trial("another key is refused, with what to copy from where", async (world) => {
  const node = world.launch("stranger", world.engine("team"));
  const { code, last } = await node.ended();
  assertEquals([code, last?.event, last?.["code"]], [4, "fatal", "key-changed"]);
  assertEquals(node.events.filter(({ event }) => event === "ready"), [], "nobody is invited");
  assert(
    last!["text"].includes(
      `overwrite ${world.folder}/stranger/serve/identity with that file of one of them`,
    ),
  );
});

trial("a private group lets those in who have its invite, at any instance", async (world) => {
  const args = ["--private", ...world.engine("secret")];
  const leader = await world.other("secret0", args);
  await leader.until(({ event, role }) => event === "role" && role === "leader");
  Deno.mkdirSync(`${world.folder}/secret1/serve`, { recursive: true });
  const [from, to] = [0, 1].map((n) => `${world.folder}/secret${n}/serve/identity`);
  Deno.copyFileSync(from!, to!);
  const other = await world.other("secret1", args);
  await other.until(({ event }) => event === "role");

  const { invite } = await leader.ask("invite", { rotate: false });
  const join = (name: string, env: Readonly<Record<string, string>>, { port } = other) => {
    const server = `127.0.0.1:${port}`;
    const words = [
      "peer",
      name,
      "--server",
      server,
      "--host",
      "127.0.0.1",
      "--port",
      `${freePort()}`,
    ];
    return world.nodes.add(Node.start(words, { data: `${world.folder}/${name}`, env }));
  };
  const ann = join("anna", { P2PCHAT_INVITE: invite });
  await ann.until(({ event, members }) => event === "view" && members.includes("anna"));
  const { code, last } = await join("mal", {}).ended();
  assertEquals([code, last?.["code"]], [4, "bad-credentials"]);

  // One that the engine hasn't told yet who may come in.
  Deno.mkdirSync(`${world.folder}/secret2/serve`, { recursive: true });
  Deno.copyFileSync(from!, `${world.folder}/secret2/serve/identity`);
  const nowhere = ["--engine", `etcd://127.0.0.1:${freePort()}`, "--group", "secret"];
  const early = await world.other("secret2", ["--private", ...nowhere]);
  const bea = join("bea", { P2PCHAT_INVITE: invite }, early);
  await bea.until(({ event, state }) => event === "coordinator" && state === "down");
  assert(!bea.hasEnded, "it waits for one that takes it");
  await early.type("/exit");
  await early.ended();

  // The other one leads by what the first has left.
  await leader.type("/exit");
  await leader.ended();
  await other.until(({ event, role }) => event === "role" && role === "leader");
  assertEquals((await other.ask("invite", { rotate: false }))["invite"].length > 0, true);
  for (const node of [ann, other]) {
    await node.type("/exit");
    await node.ended();
  }
});

Deno.test("a group in an engine: one that doesn't answer is waited for, and the operator is told", async () => {
  await using node = Node.start(
    ["serve", "--host", "127.0.0.1", "--port", "0"],
    { args: ["--engine", `etcd://127.0.0.1:${freePort()}`, "--group", "team"] },
  );
  await node.until(({ event }) => event === "ready");
  const { text } = await node.until(({ event, warning }) => event === "notice" && warning);
  assert(text.startsWith("The engine doesn't answer: 127.0.0.1:"), text);
  const { engine } = await node.ask("status");
  assertEquals([engine.role, engine.answers, engine.leader], ["stand-by", false, null]);
  await node.type("/exit");
  assertEquals((await node.ended()).code, 0);
});
