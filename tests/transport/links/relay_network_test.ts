import { assert, assertEquals } from "@std/assert";
import { P2pchatError } from "../../../lib/base/errors.ts";
import { type Endpoint, endpointText } from "../../../lib/base/ids.ts";
import type {
  ByteStream,
  StreamAttempt,
  StreamNetwork,
} from "../../../lib/transport/byte_stream.ts";
import { ChannelLinks } from "../../../lib/transport/links/channel_links.ts";
import { VirtualClock } from "../../doubles/memory_links.ts";
import { RelayNetwork } from "../../../lib/transport/links/relay_network.ts";
import type { Relay, RelayLimits } from "../../../lib/transport/relayed_streams.ts";
import { linkContract, type LinkWorld } from "../../contracts/link_contract.ts";

const LIMITS: RelayLimits = { creditBytes: 4_096, pieceBytesMax: 1_024, piecesPerS: 10_000 };
const LATENCY_MS = 5;

/** Two ends that pass on to each other what they send. */
class Exchange {
  readonly clock = new VirtualClock();
  /** Of all that was sent, each piece. */
  readonly pieces: number[] = [];

  join(near: RelayNetwork, far: RelayNetwork, limits = LIMITS): { near: Relay; far: Relay } {
    const later = (task: () => void) => this.clock.at(this.clock.nowMs() + LATENCY_MS, task);
    const untakenBytes = { near: 0, far: 0 };
    const open = (relays: RelayNetwork, self: "near" | "far", other: "near" | "far") =>
      relays.open(limits, {
        send: (bytes) => {
          this.pieces.push(bytes.length);
          untakenBytes[self] += bytes.length;
          assert(untakenBytes[self] <= limits.creditBytes, "no more than there is room for");
          later(() => ends[other].came(bytes));
        },
        taken: (bytes) => {
          untakenBytes[other] -= bytes;
          later(() => ends[other].room(bytes));
        },
      });
    const ends = { near: open(near, "near", "far"), far: open(far, "far", "near") };
    return ends;
  }
}

/** A network all of whose streams are relayed. */
class RelayedHosts extends Exchange {
  readonly #hosts = new Map<
    string,
    { readonly relays: RelayNetwork; readonly host: RelayedHost }
  >();
  #ports = 0;

  freePort(): number {
    return ++this.#ports;
  }

  open(options: Parameters<LinkWorld["open"]>[0]): ChannelLinks {
    const relays = new RelayNetwork(this.clock);
    const host = new RelayedHost(this, relays, { host: "relayed", port: this.freePort() });
    this.#hosts.set(endpointText(host.local), { relays, host });
    return new ChannelLinks(host, { ...options, clock: this.clock });
  }

  at(endpoint: Endpoint) {
    return this.#hosts.get(endpointText(endpoint)) ?? null;
  }

  move(host: RelayedHost, to: Endpoint | null): void {
    const { relays } = this.at(host.local)!;
    this.#hosts.delete(endpointText(host.local));
    if (to !== null) this.#hosts.set(endpointText(to), { relays, host });
  }
}

class RelayedHost implements StreamNetwork {
  readonly #both: StreamNetwork;

  constructor(readonly world: RelayedHosts, readonly relays: RelayNetwork, public local: Endpoint) {
    this.#both = relays.over({ ...NO_NETWORK, local });
  }

  connect(
    to: Endpoint,
    connected: (stream: ByteStream) => void,
    failed: (reason: string) => void,
  ): StreamAttempt {
    const there = this.world.at(to);
    if (there === null) {
      this.world.clock.soon(() => failed("nobody listens there"));
      return { missing: "no connection", cancel() {} };
    }
    const { near, far } = this.world.join(this.relays, there.relays);
    far.accept();
    return this.#both.connect(
      near.remote,
      (stream) => connected(Object.assign(stream, { remote: to })),
      failed,
    );
  }

  accept(accepted: (stream: ByteStream) => void): void {
    this.#both.accept(accepted);
  }

  stopListening(): Promise<void> {
    this.world.move(this, null);
    return Promise.resolve();
  }

  allClosed(): Promise<void> {
    return this.#both.allClosed();
  }
}

const NO_NETWORK: StreamNetwork = {
  local: { host: "", port: 0 },
  connect() {
    throw new P2pchatError("internal", "nothing is dialled but relayed streams");
  },
  accept() {},
  stopListening: () => Promise.resolve(),
  allClosed: () => Promise.resolve(),
};

linkContract("Relayed", () => {
  const world = new RelayedHosts();
  return {
    open: (options) => world.open(options),
    nowhere: { host: "relayed", port: 99_999 },
    freePort: () => world.freePort(),
    settle: () => {
      world.clock.advance(0);
      return Promise.resolve();
    },
    until(done, what) {
      for (let ms = 0; !done(); ms++) {
        assert(ms < 20_000, `within 20 s: ${what}`);
        world.clock.advance(1);
      }
      return Promise.resolve();
    },
    async shutdown(programs) {
      const done = Promise.all(programs.map((program) => program.links.shutdown("quit")));
      world.clock.advance(3_000);
      await done;
    },
  };
});

