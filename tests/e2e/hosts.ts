/**
 * Several hosts on one machine: network namespaces of Linux, joined by a router that can silently drop packets
 * between any two of them, as a cut cable or a firewall would.
 */

import { assert } from "@std/assert";

/** A network for tests, which no real host uses. */
const NETWORK = "10.77";

/** The packets that the router drops; by default all. */
export interface Dropped {
  readonly protocol?: "tcp" | "udp";
  readonly port?: number;
}

/** Whether this user may create network namespaces with veth links and policy rules. */
export function canMakeHosts(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const name = `p2pchat-${crypto.randomUUID().slice(0, 8)}-probe`;
  try {
    return tries("ip", "netns", "add", name) &&
      tries("ip", "-n", name, "rule", "add", "from", "10.0.0.1", "ipproto", "tcp", "blackhole") &&
      tries("ip", "-n", name, "link", "add", "near", "type", "veth", "peer", "name", "far");
  } catch {
    return false; // there is no program ip
  } finally {
    try {
      tries("ip", "netns", "del", name);
    } catch {
      // there is no such namespace
    }
  }
}

function tries(command: string, ...args: readonly string[]): boolean {
  const quiet = { stdout: "null", stderr: "null" } as const;
  return new Deno.Command(command, { args: [...args], ...quiet }).outputSync().success;
}

export class Hosts implements AsyncDisposable {
  readonly #prefix = `p2pchat-${crypto.randomUUID().slice(0, 8)}-`;
  readonly #names: readonly string[];

