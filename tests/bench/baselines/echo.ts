// deno-lint-ignore-file no-console -- a program of its own
/** Sends back what it gets: a raw round trip, of which the friends' rows are a multiple. Prints its port. */

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
const buffer = new Uint8Array(4_096);
for await (const connection of listener) {
  connection.setNoDelay(true);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    await connection.write(buffer.subarray(0, count));
  }
  connection.close();
}
