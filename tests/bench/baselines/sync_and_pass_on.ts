/**
 * The least that programs of several people must do, under the same Deno: each writes and syncs what it reads,
 * then passes it on: what is typed to all that are connected, what they send to standard output. No JSON, no
 * codec, no signature, no encryption, no answer.
 *
 *     deno run -A tests/bench/baselines/sync_and_pass_on.ts FILE          prints the port at which it listens
 *     deno run -A tests/bench/baselines/sync_and_pass_on.ts FILE PORT     connects there, and prints "ready"
 */

const [path, port] = Deno.args as [string, string | undefined];
const file = await Deno.open(path, { create: true, append: true });
const hostname = "127.0.0.1";
const connections = new Set<Deno.TcpConn>();

type Read = (buffer: Uint8Array) => Promise<number | null>;

async function passOn(read: Read, write: (bytes: Uint8Array) => void): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await read(buffer)) !== null;) {
    const bytes = buffer.slice(0, count);
    file.writeSync(bytes);
    await file.syncData();
    write(bytes); // not awaited: the next is read meanwhile
  }
}

async function hear(connection: Deno.TcpConn): Promise<void> {
  connection.setNoDelay(true);
  connections.add(connection);
  try {
    await passOn((buffer) => connection.read(buffer), (bytes) => void Deno.stdout.write(bytes));
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error; // it ended with bytes unread
  } finally {
    connections.delete(connection);
  }
}

function say(bytes: Uint8Array): void {
  for (const connection of connections) {
    connection.write(bytes).catch(() => connections.delete(connection)); // it has ended
  }
}

async function listen(): Promise<void> {
  const listener = Deno.listen({ hostname, port: 0 });
  await Deno.stdout.write(new TextEncoder().encode(`${listener.addr.port}\n`));
  for await (const connection of listener) void hear(connection);
}

async function connect(port: number): Promise<void> {
  const connection = await Deno.connect({ hostname, port });
  void hear(connection);
  await Deno.stdout.write(new TextEncoder().encode("ready\n"));
}

void (port === undefined ? listen() : connect(Number(port)));
await passOn((buffer) => Deno.stdin.read(buffer), say);
Deno.exit();
