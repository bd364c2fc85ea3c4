import { connect as connectNode } from "node:net";
import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import { EXPECT_ANYBODY } from "../../../lib/transport/link.ts";
import { openTcpLinks } from "../../../lib/transport/tcp/tcp_links.ts";
import type { ByteStream } from "../../../lib/transport/byte_stream.ts";
import { NameLookups } from "../../../lib/transport/tcp/first_to_connect.ts";
import { TcpNetwork } from "../../../lib/transport/tcp/tcp_network.ts";
import { linkContract, type LinkWorld, Program } from "../../contracts/link_contract.ts";

function tcpWorld(): LinkWorld {
  const settle = () => new Promise<void>((resolve) => setTimeout(resolve, 5));
  return {
    open: (options) => openTcpLinks({ ...options, host: "127.0.0.1", port: 0 }),
    // Port 1 is reserved for a service that no machine has had for decades.
    nowhere: { host: "127.0.0.1", port: 1 },
    freePort() {
      const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const { port } = listener.addr as Deno.NetAddr;
      listener.close();
      return port;
    },
    settle,
    async until(done, what) {
      const untilMs = performance.now() + 60_000;
      while (!done()) {
        assert(performance.now() < untilMs, `within a minute: ${what}`);
        await settle();
      }
    },
    async shutdown(programs) {
      await Promise.all(programs.map((program) => program.links.shutdown("quit")));
    },
  };
}

linkContract("TCP", tcpWorld, { permissions: { net: true } });

Deno.test("TcpNetwork accepts only as many connections at once as it may, and the next one after an end", async () => {
  const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER, undefined, 2);
  const accepted: ByteStream[] = [];
  network.accept((stream) => void accepted.push(stream));
  const { port } = network.local;
  const dial = () => Deno.connect({ hostname: "127.0.0.1", port });
  const dialled = [await dial(), await dial(), await dial(), await dial()];
  const counts: number[] = [];
  /** Waits for so many, and whether there are more. */
  const count = async (number: number) => {
    await tcpWorld().until(() => accepted.length >= number, `${number} are accepted`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    counts.push(accepted.length);
  };
  try {
    await count(2);
    accepted[0]!.abort();
    await count(3);
    accepted[1]!.abort();
    accepted[2]!.abort();
    await count(4);
  } finally {
    accepted.at(-1)!.abort();
    for (const conn of dialled) conn.close();
    await network.stopListening();
    await network.allClosed();
  }
  assertEquals(counts, [2, 3, 4]);
});

Deno.test("TcpNetwork: a connection that was reset before it is looked at is closed", async () => {
  const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
  network.accept(() => {});
  const connect = Deno.connect;
  let closed = 0;
  const reset = {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 9 },
    localAddr: { transport: "tcp", hostname: "127.0.0.1", port: 10 },
    setNoDelay: () => {
      throw new Error("Invalid argument (os error 22)");
    },
    close: () => closed++,
  };
  try {
    Object.assign(Deno, { connect: () => Promise.resolve(reset) });

    const reason = await new Promise((resolve) =>
      network.connect({ host: "127.0.0.1", port: 9 }, () => resolve("connected"), resolve)
    );

    assertEquals([reason, closed], ["Invalid argument", 1]);
  } finally {
    Object.assign(Deno, { connect });
    await network.stopListening();
    await network.allClosed();
  }
});

Deno.test("TcpNetwork: connections that are reset before they are accepted don't delay the next", async () => {
  const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
  const { port } = network.local;
  // Nobody is accepted before `accept`: these wait in the system's queue, and are reset there.
  await Promise.all(Array.from({ length: 100 }, () =>
    new Promise<void>((resolve) => {
      const socket = connectNode(port, "127.0.0.1", () => socket.resetAndDestroy());
      socket.on("close", () => resolve());
    })));
  const friend = await Deno.connect({ hostname: "127.0.0.1", port });
  const beganMs = performance.now();
  await new Promise<void>((resolve) =>
    network.accept((stream) => {
      if (stream.remote.port === (friend.localAddr as Deno.NetAddr).port) resolve();
      stream.abort();
    })
  );

  assert(performance.now() - beganMs < 5_000, "half of what a pause after each would take");
  friend.close();
  await network.stopListening();
  await network.allClosed();
});

Deno.test("TcpNetwork: with a dead name service, names say what they miss, and addresses don't wait", async () => {
  const names = new NameLookups(() => new Promise(() => {}));
  const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
  const dialler = TcpNetwork.dialOnly(SILENT_LOGGER, names);
  network.accept((stream) => stream.abort());
  const { port } = network.local;
  const fail = () => assert(false, "neither connected nor failed");
  // The last of them looks like an address, and isn't one.
  const hosts = ["a.example", "b.example", "c.example", "d.example", "e.example", "127.0.0.400"];
  const attempts = hosts.map((host) => dialler.connect({ host, port }, fail, fail));

  assertEquals(attempts.map(({ missing }) => missing), [
    ...Array(4).fill("no answer from the name service"),
    ...Array(2).fill("no turn to ask the slow name service"),
  ]);
  const reached = await new Promise<string>((resolve) => {
    const attempt = dialler.connect({ host: "127.0.0.1", port }, (stream) => {
      stream.abort();
      resolve("connected");
    }, resolve);
    assertEquals(attempt.missing, "no connection");
  });
  assertEquals(reached, "connected");
  for (const attempt of attempts) attempt.cancel();
  await network.stopListening();
  await dialler.allClosed();
  await network.allClosed();
});

