/**
 * A home on the internet: namespaces of Linux for a machine at home, its router, which runs `miniupnpd` (Debian's
 * `miniupnpd-nftables`), and machines elsewhere.
 */

import { assert } from "@std/assert";
import { canMakeHosts } from "./hosts.ts";
import { holds } from "./node.ts";

/** The network of the home; no real one has more than the first of these in common with it. */
const HOME = "192.168.177";
/** Addresses of the internet, as `miniupnpd` gives no ports to the others; nothing leaves these namespaces. */
const INTERNET = "11.77.0";
/** Where the router is, seen from elsewhere. */
export const ROUTER = `${INTERNET}.1`;

/** Whether this user may make such a home, and the router's programs are here. */
export const HAS_ROUTER: boolean = canMakeHosts() && isHere("miniupnpd", "--version") &&
  isHere("nft", "--version");

function isHere(command: string, ...args: readonly string[]): boolean {
  const quiet = { stdout: "null", stderr: "null" } as const;
  try {
    new Deno.Command(command, { args: [...args], ...quiet }).outputSync();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const RULES = `
table inet filter {
  chain given { }
  chain forward {
    type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "near" accept
    jump given
  }
  chain before { }
  chain after { }
  chain prerouting { type nat hook prerouting priority -100; jump before; }
  chain postrouting { type nat hook postrouting priority 100; oifname "far" masquerade; }
}`;

function configuration(protocols: readonly ("upnp" | "natpmp")[]): string {
  const has = (protocol: "upnp" | "natpmp") => protocols.includes(protocol) ? "yes" : "no";
  return `
ext_ifname=far
listening_ip=near
enable_upnp=${has("upnp")}
enable_natpmp=${has("natpmp")}
secure_mode=yes
uuid=6f2b1f3c-5c0e-4b57-9d7e-0a4d2a7c9b11
upnp_table_name=filter
upnp_nat_table_name=filter
upnp_forward_chain=given
upnp_nat_chain=before
upnp_nat_postrouting_chain=after
min_lifetime=120
max_lifetime=86400
allow 1024-65535 ${HOME}.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`;
}

export class Home implements AsyncDisposable {
  readonly #prefix = `p2pchat-${crypto.randomUUID().slice(0, 8)}-home-`;
  readonly #namespaces: string[] = [];
  readonly #folder = Deno.makeTempDirSync({ prefix: "p2pchat-home-" });
  #daemon: Deno.ChildProcess | null = null;
  #said = "";
  #reading: Promise<void> = Promise.resolve();

  /** @param protocols What its router gives ports by; null: it gives none, and runs nothing for that. */
  static async open(protocols: readonly ("upnp" | "natpmp")[] | null): Promise<Home> {
    const home = new Home();
    try {
      await home.#build();
      if (protocols !== null) await home.#give(protocols);
      return home;
    } catch (error) {
      await home[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The prefix of a command that is to be run there: at home, or elsewhere. */
  within(where: "inside" | "bob" | "cem"): readonly string[] {
    return ["ip", "netns", "exec", this.#prefix + where];
  }

  address(where: "bob" | "cem"): string {
    return `${INTERNET}.${where === "bob" ? 2 : 3}`;
  }

  /** What the router passes on, as `tcp 55107`. */
  async passedOn(): Promise<readonly string[]> {
    const rules = await this.#router("nft", "-n", "list", "chain", "inet", "filter", "before");
    const found = rules.matchAll(/(tcp|udp|0x6|0x11|\b6|\b17)\b.*dport (\d+) dnat/g);
    return [...found].map(([, protocol, port]) =>
      `${["tcp", "0x6", "6"].includes(protocol!) ? "tcp" : "udp"} ${port}`
    ).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#daemon?.kill("SIGKILL");
    await this.#daemon?.status;
    await this.#reading;
    for (const namespace of this.#namespaces) await ip("netns", "del", namespace);
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #build(): Promise<void> {
    for (const name of ["router", "inside", "bob", "cem", "internet"]) {
      await ip("netns", "add", this.#prefix + name);
      this.#namespaces.push(this.#prefix + name);
      await ip("-n", this.#prefix + name, "link", "set", "lo", "up");
    }
    const at = (name: string) => this.#prefix + name;
    await ip("-n", at("internet"), "link", "add", "hub", "type", "bridge");
    await ip("-n", at("internet"), "link", "set", "hub", "up");
    for (const [number, name] of ["router", "bob", "cem"].entries()) {
      const far = ["peer", "name", "far", "netns", at(name)];
      await ip("-n", at("internet"), "link", "add", `to-${name}`, "type", "veth", ...far);
      await ip("-n", at("internet"), "link", "set", `to-${name}`, "master", "hub", "up");
      await ip("-n", at(name), "address", "add", `${INTERNET}.${number + 1}/24`, "dev", "far");
      await ip("-n", at(name), "link", "set", "far", "up");
    }
    const out = ["peer", "name", "out", "netns", at("inside")];
    await ip("-n", at("router"), "link", "add", "near", "type", "veth", ...out);
    await ip("-n", at("router"), "address", "add", `${HOME}.1/24`, "dev", "near");
    await ip("-n", at("inside"), "address", "add", `${HOME}.2/24`, "dev", "out");
    await ip("-n", at("router"), "link", "set", "near", "up");
    await ip("-n", at("inside"), "link", "set", "out", "up");
    await ip("-n", at("inside"), "route", "add", "default", "via", `${HOME}.1`);
    await this.#router("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    const rules = `${this.#folder}/rules`;
    await Deno.writeTextFile(rules, RULES);
    await this.#router("nft", "-f", rules);
  }

  async #give(protocols: readonly ("upnp" | "natpmp")[]): Promise<void> {
    const file = `${this.#folder}/miniupnpd.conf`;
    await Deno.writeTextFile(file, configuration(protocols));
    const [first, ...words] = ["ip", "netns", "exec", `${this.#prefix}router`, "miniupnpd"];
    this.#daemon = new Deno.Command(first!, {
      args: [...words, "-f", file, "-d", "-P", `${this.#folder}/pid`],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read(this.#daemon.stderr);
    const ready = protocols.includes("natpmp") ? /Listening for NAT-PMP/ : /HTTP listening/;
    await holds(`miniupnpd is ready: ${this.#said}`, () => ready.test(this.#said));
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const bytes of stream) this.#said += new TextDecoder().decode(bytes);
  }

  #router(...command: readonly string[]): Promise<string> {
    return ip("netns", "exec", `${this.#prefix}router`, ...command);
  }
}

async function ip(...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("ip", { args: [...args] }).output();
  assert(success, `ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
