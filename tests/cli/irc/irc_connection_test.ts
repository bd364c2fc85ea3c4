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

Deno.test("irc: a client that takes nothing any more and keeps its own side open is closed once its last line is said", async () => {
  const timers = new Set<unknown>();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const settled = () => new Promise((resolve) => set(resolve, 0));
  globalThis.setTimeout = ((work: () => void) => {
    timers.add(work);
    return work;
  }) as unknown as typeof set;
  globalThis.clearTimeout = (id) => void timers.delete(id);
  const timePasses = () => {
    const due = [...timers] as (() => void)[];
    timers.clear();
    for (const work of due) work();
  };
  const connect = () => {
    const reads: ((chunk: string) => void)[] = [];
    const lines: ClientLine[] = [];
    const client = { reads, lines, isClosed: false, held: null as Promise<void> | null };
    const stream = {
      async read(buffer: Uint8Array) {
        const chunk = await new Promise<string>((resolve) => reads.push(resolve));
        return new TextEncoder().encodeInto(chunk, buffer).written;
      },
      write: () => Promise.reject(new Deno.errors.BrokenPipe()),
      close: () => void (client.isClosed = true),
      closeWrite: () => Promise.resolve(),
    };
    const connection = new IrcConnection(stream, {
      ready: () => client.held,
      line: (line) => void lines.push(line),
      drained() {},
      gone() {},
      nowMs: () => 0,
    });
    return { client, connection };
  };
  try {
    const silent = connect();
    const { client, connection } = connect();
    timePasses();
    assertEquals(silent.client.isClosed, false, "it may be silent while it takes what is sent");

    silent.connection.send(["said by others"]);
    connection.send(["said by others"]);
    await settled();
    const released = Promise.withResolvers<void>();
    client.held = released.promise;
    client.reads.shift()!("PRIVMSG #a :one\r\nPRIVMSG #a :two\r\n");
    await settled();
    timePasses();
    assertEquals(silent.client.isClosed, true);
    assertEquals([client.isClosed, connection.isBehind], [false, true]);

    client.held = null;
    released.resolve();
    await settled();
    assertEquals(client.lines, ["PRIVMSG #a :one", "PRIVMSG #a :two"]);
    assertEquals(client.isClosed, false);
    timePasses();
    assertEquals(client.isClosed, true);
  } finally {
    globalThis.setTimeout = set;
    globalThis.clearTimeout = clear;
  }
});
