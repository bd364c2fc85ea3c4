/**
 * Clients of a directory as their programs are, but for the disk and the screen, as many as fit in one process: real links,
 * real datagrams, the machine and its host. Arguments: the host, the addresses of the directory's instances, and `NAME:SEED`
 * for each, an account that has the key of that seed. Lines in: `{"who": 3, "command": {...}}`. Lines out: events with `who`.
 */

import { nodeCrypto, nodeSigner } from "../../lib/base/crypto/crypto.ts";
import { type Environment, SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import type { Endpoint } from "../../lib/base/ids.ts";
import type { ClientRecord } from "../../lib/protocols/directory/schema/client_records.ts";
import type { ClientEvent } from "../../lib/protocols/directory/schema/events.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import {
  CALL_ACCESS,
  CALL_CHANNEL,
  DirectoryClientHost,
} from "../../lib/runtime/hosts/directory_client_host.ts";
import { forwardTo } from "../../lib/transport/link.ts";
import { RelayNetwork } from "../../lib/transport/links/relay_network.ts";
import { SYSTEM_LINK_CLOCK } from "../../lib/transport/system_clock.ts";
import { openTcpLinks } from "../../lib/transport/tcp/tcp_links.ts";
import { UdpDatagrams } from "../../lib/transport/udp_datagrams.ts";
import { MemoryStore } from "../runtime/host_world.ts";

/** What is told; the rest is of no use here. */
const TOLD: ReadonlySet<ClientEvent["event"]> = new Set([
  ...["session", "call", "incoming", "message", "broadcast", "error"] as const,
]);

const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
const environment: Environment = {
  random: Math.random,
  randomBytes,
  wallMs: Date.now,
  crypto: nodeCrypto,
  log: SILENT_LOGGER,
};

/** As one that was in before says it: nobody has to hash hundreds of passwords. */
const BY_KEY = "resume" as "log-in";
const UNUSED = "no password";

const encoder = new TextEncoder();

function tell(who: number, event: object): void {
  const bytes = encoder.encode(`${JSON.stringify({ who, ...event })}\n`);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function endpointIn(text: string): Endpoint {
  const [host = "", port] = text.split(":");
  return { host, port: Number(port) };
}

function start(who: number, account: string, host: string, at: readonly Endpoint[]) {
  const [name = "", seed = ""] = account.split(":");
  const signer = nodeSigner(Uint8Array.fromHex(seed));
  const datagrams = UdpDatagrams.listen(host, 0, SILENT_LOGGER);
  const relays = new RelayNetwork(SYSTEM_LINK_CLOCK);
  const own: { client: DirectoryClientHost | null } = { client: null };
  const links = openTcpLinks({
    host,
    port: 0,
    identity: { signer, static: keyPairFromSeed(randomBytes(32)) },
    env: environment,
    access: CALL_ACCESS,
    channel: CALL_CHANNEL,
    relays,
    handler: forwardTo(() => own.client),
  });
  const [directory, ...instances] = at as [Endpoint, ...Endpoint[]];
  const client = own.client = new DirectoryClientHost({
    name,
    how: "log-in",
    directory,
    instances,
    registry: "directory",
    expect: null,
    given: null,
    trustFirst: true,
    listening: { host, port: links.local.port },
    pinsOf: () => new Map(),
    refused: [],
    isInteractive: false,
    asksAgain: false,
    wait: true,
    knownPeers: "known_peers",
  }, {
    clock: SYSTEM_LINK_CLOCK,
    environment,
    links,
    signer,
    store: new MemoryStore<ClientRecord>(),
    relays,
    datagrams,
    show: (event) => TOLD.has(event.event) ? tell(who, event) : undefined,
    pauseInput() {},
    flushed: () => Promise.resolve(),
    written: () => Promise.resolve(),
    keepAnswer: () => Promise.resolve(),
    keepAddresses: () => Promise.resolve(),
    outputReady: () => null,
    askToEnter: () => client.enter({ how: BY_KEY, name, password: UNUSED, newPassword: UNUSED }),
    connecting() {},
    pin: () => Promise.resolve(),
  });
  client.run().then(
    (outcome) => tell(who, { event: "over", outcome }),
    (error) => tell(who, { event: "over", outcome: String(error) }),
  );
  return client;
}

const [host = "", registry = "", ...accounts] = Deno.args;
const at = registry.split(",").map(endpointIn);
const clients = accounts.map((account, who) => start(who, account, host, at));

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) {
    const { who, command } = JSON.parse(line);
    clients[who]!.command(command, undefined);
  }
}
Deno.exit();
