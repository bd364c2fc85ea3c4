// deno-lint-ignore-file no-console -- a program of its own
/** A program that listens and does nothing else: what the runtime itself costs. */

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log("ready");
for await (const connection of listener) connection.close();