  private constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Creates hosts that can all reach each other. */
  static async open(...names: readonly string[]): Promise<Hosts> {
    const hosts = new Hosts(names);
    await ip("netns", "add", hosts.#router);
    await hosts.#inside(hosts.#router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    for (const name of names) await hosts.#join(name);
    return hosts;
  }

  /** The prefix of a command that is to be run on this host. */
  within(name: string): readonly string[] {
    return ["ip", "netns", "exec", this.#namespace(name)];
  }

  address(name: string): string {
    return Hosts.address(this.#names.indexOf(name));
  }

  /** The address of the host with this index. */
  static address(at: number): string {
    return `${NETWORK}.${at}.2`;
  }

  /** Drops packets from one host to another. */
  async drop(from: string, to: string, what: Dropped = {}): Promise<void> {
    await ip("-n", this.#router, "rule", "add", ...this.#rule(from, to, what));
  }

  async passOn(from: string, to: string, what: Dropped = {}): Promise<void> {
    await ip("-n", this.#router, "rule", "del", ...this.#rule(from, to, what));
  }

  /** Cuts one host from the others, in both directions. */
  async cut(one: string, ...others: readonly string[]): Promise<void> {
    for (const other of others) {
      await this.drop(one, other);
      await this.drop(other, one);
    }
  }

  async heal(one: string, ...others: readonly string[]): Promise<void> {
    for (const other of others) {
      await this.passOn(one, other);
      await this.passOn(other, one);
    }
  }

  /** Gives the host another address, which ends with this number. */
  async move(name: string, number: number): Promise<void> {
    const namespace = this.#namespace(name);
    const at = this.#names.indexOf(name);
    await ip("-n", namespace, "address", "flush", "dev", "out");
    await ip("-n", namespace, "address", "add", `${NETWORK}.${at}.${number}/24`, "dev", "out");
    await ip("-n", namespace, "route", "add", "default", "via", `${NETWORK}.${at}.1`);
  }

  /** Gives the host a second network, to which its default route leads, with this address. */
  async addNetwork(name: string, address: string): Promise<void> {
    const namespace = this.#namespace(name);
    const here = `${NETWORK}.${this.#names.indexOf(name)}.1`;
    await ip("-n", namespace, "route", "add", `${NETWORK}.0.0/16`, "via", here);
    await ip("-n", namespace, "link", "add", "name", "near", "type", "veth", "peer", "name", "far");
    await ip("-n", namespace, "address", "add", `${address}/24`, "dev", "near");
    for (const end of ["near", "far"]) await ip("-n", namespace, "link", "set", end, "up");
    await ip("-n", namespace, "route", "replace", "default", "dev", "near");
  }

  /** The router sends packets for this network, as `192.168.1.0/24`, to the host, which has to pass them on. */
  async leadTo(network: string, name: string): Promise<void> {
    await ip("-n", this.#router, "route", "add", network, "via", this.address(name));
  }

  /** A socket that listens at all IPv6 addresses of the host takes no IPv4 connections from now on. */
  async partFamilies(name: string): Promise<void> {
    const command = "echo 1 > /proc/sys/net/ipv6/bindv6only";
    await this.#inside(this.#namespace(name), "sh", "-c", command);
  }

  /** The router takes no packets over this many bytes any more, and what it says of that reaches nobody. */
  async narrow(bytes: number): Promise<void> {
    for (const at of this.#names.keys()) {
      await ip("-n", this.#router, "link", "set", `to-${at}`, "mtu", String(bytes));
    }
    await ip("-n", this.#router, "rule", "add", "ipproto", "icmp", "blackhole");
  }

  /** The host sends so many bytes a second at most. */
  async limit(name: string, bytes: number): Promise<void> {
    const bucket = ["rate", `${bytes * 8}bit`, "burst", "64kb", "latency", "300ms"];
    const add = ["tc", "qdisc", "add", "dev", "out", "root", "tbf", ...bucket];
    await this.#inside(this.#namespace(name), ...add);
  }

  /** Leaves one port to the connections that go out from this host. */
  async leavePort(name: string, port: number): Promise<void> {
    const command = `echo ${port} ${port} > /proc/sys/net/ipv4/ip_local_port_range`;
    await this.#inside(this.#namespace(name), "sh", "-c", command);
  }

  /** Lets programs on the host send with another host's source address; answers go to that host. */
  async forge(name: string, other: string): Promise<void> {
    const forged = `${this.address(other)}/32`;
    await ip("-n", this.#namespace(name), "address", "add", forged, "dev", "lo");
  }

  /** How many UDP datagrams the host has sent and received, including those that no program has taken. */
  async datagrams(name: string): Promise<{ readonly sent: number; readonly come: number }> {
    const text = await ip("netns", "exec", this.#namespace(name), "cat", "/proc/net/snmp");
    const [names, values] = text.split("\n").filter((line) => line.startsWith("Udp: ")).map((
      line,
    ) => line.split(" ")) as [string[], string[]];
    const count = (name: string) => Number(values[names.indexOf(name)]);
    return { sent: count("OutDatagrams"), come: count("InDatagrams") + count("NoPorts") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await ip("netns", "del", this.#namespace(name));
    await ip("netns", "del", this.#router);
  }

  get #router(): string {
    return `${this.#prefix}router`;
  }

  #namespace(name: string): string {
    return `${this.#prefix}${name}`;
  }

  async #join(name: string): Promise<void> {
    const namespace = this.#namespace(name);
    const at = this.#names.indexOf(name);
    await ip("netns", "add", namespace);
    const far = ["peer", "name", "out", "netns", namespace];
    await ip("-n", this.#router, "link", "add", `to-${at}`, "type", "veth", ...far);
    await ip("-n", this.#router, "address", "add", `${NETWORK}.${at}.1/24`, "dev", `to-${at}`);
    await ip("-n", this.#router, "link", "set", `to-${at}`, "up");
    await ip("-n", namespace, "link", "set", "lo", "up");
    await ip("-n", namespace, "link", "set", "out", "up");
    await this.move(name, 2);
  }

  #rule(from: string, to: string, { protocol, port }: Dropped): readonly string[] {
    return [
      ...["from", this.address(from), "to", this.address(to)],
      ...(protocol === undefined ? [] : ["ipproto", protocol]),
      ...(port === undefined ? [] : ["dport", String(port)]),
      "blackhole",
    ];
  }

  async #inside(namespace: string, ...command: readonly string[]): Promise<void> {
    await ip("netns", "exec", namespace, ...command);
  }
}

async function ip(...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("ip", { args: [...args] }).output();
  assert(success, `ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
