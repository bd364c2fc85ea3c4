/**
 * Several hosts on one machine: network namespaces of Linux, joined by a router that can drop what goes from one to
 * another, as a cut cable or a firewall would: without a word.
 */

import { assert } from "@std/assert";

/** Of a test network, which no host outside has. */
const NETWORK = "10.77";

/** What the router drops: all of it, or what a firewall is told to. */
export interface Dropped {
  readonly protocol?: "tcp" | "udp";
  readonly port?: number;
}

/** Whether this user may make hosts. */
export function canMakeHosts(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const name = `p2pchat-${Deno.pid}-probe`;
  try {
    return tries("ip", "netns", "add", name) &&
      tries("ip", "-n", name, "rule", "add", "from", "10.0.0.1", "ipproto", "tcp", "blackhole") &&
      tries("ip", "-n", name, "link", "add", "near", "type", "veth", "peer", "name", "far");
  } catch {
    return false; // there is no ip
  } finally {
    try {
      tries("ip", "netns", "del", name);
    } catch {
      // there is none
    }
  }
}

function tries(command: string, ...args: readonly string[]): boolean {
  const quiet = { stdout: "null", stderr: "null" } as const;
  return new Deno.Command(command, { args: [...args], ...quiet }).outputSync().success;
}

export class Hosts implements AsyncDisposable {
  static #made = 0;
  readonly #prefix = `p2pchat-${Deno.pid}-${++Hosts.#made}-`;
  readonly #names: readonly string[];

  private constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Hosts that all reach each other. */
  static async open(...names: readonly string[]): Promise<Hosts> {
    const hosts = new Hosts(names);
    await ip("netns", "add", hosts.#router);
    await hosts.#inside(hosts.#router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    for (const name of names) await hosts.#join(name);
    return hosts;
  }

  /** The command that runs another one there. */
  within(name: string): readonly string[] {
    return ["ip", "netns", "exec", this.#namespace(name)];
  }

  address(name: string): string {
    return Hosts.address(this.#names.indexOf(name));
  }

  /** That of the host that was named at this place, from 0 on. */
  static address(at: number): string {
    return `${NETWORK}.${at}.2`;
  }

  /** Drops what goes from one to the other. */
  async drop(from: string, to: string, what: Dropped = {}): Promise<void> {
    await ip("-n", this.#router, "rule", "add", ...this.#rule(from, to, what));
  }

  async passOn(from: string, to: string, what: Dropped = {}): Promise<void> {
    await ip("-n", this.#router, "rule", "del", ...this.#rule(from, to, what));
  }

  /** Nothing passes between one and the others, either way. */
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

  /** It has the address that ends with this number from now on, and not that before. */
  async move(name: string, number: number): Promise<void> {
    const namespace = this.#namespace(name);
    const at = this.#names.indexOf(name);
    await ip("-n", namespace, "address", "flush", "dev", "out");
    await ip("-n", namespace, "address", "add", `${NETWORK}.${at}.${number}/24`, "dev", "out");
    await ip("-n", namespace, "route", "add", "default", "via", `${NETWORK}.${at}.1`);
  }

  /** A program there may send from the other one's address; what answers goes to that one. */
  async forge(name: string, other: string): Promise<void> {
    const forged = `${this.address(other)}/32`;
    await ip("-n", this.#namespace(name), "address", "add", forged, "dev", "lo");
  }

  /** How many datagrams of UDP programs there have sent, and have come, whether or not there is a program for them. */
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