/** A stream between two ends that are dialled and accepted, and what each reports. */
function joined(limits = LIMITS) {
  const exchange = new Exchange();
  const { clock } = exchange;
  const [near, far] = [new RelayNetwork(clock), new RelayNetwork(clock)];
  const ends = exchange.join(near, far, limits);
  const told: string[] = [];
  const streams: { near: ByteStream; far: ByteStream }[] = [];
  const handle = (name: string, stream: ByteStream) => {
    stream.handle({
      received: (bytes) => told.push(`${name} received ${bytes.length}`),
      written: () => told.push(`${name} written`),
      ended: (reason) => told.push(`${name} ended: ${reason}`),
    });
    return stream;
  };
  far.over(NO_NETWORK).accept((stream) => streams.push({ near: dialled!, far: stream }));
  let dialled: ByteStream | null = null;
  near.over(NO_NETWORK).connect(ends.near.remote, (stream) => dialled = stream, unexpected);
  ends.far.accept();
  clock.advance(0);
  const [stream] = streams;
  assert(stream !== undefined, "both ends have a stream");
  handle("near", stream.near);
  handle("far", stream.far);
  clock.advance(0);
  return { clock, ends, told, pieces: exchange.pieces, ...stream };
}

function unexpected(reason: string): void {
  throw new Error(reason);
}

Deno.test("RelayNetwork: only the very end of a stream is dialled, not an address that reads like it", () => {
  const clock = new VirtualClock();
  const relays = new RelayNetwork(clock);
  const { remote } = relays.open(LIMITS, { send() {}, taken() {} });
  const asked: Endpoint[] = [];
  const network = relays.over({
    ...NO_NETWORK,
    connect(to) {
      asked.push(to);
      return { missing: "", cancel() {} };
    },
  });
  const dialled: string[] = [];

  network.connect({ ...remote }, () => dialled.push("the copy"), unexpected);
  network.connect(remote, () => dialled.push("the end"), unexpected);
  clock.advance(0);

  assertEquals([asked, dialled], [[{ ...remote }], ["the end"]]);
});

Deno.test("RelayNetwork: a stream that is closed before it is dialled fails, one that isn't accepted yet doesn't come", () => {
  const clock = new VirtualClock();
  const relays = new RelayNetwork(clock);
  const [dialled, awaited] = [1, 2].map(() => relays.open(LIMITS, { send() {}, taken() {} }));
  const told: string[] = [];
  const network = relays.over(NO_NETWORK);
  network.accept(() => told.push("accepted"));

  network.connect(dialled!.remote, () => told.push("connected"), (reason) => told.push(reason));
  awaited!.accept();
  dialled!.close();
  awaited!.close();
  clock.advance(0);

  assertEquals(told, ["nothing is relayed any more"]);
});

Deno.test("RelayStream: what isn't read gives no room, and what is written waits for it", () => {
  const { clock, near, far, told, pieces } = joined();
  far.setReading(false);

  near.write(new Uint8Array(10_000));
  clock.advance(1_000);
  assertEquals([pieces, told], [Array(4).fill(1_024), []]);

  far.setReading(true);
  clock.advance(1_000);

  assertEquals(pieces.reduce((sum, bytes) => sum + bytes, 0), 10_000);
  assertEquals(told.filter((text) => text.startsWith("near")), ["near written"]);
});

Deno.test("RelayStream: small pieces are held back, and go out together", () => {
  const { clock, near, pieces } = joined({ ...LIMITS, piecesPerS: 10 });
  const stop = clock.nowMs() + 2_000;
  // As links write: what has come meanwhile, whenever they may.
  let waiting = 0;
  let writing = false;
  const write = () => {
    if (writing || waiting === 0) return;
    writing = true;
    near.write(new Uint8Array(waiting));
    waiting = 0;
  };
  near.handle({
    received() {},
    ended() {},
    written() {
      writing = false;
      write();
    },
  });
  while (clock.nowMs() < stop) {
    waiting += 1;
    write();
    clock.advance(1);
  }

  assert(pieces.length <= 10 + 20 + 1, `${pieces.length} pieces in 2 s`);
  assertEquals(pieces.reduce((sum, bytes) => sum + bytes, 0) > 1_800, true);
});

Deno.test("RelayStream: whenSent() waits until the last write is out, or given up", () => {
  for (const end of ["finish", "abort", "close"] as const) {
    const { clock, near, far, ends, told } = joined();
    far.setReading(false);
    const sent: string[] = [];
    near.write(new Uint8Array(5_000));
    ends.near.whenSent(() => sent.push("sent"));
    clock.advance(1_000);
    assertEquals([sent, told], [[], []]);

    if (end === "finish") {
      far.setReading(true);
      clock.advance(1_000);
      near.finish();
    } else if (end === "abort") near.abort();
    else ends.near.close();
    assertEquals(sent, [], "nothing is called back from within a call");
    clock.advance(0);
    assertEquals(sent, ["sent"]);
    ends.near.whenSent(() => sent.push("at once"));

    assertEquals(sent, ["sent", "at once"]);
    const ended = told.filter((text) => text.startsWith("near ended"));
    assertEquals(ended.length, end === "abort" ? 0 : 1, end);
  }
});

Deno.test("RelayNetwork: what came before the end is read, though both come at once", () => {
  const clock = new VirtualClock();
  const relays = new RelayNetwork(clock);
  const heard: string[] = [];
  relays.over({
    local: { host: "", port: 0 },
    connect: () => ({ missing: "", cancel() {} }),
    accept() {},
    stopListening: () => Promise.resolve(),
    allClosed: () => Promise.resolve(),
  }).accept((stream) =>
    stream.handle({
      received: (bytes) => heard.push(new TextDecoder().decode(bytes)),
      written() {},
      ended: () => heard.push("ended"),
    })
  );
  const relay = relays.open(LIMITS, { send() {}, taken() {} });
  relay.accept();
  clock.advance(1);
  relay.came(new TextEncoder().encode("goodbye"));
  relay.close();
  clock.advance(1);
  assertEquals(heard, ["goodbye", "ended"]);
});
