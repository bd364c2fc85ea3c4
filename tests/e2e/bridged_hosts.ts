/**
 * Several hosts on one network of a few hours' life, as in one room with one access point: network namespaces of Linux
 * on a bridge, over which multicast goes. There is no router, nor a default route.
 */

import { assert } from "@std/assert";

/** A network for tests, which no real host uses. */
const NETWORK = "10.78.0";

export class BridgedHosts implements AsyncDisposable {
  readonly #prefix = `p2pchat-${crypto.randomUUID().slice(0, 8)}-lan-`;
  readonly #names: string[] = [];

  /** Creates hosts that can all reach each other. */
  static async open(...names: readonly string[]): Promise<BridgedHosts> {
    const hosts = new BridgedHosts();
    const bridge = hosts.#namespace("bridge");
    await ip("netns", "add", bridge);
    await ip("-n", bridge, "link", "add", "hub", "type", "bridge");
    await ip("-n", bridge, "link", "set", "hub", "up");
    for (const name of names) await hosts.#join(name);
    return hosts;
  }

  /** The prefix of a command that is to be run on this host. */
  within(name: string): readonly string[] {
    return ["ip", "netns", "exec", this.#namespace(name)];
  }

  address(name: string): string {
    return `${NETWORK}.${this.#names.indexOf(name) + 1}`;
  }

  /** Gives the host another address, which ends with this number. */
  async move(name: string, number: number): Promise<void> {
    const namespace = this.#namespace(name);
    await ip("-n", namespace, "address", "flush", "dev", "out");
    await ip("-n", namespace, "address", "add", `${NETWORK}.${number}/24`, "dev", "out");
  }

  /** Each host gets the next one's address, as from a router that hands them out anew; nobody goes on with the former ones. */
  async handOut(): Promise<void> {
    const { length } = this.#names;
    for (const [at, name] of this.#names.entries()) await this.move(name, (at + 1) % length + 1);
    for (const name of this.#names) await ip("-n", this.#namespace(name), "neigh", "flush", "all");
  }

  /** The access point separates its clients: nothing passes between any two of them. */
  async separate(): Promise<void> {
    for (const at of this.#names.keys()) {
      await ip("netns", "exec", this.#namespace("bridge"), ...isolated(`to-${at}`));
    }
  }

  /** The host has a network again, with its address, by an interface made anew: the last that it lists. */
  async plug(name: string): Promise<void> {
    const namespace = this.#namespace(name);
    const bridge = this.#namespace("bridge");
    const port = `to-${this.#names.indexOf(name)}`;
    const far = ["peer", "name", "out", "netns", namespace];
    await ip("-n", bridge, "link", "add", port, "type", "veth", ...far);
    await ip("-n", bridge, "link", "set", port, "master", "hub", "up");
    await ip("-n", namespace, "address", "add", `${this.address(name)}/24`, "dev", "out");
    await ip("-n", namespace, "link", "set", "out", "up");
  }

  /** The host has so many networks of containers. */
  async addContainers(name: string, count: number): Promise<void> {
    const namespace = this.#namespace(name);
    for (let at = 0; at < count; at++) {
      await ip("-n", namespace, "link", "add", `pods${at}`, "type", "bridge");
      await ip("-n", namespace, "address", "add", `10.79.${at}.1/24`, "dev", `pods${at}`);
      await ip("-n", namespace, "link", "set", `pods${at}`, "up");
    }
  }

  /** The host has no network any more but the one to itself. */
  async unplug(name: string): Promise<void> {
    await ip("-n", this.#namespace(name), "link", "del", "out");
  }

  /** The host has its address still, and no link. */
  async down(name: string): Promise<void> {
    await ip("-n", this.#namespace(name), "link", "set", "out", "down");
  }

  /** A firewall at the host drops all datagrams that come in, its own to itself, too. */
  async deafen(name: string): Promise<void> {
    await this.#drop(name, "udp");
  }

  /** A firewall at the host drops all connections, so that whoever dials it waits in vain. */
  async refuse(name: string): Promise<void> {
    await this.#drop(name, "tcp");
  }

  async #drop(name: string, protocol: string): Promise<void> {
    const rules = "add table ip wall; " +
      "add chain ip wall in { type filter hook input priority 0; }; " +
      `add rule ip wall in meta l4proto ${protocol} drop`;
    await ip("netns", "exec", this.#namespace(name), "nft", rules);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await ip("netns", "del", this.#namespace(name));
    await ip("netns", "del", this.#namespace("bridge"));
  }

  #namespace(name: string): string {
    return `${this.#prefix}${name}`;
  }

  async #join(name: string): Promise<void> {
    this.#names.push(name);
    const namespace = this.#namespace(name);
    await ip("netns", "add", namespace);
    await ip("-n", namespace, "link", "set", "lo", "up");
    await this.plug(name);
  }
}

function isolated(port: string): readonly string[] {
  return ["bridge", "link", "set", "dev", port, "isolated", "on"];
}

async function ip(...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args: [...args] }).output();
  assert(success, `ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
