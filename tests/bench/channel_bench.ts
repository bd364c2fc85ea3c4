// deno-lint-ignore-file no-console -- a program of its own, and a part of `make bench`
/**
 * The secure channel beside its baselines, in turn in one run: handshakes beside the same on `@noble`, sealed
 * links between two processes beside raw sockets. `--json` prints the same for machines.
 */

import process from "node:process";
import { nodeCrypto, nodeSigner } from "../../lib/base/crypto/crypto.ts";
import { SILENT_LOGGER } from "../../lib/base/machine/environment.ts";
import type { LinkId } from "../../lib/base/ids.ts";
import { HandshakeState } from "../../lib/protocols/noise/handshake_state.ts";
import { EMPTY, keyPairFromSeed } from "../../lib/protocols/noise/primitives.ts";
import { EXPECT_ANYBODY, type LinkHandler, type Links } from "../../lib/transport/link.ts";
import { openTcpLinks } from "../../lib/transport/tcp/tcp_links.ts";
import { loadNoble, NobleHandshake, nobleKeyPair } from "./noble_noise.ts";

/** One row: medians of the rounds and their ranges, each side in `unit`. */
export interface ChannelFigure {
  readonly row: string;
  readonly unit: string;
  readonly ours: readonly number[];
  readonly baseline: readonly number[];
  /** Ours to the baseline. */
  readonly ratio: number;
}

const ROUNDS = 5;
const FRAME_BYTES = 200;
const FRAMES = 100_000;
const ROUND_TRIPS = 2_000;

const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

async function inTurn(
  row: string,
  unit: string,
  ours: () => Promise<number> | number,
  baseline: () => Promise<number> | number,
): Promise<ChannelFigure> {
  await ours();
  await baseline(); // both warm
  const [mine, theirs]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    mine.push(await ours());
    theirs.push(await baseline());
  }
  return {
    row,
    unit,
    ours: mine,
    baseline: theirs,
    ratio: median(mine) / median(theirs),
  };
}

/** Noise XX, both sides in one process, new ephemeral keys each time: handshakes/s. `null` without `@noble`. */
export async function measureHandshakes(): Promise<ChannelFigure | null> {
  const noble = await loadNoble();
  if (noble === null) return null;
  const [ann, bob] = [keyPairFromSeed(random(32)), keyPairFromSeed(random(32))];
  const [annNoble, bobNoble] = [nobleKeyPair(noble), nobleKeyPair(noble)];
  const perSecond = (count: number, handshake: () => void) => {
    const fromMs = performance.now();
    for (let at = 0; at < count; at++) handshake();
    return count / (performance.now() - fromMs) * 1_000;
  };
  return inTurn(
    "Noise XX handshakes, both sides",
    "1/s",
    () =>
      perSecond(300, () => {
        const side = (initiator: boolean) =>
          new HandshakeState({
            pattern: "XX",
            initiator,
            prologue: EMPTY,
            ephemeral: keyPairFromSeed(random(32)),
            static: initiator ? ann : bob,
          });
        const [dialler, listener] = [side(true), side(false)];
        listener.readMessage(dialler.writeMessage(EMPTY));
        dialler.readMessage(listener.writeMessage(EMPTY));
        listener.readMessage(dialler.writeMessage(EMPTY));
        dialler.split();
        listener.split();
      }),
    () =>
      perSecond(60, () => {
        const dialler = new NobleHandshake(noble, true, annNoble);
        const listener = new NobleHandshake(noble, false, bobNoble);
        listener.read(dialler.write(EMPTY));
        dialler.read(listener.write(EMPTY));
        listener.read(dialler.write(EMPTY));
        dialler.split();
        listener.split();
      }),
  );
}

/** Frames of 200 bytes one way to another process, until it says that it has all: frames/s. */
export async function measureOneWay(): Promise<ChannelFigure> {
  await using peer = await startPeer();
  const link = await dialPeer(peer.linkPort);
  const raw = await Deno.connect({ hostname: "127.0.0.1", port: peer.rawPort });
  raw.setNoDelay(true);
  const figure = await inTurn(
    "sealed 200-byte frames one way, two processes",
    "1/s",
    () => link.flood(),
    () => floodRaw(raw),
  );
  raw.close();
  await link.links.shutdown("done");
  return figure;
}

/** A frame of 200 bytes to another process and back: median in ms. */
export async function measureRoundTrip(): Promise<ChannelFigure> {
  await using peer = await startPeer();
  const link = await dialPeer(peer.linkPort);
  const raw = await Deno.connect({
    hostname: "127.0.0.1",
    port: peer.echoPort,
  });
  raw.setNoDelay(true);
  const figure = await inTurn(
    "sealed round trip p50",
    "ms",
    () => medianTrip(() => link.trip()),
    () => medianTrip(() => tripRaw(raw)),
  );
  raw.close();
  await link.links.shutdown("done");
  return figure;
}

async function medianTrip(trip: () => Promise<void>): Promise<number> {
  const times: number[] = [];
  for (let at = 0; at < ROUND_TRIPS; at++) {
    const fromMs = performance.now();
    await trip();
    times.push(performance.now() - fromMs);
  }
  return median(times);
}

// Raw sockets: what a program without encryption, and without waiting for single frames, would do.

const TEN_FRAMES = new Uint8Array(10 * (FRAME_BYTES + 4));

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