Deno.test("TcpNetwork: connect() takes the first address of a name that answers", async () => {
  const names = new NameLookups((name) =>
    Promise.resolve(name === "both.example" ? ["127.0.0.9", "127.0.0.1"] : [])
  );
  const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
  const dialler = TcpNetwork.dialOnly(SILENT_LOGGER, names);
  network.accept((stream) => stream.abort());
  const { port } = network.local;
  const connect = (host: string, to: number) =>
    new Promise<string>((resolve) =>
      dialler.connect({ host, port: to }, (stream) => {
        stream.abort();
        resolve(stream.remote.host);
      }, resolve)
    );

  assertEquals(await connect("both.example", port), "127.0.0.1");
  assertEquals(await connect("both.example", 1), "nobody listens there");
  assertEquals(await connect("none.example", port), "no host of that name is known");
  await network.stopListening();
  await dialler.allClosed();
  await network.allClosed();
});

/** Connects as ever, but to addresses of documentation (RFC 5737): those are silent. */
function silentDocumentation(connect: typeof Deno.connect) {
  return (options: Deno.ConnectOptions & { readonly signal: AbortSignal }) => {
    if (!options.hostname!.startsWith("192.0.2.")) return connect(options);
    return new Promise((_, reject) =>
      options.signal.addEventListener("abort", () => reject(options.signal.reason))
    );
  };
}

Deno.test("TcpNetwork: connect() reaches a name whose first address is silent, and a cancel ends all attempts", async () => {
  const names = new NameLookups((name) =>
    Promise.resolve(["192.0.2.1", name === "both.example" ? "127.0.0.1" : "192.0.2.2"])
  );
  const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
  const dialler = TcpNetwork.dialOnly(SILENT_LOGGER, names);
  network.accept((stream) => stream.abort());
  const { port } = network.local;
  const connect = Deno.connect;
  try {
    Object.assign(Deno, { connect: silentDocumentation(connect) });
    const { promise: reached, resolve } = Promise.withResolvers<string>();
    const connected = (stream: ByteStream) => {
      stream.abort();
      resolve(stream.remote.host);
    };
    const hosts = ["silent.example", "both.example"];
    const attempts = hosts.map((host) => dialler.connect({ host, port }, connected, resolve));
    const timer = setTimeout(resolve, 30_000, "no connection");

    assertEquals(await reached, "127.0.0.1");
    clearTimeout(timer);
    for (const attempt of attempts) attempt.cancel();
    await network.stopListening();
    await dialler.allClosed();
    await network.allClosed();
  } finally {
    Object.assign(Deno, { connect });
  }
});

Deno.test("openTcpLinks: at shutdown each of many links hears what was sent last, and the goodbye", async () => {
  const LINKS = 100;
  const world = tcpWorld();
  const server = new Program(world, "server");
  const client = new Program(world, "client");
  try {
    for (let number = 1; number <= LINKS; number++) {
      client.links.dial(number, server.links.local, EXPECT_ANYBODY);
      await world.until(() => client.ups.length === number, `link ${number}`);
    }
    await world.until(() => server.ups.length === LINKS, "all links");

    for (const { link } of server.ups) server.links.send(link, utf8("last"), "data");
    await server.links.shutdown("maintenance");
    await world.until(() => client.downs.length === LINKS, "the end of all links");

    const heard = client.texts.filter((text) => text === "last").length;
    const told = client.downs.filter(({ end }) =>
      end.closed && end.reason === "maintenance"
    ).length;
    assertEquals([heard, told], [LINKS, LINKS]);
  } finally {
    await world.shutdown([client, server]);
  }
});

Deno.test("TcpNetwork: nobody listens where it listens itself, by whatever address it is called", async () => {
  const names = new NameLookups(() => Promise.resolve(["127.0.0.1"]));
  const connect = (network: TcpNetwork, host: string, port: number) =>
    new Promise<string>((resolve) =>
      network.connect({ host, port }, (stream) => {
        stream.abort();
        resolve("connected");
      }, (reason, isSelf) => resolve(`${reason}${isSelf ? ", but itself" : ""}`))
    );
  const own = Deno.networkInterfaces().find(({ family, address }) =>
    family === "IPv4" && !address.startsWith("127.")
  );
  for (const host of [null, "127.0.0.1"]) {
    const network = TcpNetwork.listen(host, 0, SILENT_LOGGER, names);
    const other = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
    for (const each of [network, other]) each.accept((stream) => stream.abort());
    const { port } = network.local;
    const hosts = [
      "127.0.0.1",
      "localhost.example",
      "127.0.0.2",
      "::1",
      own?.address ?? "127.0.0.1",
    ];

    for (const to of hosts) {
      const reason = await connect(network, to, port);
      // Where there is no IPv6.
      assert(/nobody listens there|not an address|no network/.test(reason), `${to}: ${reason}`);
      if (to === "127.0.0.1") assertEquals(reason, "nobody listens there, but itself");
    }
    assertEquals(await connect(network, "127.0.0.1", other.local.port), "connected");
    for (const each of [network, other]) {
      await each.stopListening();
      await each.allClosed();
    }
  }
});
