/** Strangers who break the rules over real sockets: each is dropped, with a reason, and nobody else notices. */

import { CHANNEL_VERSION } from "../../lib/protocols/noise/preface.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { nodeCrypto, nodeSigner, utf8 } from "../../lib/base/crypto/crypto.ts";
import type { Logger } from "../../lib/base/machine/environment.ts";
import { P2pchatError } from "../../lib/base/errors.ts";
import type { LinkId } from "../../lib/base/ids.ts";
import { keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import { EXPECT_ANYBODY, type LinkHandler, type Links } from "../../lib/transport/link.ts";
import { openTcpLinks } from "../../lib/transport/tcp/tcp_links.ts";

/** Where a test waits for it, a handshake ends sooner than in the program. */
const HANDSHAKE_MS = 400;
/** Where somebody must wait for its turn, on a machine that may be slow. */
const PATIENT_MS = 3_000;

interface Server {
  readonly links: Links;
  readonly ups: LinkId[];
  readonly failures: string[];
  readonly reasons: string[];
  frames: number;
}

function serve(
  name: string,
  host: string | null = "127.0.0.1",
  port = 0,
  handshakeMs = PATIENT_MS,
): Server {
  const server = {
    ups: [] as LinkId[],
    failures: [] as string[],
    reasons: [] as string[],
    frames: 0,
  };
  const handler: LinkHandler = {
    linkUp: (link) => void server.ups.push(link),
    dialFailed: (_, { reason }) => void server.failures.push(reason),
    frame: () => void (server.frames += 1),
    linkDown() {},
    congested() {},
    drained() {},
    aged() {},
  };
  const note = (_: string, fields: Readonly<Record<string, unknown>> = {}) =>
    void server.reasons.push(String(fields["text"] ?? fields["reason"]));
  const log: Logger = { debug: note, info: note, warn: note };
  const seed = Uint8Array.fromHex(nodeCrypto.sha256(utf8(name)));
  const links = openTcpLinks({
    host,
    port,
    identity: { signer: nodeSigner(seed), static: keyPairFromSeed(seed) },
    env: { crypto: nodeCrypto, log, randomBytes: (n) => crypto.getRandomValues(new Uint8Array(n)) },
    access: { mode: "mesh", room: null, secrets: null, admit: () => null },
    handler,
    channel: { handshakeMs },
  });
  return Object.assign(server, { links });
}

async function until(done: () => boolean, what: string): Promise<void> {
  for (const untilMs = performance.now() + 60_000; !done();) {
    assert(performance.now() < untilMs, `within a minute: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Lets a friend in, who dials again as the program does: on a machine that stands still its time is over, too. */
async function letIn(friend: Server, server: Server): Promise<void> {
  for (let attempt = 1; friend.ups.length === 0; attempt++) {
    friend.links.dial(attempt, server.links.local, EXPECT_ANYBODY);
    const answers = () => friend.ups.length + friend.failures.length;
    await until(() => answers() === attempt, "the friend is answered");
  }
  server.reasons.length = 0;
}

/** Reads until the server hangs up. @returns What it sent. */
async function hungUp(conn: Deno.TcpConn): Promise<Uint8Array> {
  const all: number[] = [];
  const buffer = new Uint8Array(1_024);
  try {
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) break;
      all.push(...buffer.subarray(0, count));
    }
  } catch (error) {
    // A reset ends it as well.
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return Uint8Array.from(all);
}

function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

const VERSION_HEX = Uint8Array.of(CHANNEL_VERSION).toHex();

/** A preface of this version, mode `mesh`, that names nothing. */
function preface(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(51);
  bytes.set(utf8("p2pc"));
  bytes[4] = CHANNEL_VERSION;
  bytes[5] = 1;
  return bytes;
}

async function flood(conn: Deno.TcpConn, bytes: Uint8Array, times: number): Promise<void> {
  try {
    for (let at = 0; at < times; at++) {
      for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    }
  } catch (error) {
    // What the server does with somebody who floods it.
    if (error instanceof Deno.errors.ConnectionReset) return;
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

interface Attack {
  readonly name: string;
  readonly reason: RegExp;
  /** Whether it is the time for a handshake that ends it. */
  readonly isWaiting?: boolean;
  run(conn: Deno.TcpConn): Promise<void>;
}

const MEGABYTE = new Uint8Array(1_024 * 1_024).fill(0x70);
const quiet = () => Promise.resolve();

const ATTACKS: readonly Attack[] = [
  { name: "says nothing", reason: /no complete opening/, isWaiting: true, run: quiet },
  {
    name: "sends random bytes",
    reason: /doesn't speak p2pchat/,
    run: async (conn) => {
      await conn.write(crypto.getRandomValues(new Uint8Array(1_000)));
    },
  },
  {
    name: "sends an HTTP request",
    reason: /doesn't speak p2pchat/,
    run: async (conn) => {
      await conn.write(utf8("GET / HTTP/1.1\r\nHost: example\r\n\r\n"));
    },
  },
  {
    name: "sends half a preface and waits",
    reason: /no complete opening/,
    isWaiting: true,
    run: async (conn) => {
      await conn.write(preface().subarray(0, 20));
    },
  },
  {
    name: "sends one byte at a time",
    reason: /no complete opening/,
    isWaiting: true,
    run: async (conn) => {
      for (const byte of preface()) {
        await flood(conn, Uint8Array.of(byte), 1);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  },
  {
    name: "sends a key of low order",
    reason: /low order/,
    run: async (conn) => {
      await conn.write(new Uint8Array([...preface(), ...new Uint8Array(32)]));
    },
  },
  {
    name: "sends a handshake and then 20 MB of noise",
    reason: /Cannot open sealed message/,
    run: async (conn) => {
      await conn.write(
        new Uint8Array([...preface(), ...keyPairFromSeed(MEGABYTE.slice(0, 32)).publicKey]),
      );
      await flood(conn, MEGABYTE, 20);
    },
  },
  {
    name: "sends 20 MB at once",
    reason: /doesn't speak p2pchat/,
    run: async (conn) => {
      await flood(conn, MEGABYTE, 20);
    },
  },
  {
    name: "hangs up in the middle",
    reason: /hung up|cut the connection/,
    run: async (conn) => {
      await conn.write(preface());
      await conn.closeWrite();
    },
  },
];

for (const { name, reason, isWaiting = false, run } of ATTACKS) {
  Deno.test({
    name: `a stranger who ${name} is dropped with a reason`,
    permissions: { net: true },
    async fn() {
      const server = serve("server", "127.0.0.1", 0, isWaiting ? HANDSHAKE_MS : PATIENT_MS);
      const friend = serve("friend");
      await letIn(friend, server);
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.links.local.port });
      try {
        const dropped = hungUp(conn);
        await run(conn);
        await dropped;
      } finally {
        closeQuietly(conn);
      }
      await until(() => server.reasons.length > 0, "the reason is in the log");
      assert(reason.test(server.reasons[0]!), server.reasons[0]);
      friend.links.send(friend.ups[0]!, utf8("still here"), "data");
      await until(() => server.frames === 1, "the friend's link works");

      await Promise.all([server.links.shutdown("quit"), friend.links.shutdown("quit")]);
    },
  });
}

Deno.test({
  name: "a stranger of another mode who sends more than is read still gets the answer",
  permissions: { net: true },
  async fn() {
    const server = serve("server");
    for (let time = 0; time < 10; time++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.links.local.port });
      const opening = new Uint8Array(200_000);
      opening.set(preface());
      opening[5] = 2;

      await flood(conn, opening, 1);
      const answer = await hungUp(conn);
      closeQuietly(conn);

      assertEquals(answer.toHex(), `0202${VERSION_HEX}`);
    }
    await server.links.shutdown("quit");
  },
});

Deno.test({
  name: "1,000 silent connections keep nobody out, and are dropped",
  permissions: { net: true },
  async fn() {
    const server = serve("server");
    const { port } = server.links.local;
    const silent = await Promise.all(
      Array.from({ length: 1_000 }, () => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    const dropped = Promise.all(silent.map(hungUp));

    const friend = serve("friend");
    await letIn(friend, server);
    const answers = await dropped;
    silent.forEach(closeQuietly);

    // On a machine that stands still its time may be over, but there was always room.
    assertEquals(friend.failures.filter((reason) => reason !== "timeout"), []);
    // Those who make room are told so, as many as may linger: a refusal, its code, our version.
    const refused = answers.filter((bytes) => bytes.toHex() === `0204${VERSION_HEX}`).length;
    assert(refused >= 60, `${refused} were told that it is full`);
    await Promise.all([server.links.shutdown("quit"), friend.links.shutdown("quit")]);
  },
});

Deno.test({
  name: "openTcpLinks() listens on all addresses for IPv4 and, where there is one, IPv6",
  permissions: { net: true },
  async fn() {
    const server = serve("server", null);
    const friend = serve("friend");
    const { port } = server.links.local;

    friend.links.dial(1, { host: "127.0.0.1", port }, EXPECT_ANYBODY);
    friend.links.dial(2, { host: "localhost", port }, EXPECT_ANYBODY);
    await until(() => friend.ups.length === 2, "both are up");

    await Promise.all([server.links.shutdown("quit"), friend.links.shutdown("quit")]);
  },
});

Deno.test({
  name: "openTcpLinks() names the port that another program has",
  permissions: { net: true },
  async fn() {
    const server = serve("server");
    const { port } = server.links.local;

    const error = assertThrows(() => serve("another", "127.0.0.1", port), P2pchatError);

    assertEquals(error.code, "port-in-use");
    assert(error.message.includes(`port ${port}`), error.message);
    await server.links.shutdown("quit");
  },
});
