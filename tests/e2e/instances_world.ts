/** A directory of two instances over three nodes of a real etcd. */

import { EtcdNodes } from "../engine/etcd_nodes.ts";
import { CuttableWire } from "./cuttable_wire.ts";
import { DirectoryWorld, is, listed } from "./directory_world.ts";
import { holds, Node, type NodeOptions } from "./node.ts";
import { freePort } from "./ports.ts";

/** Another program than the built one. */
export type Version = Pick<NodeOptions, "module" | "program">;

/** The directory, whole: both instances run once both are started. */
export class InstancesWorld extends DirectoryWorld {
  readonly #ports = [freePort(), freePort()];
  readonly #serving: Node[] = [];

  private constructor(readonly etcd: EtcdNodes, readonly wires: readonly CuttableWire[]) {
    super();
  }

  /** @param folder Where the engine keeps all; by default one of its own. @param version Of the first instance. */
  static async open2(folder?: string, version: Version = {}): Promise<InstancesWorld> {
    const etcd = await EtcdNodes.open(3, null, folder);
    const ports = etcd.urls.map((url) => Number(new URL(url).port));
    const world = new InstancesWorld(etcd, ports.map((port) => new CuttableWire(port)));
    await world.direct(0, version);
    return world;
  }

  /** As an operator does: the key of the first instance is that of all. */
  copyKey(): void {
    const [from, to] = [0, 1].map((n) => `${this.folder}/${n}/regserver`);
    Deno.mkdirSync(to!, { recursive: true });
    Deno.copyFileSync(`${from}/identity`, `${to}/identity`);
  }

  launchInstance(n: number, data = `${this.folder}/${n}`, version: Version = {}): Node {
    const direct = this.etcd.urls.map((url) => Number(new URL(url).port));
    // The first one reaches the engine by wires that a test may cut.
    const ports = n === 0 ? this.wires.map(({ port }) => port) : direct;
    const engine = `etcd://${ports.map((port) => `127.0.0.1:${port}`).join()}/test`;
    const words = ["regserver", "--host", "127.0.0.1", "--port", String(this.#ports[n])];
    return this.nodes.add(Node.start(words, { data, args: ["--engine", engine], ...version }));
  }

  /** Starts an instance. */
  async direct(n: number, version: Version = {}): Promise<void> {
    this.#serving[n] = this.launchInstance(n, undefined, version);
    await this.#serving[n].until(is("ready"));
  }

  portOf(n: number): number {
    return this.#ports[n]!;
  }

  instance(n: number): Node {
    return this.#serving[n]!;
  }

  /** Where the instances are, this one first. */
  at(n: number): { readonly registry: string } {
    const ports = n === 0 ? this.#ports : this.#ports.toReversed();
    return { registry: ports.map((port) => `127.0.0.1:${port}`).join() };
  }

  /** Waits until all of these show just these users. */
  async see(nodes: readonly Node[], ...users: readonly string[]): Promise<void> {
    for (const node of nodes) {
      await holds(`it sees ${users.join()}`, async () => {
        return (await listed(node)).join() === users.join();
      });
    }
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    for (const wire of this.wires) wire.close();
    await this.etcd[Symbol.asyncDispose]();
  }
}
