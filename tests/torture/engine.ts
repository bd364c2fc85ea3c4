/** Three nodes of etcd, each on a host of its own, which are killed, stopped and started again as programs are. */

import { assert } from "@std/assert";
import type { Hosts } from "../e2e/hosts.ts";
import { PROGRAM } from "../e2e/node.ts";
import type { Random } from "../sim/random.ts";
import type { Actor, Trouble } from "./actors.ts";

/** The hosts of the nodes. */
export const ENGINE_HOSTS = ["Etc1", "Etc2", "Etc3"] as const;
const CLIENTS = 2_379;
const PEERS = 2_380;
/** Each of up to 10 s. */
const ATTEMPTS_MAX = 6;

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
    engine.recover();
    try {
      await engine.#answers();
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
    return engine;
  }

  /** What programs are started with. */
  get flags(): readonly string[] {
    const nodes = ENGINE_HOSTS.map((host) => `${this.hosts.address(host)}:${CLIENTS}`);
    return ["--engine", `etcd://${nodes.join(",")}/torture`];
  }

  /** The nodes that somebody follows by a watch now, by their hosts. */
  async followed(): Promise<readonly string[]> {
    const get = 'exec 3<>"/dev/tcp/$0/$1"; printf "GET /metrics HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3';
    const hosts: string[] = [];
    for (const { host } of this.#nodes) {
      const place = [this.hosts.address(host), String(CLIENTS)];
      const [command = "", ...args] = [...this.hosts.within(host), "bash", "-c", get, ...place];
      const { stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
      const [, count] = /^etcd_debugging_mvcc_watcher_total (\d+)/m.exec(
        new TextDecoder().decode(stdout),
      ) ?? [];
      assert(count !== undefined, `how many watches ${host} has`);
      if (Number(count) > 0) hosts.push(host);
    }
    return hosts;
  }

  /** Waits until more than half of them are one. */
  async #answers(): Promise<void> {
    const [first] = ENGINE_HOSTS;
    const words = [...this.hosts.within(first), PROGRAM, "accounts", "list", ...this.flags];
    const [command = "", ...args] = words;
    for (let attempt = 1;; attempt++) {
      // It waits for an answer for 10 s.
      const { success, stderr } = await new Deno.Command(command, { args, stdout: "null" })
        .output();
      if (success) return;
      assert(attempt < ATTEMPTS_MAX, new TextDecoder().decode(stderr));
    }
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
export async function shareIdentity(
  name: string,
  instances: readonly Pick<Actor, "data">[],
): Promise<void> {
  const [first, ...others] = instances;
  for (const { data } of others) {
    await Deno.mkdir(`${data}/${name}`, { recursive: true, mode: 0o700 });
    await Deno.copyFile(`${first!.data}/${name}/identity`, `${data}/${name}/identity`);
  }
}
