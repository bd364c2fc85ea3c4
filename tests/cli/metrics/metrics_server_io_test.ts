/** The bounds of what serves figures: how many may connect, and for how long. */

import { assert, assertEquals, assertMatch } from "@std/assert";
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

/** All that comes until the other side closes it. */
async function restOf(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) return text;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

/** Whether the other side has closed it by the time for which some questions to it take. */
async function isClosed(world: World, connection: Deno.TcpConn): Promise<boolean> {
  const closed = restOf(connection).then(() => true);
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
  assertMatch(await restOf(first), /^HTTP\/1\.1 503 .*\r\n\r\nToo many connect at once/s);
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

Deno.test("MetricsServer: whoever says nothing, or a byte now and then, is cut off with a word", async () => {
  await using world = new World({ connectionsMax: 32, connectionMs: 20 });
  const silent = await world.connect();
  const slow = await world.connect();
  await slow.write(new TextEncoder().encode("G"));

  for (const connection of [silent, slow]) {
    assertMatch(await restOf(connection), /^HTTP\/1\.1 408 .*\r\n\r\nThe request didn't come in/s);
  }
  assertEquals(world.server.size, 0);
});

Deno.test("MetricsServer: whoever doesn't read is cut off", async () => {
  const length = 64 * 1_024 * 1_024;
  await using world = new World({ connectionsMax: 32, connectionMs: 200 }, "x".repeat(length));
  const connection = await world.connect();
  const host = `127.0.0.1:${world.server.local.port}`;
  await connection.write(new TextEncoder().encode(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));
  await holds("it is there", () => world.server.size === 1);

  await holds("it is cut off", () => world.server.size === 0);
  const { length: read } = await restOf(connection);
  assert(read < length, `${read} bytes came`);
});
