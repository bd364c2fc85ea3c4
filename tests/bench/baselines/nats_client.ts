/**
 * The same job as a member's, over nats-server with its own client, the baseline of the piped rows: publishes
 * the lines of standard input, or prints each message on a line of its own.
 *
 *     deno run -A tests/bench/baselines/nats_client.ts PORT publish|subscribe
 */

import { dependency } from "./dependency.ts";
import { linePrinter, linesOf } from "./lines.ts";

const SUBJECT = "room";
/** Published ahead of the connection's own buffer: a flush at these keeps it bounded. */
const FLUSH_EVERY = 1_000;

const [port, role] = Deno.args as [string, string];
const { connect } = await dependency("@nats-io/transport-node/lib/mod.js");
const connection = await connect({ servers: `127.0.0.1:${port}` });
const print = linePrinter();

if (role === "subscribe") {
  const decoder = new TextDecoder();
  const subscription = connection.subscribe(SUBJECT, {
    callback: (_: unknown, { data }: { data: Uint8Array }) => print(decoder.decode(data)),
  });
  await connection.flush();
  print("ready");
  await subscription.closed;
} else {
  const encoder = new TextEncoder();
  print("ready");
  let count = 0;
  for await (const line of linesOf(Deno.stdin.readable)) {
    connection.publish(SUBJECT, encoder.encode(line));
    if (++count % FLUSH_EVERY === 0) await connection.flush();
  }
  await connection.drain();
}
