/** Three nodes of etcd, each on a host of its own, which are killed, stopped and started again as programs are. */

import type { Hosts } from "../e2e/hosts.ts";
import { pass } from "../engine/etcd_nodes.ts";
import type { Random } from "../sim/random.ts";
import type { Actor, Trouble } from "./actors.ts";

/** The hosts of the nodes. */
export const ENGINE_HOSTS = ["Etc1", "Etc2", "Etc3"] as const;
const CLIENTS = 2_379;
const PEERS = 2_380;

interface EtcdNode {
  readonly host: string;
  process: Deno.ChildProcess | null;
  isPaused: boolean;
}

export class TorturedEngine implements AsyncDisposable {
  readonly troubles: Readonly<Record<string, Trouble>>;
  readonly #nodes: readonly EtcdNode[];
  /** How often a node was started. */
  starts = 0;

  private constructor(readonly hosts: Hosts, readonly folder: string) {
    this.#nodes = ENGINE_HOSTS.map((host) => ({ host, process: null, isPaused: false }));
    const some = (random: Random, isOne: (node: EtcdNode) => boolean) => {
      const nodes = this.#nodes.filter(isOne);
      return nodes.length === 0 ? null : random.pick(nodes);
    };
    const isAwake = ({ process, isPaused }: EtcdNode) => process !== null && !isPaused;
    this.troubles = {
      "node-kill": { weight: 2, happen: (random) => this.#kill(some(random, isAwake)) },
      "node-start": {
        weight: 6,
        happen: (random) => this.#start(some(random, ({ process }) => process === null)),
      },
      "node-pause": { weight: 1, happen: (random) => this.#pause(some(random, isAwake)) },
      "node-resume": {
        weight: 4,
        happen: (random) => this.#resume(some(random, ({ isPaused }) => isPaused)),
      },
    };
  }

  /** On these hosts, which have `ENGINE_HOSTS` among them. */
  static async open(hosts: Hosts): Promise<TorturedEngine> {
    const folder = await Deno.makeTempDir({ prefix: "p2pchat-torture-" });
    const engine = new TorturedEngine(hosts, folder);
    await engine.recover();
    await pass(3_000); // they elect one of them
    return engine;
  }

  /** What programs are started with. */
  get flags(): readonly string[] {
    const nodes = ENGINE_HOSTS.map((host) => `${this.hosts.address(host)}:${CLIENTS}`);
    return ["--engine", `etcd://${nodes.join(",")}/torture`];
  }

  /** All go on. */
  recover(): void {
    for (const node of this.#nodes) {
      this.#resume(node);
      if (node.process === null) this.#start(node);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes) await this.#kill(node);
    await Deno.remove(this.folder, { recursive: true });
  }

  #start(node: EtcdNode | null): void {
    if (node === null) return;
    const { hosts, folder } = this;
    const { host } = node;
    const peer = (host: string) => `http://${hosts.address(host)}:${PEERS}`;
    const client = `http://${hosts.address(host)}:${CLIENTS}`;
    const [command = "", ...before] = hosts.within(host);
    const args = [
      ...[...before, "etcd", "--name", host, "--data-dir", `${folder}/${host}`],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer(host), "--initial-advertise-peer-urls", peer(host)],
      ...["--initial-cluster", ENGINE_HOSTS.map((one) => `${one}=${peer(one)}`).join(",")],
      "--pre-vote",
    ];
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    node.process = new Deno.Command(command, { args, ...quiet }).spawn();
    this.starts++;
  }

  async #kill(node: EtcdNode | null): Promise<void> {
    if (node === null || node.process === null) return;
    node.process.kill("SIGKILL");
    await node.process.status;
    node.process = null;
    node.isPaused = false;
  }

  #pause(node: EtcdNode | null): void {
    node?.process?.kill("SIGSTOP");
    if (node !== null) node.isPaused = true;
  }

  #resume(node: EtcdNode | null): void {
    if (node === null || !node.isPaused) return;
    node.process?.kill("SIGCONT");
    node.isPaused = false;
  }
}

/** As the operator does: all instances have the key of the first one, which has run. @param name Of its folder. */
export async function shareIdentity(name: string, instances: readonly Actor[]): Promise<void> {
  const [first, ...others] = instances;
  for (const { data } of others) {
    await Deno.mkdir(`${data}/${name}`, { recursive: true, mode: 0o700 });
    await Deno.copyFile(`${first!.data}/${name}/identity`, `${data}/${name}/identity`);
  }
}
