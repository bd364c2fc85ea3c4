/** The bounds of what serves figures: how many may connect, and for how long. */

import { assert, assertEquals } from "@std/assert";
import { plain } from "../../../lib/cli/metrics/http_messages.ts";
import { MetricsServer } from "../../../lib/cli/metrics/metrics_server.ts";
import { holds } from "../../e2e/node.ts";

type Limits = NonNullable<Parameters<typeof MetricsServer.open>[2]>;

/** A server that answers everything with this text, and those who connect. */
class World implements AsyncDisposable {
  readonly server: MetricsServer;
  readonly #connections: Deno.TcpConn[] = [];

  constructor(limits: Limits, text = "yes", host = "127.0.0.1") {
    const answering = () => plain(200, text);
    this.server = MetricsServer.open({ host, port: 0 }, answering, limits);
  }

  async connect(hostname = "127.0.0.1"): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ hostname, port: this.server.local.port });
    this.#connections.push(connection);
    return connection;
  }

  async ask(): Promise<string> {
    return await (await fetch(`http://127.0.0.1:${this.server.local.port}/`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.close();
    await this.server.close();
  }
}

/** Whether the other side has closed it by the time for which some questions to it take. */
async function isClosed(world: World, connection: Deno.TcpConn): Promise<boolean> {
  const closed = connection.read(new Uint8Array(1)).then((read) => read === null, () => true);
  const asked = (async () => {
    for (let i = 0; i < 5; i++) await world.ask();
    return false;
  })();
  const found = await Promise.race([closed, asked]);
  await asked;
  return found;
}

Deno.test("MetricsServer: one more than may be takes the place of the first", async () => {
  await using world = new World({ connectionsMax: 2, connectionMs: 60_000 });
  const first = await world.connect();
  await world.connect();
  await holds("both are there", () => world.server.size === 2);

  assertEquals(await world.ask(), "yes\n");
  assertEquals(await isClosed(world, first), true);
});

const HAS_IPV6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

Deno.test({
  name: `MetricsServer: an address with many connections loses one, and not another its only one${
    HAS_IPV6 ? "" : ": this machine has no IPv6"
  }`,
  ignore: !HAS_IPV6,
  async fn() {
    await using world = new World({ connectionsMax: 3, connectionMs: 60_000 }, "yes", "::");
    const only = await world.connect("::1");
    const one = await world.connect();
    await world.connect();
    await holds("all are there", () => world.server.size === 3);

    assertEquals(await world.ask(), "yes\n");
    assertEquals(await isClosed(world, one), true);
    assertEquals(await isClosed(world, only), false);
  },
});

Deno.test("MetricsServer: whoever says nothing is cut off", async () => {
  await using world = new World({ connectionsMax: 32, connectionMs: 20 });
  await world.connect();

  await holds("it is cut off", () => world.server.size === 0);
});

Deno.test("MetricsServer: whoever doesn't read is cut off", async () => {
  const length = 64 * 1_024 * 1_024;
  await using world = new World({ connectionsMax: 32, connectionMs: 200 }, "x".repeat(length));
  const connection = await world.connect();
  await connection.write(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"));
  await holds("it is there", () => world.server.size === 1);

  await holds("it is cut off", () => world.server.size === 0);
  let read = 0;
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) break;
    read += count;
  }
  assert(read < length, `${read} bytes came`);
});
