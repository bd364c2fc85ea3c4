// deno-lint-ignore-file no-console -- a program of its own
/**
 * A program on a network: prints all of multicast DNS that it hears, an event for each message, and says what it is told
 * to: `{"send": HEX, "times": N}`, each time with an instance of its own where HEX has `INSTANCE` in it. Run by `Node`.
 */

import { createSocket } from "node:dgram";
import process from "node:process";
import { createInterface } from "node:readline";

const GROUP = "224.0.0.251";
const PORT = 5_353;

const [own] = Deno.networkInterfaces().filter(({ name, family }) =>
  name === "out" && family === "IPv4"
);
const socket = createSocket({ type: "udp4", reuseAddr: true });
await new Promise<void>((done) => socket.bind(PORT, "0.0.0.0", () => done()));
socket.addMembership(GROUP, own!.address);
socket.setMulticastInterface(own!.address);
socket.on("message", (bytes, { address }) => {
  const hex = new Uint8Array(bytes).toHex();
  console.log(
    JSON.stringify({ event: "heard", from: address, hex, text: bytes.toString("latin1") }),
  );
});
console.log(JSON.stringify({ event: "ready" }));

const INSTANCE = new TextEncoder().encode("INSTANCE");

for await (const line of createInterface({ input: process.stdin })) {
  const { send, times } = JSON.parse(line) as { readonly send: string; readonly times: number };
  const bytes = Uint8Array.fromHex(send);
  for (let at = 0; at < times; at++) {
    const text = new TextEncoder().encode(String(at).padStart(INSTANCE.length, "0"));
    await new Promise<void>((done) =>
      socket.send(replaced(bytes, INSTANCE, text), PORT, GROUP, () => done())
    );
  }
  console.log(JSON.stringify({ event: "sent", times }));
}
socket.close();

/** The bytes with `to` in the place of each `from`, which is as long. */
function replaced(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const made = bytes.slice();
  for (let at = 0; at + from.length <= made.length; at++) {
    if (from.every((byte, index) => (made[at + index]! | 32) === (byte | 32))) made.set(to, at);
  }
  return made;
}
