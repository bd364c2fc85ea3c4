/** Homes behind routers that translate addresses, on a network of namespaces; nftables is the routers' firewall. */

import { assert } from "@std/assert";
import { canMakeHosts, Hosts } from "./hosts.ts";

/**
 * `keeps`: from one port of ours, all datagrams go out from one port. `random`: they go out from another port to each
 * destination, so that nobody else can answer there. Both let in only whom somebody inside has sent to. `none`: routers
 * that translate nothing and pass on all; each home has a network of its own, where the others have the same one.
 */
export type Mapping = "keeps" | "random" | "none";

/** Whether there is nftables, and this user may use it in a namespace. */
export function canMakeHomes(): boolean {
  if (!canMakeHosts()) return false;
  const name = `p2pchat-${crypto.randomUUID().slice(0, 8)}-nft`;
  try {
    return tries("ip", "netns", "add", name) &&
      tries("ip", "netns", "exec", name, "nft", "add", "table", "ip", "nat") &&
      tries("ip", "netns", "exec", name, "nft", CHAIN);
  } catch {
    return false; // there is no program nft
  } finally {
    tries("ip", "netns", "del", name);
  }
}

const CHAIN =
  "add chain ip nat post { type nat hook postrouting priority 100 ; policy accept ; }; " +
  'add rule ip nat post oifname "out" masquerade fully-random';

function tries(command: string, ...args: readonly string[]): boolean {
  const quiet = { stdout: "null", stderr: "null" } as const;
  return new Deno.Command(command, { args: [...args], ...quiet }).outputSync().success;
}

export class Homes implements AsyncDisposable {
  readonly #made: string[] = [];

  private constructor(readonly hosts: Hosts) {}

  /** A public host `server`, and two homes' routers, which all reach each other. */
  static async open(): Promise<Homes> {
    return new Homes(await Hosts.open("server", "home1", "home2"));
  }

  get server(): string {
    return this.hosts.address("server");
  }

  /** Makes a host in each home that reaches the others through its router. */
  async furnish(mapping: Mapping): Promise<void> {
    for (const [at, home] of (["home1", "home2"] as const).entries()) {
      const network = mapping === "none" ? `192.168.${at + 1}` : "192.168.1";
      await this.#route(home, network);
      if (mapping === "none") await this.hosts.leadTo(`${network}.0/24`, home);
      else await this.#guard(home, mapping);
      for (const number of [2, 3]) await this.#join(home, network, number);
    }
  }

  /** The prefix of a command on a host in that home, the second or third of its network. */
  within(home: "home1" | "home2", number: 2 | 3 = 2): readonly string[] {
    return ["ip", "netns", "exec", this.#namespace(home, number)];
  }

  #namespace(home: string, number: number): string {
    return `${this.#routerOf(home)}-${number}`;
  }

  #routerOf(home: string): string {
    return this.hosts.within(home).at(-1)!;
  }

  /** The router of the home has this network inside. */
  async #route(home: string, network: string): Promise<void> {
    const router = this.#routerOf(home);
    await run("ip", "-n", router, "link", "add", "name", "in", "type", "bridge");
    await run("ip", "-n", router, "link", "set", "in", "up");
    await run("ip", "-n", router, "address", "add", `${network}.1/24`, "dev", "in");
    const forward = "echo 1 > /proc/sys/net/ipv4/ip_forward";
    await run("ip", "netns", "exec", router, "sh", "-c", forward);
  }

  async #guard(home: string, mapping: "keeps" | "random"): Promise<void> {
    const masquerade = mapping === "random" ? "masquerade fully-random" : "masquerade";
    const rules = [
      "table ip home {",
      "chain post { type nat hook postrouting priority 100; policy accept;",
      `oifname "out" ${masquerade}`,
      "}",
      // As home routers do: what nobody inside has asked for is dropped.
      "chain input { type filter hook input priority 0; policy drop;",
      "ct state established,related accept",
      'iifname "in" accept',
      "}",
      "chain forward { type filter hook forward priority 0; policy drop;",
      "ct state established,related accept",
      'iifname "in" accept',
      "}",
      "}",
      "",
    ].join("\n");
    const load = `printf '%s' '${rules}' | nft -f -`;
    await run("ip", "netns", "exec", this.#routerOf(home), "sh", "-c", load);
  }

  async #join(home: string, network: string, number: number): Promise<void> {
    const router = this.#routerOf(home);
    const namespace = this.#namespace(home, number);
    await run("ip", "netns", "add", namespace);
    this.#made.push(namespace);
    const far = ["peer", "name", "out", "netns", namespace];
    await run("ip", "-n", router, "link", "add", `port${number}`, "type", "veth", ...far);
    await run("ip", "-n", router, "link", "set", `port${number}`, "master", "in", "up");
    await run("ip", "-n", namespace, "link", "set", "lo", "up");
    await run("ip", "-n", namespace, "link", "set", "out", "up");
    const own = `${network}.${number}/24`;
    await run("ip", "-n", namespace, "address", "add", own, "dev", "out");
    await run("ip", "-n", namespace, "route", "add", "default", "via", `${network}.1`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#made) await run("ip", "netns", "del", name);
    await this.hosts[Symbol.asyncDispose]();
  }
}

async function run(command: string, ...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  assert(success, `${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
