import { assertEquals } from "@std/assert";
import { IrcConnection } from "../../../lib/cli/irc/irc_connection.ts";
import type { ClientLine } from "../../../lib/cli/irc/lines/irc_line_splitter.ts";

Deno.test("irc: what a client has sent is said to its end, though nothing can be written to the client any more", async () => {
  const chunks = ["PRIVMSG #a :one\r\nPRIVMSG #a :two\r\n", "PRIVMSG #a :three\r\n"];
  let isClosed = false;
  const stream = {
    read(buffer: Uint8Array) {
      const chunk = chunks.shift();
      if (chunk === undefined) return Promise.resolve(null);
      return Promise.resolve(new TextEncoder().encodeInto(chunk, buffer).written);
    },
    write: () => Promise.reject(new Deno.errors.BrokenPipe()),
    close: () => void (isClosed = true),
    closeWrite: () => Promise.resolve(),
  };
  const released = Promise.withResolvers<void>();
  let held: Promise<void> | null = released.promise;
  const lines: ClientLine[] = [];
  const gone = Promise.withResolvers<void>();
  const connection = new IrcConnection(stream, {
    ready: () => held,
    line: (line) => void lines.push(line),
    drained() {},
    gone: () => gone.resolve(),
    nowMs: () => 0,
  });
  connection.send(["said by others"]);
  await new Promise((resolve) => setTimeout(resolve, 0)); // the write has failed by then
  assertEquals([isClosed, connection.isBehind], [false, true]);

  held = null;
  released.resolve();
  connection.send(["said by others later"]);
  await gone.promise;
  assertEquals(lines, ["one", "two", "three"].map((text) => `PRIVMSG #a :${text}`));
  assertEquals(isClosed, true);
});
