/**
 * Debian's avahi on a network of its own: two hosts announce a service of our type, a third one looks for it. Each host
 * has a bus of its own, as the daemons of different hosts have.
 */

import { BridgedHosts } from "../e2e/bridged_hosts.ts";
import { LineProcess, pause } from "./line_process.ts";
import { serverPath } from "./servers.ts";

const TYPE = "_p2pchat._tcp";
/** Where it is announced, and where it is looked for. */
const ANNOUNCERS = ["ann", "bob"] as const;
const SEEKER = "cem";
const PORT = "55107";
/** Until announcements are no longer repeated: avahi does that for 7 s. */
const SETTLE_MS = 8_000;
/** By the package of Debian that has it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  "dbus-daemon": "dbus-daemon",
  "avahi-daemon": "avahi-daemon",
  "avahi-utils": "avahi-browse",
};

const CONFIGURATION = (host: string) =>
  `[server]
host-name=${host}
use-ipv4=yes
use-ipv6=no
enable-dbus=yes

[wide-area]
enable-wide-area=no

[publish]
publish-hinfo=no
publish-workstation=no
`;

const BUS = (address: string) =>
  `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
`;

/** How to install what isn't here; null where all is. */
export async function missingForAvahi(): Promise<string | null> {
  const missing: string[] = [];
  for (const [name, program] of Object.entries(PROGRAMS)) {
    if (await serverPath(program) === null) missing.push(name);
  }
  return missing.length === 0 ? null : `apt-get install ${missing.join(" ")}`;
}

export class AvahiNetwork implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();

  private constructor(readonly hosts: BridgedHosts, readonly folder: string) {
    this.#stack.use(hosts);
    this.#stack.defer(() => Deno.remove(folder, { recursive: true }));
  }

  /** The service is announced, and nothing more is sent of it until somebody asks. */
  static async open(): Promise<AvahiNetwork> {
    const hosts = await BridgedHosts.open(...ANNOUNCERS, SEEKER);
    const network = new AvahiNetwork(hosts, await Deno.makeTempDir({ prefix: "p2pchat-bench-" }));
    try {
      for (const host of ANNOUNCERS) await network.#announce(host);
      await pause(SETTLE_MS);
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Starts the daemon of the third host anew, so that it has heard nothing yet.
   * @returns From the start of avahi-browse until it shows where the service is, ms.
   */
  async browse(): Promise<number> {
    await using programs = new AsyncDisposableStack();
    await this.#serve(SEEKER, programs);
    const fromMs = performance.now();
    const seeking = ["avahi-browse", "--parsable", "--resolve", TYPE];
    await says(programs.use(this.#start(SEEKER, ...seeking)), /^=;/);
    return performance.now() - fromMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  async #announce(host: string): Promise<void> {
    await this.#serve(host, this.#stack);
    const command = ["avahi-publish", "--service", host, TYPE, PORT];
    await says(this.#stack.use(this.#start(host, ...command)), /^Established/);
  }

  /** The host's bus, and its daemon, once it answers. */
  async #serve(host: string, programs: AsyncDisposableStack): Promise<void> {
    const files = { bus: `${this.folder}/${host}.xml`, daemon: `${this.folder}/${host}.conf` };
    await Deno.writeTextFile(files.bus, BUS(this.#bus(host)));
    await Deno.writeTextFile(files.daemon, CONFIGURATION(host));
    const bus = ["dbus-daemon", `--config-file=${files.bus}`, "--nofork", "--nopidfile"];
    await says(programs.use(this.#start(host, ...bus, "--print-address")), /^unix:/);
    const rights = ["--no-drop-root", "--no-chroot", "--no-rlimits"];
    const daemon = ["avahi-daemon", ...rights, `--file=${files.daemon}`];
    await says(programs.use(this.#start(host, ...daemon)), /^Server startup complete/);
  }

  #bus(host: string): string {
    return `unix:path=${this.folder}/${host}.bus`;
  }

  /** All that it says comes as its output; what it keeps in /run is its own. */
  #start(host: string, ...command: readonly string[]): LineProcess {
    const script = 'mount -t tmpfs tmpfs /run && exec "$@" 2>&1';
    const environment = [
      `DBUS_SYSTEM_BUS_ADDRESS=${this.#bus(host)}`,
      `PATH=${Deno.env.get("PATH") ?? ""}:/usr/sbin:/usr/bin`,
    ];
    const shell = ["env", ...environment, "sh", "-c", script, "sh"];
    return new LineProcess([...this.hosts.within(host), ...shell, ...command]);
  }
}

/** Until a program of avahi has printed such a line; where it ends before, the error has what it said last. */
async function says(program: LineProcess, awaited: RegExp): Promise<void> {
  let last = "";
  const stop = program.onLine((line) => last = line);
  try {
    await program.until(String(awaited), (line) => awaited.test(line) || undefined);
  } catch (error) {
    throw new Error(last, { cause: error });
  } finally {
    stop();
  }
}
