/** Nodes of etcd on loopback, for tests; where it isn't installed, those are ignored. */

import type { Clock } from "../../lib/base/machine/clock.ts";
import { EtcdStore } from "../../lib/engine/etcd/etcd_store.ts";
import { SYSTEM_LINK_CLOCK } from "../../lib/transport/system_clock.ts";
import { freePort } from "../e2e/ports.ts";

/** Whether Debian's `etcd-server`, or another etcd, is installed. */
export const HAS_ETCD: boolean = hasEtcd();

function hasEtcd(): boolean {
  try {
    return new Deno.Command("etcd", { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Goes slower, so that nodes have three seconds for what they have one for: on a busy machine they may need more. */
const PATIENT_CLOCK: Clock = {
  nowMs: () => SYSTEM_LINK_CLOCK.nowMs() / 3,
  at: (atMs, callback) => SYSTEM_LINK_CLOCK.at(3 * atMs, callback),
};

export function pass(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface EtcdNode {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
  process: Deno.ChildProcess | null;
}

/** How nodes show who they are, and a client that they take. */
export interface EtcdTls {
  readonly args: readonly string[];
  readonly client: Deno.HttpClient;
}

/** One engine: one node, or three. */
export class EtcdNodes implements AsyncDisposable {
  readonly #nodes: readonly EtcdNode[];

  private constructor(count: number, readonly tls: EtcdTls | null, readonly folder: string) {
    const scheme = tls === null ? "http" : "https";
    this.#nodes = Array.from({ length: count }, (_, n) => ({
      name: `n${n}`,
      client: `${scheme}://127.0.0.1:${freePort()}`,
      peer: `http://127.0.0.1:${freePort()}`,
      process: null,
    }));
  }

  /** @param folder Where they keep all; it is deleted at last. */
  static async open(
    count: number,
    tls: EtcdTls | null = null,
    folder: string = Deno.makeTempDirSync({ prefix: "p2pchat-etcd-" }),
  ): Promise<EtcdNodes> {
    const nodes = new EtcdNodes(count, tls, folder);
    for (let n = 0; n < count; n++) nodes.start(n);
    for (const node of nodes.#nodes) await isHealthy(node.client, tls?.client);
    return nodes;
  }

  /** Where programs reach them. */
  get urls(): readonly string[] {
    return this.#nodes.map(({ client }) => client);
  }

  /** One program's view of the engine. */
  store(clock: Clock = PATIENT_CLOCK): EtcdStore {
    return new EtcdStore({ nodes: this.urls, user: null, clock, random: Math.random });
  }

  /** Starts a node, with the data it had before. */
  start(n: number): void {
    const { name, client, peer } = this.#nodes[n]!;
    const cluster = this.#nodes.map(({ name, peer }) => `${name}=${peer}`).join(",");
    const args = [
      ...["--name", name, "--data-dir", `${this.folder}/${name}`, "--log-level", "error"],
      ...["--listen-client-urls", client, "--advertise-client-urls", client],
      ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
      // Passwords cost it little: it has a second for each answer.
      ...["--initial-cluster", cluster, "--pre-vote", "--bcrypt-cost", "4"],
      ...this.tls?.args ?? [],
    ];
    const command = new Deno.Command("etcd", { args, stdout: "null", stderr: "null" });
    this.#nodes[n]!.process = command.spawn();
  }

  async kill(n: number, signal: Deno.Signal = "SIGKILL"): Promise<void> {
    const node = this.#nodes[n]!;
    if (!await this.hasEnded(n)) node.process!.kill(signal);
    await node.process?.status;
    node.process = null;
  }

  /** Whether it has ended by itself, or was killed. */
  async hasEnded(n: number): Promise<boolean> {
    const { process } = this.#nodes[n]!;
    if (process === null) return true;
    return await Promise.race([process.status.then(() => true), pass(0).then(() => false)]);
  }

  /** Where a node keeps all. */
  folderOf(n: number): string {
    return `${this.folder}/${this.#nodes[n]!.name}`;
  }

  /**
   * All nodes are killed at one instant, and begin with what their disks had then, as far as the system knows. What it
   * would have lost of that with its power, as it wasn't synced, isn't lost here.
   */
  async cutPower(): Promise<void> {
    const all = this.#nodes.map((_, n) => n);
    for (const n of all) this.signal(n, "SIGSTOP");
    for (const { name } of this.#nodes) {
      const folder = `${this.folder}/${name}`;
      await new Deno.Command("cp", { args: ["-a", folder, `${folder}.image`] }).output();
    }
    await Promise.all(all.map((n) => this.kill(n)));
    for (const { name } of this.#nodes) {
      const folder = `${this.folder}/${name}`;
      await Deno.remove(folder, { recursive: true });
      await Deno.rename(`${folder}.image`, folder);
    }
    for (const n of all) this.start(n);
  }

  /** Stops a node without ending it; SIGCONT lets it go on. */
  signal(n: number, signal: "SIGSTOP" | "SIGCONT"): void {
    this.#nodes[n]!.process!.kill(signal);
  }

  /** Which of them leads. */
  async leader(): Promise<number> {
    for (let attempt = 0; attempt < 600; attempt++) {
      for (const [n, { client, process }] of this.#nodes.entries()) {
        const status = process === null ? null : await statusOf(client, this.tls?.client);
        if (status !== null && status.leader === status.header.member_id) return n;
      }
      await pass(100);
    }
    throw new Error("no node of etcd leads");
  }

  /** What changed up to now can't be had any more, but by reading what there is. */
  async compact(): Promise<void> {
    const { header: { revision } } = await this.#ask("kv/range", { key: btoa("0") });
    await this.#ask("kv/compaction", { revision, physical: true });
  }

  /** All nodes are as when their data has the size that it may have, until an operator says that there is room. */
  async full(isFull: boolean): Promise<void> {
    const { header: { member_id: memberID } } = await this.#ask("maintenance/status", {});
    const action = isFull ? "ACTIVATE" : "DEACTIVATE";
    await this.#ask("maintenance/alarm", { action, memberID, alarm: "NOSPACE" });
  }

  async #ask(path: string, body: unknown) {
    const { client: url } = this.#nodes.find(({ process }) => process !== null)!;
    const given = this.tls === null ? {} : { client: this.tls.client };
    const request = { method: "POST", body: JSON.stringify(body), ...given };
    return await (await fetch(`${url}/v3/${path}`, request)).json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let n = 0; n < this.#nodes.length; n++) await this.kill(n);
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function statusOf(
  url: string,
  client?: Deno.HttpClient,
): Promise<{ leader: string; header: { member_id: string } } | null> {
  try {
    const signal = AbortSignal.timeout(1_000);
    const response = await fetch(`${url}/v3/maintenance/status`, {
      ...(client === undefined ? {} : { client }),
      method: "POST",
      body: "{}",
      signal,
    });
    return response.ok
      ? await response.json()
      : await response.body?.cancel().then(() => null) ?? null;
  } catch {
    return null; // it is starting, or killed
  }
}

async function isHealthy(url: string, client?: Deno.HttpClient): Promise<void> {
  for (let attempt = 0; attempt < 1_200; attempt++) {
    const status = await statusOf(url, client);
    if (status !== null && (status.leader ?? "0") !== "0") return;
    await pass(50);
  }
  throw new Error(`etcd doesn't come up at ${url}`);
}
