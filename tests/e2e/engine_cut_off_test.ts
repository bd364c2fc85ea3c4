/**
 * Machines that are cut off as by a firewall or a pulled cable: what is sent is lost, nobody is told, no connection is
 * closed. Each node of etcd, each program, and each of its people is on a host of its own.
 */

import { assert, assertEquals, assertLess } from "@std/assert";
import { HAS_ETCD, pass } from "../engine/etcd_nodes.ts";
import { ENGINE_HOSTS, shareIdentity, TorturedEngine } from "../torture/engine.ts";
import { hears, is, listed, presence, tell } from "./directory_world.ts";
import { shows } from "./group_world.ts";
import { canMakeHosts, Hosts } from "./hosts.ts";
import { BUSY_MS, holds, Node, Nodes, type ShownEvent } from "./node.ts";

const PORT = 25_120;
/** Of somebody who comes and goes while a node is cut off. */
const VISITS = 2;
const VISITED = Array.from({ length: VISITS }, (_, visit) => visit);
/** Longer than a lease. */
const LEASE_OVER_MS = 6_000;

const CAN = HAS_ETCD && canMakeHosts();

/** Programs on hosts of their own, and an engine beside them. */
class World implements AsyncDisposable {
  readonly folder: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "p2pchat-cut-" }));
  readonly nodes = new Nodes();

  private constructor(readonly hosts: Hosts, readonly engine: TorturedEngine) {}

  static async open(...names: readonly string[]): Promise<World> {
    await using made = new AsyncDisposableStack();
    const hosts = made.use(await Hosts.open(...names, ...ENGINE_HOSTS));
    const engine = made.use(await TorturedEngine.open(hosts));
    made.move();
    return new World(hosts, engine);
  }

  /** Starts a program on the host, with the profile that it had there before. */
  start(host: string, words: readonly string[], profile = host): Node {
    const within = this.hosts.within(host);
    return this.nodes.add(Node.start(words, { data: `${this.folder}/${profile}`, within }));
  }

  /** One of the instances; the key of the first one is that of all. */
  async serve(host: string, words: readonly string[], ready: string, first?: Node): Promise<Node> {
    const [command] = words;
    if (first !== undefined) {
      await shareIdentity(command!, [first, { data: `${this.folder}/${host}` }]);
    }
    const node = this.start(host, [...words, "--port", String(PORT), ...this.engine.flags]);
    await node.until(is(ready));
    return node;
  }

  /** The address of all these hosts together. */
  at(...hosts: readonly string[]): string {
    return `${hosts.map((host) => this.hosts.address(host)).join()}:${PORT}`;
  }

  async guest(host: string, name: string, registry: string): Promise<Node> {
    const words = ["peer", name, "--guest", "--trust-first", "--registry", registry];
    const node = this.start(host, words);
    await node.until(is("users"));
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.nodes[Symbol.asyncDispose]();
    await this.engine[Symbol.asyncDispose]();
    await this.hosts[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

const trial = (name: string, run: () => Promise<void>) =>
  Deno.test({
    name: `${name}${CAN ? "" : ": no etcd, or no hosts can be made"}`,
    ignore: !CAN,
    sanitizeOps: false, // what was asked of programs that are killed
    sanitizeResources: false,
    fn: run,
  });

trial(
  "a directory of two instances: the node that one follows is cut off: its list is late, and has no gap",
  async () => {
    await using world = await World.open("Dir1", "Dir2", "Ann", "Bob");
    const { hosts, engine } = world;
    const regserver = ["regserver"];
    const one = await world.serve("Dir1", regserver, "ready");
    const ann = await world.guest("Ann", "ann", world.at("Dir1", "Dir2"));
    const [node] = await engine.followed();
    assert(node !== undefined, "the first instance follows one of them");
    const other = await world.serve("Dir2", regserver, "ready", one);
    const bob = await world.guest("Bob", "bob", world.at("Dir2", "Dir1"));
    await holds("they see each other", async () => (await listed(ann)).length === 2);
    await tell(bob, "before");
    assert((await engine.followed()).includes(node), "it still follows that one");

    const from = ann.events.length;
    await hosts.cut(node, "Dir1", "Dir2", ...ENGINE_HOSTS.filter((host) => host !== node));
    const words = ["peer", "cat", "--guest", "--trust-first", "--registry", world.at("Dir2")];
    const beganMs = performance.now();
    for (const visit of VISITED) {
      const cat = world.start("Bob", words, "cat");
      await cat.until(is("users"));
      if (visit === 0) assertLess(performance.now() - beganMs, 4_000 + BUSY_MS);
      const inMs = performance.now();
      await ann.untilCount(presence("cat", "free"), visit + 1, undefined, from);
      assertLess(performance.now() - inMs, 3_000 + BUSY_MS);
      await tell(bob, `while it is away ${visit}`);
      await cat.type("/exit");
      await cat.ended();
      await ann.untilCount(presence("cat", "offline"), visit + 1, undefined, from);
    }
    const silentAre = async (instance: Node, ...silent: readonly string[]) =>
      await holds(`these nodes are silent: ${silent}`, async () => {
        const { engine } = await instance.ask("status");
        return engine.nodes.filter(({ answers }: ShownEvent) => !answers)
          .map(({ address }: ShownEvent) => address).join() === silent.join();
      });
    for (const instance of [one, other]) {
      await silentAre(instance, `${hosts.address(node)}:2379`);
    }

    await hosts.heal(node, "Dir1", "Dir2", ...ENGINE_HOSTS.filter((host) => host !== node));
    for (const instance of [one, other]) await silentAre(instance);
    await tell(bob, "after");
    const told = ["before", ...VISITED.map((visit) => `while it is away ${visit}`), "after"];
    assertEquals(await hears(ann, told.length), told.map((text) => `bob: ${text}`));
    const seen = ann.events.slice(from).filter(is("presence")).map(({ name, state }) =>
      `${name} ${state}`
    );
    assertEquals(seen, VISITED.flatMap(() => ["cat free", "cat offline"]));
    for (const person of [ann, bob]) {
      assertEquals(await listed(person), ["ann free", "bob free"]);
      assertEquals(person.events.filter(is("session")).length, 1, "nobody was sent away");
    }
  },
);

trial(
  "a group in an engine: who leads is cut off from the members alone: it keeps the lead, they wait, and it says why",
  async () => {
    await using world = await World.open("Coor1", "Coor2", "Ann", "Bob");
    const { hosts } = world;
    const serve = ["serve", "--edits", "auto", "--group", "team"];
    const one = await world.serve("Coor1", serve, "role");
    const isRole = (role: string) => (event: ShownEvent) =>
      event.event === "role" && event.role === role;
    await one.until(isRole("leader"));
    const other = await world.serve("Coor2", serve, "role", one);
    const members: Node[] = [];
    for (const name of ["Ann", "Bob"]) {
      const member = world.start(name, ["peer", name, "--server", world.at("Coor2", "Coor1")]);
      await member.until(({ event, members }) => event === "view" && members.includes(name));
      members.push(member);
    }
    const [ann, bob] = members as [Node, Node];
    await ann.say("first");
    await bob.until(shows("first"));
    const committed = (text: string) => (event: ShownEvent) =>
      event.event === "edit" && event.text === text && event.outcome === "committed";

    for (const [edit, isEnded] of [["waits for it", false], ["waits for another", true]] as const) {
      const roles = [one, other].map((node) => node.events.filter(is("role")).length);
      const from = members.map(({ events }) => events.length);
      await hosts.cut("Coor1", "Ann", "Bob");
      const isDown = ({ event, state }: ShownEvent) => event === "coordinator" && state === "down";
      for (const [at, member] of members.entries()) await member.until(isDown, undefined, from[at]);
      await holds("it says that no member is linked to it", async () => {
        const { problems, engine } = await one.ask("status");
        assert(engine.answers && engine.role === "leader");
        return problems.some((text: string) => text.startsWith("No member is linked to this "));
      });
      await ann.type(`/edit ${edit} - 1`);
      await ann.say(`chat goes on: ${edit}`);
      await bob.until(shows(`chat goes on: ${edit}`));
      if (!isEnded) await pass(LEASE_OVER_MS);
      assertEquals((await ann.ask("status"))["coordinator"], "down");
      assertEquals(members.flatMap(({ events }) => events.filter(committed(edit))), []);
      assertEquals([one, other].map((node) => node.events.filter(is("role")).length), roles);
      if (isEnded) {
        await one.type("/exit");
        await one.ended();
        await other.until(isRole("leader"));
      } else await hosts.heal("Coor1", "Ann", "Bob");
      for (const member of members) await member.until(committed(edit));
      await holds("both are in one view, and linked", async () => {
        const all = await Promise.all(members.map((member) => member.ask("status")));
        return all.every(({ coordinator, view, digest }) =>
          coordinator === "up" && view === all[0]!.view && digest === all[0]!.digest
        );
      });
    }
    // Nobody is put out because another one was back first.
    for (const member of members) {
      const isOut = ({ event, left }: ShownEvent) => event === "view" && left.length > 0;
      assertEquals(member.events.filter(isOut), []);
    }
    for (const node of [one, other, ...members]) {
      const isFault = ({ event, code }: ShownEvent) =>
        event === "fatal" || (event === "error" && code === "protocol");
      assertEquals(node.events.filter(isFault), []);
    }
  },
);
