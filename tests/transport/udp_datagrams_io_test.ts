import { assert, assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import { RemoteProtocolError } from "../../lib/base/errors.ts";
import { UdpDatagrams } from "../../lib/transport/udp_datagrams.ts";
import { datagramContract, type DatagramWorld } from "../contracts/datagram_contract.ts";

function udpWorld(host: string): DatagramWorld {
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
  return {
    open: (port) => UdpDatagrams.listen(host, port, SILENT_LOGGER),
    // Port 1 is reserved for a service that no machine has had for decades.
    nowhere: { host, port: 1 },
    settle,
    async until(done, what) {
      const untilMs = performance.now() + 60_000;
      while (!done()) {
        assert(performance.now() < untilMs, `within a minute: ${what}`);
        await settle();
      }
    },
  };
}

datagramContract("UDP", () => udpWorld("127.0.0.1"), { permissions: { net: true } });

Deno.test({
  name: "UdpDatagrams: at all addresses, IPv4 peers have IPv4 addresses",
  permissions: { net: true },
  async fn() {
    const all = UdpDatagrams.listen(null, 0, SILENT_LOGGER);
    const one = UdpDatagrams.listen("127.0.0.1", 0, SILENT_LOGGER);
    try {
      const answered = new Promise<string>((resolve) => {
        all.handle({ datagram: (from, bytes) => all.send(from, new Uint8Array(bytes)), turn() {} });
        one.handle({ datagram: (from) => resolve(from.host), turn() {} });
      });
      one.send({ host: "127.0.0.1", port: all.local.port }, Uint8Array.of(1));
      assert(await answered === "127.0.0.1");
    } finally {
      await Promise.all([all.close(), one.close()]);
    }
  },
});

Deno.test({
  name: "UdpDatagrams: what a handler throws isn't taken for an error of the network",
  permissions: { net: true },
  async fn() {
    const world = udpWorld("127.0.0.1");
    const [one, other] = [world.open(0), world.open(0)];
    const bug = new RemoteProtocolError("thrown where nobody expects it");
    const uncaught: unknown[] = [];
    const onUncaught = (event: PromiseRejectionEvent) => {
      event.preventDefault();
      uncaught.push(event.reason);
    };
    addEventListener("unhandledrejection", onUncaught);
    try {
      other.handle({
        datagram() {
          throw bug;
        },
        turn() {},
      });
      one.send(other.local, Uint8Array.of(1));

      await world.until(() => uncaught.length > 0, "the end of the program");

      assertEquals(uncaught, [bug]);
    } finally {
      removeEventListener("unhandledrejection", onUncaught);
      await Promise.all([one.close(), other.close()]);
    }
  },
});
