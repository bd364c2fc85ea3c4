import { setImmediate } from "node:timers";
import { assert } from "@std/assert";
import { SILENT_LOGGER } from "../../../lib/base/machine/environment.ts";
import type { ByteStream } from "../../../lib/transport/byte_stream.ts";
import { TcpNetwork } from "../../../lib/transport/tcp/tcp_network.ts";

const MANY = 20_000;
const TURNS = 3;

/** At which so many connect, one after the other, as fast as they are accepted, and say whatever `read` says. */
class CrowdedListener {
  readonly addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  accepted = 0;
  #closed = () => {};

  constructor(
    readonly most: number,
    readonly read: (buffer: Uint8Array) => Promise<number> = () => new Promise(() => {}),
  ) {}

  accept(): Promise<unknown> {
    if (this.accepted === this.most) {
      return new Promise((_, reject) => this.#closed = () => reject(new Error("closed")));
    }
    this.accepted++;
    return Promise.resolve({
      ...{ remoteAddr: this.addr, localAddr: this.addr, read: this.read },
      ...{ write: () => new Promise(() => {}), setNoDelay() {}, close() {} },
    });
  }

  close(): void {
    this.#closed();
  }
}

async function listening(listener: CrowdedListener, accept: (stream: ByteStream) => void) {
  const { listen } = Deno;
  Deno.listen = (() => listener) as unknown as typeof Deno.listen;
  try {
    const network = TcpNetwork.listen("127.0.0.1", 0, SILENT_LOGGER);
    network.accept(accept);
    for (let turn = 0; turn < TURNS; turn++) {
      await new Promise((resolve) => void setImmediate(resolve));
    }
    return network;
  } finally {
    Deno.listen = listen;
  }
}

Deno.test("while somebody connects all the time, everything else has its turn", async () => {
  const crowded = new CrowdedListener(MANY);
  const network = await listening(crowded, (stream) => stream.abort());
  assert(crowded.accepted < 50, `${crowded.accepted} in ${TURNS} turns`);
  await network.stopListening();
});

Deno.test("while somebody says something all the time, everything else has its turn", async () => {
  let reads = 0;
  const loud = (buffer: Uint8Array) => {
    reads++;
    return reads < MANY ? Promise.resolve(buffer.length) : new Promise<number>(() => {});
  };
  const streams: ByteStream[] = [];
  const network = await listening(new CrowdedListener(8, loud), (stream) => {
    streams.push(stream);
    stream.handle({
      received() {
        const untilMs = performance.now() + 1;
        while (performance.now() < untilMs);
      },
      written() {},
      ended() {},
    });
  });
  assert(reads < 50, `${reads} in ${TURNS} turns`);
  for (const stream of streams) stream.abort();
  await network.stopListening();
});
