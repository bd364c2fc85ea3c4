/** A client's datagrams. */

import { assertEquals } from "@std/assert";
import {
  ClientPath,
  type DatagramMessage,
  DatagramPath,
} from "../../../../lib/protocols/directory/datagrams/datagram_path.ts";
import {
  CHALLENGE_BYTES,
  HERE_MS,
  HERE_REPEAT_MS,
} from "../../../../lib/protocols/sealed_datagram/limits.ts";
import { ENTERED, partOutput } from "../client_program.ts";

const DIRECTORY = { host: "10.0.0.1", port: 4_400 };
const HERE = "datagram 10.0.0.1:4400";

function path() {
  const output = partOutput();
  const part = new ClientPath({ host: "chat.example", port: 4_400 }, output.out);
  part.linked(DIRECTORY);
  part.entered(ENTERED);
  const keys = [ENTERED.toClient, ENTERED.toDirectory].map((key) => key.slice());
  const directory = new DatagramPath(ENTERED.index, keys[0]!, keys[1]!);
  const hears = (message: DatagramMessage, from = DIRECTORY) =>
    part.open(from, directory.seal(message));
  /** @returns After what time it was next said that we are here. */
  const waitsMs = () => {
    const ms = part.deadlines.nextMs()! - output.out.nowMs;
    output.pass(ms);
    part.deadlines.tick(output.out.nowMs);
    return ms;
  };
  return { output, part, directory, hears, waitsMs };
}

Deno.test("ClientPath: that we are here is said at once, again where no answer comes, and then now and then", () => {
  const { output, waitsMs } = path();
  assertEquals(output.words(), [HERE]);

  const pauses = Array.from({ length: HERE_REPEAT_MS.length + 2 }, waitsMs);
  assertEquals(pauses, [...HERE_REPEAT_MS, HERE_MS, HERE_MS]);
});

Deno.test("ClientPath: asked to prove our address, we answer where we are asked from, and wait longer", () => {
  const { output, part, hears, waitsMs } = path();
  output.words();
  const elsewhere = { host: "10.0.0.1", port: 9 };

  assertEquals(
    hears({ type: "prove", challenge: new Uint8Array(CHALLENGE_BYTES) }, elsewhere),
    null,
  );
  assertEquals(output.words(), ["datagram 10.0.0.1:9"]);
  assertEquals([waitsMs(), waitsMs()], [HERE_MS, HERE_MS]);
  assertEquals(part.deadlines.nextMs(), output.out.nowMs + HERE_MS);
});

Deno.test("ClientPath: what is replayed, of another session, or comes when we are out, is nothing", () => {
  const { output, part, directory } = path();
  const got = directory.seal({ type: "got", through: 1 });
  const other = new DatagramPath(8, new Uint8Array(32), new Uint8Array(32));

  assertEquals(part.open(DIRECTORY, got.slice())?.type, "got");
  assertEquals(part.open(DIRECTORY, got.slice()), null);
  assertEquals(part.open(DIRECTORY, other.seal({ type: "got", through: 1 })), null);
  part.left();
  output.words();
  part.send({ type: "got", through: 1 });
  assertEquals([output.words(), part.deadlines.nextMs()], [[], null]);
  assertEquals(part.open(DIRECTORY, directory.seal({ type: "got", through: 2 })), null);
});