async function floodRaw(conn: Deno.TcpConn): Promise<number> {
  const fromMs = performance.now();
  for (let at = 0; at < FRAMES; at += 10) await writeAll(conn, TEN_FRAMES);
  await conn.read(new Uint8Array(1));
  return FRAMES / (performance.now() - fromMs) * 1_000;
}

const buffer = new Uint8Array(FRAME_BYTES);

async function tripRaw(conn: Deno.TcpConn): Promise<void> {
  await writeAll(conn, buffer);
  for (let got = 0; got < FRAME_BYTES;) {
    got += (await conn.read(buffer)) ?? FRAME_BYTES;
  }
}

// Our links.

const NO_EVENTS: LinkHandler = {
  linkUp() {},
  dialFailed: (_, { text }) => console.error(text),
  frame() {},
  linkDown() {},
  congested() {},
  drained() {},
  aged() {},
};

function open(handler: Partial<LinkHandler>): Links {
  return openTcpLinks({
    host: "127.0.0.1",
    port: 0,
    identity: {
      signer: nodeSigner(random(32)),
      static: keyPairFromSeed(random(32)),
    },
    env: { crypto: nodeCrypto, log: SILENT_LOGGER, randomBytes: random },
    access: { mode: "mesh", room: null, secrets: null, admit: () => null },
    handler: { ...NO_EVENTS, ...handler },
  });
}

async function dialPeer(port: number) {
  const up = Promise.withResolvers<LinkId>();
  let answered = () => {};
  let drained = () => {};
  let congested = false;
  const links = open({
    linkUp: (link) => up.resolve(link),
    frame: () => answered(),
    congested: () => void (congested = true),
    drained: () => {
      congested = false;
      drained();
    },
  });
  links.dial(1, { host: "127.0.0.1", port }, EXPECT_ANYBODY);
  const link = await up.promise;
  const frame = new Uint8Array(FRAME_BYTES);
  const trip = new Uint8Array(FRAME_BYTES).fill(1);
  const answer = () => new Promise<void>((resolve) => answered = resolve);
  return {
    links,
    async flood(): Promise<number> {
      const fromMs = performance.now();
      const all = answer();
      for (let at = 0; at < FRAMES; at++) {
        if (congested) await new Promise<void>((resolve) => drained = resolve);
        links.send(link, frame, "data");
      }
      await all;
      return FRAMES / (performance.now() - fromMs) * 1_000;
    },
    async trip(): Promise<void> {
      const back = answer();
      links.send(link, trip, "control");
      await back;
    },
  };
}

// The other process: counts data frames, echoes control frames, and the same on raw sockets.

async function startPeer() {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.filename!, "--peer"],
    stdin: "piped",
    stdout: "piped",
  });
  const child = command.spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const [linkPort, rawPort, echoPort] = new TextDecoder().decode(value).trim()
    .split(" ").map(Number);
  return {
    linkPort: linkPort!,
    rawPort: rawPort!,
    echoPort: echoPort!,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await reader.cancel();
      await child.status;
    },
  };
}

async function runPeer(): Promise<void> {
  let count = 0;
  const links = open({
    frame(link, body) {
      // Round trips are marked by their first byte; a flood is acknowledged at its end.
      if (body[0] === 1 || ++count % FRAMES === 0) {
        links.send(link, body, "control");
      }
    },
  });
  const raw = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const echo = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void serveRaw(raw);
  void serveEcho(echo);
  console.log(links.local.port, raw.addr.port, echo.addr.port);
  for await (const _ of Deno.stdin.readable);
  Deno.exit(0);
}

async function serveRaw(listener: Deno.TcpListener): Promise<void> {
  const total = FRAMES / 10 * TEN_FRAMES.length;
  for await (const conn of listener) {
    const into = new Uint8Array(64 * 1_024);
    let bytes = 0;
    for (
      let got = await conn.read(into);
      got !== null;
      got = await conn.read(into)
    ) {
      bytes += got;
      if (bytes % total === 0) await conn.write(Uint8Array.of(1));
    }
    conn.close();
  }
}

async function serveEcho(listener: Deno.TcpListener): Promise<void> {
  for await (const conn of listener) {
    conn.setNoDelay(true);
    const into = new Uint8Array(FRAME_BYTES);
    for (
      let got = await conn.read(into);
      got !== null;
      got = await conn.read(into)
    ) {
      await writeAll(conn, into.subarray(0, got));
    }
    conn.close();
  }
}

if (import.meta.main) {
  if (process.argv.includes("--peer")) await runPeer();
  else {
    const handshakes = await measureHandshakes();
    if (handshakes === null) console.error("@noble: missing, install with `make bench-deps`");
    const links = [await measureOneWay(), await measureRoundTrip()];
    const figures = handshakes === null ? links : [handshakes, ...links];
    if (process.argv.includes("--json")) console.log(JSON.stringify(figures));
    else {
      for (const { row, unit, ours, baseline, ratio } of figures) {
        const range = (values: readonly number[]) =>
          `${median(values).toPrecision(3)} ${unit} (${Math.min(...values).toPrecision(3)} to ${
            Math.max(...values).toPrecision(3)
          })`;
        console.log(
          `${row}: ${range(ours)}, baseline ${range(baseline)}: ${ratio.toFixed(2)} x`,
        );
      }
    }
  }
}
