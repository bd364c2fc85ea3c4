import { assert, assertEquals } from "@std/assert";
import { createSocket } from "node:dgram";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { announcingMessage } from "../../../lib/transport/discovery/dns_messages.ts";
import { MdnsDiscovery } from "../../../lib/transport/discovery/mdns_discovery.ts";
import type {
  DiscoveryHandler,
  Service,
} from "../../../lib/transport/discovery/service_discovery.ts";
import { discoveryContract } from "../../contracts/discovery_contract.ts";

/** Not the real one: other programs on this machine mustn't hear what is made up here. */
const PORT = 25_353;
const LOOPBACK = "127.0.0.1";
const permissions = { net: true, sys: ["networkInterfaces"] } as const;

const DEAF: DiscoveryHandler = { asked() {}, heard() {}, gone() {}, connected() {} };

function open(
  host: string | null = LOOPBACK,
  port = PORT,
  nowMs = () => performance.now(),
): MdnsDiscovery {
  return new MdnsDiscovery({ host, port, log: SILENT_LOGGER, nowMs });
}

async function until(done: () => boolean, what: string): Promise<void> {
  const untilMs = performance.now() + 60_000;
  while (!done()) {
    assert(performance.now() < untilMs, `within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

discoveryContract("MdnsDiscovery", () => ({ open: () => open(), until }), {
  permissions: { net: true, sys: ["networkInterfaces"] },
});

Deno.test({
  name: "MdnsDiscovery says that no interface is there to use, and closes all the same",
  permissions: { ...permissions, sys: [...permissions.sys] },
  async fn() {
    const discovery = open("192.0.2.77");
    discovery.handle(DEAF);
    discovery.ask();
    await until(() => discovery.fault !== null, "a fault");

    assertEquals(discovery.fault, "no-network");
    await discovery.close();
  },
});

Deno.test({
  name: "MdnsDiscovery says that another program has the port, and shares it with nobody",
  permissions: { ...permissions, sys: [...permissions.sys] },
  async fn() {
    const other = createSocket({ type: "udp4", reuseAddr: false });
    await new Promise<void>((resolve) => other.bind(25_354, "0.0.0.0", () => resolve()));
    const discovery = open(LOOPBACK, 25_354);
    discovery.ask();
    await until(() => discovery.fault !== null, "a fault");

    assertEquals(discovery.fault, "port-taken");
    await discovery.close();
    await new Promise<void>((resolve) => other.close(() => resolve()));
  },
});

Deno.test({
  name: "MdnsDiscovery takes garbage, and hears what is announced among it",
  permissions: { ...permissions, sys: [...permissions.sys] },
  async fn() {
    const discovery = open();
    const heard: Service[] = [];
    discovery.handle({ ...DEAF, heard: (_, service) => heard.push(service) });
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    await new Promise<void>((resolve) => socket.bind(0, LOOPBACK, () => resolve()));
    const send = (bytes: Uint8Array) =>
      new Promise<void>((resolve) => socket.send(bytes, PORT, LOOPBACK, () => resolve()));
    const service = { instance: "abc", port: 1, texts: ["v=1"] };
    const whole = announcingMessage(service, LOOPBACK);
    discovery.ask();
    await until(() => discovery.hearing.own, "it is open");
    for (let at = 0; at < whole.length; at++) {
      await send(whole.slice(0, at));
      const broken = whole.slice();
      broken[at]! ^= 0xff;
      await send(broken);
    }
    await send(whole);
    await until(() => heard.some(({ port }) => port === 1), "the announcement");

    assertEquals(
      heard.find(({ instance, texts }) => instance === "abc" && texts[0] === "v=1"),
      service,
    );
    await discovery.close();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  },
});

Deno.test({
  name: "MdnsDiscovery spends a twentieth of its time on reading messages, whatever is in them",
  permissions: { ...permissions, sys: [...permissions.sys] },
  async fn() {
    let nowMs = 0;
    const counts = { busy: 0, quick: 0 };
    const busy = open(LOOPBACK, PORT, () => nowMs += 20); // so long does each take
    const quick = open();
    const counting = (which: keyof typeof counts) => ({
      ...DEAF,
      asked: () => void counts[which]++,
    });
    busy.handle(counting("busy"));
    quick.handle(counting("quick"));
    for (let round = 1; round <= 30; round++) {
      quick.ask();
      await until(() => counts.quick === round, "it hears itself");
    }
    assert(counts.busy > 2 && counts.busy < 12, `${counts.busy} were read`);

    nowMs += 60_000;
    const before = counts.busy;
    quick.ask();
    await until(() => counts.busy > before, "it reads again");
    await busy.close();
    await quick.close();
  },
});

Deno.test({
  name:
    "MdnsDiscovery hears from a reflector where the service is: on a network, never on the internet",
  permissions: { ...permissions, sys: [...permissions.sys] },
  async fn() {
    const discovery = open();
    const heard = new Map<string, readonly [string, string | undefined]>();
    discovery.handle({
      ...DEAF,
      heard: (from, { instance, host }) => heard.set(instance, [from, host]),
    });
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    await new Promise<void>((resolve) => socket.bind(0, LOOPBACK, () => resolve()));
    discovery.ask();
    await until(() => discovery.hearing.own, "it is open");
    const records = ["192.168.7.5", "203.0.113.9", "224.0.0.251", "127.0.0.2", LOOPBACK];
    for (const [at, record] of records.entries()) {
      const service = { instance: `i${at}`, port: 1, texts: ["v=1"] };
      socket.send(announcingMessage(service, record), PORT, LOOPBACK);
    }
    await until(() => heard.has("i4"), "the last of them");

    assertEquals([...heard.values()], [
      [LOOPBACK, "192.168.7.5"],
      ...Array(4).fill([LOOPBACK, undefined]),
    ]);
    await discovery.close();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  },
});
