/**
 * What no program of two friends can save, under the same Deno: reads, writes, syncs, passes on; the other side
 * writes, syncs, prints. No JSON, no codec, no encryption, no answer.
 *
 *     deno run -A tests/bench/baselines/sync_and_pass_on.ts FILE [PORT]
 *
 * Without a port it takes the words of one other, and prints its own port first.
 */

const [path, port] = Deno.args as [string, string | undefined];
const file = await Deno.open(path, { create: true, append: true });

type Read = (buffer: Uint8Array) => Promise<number | null>;
type Write = (bytes: Uint8Array) => Promise<number>;

async function passOn(read: Read, write: Write): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await read(buffer)) !== null;) {
    const bytes = buffer.slice(0, count);
    file.writeSync(bytes);
    await file.syncData();
    void write(bytes); // the next is read meanwhile
  }
}

if (port === undefined) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await Deno.stdout.write(new TextEncoder().encode(`${listener.addr.port}\n`));
  const connection = await listener.accept();
  await passOn((buffer) => connection.read(buffer), (bytes) => Deno.stdout.write(bytes));
} else {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  connection.setNoDelay(true);
  await Deno.stdout.write(new TextEncoder().encode("ready\n"));
  await passOn((buffer) => Deno.stdin.read(buffer), (bytes) => connection.write(bytes));
}
